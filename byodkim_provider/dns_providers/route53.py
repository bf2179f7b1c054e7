"""The TXT record in Route 53, by pulumi-aws, in the longest public zone that holds its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from byodkim_provider.dkim import records
from byodkim_provider.dns_providers.assumed_role import provider_with
from byodkim_provider.dns_providers.aws_functions import call
from byodkim_provider.dns_providers.interface import Existing, HostedZone
from byodkim_provider.errors import AwsRefused, InvalidSettings
from byodkim_provider.identity.state import ROUTE53
from byodkim_provider.resources.record_check import RecordCheck, RecordCheckArgs

__all__ = ["TTL", "Route53"]

TTL = 300
"""Seconds. Records never change; the TTL is short so that a record fixed by hand is visible soon."""


class Route53:
    """
    Records in Route 53.

    *zone* is the zone's name, *zone_id* its ID; without both it is the longest public zone that
    holds the domain. *ttl* in seconds. *assume_role* is the ARN of a role in the zone's account.
    """

    def __init__(
        self,
        *,
        zone: str | None = None,
        zone_id: str | None = None,
        ttl: int = TTL,
        assume_role: str | None = None,
    ) -> None:
        self._zone = zone
        self._zone_id = zone_id
        self._ttl = ttl
        self._assume_role = assume_role
        self._zones: dict[str, Any] = {}

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> HostedZone:
        """The zone; raises `InvalidSettings` if there is none, or several of one name."""
        zone = self._zone_of(domain, parent)
        return HostedZone(f"{ROUTE53}{zone.zone_id}", sorted(name.rstrip(".") for name in zone.name_servers))

    def publish(
        self,
        name: str,
        *,
        domain: str,
        record_name: pulumi.Input[str],
        record_value: pulumi.Input[str],
        existing: Existing,
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Resource:
        """An `aws.route53.Record` called *name*; for a supplied key, a `RecordCheck` comes before it."""
        zone_id = self._zone_of(domain, opts.parent).zone_id
        if existing == "same key" and isinstance(record_name, str) and isinstance(record_value, str):
            check = RecordCheck(
                name,
                RecordCheckArgs(
                    zone_id=zone_id,
                    record_name=record_name,
                    record_value=record_value,
                    assume_role=self._assume_role,
                ),
                pulumi.ResourceOptions(parent=opts.parent),
            )
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[check]))
        record: pulumi.Resource = aws.route53.Record(
            name,
            zone_id=zone_id,
            name=record_name,
            type=aws.route53.RecordType.TXT,
            ttl=self._ttl,
            records=[pulumi.Output.from_input(record_value).apply(records.route53_value)],
            allow_overwrite=True,  # an existing record is ours
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(provider=provider_with(self._assume_role))
            ),
        )
        return record

    def _zone_of(self, domain: str, parent: pulumi.Resource | None) -> Any:
        """The zone's data from `aws.route53.get_zone`."""
        if domain not in self._zones:
            opts = self._invoke_options(parent)
            self._zones[domain] = (
                _zone_by_id(self._zone_id, domain, opts)
                if self._zone_id
                else _zone_by_name(self._zone, domain, opts)
            )
        return self._zones[domain]

    def _invoke_options(self, parent: pulumi.Resource | None) -> pulumi.InvokeOptions:
        return pulumi.InvokeOptions(parent=parent, provider=provider_with(self._assume_role))


def _zone_by_id(zone_id: str, domain: str, opts: pulumi.InvokeOptions) -> Any:
    where = f'domains["{domain}"].dns.zoneId'
    try:
        zone = call(aws.route53.get_zone, f"zone {zone_id!r}", zone_id=zone_id, opts=opts)
    except AwsRefused as error:
        if error.code not in ("", "NoSuchHostedZone"):
            raise
        raise InvalidSettings(
            [f"{where}: Route 53 has no zone {zone_id!r} in this account: {error.reason}"],
            hint="nothing was changed; correct it, or use the credentials of the account that holds the zone",
        ) from None
    if zone.private_zone:
        raise InvalidSettings(
            [f"{where}: {zone_id!r} is the private zone {zone.name!r}, which SES can't look into"]
        )
    if not f"._domainkey.{domain}".endswith(f".{zone.name}"):
        raise InvalidSettings(
            [f"{where}: {zone_id!r} is the zone {zone.name!r}, which does not hold {domain!r}"]
        )
    return zone


def _zone_by_name(zone: str | None, domain: str, opts: pulumi.InvokeOptions) -> Any:
    """The public zone called *zone*, or the longest one that holds *domain*."""
    labels = domain.split(".")
    names = [zone] if zone else [".".join(labels[start:]) for start in range(len(labels) - 1)]
    all_zones: list[Any] | None = None
    for name in names:
        try:
            return call(aws.route53.get_zone, f"zone {name!r}", name=name, private_zone=False, opts=opts)
        except AwsRefused as error:
            if error.code:
                raise
            # None or several: pulumi-aws says which only in its message, whose wording has changed
            # before. So zones are listed. https://github.com/pulumi/pulumi-aws-static-website/issues/31
            if "no matching" not in error.reason:
                all_zones = _all_zones(opts) if all_zones is None else all_zones
                called_so = [one for one in all_zones if one.name.rstrip(".") == name]
                if len(called_so) > 1:
                    raise _several(name, domain, called_so) from None
                if called_so:
                    raise
    raise InvalidSettings(
        [
            f'domains["{domain}"].dns: no public zone in Route 53 holds {domain!r}, '
            f"looked for {', '.join(names)}"
        ],
        hint="create the zone, or say where it is: `dns: {assumeRole: …}` in another AWS account, "
        "`dns: manual` at another DNS provider",
    )


def _all_zones(opts: pulumi.InvokeOptions) -> list[Any]:
    """The public zones of the account, one call each, because the list returns only their ids."""
    ids = call(aws.route53.get_zones, "", opts=opts).ids
    zones = [call(aws.route53.get_zone, f"zone {one!r}", zone_id=one, opts=opts) for one in ids]
    return [zone for zone in zones if not zone.private_zone]


def _several(name: str, domain: str, zones: Sequence[Any]) -> InvalidSettings:
    """The error for several *zones* of one *name*, with what distinguishes them."""
    listed = [f"{zone.zone_id} ({', '.join(sorted(zone.name_servers))})" for zone in zones]
    return InvalidSettings(
        [
            f'domains["{domain}"].dns: several public zones in Route 53 are called {name!r}: '
            f"{', '.join(sorted(listed))}"
        ],
        hint="set `dns: {provider: route53, zoneId: …}`, the one that the registrar names",
    )
