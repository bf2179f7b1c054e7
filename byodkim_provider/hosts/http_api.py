"""
HTTP requests to the JSON APIs of DNS hosts; errors become those of `interface`.

Uses urllib3 (a dependency of botocore), which by itself makes no retries and follows no redirects
with the token. Its errors contain URLs, so they are never passed on.
"""

from __future__ import annotations

import json
import logging
import ssl
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, SSLError, TimeoutError

from byodkim_provider.hosts.interface import Busy, Credentials, HostError, Refused, Unknown
from byodkim_provider.messages import Message
from byodkim_provider.messages.hosts import HostProblem
from byodkim_provider.progress import stopping
from byodkim_provider.urls import is_local

TIMEOUT_SECONDS: Final = 15.0
"""Time limit of one read, in seconds; `publish` limits the whole. The slowest host measured took 4 s."""

CONNECT_SECONDS: Final = 5.0

WORDS: Final = ("message", "statusmsg", "error", "errors", "details", "description", "code", "title")
"""Fields in which hosts put their error messages, the most specific first."""

MAX_OCTETS: Final = 4 * 1024 * 1024
"""Longest response that is read, in octets, unpacked: a list of 20,000 records."""

PIECE: Final = 64 * 1024
"""Octets that are read at a time."""


class HttpApi:
    """One API. A class because it keeps the address, the secrets and open connections."""

    def __init__(
        self,
        address: Callable[[], str],
        *,
        credentials: Credentials,
        headers: Callable[[], Mapping[str, str]] = dict,
        forbidden: Message | str,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """
        *headers* authenticate; *forbidden* says what 401 and 403 mean at this host, and what to do.

        *address* and *headers* are called when a request is made, and may raise `Refused`.
        """
        self._address = address
        self._credentials = credentials
        self._headers = headers
        self._forbidden = forbidden
        self._timeout_seconds = timeout_seconds

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of a successful response, None if empty; *body* is sent as JSON. Raises `HostError`."""
        if stopping.is_set():
            raise Unknown(HostProblem.INTERRUPTED())
        try:
            response = self._sent(method, path, query, body, form)
            data = _body(response)
        except SSLError as error:
            if any(isinstance(one, ssl.SSLCertVerificationError) for one in error.args):
                raise Refused(HostProblem.NO_PROOF()) from None
            raise Unknown(HostProblem.TLS_FAILED()) from None
        except ValueError:  # its text may quote a header, or a proxy's password
            raise Refused(HostProblem.ADDRESS()) from None
        except TimeoutError:
            raise Unknown(HostProblem.TOO_SLOW(seconds=self._timeout_seconds)) from None
        except (HTTPError, OSError) as error:
            raise Unknown(HostProblem.NO_ANSWER(reason=type(error).__name__)) from None
        return self._judged(response.status, response.headers, data)

    def _sent(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        form: Mapping[str, str] | None,
    ) -> urllib3.BaseHTTPResponse:
        if not self._base_url.startswith("https://") and not is_local(self._base_url):
            raise Refused(HostProblem.NO_TLS())
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", **self._headers()}
        content: bytes | None = None
        if body is not None:
            headers["Content-Type"], content = "application/json", json.dumps(body).encode()
        elif form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            content = urlencode(form).encode()
        return self._pool.request(
            method,
            url,
            body=content,
            headers=headers,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )

    @cached_property
    def _base_url(self) -> str:
        return self._address().rstrip("/")

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        """A connection pool, through the environment's proxy if it names one, as in the AWS SDK."""
        seconds = self._timeout_seconds
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
        parts = urlsplit(self._base_url)
        proxy = urllib.request.getproxies().get(parts.scheme)
        if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
            return urllib3.ProxyManager(proxy, timeout=timeout)
        return urllib3.PoolManager(timeout=timeout)

    def _judged(self, status: int, headers: Mapping[str, str], data: bytes) -> Any:
        try:
            answer = json.loads(data) if data.strip() else None
            words = "" if 200 <= status < 300 else _words(answer)
        except (ValueError, RecursionError):
            answer, words = None, ""
            if 200 <= status < 300:
                raise Unknown(HostProblem.NOT_JSON()) from None
        if 200 <= status < 300:
            return answer
        raise self.failure(status, words, retry_after=_seconds(headers.get("Retry-After")))

    def failure(self, status: int, words: str, *, retry_after: float | None = None) -> HostError:
        """The error for an HTTP *status* and the host's message *words*."""
        said = self._credentials.said(words)
        reason = HostProblem.HTTP(status=status, said=f" {said}".rstrip())
        if status == 429 or (status == 503 and retry_after is not None):
            return Busy(HostProblem.BUSY(said=reason), retry_after=retry_after)
        if status >= 500:
            return Unknown(HostProblem.TROUBLE(said=reason))
        if status in (401, 403):
            return Refused(HostProblem.FORBIDDEN(said=reason, step=self._forbidden))
        if 300 <= status < 400:
            return Refused(HostProblem.REDIRECT(status=status))
        return Refused(reason)


def _body(response: urllib3.BaseHTTPResponse) -> bytes:
    """The body of *response*, unpacked within limits, which urllib3 does not have."""
    data = b""
    try:
        while len(data) <= MAX_OCTETS and (piece := response.read(PIECE)):
            data += piece
        if response.headers.get("Content-Encoding") in ("gzip", "deflate"):
            data = zlib.decompressobj(wbits=47).decompress(data, MAX_OCTETS + 1)
    except zlib.error:
        raise Unknown(HostProblem.PACKED()) from None
    finally:
        response.close()
    if len(data) > MAX_OCTETS:
        raise Unknown(HostProblem.TOO_LONG(most=MAX_OCTETS // 2**20))
    return data


def _words(answer: object) -> str:
    """The error message in a response's body."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return ", ".join(filter(None, map(_words, answer)))
    if isinstance(answer, Mapping):
        return next(filter(None, (_words(answer.get(word)) for word in WORDS)), "")
    return ""


def _seconds(retry_after: str | None) -> float | None:
    """The seconds in a header `Retry-After`, which is a number or a date (RFC 9110 section 10.2.3)."""
    try:
        return urllib3.Retry().parse_retry_after(retry_after) if retry_after is not None else None
    except InvalidHeader:
        return None


class _WithoutQuery(logging.Filter):
    """urllib3 logs each request with its query, which holds the API key at some hosts."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(one.partition("?")[0] if isinstance(one, str) else one for one in record.args)
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQuery())
