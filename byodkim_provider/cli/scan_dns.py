"""
Where a domain's records go: the `dns` of its entry in a stack file.

Zones of Route 53 and name servers in DNS in, a setting out. Which panel has which name servers is
in `panels`. Nothing is guessed: DNS that is not known is `manual`, which works everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from byodkim_provider.aws.route53 import Zone
from byodkim_provider.cli.messages import say
from byodkim_provider.cli.scan_account import Account
from byodkim_provider.dns import panels
from byodkim_provider.dns.hosting import ZoneInDns
from byodkim_provider.dns.panels import PANELS
from byodkim_provider.errors import ByodkimError

API_HOSTS: Final = {
    "cloudflare": "`dns: cloudflare`",
    "godaddy": "`dns: godaddy`",
    "dreamhost": "`dns: dreamhost`",
    "hostgator": "`dns: cpanel`",
    "wix": "`dns: wix`",
}
"""Panels whose host this project can write to, once it has credentials (docs/how-to/dns.md)."""


@dataclass(frozen=True, slots=True)
class Route53Zones:
    """The public zones of the account; `None` if they could not be read."""

    zones: tuple[Zone, ...] | None
    name_servers: Callable[[str], tuple[str, ...]]
    """Of a zone, by its id."""

    def holding(self, domain: str) -> list[Zone]:
        """Public zones that hold *domain*, those with the longest name first."""
        found = [one for one in self.zones or () if f".{domain}".endswith(f".{one.name}")]
        return sorted(found, key=lambda one: -len(one.name))


@dataclass(frozen=True, slots=True)
class DnsHome:
    """Where the records of a domain go."""

    title: str
    """For people, such as "Route 53" or "GoDaddy"."""
    zone: str
    name_servers: tuple[str, ...]
    setting: Any = None
    """`dns` in the stack file; None: the default, `route53`."""
    note: str = ""
    """What there is to decide."""
    failure: str = ""
    """Why DNS leads to no zone, so that SES finds no record either; empty if it does."""


def zones_of(account: Account, region: str) -> Route53Zones:
    """The zones of *account*; without the permission a message, and DNS is judged by name servers alone."""
    try:
        route53 = account.route53(region, None)
        zones = tuple(one for one in route53.zones() if not one.is_private)
        return Route53Zones(zones, route53.name_servers)
    except ByodkimError as error:
        say(f"zones of Route 53 can't be read: {error}")
        return Route53Zones(None, lambda _: ())


def home_of(domain: str, seen: ZoneInDns, route53: Route53Zones) -> DnsHome:
    """Where the records of *domain* go, whose zone in DNS is *seen*."""
    holding = route53.holding(domain)
    live = [one for one in holding if _serves(one, seen, route53)]
    if live:
        return DnsHome("Route 53", seen.name, seen.name_servers, _in_route53(live[0], holding))
    if not seen.name:
        why = "no zone in DNS" if seen.failure == "no zone" else f"no answer from DNS ({seen.failure})"
        if holding:
            where = _in_route53(holding[0], holding)
            return DnsHome(f"Route 53, {why}", holding[0].name, (), where, failure=why)
        return DnsHome(why, "", (), "manual", failure=why)
    panel = panels.recognise(seen.name_servers)
    name = next((name for name, one in PANELS.items() if one is panel), None)
    zone = {} if seen.name == domain else {"zone": seen.name}
    setting: Any = {"provider": "manual", **({"panel": name} if name else {}), **zone}
    if setting == {"provider": "manual"}:
        setting = "manual"
    if name == "route53":
        whose = "of another account" if route53.zones is not None else "perhaps of another account"
        note = f"its zone is {whose}: `dns: {{assumeRole: …}}` writes there"
        return DnsHome("Route 53, other account", seen.name, seen.name_servers, setting, note)
    note = f"{API_HOSTS[name]} needs nobody who pastes" if name in API_HOSTS else ""
    return DnsHome(panel.title if panel else "other", seen.name, seen.name_servers, setting, note)


def _serves(zone: Zone, seen: ZoneInDns, route53: Route53Zones) -> bool:
    """Whether DNS names the servers of *zone*: an account may have zones that nobody delegates to."""
    if zone.name != seen.name:
        return False
    return not set(route53.name_servers(zone.id)).isdisjoint(seen.name_servers)


def _in_route53(zone: Zone, holding: Sequence[Zone]) -> Any:
    """The setting for *zone*: its id unless the longest name alone leads to it."""
    longest = [one for one in holding if one.name == holding[0].name]
    return None if longest == [zone] else {"zoneId": zone.id}
