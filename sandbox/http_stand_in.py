"""An API over HTTP on a free loopback port, played in threads: what all stand-ins for one share."""

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final, Self
from urllib.parse import parse_qs, urlsplit

from sandbox.clock import SandboxClock


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Message
    octets: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return _first(urlsplit(self.target).query)

    @property
    def body(self) -> Any:
        """A form as a dict, or what the JSON says."""
        if self.headers.get("Content-Type", "").startswith("application/x-www-form"):
            return _first(self.octets.decode())
        return json.loads(self.octets or b"null")


@dataclass(frozen=True)
class Response:
    """
    A status and what is sent: octets as they are, anything else as JSON, nothing if *body* is None.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


SIGN_IN: Final = Response(
    200, b"<html>Please sign in to this network</html>", {"Content-Type": "text/html"}
)


class HttpStandIn:
    """An HTTP server, a context manager; subclasses answer."""

    protocol: ClassVar = "HTTP/1.1"
    """HTTP/1.0 is one connection a request."""

    clock: SandboxClock
    _server: "_Server | None" = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, while it runs."""
        if not self._server:
            raise RuntimeError(f"{type(self).__name__} is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        once = self.protocol == "HTTP/1.0"
        self._released = threading.Event()
        # `stop` waits for connections of one request, also for whoever sends none.
        given = {
            "stand_in": self,
            "protocol_version": self.protocol,
            "timeout": 10 if once else None,
        }
        self._server = _Server(("127.0.0.1", 0), type("_Handler", (_Handler,), given))
        self._server.daemon_threads = not once
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """It answers no more. With HTTP/1.0 no thread and no socket is left."""
        if self._server:
            self._released.set()
            self._server.end()
            self._thread.join()
        self._server = None

    def hang(self, seconds: float | None = None) -> None:
        """Let a request wait until `release` or `stop`, or for so many *seconds*."""
        self._released.wait(seconds)

    def release(self) -> None:
        """End what hangs now."""
        self._released.set()
        self._released.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def respond(self, request: Request) -> Response | None:
        """What is sent back; None closes the connection."""
        raise NotImplementedError


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    _ends = False

    def serve(self) -> None:
        while not self._ends:  # until one more connection; `serve_forever` would poll for its end
            self.handle_request()
        self.server_close()

    def end(self) -> None:
        self._ends = True
        with suppress(ConnectionError):  # it was busy, saw that it ends, and is gone, or just going
            socket.create_connection(("127.0.0.1", self.server_address[1])).close()


class _Handler(BaseHTTPRequestHandler):
    stand_in: HttpStandIn
    disable_nagle_algorithm = True  # head and body are two packets, and the second would wait 40 ms

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        octets = self.rfile.read(int(length)) if length.isdecimal() else b""
        # When the request has been read. What happens with it is never before this time.
        date = format_datetime(self.stand_in.clock.now(), usegmt=True)
        response = self.stand_in.respond(Request(self.command, self.path, self.headers, octets))
        if response is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = response.body
        if not isinstance(body, bytes):
            body = b"" if body is None else json.dumps(body, default=datetime.timestamp).encode()
        self.send_response_only(response.status)
        for name, value in {
            "Date": date,
            **response.headers,
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    # The standard library's names.
    do_POST = do_PATCH = do_PUT = do_DELETE = do_CONNECT = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


def _first(text: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
