"""
Responses over HTTP that end: one time limit for headers and body together, one limit of size.

urllib3 limits the time of each read alone, and neither the number of reads nor what a compressed
body unpacks to.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from typing import Any, Final

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from byodkim_provider.hosts.interface import Unknown

MAX_OCTETS: Final = 4 * 1024 * 1024
"""Longest response that is read, in octets, unpacked: a list of 20,000 records."""

PIECE: Final = 64 * 1024
"""Octets that are read at a time."""


class _TimedReads(io.RawIOBase):
    """What a connection sends, until a time limit. A class because `http.client` reads from a file."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb", buffering=0)
        limit = connection.gettimeout()
        self._end = None if limit is None else time.monotonic() + limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            self._connection.settimeout(max(self._end - time.monotonic(), 0.001))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReads(sock))


class _HttpConnection(HTTPConnection):
    response_class = _TimedResponse


class _HttpsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


POOLS: Final = {"http": _HttpPool, "https": _HttpsPool}
"""Connection pools for a `PoolManager`, in which the time limit of a read is that of a response."""


def body_of(response: BaseHTTPResponse) -> bytes:
    """The body, unpacked, of a *response* that nobody has read yet; raises `Unknown` if it is too long."""
    data = b""
    try:
        while len(data) <= MAX_OCTETS and (piece := response.read(PIECE)):
            data += piece
        if response.headers.get("Content-Encoding") in ("gzip", "deflate"):
            data = zlib.decompressobj(wbits=47).decompress(data, MAX_OCTETS + 1)
    except zlib.error:
        raise Unknown("a response that can't be unpacked") from None
    finally:
        response.close()
    if len(data) > MAX_OCTETS:
        raise Unknown(f"a response of more than {MAX_OCTETS // 2**20} MiB")
    return data
