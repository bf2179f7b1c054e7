"""
Requests over HTTP, each within limits of time and size; errors become those of `interface`.

Uses urllib3 (a dependency of botocore), which by itself makes no retries and follows no redirects
with the token. Its errors contain URLs, so they are never passed on. It limits the time between two
octets only, so that a header that drips, or a `100 Continue` that is repeated for ever, would never
end; it passes that limit to the socket just before the response, and here it is the limit of the
whole response. Its import takes long.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import ssl
import urllib.request
import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from urllib3 import (
    BaseHTTPResponse,
    HTTPConnectionPool,
    HTTPSConnectionPool,
    PoolManager,
    ProxyManager,
    Retry,
    Timeout,
)
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    ProxyError,
    SSLError,
)

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import NotDone
from byodkim_provider.messages.hosts import HostMessages
from byodkim_provider.progress import TICK, Clock, stopping

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_SECONDS: Final = 5.0

MAX_OCTETS: Final = 4 * 1024 * 1024
"""Longest response that is read, in octets, unpacked: a list of 20,000 records."""

PIECE: Final = 64 * 1024
"""Octets that are read at a time."""


GRACE_SECONDS: Final = 1.0
"""How long a response may still take once the run is interrupted."""


class LimitedReader(io.RawIOBase):
    """
    The octets that come over a connection. A class because `io.BufferedReader` wants one.

    A read raises `TimeoutError` once the time is over.
    """

    def __init__(
        self, connection: socket.socket, seconds: float, parent: io.BufferedIOBase | None = None
    ) -> None:
        """*seconds* are for all reads together; *parent* is closed with the reader."""
        self._connection = connection
        self._parent = parent
        self._clock = Clock()
        self._end = self._clock.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while True:
            now = self._clock.monotonic()
            if stopping.is_set():
                self._end = min(self._end, now + GRACE_SECONDS)
            if now >= self._end:
                raise TimeoutError
            self._connection.settimeout(min(TICK, self._end - now))
            try:
                return self._connection.recv_into(buffer)
            except TimeoutError:
                continue

    def close(self) -> None:
        if self._parent:
            self._parent.close()
        super().close()


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


class Client:
    """A client of one server. A class because it keeps connections."""

    def __init__(self, base_url: str, seconds: float) -> None:
        """*seconds*: time limit of a whole response."""
        self._base_url = base_url
        self._seconds = seconds

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], content: Mapping[str, Any]
    ) -> tuple[int, float | None, bytes]:
        """
        Status, seconds to wait and body of the response to one request.

        *content* is urllib3's `fields`, or `json`.
        """
        try:
            response = self._pool.request(
                method,
                f"{self._base_url}{path}",
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                **content,
            )
            return response.status, _retry_after(response), _body(response)
        except SSLError as error:
            if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
                raise DnsRefused(HostMessages.NO_PROOF()) from None
            raise DnsUnconfirmed(HostMessages.TLS_FAILED()) from None
        except ValueError:  # its text may quote a header, or a proxy's password
            raise DnsRefused(HostMessages.ADDRESS()) from None
        except (HTTPError, OSError) as error:
            no_answer = HostMessages.NO_ANSWER(reason=type(error).__name__)
            cause = error.original_error if isinstance(error, ProxyError) else error
            if isinstance(cause, ConnectTimeoutError):  # or another error of connecting
                raise NotDone(no_answer) from None
            raise DnsUnconfirmed(no_answer) from None

    @cached_property
    def _pool(self) -> PoolManager:
        """A connection pool, through the environment's proxy if it names one, as in the AWS SDK."""
        for name in ("urllib3.connectionpool", "urllib3.connection"):
            logging.getLogger(name).addFilter(_without_query)
        timeout = Timeout(connect=min(CONNECT_SECONDS, self._seconds), read=self._seconds)
        server = urlsplit(self._base_url)
        proxy = urllib.request.getproxies().get(server.scheme)
        pool = PoolManager(timeout=timeout)
        if proxy and not urllib.request.proxy_bypass(server.hostname or ""):
            pool = ProxyManager(proxy, timeout=timeout)
        pool.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return pool


def _body(response: BaseHTTPResponse) -> bytes:
    """The body of *response*, unpacked within limits, which urllib3 does not have."""
    data = b""
    try:
        for piece in response.stream(PIECE, decode_content=False):
            data += piece
            if len(data) > MAX_OCTETS:
                break
        if response.headers.get("Content-Encoding", "").lower() in ("gzip", "deflate"):
            data = zlib.decompressobj(wbits=47).decompress(data, MAX_OCTETS + 1)
    except zlib.error:
        raise DnsUnconfirmed(HostMessages.PACKED()) from None
    finally:
        response.close()
    if len(data) > MAX_OCTETS:
        raise DnsUnconfirmed(HostMessages.TOO_LONG(most=MAX_OCTETS // 2**20))
    return data


def _retry_after(response: BaseHTTPResponse) -> float | None:
    """Seconds until a retry: a header with a number or a date (RFC 9110 section 10.2.3)."""
    try:
        return Retry().get_retry_after(response)
    except (InvalidHeader, ValueError, OverflowError):  # a year or a number beyond all limits
        return None


def _without_query(record: logging.LogRecord) -> bool:
    """Cut the query off the paths that urllib3 logs: it holds the API key at some hosts."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            part.partition("?")[0] if isinstance(part, str) else part for part in record.args
        )
    return True
