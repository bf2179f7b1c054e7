"""
Ways to leave, and options of `pulumi up`: none takes a live identity or the record of a key that
signs.

docs/how-to/leaving.md has the same as commands; the tests name the section that they run.
"""

import json
from collections import Counter
from datetime import timedelta

import pulumi
import pytest

from byodkim_provider.cli.state import read_state
from byodkim_provider.config import settings
from byodkim_provider.program.domain import ByodkimDomain, ByodkimDomainArgs
from sandbox.mail.client import send
from sandbox.ses.emulator import Fault
from tests.engine.panel import Panel
from tests.engine.stack import (
    IDENTITY,
    KEY,
    OPENSSL_KEY,
    OTHER_REGION,
    RECORD,
    REGION,
    lines,
    requests,
    step_lines,
    steps,
)
from tests.engine.state import import_state, stored, urn

pytestmark = pytest.mark.engine

ZONE = "leaving.example"

RETIRED = f"retired.{ZONE}"
AT_ONCE = f"at-once.{ZONE}"
PROTECTED = f"protected.{ZONE}"
REPLACED = f"replaced.{ZONE}"
TARGETED = f"targeted.{ZONE}"
WAITING = f"waiting.{ZONE}"
ERRORS = f"errors.{ZONE}"

ONE_KEY = {"generation": 1, "published": [1]}
STANDBY = {"generation": 1, "published": [1, 2]}
ROTATED = {"generation": 2, "published": [1, 2]}
BOTH = {"regions": [REGION, OTHER_REGION]}
PROTECTING = ONE_KEY | {"protect": True, "mailFrom": "bounce"}

PUT = "PutEmailIdentityDkimSigningAttributes"


class EditedStack:
    """A stack whose file is edited a domain at a time."""

    def __init__(self, stack, domains):
        self.stack = stack
        self.domains = dict(domains)

    def edit(self, domain, settings):
        """None: the entry is deleted."""
        self.domains[domain] = settings
        if settings is None:
            del self.domains[domain]
        self.stack.declare(self.domains)


@pytest.fixture(scope="module")
def panel(sandbox):
    return Panel(sandbox, ZONE)


@pytest.fixture(scope="module")
def edited(panel, open_shared_stack):
    """One stack for all tests; each has domains of its own and leaves nothing to do."""
    domains = {
        **dict.fromkeys((RETIRED, AT_ONCE, PROTECTED, REPLACED), ONE_KEY),
        **dict.fromkeys((TARGETED, WAITING), STANDBY),
        ERRORS: STANDBY | BOTH,
    }
    stack = open_shared_stack(domains)
    stack.apply()
    return EditedStack(stack, domains)


def verdict_now(sandbox, message):
    """What a receiver says who gets *message* only now."""
    again = sandbox.mail.verify_again(timedelta(days=365))
    (found,) = [one.verdict for one in again if one.id == message.id]
    return found.result, found.reason


# docs/how-to/leaving.md, "A domain sends no more", "Deleting at once".
def test_retired(sandbox, edited):
    """
    A retired domain's mail verifies as long as its records stand; that of one deleted at once
    fails.
    """
    stack, on_its_way = edited.stack, send(sandbox, RETIRED, REGION)
    edited.edit(RETIRED, ONE_KEY | {"retired": True})
    with requests(sandbox) as asked:
        retired = stack.up()
    assert step_lines(retired) == lines(f"""
        delete {RETIRED}/{REGION} ByodkimIdentity
        update verification DkimVerification
    """)
    assert asked.operations == ["GetEmailIdentity", "DeleteEmailIdentity"]
    assert RETIRED not in sandbox.ses.identities(REGION)
    assert [
        name
        for name, domain in read_state(stack.export_text()).domains.items()
        if domain.retired_at
    ] == [RETIRED]
    assert steps(stack.up()) == []
    assert verdict_now(sandbox, on_its_way) == ("pass", "")

    queued = send(sandbox, AT_ONCE, REGION)
    edited.edit(RETIRED, None)
    edited.edit(AT_ONCE, None)
    removed = stack.up()
    assert step_lines(removed) == lines(f"""
        delete {AT_ONCE} ByodkimDomain
        delete {AT_ONCE}/1 DkimKey
        delete {AT_ONCE}/1 Record
        delete {AT_ONCE}/{REGION} ByodkimIdentity
        delete {RETIRED} ByodkimDomain
        delete {RETIRED}/1 DkimKey
        delete {RETIRED}/1 Record
        update verification DkimVerification
    """)
    assert verdict_now(sandbox, queued) == ("fail", "no key record")


