"""
Answers that never end: the request ends in its time, and with it all that was done for it.

If this fails, whoever plays a DNS host keeps threads of `pulumi up` busy until the process ends.
"""

import socket
import threading
from contextlib import contextmanager, suppress
from time import monotonic

import pytest

from byodkim_provider.errors import DnsUnconfirmed
from byodkim_provider.progress import stopping
from tests.hosts.backends import VALUE, hasty, published
from tests.hosts.name_servers import ZONE, Server
from tests.support.cases import cases
from tests.support.http_api import Api

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

ENDLESS = {
    "chunks": (CHUNKED, b"1\r\n \r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b" "),
    "nothing": (b"", b""),
}
"""What a host begins with, and what it sends again and again."""


@contextmanager
def host_that_sends(beginning, again):
    """Its port; at the end it has seen that its one connection was closed."""

    def serve():
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(beginning)
            while again and not is_over.wait(0.005):
                connection.sendall(again)
            connection.recv(65536)

    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
            thread.join(5)
            assert not thread.is_alive()
        finally:
            is_over.set()


@cases(("beginning", "again"), ENDLESS)
def test_endless_answer(beginning, again):
    """However slowly an answer goes on, its time is over, and no thread of ours is left."""
    with host_that_sends(beginning, again) as port:
        threads, began = threading.active_count(), monotonic()
        api = Api(f"http://127.0.0.1:{port}")
        api.timeout_seconds = 0.3
        with pytest.raises(DnsUnconfirmed, match="no answer"):
            api._call("GET", "/")
        assert monotonic() - began < 3
        assert threading.active_count() <= threads


@pytest.mark.parametrize("beginning", [b"\xff\xff", b""], ids=["long", "nothing"])
def test_endless_update(beginning):
    """A name server that sends octet by octet is given up too."""
    with host_that_sends(beginning, b"\0" if beginning else b"") as port:
        began = monotonic()
        with pytest.raises(DnsUnconfirmed, match=r"no answer from .* Timeout"):
            Server(port).host(timeout_seconds=0.3).values(f"s1._domainkey.{ZONE}")
        assert monotonic() - began < 3


def test_interrupted():
    """After Ctrl-C nobody waits for the rest of an answer, whatever its time would be."""
    with host_that_sends(*ENDLESS["a body"]) as port:
        api = Api(f"http://127.0.0.1:{port}")
        api.timeout_seconds = 60
        threading.Timer(0.1, stopping.set).start()
        began = monotonic()
        with pytest.raises(DnsUnconfirmed):
            api._call("GET", "/")
        assert monotonic() - began < 5


def test_nobody_listens():
    """Where no connection is made, nothing was changed, and the hint says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    api = Api(f"http://127.0.0.1:{port}")
    api._records = lambda name: api._call("GET", "/")
    with pytest.raises(DnsUnconfirmed) as given_up:
        published(api, f"s1._domainkey.{ZONE}", VALUE, **hasty())
    assert given_up.value.hint.startswith("nothing was changed in DNS; the same command checks")
