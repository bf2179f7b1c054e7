"""
If this fails, mail fails in a rotation of a domain whose CNAMEs were pasted once.

docs/how-to/dns.md has the setting. Mail is judged at each line that a run shows, so between its
steps too.
"""

import pytest

from sandbox.ses.emulator import Fault
from tests.engine.panel import Panel
from tests.engine.receivers import ZONE, Receivers, paste, slot
from tests.engine.results import base64_der, published_records
from tests.engine.stack import (
    IDENTITY,
    KEY,
    OPENSSL_KEY,
    OTHER_REGION,
    RECORD,
    REGION,
    VERIFICATION,
    requests,
    steps,
)
from tests.engine.state import days_pass, urn

pytestmark = pytest.mark.engine


DAY = 86400


@pytest.fixture(scope="module")
def keys_zone(sandbox):
    return Panel(sandbox, ZONE)


def declared(domain, generation=1, *, prefix="ses", ttl=300, **settings):
    dns = {"provider": "route53", "zone": ZONE, "cname": prefix, "ttl": ttl}
    return {domain: {"generation": generation, "dns": dns, **settings}}


def shown(result, domain):
    return result.outputs["domains"][domain]


def due(sandbox, open_stack, domain):
    """
    A stack whose generation 2 has signed for so long that it can rotate, and the receivers of its
    mail.
    """
    paste(sandbox, domain)
    stack = open_stack(declared(domain, 2))
    stack.apply()
    receivers = Receivers(sandbox, domain)
    receivers.days_pass(11)
    days_pass(stack, 11)
    return stack, receivers


def rotated(domain, makes, *, region=REGION):
    """
    The steps of a rotation that makes generation *makes*, in the place of the one three before.
    """
    slot = f"{domain}/ses{(makes - 1) % 3 + 1}/{ZONE}"
    old = [("delete", f"{domain}/{makes - 3}", KEY)] if makes > 3 else []
    how = "update" if makes > 3 else "create"
    return sorted(
        [
            ("create", f"{domain}/{makes}", KEY),
            (how, slot, RECORD),
            ("update", f"{domain}/{region}", IDENTITY),
            ("update", "verification", VERIFICATION),
            *old,
        ]
    )


def test_first_up_before_the_cnames(sandbox, open_stack, keys_zone):
    """
    The records are made, the three CNAMEs are printed, and the run after they are pasted goes on.
    """
    domain = "later.example"
    panel = Panel(sandbox, domain)
    stack = open_stack(declared(domain))
    with requests(sandbox) as asked:
        first = stack.apply()
    assert shown(first, domain)["regions"][REGION]["status"] == "AWAITING_DNS"
    assert "CreateEmailIdentity" not in asked.operations
    for number in (1, 2, 3):
        name = f"ses{number}._domainkey.{domain}"
        assert f"type:  CNAME\n      name:  {name}\n      value: {name}.{ZONE}\n" in first.stdout
    assert "the next `pulumi up` goes on once these CNAMEs are there" in first.stdout
    assert (slot(sandbox, domain, 1), slot(sandbox, domain, 2)) == tuple(
        record["value"] for record in published_records(first, domain)
    )
    assert slot(sandbox, domain, 3) is None

    for number in (1, 2, 3):
        name = f"ses{number}._domainkey.{domain}"
        panel.paste(name, f"{name}.{ZONE}.", kind="CNAME")
    again = stack.up()
    assert shown(again, domain)["regions"][REGION]["status"] == "SUCCESS", again.stdout


def test_rotations(sandbox, open_stack, keys_zone):
    """
    Each changes one record in place, once SES has left its key long ago; no mail fails at any
    moment.

    The first makes the third record, the next three change each of them, and the last one again.
    """
    domain = "paste.example"
    paste(sandbox, domain)
    stack = open_stack(declared(domain, ttl=DAY))
    first = stack.up()
    assert shown(first, domain)["regions"][REGION]["status"] == "SUCCESS"
    assert steps(stack.up()) == []
    receivers = Receivers(sandbox, domain)
    receivers()
    for generation in range(2, 7):
        receivers.days_pass(10)
        days_pass(stack, 10)
        stack.declare(declared(domain, generation, ttl=DAY))
        receivers()
        if generation < 4:
            preview = stack.preview()
            assert sorted(steps(preview)) == rotated(domain, generation + 1), preview.stdout
        up = stack.up(on_output=receivers)
        receivers()
        assert sorted(steps(up)) == rotated(domain, generation + 1), up.stdout
        assert shown(up, domain)["selector"] == f"ses{(generation - 1) % 3 + 1}"
        assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS"
    assert receivers.failed == []
    assert steps(stack.up()) == []


