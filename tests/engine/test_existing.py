"""
If this fails, an identity of somebody else's is taken over unasked, or mail fails by it.

docs/how-to/existing-identities.md has the same as commands; the tests name the section that they
run.
"""

import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pulumi
import pulumi_aws as aws
import pytest

from byodkim_provider.dkim import records
from byodkim_provider.messages.identity import REPLICAS
from sandbox.mail.client import send
from sandbox.ses.identity import easy_dkim_keys
from tests.engine.panel import Panel
from tests.engine.results import base64_der, in_the_way, record_value
from tests.engine.stack import (
    IDENTITY,
    OPENSSL_KEY,
    OTHER_OPENSSL_KEY,
    OTHER_REGION,
    REGION,
    STACK_ID,
    requests,
    steps,
)
from tests.engine.state import stored

pytestmark = pytest.mark.engine

ALL_MAIL = timedelta(days=365)

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
    takes = "`adopt: true` takes it over, and leaves it in SES when the stack goes"
    for domain, text, hint in (
        (OTHER_KEY, "(EXTERNAL), made by somebody else", takes),
        (EASY, "(AWS_SES), made by somebody else", takes),
        (
            ELSEWHERE,
            "(EXTERNAL), owned by 'ses-byodkim/prod'",
            (
                "remove the entry here if the other stack is to keep it; `adopt: true` takes it "
                "from there"
            ),
        ),
    ):
        line = f"{exists.format(domain)} {text}\n      hint: nothing was changed in SES; {hint}\n"
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
    assert (
        f"error: {exists.format(EASY)} (AWS_SES), signing with Easy DKIM\n"
        "      hint: nothing was changed in SES; an update makes keys and records first; "
        "mail would go out unsigned until SES has verified the key: "
        f"`acceptUnsignedWindow: true` accepts that; {REPLICAS}\n" in window.stdout
    )
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
    assert (
        f"    warning: {exists.format(EASY)} (AWS_SES), signing with Easy DKIM\n" in foretold.stdout
    )
    right = sandbox.ses.identities(REGION)[RIGHT]
    assert (right.configuration_set, right.changed) == ("theirs", existing[RIGHT].changed)
    assert right.tags.items() >= {"team": "mail"}.items()
    assert sandbox.dns.txt(f"s1._domainkey.{RIGHT}") == (record_value(OPENSSL_KEY),)

    adopted[EASY] = adopted[EASY] | {"acceptUnsignedWindow": True}
    stack.declare(adopted)
    accepted = stack.up()
    assert accepted.ok
    meanwhile = f"mail is perhaps unsigned meanwhile; {REPLICAS}\n"
    assert re.search(
        f"    {EASY} {REGION}: SES has it, Easy DKIM; .*, {re.escape(meanwhile)}", accepted.stdout
    )
    assert accepted.outputs["pending"] == []
    signing = {domain: sandbox.ses.signing_key(domain, REGION) for domain in domains}
    assert {domain: key and key[0] for domain, key in signing.items()} == {
        domain: stored(stack, domain, REGION).declared.selector for domain in domains
    }
    with requests(sandbox) as asked:
        assert steps(stack.up()) == []
    assert (asked.ses, asked.dns) == ([], [])

    stack.declare({RIGHT: adopted[RIGHT]})
    leaving = stack.preview()
    stay = "leaves the stack and stays in SES, as do its records in DNS, because of `adopt`"
    for domain in domains:
        assert (f"    {domain} {REGION}: {stay}\n" in leaving.stdout) == (domain != RIGHT)

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
    assert (
        f"    warning: {exists.format(RIGHT)} (EXTERNAL), made by somebody else\n" in again.stdout
    )
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
    assert first.up().ok
    made = sandbox.ses.identities(REGION)[domain]

    # Each stack here has a backend of its own; project, stack and key are the same.
    second = open_stack({domain: OURS})
    foreseen, refused = second.preview(), second.up()
    assert in_the_way(foreseen) == {domain}
    assert refused.failed
    for shown in (foreseen, refused):
        assert (
            f": IdentityExists: {domain} {REGION}: SES has this identity already (EXTERNAL), "
            "owned by another stack with the name 'ses-byodkim/dev'\n"
            "      hint: nothing was changed in SES; was the state of this stack lost? "
            "`adopt: true` takes "
            "the identity over; if another backend has a stack of this name, or the stack was "
            "renamed, "
            "remove the entry here\n" in shown.stdout
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


def test_records(sandbox, panel, open_stack):
    """A record that holds another key is refused in the preview, with and without `adopt`."""
    domain = f"taken.{ZONE}"
    panel.paste(f"s1._domainkey.{domain}", record_value(OTHER_OPENSSL_KEY))
    stack = open_stack()
    for adopt in (True, False):
        stack.declare({domain: OURS | {"adopt": adopt}})
        refused = stack.preview()
        assert refused.failed
        value = f"'s1._domainkey.{domain}' is in DNS already, with another value: "
        assert value in refused.stdout
        assert "; a selector never gets a second key: " in refused.stdout


# docs/how-to/existing-identities.md, "Leaving aws.sesv2.EmailIdentity or Terraform".
def test_leaving_another_tool(sandbox, open_stack):
    """
    What another program made is let go of by it and taken over by this one, without a disturbing
    call.
    """
    domain = "terraform.example"
    zone_id = sandbox.add_zone(domain)
    sandbox.ses.put_identity(domain, REGION, selector="s1", private_key=base64_der(OPENSSL_KEY))
    retain = [False]

    def theirs():
        aws.route53.Record(
            "dkim",
            zone_id=zone_id,
            name=f"s1._domainkey.{domain}",
            type="TXT",
            ttl=300,
            records=[records.route53_value(record_value(OPENSSL_KEY))],
            opts=pulumi.ResourceOptions(retain_on_delete=retain[0]),
        )

    other = open_stack(program=theirs, stack="theirs")
    assert other.up().ok
    send(sandbox, domain, REGION)

    retain[0] = True
    assert other.up().ok
    assert other.destroy().ok
    send(sandbox, domain, REGION)

    before = sandbox.ses.identities(REGION)[domain]
    stack = open_stack({domain: OURS | {"published": [1, 2], "adopt": True}})
    with requests(sandbox) as asked:
        taken = stack.up()
    assert taken.ok
    assert writes(asked, domain)[1:] == ["TagResource"]
    assert sandbox.ses.identities(REGION)[domain].changed == before.changed
    send(sandbox, domain, REGION)

    # From here on it rotates like any other.
    stack.declare({domain: OURS | {"generation": 2, "published": [1, 2, 3], "adopt": True}})
    assert stack.up().ok
    send(sandbox, domain, REGION)
    mail = [one.verdict for one in sandbox.mail.messages if one.verdict.domain == domain]
    assert [(one.selector, one.result) for one in mail[:3]] == [("s1", "pass")] * 3
    assert [one.result for one in mail[3:]] == ["pass"]


@pytest.fixture
def easy_dkim(sandbox):
    """
    Makes a domain that signs with Easy DKIM, with its CNAME records; returns the panel of its zone.
    """
    (easy, *_) = easy_dkim_keys()
    target = f"{easy.selector}.dkim.amazonses.com"
    Panel(sandbox, target).paste(target, records.record_value(easy.public_der))

    def make(domain, *more):
        panel = Panel(sandbox, domain)
        for name in (domain, *more):
            panel.paste(f"{easy.selector}._domainkey.{name}", target, kind="CNAME")
        sandbox.ses.put_easy_dkim(domain, REGION)

    return make


WINDOW = {"generation": 1, "adopt": True, "acceptUnsignedWindow": True}


# docs/how-to/existing-identities.md, "Round the window: a sub-domain".
def test_sub_domain_meanwhile(sandbox, switches, easy_dkim, open_stack):
    """
    While SES looks for the key, mail goes out signed as a sub-domain, which has Easy DKIM of its
    own.
    """
    domain = "window.example"
    meanwhile = f"mail.{domain}"
    easy_dkim(domain, meanwhile)
    assert send(sandbox, domain, REGION).verdict.result == "pass"
    made = sandbox.ses.call("CreateEmailIdentity", REGION, {"EmailIdentity": meanwhile})
    assert len(made["DkimAttributes"]["Tokens"]) == 3
    sandbox.clock.advance(60)
    seen = sandbox.ses.call("GetEmailIdentity", REGION, {"EmailIdentity": meanwhile})
    assert seen["DkimAttributes"]["Status"] == "SUCCESS"

    switches.first_check_seconds = 1800
    stack = open_stack({domain: WINDOW}, verification={"timeoutMinutes": 0})
    pending = stack.up()
    assert pending.ok
    assert len(pending.outputs["pending"]) == 1
    assert send(sandbox, domain, REGION).verdict.result == "unsigned"
    signed = send(sandbox, meanwhile, REGION).verdict
    assert (signed.result, signed.domain) == ("pass", meanwhile)

    sandbox.clock.advance(1800)
    verified = stack.up()
    assert verified.outputs["pending"] == []
    assert send(sandbox, domain, REGION).verdict.result == "pass"
    sandbox.ses.call("DeleteEmailIdentity", REGION, {"EmailIdentity": meanwhile})
    inherited = send(sandbox, meanwhile, REGION).verdict
    assert (inherited.result, inherited.domain) == ("pass", domain)


# docs/how-to/existing-identities.md, "Round the window: a planned downtime".
def test_downtime(sandbox, switches, easy_dkim, open_stack):
    """An `up` that fails until SES has verified the key says when mail may be sent again."""
    domain = "downtime.example"
    easy_dkim(domain)
    switches.first_check_seconds = 1800
    stack = open_stack({domain: WINDOW}, verification={"timeoutMinutes": 0, "onTimeout": "fail"})
    assert re.search(r"NotVerified: not verified after \d s: ", stack.up().stdout)
    sandbox.clock.advance(1800)
    verified = stack.up()
    assert verified.ok
    selector = stored(stack, domain, REGION).declared.selector
    verdict = send(sandbox, domain, REGION).verdict
    assert (verdict.result, verdict.selector) == ("pass", selector)

    # And back, if that is wanted after all.
    assert stack.destroy().ok
    back = {"EmailIdentity": domain, "SigningAttributesOrigin": "AWS_SES"}
    back |= {"SigningAttributes": {"NextSigningKeyLength": "RSA_2048_BIT"}}
    sandbox.ses.call("PutEmailIdentityDkimSigningAttributes", REGION, back)
    sandbox.clock.advance(1800)
    verdict = send(sandbox, domain, REGION).verdict
    assert (verdict.result, verdict.selector != selector) == ("pass", True)


# docs/how-to/leaving.md, "A domain moves to another stack".
def test_to_another_stack(sandbox, open_stack):
    """
    The new stack switches to a key of its own; the old one lets go, and what it signed still
    verifies.
    """
    domain = "moves.example"
    sandbox.add_zone(domain)
    old = open_stack({domain: {"generation": 1}})
    assert old.up().ok
    send(sandbox, domain, REGION)

    new = open_stack({domain: {"generation": 1, "adopt": True}}, stack="new")
    assert new.up().ok
    signing = sandbox.ses.identities(REGION)[domain]
    send(sandbox, domain, REGION)

    # Its records stay for the mail that is on its way, the identity is not its own any more.
    old.declare({domain: {"generation": 1, "retired": True}})
    with requests(sandbox) as asked:
        retired = old.up()
    assert ("delete", f"{domain}/{REGION}", IDENTITY) in steps(retired)
    assert (
        f"{domain} {REGION}: left in SES, it is not the identity that was made here"
        in retired.stdout
    )
    assert asked.operations == ["GetEmailIdentity"]
    assert sandbox.ses.identities(REGION)[domain] == signing
    sent = [
        message
        for message in sandbox.mail.verify_again(ALL_MAIL)
        if message.verdict.domain == domain
    ]
    assert [message.verdict.result for message in sent] == ["pass", "pass"]

    # Without `adopt` it is the new stack's, as if it had made it.
    new.declare({domain: {"generation": 1}})
    with requests(sandbox) as asked:
        assert new.up().ok
    assert asked.ses == []
    assert old.destroy().ok
    assert send(sandbox, domain, REGION).verdict.result == "pass"
    assert new.destroy().ok
    assert domain not in sandbox.ses.identities(REGION)


def test_managed_by_aws(sandbox, panel, open_stack):
    """What another AWS service looks after is named in the preview, and is left to it."""
    domain = f"managed.{ZONE}"
    sandbox.ses.put_easy_dkim(domain, REGION)
    sandbox.ses.change(domain, REGION, is_managed=True)
    before = sandbox.ses.identities(REGION)[domain]
    stack = open_stack({domain: {"generation": 1, "adopt": True}})
    line = (
        f"{domain} {REGION}: SES has this identity already (AWS_SES), managed by AWS "
        "(MANAGED_DOMAIN)\n"
    )
    assert line in stack.preview().stdout
    refused = stack.up()
    assert refused.failed
    assert f"IdentityExists: {line}" in refused.stdout
    assert sandbox.ses.identities(REGION)[domain] == before


# docs/explanation/ses-features.md, "Deterministic Easy DKIM (DEED)".
def test_replicas(sandbox, open_stack):
    """
    A primary that leaves Easy DKIM alone takes its replica's key away, as it says; together both
    sign.
    """
    domain = "deed.example"
    panel = Panel(sandbox, domain)
    for key in easy_dkim_keys():
        panel.paste(
            f"{key.selector}._domainkey.{domain}",
            f"{key.selector}.dkim.amazonses.com",
            kind="CNAME",
        )
    sandbox.ses.put_easy_dkim(domain, REGION)
    sandbox.ses.put_easy_dkim(domain, OTHER_REGION, primary=REGION)

    def mail(region):
        return send(sandbox, domain, region).verdict.result

    entry = {"generation": 1, "published": [1], "adopt": True}
    stack = open_stack({domain: entry | {"regions": [REGION]}})
    refused = stack.up()
    assert refused.failed
    assert f"`acceptUnsignedWindow: true` accepts that; {REPLICAS}\n" in refused.stdout
    assert [mail(region) for region in (REGION, OTHER_REGION)] == ["pass", "pass"]

    accepted = entry | {"acceptUnsignedWindow": True}
    stack.declare({domain: accepted | {"regions": [REGION]}})
    alone = stack.up()
    assert alone.ok, alone.stdout
    assert f"mail is perhaps unsigned meanwhile; {REPLICAS}\n" in alone.stdout
    sandbox.clock.advance(2 * 3600)
    assert [mail(region) for region in (REGION, OTHER_REGION)] == ["pass", "unsigned"]

    stack.declare({domain: accepted | {"regions": [REGION, OTHER_REGION]}})
    foretold = stack.preview()
    assert (
        f"{OTHER_REGION}: SES has it, Easy DKIM, as a replica of {REGION}; switches"
        in foretold.stdout
    )
    assert REPLICAS not in foretold.stdout
    both = stack.up()
    assert both.ok, both.stdout
    assert [mail(region) for region in (REGION, OTHER_REGION)] == ["pass", "pass"]

    # SES refuses a replica of an identity of this project; `regions` is the way.
    third = "eu-central-1"
    origin = f"AWS_SES_{REGION.upper().replace('-', '_')}"
    sandbox.ses.call(
        "CreateEmailIdentity",
        third,
        {
            "EmailIdentity": domain,
            "DkimSigningAttributes": {"DomainSigningAttributesOrigin": origin},
        },
    )
    sandbox.clock.advance(1)
    seen = sandbox.ses.call("GetEmailIdentity", third, {"EmailIdentity": domain})
    assert seen["VerificationInfo"]["ErrorType"] == "REPLICATION_PRIMARY_BYO_DKIM_NOT_SUPPORTED"
    stack.declare({domain: accepted | {"regions": [REGION, OTHER_REGION, third]}})
    all_three = stack.up()
    assert all_three.ok, all_three.stdout
    assert mail(third) == "pass"
