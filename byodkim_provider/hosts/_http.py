"""
Requests over HTTP, each within limits of time and size; errors become those of `interface`.

Uses urllib3 (a dependency of botocore), which by itself makes no retries and follows no redirects
with the token. Its errors contain URLs, so they are never passed on. Its import takes long.
"""

import logging
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Retry, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    ProxyError,
    SSLError,
)
from urllib3.util import make_headers, parse_url

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import NotDone
from byodkim_provider.messages.hosts import HostMessages
from byodkim_provider.progress import Clock, stopping

MAX_OCTETS: Final = 4 * 1024 * 1024
"""Longest response that is read, in octets, unpacked: a list of 20,000 records."""


@dataclass
class Client:
    """A client of one server. A class because it keeps connections."""

    base_url: str
    seconds: float
    """Time limit of the head of a response, and of its body."""

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
                f"{self.base_url}{path}",
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                **content,
            )
            return response.status, _retry_after(response), self._body(response)
        except SSLError as error:
            if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
                raise DnsRefused(HostMessages.NO_PROOF()) from None
            raise DnsUnconfirmed(HostMessages.TLS_FAILED()) from None
        except ValueError:  # its text may quote a header, or a proxy's password
            raise DnsRefused(HostMessages.ADDRESS()) from None
        except (HTTPError, OSError) as error:
            no_answer = HostMessages.NO_ANSWER(reason=type(error).__name__)
            # Errors of connecting: the host was not reached.
            if isinstance(error, ProxyError | ConnectTimeoutError):
                raise NotDone(no_answer) from None
            raise DnsUnconfirmed(no_answer) from None

    @cached_property
    def _pool(self) -> PoolManager:
        """A connection pool, through the environment's proxy if it names one, as in the AWS SDK."""
        # It logs paths with their query, which holds the API key at some hosts.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        timeout = Timeout(connect=5.0, read=self.seconds)
        server = urlsplit(self.base_url)
        proxy = urllib.request.getproxies().get(server.scheme)
        if proxy and not urllib.request.proxy_bypass(server.hostname or ""):
            if "://" not in proxy:  # as `curl` and the AWS SDK take it
                proxy = f"http://{proxy}"
            user = parse_url(proxy).auth
            headers = make_headers(proxy_basic_auth=unquote(user)) if user else None
            return ProxyManager(proxy, proxy_headers=headers, timeout=timeout)
        return PoolManager(timeout=timeout)

    def _body(self, response: BaseHTTPResponse) -> bytes:
        """The body of *response*. urllib3 limits the time between two octets only."""
        clock, data = Clock(), b""
        end = clock.monotonic() + self.seconds
        try:
            for piece in iter(lambda: response.read1(2**16, decode_content=True), b""):
                data += piece
                if stopping.is_set() or clock.monotonic() > end:
                    raise TimeoutError
                if len(data) > MAX_OCTETS:
                    raise DnsUnconfirmed(HostMessages.TOO_LONG(most=MAX_OCTETS // 2**20))
        finally:
            response.close()
        return data


def _retry_after(response: BaseHTTPResponse) -> float | None:
    """Seconds until a retry: a header with a number or a date (RFC 9110 section 10.2.3)."""
    try:
        return Retry().get_retry_after(response)
    except (InvalidHeader, ValueError, OverflowError):  # a year or a number beyond all limits
        return None
