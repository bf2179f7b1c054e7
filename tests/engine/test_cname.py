"""
If this fails, mail fails in a rotation of a domain whose CNAMEs were pasted once.

docs/how-to/dns.md has the setting. Mail is judged at each line that a run shows, so between its
steps too.
"""

import pytest

from sandbox.ses.emulator import Fault
from tests.engine.panel import Panel
from tests.engine.receivers import ZONE, Receivers, paste, point, slot, slots
from tests.engine.results import base64_der, published_records
from tests.engine.stack import (
    IDENTITY,
    KEY,
    OPENSSL_KEY,
    OTHER_REGION,
    RECORD,
    REGION,
    requests,
    steps,
)
from tests.engine.state import days_pass, urn

pytestmark = pytest.mark.engine


PLAIN = {"provider": "route53"}
SLOTS = PLAIN | {"zone": ZONE, "cname": "ses"}
FOR_A_DAY = SLOTS | {"ttl": 86400}
TO_SLOTS = [PLAIN, SLOTS | {"fromGeneration": 3}]
FROM_SLOTS = [SLOTS, PLAIN | {"fromGeneration": 7}]
MAIL = SLOTS | {"cname": "mail", "fromGeneration": 3}

ROTATED, MOVED, PREFIXED = "paste.example", "changing.example", "prefixes.example"

LIVES = {
    ROTATED: [
        (generation, [FOR_A_DAY], selector)
        for generation, selector in enumerate(("ses1", "ses2", "ses3", "ses1", "ses2", "ses3"), 1)
    ],
    MOVED: [
        (1, [PLAIN], "s2"),
        (2, TO_SLOTS, "s2"),
        (3, TO_SLOTS, "ses3"),
        (4, TO_SLOTS, "ses1"),
        (5, [SLOTS], "ses2"),
        (6, FROM_SLOTS, "ses3"),
        (7, FROM_SLOTS, "s2"),
        (8, FROM_SLOTS, "s2"),
        (9, [PLAIN], "s2"),
    ],
    PREFIXED: [
        (1, [SLOTS], "ses1"),
        (2, [SLOTS, MAIL], "ses2"),
        (3, [SLOTS, MAIL], "mail3"),
        (4, [SLOTS, MAIL], "mail1"),
        (4, [MAIL], "mail1"),
        (5, [MAIL | {"fromGeneration": 1}], "mail2"),
    ],
}
"""
What a stack file says of each domain, every eleven days: generation and `dns`; and how the selector
begins that signs then (a generated one with its year).
"""


@pytest.fixture(scope="module")
def keys_zone(sandbox):
    return Panel(sandbox, ZONE)


def declared(domain, generation=1, **settings):
    return {domain: {"generation": generation, "dns": SLOTS, **settings}}


def shown(result, domain):
    return result.outputs["domains"][domain]


def rotated(domain, makes):
    """
    The steps of a rotation that makes generation *makes*, in the place of the one three before.
    """
    slot = f"{domain}/ses{(makes - 1) % 3 + 1}/{ZONE}"
    old = [("delete", f"{domain}/{makes - 3}", KEY)] if makes > 3 else []
    how = "update" if makes > 3 else "create"
    key, identity = f"{domain}/{makes}", f"{domain}/{REGION}"
    return sorted([("create", key, KEY), (how, slot, RECORD), ("update", identity, IDENTITY), *old])


