"""
The SES v2 API over HTTP on a free loopback port, for any AWS SDK: `AWS_ENDPOINT_URL_SESV2` points here.

Sockets and answers only: the form of an answer on the wire, and how an answer gets lost. What a request asks
is in `request`, what SES does in `model` and below. One connection a request and threads that `stop` waits
for, so that nothing is left behind.
"""

from __future__ import annotations

import functools
import json
import re
import socket
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Final

import botocore.session

from sandbox.clock import SandboxClock
from sandbox.ses.model import Call, NoAnswerError, SesModel
from sandbox.ses.request import action_and_parameters
from sandbox.ses.rules import SesError
from sandbox.ses.switches import Fault, FaultKind, Switches

__all__ = ["Call", "Fault", "FaultKind", "SandboxClock", "SesEmulator", "Switches"]

CREDENTIAL: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/ses/aws4_request,.*")
"""Signature Version 4: who calls, and which Region. The signature itself is not verified."""

GARBAGE: Final = b"<html><body>Please sign in to this network</body></html>"


class SesEmulator(SesModel):
    """SES on a loopback port: a context manager, or `start` and `stop`."""

    _server: _Server | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, while it runs."""
        if not self._server:
            raise RuntimeError("the SES emulator is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """It answers from now on."""
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No thread and no socket is left; what it has of identities stays."""
        if self._server and self._thread:
            self._server.released.set()
            self._server.ends = True
            socket.create_connection(("127.0.0.1", self._server.server_address[1])).close()  # wakes it
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None

    def release(self) -> None:
        """Close the connections that `timeout` faults hold open now."""
        if self._server:
            self._server.released.set()
            self._server.released.clear()

    def __enter__(self) -> SesEmulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingTCPServer):
    request_queue_size = 128

    def __init__(self, emulator: SesEmulator) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.emulator = emulator
        self.released = threading.Event()
        self.ends = False

    def serve(self) -> None:
        """Answer until `ends` and one more connection; `serve_forever` would poll for its end."""
        while not self.ends:
            self.handle_request()


class _Handler(BaseHTTPRequestHandler):
    """One request. HTTP/1.0, the default here, closes the connection after it."""

    server: _Server
    timeout = 10  # seconds a client may take to send its request
    _received: datetime | None = None

    def do_GET(self) -> None:
        """All methods alike: the service model says which action it is."""
        credential = CREDENTIAL.fullmatch(self.headers.get("Authorization", ""))
        length = self.headers.get("Content-Length") or "0"
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        self._received = self.server.emulator.clock.now()
        try:
            if not credential:
                raise SesError("MissingAuthenticationTokenException", "Missing Authentication Token")
            access_key, region = credential.groups()
            if region not in _regions():
                text = "Credential should be scoped to a valid region."  # assumed
                raise SesError("InvalidSignatureException", text)
            operation, parameters = action_and_parameters(self.command, self.path, body)
            answer = self.server.emulator.call(operation, region, parameters, access_key=access_key)
        except SesError as error:
            self._send(error.status_code, {"message": error.message}, error_type=error.code)
        except NoAnswerError as lost:
            self._lose(lost.fault)
        else:
            self._send(200, answer)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _send(self, status_code: int, answer: Mapping[str, Any], *, error_type: str = "") -> None:
        body = json.dumps(answer, default=datetime.timestamp).encode()
        self._write(status_code, body, "application/json", error_type)

    def _write(self, status_code: int, body: bytes, content_type: str, error_type: str = "") -> None:
        self.send_response(status_code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if error_type:
            self.send_header("x-amzn-ErrorType", error_type)
        self.end_headers()
        self.wfile.write(body)

    def _lose(self, fault: Fault) -> None:
        if fault.kind == "garbage":
            self._write(200, GARBAGE, "text/html")
            return
        if fault.kind == "timeout":
            self.server.released.wait(fault.hold_seconds)
        self.connection.shutdown(socket.SHUT_RDWR)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """
        The `Date` header: SES's own time, which is the sandbox's, when it had read the request.

        A check that comes with the call itself (`first_check_seconds=0`) is never before this time.
        """
        return format_datetime(self._received or self.server.emulator.clock.now(), usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error: `SesModel.log` is the log."""


@functools.cache
def _regions() -> frozenset[str]:
    """Where SES is, as botocore knows."""
    return frozenset(botocore.session.get_session().get_available_regions("sesv2"))
