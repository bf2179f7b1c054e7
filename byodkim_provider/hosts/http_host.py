"""
A DNS host with a JSON API over HTTP: what all of them share; HTTP's errors become those of
`interface`.

A refusal keeps its status and its codes: a host's file decides by these, never by a sentence.
Uses urllib3 (a dependency of botocore), which by itself makes no retries and follows no redirects
with the token. Its errors contain URLs, so they are never passed on. It is imported with the first
request: a check of settings needs none.
"""

from __future__ import annotations

import json
import logging
import ssl
import urllib.request
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from byodkim_provider import __version__
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Busy, Credentials, DnsHost, HostSettings, NotDone
from byodkim_provider.messages import Message
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.progress import Clock, stopping
from byodkim_provider.urls import is_local

if TYPE_CHECKING:
    import urllib3

CONNECT_SECONDS: Final = 5.0

METHOD_SECONDS: Final = 45.0
"""Time after which a method of several requests begins no more of them."""

RETRY_SECONDS: Final = 60.0
"""
Pause after a 429 that does not say when to ask again. GoDaddy and DreamHost count by the minute.
"""

USER_AGENT: Final = f"byodkim-provider/{__version__}"

WORDS: Final = (
    "message",
    "statusmsg",
    "error",
    "errors",
    "cpanelresult",
    "applicationError",
    "description",
    "issue",
    "code",
    "title",
)
"""Fields in which hosts put their error messages, the most specific first."""

REASONS: Final = ("details", "error_chain")
"""Fields in which hosts put the reason for an error whose message is a general one."""

CODES: Final = ("code", "name", "issue")
"""Fields in which hosts put the codes of errors."""

MAX_OCTETS: Final = 4 * 1024 * 1024
"""Longest response that is read, in octets, unpacked: a list of 20,000 records."""

PIECE: Final = 64 * 1024
"""Octets that are read at a time."""


Item = TypeVar("Item")


