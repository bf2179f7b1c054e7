"""
No record of ours leaves DNS while an identity of the account signs with its key, whichever way it
would go.

What was in DNS before the stack stays, too.
"""

from datetime import timedelta

import pytest

from sandbox.mail.client import send
from tests.engine.panel import Panel
from tests.engine.results import base64_der, in_the_way, record_value
from tests.engine.stack import OPENSSL_KEY, OTHER_REGION, RECORD_GUARD, REGION, steps

pytestmark = pytest.mark.engine

ZONE = "stays.example"

DAY = timedelta(days=1)

OURS = {
    "generation": 1,
    "published": [1],
    "keys": {"1": {"selector": "mine", "privateKey": OPENSSL_KEY}},
}


@pytest.fixture(scope="module")
def panel(sandbox):
    return Panel(sandbox, ZONE)


def passes(sandbox, domain):
    return send(sandbox, domain, REGION).verdict.result == "pass"


# docs/how-to/leaving.md, "A domain moves to another stack", with one key in both.
def test_to_another_stack_with_the_same_key(sandbox, panel, open_stack):
    """
    The old stack leaves the record, since the new stack's identity signs with it, and says so.
    """
    domain = f"moves.{ZONE}"
    old = open_stack({domain: OURS})
    assert old.up().ok
    new = open_stack({domain: OURS | {"adopt": True}}, stack="new")
    assert new.up().ok
    old.declare({domain: OURS | {"retired": True}})
    assert old.up().ok
    new.declare({domain: OURS})
    assert new.up().ok

    old.declare({})
    gone = old.up()
    assert gone.ok
    left = (
        f"mine._domainkey.{domain}: left at route53:{panel.zone_id}, {domain} {REGION} signs with "
        "it\n"
    )
    assert left in gone.stdout
    assert passes(sandbox, domain)
    assert steps(new.up()) == []


def test_identity_of_somebody_else(sandbox, panel, open_stack):
    """Without a preview only the identity is refused. When the entry goes, their record stays."""
    domain = f"theirs.{ZONE}"
    sandbox.ses.put_identity(domain, REGION, selector="mine", private_key=base64_der(OPENSSL_KEY))
    panel.paste(f"mine._domainkey.{domain}", record_value(OPENSSL_KEY))
    stack = open_stack({domain: OURS})
    assert in_the_way(stack.preview()) == {domain}
    assert stack.up().failed
    stack.declare({})
    gone = stack.up()
    assert gone.ok
    assert f"left at route53:{panel.zone_id}, it was there before this stack\n" in gone.stdout
    assert passes(sandbox, domain)
    stack.declare({domain: OURS | {"adopt": True}})
    assert stack.up().ok
    assert passes(sandbox, domain)


# docs/how-to/leaving.md, "One domain only".
def test_target(sandbox, panel, open_stack):
    """
    `--target` on keys and records does not take a record in its overlap: the identity depends on
    them.
    """
    domain = f"targeted.{ZONE}"
    stack = open_stack({domain: {"generation": 1, "published": [1, 2]}})
    assert stack.up().ok
    message = send(sandbox, domain, REGION)
    stack.declare({domain: {"generation": 2, "published": [1, 2]}})
    assert stack.up().ok

    stack.declare({domain: {"generation": 2, "published": [2]}})
    all_of_the_first = [f"**::{domain}/1", f"**::{domain}/1/**"]
    for targets in (all_of_the_first, all_of_the_first[1:]):
        stack.up(target=targets)
        (again,) = [one for one in sandbox.mail.verify_again(DAY) if one.id == message.id]
        assert again.verdict.result == "pass"
    assert stack.preview().failed
    stack.declare({domain: {"generation": 2, "published": [1, 2]}})
    assert stack.up().ok


def test_the_name_is_taken_meanwhile(sandbox, panel, open_stack):
    """
    A CNAME is seen in the preview, and so is a value that came after a run without its record.
    """
    domain = f"late.{ZONE}"
    name = f"mine._domainkey.{domain}"
    stack = open_stack({domain: OURS})
    panel.paste(name, "elsewhere.example.", kind="CNAME")
    refused = stack.preview()
    assert refused.failed
    assert f"'{name}' is in Route 53 already, with another value" in refused.stdout
    panel.remove(name, "elsewhere.example.", kind="CNAME")

    only_the_guard = stack.up(target=[f"**::{domain}", f"**:RecordGuard::{domain}/1/**"])
    assert ("create", f"{domain}/1", RECORD_GUARD) in steps(only_the_guard)
    panel.paste(name, "v=DKIM1; p=SOMEBODYELSE")
    refused = stack.up()
    assert refused.failed
    assert f"'{name}' is in Route 53 already, with another value" in refused.stdout
    assert sandbox.dns.txt(name) == ("v=DKIM1; p=SOMEBODYELSE",)
    panel.remove(name, "v=DKIM1; p=SOMEBODYELSE")
    assert stack.up().ok
    assert passes(sandbox, domain)