def test_refusals(sandbox, open_stack, keys_zone):
    """
    A slot that is still in use, a jump of three generations, and a slot that holds another's key.
    """
    domain = "refused-slots.example"
    paste(sandbox, domain)
    stack = open_stack(declared(domain, 2))
    stack.up()
    days_pass(stack, 11)
    stack.apply(declared(domain, 3))
    before = [slot(sandbox, domain, number) for number in (1, 2, 3)]

    stack.declare(declared(domain, 4))
    run = stack.up()
    assert run.failed
    assert f"StillInUse: {domain}: generation 2 signed until " in run.stdout
    assert "`published: [2, 3, 4]` is allowed today" in run.stdout
    stack.declare(declared(domain, 6, overlapDays=0))
    run = stack.up()
    assert run.failed
    assert f"._domainkey.{domain}.{ZONE}' is in DNS already, with another key: " in run.stdout
    assert before == [slot(sandbox, domain, number) for number in (1, 2, 3)]

    taken = open_stack(declared(domain, regions=[OTHER_REGION]), stack="another").up()
    assert taken.failed
    assert f"'ses1._domainkey.{domain}.{ZONE}' is in DNS already, with another key" in taken.stdout
    assert before == [slot(sandbox, domain, number) for number in (1, 2, 3)]


def test_back_and_a_leaked_key(sandbox, open_stack, keys_zone):
    """
    A step back leaves the records; a leaked key's slot is emptied, and its next key gets it anew.
    """
    domain = "back.example"
    stack, receivers = due(sandbox, open_stack, domain)
    for generation, published in ((3, [2, 3, 4]), (2, [2, 3, 4]), (3, [2, 3, 4])):
        stack.declare(declared(domain, generation, published=published))
        receivers()
        up = stack.up(on_output=receivers)
        assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS", up.stdout
    assert receivers.failed == []

    # The key of generation 3 has leaked, so mail that it signed fails on purpose.
    leaked = slot(sandbox, domain, 3)
    receivers = Receivers(sandbox, domain)
    up = stack.apply(declared(domain, 4, published=[2, 4], overlapDays=0))
    receivers()
    assert (slot(sandbox, domain, 3), shown(up, domain)["selector"]) == (None, "ses1")
    days_pass(stack, 11)
    up = stack.apply(declared(domain, 4, published=[4, 5, 6]), on_output=receivers)
    stack.declare(declared(domain, 5, published=[4, 5, 6]))
    up = stack.up(on_output=receivers)
    assert shown(up, domain)["selector"] == "ses2"
    assert slot(sandbox, domain, 3) not in (None, leaked)
    assert receivers.failed == []


def test_to_cname_and_back(sandbox, open_stack, keys_zone):
    """Both are listed, the key that signs moves by rotations, then the old place is dropped."""
    domain = "changing.example"
    paste(sandbox, domain)
    plain, slots = {"provider": "route53"}, declared(domain)[domain]["dns"]
    stack = open_stack({domain: {"generation": 1, "dns": plain}})
    stack.up()
    receivers = Receivers(sandbox, domain)

    def rotate(*listed, generation):
        receivers.days_pass(11)
        days_pass(stack, 11)
        settings = {"generation": generation, "dns": list(listed)}
        receivers()
        up = stack.apply({domain: settings}, on_output=receivers)
        assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS"
        return up

    stack.declare({domain: {"generation": 1, "dns": [slots]}})
    at_once = stack.preview()
    assert at_once.failed
    assert "this generation has a key already, with one of its own, not ses" in at_once.stdout
    stack.declare({domain: {"generation": 1, "dns": [plain, slots]}})
    assert "set `fromGeneration: 3` at the new one" in stack.preview().stdout

    both = plain, slots | {"fromGeneration": 3}
    for generation in (2, 3, 4):
        up = rotate(*both, generation=generation)
    assert shown(up, domain)["selector"] == "ses1"
    assert sandbox.dns.txt(f"ses2._domainkey.{domain}.{ZONE}")
    rotate(slots, generation=5)
    rotate(slots, {"provider": "route53", "fromGeneration": 7}, generation=6)
    up = rotate(slots, {"provider": "route53", "fromGeneration": 7}, generation=7)
    assert not shown(up, domain)["selector"].startswith("ses")
    rotate(slots, {"provider": "route53", "fromGeneration": 7}, generation=8)
    up = rotate(plain, generation=9)
    assert up.ok
    assert [slot(sandbox, domain, number) for number in (1, 2, 3)] == [None, None, None]
    assert receivers.failed == []


