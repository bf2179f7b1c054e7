"""
Who publishes the records of a domain: the interface, and which one the settings mean.

People with a panel, a host with an API, or Route 53, which has a file of its own; or one of the
program's.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pulumi

from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.hosts.zones import MANUAL, Zone
from byodkim_provider.program.route53 import Route53
from byodkim_provider.resources.declared import DnsRecord
from byodkim_provider.resources.inputs import TxtRecord, of_record, zone_of

__all__ = ["DnsProvider", "TxtRecord", "Zone", "provider_for"]


@runtime_checkable
class DnsProvider(Protocol):
    """Publishes records. One object may serve many domains."""

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> Zone:
        """
        The zone for the records of *domain*. Called before `publish`.

        *parent* is the component of the domain, for resources and for `pulumi.InvokeOptions`.
        Raises `InvalidSettings` if there is no such zone.
        """

    def publish(
        self, name: str, record: TxtRecord, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource | None:
        """
        Declare the TXT *record*, called *name* in the stack. Pass *opts* on.

        Returns a resource that is created with the record; None if people publish the record.
        """


def provider_for(dns: DnsSettings) -> DnsProvider:
    """The provider for *dns*, an entry of the domain's `dns` list."""
    return Route53(dns) if dns.provider == "route53" else AsListed(dns)


@dataclass(frozen=True)
class AsListed:
    """
    Records as an entry of the settings says: of one zone at a host, each a `DnsRecord` without a
    secret.

    With `manual` no resource is declared: the identity that awaits the record prints what to type
    into which field of a DNS panel, and so does `byodkim records`.
    """

    dns: DnsSettings

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> Zone:
        """The zone. Its name servers are not known."""
        return zone_of(self.dns, name=self.dns.zone or domain)

    def publish(
        self, name: str, record: TxtRecord, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource | None:
        """A `DnsRecord` called *name*, but with `manual`."""
        if self.dns.provider == MANUAL:
            return None
        return DnsRecord(name, of_record(self.dns, record), opts)
