"""If this fails, what others changed in SES or DNS stays unseen, or is not put right."""

import re

import pytest

from byodkim_provider.dkim import keys, records
from sandbox.ses.identity import HeldKey, easy_dkim_keys
from tests.engine.panel import Panel
from tests.engine.results import published_records
from tests.engine.stack import (
    IDENTITY,
    KEY,
    OTHER_OPENSSL_KEY,
    RECORD,
    REGION,
    lines,
    requests,
    step_lines,
    steps,
)
from tests.engine.state import stored, urn

pytestmark = pytest.mark.engine

ZONE = "drift.example"

ORIGIN = f"origin.{ZONE}"
EASY = f"easy.{ZONE}"
FOREIGN = f"foreign.{ZONE}"
FAILED = f"failed.{ZONE}"
SAME_SELECTOR = f"same-selector.{ZONE}"
DISABLED = f"disabled.{ZONE}"
TAKEN = f"taken.{ZONE}"
"""Another stack has adopted it."""
UNTAGGED = f"untagged.{ZONE}"
"""Somebody has removed all tags."""
DELETED = f"deleted.{ZONE}"
RECORD_CHANGED = f"record-changed.{ZONE}"
RECORD_DELETED = f"record-deleted.{ZONE}"

ONE_KEY = {"generation": 1, "published": [1]}


