"""
An API over HTTP on a free loopback port, played in a thread: what all stand-ins for one share.

What is answered to a request is in the file of each.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Response:
    """A status and what is sent as JSON; nothing if *body* is None."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpStandIn:
    """An HTTP server; subclasses answer."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """It answers from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def respond(self, request: Request) -> Response | bytes | None:
        """What is sent back: a response, octets that are not HTTP, or nothing."""
        raise NotImplementedError


def _handler(stand_in: HttpStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two packets, and the second would wait 40 ms

        def respond(self) -> None:
            url = urlsplit(self.path)
            octets = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = (self.headers.get("Content-Type") or "").startswith("application/x-www-form")
            request = Request(
                self.command,
                url.path,
                _first(url.query),
                dict(self.headers),
                _first(octets.decode()) if form else json.loads(octets or b"null"),
            )
            answer = stand_in.respond(request)
            if answer is None:
                self.close_connection = True
                return
            if isinstance(answer, bytes):
                status, headers, octets = 200, {}, answer
            else:
                status, headers = answer.status, dict(answer.headers)
                octets = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = respond  # noqa: N815 # the standard library's names

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    return Handler


def _first(text: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
