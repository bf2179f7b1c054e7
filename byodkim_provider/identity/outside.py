"""What the life of an SES identity needs of the outside world. Tests pass their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Protocol

from byodkim_provider.aws.ses import Answer, Identity, Listed
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dns.visibility import DnsWait, Resolver
from byodkim_provider.progress import Clock, Progress

__all__ = ["Key", "Outside", "Ses"]

Key = Callable[[], SigningKey]
"""Gives the declared key when SES is to be told of it, and not before: it may be in a store."""


class Ses(Protocol):
    """The actions of SES v2 that an identity's life needs, as `ses.SesClient` does them."""

    def create_email_identity(
        self,
        domain: str,
        *,
        selector: str,
        key: SigningKey,
        configuration_set: str | None,
        tags: Mapping[str, str],
    ) -> Answer: ...
    def put_email_identity_dkim_signing_attributes(
        self, domain: str, *, selector: str, key: SigningKey
    ) -> Answer: ...
    def put_email_identity_dkim_attributes(self, domain: str, *, signing_enabled: bool) -> None: ...
    def put_email_identity_configuration_set_attributes(self, domain: str, name: str) -> None: ...
    def get_email_identity(self, domain: str) -> Identity | None: ...
    def list_email_identities(self) -> Iterable[tuple[Listed, ...]]: ...
    def delete_email_identity(self, domain: str) -> None: ...
    def tag_resource(self, domain: str, tags: Mapping[str, str]) -> None: ...
    def untag_resource(self, domain: str, names: tuple[str, ...]) -> None: ...


@dataclass(frozen=True)
class Outside:
    """Everything one call may touch. Tests pass their own; nothing else is replaced."""

    ses: Ses
    resolver: Resolver | None
    """None: DNS is not checked (`dnsCheck: off`)."""
    clock: Clock
    progress: Progress
    dns_wait: DnsWait
    """How long new identities wait for their records, all of a run together."""
    names: Callable[[], Collection[str]]
    """Names of the identities that SES had in the Region when this run first asked for them."""
    instances: MutableMapping[tuple[str, str], str] = field(default_factory=dict)
    """By Region and domain, the instance tag that this run wrote: SES may show the old one for seconds."""
