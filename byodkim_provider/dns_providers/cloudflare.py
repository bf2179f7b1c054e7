"""
The TXT record at Cloudflare, by pulumi-cloudflare, in a form that never shows a change.

That form is Cloudflare's own: the full name without a final dot, the value quoted and split.
https://github.com/cloudflare/terraform-provider-cloudflare/issues/6238 and 5517
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import pulumi

from byodkim_provider.dkim import records
from byodkim_provider.dns_providers._near_zone import near_zone
from byodkim_provider.dns_providers.aws_functions import in_one_line
from byodkim_provider.dns_providers.interface import HostedZone, KeyRecord
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.txt import joined

TTL = 300
"""Seconds, as in Route 53."""

MAX_COMMENT: Final = 100
"""Longest comment of a record, in characters, on Cloudflare's free plan."""


class Cloudflare:
    """
    Records at Cloudflare; needs the package `pulumi-cloudflare` and an API token (`cloudflare:apiToken`).

    *zone* is the zone's name, *zone_id* its ID; without both it is the longest zone that holds
    the domain. *ttl* is 60 to 86400 seconds, or 1 for Cloudflare's own choice.
    """

    def __init__(self, *, zone: str | None = None, zone_id: str | None = None, ttl: int = TTL) -> None:
        self._zone = zone
        self._zone_id = zone_id
        self._ttl = ttl
        self._hosted_zones: dict[str, HostedZone] = {}

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource | None) -> HostedZone:
        """The zone; raises `InvalidSettings` if there is none, or several of one name, or no SDK."""
        if domain not in self._hosted_zones:
            cloudflare = _sdk(domain)
            opts = pulumi.InvokeOptions(parent=parent)
            if self._zone_id:
                zone = _call(domain, cloudflare.get_zone, zone_id=self._zone_id, opts=opts)
            else:
                zone = _zone_by_name(cloudflare, self._zone, domain, opts)
            self._hosted_zones[domain] = HostedZone(f"cloudflare:{zone.id}", sorted(zone.name_servers))
        return self._hosted_zones[domain]

    def publish(self, name: str, record: KeyRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource | None:
        """A `cloudflare.DnsRecord` called *name*; None if somebody else's record of this key exists."""
        zone_id = self.hosted_zone(record.domain, parent=opts.parent).label.removeprefix("cloudflare:")
        if record.existing == "same key" and isinstance(record.name, str) and isinstance(record.value, str):
            there = _values_of_others(record.domain, zone_id, record.name, opts.parent)
            key = records.public_key(record.value)
            if there and [records.public_key(value) for value in there] == [key]:
                return None  # Cloudflare refuses a second one, and the existing record is not ours to delete
            if there:
                raise InvalidSettings(
                    [
                        f'domains["{record.domain}"].keys: {record.name!r} is at Cloudflare already, not '
                        "made here, and a selector never gets a second key"
                    ],
                    hint="nothing was changed; give the key another selector, since mail may be signed with "
                    "the one that stands there",
                )
        made: pulumi.Resource = _sdk(record.domain).DnsRecord(
            name,
            zone_id=zone_id,
            name=record.name,
            type="TXT",
            content=pulumi.Output.from_input(record.value).apply(records.quoted),
            ttl=self._ttl,
            comment=_owner(),
            opts=opts,
        )
        return made


def _sdk(domain: str) -> Any:
    """The module `pulumi_cloudflare`, imported here because it is optional and large."""
    try:
        import pulumi_cloudflare
    except ImportError:
        raise InvalidSettings(
            [f'domains["{domain}"].dns: cloudflare needs the package pulumi-cloudflare'],
            hint="nothing was changed; `pip install 'pulumi-cloudflare>=6,<7'` into the program's "
            "environment",
        ) from None
    return pulumi_cloudflare


def _zone_by_name(cloudflare: Any, zone: str | None, domain: str, opts: pulumi.InvokeOptions) -> Any:
    """The zone called *zone*, or the longest one that holds *domain*."""
    labels = domain.split(".")
    names = [zone] if zone else [".".join(labels[start:]) for start in range(len(labels) - 1)]
    for name in names:
        found = _call(domain, cloudflare.get_zones, name=name, opts=opts).results
        if len(found) == 1:
            return found[0]
        if found:
            listed = [f"{one.id} ({', '.join(sorted(one.name_servers))})" for one in found]
            raise InvalidSettings(
                [
                    f'domains["{domain}"].dns: several zones at Cloudflare are called {name!r}: '
                    f"{', '.join(sorted(listed))}"
                ],
                hint="set `dns: {provider: cloudflare, zoneId: …}`, the one that the registrar names",
            )
    near = near_zone(names, (one.name for one in _call(domain, cloudflare.get_zones, opts=opts).results))
    raise InvalidSettings(
        [
            f'domains["{domain}"].dns: no zone at Cloudflare holds {domain!r}, '
            f"looked for {', '.join(names)}" + near
        ],
        hint="create the zone, or give the API token the permission Zone Read for it",
    )


def _values_of_others(
    domain: str, zone_id: str, record_name: str, parent: pulumi.Resource | None
) -> list[str]:
    """Values of the TXT records *record_name* that this stack did not create."""
    found = _call(
        domain,
        _sdk(domain).get_dns_records,
        zone_id=zone_id,
        type="TXT",
        name={"exact": record_name},
        opts=pulumi.InvokeOptions(parent=parent),
    )
    return [joined(one.content) for one in found.results if one.comment != _owner()]


def _call(domain: str, function: Callable[..., Any], **arguments: Any) -> Any:
    """The result of *function* of pulumi-cloudflare; raises `InvalidSettings` with one line if it fails."""
    try:
        return function(**arguments)
    except pulumi.RunError:
        raise  # the engine has ended the run, and has said why
    except Exception as error:  # noqa: BLE001 # the SDK raises nothing narrower
        raise InvalidSettings(
            [f'domains["{domain}"].dns: Cloudflare: {in_one_line(error)}'],
            hint="nothing was changed; is `cloudflare:apiToken` set, and may it read the zone?",
        ) from None


def _owner() -> str:
    """The comment that marks this stack's records. A long one ends in a digest: no two are equal."""
    owner = f"byodkim: {pulumi.get_project()}/{pulumi.get_stack()}"
    if len(owner) <= MAX_COMMENT:
        return owner
    digest = hashlib.sha256(owner.encode()).hexdigest()[:16]
    return f"{owner[: MAX_COMMENT - len(digest) - 1]} {digest}"