def test_rotations(sandbox, open_stack, keys_zone):
    """
    The CNAMEs are printed until they are pasted. After that each run changes at most one record of
    a domain in place, once SES has left its key long ago, and no mail fails at any moment.

    One domain rotates, one moves to `cname` and back, and one to three other selectors.
    """
    domains = {}

    def step(number):
        for domain, life in LIVES.items():
            if number < len(life):
                generation, dns, _ = life[number]
                domains[domain] = {"generation": generation, "dns": dns}
        return domains

    panel = Panel(sandbox, ROTATED)
    paste(sandbox, MOVED)
    point(paste(sandbox, PREFIXED), PREFIXED, prefix="mail")
    stack = open_stack(step(0))
    with requests(sandbox) as asked:
        first = stack.apply()
    assert shown(first, ROTATED)["regions"][REGION]["status"] == "AWAITING_DNS"
    created = [call.domain for call in asked.ses if call.operation == "CreateEmailIdentity"]
    assert sorted(created) == [MOVED, PREFIXED]
    for number in (1, 2, 3):
        name = f"ses{number}._domainkey.{ROTATED}"
        assert f"type:  CNAME\n      name:  {name}\n      value: {name}.{ZONE}\n" in first.stdout
    assert "the next `pulumi up` goes on once these CNAMEs are there" in first.stdout
    values = [record["value"] for record in published_records(first, ROTATED)]
    assert slots(sandbox, ROTATED) == [*values, None]
    point(panel, ROTATED)
    again = stack.up()
    assert shown(again, ROTATED)["regions"][REGION]["status"] == "SUCCESS", again.stdout

    stack.declare(domains | {MOVED: {"generation": 1, "dns": [SLOTS]}})
    at_once = stack.preview()
    assert at_once.failed
    assert "this generation has a key already, with one of its own, not ses" in at_once.stdout
    stack.declare(domains | {MOVED: {"generation": 1, "dns": [PLAIN, SLOTS]}})
    assert "set `fromGeneration: 3` at the new one" in stack.preview().stdout

    receivers = Receivers(sandbox, *LIVES)
    receivers()
    for number in range(1, max(map(len, LIVES.values()))):
        receivers.days_pass(11)
        days_pass(stack, 11)
        receivers()
        up = stack.apply(step(number), on_output=receivers)
        receivers()
        for domain, life in LIVES.items():
            selector = life[min(number, len(life) - 1)][-1]
            assert shown(up, domain)["selector"].startswith(selector)
            assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS"
        if number < len(LIVES[ROTATED]):
            done = [step for step in steps(up) if step[1].startswith(f"{ROTATED}/")]
            assert sorted(done) == rotated(ROTATED, number + 2), up.stdout
        if number == 4:
            assert None not in slots(sandbox, MOVED)
    assert receivers.failed == []
    assert slots(sandbox, MOVED) == slots(sandbox, PREFIXED) == [None, None, None]
    assert steps(stack.up()) == []


def test_back_and_a_leaked_key(sandbox, open_stack, keys_zone):
    """
    A step back leaves the records; a leaked key's slot is emptied, and its next key gets it anew.
    """
    domain = "back.example"
    paste(sandbox, domain)
    stack = open_stack(declared(domain, 2))
    stack.apply()
    receivers = Receivers(sandbox, domain)
    receivers.days_pass(11)
    days_pass(stack, 11)
    for generation in (3, 2):
        receivers()
        up = stack.apply(declared(domain, generation, published=[2, 3, 4]), on_output=receivers)
        assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS", up.stdout
    receivers()
    assert receivers.failed == []

    # The key of generation 2 has leaked, so mail that it signed fails on purpose.
    leaked = slot(sandbox, domain, 2)
    receivers = Receivers(sandbox, domain)
    up = stack.apply(declared(domain, 4, published=[3, 4], overlapDays=0))
    receivers()
    assert (slot(sandbox, domain, 2), shown(up, domain)["selector"]) == (None, "ses1")
    days_pass(stack, 11)
    stack.apply(declared(domain, 4, published=[3, 4, 5]), on_output=receivers)
    receivers()
    assert slot(sandbox, domain, 2) not in (None, leaked)
    assert receivers.failed == []


