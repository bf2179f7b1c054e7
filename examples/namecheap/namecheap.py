"""The TXT record at Namecheap, by Namecheap's own Terraform provider."""

from __future__ import annotations

import pulumi
import pulumi_namecheap as namecheap

from byodkim_provider import TxtRecord, Zone

__all__ = ["Namecheap"]

TTL = 1800
"""Seconds: what Namecheap calls *Automatic*."""


class Namecheap:
    """Records in one zone. Any object with these two methods is a DNS provider."""

    def __init__(self, zone: str) -> None:
        self._zone = zone

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource | None) -> Zone:
        """The zone for the records; its name never changes."""
        return Zone(provider="namecheap", name=self._zone)

    def publish(
        self, name: str, record: TxtRecord, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource:
        """The record called *name* in the stack. Namecheap splits a long value itself."""
        return namecheap.DnsRecord(
            name,
            domain=self._zone,
            hostname=pulumi.Output.from_input(record.name).apply(
                lambda full: full.removesuffix(f".{self._zone}")
            ),
            type="TXT",
            address=record.value,
            ttl=TTL,
            opts=opts,
        )
