"""
The SES v2 API over HTTP on a free loopback port, for any AWS SDK: `AWS_ENDPOINT_URL_SESV2` points
here.

The form of requests and answers on the wire, and how an answer gets lost; what SES does is in
`model`. Requests are as AWS's SDKs send them: signed, and of the types that the service model has.
"""

import functools
import json
import re
import uuid
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.http_stand_in import SIGN_IN, HttpStandIn, Request, Response
from sandbox.ses.model import OPERATIONS, Call, NoAnswerError, SesModel
from sandbox.ses.rules import SesError, service_model
from sandbox.ses.switches import Fault, Switches

__all__ = ["Call", "Fault", "SesEmulator", "Switches"]

CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/ses/aws4_request")
"""In a signature (Version 4), which is not verified."""

HOLD_SECONDS: Final = 60
"""After how long a connection without an answer is closed, if nobody releases it before."""


class SesEmulator(SesModel, HttpStandIn):
    """SES on a loopback port. What it has of identities stays when it stops."""

    protocol = "HTTP/1.0"

    def respond(self, request: Request) -> Response | None:
        [(access_key, region)] = CREDENTIAL.findall(request.headers["Authorization"])
        operation, parameters = _action_and_parameters(request)
        try:
            answer = self.call(operation, region, parameters, access_key=access_key)
        except SesError as error:
            kind = {"x-amzn-ErrorType": error.code}
            return _response(error.status_code, {"message": error.message}, **kind)
        except NoAnswerError as lost:
            if lost.fault.kind == "garbage":
                return _response(200, SIGN_IN.body, **SIGN_IN.headers)
            if lost.fault.kind == "timeout":
                self.hang(HOLD_SECONDS)
            return None
        return _response(200, answer)


def _response(status: int, body: object, **headers: str) -> Response:
    common = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, body, {**common, **headers})


def _action_and_parameters(request: Request) -> tuple[str, dict[str, Any]]:
    for method, path, operation in _routes():
        match = path.fullmatch(request.path)
        if match and method == request.method:
            parameters = json.loads(request.octets or b"{}")
            parameters |= _of_query(operation, urlsplit(request.target).query)
            for name, value in match.groupdict().items():
                parameters[name] = unquote(value)
            return operation, parameters
    return f"{request.method} {request.path}", {}


def _of_query(operation: str, query: str) -> dict[str, Any]:
    """Parameters of the actions that have some in the query: UntagResource, for instance."""
    shape: Any = service_model().operation_model(operation).input_shape
    parameters: dict[str, Any] = {}
    for name, values in parse_qs(query).items():
        is_list = shape.members[name].type_name == "list"
        parameters[name] = values if is_list else values[0]
    return parameters


@functools.cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path and name of every action that is known here."""
    routes = []
    for name in sorted(OPERATIONS):
        http = service_model().operation_model(name).http
        path = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", http["requestUri"])
        routes.append((http["method"], re.compile(path), name))
    return tuple(routes)
