"""
Who publishes a TXT record, and in which DNS: one provider a file, one small interface.
"""

from __future__ import annotations

from typing import Protocol

import pulumi

from byodkim_provider.dns_providers.route53 import Existing, Route53
from byodkim_provider.settings import DnsSettings

__all__ = ["DnsProvider", "Existing", "Route53", "provider_for"]


class DnsProvider(Protocol):
    """Publishes the records of one domain."""

    def publish(
        self,
        name: str,
        *,
        domain: str,
        record_name: pulumi.Input[str],
        record_value: pulumi.Input[str],
        existing: Existing,
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Resource | None:
        """
        Declare the TXT record *record_name*, called *name* in the stack.

        *record_value* is one piece, without quotes, and may be longer than a string of 255
        octets: splitting is this DNS's matter. *existing* says what becomes of a record of
        that name. *opts* are to be passed on. What comes back is there when the record is;
        None if that is somebody else's work.
        """
        ...


def provider_for(dns: DnsSettings) -> DnsProvider:
    """The provider that a stack file names."""
    return Route53(zone=dns.zone, zone_id=dns.zone_id, ttl=dns.ttl)
