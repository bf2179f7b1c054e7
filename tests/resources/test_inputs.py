"""What the identity of a domain is told of its zones, and how a record in them is called."""

import pytest

from byodkim_provider.config import settings
from byodkim_provider.dkim import generations
from byodkim_provider.resources.inputs import (
    let_stand,
    of_identity,
    takes_a_slot,
    txt_record,
    zone_of,
)
from tests.support.cases import cases, written_out

DOMAIN = "shop.example"
SLOTS = {"provider": "route53", "zone": "keys.example.net", "cname": "ses"}
LATER = {"fromGeneration": 3}
NOT_ASKED = {
    "selectors": [],
    "slots": None,
    "account_id": None,
    "mail_from_published": False,
}


def program(listed, generation):
    """The settings with these entries of `dns`, and their zones."""
    domains = {"domains": {DOMAIN: {"generation": generation, "dns": listed}}}
    (domain,) = settings.load(domains, default_region="eu-west-1").domains
    return domain, [zone_of(one, id="Z1", name=one.zone or "") for one in domain.dns]


NAMES = """
dns: [{}]
  s._domainkey.shop.example
  s._domainkey.shop.example
  s._domainkey.shop.example
dns: [{provider: route53, zone: keys.example.net, cname: ses}]
  ses1._domainkey.shop.example.keys.example.net
  ses2._domainkey.shop.example.keys.example.net
  ses3._domainkey.shop.example.keys.example.net
dns: [{}, {provider: route53, zone: keys.example.net, cname: ses, fromGeneration: 3}]
  s._domainkey.shop.example
  s._domainkey.shop.example
  ses3._domainkey.shop.example.keys.example.net
dns: [{provider: route53, zone: keys.example.net, cname: ses},
    {provider: route53, zone: keys.example.net, cname: mail, fromGeneration: 3}]
  ses1._domainkey.shop.example.keys.example.net
  ses2._domainkey.shop.example.keys.example.net
  mail3._domainkey.shop.example.keys.example.net
"""


@cases(("written", "names"), written_out(NAMES))
def test_names(written, names):
    """The name of each published generation's record, in the zone that it stands in."""
    domain, zones = program(written["dns"], 2)
    key = {"record_name": names[0], "record_value": "p="}
    identity = of_identity(domain, "eu-west-1", key=key, zones=zones, **NOT_ASKED)
    assert identity["zones"] == zones
    found = []
    for generation in domain.published:
        (zone,) = generations.holding(zones, generation)
        found.append(txt_record(domain, generation, zone, key=key).name)
    assert found == names


@pytest.mark.parametrize("retired", [True, False])
def test_slot_of_a_retired_domain(retired):
    """A standby's key takes the place of another one, but not once the domain is retired."""
    written = {"generation": 2, "dns": [SLOTS], "retired": retired}
    (domain,) = settings.load({"domains": {DOMAIN: written}}, default_region="eu-west-1").domains
    assert takes_a_slot(domain, 3) is not retired


@cases(
    ("generation", "listed"),
    {"both": (2, 2), "the first holds the previous key": (3, 2), "only the second": (4, 1)},
)
def test_zones_without_a_record_are_left_out(generation, listed):
    """A zone in which no published record stands is no business of the identity."""
    domain, zones = program([{}, SLOTS | LATER], generation)
    identity = of_identity(domain, "eu-west-1", key={}, zones=zones, **NOT_ASKED)
    assert identity["zones"] == zones[-listed:]


@pytest.mark.parametrize("slots", [["old", "new"], ["new", "old"]], ids=str)
def test_slot_of_two_regions(slots):
    """A slot gets its next key once the identities of all Regions let it."""
    assert let_stand([{"ses1": one} for one in slots], "ses1", "new") == "old"
    assert let_stand([None, {}], "ses1", "new") == "new"