def test_drift(sandbox, open_stack):
    """
    Each drift of an identity is one warning of a refresh, and costs the calls that repair it.

    Outputs and previews name it until it is repaired. Drift of a record alone costs SES no call.
    Easy DKIM that works is left to sign until its owner accepts a time without signatures.
    """
    panel = Panel(sandbox, ZONE)
    drifting = (ORIGIN, EASY, FOREIGN, FAILED, SAME_SELECTOR, DISABLED, TAKEN, UNTAGGED, DELETED)
    domains = dict.fromkeys((*drifting, RECORD_CHANGED, RECORD_DELETED), ONE_KEY)
    stack = open_stack(domains)
    made = stack.apply()
    assert made.outputs["pending"] == []
    records_of = {domain: published_records(made, domain)[0] for domain in domains}

    theirs = keys.load(OTHER_OPENSSL_KEY)
    their_value = records.record_value(theirs.public_key_der)

    def change(domain, **changes):
        sandbox.ses.change(domain, REGION, **changes)

    def delete_record(domain):
        record = records_of[domain]["name"], records_of[domain]["value"]
        panel.paste(*record)  # as the panel spells it, which else finds no such record
        panel.remove(*record)

    def exchange_record(domain):
        panel.paste(records_of[domain]["name"], their_value)

    (easy, *_) = easy_dkim_keys()
    change(ORIGIN, origin="AWS_SES", key=easy, status="PENDING")
    change(EASY, origin="AWS_SES", key=easy, status="SUCCESS")
    change(FOREIGN, key=HeldKey.of("theirs", theirs.pkcs1_base64()), status="PENDING")
    delete_record(FOREIGN)
    change(FAILED, status="FAILED")
    selector = {domain: stored(stack, domain, REGION).declared.selector for domain in domains}
    same = HeldKey.of(selector[SAME_SELECTOR], theirs.pkcs1_base64())
    change(SAME_SELECTOR, key=same, confirmed=False, next_check=sandbox.clock.now())
    change(DISABLED, signing_enabled=False)
    change(
        TAKEN,
        tags={"byodkim:owner": "9/mail", "byodkim:stack": "another/prod", "byodkim:instance": "0"},
    )
    change(UNTAGGED, tags={})
    sandbox.ses.remove(DELETED, REGION)
    exchange_record(DELETED)
    exchange_record(RECORD_CHANGED)
    delete_record(RECORD_DELETED)

    refreshed = stack.refresh()
    assert refreshed.ok
    easy_dkim = "signs with a key of SES's own (AWS_SES), not with '{}'"
    found = {
        ORIGIN: easy_dkim.format(selector[ORIGIN]),
        EASY: easy_dkim.format(selector[EASY]),
        FOREIGN: f"signs with selector 'theirs', not '{selector[FOREIGN]}'",
        FAILED: "SES has given up looking for the record: FAILED",
        SAME_SELECTOR: "SES says PENDING (INVALID_VALUE: another value in DNS), it said "
        "SUCCESS before",
        DISABLED: "DKIM signatures are disabled",
        TAKEN: "owned by 'another/prod' now",
        UNTAGGED: "its owner tag is gone",
        DELETED: "gone from SES",
    }
    take_back = "`adopt: true` with `pulumi up --refresh` takes it back, "
    next_steps = {
        DELETED: "makes it again",
        **dict.fromkeys((TAKEN, UNTAGGED), f"is refused: {take_back}"),
    }
    assert refreshed.stdout.count("    warning: ") == len(found)
    said = {}
    for domain, reason in found.items():
        next_step = next_steps.get(domain, "repairs that, or says what to do")
        said[domain] = f"{domain} {REGION}: {reason}; `pulumi up` {next_step}"
        assert f"    warning: {said[domain]}" in refreshed.stdout
    # The program is run, and nothing but a resource without drift is changed.
    outputs = stack.up(target=[urn(KEY, f"{RECORD_CHANGED}/1")]).outputs
    assert sorted(outputs["pending"]) == sorted(
        f"{domain} {REGION}: {found[domain]}" for domain in found
    )
    statuses = {
        name: domain["regions"][REGION]["status"] for name, domain in outputs["domains"].items()
    }
    assert {statuses[DELETED], statuses[SAME_SELECTOR]} == {"GONE", "PENDING"}
    preview = stack.preview()
    for domain, line in said.items():
        is_refused = domain in (TAKEN, UNTAGGED)
        assert f"    {'warning: ' * is_refused}{line}" in preview.stdout
    assert preview.failed
    assert (
        f"identities in SES that are not this stack's, as their warnings say: {TAKEN} {REGION}, "
        f"{UNTAGGED} {REGION}\n" in preview.stdout
    )
    others = re.findall(r"--target '(\*\*::.*?)'", preview.stdout)
    targeted = stack.up(
        target=[one.replace("DOMAIN", RECORD_DELETED) for one in others], refresh=True
    )
    made_again = [line for line in step_lines(targeted) if line.endswith(" Record")]
    assert made_again == [f"create {RECORD_DELETED}/1 Record"]
    with requests(sandbox) as asked:
        mended = stack.up(continue_on_error=True)
    assert mended.failed
    for domain in (TAKEN, UNTAGGED):
        assert (
            f"error: IdentityExists: {domain} {REGION}: SES has this identity already (EXTERNAL), "
            f"{found[domain]}\n      hint: nothing was changed in SES; {take_back}"
        ) in mended.stdout
    assert (
        f"error: IdentityExists: {EASY} {REGION}: SES has this identity already (AWS_SES), "
        "signing with Easy DKIM\n" in mended.stdout
    )
    calls = [f"{call.operation} {call.domain}" for call in asked.ses]
    assert sorted(call for call in calls if not call.startswith(("Get", "List"))) == lines(f"""
        CreateEmailIdentity {DELETED}
        PutEmailIdentityDkimAttributes {DISABLED}
        PutEmailIdentityDkimSigningAttributes {FAILED}
        PutEmailIdentityDkimSigningAttributes {FOREIGN}
        PutEmailIdentityDkimSigningAttributes {ORIGIN}
        PutEmailIdentityDkimSigningAttributes {SAME_SELECTOR}
    """)
    done = [line for line in step_lines(mended) if line.endswith((" Record", "Identity"))]
    assert done == sorted(
        [
            f"create {FOREIGN}/1 Record",
            f"update {DELETED}/1 Record",
            f"update {RECORD_CHANGED}/1 Record",
            *(f"update {domain}/{REGION} ByodkimIdentity" for domain in drifting),
        ]
    )
    order = [name for _, name, kind in steps(mended) if kind in (RECORD, IDENTITY)]
    for domain in (FOREIGN, DELETED):
        assert order.index(f"{domain}/1") < order.index(f"{domain}/{REGION}")

    changes = {
        EASY: {"acceptUnsignedWindow": True},
        TAKEN: {"adopt": True},
        UNTAGGED: {"adopt": True},
    }
    stack.declare(domains | {domain: ONE_KEY | settings for domain, settings in changes.items()})
    assert stack.up().outputs["pending"] == [f"{TAKEN} {REGION}: {found[TAKEN]}"]
    change(TAKEN, tags={})  # the other stack lets go of it
    settled = stack.up()
    assert settled.outputs["pending"] == []
    identities = sandbox.ses.identities(REGION)
    for domain, wanted in records_of.items():
        assert sandbox.dns.txt(wanted["name"]) == (wanted["value"],)
        assert (identities[domain].origin, identities[domain].status) == ("EXTERNAL", "SUCCESS")
        assert identities[domain].checks == 0, "SES was told of a record that was not there"
        assert (
            sandbox.ses.signing_key(domain, REGION)[0]
            == stored(stack, domain, REGION).declared.selector
        )
    with requests(sandbox) as asked:
        assert steps(stack.up()) == []
    assert (asked.ses, asked.dns) == ([], [])
