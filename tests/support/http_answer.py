"""
Answers over HTTP that a test gives, as a server on loopback or where botocore would send a request.
"""

from io import BytesIO
from typing import Any

from sandbox.clock import SandboxClock
from sandbox.http_stand_in import HttpStandIn, Request, Response


class Answering(HttpStandIn):
    """A server that gives everybody the same *response*."""

    protocol = "HTTP/1.0"

    def __init__(self, response: Response) -> None:
        self.clock = SandboxClock()
        self.response = response
        self.asked: list[str] = []
        """Paths of all requests."""

    def respond(self, request: Request) -> Response:
        self.asked.append(request.path)
        return self.response


class Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()