class HttpRefused(DnsRefused):
    """The host refused a request. A class so that a host's file decides by *status* and *codes*."""

    def __init__(
        self, message: Message, *, status: int = 0, codes: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.codes = codes


class HttpTrouble(DnsUnconfirmed):
    """The request came to the host, which failed. A class because it may fail by what was sent."""


@contextmanager
def as_documented(host: str) -> Iterator[None]:
    """Raises `DnsUnconfirmed` if the response has not the shape that *host* documents."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError):
        raise DnsUnconfirmed(HostMessages.FOREIGN(host=host)) from None


class HttpHost(DnsHost):
    """
    A host with a JSON API. An environment variable may put a stand-in on this machine in its place.
    """

    address: ClassVar[str]
    key: ClassVar[str]
    """The secret that the user has to replace if the host refuses it."""
    key_refused: ClassVar[str]
    """What 401 and 403 mean at this host, and how to make another key."""

    timeout_seconds = 30.0
    """Time limit of one whole response, in seconds. The slowest host measured took 4 s."""

    def __init__(self, settings: HostSettings, credentials: Credentials) -> None:
        super().__init__(settings, credentials)
        self._stand_in = f"{settings.provider.upper()}_BASE_URL"
        self._new_key = RecordMessages.NEW_KEY(
            means=self.key_refused, setting=credentials.hint(self.key)
        )

    def _address(self) -> str:
        """The URL of the API. Raises `DnsRefused` for settings that lead to none."""
        stand_in = self._credentials.environment.get(self._stand_in)
        if stand_in and not is_local(stand_in):
            raise DnsRefused(HostMessages.STAND_IN(variable=self._stand_in))
        return stand_in or self.address

    def _headers(self) -> Mapping[str, str]:
        """
        What authenticates a request, by default a token. Raises `DnsRefused` without a secret.
        """
        return {"Authorization": f"Bearer {self._credentials[self.key]}"}

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for _, value in self._records(name)))

    def remove(self, name: str, value: str) -> None:
        for key in in_time([key for key, listed in self._records(name) if listed == value]):
            try:
                self._delete(key)
            except HttpRefused as error:
                if error.status != 404:  # perhaps somebody else has removed it
                    raise

    def _records(self, name: str) -> Sequence[tuple[Any, str]]:
        """The TXT records at *name*: what the API knows each by, and its value."""
        raise NotImplementedError

    def _delete(self, key: Any) -> None:
        """Remove the record that the API knows by *key*."""
        raise NotImplementedError

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Any:
        """
        The JSON of a successful response, None if empty. Raises `DnsRefused` or `DnsUnconfirmed`.

        *query* is for a GET; *body* is sent as JSON.
        """
        from urllib3 import exceptions

        if stopping.is_set():
            raise DnsUnconfirmed(HostMessages.INTERRUPTED())
        try:
            if not self._base_url.startswith("https://") and not is_local(self._base_url):
                raise DnsRefused(HostMessages.NO_TLS())
            headers = {
                "Accept": "application/json",
                "User-Agent": USER_AGENT,
                **self._headers(),
            }
            if form is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            response = self._pool.request(
                method,
                f"{self._base_url}{path}",
                fields=query,
                json=body,
                body=None if form is None else urlencode(form),
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            data = _body(response)
        except exceptions.SSLError as error:
            if any(isinstance(one, ssl.SSLCertVerificationError) for one in error.args):
                raise DnsRefused(HostMessages.NO_PROOF()) from None
            raise DnsUnconfirmed(HostMessages.TLS_FAILED()) from None
        except ValueError:  # its text may quote a header, or a proxy's password
            raise DnsRefused(HostMessages.ADDRESS()) from None
        except (exceptions.HTTPError, OSError) as error:
            no_answer = HostMessages.NO_ANSWER(reason=type(error).__name__)
            cause = error.original_error if isinstance(error, exceptions.ProxyError) else error
            if isinstance(cause, exceptions.ConnectTimeoutError):  # or another error of connecting
                raise NotDone(no_answer) from None
            raise DnsUnconfirmed(no_answer) from None
        return self._judged(response.status, response.headers, data)

    @cached_property
    def _base_url(self) -> str:
        return self._address().rstrip("/")

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        """A connection pool, through the environment's proxy if it names one, as in the AWS SDK."""
        import urllib3

        from byodkim_provider.hosts._limited_http import POOLS

        logging.getLogger("urllib3.connectionpool").addFilter(_without_query)
        seconds = self.timeout_seconds
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
        parts = urlsplit(self._base_url)
        proxy = urllib.request.getproxies().get(parts.scheme)
        if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
            pool: urllib3.PoolManager = urllib3.ProxyManager(proxy, timeout=timeout)
        else:
            pool = urllib3.PoolManager(timeout=timeout)
        pool.pool_classes_by_scheme = POOLS
        return pool

    def _judged(self, status: int, headers: Mapping[str, str], data: bytes) -> Any:
        succeeded = 200 <= status < 300
        try:
            answer = json.loads(data) if data.strip() else None
            if succeeded:
                return answer
            words, codes = _words(answer), frozenset(_codes(answer))
        except (ValueError, RecursionError):
            if succeeded:
                raise DnsUnconfirmed(HostMessages.NOT_JSON()) from None
            words, codes = "", frozenset()
        raise self._failure(
            status, words, codes=codes, retry_after=_seconds(headers.get("Retry-After"))
        )

    def _failure(
        self,
        status: int,
        words: str,
        *,
        codes: frozenset[str] = frozenset(),
        retry_after: float | None = None,
    ) -> DnsRefused | DnsUnconfirmed:
        """The error for an HTTP *status*, the host's message *words* and its *codes*."""
        said = self._credentials.said(words)
        reason = HostMessages.HTTP(status=status, said=f" {said}".rstrip())
        if status == 429 and retry_after is None:
            retry_after = RETRY_SECONDS
        if status == 429 or (status == 503 and retry_after is not None):
            return Busy(HostMessages.BUSY(said=reason), retry_after=retry_after)
        # 408 and 425: it had no time, or no trust, to look at the request.
        if status >= 500 or status in (408, 425):
            return HttpTrouble(HostMessages.TROUBLE(said=reason))
        if 300 <= status < 400:
            reason = HostMessages.REDIRECT(status=status)
        if status in (401, 403):
            reason = HostMessages.FORBIDDEN(said=reason, step=self._new_key)
        return HttpRefused(reason, status=status, codes=codes)


def in_time(items: Iterable[Item]) -> Iterator[Item]:
    """
    Each of *items*, for a request about it. Raises `DnsUnconfirmed` once the requests took too
    long.
    """
    clock = Clock()
    end = clock.monotonic() + METHOD_SECONDS
    for item in items:
        if clock.monotonic() > end:
            raise DnsUnconfirmed(HostMessages.TOO_SLOW(seconds=METHOD_SECONDS))
        yield item


def _body(response: urllib3.BaseHTTPResponse) -> bytes:
    """The body of *response*, unpacked within limits, which urllib3 does not have."""
    data = b""
    try:
        while len(data) <= MAX_OCTETS and (piece := response.read(PIECE)):
            data += piece
        if response.headers.get("Content-Encoding", "").lower() in ("gzip", "deflate"):
            data = zlib.decompressobj(wbits=47).decompress(data, MAX_OCTETS + 1)
    except zlib.error:
        raise DnsUnconfirmed(HostMessages.PACKED()) from None
    finally:
        response.close()
    if len(data) > MAX_OCTETS:
        raise DnsUnconfirmed(HostMessages.TOO_LONG(most=MAX_OCTETS // 2**20))
    return data


def _words(answer: object) -> str:
    """The error message in a response's body, and the reason behind a colon."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return ", ".join(filter(None, map(_words, answer)))
    if not isinstance(answer, Mapping):
        return ""
    message = next(filter(None, (_words(answer.get(word)) for word in WORDS)), "")
    reasons = [_words(answer.get(word)) for word in REASONS]
    return ": ".join(dict.fromkeys(filter(None, (message, *reasons))))


def _codes(answer: object) -> Iterator[str]:
    """The codes of an error, at any depth of a response's body."""
    if isinstance(answer, list):
        for part in answer:
            yield from _codes(part)
    if isinstance(answer, Mapping):
        for name, part in answer.items():
            if name in CODES and isinstance(part, str | int):
                yield str(part)
            yield from _codes(part)


def _seconds(retry_after: str | None) -> float | None:
    """
    The seconds in a header `Retry-After`, which is a number or a date (RFC 9110 section 10.2.3).
    """
    import urllib3

    try:
        return urllib3.Retry().parse_retry_after(retry_after) if retry_after is not None else None
    except (urllib3.exceptions.InvalidHeader, ValueError):  # a year or a number beyond all limits
        return None


def _without_query(record: logging.LogRecord) -> bool:
    """Cut the query off the paths that urllib3 logs: it holds the API key at some hosts."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            one.partition("?")[0] if isinstance(one, str) else one for one in record.args
        )
    return True
