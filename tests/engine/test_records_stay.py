"""
What protects records, on the engine: docs/how-to/rotation.md says the same in words.

What is "given up" is mail that fails, as the page says.
"""

from datetime import timedelta

import pytest

from sandbox.mail.client import send
from tests.engine.panel import Panel
from tests.engine.results import base64_der, record_value
from tests.engine.stack import (
    OPENSSL_KEY,
    OTHER_OPENSSL_KEY,
    OTHER_REGION,
    REGION,
    steps,
)

pytestmark = pytest.mark.engine

ZONE = "stays.example"

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

OURS = {
    "generation": 1,
    "published": [1],
    "keys": {"1": {"selector": "mine", "privateKey": OPENSSL_KEY}},
}


@pytest.fixture(scope="module")
def panel(sandbox):
    return Panel(sandbox, ZONE)


def passes(sandbox, domain, region=REGION):
    return send(sandbox, domain, region).verdict.result == "pass"


def passes_still(sandbox, message):
    """Whether *message* verifies a day later."""
    (again,) = [one for one in sandbox.mail.verify_again(DAY) if one.id == message.id]
    return again.verdict.result == "pass"


GENERATED = {"generation": 1}

WITH_SLOTS = {"provider": "route53", "zone": ZONE, "cname": "ses"}


def test_moves_by_the_page(sandbox, panel, open_stack):
    """docs/how-to/leaving.md, "A domain moves to another stack": mail goes on at every step."""
    supplied, generated = f"supplied.{ZONE}", f"generated.{ZONE}"
    behind = "moves-with-cname.example"
    panel_of_domain = Panel(sandbox, behind)
    for prefix in ("ses", "new"):
        for slot in (1, 2, 3):
            name = f"{prefix}{slot}._domainkey.{behind}"
            panel_of_domain.paste(name, f"{name}.{ZONE}.", kind="CNAME")
    before = {supplied: OURS, generated: GENERATED, behind: GENERATED | {"dns": WITH_SLOTS}}
    after = before | {behind: GENERATED | {"dns": WITH_SLOTS | {"cname": "new"}}}
    old, new = open_stack(before), open_stack(stack="new")
    old.apply()
    mail = [send(sandbox, domain, REGION) for domain in before]
    for stack, declared in (
        (old, adopted(before)),
        (new, adopted(after)),
        (old, {}),
        (new, after),
    ):
        stack.apply(declared)
        mail += [send(sandbox, domain, REGION) for domain in before]
    assert {one.verdict.result for one in mail} == {"pass"}
    assert all(passes_still(sandbox, one) for one in mail)
    assert steps(new.up()) == []


def adopted(domains):
    return {domain: settings | {"adopt": True} for domain, settings in domains.items()}


def test_moves_without_the_page(sandbox, panel, open_stack):
    """
    The identity refuses to go while the other stack's signs with our standby: no record leaves.

    A record of a generated key has a key below it, that of a supplied one has none: the engine
    deletes both after the identity.
    """
    domain = f"off-the-page.{ZONE}"
    mine, following = OURS["keys"]["1"], {"selector": "next", "privateKey": OTHER_OPENSSL_KEY}
    both = {"published": [2, 3], "keys": {"2": mine, "3": following}}
    generations = {"generation": 2, "published": [1, 2, 3]}
    old, new = open_stack({domain: both | generations}), open_stack(stack="new")
    old.apply()
    mail = [send(sandbox, domain, REGION)]
    sandbox.clock.advance(HOUR)  # SES has shown the key long ago
    for generation in (2, 3):
        new.apply({domain: both | {"adopt": True, "generation": generation}})
    mail.append(send(sandbox, domain, REGION))
    before = panel.names()
    old.declare({})
    for run in (old.up, old.destroy):
        refused = run()
        assert refused.failed
        assert (
            f"StillInUse: {domain} {REGION}: owned by 'ses-byodkim/new' now, and signs with "
            "'next', which this stack has in DNS\n"
            "      hint: its records stay; to leave the identity and its records there, set "
            "`adopt: true`, run `pulumi up`, and repeat this change after that\n" in refused.stdout
        )
        assert panel.names() == before
    # The way out, as the hint has it, whatever a refresh has seen.
    assert old.refresh().ok
    old.declare({domain: both | generations | {"adopt": True}})
    theirs = sandbox.ses.identities(REGION)[domain]
    old.apply()
    assert sandbox.ses.identities(REGION)[domain] == theirs
    old.apply({})
    assert panel.names() == before
    assert all(passes_still(sandbox, one) for one in mail)
    assert passes(sandbox, domain)
    assert steps(new.up()) == []


