"""
What is known of a DNS host beside its API: the `SPEC` in its file, from which all tables follow.

Imports no HTTP client and no DNS library: a program that checks its settings needs none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from byodkim_provider.dns.panels import Panel

HostName = Literal["cloudflare", "godaddy", "dreamhost", "cpanel", "wix", "rfc2136"]
"""The hosts by the names of their modules, which are also their names in a stack file."""


@dataclass(frozen=True, slots=True)
class Ttl:
    """The TTLs that a host takes, in seconds."""

    least: int
    most: int
    default: int
    automatic: int | None = None
    """A value outside the limits that leaves the TTL to the host."""

    def __contains__(self, ttl: object) -> bool:
        return isinstance(ttl, int) and (self.least <= ttl <= self.most or ttl == self.automatic)

    def __str__(self) -> str:
        automatic = "" if self.automatic is None else f", or {self.automatic} for automatic"
        return f"{self.least} to {self.most}{automatic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """One host."""

    secrets: Mapping[str, str]
    """Its keys under `dnsCredentials`, and the environment variable that replaces each."""
    plain: tuple[str, ...] = ()
    """Those of *secrets* that need not be encrypted."""
    options: tuple[str, ...] = ()
    """Its fields of `DnsSettings` and of `HostSettings`, beside `zone`, `credentials` and `ttl`."""
    required: tuple[str, ...] = ()
    """Those of its options that a domain must give."""
    ttl: Ttl | None
    """None: records have no TTL."""
    panels: Mapping[str, Panel] = field(default_factory=dict)
    """Panels in which people can type the same records, by their names in a stack file."""
    hours_to_show: int = 0
    """How long its name servers may take to show a record; 0: minutes at most."""
    was_run: bool = False
    """Whether the code was run against the real service; until then it is written from documents."""
    module: str = ""
    """The module with its `Host`, if not the host's own file: what takes long to import is imported late."""

    @property
    def all_options(self) -> frozenset[str]:
        return frozenset({"zone", "credentials", *self.options} | ({"ttl"} if self.ttl else set()))