def test_target_and_plan(sandbox, open_stack, keys_zone, tmp_path):
    """
    No choice of resources changes a record before its identity lets it, and a saved plan holds.
    """
    domain = "target.example"
    paste(sandbox, domain)
    stack = open_stack(declared(domain, 2))
    stack.up()
    receivers = Receivers(sandbox, domain)
    before = [slot(sandbox, domain, number) for number in (1, 2, 3)]
    for generation in (3, 4, 5):  # generation 2 signs, and generation 5 would take its slot
        stack.declare(declared(domain, generation))
        receivers()
        targets = [
            "**::byodkim",
            f"**::{domain}",
            f"**::{domain}/ses**",
            f"**::{domain}/{generation + 1}",
        ]
        run = stack.up(target=targets, on_output=receivers)
        assert before == [slot(sandbox, domain, number) for number in (1, 2, 3)], run.stdout
    assert receivers.failed == []

    receivers.days_pass(11)
    days_pass(stack, 11)
    stack.declare(declared(domain, 3))
    plan = tmp_path / "plan.json"
    planned = stack.preview(plan=str(plan))
    assert planned.ok, planned.errors
    receivers()
    run = stack.apply(plan=str(plan), on_output=receivers)
    assert before[0] != slot(sandbox, domain, 1)
    assert before[1:] == [slot(sandbox, domain, number) for number in (2, 3)]
    assert receivers.failed == []


def test_failure_between(sandbox, open_stack, keys_zone):
    """A switch that SES refuses changes no record, a standby's neither; the next run makes both."""
    domain = "between.example"
    stack, receivers = due(sandbox, open_stack, domain)
    before = slot(sandbox, domain, 1)
    stack.declare(declared(domain, 3))
    action = "PutEmailIdentityDkimSigningAttributes"
    for when, goes_on in (("before", True), ("after", False)):
        sandbox.ses.inject(Fault("access_denied", when, operation=action, domain=domain))
        receivers()
        up = stack.up(on_output=receivers, continue_on_error=goes_on)
        assert up.failed
        assert ("what may stand in its slot is not known" in up.stdout) == goes_on
        assert slot(sandbox, domain, 1) == before
    up = stack.apply(on_output=receivers)
    assert slot(sandbox, domain, 1) != before
    assert receivers.failed == []


def test_two_regions(sandbox, open_stack, keys_zone):
    """A slot changes once the identities of all Regions let it."""
    domain = "regions.example"
    paste(sandbox, domain)
    regions = [REGION, OTHER_REGION]
    stack = open_stack(declared(domain, 2, regions=regions))
    stack.apply()
    receivers = Receivers(sandbox, domain)
    receivers.days_pass(11)
    days_pass(stack, 11)
    before = slot(sandbox, domain, 1)
    stack.declare(declared(domain, 3, regions=regions))
    receivers()
    only = [
        "**::byodkim",
        f"**::{domain}",
        f"**::{domain}/{REGION}",
        f"**::{domain}/ses1**",
        f"**::{domain}/1",
        f"**::{domain}/4",
    ]
    stack.apply(target=only, on_output=receivers)
    assert slot(sandbox, domain, 1) == before
    stack.apply(on_output=receivers)
    assert slot(sandbox, domain, 1) != before
    assert receivers.failed == []


