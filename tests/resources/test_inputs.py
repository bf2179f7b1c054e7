"""What the identity of a domain is told of its zones."""

from __future__ import annotations

import pytest

from byodkim_provider.config import settings
from byodkim_provider.resources.inputs import HostedZone, Shared, of_identity, takes_a_slot
from tests.support.cases import cases

DOMAIN, Z = "shop.example", "route53:Z1"
SLOTS = {"provider": "route53", "zone": "keys.example.net", "cname": "ses"}


def place(slot, zone="keys.example.net", prefix="ses"):
    return f"{prefix}{slot}._domainkey.{DOMAIN}.{zone}@{Z}"


def given(listed, generation):
    """The inputs, with these entries of `dns`."""
    domains = {"domains": {DOMAIN: {"generation": generation, "dns": listed}}}
    (domain,) = settings.load(domains, default_region="eu-west-1").domains
    zones = [
        HostedZone(
            "manual" if one.provider == "manual" else Z,
            panel=one.panel,
            from_generation=one.from_generation,
            cname_zone=one.zone if one.cname else None,
        )
        for one in domain.dns
    ]
    key = {"selector": "s", "record_value": "p="}
    shared = Shared(key=key, selectors=[], slots=None, zones=zones, account_id=None)
    return of_identity(domain, "eu-west-1", shared)


@cases(
    ("listed", "places"),
    {
        "one zone": ([{}], None),
        "two zones": ([{}, {"provider": "manual"}], None),
        "a later one": (
            [{}, {"provider": "manual", "fromGeneration": 3}],
            {"1": [Z], "2": [Z], "3": ["manual"]},
        ),
        "slots": ([SLOTS], {"1": [place(1)], "2": [place(2)], "3": [place(3)]}),
        "slots later": (
            [{}, {**SLOTS, "fromGeneration": 3}],
            {"1": [Z], "2": [Z], "3": [place(3)]},
        ),
        "two prefixes in a zone": (
            [SLOTS, {**SLOTS, "cname": "mail", "fromGeneration": 3}],
            {"1": [place(1)], "2": [place(2)], "3": [place(3, prefix="mail")]},
        ),
        "two names in a zone": (
            [{**SLOTS, "zone": "k2.example.net"}, SLOTS],
            {str(one): [place(one, "k2.example.net"), place(one)] for one in (1, 2, 3)},
        ),
    },
)
def test_places(listed, places):
    """Where each published generation's record stands, unless that is each zone for all."""
    assert given(listed, 2)["places"] == places


@pytest.mark.parametrize(("generation", "panel"), [(2, "wix"), (3, "godaddy"), (4, "godaddy")])
def test_panel(generation, panel):
    """The panel is that into which the record of the key that signs is pasted."""
    listed = [{"provider": "manual", "panel": "wix"}]
    listed += [{"provider": "manual", "panel": "godaddy", "fromGeneration": 3}]
    assert given(listed, generation)["panel"] == panel


@pytest.mark.parametrize("retired", [True, False])
def test_slot_of_a_retired_domain(retired):
    """A standby's key takes the place of another one, but not once the domain is retired."""
    written = {"generation": 2, "dns": [SLOTS], "retired": retired}
    (domain,) = settings.load({"domains": {DOMAIN: written}}, default_region="eu-west-1").domains
    assert takes_a_slot(domain, 3) is not retired
