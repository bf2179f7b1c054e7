"""
What refusals about zones and records advise, all of it followed in one edit: the stack comes up.
"""

from itertools import pairwise

import boto3
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


def zone_in_another_account(sandbox, name):
    """The role that may write to a new zone in another account, and the zone's id."""
    role = f"arn:aws:iam::{sandbox.aws.add_account()}:role/dns"
    where = {"region_name": REGION, "endpoint_url": sandbox.aws.url}
    sts = boto3.client(
        "sts",
        aws_access_key_id=sandbox.aws.access_key,
        aws_secret_access_key=sandbox.aws.secret_key,
        **where,
    )
    signed_in = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    route53 = boto3.client(
        "route53",
        aws_access_key_id=signed_in["AccessKeyId"],
        aws_secret_access_key=signed_in["SecretAccessKey"],
        aws_session_token=signed_in["SessionToken"],
        **where,
    )
    zone = route53.create_hosted_zone(Name=name, CallerReference="test")
    return role, zone["HostedZone"]["Id"].removeprefix("/hostedzone/")


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
    """Zones that are not there, not here, or there twice, and selectors that somebody else uses."""
    stack = open_stack()
    twice = [sandbox.add_zone("twice.example") for _ in range(2)]
    Panel(sandbox, "taken.example").paste("s1._domainkey.taken.example", OTHER_VALUE)
    wrong_id = ONE | {"dns": {"zoneId": "Z0123456789ABC"}}
    domains = {
        **dict.fromkeys(
            ("none.example", "not-here.example", "by-hand.example", "twice.example"), ONE
        ),
        **dict.fromkeys(("wrong-id.example", "their-id.example"), wrong_id),
    }
    stack.declare(domains)
    refused = stack.preview()
    assert refused.failed
    create_or_say = (
        "create the zone, or say where it is: `dns: {assumeRole: …}` in another AWS account, "
        "`dns: manual` at another DNS provider"
    )
    correct_it = (
        "correct it, create the zone, or use the credentials of the account that holds it: "
        "`dns: {assumeRole: …}`"
    )
    assert {domain: hints(refused, domain) for domain in domains} == {
        **{domain: {correct_it} for domain in ("wrong-id.example", "their-id.example")},
        "none.example": {create_or_say},
        "not-here.example": {create_or_say},
        "by-hand.example": {create_or_say},
        "twice.example": {
            "set `dns: {provider: route53, zoneId: …}`, the one that the registrar names"
        },
    }

    sandbox.add_zone("none.example")
    role, _ = zone_in_another_account(sandbox, "not-here.example")
    other_role, their_id = zone_in_another_account(sandbox, "their-id.example")
    domains |= {
        "not-here.example": ONE | {"dns": {"assumeRole": role}},
        "by-hand.example": ONE | {"dns": "manual"},
        "wrong-id.example": ONE | {"dns": {"zoneId": sandbox.add_zone("wrong-id.example")}},
        "their-id.example": ONE | {"dns": {"zoneId": their_id, "assumeRole": other_role}},
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
    assert followed.ok, followed.stdout
    assert {
        domain: shown["regions"][REGION]["status"]
        for domain, shown in followed.outputs["domains"].items()
    } == dict.fromkeys(domains, "SUCCESS") | {"by-hand.example": "AWAITING_DNS"}
