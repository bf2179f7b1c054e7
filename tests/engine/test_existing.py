"""
If this fails, an identity of somebody else's is taken over unasked, or mail fails by it.

docs/how-to/existing-identities.md has the same as commands; the tests name the section that they
run.
"""

from collections import Counter
from dataclasses import replace

import pytest

from sandbox.mail.client import send
from tests.engine.panel import Panel
from tests.engine.results import base64_der, in_the_way, record_value
from tests.engine.stack import (
    IDENTITY,
    OPENSSL_KEY,
    OTHER_OPENSSL_KEY,
    REGION,
    STACK_ID,
    requests,
    steps,
)
from tests.engine.state import stored

pytestmark = pytest.mark.engine


ZONE = "existing.example"

RIGHT = f"right.{ZONE}"
"""Signs with our key; its record is there, with tags that ours don't have."""
OTHER_KEY = f"other-key.{ZONE}"
DISABLED = f"disabled.{ZONE}"
EASY = f"easy.{ZONE}"
ELSEWHERE = f"elsewhere.{ZONE}"
"""Another stack's, by its tag."""

OURS = {"generation": 1, "keys": {"1": {"selector": "s1", "privateKey": OPENSSL_KEY}}}


def writes(asked, domain):
    """What SES was asked to change of a domain, in order."""
    operations = [call.operation for call in asked.ses if call.domain == domain]
    return [operation for operation in operations if not operation.startswith(("Get", "List"))]


@pytest.fixture(scope="module")
def panel(sandbox):
    """Of the zone, in which the records of those who were here before are."""
    panel = Panel(sandbox, ZONE)
    panel.paste(f"s1._domainkey.{RIGHT}", f"v=DKIM1; k=rsa; {record_value(OPENSSL_KEY)}")
    panel.paste(f"s1._domainkey.{DISABLED}", record_value(OPENSSL_KEY))
    panel.paste(f"old._domainkey.{OTHER_KEY}", record_value(OTHER_OPENSSL_KEY))
    panel.paste(f"theirs._domainkey.{ELSEWHERE}", record_value(OTHER_OPENSSL_KEY))
    return panel


@pytest.fixture
def existing(sandbox, panel):
    """The identities of those who were here before."""
    ses, ours, theirs = sandbox.ses, base64_der(OPENSSL_KEY), base64_der(OTHER_OPENSSL_KEY)
    ses.add_configuration_set(REGION, "theirs")
    ses.put_identity(RIGHT, REGION, selector="s1", private_key=ours, tags={"team": "mail"})
    ses.change(RIGHT, REGION, configuration_set="theirs")
    ses.put_identity(OTHER_KEY, REGION, selector="old", private_key=theirs)
    ses.put_identity(DISABLED, REGION, selector="s1", private_key=ours)
    ses.change(DISABLED, REGION, signing_enabled=False)
    ses.put_easy_dkim(EASY, REGION)
    owner = {
        "byodkim:owner": f"fedcba9876543210/{ELSEWHERE}/{REGION}",
        "byodkim:stack": "ses-byodkim/prod",
    }
    ses.put_identity(ELSEWHERE, REGION, selector="theirs", private_key=theirs, tags=owner)
    return ses.identities(REGION)


# docs/how-to/existing-identities.md, "Taking one over", "Away from Easy DKIM".


