"""
A DNS host with a JSON API: what all of them share beside the requests themselves.

The HTTP client is imported with the first host that is made: a check of settings needs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from byodkim_provider.dkim import records
from byodkim_provider.hosts.interface import Credentials, DnsHost, HostSettings, Refused, Unknown
from byodkim_provider.messages.hosts import HostProblem, HostStep
from byodkim_provider.urls import is_local


@contextmanager
def as_documented(host: str) -> Iterator[None]:
    """Around the reading of a response: if it has another shape than *host* documents, it is no answer."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError):
        raise Unknown(HostProblem.FOREIGN(host=host)) from None


def is_gone(error: Refused) -> bool:
    """Whether the host does not have what a request was about: perhaps somebody else has removed it."""
    return error.message.fields.get("status") == 404


def joined(text: str) -> str:
    """
    The value in *text*, which is one piece or quoted strings.

    >>> joined('"v=DKIM1; " "p=MIIB"')
    'v=DKIM1; p=MIIB'
    >>> joined('v=DKIM1; p=MIIB')
    'v=DKIM1; p=MIIB'
    """
    try:
        return records.parse_quoted(text)
    except ValueError:
        return text


class HttpHost(DnsHost):
    """A host with a JSON API. An environment variable may put a stand-in on this machine in its place."""

    address: ClassVar[str]
    key: ClassVar[str]
    """The secret that is replaced if the host refuses it."""
    key_refused: ClassVar[str]
    """What 401 and 403 mean at this host, and how to make another key."""

    def __init__(
        self, settings: HostSettings, credentials: Credentials, *, timeout_seconds: float | None = None
    ) -> None:
        from byodkim_provider.hosts import http_api

        super().__init__(settings, credentials)
        self._stand_in = f"{settings.provider.upper()}_BASE_URL"
        self._new_key = HostStep.NEW_KEY(means=self.key_refused, setting=credentials.hint(self.key))
        self._api = http_api.HttpApi(
            self._address,
            credentials=credentials,
            headers=self._headers,
            forbidden=self._new_key,
            timeout_seconds=timeout_seconds or http_api.TIMEOUT_SECONDS,
        )

    def _address(self) -> str:

        stand_in = self._credentials.environment.get(self._stand_in)
        if stand_in and not is_local(stand_in):
            raise Refused(HostProblem.STAND_IN(variable=self._stand_in))
        return stand_in or self.address

    def _headers(self) -> Mapping[str, str]:
        """What authenticates a request."""
        return {}

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for _, value in self._records(name)))

    def remove(self, name: str, value: str) -> None:
        for key, there in self._records(name):
            if there == value:
                try:
                    self._delete(key)
                except Refused as error:
                    if not is_gone(error):
                        raise

    def _records(self, name: str) -> Sequence[tuple[Any, str]]:
        """The TXT records at *name*: what the API knows each by, and its value."""
        raise NotImplementedError

    def _delete(self, key: Any) -> None:
        """Remove the record that the API knows by *key*."""
        raise NotImplementedError
