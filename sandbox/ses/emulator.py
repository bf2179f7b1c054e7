"""
The SES v2 API over HTTP on a free loopback port, for any AWS SDK: `AWS_ENDPOINT_URL_SESV2` points
here.

The form of requests and answers on the wire, and how an answer gets lost; what SES does is in
`model`. A request that real SES can't read is a `SesError`, never an exception of the handler. No
SDK sends one.
"""

import functools
import json
import re
import uuid
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session

from sandbox.http_stand_in import SIGN_IN, HttpStandIn, Request, Response
from sandbox.ses.model import OPERATIONS, Call, NoAnswerError, SesModel
from sandbox.ses.rules import SesError, nodes, service_model
from sandbox.ses.switches import Fault, Switches

__all__ = ["Call", "Fault", "SesEmulator", "Switches"]

CREDENTIAL: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/ses/aws4_request,.*"
)
"""Signature Version 4: who calls, and which Region. The signature itself is not verified."""

JSON: Final = {
    dict: "structure map",
    list: "list",
    str: "string blob",
    int: "integer",
    bool: "boolean",
}
TYPES: Final = {name: kind for kind, names in JSON.items() for name in names.split()}
"""Of a JSON value, by the service model's types."""

UNREADABLE: Final = SesError("SerializationException", None)


class SesEmulator(SesModel, HttpStandIn):
    """SES on a loopback port. What it has of identities stays when it stops."""

    protocol = "HTTP/1.0"

    def respond(self, request: Request) -> Response | None:
        try:
            return _response(200, self._result(request))
        except SesError as error:
            kind = {"x-amzn-ErrorType": error.code}
            return _response(error.status_code, {"message": error.message}, **kind)
        except NoAnswerError as lost:
            if lost.fault.kind == "timeout":
                self.hang(lost.fault.hold_seconds)
            return (
                _response(200, SIGN_IN.body, **SIGN_IN.headers)
                if lost.fault.kind == "garbage"
                else None
            )

    def _result(self, request: Request) -> dict[str, Any]:
        credential = CREDENTIAL.fullmatch(request.headers.get("Authorization", ""))
        if not credential:
            raise SesError("MissingAuthenticationTokenException", "Missing Authentication Token")
        access_key, region = credential.groups()
        if region not in _regions():
            text = "Credential should be scoped to a valid region."  # assumed
            raise SesError("InvalidSignatureException", text)
        operation, parameters = _action_and_parameters(request)
        return self.call(operation, region, parameters, access_key=access_key)


def _response(status: int, body: object, **headers: str) -> Response:
    common = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, body, {**common, **headers})


@functools.cache
def _regions() -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_available_regions("sesv2"))


def _action_and_parameters(request: Request) -> tuple[str, dict[str, Any]]:
    method, path, body = request.method, request.path, request.octets
    matches = ((name, known.fullmatch(path)) for verb, known, name in _routes() if verb == method)
    operation, match = next(((name, match) for name, match in matches if match), ("", None))
    if not match:
        return f"{method} {path}", {}
    shape = service_model().operation_model(operation).input_shape
    try:
        sent = {} if body in (b"", b"null") else json.loads(body, object_hook=_without_null)
        for name, values in parse_qs(urlsplit(request.target).query).items():
            kind = shape.members[name].type_name if shape and name in shape.members else ""
            sent[name] = (
                values if kind == "list" else int(values[0]) if kind == "integer" else values[0]
            )
        sent |= {name: unquote(value) for name, value in match.groupdict().items()}
    except (TypeError, ValueError):
        raise UNREADABLE from None
    if any(not isinstance(value, TYPES[one.type_name]) for one, value, _ in nodes(shape, sent)):
        raise UNREADABLE  # types, before anything else is judged
    return operation, sent


@functools.cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path and name of every action that is known here."""
    bindings = [(name, service_model().operation_model(name).http) for name in sorted(OPERATIONS)]
    # What older SDKs send; the service model has its successor only.
    bindings.append(
        ("ListEmailIdentities", {"method": "GET", "requestUri": "/v2/email/identities"})
    )
    return tuple(
        (http["method"], re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", http["requestUri"])), name)
        for name, http in bindings
    )


def _without_null(members: dict[str, Any]) -> dict[str, Any]:
    """Null is as if it were not there."""
    return {name: value for name, value in members.items() if value is not None}