def test_adopt(sandbox, panel, existing, open_stack):
    """
    Nothing is taken over unasked; with `adopt` each identity gets the calls that it needs.

    It stays as it is when the stack goes, and so do its records.
    """
    domains = {
        RIGHT: OURS,
        DISABLED: OURS,
        **{domain: {"generation": 1} for domain in (OTHER_KEY, EASY, ELSEWHERE)},
    }
    # Of the other two the records would be refused before.
    stack = open_stack({domain: domains[domain] for domain in (OTHER_KEY, EASY, ELSEWHERE)})
    with requests(sandbox) as asked:
        foreseen = stack.preview()
    assert foreseen.failed
    assert Counter(asked.operations) == {"ListEmailIdentities": 1, "GetEmailIdentity": 3}
    assert in_the_way(foreseen) == {OTHER_KEY, EASY, ELSEWHERE}
    with requests(sandbox) as asked:
        refused = stack.up(continue_on_error=True)
    assert refused.failed
    exists = f"IdentityExists: {{}} {REGION}: SES has this identity already"
    for domain, text in (
        (OTHER_KEY, "(EXTERNAL), made by somebody else"),
        (EASY, "(AWS_SES), made by somebody else"),
        (ELSEWHERE, "(EXTERNAL), owned by 'ses-byodkim/prod'"),
    ):
        line = f"{exists.format(domain)} {text}\n      hint: nothing was changed in SES; "
        assert f"    warning: {line}" in foreseen.stdout
        assert f"    error: {line}" in refused.stdout
        assert writes(asked, domain) == ["CreateEmailIdentity"]  # which answered that it exists
    assert sandbox.ses.identities(REGION) == existing

    # With `adopt`, all but the one that would be unsigned for a while.
    adopted = {domain: settings | {"adopt": True} for domain, settings in domains.items()}
    stack.declare(adopted)
    with requests(sandbox) as asked:
        foretold = stack.preview()
    assert foretold.ok  # keys and records can be made before
    assert Counter(asked.operations) == {"ListEmailIdentities": 1, "GetEmailIdentity": 5}
    with requests(sandbox) as asked:
        window = stack.up(continue_on_error=True)
    assert window.failed
    unsigned = f"{exists.format(EASY)} (AWS_SES), signing with Easy DKIM\n"
    assert f"    error: {unsigned}" in window.stdout
    assert f"    warning: {unsigned}" in foretold.stdout
    put, tag = "PutEmailIdentityDkimSigningAttributes", "TagResource"
    assert {domain: writes(asked, domain)[1:] for domain in domains} == {
        RIGHT: [tag],
        OTHER_KEY: [put, tag],
        DISABLED: ["PutEmailIdentityDkimAttributes", tag],
        ELSEWHERE: [put, tag],
        EASY: [],
    }
    for domain, had in {
        RIGHT: "BYODKIM, signing with selector 's1'; its key stays\n",
        OTHER_KEY: "BYODKIM, signing with selector 'old'; switches to 's2",
        DISABLED: (
            "BYODKIM, signing is disabled, with selector 's1'; its key stays; signing gets "
            "enabled\n"
        ),
        ELSEWHERE: "BYODKIM, signing with selector 'theirs'; switches to 's2",
    }.items():
        line = f"    {domain} {REGION}: SES has it, {had}"
        assert window.stdout.count(line) == 1
        assert line in foretold.stdout
    right = sandbox.ses.identities(REGION)[RIGHT]
    assert (right.configuration_set, right.changed) == ("theirs", existing[RIGHT].changed)
    assert right.tags.items() >= {"team": "mail"}.items()
    assert sandbox.dns.txt(f"s1._domainkey.{RIGHT}") == (record_value(OPENSSL_KEY),)

    adopted[EASY] = adopted[EASY] | {"acceptUnsignedWindow": True}
    accepted = stack.apply(adopted)
    assert accepted.outputs["pending"] == []
    signing = {domain: sandbox.ses.signing_key(domain, REGION) for domain in domains}
    assert {domain: key and key[0] for domain, key in signing.items()} == {
        domain: stored(stack, domain, REGION).declared.selector for domain in domains
    }
    with requests(sandbox) as asked:
        assert steps(stack.up()) == []
    assert (asked.ses, asked.dns) == ([], [])

    before = sandbox.ses.identities(REGION)
    assert stack.destroy().ok
    left = before | {
        domain: replace(before[domain], tags={"team": "mail"} if domain == RIGHT else {})
        for domain in domains
    }
    assert sandbox.ses.identities(REGION) == left
    # They are nobody's now, and are not taken for the stack's own.
    stack.declare(domains)
    again = stack.preview()
    assert again.failed
    assert f"    warning: {exists.format(RIGHT)} (EXTERNAL), made by somebody else" in again.stdout
    assert sandbox.ses.identities(REGION) == left
    assert {
        domain: send(sandbox, domain, REGION).verdict.result for domain in domains
    } == dict.fromkeys(domains, "pass")


def test_two_stacks_of_one_name(sandbox, open_stack):
    """
    A renamed stack keeps its identity, and another stack of the same name neither gets nor deletes
    it.
    """
    domain = "same-name.example"
    sandbox.add_zone(domain)
    first = open_stack({domain: OURS})
    first.apply()
    made = sandbox.ses.identities(REGION)[domain]

    # Each stack here has a backend of its own; project, stack and key are the same.
    second = open_stack({domain: OURS})
    foreseen, refused = second.preview(), second.up()
    assert in_the_way(foreseen) == {domain}
    assert refused.failed
    for shown in (foreseen, refused):
        assert (
            f": IdentityExists: {domain} {REGION}: SES has this identity already (EXTERNAL), "
            "owned by another stack with the name 'ses-byodkim/dev'\n" in shown.stdout
        )
    assert second.destroy().ok
    assert sandbox.ses.identities(REGION)[domain] == made

    first.rename("renamed")
    with requests(sandbox) as asked:
        renamed = first.up()
    assert steps(renamed) == [("update", f"{domain}/{REGION}", IDENTITY)]
    assert asked.operations == ["GetEmailIdentity", "TagResource"]
    named = made.tags | {"byodkim:stack": "ses-byodkim/renamed"}
    assert sandbox.ses.identities(REGION)[domain] == replace(made, tags=named)
    assert "owned by 'ses-byodkim/renamed'\n" in second.preview().stdout

    # With another id it still is the same owner of what it has.
    of_first = f"urn:pulumi:renamed::ses-byodkim::{STACK_ID}::byodkim"
    assert {name for _, name, _ in steps(first.up(replace=[of_first]))} == {"byodkim"}
    assert sandbox.ses.identities(REGION)[domain] == replace(made, tags=named)
    assert first.destroy().ok
    assert domain not in sandbox.ses.identities(REGION)
