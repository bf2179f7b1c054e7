"""What the life of an SES identity may call: SES, DNS, the clock. Tests pass their own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.identity.run import Run
from byodkim_provider.progress import Progress

Key = Callable[[], SigningKey]
"""Loads the declared key, which may be in a key store. Called only when the key is sent to SES."""


@dataclass(frozen=True)
class Services:
    """Everything one call may touch. Tests replace this value and nothing else."""

    ses: SesClient
    resolver: DnsResolver | None
    """None: DNS is not checked (`dnsCheck: off`)."""
    progress: Progress
    names: Callable[[], Collection[str]]
    """Names of the identities in the Region when this run first listed them."""
    run: Run
