"""
A DNS host with a JSON API over HTTP: what all of them share; HTTP's errors become those of
`interface`.

Whether a refusal is of the secret is decided by codes, never by a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from byodkim_provider import __version__
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Busy, DnsHost
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.urls import is_local

if TYPE_CHECKING:
    from byodkim_provider.hosts._http import Client

RETRY_SECONDS: Final = 60.0
"""
Pause after a 429 that does not say when to ask again. GoDaddy and DreamHost count by the minute.
"""

WORDS: Final = (
    *("message", "statusmsg", "error", "errors", "cpanelresult", "applicationError"),
    *("description", "title", "details", "error_chain"),
)
"""Fields in which hosts say what is wrong."""


class HttpTrouble(DnsUnconfirmed):
    """The request came to the host, which failed. A class because it may fail by what was sent."""


class HttpHost(DnsHost):
    """
    A host with a JSON API. An environment variable may put a stand-in on this machine in its place.
    """

    address: ClassVar[str]
    key: ClassVar[str]
    """The secret that the user has to replace if the host refuses it."""
    key_refused: ClassVar[str]
    """What `key_codes` mean at this host, and how to make another key."""
    key_codes: ClassVar[frozenset[str]] = frozenset({"401", "403"})
    """HTTP status and codes of a refused secret."""

    timeout_seconds = 15.0
    """Time limit of one whole response, in seconds. The slowest host measured took 4 s."""

    def _address(self) -> str:
        """The URL of the API. Raises `DnsRefused` for settings that lead to none."""
        variable = f"{self._settings.provider.upper()}_BASE_URL"
        stand_in = self._credentials.environment.get(variable)
        if stand_in and not is_local(stand_in):
            raise DnsRefused(HostMessages.STAND_IN(variable=variable))
        return stand_in or self.address

    def _forbidden(self, said: object) -> DnsRefused:
        """The host has refused the secret, as it *said*; and how to go on."""
        setting = self._credentials.hint(self.key)
        step = RecordMessages.NEW_KEY(means=self.key_refused, setting=setting)
        return DnsRefused(HostMessages.FORBIDDEN(said=said, step=step))

    def _headers(self) -> Mapping[str, str]:
        """
        What authenticates a request, by default a token. Raises `DnsRefused` without a secret.
        """
        return {"Authorization": f"Bearer {self._credentials[self.key]}"}

    def values(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for _, value in self._records(name)))

    def remove(self, name: str, value: str) -> None:
        for key, listed in self._records(name):
            if listed == value:
                self._delete(key)

    def _records(self, name: str) -> Sequence[tuple[Any, str]]:
        """The TXT records at *name*: what the API knows each by, and its value."""
        raise NotImplementedError

    def _delete(self, key: Any) -> None:
        """Remove the record that the API knows by *key*."""
        raise NotImplementedError

    def _call(self, method: str, path: str, **content: Any) -> Any:
        """
        The JSON of a successful response, None if empty. Raises `DnsRefused` or `DnsUnconfirmed`.

        *content* as urllib3 has it: `fields` of a query or a form, or `json`.
        """
        headers = {
            "Accept": "application/json",
            "User-Agent": f"byodkim-provider/{__version__}",
            **self._headers(),
        }
        return self._judged(*self._client.exchange(method, path, headers, content))

    @cached_property
    def _client(self) -> Client:
        # Imported with the first request: a check of settings needs none.
        from byodkim_provider.hosts._http import Client

        base_url = self._address().rstrip("/")
        if not base_url.startswith("https://") and not is_local(base_url):
            raise DnsRefused(HostMessages.NO_TLS())
        return Client(base_url, self.timeout_seconds)

    def _judged(self, status: int, retry_after: float | None, data: bytes) -> Any:
        try:
            answer = json.loads(data) if data.strip() else None
            fields = list(_fields(answer, name=WORDS[0]))
        except (ValueError, RecursionError):
            if status < 300:
                raise DnsUnconfirmed(HostMessages.NOT_JSON()) from None
            fields = []
        if status < 300:
            return answer
        words = ": ".join(dict.fromkeys(text for name, text in fields if name in WORDS))
        said = self._credentials.said(words)
        reason = HostMessages.HTTP(status=status, said=f" {said}".rstrip())
        if status == 429 or (status == 503 and retry_after is not None):
            raise Busy(reason, RETRY_SECONDS if retry_after is None else retry_after)
        # 408 and 425: it had no time, or no trust, to look at the request.
        if status >= 500 or status in (408, 425):
            raise HttpTrouble(HostMessages.TROUBLE(said=reason))
        if status < 400:
            reason = HostMessages.REDIRECT(status=status)
        if self.key_codes & {str(status), *(text for _, text in fields)}:
            raise self._forbidden(reason)
        raise DnsRefused(reason)


def _fields(answer: object, name: str) -> Iterator[tuple[str, str]]:
    """Name and text of each field of a response, at any depth; the response itself is *name*."""
    if isinstance(answer, Mapping):
        for inner, part in answer.items():
            yield from _fields(part, inner)
    elif isinstance(answer, list):
        for part in answer:
            yield from _fields(part, name)
    elif isinstance(answer, str | int):
        yield name, str(answer)
