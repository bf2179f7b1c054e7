"""The TXT record at a host with an API of its own: a `DnsRecord`, for every host of `hosts`."""

from __future__ import annotations

import pulumi

from byodkim_provider.dns_providers.interface import HostedZone, KeyRecord
from byodkim_provider.hosts.interface import HostSettings
from byodkim_provider.resources.dns_record import DnsRecord, DnsRecordArgs


class ByApi:
    """
    Records of one zone at one host.

    *credentials* is a name under `dnsCredentials` in the stack's configuration, by default the
    provider's name. A record never holds a secret.
    """

    def __init__(self, settings: HostSettings, *, credentials: str | None = None) -> None:
        self._settings = settings
        self._credentials = credentials

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource | None) -> HostedZone:
        """The zone at the host. Its name servers are not known."""
        return HostedZone(self._settings.label)

    def publish(self, name: str, record: KeyRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """A `DnsRecord` called *name*."""
        host = self._settings
        return DnsRecord(
            name,
            DnsRecordArgs(
                provider=host.provider,
                zone=host.zone,
                server=host.server or None,
                port=host.port,
                key_name=host.key_name or None,
                key_algorithm=host.key_algorithm or None,
                ttl=host.ttl,
                credentials=self._credentials,
                name=record.name,
                value=record.value,
                existing=record.existing,
            ),
            opts,
        )