def test_another_zone(sandbox, open_stack, keys_zone):
    """
    Both zones have the records while the CNAMEs move; the old one stays as long as one leads there.
    """
    domain, new = "zones.example", "new.example.net"
    Panel(sandbox, new)
    panel = paste(sandbox, domain)
    stack = open_stack(declared(domain))
    stack.up()
    receivers = Receivers(sandbox, domain)
    old_zone = declared(domain)[domain]["dns"]
    new_zone = old_zone | {"zone": new}
    names = [f"ses{number}._domainkey.{domain}" for number in (1, 2, 3)]

    receivers()
    up = stack.apply({domain: {"generation": 1, "dns": [new_zone, old_zone]}}, on_output=receivers)
    assert [sandbox.dns.txt(f"{name}.{new}") for name in names] == [
        sandbox.dns.txt(f"{name}.{ZONE}") for name in names
    ]
    stack.declare({domain: {"generation": 1, "dns": new_zone}})
    refused = stack.up()
    assert refused.failed
    assert f"the record is still asked for at route53:{keys_zone.zone_id}" in refused.stdout
    for name in names:
        panel.paste(name, f"{name}.{new}.", kind="CNAME")
    receivers()
    up = stack.apply(on_output=receivers)
    receivers()
    assert [sandbox.dns.txt(f"{name}.{ZONE}") for name in names] == [(), (), ()]
    assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS"
    assert receivers.failed == []


def test_another_prefix(sandbox, open_stack, keys_zone):
    """The key that signs moves to the other three selectors by rotations, in the same zone."""
    domain = "prefixes.example"
    panel = paste(sandbox, domain)
    for number in (1, 2, 3):
        name = f"mail{number}._domainkey.{domain}"
        panel.paste(name, f"{name}.{ZONE}.", kind="CNAME")
    stack = open_stack(declared(domain))
    stack.up()
    receivers = Receivers(sandbox, domain)
    old = declared(domain)[domain]["dns"]
    new = old | {"cname": "mail", "fromGeneration": 3}
    for generation, listed, selector in (
        (2, [old, new], "ses2"),
        (3, [old, new], "mail3"),
        (4, [old, new], "mail1"),
        (4, [new], "mail1"),
        (5, [new | {"fromGeneration": 1}], "mail2"),
    ):
        receivers.days_pass(11)
        days_pass(stack, 11)
        receivers()
        up = stack.apply({domain: {"generation": generation, "dns": listed}}, on_output=receivers)
        assert shown(up, domain)["selector"] == selector
        assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS"
    receivers()
    assert receivers.failed == []
    assert [slot(sandbox, domain, number) for number in (1, 2, 3)] == [None, None, None]


def test_replacement_and_rotation(sandbox, open_stack, keys_zone):
    """
    A replaced identity that was adopted has forgotten when each generation signed.

    A slot gets no other key in that run, and no record of a domain without slots leaves DNS.
    """
    domain, plain = "replaced-slots.example", "replaced-records.example"
    stack = open_stack()

    def declare(of_slots, of_plain):
        settings = declared(domain, of_slots, adopt=True)
        stack.declare(settings | declared(plain, of_plain, adopt=True, dns="route53"))

    for name in (domain, plain):
        paste(sandbox, name)
        sandbox.ses.put_identity(name, REGION, selector="old", private_key=base64_der(OPENSSL_KEY))
    declare(2, 2)
    stack.apply()
    days_pass(stack, 11)
    declare(3, 3)
    rotated = stack.apply()
    before = [slot(sandbox, domain, number) for number in (1, 2, 3)]
    previous = published_records(rotated, plain)[0]["name"]

    declare(3, 4)
    assert "StillInUse" in stack.preview().stdout
    stack.apply(replace=[urn(IDENTITY, f"{plain}/{REGION}")])
    assert sandbox.dns.txt(previous)

    declare(4, 4)
    replaced = [urn(IDENTITY, f"{domain}/{REGION}")]
    for run in (stack.preview(replace=replaced), stack.up(replace=replaced)):
        assert run.failed, run.stdout
        assert "signing with selector 'ses3', not 'ses1'" in run.stdout
    assert [slot(sandbox, domain, number) for number in (1, 2, 3)] == before
    assert sandbox.ses.identities(REGION)[domain].selector == "ses3"
    declare(3, 4)
    stack.apply(replace=replaced)
