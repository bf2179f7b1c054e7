"""Where a domain's records go follows from zones and name servers, and is never guessed."""

from __future__ import annotations

import pytest

from byodkim_provider.cli.scan_entries import home_of
from byodkim_provider.dns.resolver import ZoneInDns, hosting_lookup
from tests.support.cases import cases
from tests.support.dns_servers import failing, running

AWS = ("ns-1.awsdns-1.com", "ns-2.awsdns-2.net")
OTHER = ("ns-9.awsdns-9.org",)
SERVERS = {"Z1": AWS, "Z2": OTHER, "Z3": ("ns-7.awsdns-7.co.uk",)}

ONE = {"Z1": "example.com"}
TWO_OF_A_NAME = {"Z2": "example.com", **ONE}
LONGER = {**ONE, "Z3": "mail.example.com"}


class Account:
    """Route 53 of an account with *zones*, and a private one that counts for nothing."""

    def __init__(self, zones):
        self._zones = zones

    def zones(self, *, is_private=False):
        return {"Z9": "mail.example.com"} if is_private else self._zones

    def name_servers(self, zone_id):
        return SERVERS[zone_id]


def manual(**options):
    return {"provider": "manual", **options}


MAIL, COM = "mail.example.com", "example.com"
PASTED = manual(panel="route53", zone=COM)
ELSEWHERE = "of another account: `dns: {assumeRole: …}` writes there"
BY_API = "`dns: cloudflare` needs nobody who pastes"
NAMECHEAP = ("dns1.registrar-servers.com",)


@cases(
    ("zone", "servers", "zones", "title", "setting", "note"),
    {
        "zone of the account": (COM, AWS, ONE, "Route 53", None, ""),
        "two of a name": (COM, AWS, TWO_OF_A_NAME, "Route 53", {"zoneId": "Z1"}, ""),
        "a longer zone that nobody delegates to": (
            COM,
            AWS,
            LONGER,
            "Route 53",
            {"zoneId": "Z1"},
            "",
        ),
        "another account": (COM, OTHER, ONE, "Route 53", PASTED, ELSEWHERE),
        "zones not readable": (COM, AWS, None, "Route 53", PASTED, f"perhaps {ELSEWHERE}"),
        "API": (
            MAIL,
            ("a.ns.cloudflare.com",),
            ONE,
            "Cloudflare",
            manual(panel="cloudflare"),
            BY_API,
        ),
        "panel": (COM, NAMECHEAP, {}, "Namecheap", manual(panel="namecheap", zone=COM), ""),
        "own name server": (MAIL, ("ns.example.org",), {}, "other", "manual", ""),
        "own name server of the parent": (
            COM,
            ("ns.example.org",),
            {},
            "other",
            manual(zone=COM),
            "",
        ),
    },
)
def test_home(zone, servers, zones, title, setting, note):
    """
    The zone that DNS names decides; a zone of the account that it does not name counts for nothing.
    """
    found = home_of(MAIL, ZoneInDns(zone, servers), None if zones is None else Account(zones))
    assert (title, setting, note, "") == (found.title, found.setting, found.note, found.failure)


@pytest.mark.parametrize(
    ("failure", "zones", "why"),
    [
        ("no zone", {}, "no zone in DNS"),
        ("no zone", ONE, "no zone in DNS, though Route 53 has a zone"),
        ("silent", None, "no answer from DNS (silent)"),
    ],
)
def test_no_home(failure, zones, why):
    """
    Without a zone in DNS it is said why; a zone of the account that nobody delegates to is named.
    """
    route53 = None if zones is None else Account(zones)
    assert home_of("mail.example.com", ZoneInDns(failure=failure), route53).failure == why


ZONES = """
example.com. IN NS ns2.example.net.
example.com. IN NS NS1.Example.net.
deep.sub.example.com. IN NS ns3.example.net.
"""


@pytest.fixture(scope="module")
def network():
    with running() as network:
        yield network


@pytest.mark.parametrize(
    ("domain", "zone", "servers"),
    [
        ("example.com", "example.com", ("ns1.example.net", "ns2.example.net")),
        ("sub.example.com", "example.com", ("ns1.example.net", "ns2.example.net")),
        ("a.deep.sub.example.com", "deep.sub.example.com", ("ns3.example.net",)),
        ("example.org", "", ()),
    ],
)
def test_zone_in_dns(network, domain, zone, servers):
    """The longest zone that holds the domain is found by its NS records, in their normal form."""
    network.reset()
    network[1].knows(ZONES)
    lookup = hosting_lookup([f"127.0.0.1:{network.port}"])
    assert lookup(domain) == ZoneInDns(zone, servers, "" if zone else "no zone")


def test_resolver_that_fails(network):
    """A resolver that gives no answer is not "no zone"."""
    network.reset()
    network[1].knows(ZONES, failing("SERVFAIL"))
    assert hosting_lookup([f"127.0.0.1:{network.port}"])("example.com").failure == "SERVFAIL"