def test_no_record_changes_too_early(sandbox, open_stack, keys_zone, tmp_path):
    """
    No choice of resources and no failure changes a record before its identity lets it, in all
    Regions; a saved plan is good days later. Refused are a slot in use, and one with another's key.
    """
    targeted, failing, regional = "target.example", "between.example", "regions.example"
    for domain in (targeted, failing, regional):
        paste(sandbox, domain)

    def declare(of_targeted, of_failing, of_regional, **settings):
        both = {"regions": [REGION, OTHER_REGION]}
        stack.declare(
            declared(targeted, of_targeted, **settings)
            | declared(failing, of_failing)
            | declared(regional, of_regional, **both)
        )

    stack = open_stack()
    declare(2, 2, 2)
    stack.apply()
    receivers = Receivers(sandbox, targeted)
    before = slots(sandbox, targeted)
    for generation in (3, 4, 5):  # generation 2 signs, and generation 5 would take its slot
        declare(generation, 2, 2)
        receivers()
        targets = [
            "**::byodkim",
            f"**::{targeted}",
            f"**::{targeted}/ses**",
            f"**::{targeted}/{generation + 1}",
        ]
        run = stack.up(target=targets, on_output=receivers)
        assert slots(sandbox, targeted) == before, run.stdout
    assert receivers.failed == []

    receivers = Receivers(sandbox, targeted, failing, regional)
    days_pass(stack, 11)
    receivers()
    first = [slot(sandbox, domain, 1) for domain in (failing, regional)]
    declare(2, 3, 2)
    action = "PutEmailIdentityDkimSigningAttributes"
    for when, goes_on in (("before", True), ("after", False)):
        sandbox.ses.inject(Fault("access_denied", when, operation=action, domain=failing))
        up = stack.up(on_output=receivers, continue_on_error=goes_on)
        assert up.failed
        assert ("what may stand in its slot is not known" in up.stdout) == goes_on
    declare(2, 3, 3)
    only = [
        "**::byodkim",
        f"**::{regional}",
        f"**::{regional}/{REGION}",
        f"**::{regional}/ses1**",
        f"**::{regional}/1",
        f"**::{regional}/4",
    ]
    stack.apply(target=only, on_output=receivers)
    assert [slot(sandbox, domain, 1) for domain in (failing, regional)] == first

    declare(3, 3, 3)
    plan = tmp_path / "plan.json"
    planned = stack.preview(plan=str(plan))
    assert planned.ok, planned.errors
    days_pass(stack, 3, plan)  # time alone changes nothing
    receivers()
    done = stack.apply(plan=str(plan), on_output=receivers)
    assert sorted(steps(done)) == sorted(steps(planned))
    after = slots(sandbox, targeted)
    assert (after[0] != before[0], after[1:]) == (True, before[1:])
    assert set(first).isdisjoint(slot(sandbox, domain, 1) for domain in (failing, regional))
    assert receivers.failed == []

    declare(4, 3, 3)
    run = stack.up()
    assert run.failed
    assert f"StillInUse: {targeted}: generation 2 signed until " in run.stdout
    assert "`published: [2, 3, 4]` is allowed today" in run.stdout
    declare(6, 3, 3, overlapDays=0)
    run = stack.up()
    assert run.failed
    assert f"._domainkey.{targeted}.{ZONE}' is in DNS already, with another key: " in run.stdout
    taken = open_stack(declared(targeted, regions=[OTHER_REGION]), stack="another").up()
    assert taken.failed
    assert f"'ses1._domainkey.{targeted}.{ZONE}' is in DNS already, with another" in taken.stdout
    assert slots(sandbox, targeted) == after


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
    new_zone = SLOTS | {"zone": new}
    names = [f"ses{number}._domainkey.{domain}" for number in (1, 2, 3)]

    receivers()
    up = stack.apply({domain: {"generation": 1, "dns": [new_zone, SLOTS]}}, on_output=receivers)
    assert [sandbox.dns.txt(f"{name}.{new}") for name in names] == [
        sandbox.dns.txt(f"{name}.{ZONE}") for name in names
    ]
    stack.declare({domain: {"generation": 1, "dns": new_zone}})
    refused = stack.up()
    assert refused.failed
    assert f"the record is still asked for at route53:{keys_zone.zone_id}" in refused.stdout
    point(panel, domain, new)
    receivers()
    up = stack.apply(on_output=receivers)
    receivers()
    assert [sandbox.dns.txt(f"{name}.{ZONE}") for name in names] == [(), (), ()]
    assert shown(up, domain)["regions"][REGION]["status"] == "SUCCESS"
    assert receivers.failed == []


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
    before = slots(sandbox, domain)
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
    assert slots(sandbox, domain) == before
    assert sandbox.ses.identities(REGION)[domain].selector == "ses3"
    declare(3, 4)
    stack.apply(replace=replaced)