def test_protected(sandbox, panel, edited):
    """
    The entry's deletion takes neither a protected identity nor the record it signs with, nor those
    of its MAIL FROM domain.
    """
    edited.edit(PROTECTED, PROTECTING)
    edited.stack.apply()
    edited.edit(PROTECTED, None)
    refused = edited.stack.up()
    assert refused.failed
    assert f'{PROTECTED}/{REGION}" cannot be deleted\n' in refused.stdout
    resources = json.loads(edited.stack.export_text())["deployment"]["resources"]
    protected = Counter(one["type"] for one in resources if one.get("protect"))
    assert protected == {IDENTITY: 1, RECORD: 3}
    assert "because it is protected" in refused.stdout
    assert send(sandbox, PROTECTED, REGION).verdict.result == "pass"
    assert f"bounce.{PROTECTED}" in panel.names()
    edited.edit(PROTECTED, PROTECTING)
    edited.stack.apply()


# docs/how-to/leaving.md, "One resource anew".
def test_replace(sandbox, edited):
    """
    `--replace` on an identity takes the live one over and deletes nothing.

    On the key that signs it is refused too late if there was no preview: the state before is the
    way out.
    """
    before = sandbox.ses.identities(REGION)[REPLACED]
    state = json.loads(edited.stack.export_text())["deployment"]
    identity = urn(IDENTITY, f"{REPLACED}/{REGION}")
    (old_half,) = (one for one in state["resources"] if one["urn"] == identity)
    with requests(sandbox) as asked:
        replaced = edited.stack.up(replace=[identity])
    assert replaced.ok
    assert {
        f"create-replacement {REPLACED}/{REGION} ByodkimIdentity",
        f"delete-replaced {REPLACED}/{REGION} ByodkimIdentity",
    } <= {*step_lines(replaced)}
    assert {"DeleteEmailIdentity", PUT}.isdisjoint(asked.operations)
    after = sandbox.ses.identities(REGION)[REPLACED]
    assert (after.key, after.changed, after.status) == (before.key, before.changed, "SUCCESS")

    # As if the run had been killed before it came to the old half, which the next one deletes.
    state = json.loads(edited.stack.export_text())
    state["deployment"]["resources"].append({**old_half, "delete": True})
    import_state(edited.stack, json.dumps(state))
    with requests(sandbox) as asked:
        deleted = edited.stack.up()
    assert deleted.ok
    assert [name for _, name, kind in steps(deleted) if kind == IDENTITY] == [
        f"{REPLACED}/{REGION}"
    ]
    assert asked.operations == ["GetEmailIdentity"]
    assert sandbox.ses.identities(REGION)[REPLACED] == after

    good = edited.stack.export_text()
    refused = edited.stack.up(replace=[urn(KEY, f"{REPLACED}/1")])
    assert refused.failed
    assert "it never gets another key\n" in refused.stdout
    import_state(edited.stack, good)
    assert edited.stack.refresh().ok
    edited.stack.apply()
    assert send(sandbox, REPLACED, REGION).verdict.result == "pass"


# docs/how-to/leaving.md, "One domain only".
def test_target(sandbox, edited):
    """
    `--target` on one domain rotates that one; the rotation of another waits for the next `up`.
    """
    stack = edited.stack
    edited.edit(TARGETED, ROTATED)
    edited.edit(WAITING, ROTATED)
    waiting = sandbox.ses.signing_key(WAITING, REGION)
    targeted = stack.apply(target=[f"**::{TARGETED}", f"**::{TARGETED}/**"])
    assert step_lines(targeted) == [f"update {TARGETED}/{REGION} ByodkimIdentity"]
    assert sandbox.ses.signing_key(WAITING, REGION) == waiting
    assert stored(stack, TARGETED, REGION).declared.generation == 2

    rest = stack.up()
    assert step_lines(rest) == lines(f"""
        update verification DkimVerification
        update {WAITING}/{REGION} ByodkimIdentity
    """)
    assert rest.outputs["pending"] == []