def test_what_was_there(sandbox, panel, open_stack):
    """
    With `adopt`, identities and records stay in every Region, whatever leaves the stack. The record
    of a leaked key leaves DNS, although somebody had made it before the stack. Given up: so does
    what others have put beside it.
    """
    adopted, leaked = f"regions.{ZONE}", f"leaked.{ZONE}"
    for region in (REGION, OTHER_REGION):
        sandbox.ses.put_identity(
            adopted, region, selector="mine", private_key=base64_der(OPENSSL_KEY)
        )
    name = f"mine._domainkey.{leaked}"
    panel.paste(name, record_value(OPENSSL_KEY))
    ours = OURS | {"adopt": True, "regions": [REGION, OTHER_REGION]}
    stack = open_stack({adopted: ours, leaked: OURS | {"published": [1, 2]}})
    stack.apply()
    panel.paste(name, record_value(OPENSSL_KEY), "theirs")
    switched = {leaked: OURS | {"overlapDays": 0, "generation": 2, "published": [2]}}
    for left in ({adopted: ours | {"regions": [REGION]}}, {}):
        stack.apply(left | switched)
        assert passes(sandbox, adopted)
        assert passes(sandbox, adopted, OTHER_REGION)
        assert sandbox.dns.txt(name) == ()
        assert passes(sandbox, leaked)


def test_the_name_is_taken_meanwhile(sandbox, panel, open_stack):
    """What stands at the name is seen in the preview, and just before the record is made."""
    domain = f"late.{ZONE}"
    name, theirs = f"mine._domainkey.{domain}", "v=DKIM1; p=SOMEBODYELSE"
    stack = open_stack({domain: OURS})
    panel.paste(name, "elsewhere.example.", kind="CNAME")
    refused = stack.preview()
    assert refused.failed
    assert f"'{name}' is in DNS already, with another value: elsewhere.example." in refused.stdout
    panel.remove(name, "elsewhere.example.", kind="CNAME")
    assert stack.preview().ok

    def write(line):
        if not sandbox.dns.txt(name):
            panel.paste(name, theirs)

    refused = stack.up(on_output=write)
    assert refused.failed
    assert f"'{name}' is in DNS already, with another value" in refused.stdout
    assert sandbox.dns.txt(name) == (theirs,)
    panel.remove(name, theirs)
    stack.apply()
    assert passes(sandbox, domain)


OTHERS = OURS | {"keys": {"1": {"selector": "other", "privateKey": OTHER_OPENSSL_KEY}}}


@pytest.mark.parametrize(
    ("before", "after"),
    [(OURS, OTHERS), (GENERATED, OURS)],
    ids=["other", "to-supplied"],
)
def test_another_key_under_the_number_that_signs(
    sandbox, panel, open_stack, request, before, after
):
    """The identity refuses, also without a preview, and by then no record has left DNS."""
    domain = f"{request.node.callspec.id}.{ZONE}"
    stack = open_stack({domain: before})
    stack.apply()
    names = {name for name in panel.names() if name.endswith(f".{domain}")}
    stack.declare({domain: after})
    refused = stack.up()
    assert refused.failed
    assert f"error: {domain} {REGION}: generation 1 signs with selector" in refused.stdout
    assert names < {*panel.names()}
    assert passes(sandbox, domain)
    stack.apply({domain: before})
    assert names == {name for name in panel.names() if name.endswith(f".{domain}")}
    assert passes(sandbox, domain)
