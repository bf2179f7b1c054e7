"""The TXT record in Route 53, by pulumi-aws, in the longest public zone that holds its name."""

from __future__ import annotations

import re
from typing import Literal

import pulumi
import pulumi_aws as aws

from byodkim_provider import records
from byodkim_provider.errors import InvalidSettings

__all__ = ["Existing", "Route53"]

Existing = Literal["refuse", "same key", "replace"]
"""A record that exists already: an error; taken over if it holds this key, else an error; replaced."""

TTL = 300
"""Seconds. A record never changes once made; short, so that one put right by hand is seen soon."""


class Route53:
    """
    Records in Route 53.

    *zone* is the zone's name, *zone_id* its ID (which is not looked up); without both, the
    longest public zone that holds the domain. *ttl* in seconds.
    """

    def __init__(self, *, zone: str | None = None, zone_id: str | None = None, ttl: int = TTL) -> None:
        self._zone = zone
        self._zone_id = zone_id
        self._ttl = ttl

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
        """An `aws.route53.Record` called *name*."""
        self._zone_id = self._zone_id or zone_id_of(domain, zone=self._zone, parent=opts.parent)
        if existing == "same key" and isinstance(record_name, str) and isinstance(record_value, str):
            _refuse_other_key(self._zone_id, domain, record_name, record_value, opts.parent)
        record: pulumi.Resource = aws.route53.Record(
            name,
            zone_id=self._zone_id,
            name=record_name,
            type=aws.route53.RecordType.TXT,
            ttl=self._ttl,
            records=[pulumi.Output.from_input(record_value).apply(records.route53_value)],
            allow_overwrite=existing != "refuse",
            opts=opts,
        )
        return record


def zone_id_of(domain: str, *, zone: str | None, parent: pulumi.Resource | None) -> str:
    """
    ID of the public zone for the records of *domain*.

    Raises `InvalidSettings` if there is none, or two of one name.
    """
    labels = domain.split(".")
    names = [zone] if zone else [".".join(labels[start:]) for start in range(len(labels) - 1)]
    for name in names:
        try:
            found = aws.route53.get_zone(
                name=name, private_zone=False, opts=pulumi.InvokeOptions(parent=parent)
            )
        except Exception as error:  # the SDK raises nothing narrower for a failed function
            if "no matching Route 53 Hosted Zone" in str(error):
                continue
            if "multiple Route 53 Hosted Zones" in str(error):
                raise InvalidSettings(
                    [f'domains["{domain}"].dns: several public zones in Route 53 are called {name!r}'],
                    hint="set `dns: {provider: route53, zoneId: …}`, the one that the registrar delegates to",
                ) from None
            raise
        return str(found.zone_id)
    raise InvalidSettings(
        [
            f'domains["{domain}"].dns: no public zone in Route 53 holds {domain!r}, looked for {", ".join(names)}'
        ],
        hint="create the zone, or set `dns: {provider: route53, zoneId: …}`",
    )


def _refuse_other_key(
    zone_id: str, domain: str, record_name: str, record_value: str, parent: pulumi.Resource | None
) -> None:
    found = aws.route53.get_records(
        zone_id=zone_id,
        name_regex=f"^{re.escape(record_name)}[.]$",
        opts=pulumi.InvokeOptions(parent=parent),
    )
    texts = [
        record.value
        for record_set in found.resource_record_sets
        if record_set.type == "TXT"
        for record in record_set.resource_records
    ]
    key = records.public_key(record_value)
    if texts and [_key_in(text) for text in texts] != [key]:
        raise InvalidSettings(
            [f'domains["{domain}"].keys: {record_name!r} is in Route 53 already, with another value'],
            hint="nothing was changed; a record is taken over only if it holds this very key: "
            "remove it, or give the key another selector",
        )


def _key_in(text: str) -> bytes | None:
    try:
        return records.public_key(records.parse_quoted(text))
    except ValueError:
        return None
