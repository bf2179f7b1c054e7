"""
The interface of a DNS provider: which zone holds a domain's records, and how to publish a record.

Only what all providers share; rules for a single provider belong in its own file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pulumi

from byodkim_provider.hosts.interface import Existing


@dataclass(frozen=True)
class HostedZone:
    """The zone in which a provider publishes the records of one domain."""

    label: str
    """
    A permanent name of the zone, such as `route53:Z0123456789ABC`.

    It is part of the records' resource names, and is stored in the identities' state: the same
    label means the same zone, however the settings name it. `manual` means that people publish the
    records, so that no record is ever removed automatically.
    """
    name_servers: pulumi.Input[Sequence[str]] = ()
    """Name servers of the zone, without final dots; empty if not known: then moves are not checked."""
    role_arn: str | None = None
    """For Route 53, which is asked for the name servers when they matter: role in the zone's account."""
    external_id: str | None = None
    """The external ID that this role asks for."""
    panel: str | None = None
    """For `manual`: the panel that people use, a name from `hosts.panels.PANELS`."""
    panel_zone: str | None = None
    """For `manual`: the zone as that panel names it."""


@dataclass(frozen=True)
class KeyRecord:
    """The TXT record of a key, to be published."""

    domain: str
    name: pulumi.Input[str]
    """`<selector>._domainkey.<domain>`, without a final dot."""
    value: pulumi.Input[str]
    """Not quoted. It may be longer than 255 octets: the provider splits it into strings."""
    existing: Existing = "replace"
    """What to do with an existing record of that name."""
    regions: Sequence[str] = ()
    """Where identities may sign with the key."""
    account_id: pulumi.Input[str | None] = None
    """Their AWS account."""


class DnsProvider(Protocol):
    """Publishes records. One object may serve many domains."""

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> HostedZone:
        """
        The zone for the records of *domain*. Called before `publish`.

        *parent* is the component of the domain, for resources and for `pulumi.InvokeOptions`.
        Raises `InvalidSettings` if there is no such zone.
        """
        ...

    def publish(self, name: str, record: KeyRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource | None:
        """
        Declare the TXT *record*, called *name* in the stack. Pass *opts* on.

        Returns a resource that is created with the record; None if people publish the record.
        """
        ...
