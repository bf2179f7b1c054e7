"""
The interface of a DNS provider: which zone holds a domain's records, and how to publish a record.

Only what all providers share; rules for a single provider belong in its own file.
"""

from __future__ import annotations

from typing import Protocol

import pulumi

from byodkim_provider.resources.inputs import HostedZone, KeyRecord

__all__ = ["DnsProvider", "HostedZone", "KeyRecord"]


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