# docs/how-to/leaving.md, "Going on after an error".
def test_continue_on_error(sandbox, panel, edited):
    """
    Whatever fails, the record of each key that signs stays; the next `up` does the rest.

    A standby's record that can't be made keeps no identity from its switch.
    """
    stack, supplied = edited.stack, {"3": {"selector": "s3", "privateKey": OPENSSL_KEY}}

    def results():
        sandbox.clock.advance(60)  # SES has looked
        return [send(sandbox, ERRORS, region).verdict.result for region in BOTH["regions"]]

    edited.edit(ERRORS, BOTH | {"generation": 1, "published": [1, 2, 3], "keys": supplied})
    stack.apply()

    # One Region of two can't be switched away from a leaked key.
    sandbox.ses.inject(Fault("access_denied", operation=PUT, domain=ERRORS))
    edited.edit(
        ERRORS, BOTH | {"generation": 2, "published": [2, 3], "overlapDays": 0, "keys": supplied}
    )
    failed = stack.up(continue_on_error=True)
    assert failed.failed
    signing = {sandbox.ses.signing_key(ERRORS, region) for region in BOTH["regions"]}
    assert (len(signing), results()) == (2, ["pass", "pass"])

    name, in_the_way = f"s3._domainkey.{ERRORS}", "elsewhere.example"
    values = sandbox.dns.txt(name)
    panel.paste(name, *values)  # as the panel splits them
    panel.remove(name, *values)
    panel.paste(name, in_the_way, kind="CNAME")
    assert stack.refresh().ok
    edited.edit(ERRORS, BOTH | {"generation": 2, "published": [1, 2, 3], "keys": supplied})
    failed = stack.up(continue_on_error=True)
    assert failed.failed
    generations = {stored(stack, ERRORS, region).declared.generation for region in BOTH["regions"]}
    assert (generations, results()) == ({2}, ["pass", "pass"])

    panel.remove(name, in_the_way, kind="CNAME")
    mended = stack.apply()
    assert f"create {ERRORS}/s3._domainkey Record" in step_lines(mended)


# docs/how-to/leaving.md, "A resource gets another name".
def test_rename(sandbox, open_stack):
    """
    A new name without an alias is refused, and undone without harm; with one it changes nothing.
    """
    domain = "renamed.example"
    sandbox.add_zone(domain)
    written = ONE_KEY | {
        "regions": [REGION],
        "dnsResolvers": [sandbox.dns_resolver],
        "dnsWaitSeconds": 0,
    }
    arguments = [("before", [])]

    def program():
        ((name, aliases),) = arguments
        ByodkimDomain(
            name, settings.domain(domain, written), opts=pulumi.ResourceOptions(aliases=aliases)
        )

    stack = open_stack(program=program)
    stack.apply()
    before = sandbox.ses.identities(REGION)[domain]

    arguments[:] = [("after", [])]
    refused = stack.up()
    assert refused.failed
    assert (
        f"error: IdentityExists: {domain} {REGION}: SES has this identity already (EXTERNAL), "
        f"owned by the resource 'before/{REGION}' of this stack\n" in refused.stdout
    )
    arguments[:] = [("before", [])]
    undone = stack.up()
    assert {operation for operation, _, _ in steps(undone)} == {"delete"}
    assert sandbox.ses.identities(REGION)[domain] == before

    arguments[:] = [("after", [pulumi.Alias(name="before")])]
    with requests(sandbox) as asked:
        renamed = stack.up()
    assert (renamed.ok, steps(renamed), asked.ses) == (True, [], [])
    assert send(sandbox, domain, REGION).verdict.result == "pass"


def test_another_domain_for_a_resource(sandbox, open_stack):
    """
    A resource of a program gets another domain: the new one is verified, and the record of the old
    one stays until its identity is gone.
    """
    before, after = "before-it.example", "after-it.example"
    domains = [before]
    sandbox.add_zone(before)
    sandbox.add_zone(after)

    def program():
        args = ByodkimDomainArgs(
            domain=domains[-1],
            generation=1,
            regions=[REGION],
            dns_resolvers=[sandbox.dns_resolver],
        )
        ByodkimDomain("mail", args)

    stack = open_stack(program=program)
    stack.apply()
    selector, _ = sandbox.ses.signing_key(before, REGION)
    domains.append(after)
    stack.apply()
    assert before not in sandbox.ses.identities(REGION)
    assert sandbox.dns.txt(f"{selector}._domainkey.{before}") == ()
    selector, _ = sandbox.ses.signing_key(after, REGION)
    assert len(sandbox.dns.txt(f"{selector}._domainkey.{after}")) == 1
    assert stack.destroy().ok
