"""What the life of an SES identity may call: SES, DNS, the clock. Tests pass their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Protocol

from byodkim_provider.aws.ses import DkimResponse, Listed, SesIdentity
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dns.visibility import DnsWait, Resolver
from byodkim_provider.progress import Clock, Progress

__all__ = ["Key", "Services", "Ses"]

Key = Callable[[], SigningKey]
"""Loads the declared key, which may be in a key store. Called only when the key is sent to SES."""


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
    ) -> DkimResponse: ...
    def put_email_identity_dkim_signing_attributes(
        self, domain: str, *, selector: str, key: SigningKey
    ) -> DkimResponse: ...
    def put_email_identity_dkim_attributes(self, domain: str, *, signing_enabled: bool) -> None: ...
    def put_email_identity_configuration_set_attributes(self, domain: str, name: str) -> None: ...
    def get_email_identity(self, domain: str) -> SesIdentity | None: ...
    def list_email_identities(self) -> Iterable[tuple[Listed, ...]]: ...
    def delete_email_identity(self, domain: str) -> None: ...
    def tag_resource(self, domain: str, tags: Mapping[str, str]) -> None: ...
    def untag_resource(self, domain: str, names: tuple[str, ...]) -> None: ...


@dataclass(frozen=True)
class Services:
    """Everything one call may touch. Tests replace this value and nothing else."""

    ses: Ses
    resolver: Resolver | None
    """None: DNS is not checked (`dnsCheck: off`)."""
    clock: Clock
    progress: Progress
    dns_wait: DnsWait
    """How long all new identities of a run together wait for their records."""
    names: Callable[[], Collection[str]]
    """Names of the identities in the Region when this run first listed them."""
    instances: MutableMapping[tuple[str, str], str] = field(default_factory=dict)
    """Instance tags that this run wrote, by Region and domain: SES may return the old tag for seconds."""
