"""Zones for tests, by what people read of them."""

from typing import Any

from byodkim_provider.hosts.zones import MANUAL, ROUTE53, Zone


def zone(label: str, **more: Any) -> Zone:
    """The zone called *label*, such as `route53:Z1`, `godaddy:example.com` or `manual`."""
    provider, _, known_as = label.partition(":")
    key = "id" if provider == ROUTE53 else "name"
    given = {"name": "example.com"} if provider == MANUAL else {key: known_as}
    return Zone(provider=provider, **given | more)


def zones(*labels: str, **more: Any) -> tuple[Zone, ...]:
    return tuple(zone(label, **more) for label in labels)


def slots(name: str = "keys.example.net", label: str = "route53:Z1", **more: Any) -> Zone:
    """The zone with the slots of a domain, at the provider of *label*."""
    return zone(label, **{"name": name, "cname": "ses"} | more)
