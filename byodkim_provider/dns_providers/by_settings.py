"""Chooses the DNS provider for the settings of a domain."""

from __future__ import annotations

from byodkim_provider.config.settings import DnsSettings, DomainSettings
from byodkim_provider.dns_providers.by_api import ByApi
from byodkim_provider.dns_providers.cloudflare import Cloudflare
from byodkim_provider.dns_providers.interface import DnsProvider
from byodkim_provider.dns_providers.manual import Manual
from byodkim_provider.dns_providers.route53 import Route53
from byodkim_provider.hosts.interface import HostSettings


def provider_for(dns: DnsSettings, domain: DomainSettings) -> DnsProvider:
    """The provider for *dns*, an entry of the domain's `dns` list."""
    match dns.provider:
        case "cloudflare":
            return Cloudflare(zone=dns.zone, zone_id=dns.zone_id, ttl=dns.ttl)
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
            settings = HostSettings(
                provider=host,
                zone=dns.zone or domain.name,
                server=dns.server or "",
                port=dns.port,
                key_name=dns.key_name or "",
                key_algorithm=dns.key_algorithm or "",
                ttl=dns.ttl if "ttl" in dns.model_fields_set else None,
            )
            return ByApi(settings, credentials=dns.credentials)
