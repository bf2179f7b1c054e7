"""What the life of an SES identity may call: SES, DNS, the clock. Tests pass their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from dataclasses import dataclass, field

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.dns.visibility import DnsWait
from byodkim_provider.identity.lookups import Recent
from byodkim_provider.progress import Clock, Progress

Key = Callable[[], SigningKey]
"""Loads the declared key, which may be in a key store. Called only when the key is sent to SES."""


@dataclass(frozen=True)
class Services:
    """Everything one call may touch. Tests replace this value and nothing else."""

    ses: SesClient
    resolver: DnsResolver | None
    """None: DNS is not checked (`dnsCheck: off`)."""
    clock: Clock
    progress: Progress
    dns_wait: DnsWait
    """How long all new identities of a run together wait for their records."""
    recent: Recent
    """What the preview of this run has just seen in DNS is not looked up again."""
    names: Callable[[], Collection[str]]
    """Names of the identities in the Region when this run first listed them."""
    instances: MutableMapping[tuple[str, str], str] = field(default_factory=dict)
    """Instance tags that this run wrote, by Region and domain: SES may return the old tag for seconds."""
