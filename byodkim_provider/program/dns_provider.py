"""
Who publishes the records of a domain: the interface, and which one the settings mean.

People with a panel, a host with an API, or Route 53, which has a file of its own; or one of the program's.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Protocol

import pulumi

from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.hosts.interface import HostSettings
from byodkim_provider.identity.state import MANUAL
from byodkim_provider.program.route53 import Route53
from byodkim_provider.resources.declared import DnsRecord
from byodkim_provider.resources.inputs import HostedZone, KeyRecord, of_record

__all__ = ["DnsProvider", "HostedZone", "KeyRecord", "provider_for"]


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


_OF_HOSTS: Final = frozenset(field.name for field in fields(HostSettings))


def provider_for(dns: DnsSettings, domain: DomainSettings) -> DnsProvider:
    """The provider for *dns*, an entry of the domain's `dns` list."""
    match dns.provider:
        case "manual":
            return Manual(panel=dns.panel, zone=dns.zone)
        case "route53":
            return Route53(
                zone=dns.zone,
                zone_id=dns.zone_id,
                ttl=dns.ttl,
                assume_role=dns.assume_role,
                external_id=dns.external_id,
            )
        case host:
            given = {option: getattr(dns, option) for option in dns.model_fields_set & _OF_HOSTS}
            options = {"zone": domain.name} | {name: one for name, one in given.items() if one is not None}
            return ByApi(HostSettings(**options | {"provider": host}), credentials=dns.credentials)


@dataclass(frozen=True)
class Manual:
    """
    Records that people add in a DNS panel: no resource is declared.

    The identity that awaits the record prints what to type into which field, and so does `byodkim records`.
    """

    panel: str | None = None
    """A name from `hosts.registry.PANELS`, None for any other."""
    zone: str | None = None
    """The zone in the panel, by default the domain itself."""

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> HostedZone:
        return HostedZone(MANUAL, panel=self.panel, panel_zone=self.zone or domain)

    def publish(self, name: str, record: KeyRecord, opts: pulumi.ResourceOptions) -> None:
        return None


@dataclass(frozen=True)
class ByApi:
    """Records of one zone at one host, each a `DnsRecord`, which never holds a secret."""

    settings: HostSettings
    credentials: str | None = None
    """A name under `dnsCredentials` in the stack's configuration, by default the host's name."""

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource | None) -> HostedZone:
        """The zone at the host. Its name servers are not known."""
        return HostedZone(self.settings.label)

    def publish(self, name: str, record: KeyRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """A `DnsRecord` called *name*."""
        return DnsRecord(name, of_record(self.settings, record, credentials=self.credentials), opts)
