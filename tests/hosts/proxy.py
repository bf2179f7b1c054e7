"""A TCP proxy before a name server that loses what it is told to lose. Any thread may use it."""

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

Trouble = Literal["lost before", "lost after", "hang", "garbage"]

UPDATE: Final = 5
"""Opcode of a dynamic update (RFC 2136 section 1.3)."""


def _is_change(wire: bytes) -> bool:
    """Whether a message would change something: an update whose update section has records."""
    return wire[2] >> 3 & 0x0F == UPDATE and wire[8:10] != bytes(2)


class Proxy:
    """
    Passes everything on to *target*, but for the *troubles*: one for each of the next changes.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.troubles: list[Trouble] = []
        self.read_troubles: list[Trouble] = []
        """The same for whatever changes nothing."""
        self.updates = 0
        """How many were passed on."""
        self.released = threading.Event()
        """Ends what hangs."""
        self._lock = threading.Lock()

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            head = stream.read(2)
            wire = stream.read(struct.unpack("!H", head)[0])
            trouble = self._trouble(wire)
            if trouble == "hang":
                self.released.wait()
            if trouble in ("hang", "lost before"):
                return
            answer = self._passed_on(head + wire)
            if trouble == "garbage":
                answer = answer[:2] + bytes(len(answer) - 2)
            if trouble != "lost after":
                connection.sendall(answer)

    def _trouble(self, wire: bytes) -> Trouble | None:
        change = _is_change(wire)
        troubles = self.troubles if change else self.read_troubles
        with self._lock:
            trouble = troubles.pop(0) if troubles else None
            self.updates += change and trouble not in ("hang", "lost before")
        return trouble

    def _passed_on(self, octets: bytes) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", self.target)) as onward,
            onward.makefile("rb") as stream,
        ):
            onward.sendall(octets)
            head = stream.read(2)
            return head + stream.read(struct.unpack("!H", head)[0])


@contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    proxy = Proxy(target)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            proxy.serve(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 32

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.released.set()
            server.shutdown()
