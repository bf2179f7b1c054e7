"""
The SES v2 API over HTTP on a free loopback port, for any AWS SDK: `AWS_ENDPOINT_URL_SESV2` points here.

The form of an answer on the wire, and how an answer gets lost. What a request asks is in `request`, what SES
does in `model` and below.
"""

from __future__ import annotations

import functools
import re
import uuid
from typing import Any, Final

import botocore.session

from sandbox.http_stand_in import HttpStandIn, Request, Response
from sandbox.ses.model import Call, NoAnswerError, SesModel
from sandbox.ses.request import action_and_parameters
from sandbox.ses.rules import SesError
from sandbox.ses.switches import Fault, Switches

__all__ = ["Call", "Fault", "SesEmulator", "Switches"]

CREDENTIAL: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/ses/aws4_request,.*")
"""Signature Version 4: who calls, and which Region. The signature itself is not verified."""

GARBAGE: Final = b"<html><body>Please sign in to this network</body></html>"


class SesEmulator(SesModel, HttpStandIn):
    """SES on a loopback port. What it has of identities stays when it stops."""

    protocol = "HTTP/1.0"

    def respond(self, request: Request) -> Response | None:
        try:
            return _response(200, self._result(request))
        except SesError as error:
            return _response(
                error.status_code, {"message": error.message}, **{"x-amzn-ErrorType": error.code}
            )
        except NoAnswerError as lost:
            if lost.fault.kind == "timeout":
                self.hang(lost.fault.hold_seconds)
            is_garbage = lost.fault.kind == "garbage"
            return _response(200, GARBAGE, **{"Content-Type": "text/html"}) if is_garbage else None

    def _result(self, request: Request) -> dict[str, Any]:
        credential = CREDENTIAL.fullmatch(request.headers.get("Authorization", ""))
        if not credential:
            raise SesError("MissingAuthenticationTokenException", "Missing Authentication Token")
        access_key, region = credential.groups()
        if region not in _regions():
            text = "Credential should be scoped to a valid region."  # assumed
            raise SesError("InvalidSignatureException", text)
        operation, parameters = action_and_parameters(request.method, request.target, request.octets)
        return self.call(operation, region, parameters, access_key=access_key)


def _response(status: int, body: object, **headers: str) -> Response:
    common = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, body, {**common, **headers})


@functools.cache
def _regions() -> frozenset[str]:
    """Where SES is, as botocore knows."""
    return frozenset(botocore.session.get_session().get_available_regions("sesv2"))
