"""
urllib3's connections, each of whose responses is read within one time limit.

urllib3 has a limit for the time between two octets only, and passes it to the socket just before
the response: here it is the limit of the whole response. Its import takes long.
"""

from __future__ import annotations

import http.client
import io
import socket
from typing import Any, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from byodkim_provider.hosts.reading import LimitedReader


class _Response(http.client.HTTPResponse):
    """A response, or the one of a proxy to `CONNECT`."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        seconds = sock.gettimeout() or 0
        self.fp = io.BufferedReader(LimitedReader(sock, seconds, parent=self.fp))


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOLS: Final = {"http": _Pool, "https": _TlsPool}
"""The pools of a `PoolManager`, by the scheme of a URL."""
