"""
What refusals about zones and records advise, all of it followed in one edit: the stack comes up.
"""

from itertools import pairwise

import pytest

from byodkim_provider.dkim import records
from tests.engine.panel import Panel
from tests.engine.stack import OPENSSL_KEY, REGION
from tests.support.testdata import key

pytestmark = pytest.mark.engine

OTHER_VALUE = records.record_value(key("another").public_key_der)

ONE = {"generation": 1, "published": [1], "keyBits": 1024}


def supplied(selector, generation=1):
    key = {"selector": selector, "privateKey": OPENSSL_KEY}
    return {"generation": generation, "keys": {str(generation): key}}


def hints(result, domain):
    """The hints that stand below the refusals of *domain*."""
    lines = result.stdout.splitlines()
    return {after.partition("hint: ")[2] for line, after in pairwise(lines) if domain in line} - {
        ""
    }


ANOTHER_SELECTOR = (
    "a selector never gets a second key: give this key another selector and another generation, "
    "since mail may be signed with the one that stands there"
)


def test_zones_and_records(sandbox, open_stack):
    """Zones that are not there, or there twice, and selectors that somebody else uses."""
    stack = open_stack()
    twice = [sandbox.add_zone("twice.example") for _ in range(2)]
    Panel(sandbox, "taken.example").paste("s1._domainkey.taken.example", OTHER_VALUE)
    domains = dict.fromkeys(("none.example", "by-hand.example", "twice.example"), ONE)
    domains["wrong-id.example"] = ONE | {"dns": {"zoneId": "Z0123456789ABC"}}
    stack.declare(domains)
    refused = stack.preview()
    assert refused.failed
    create_or_say = (
        "create the zone, or say where it is: `dns: {assumeRole: …}` in another AWS account, "
        "or at which DNS provider: `dns: cloudflare`, `dns: manual`, …"
    )
    correct_it = (
        "correct it, create the zone, or use the credentials of the account that holds it: "
        "`dns: {assumeRole: …}`"
    )
    assert {domain: hints(refused, domain) for domain in domains} == {
        "wrong-id.example": {correct_it},
        "none.example": {create_or_say},
        "by-hand.example": {create_or_say},
        "twice.example": {
            "set `dns: {provider: route53, zoneId: …}`, the one that the registrar names"
        },
    }

    sandbox.add_zone("none.example")
    domains |= {
        "by-hand.example": ONE | {"dns": "manual"},
        "wrong-id.example": ONE | {"dns": {"zoneId": sandbox.add_zone("wrong-id.example")}},
        # The sandbox's registrar names the older one.
        "twice.example": ONE | {"dns": {"provider": "route53", "zoneId": twice[0]}},
    }
    stack.declare(domains | {"taken.example": supplied("s1")})
    taken = stack.preview()
    assert taken.failed
    assert f"hint: nothing was changed in DNS; {ANOTHER_SELECTOR}\n" in taken.stdout

    domains["taken.example"] = supplied("s2", generation=2)
    stack.declare(domains)
    followed = stack.up()
    assert followed.ok, followed.errors
    assert {
        domain: shown["regions"][REGION]["status"]
        for domain, shown in followed.outputs["domains"].items()
    } == dict.fromkeys(domains, "SUCCESS") | {"by-hand.example": "AWAITING_DNS"}
