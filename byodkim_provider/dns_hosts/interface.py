"""
What a DNS host must be able to do: three methods, and three ways to fail.

One value at one name at a time; a set that was read earlier is never written. What is done in
which order, and when it is done again, is decided in `publish`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Busy", "Credentials", "DnsHost", "HostError", "Refused", "Unknown"]


class HostError(Exception):
    """A request did not succeed; never raised itself."""

    def __init__(self, reason: str) -> None:
        """*reason* is shown to people: no secret is in it."""
        super().__init__(reason)
        self.reason = reason


class Refused(HostError):
    """The host will not do it, however often it is asked. *hint* says what to do about it."""

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


class Busy(HostError):
    """The host did nothing, for it is asked too often; *retry_after* in seconds, if it said so."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Unknown(HostError):
    """Nobody knows whether it was done: the response was lost, or the name was changed meanwhile."""


class DnsHost(Protocol):
    """
    The TXT records of one zone at one host. Any thread may call it; each call has a time-out.

    Names are absolute, without a final dot; values are one string, however they are split in DNS.
    """

    @property
    def label(self) -> str:
        """Host and zone, such as `godaddy:example.com`: what errors name, and what is locked."""
        ...

    def values(self, name: str) -> tuple[str, ...]:
        """The TXT values at *name* now; empty if there is none. Raises `HostError`."""
        ...

    def add(self, name: str, value: str) -> None:
        """
        Add *value* at *name*, where no TXT value was a moment ago. Raises `HostError`.

        A host that can, refuses by itself if there is one by now (`Unknown`); at any other, both
        are there then.
        """
        ...

    def remove(self, name: str, value: str) -> None:
        """Remove *value* at *name* and nothing else; no error if it is gone. Raises `HostError`."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """Secrets for one host, as the stack file names them. A class so that they are never shown."""

    name: str
    """The name under `dnsCredentials` in the stack file."""
    given: Mapping[str, str]
    """What the stack file holds under that name."""
    variables: Mapping[str, str]
    """Environment variables with the same values, by key."""
    environment: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Credentials({self.name!r})"

    def __getitem__(self, key: str) -> str:
        """The secret *key*; raises `Refused`, which says where to put it."""
        found = self.given.get(key) or self.environment.get(self.variables[key], "")
        if not found:
            raise Refused(f"no {key} is given", hint=self.hint(key))
        return found

    def missing(self) -> list[str]:
        """The secrets that are not given anywhere, in the order in which a host names them."""
        return [
            one
            for one in self.variables
            if not self.given.get(one) and not self.environment.get(self.variables[one])
        ]

    def hint(self, key: str) -> str:
        """How to give the secret *key*."""
        return (
            f"`pulumi config set --secret --path 'dnsCredentials.{self.name}.{key}'`, "
            f"or the environment variable {self.variables[key]}"
        )

    def hidden(self, text: str) -> str:
        """*text* without any of the secrets."""
        secrets = [*self.given.values(), *(self.environment.get(one, "") for one in self.variables.values())]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, "[secret]")
        return text