def test_a_region_that_was_left(sandbox, panel, open_stack):
    """An adopted identity stays in the Region that its domain leaves, and its record with it."""
    domain = f"regions.{ZONE}"
    for region in (REGION, OTHER_REGION):
        sandbox.ses.put_identity(
            domain, region, selector="mine", private_key=base64_der(OPENSSL_KEY)
        )
    adopted = OURS | {"adopt": True}
    stack = open_stack({domain: adopted | {"regions": [REGION, OTHER_REGION]}})
    assert stack.up().ok
    stack.declare({domain: adopted | {"regions": [REGION]}})
    assert stack.up().ok
    sandbox.ses.remove(domain, REGION)
    stack.declare({})
    gone = stack.up()
    assert gone.ok
    assert f", {domain} {OTHER_REGION} signs with it\n" in gone.stdout
    assert send(sandbox, domain, OTHER_REGION).verdict.result == "pass"
    stack.declare({domain: adopted | {"regions": [OTHER_REGION]}})
    assert stack.up().ok


def test_a_leaked_key_that_was_there(sandbox, panel, open_stack):
    """The record of a leaked key leaves DNS, although somebody had made it before the stack."""
    domain, leaked = f"leaked.{ZONE}", {"overlapDays": 0, "generation": 2, "published": [2]}
    name = f"mine._domainkey.{domain}"
    panel.paste(name, record_value(OPENSSL_KEY))
    stack = open_stack({domain: OURS | {"published": [1, 2]}})
    assert stack.up().ok
    stack.declare({domain: OURS | leaked})
    assert stack.up().ok
    assert sandbox.dns.txt(name) == ()
    assert passes(sandbox, domain)


def test_two_stacks_with_one_key_in_two_regions(sandbox, panel, open_stack):
    """
    The other stack's identity keeps the record wherever it is, and so does mail that it has just
    sent.
    """
    domain = f"shared.{ZONE}"
    there = OURS | {"regions": [OTHER_REGION]}
    stacks = [
        open_stack({domain: one}, stack=name) for name, one in (("here", OURS), ("there", there))
    ]
    assert all(one.up().ok for one in stacks)
    here, other = stacks
    here.declare({})
    gone = here.up()
    assert gone.ok
    assert f", {domain} {OTHER_REGION} signs with it\n" in gone.stdout
    message = send(sandbox, domain, OTHER_REGION)
    assert message.verdict.result == "pass"

    here.declare({domain: OURS})
    assert here.up().ok
    for generation in (1, 2):
        other.declare({domain: there | {"generation": generation, "published": [1, 2]}})
        assert other.up().ok
    here.declare({})
    gone = here.up()
    assert gone.ok
    assert "left at route53:" in gone.stdout
    (again,) = [one for one in sandbox.mail.verify_again(DAY) if one.id == message.id]
    assert again.verdict.result == "pass"


def test_a_zone_that_is_dropped(sandbox, panel, open_stack):
    """
    Of two zones, the one that is dropped keeps what was there before, and nothing of the stack's.
    """
    zone = f"two.{ZONE}"
    kept, dropped = Panel(sandbox, zone), Panel(sandbox, zone)
    before, ours = f"before.{zone}", f"ours.{zone}"
    dropped.paste(f"mine._domainkey.{before}", record_value(OPENSSL_KEY))
    both = [{"provider": "route53", "zoneId": one.zone_id} for one in (kept, dropped)]
    stack = open_stack({one: OURS | {"dns": both} for one in (before, ours)})
    assert stack.up().ok
    assert [f"mine._domainkey.{one}" for one in (before, ours)] == dropped.names() == kept.names()
    stack.declare({one: OURS | {"dns": both[:1]} for one in (before, ours)})
    assert stack.up().ok
    assert [f"mine._domainkey.{before}"] == dropped.names()
    assert [f"mine._domainkey.{one}" for one in (before, ours)] == kept.names()
    assert stack.destroy().ok
    assert (dropped.names(), kept.names()) == ([f"mine._domainkey.{before}"], [])


def test_replaced_guard(sandbox, panel, open_stack):
    """
    A replacement that was cut short leaves its old half to the next run, and the record to its new
    one.

    With the identity go all records of the stack.
    """
    domain = f"replaced.{ZONE}"
    stack = open_stack({domain: {"generation": 1}})
    made = stack.up()
    assert made.ok
    names = [one["name"] for one in made.outputs["domains"][domain]["records"]]
    state = stack._stack.export_stack()
    guards = [one for one in state.deployment["resources"] if one["type"] == RECORD_GUARD]
    state.deployment["resources"] += [one | {"delete": True} for one in guards]
    stack._stack.import_stack(state)
    again = stack.up()
    assert again.ok
    gone = [("delete-replaced", f"{domain}/{number}", RECORD_GUARD) for number in (1, 2)]
    assert sorted(steps(again)) == gone
    assert all(map(sandbox.dns.txt, names))
    assert steps(stack.up()) == []
    assert stack.destroy().ok
    assert not any(map(sandbox.dns.txt, names))
