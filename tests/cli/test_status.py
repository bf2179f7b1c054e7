"""If this fails, `byodkim status` hides that mail is unsigned, or is about to be."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from byodkim_provider.aws.ses import OWNER_TAG
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.state import Stored
from byodkim_provider.identity.verdicts import Verdict
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.times import timestamp
from sandbox.ses.switches import Fault
from tests.support.cases import cases
from tests.support.fakes import SERVERS, START
from tests.support.world import DOMAIN
from tests.support.zones import zone

ONE = "    example.com:\n      generation: {}\n"
ALL_IS_WELL = f"""\
dev: 1 domain, 1 well

{DOMAIN}: well, SUCCESS, generation 2 for 0 of 180 days
  note: generation 1 may leave DNS from 2026-12-05 12:00 UTC
"""


def test_all_is_well(project):
    """Of a verified domain there is a line to say; of one that is named, everything."""
    result = project.run("status")
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", ALL_IS_WELL)
    named = project.run("status", DOMAIN.upper())
    assert (named.exit_code, named.stdout.startswith(f"{ALL_IS_WELL}\n")) == (0, True)
    lines = [line for line in named.stdout.splitlines()[4:] if not line.startswith(" ")]
    roles = ("generation 1, previous", "generation 2, signing", "generation 3, standby")
    assert lines[1:4] == [
        f"s{number}._domainkey.{DOMAIN}: right, {role}" for number, role in enumerate(roles, 1)
    ]
    assert lines[4].startswith(f"SES in eu-west-1 says of {DOMAIN}: SUCCESS, origin EXTERNAL, ")
    assert "\n  2 of 2 servers show the key\n" in named.stdout


def test_encrypted_credentials(project):
    """What is encrypted is not decrypted, and that is said."""
    project.write(ONE.format(2) + "  aws:accessKey: AKIA\n  aws:secretKey: {secure: v1:abc}\n")
    result = project.run("status")
    said = "aws:secretKey is encrypted and stays so: using the AWS credentials of the environment"
    assert (result.exit_code, result.stderr) == (0, f"byodkim: {said}\n")


# -- what is wrong ------------------------------------------------------------------------


def given_up(project, world):
    world.resolver.records.clear()
    project.stored = [world.created(2, domain="failed.example")]
    project.write("    failed.example: {generation: 2}\n")
    del world.resolver.records["s2._domainkey.failed.example"]
    world.publish(1, 3, domain="failed.example")
    world.clock.advance(timedelta(hours=73))


def given_up_before_the_key_was_sent(project, world):
    world.switch(failed_restarts=False)
    world.model.change(DOMAIN, "eu-west-1", status="FAILED")
    failed = lifecycle.read(project.stored[0], world.outside)
    project.stored = [world.update(failed, 2)]


def other_selector(_, world):
    key = world.key(3)
    world.ses().put_email_identity_dkim_signing_attributes(DOMAIN, selector="s3", key=key)


def disabled(_, world):
    world.model.change(DOMAIN, "eu-west-1", signing_enabled=False)


def record_gone(_, world):
    del world.resolver.records[f"s2._domainkey.{DOMAIN}"]


def fell_back(_, world):
    world.model.change(DOMAIN, "eu-west-1", status="TEMPORARY_FAILURE")


def tag_of_others(_, world):
    world.model.change(DOMAIN, "eu-west-1", tags={OWNER_TAG: "f00d/x/eu-west-1"})


def awaiting(project, world):
    project.stored = [Stored(declared=world.declared(2), instance="i")]


def more_domains(project, _):
    project.write(ONE.format(2) + "    Example.NET: {generation: 1}\n")


def not_switched(project, _):
    project.write(ONE.format(3))


def not_allowed(_, world):
    world.model.inject(Fault("access_denied", operation="GetEmailIdentity"))


@cases(
    ("befall", "kind", "codes"),
    {
        "not switched": (not_switched, "wrong", ["UNFINISHED"]),
        "other domain": (more_domains, "wrong", ["NOT_MADE"]),
        "other selector": (other_selector, "wrong", ["DIFFERS"]),
        "given up": (given_up, "wrong", ["DIFFERS", "RECORD"]),
        "given up before": (given_up_before_the_key_was_sent, "wrong", ["GIVEN_UP"]),
        "tag": (tag_of_others, "wrong", ["TAKEN"]),
        "no record": (record_gone, "wrong", ["RECORD"]),
        "fell back": (fell_back, "wrong", ["RECORD_LOST"]),
        "awaiting": (awaiting, "wrong", ["AWAITING_DNS"]),
        "SES can't be asked": (not_allowed, "unknown", ["NOT_ASKED"]),
    },
)
def test_wrong(project, world, befall, kind, codes):
    """What is wrong or not done yet is said, for a program by a code, and by the exit code."""
    befall(project, world)
    result = project.run("status", "--json")
    printed = json.loads(result.stdout)
    found = [one for domain in printed["domains"] for one in domain["findings"]]
    assert [one["message"]["code"] for one in found if one["kind"] != "note"] == codes
    assert {one["kind"] for one in found} - {"note"} == {kind} == {printed["verdict"]}
    assert result.exit_code == {"wrong": 2, "unknown": 3}[kind]


@cases(
    ("befall", "expected"),
    {
        "selector": (other_selector, ["PENDING", True, "s3", None]),
        "disabled": (disabled, ["SUCCESS", False, "s2", 2]),
        "awaiting": (awaiting, ["AWAITING_DNS", None, "s2", 2]),
    },
)
def test_what_signs_is_what_ses_says(project, world, befall, expected, domains):
    """
    Where SES does not sign with the key that the state knows, nothing says how long it has signed.
    """
    befall(project, world)
    [identity] = domains()[0]["identities"]
    enabled = identity["ses"] and identity["ses"]["signing_enabled"]
    assert [identity["status"], enabled, identity["selector"], identity["generation"]] == expected
    times = (identity["signing_since"], identity["age_days"], identity["verified"])
    assert times == (None, None, False)


# -- after a switch -----------------------------------------------------------------------


def switched(project, world):
    """
    Generation 2 signed and was verified, then somebody switched to 3, and SES still says SUCCESS.
    """
    world.switch(status_after_put="SUCCESS")
    project.stored = [world.update(project.stored[0], 3)]
    project.write(ONE.format(3))
    project.published = {DOMAIN: (2, 3)}


def test_a_success_of_the_key_before(project, world, domains, findings):
    """
    After a switch a SUCCESS counts as `pulumi up` counts it: not if it is about the key before.
    """
    world.switch(failed_check_keeps_success=True, first_check_seconds=1)
    switched(project, world)
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]
    world.clock.advance(timedelta(minutes=1))
    assert domains()[0]["identities"][0]["verified"] is False
    _, code, fields = findings()[0]
    assert (code, "SUCCESS is about the one before" in fields["reason"]) == ("PENDING", True)
    entry = world.entry(project.stored[0])
    project.verdicts = [Verdict(entry=entry, status="SUCCESS", verified=True)]
    assert domains()[0]["identities"][0]["verified"] is True


def test_unconfirmed(project, world, domains, codes):
    """Where SES never shows whether it has checked the key, that is said, and is nothing wrong."""
    world.switch(verification_info="empty")
    switched(project, world)
    world.clock.advance(timedelta(minutes=1))
    assert codes() == ["PENDING"]
    world.clock.advance(timedelta(minutes=30))
    [domain] = domains()
    [identity] = domain["identities"]
    assert (domain["verdict"], codes()) == ("well", [])
    assert (identity["status"], identity["verified"]) == ("UNCONFIRMED", False)
    assert domain["findings"][0] == identity["finding"]


def test_after_a_step_back(project, world, domains, findings):
    """A generation that has signed is previous, whatever its number: a standby never has."""
    project.stored = [world.update(world.update(project.stored[0], 3), 2)]
    roles = {
        one["generation"]: (one["role"], bool(one["signed_until"]))
        for one in domains()[0]["records"]
    }
    assert roles == {1: ("previous", True), 2: ("signing", False), 3: ("previous", True)}
    fields = {"generation": 3, "time": "2026-12-05T13:00:00Z"}
    assert findings()[-1] == ("note", "MAY_LEAVE", fields)


def test_roles_of_a_switch_that_failed(project, domains):
    """
    The program declared another generation than the one that signs: the identities have the roles.
    """
    project.write("    example.com: {generation: 1, published: [1, 2, 3]}\n")
    project.published = {DOMAIN: (1, 2, 3)}
    project.stored = [replace(project.stored[0], signed_until={})]
    project.signing = {DOMAIN: 1}
    roles = {one["generation"]: one["role"] for one in domains()[0]["records"]}
    assert roles == {1: "standby", 2: "signing", 3: "standby"}


def test_a_clock_that_lags(project, world, domains, codes):
    """The times of the state are SES's: age and next rotation are counted by one clock, SES's."""
    world.clock.advance(START + timedelta(days=181) - world.clock.now())
    project.ahead = timedelta(days=-100)
    [domain] = domains()
    assert (domain["identities"][0]["age_days"], domain["days_until_rotation"]) == (181, -1)
    assert codes() == ["ROTATE"]


def test_retired(project, world, domains, findings):
    """
    Of a retired domain the day is shown from which its records may go, and then that they may.
    """
    project.published, project.signing = {DOMAIN: (1, 2, 3)}, {DOMAIN: 2}
    project.stored = []
    project.retired_at = {DOMAIN: "2026-11-25T13:00:00Z"}
    project.write(ONE.format(2) + "      retired: true\n")
    shown = project.run("status")
    assert (shown.exit_code, f"{DOMAIN}: well, retired\n" in shown.stdout) == (0, True)
    assert [one["role"] for one in domains()[0]["records"]] == ["previous", "previous", "standby"]
    [(kind, code, fields)] = findings()
    assert (kind, code, fields["day"][:10]) == ("note", "RETIRED_SINCE", "2026-12-06")
    world.clock.advance(timedelta(days=11))
    assert findings()[0][:2] == ("due", "RECORDS_MAY_GO")


def test_adopted(project, world, findings):
    """Of the standby of an adopted identity nobody knows whether it signed, and nothing is said."""
    key = world.key(4).pkcs1_base64()
    world.model.put_identity("a.example", "eu-west-1", selector="old", private_key=key, tags={})
    world.publish(1, 2, domain="a.example")
    project.write("    a.example: {generation: 1, adopt: true}\n")
    project.stored = [world.create(1, domain="a.example", adopt=True)]
    assert findings("note", "due") == []


# -- what is due --------------------------------------------------------------------------


@cases(
    ("days", "settings", "due", "notes"),
    {
        "overlap": (9, "", [], ["MAY_LEAVE"]),
        "on the day": (180, "", [], []),
        "after it": (180.5, "", ["ROTATE"], []),
        "old key allowed": (181, "      rotateAfterDays: 365\n", [], []),
        "left-over override": (1, "      overlapDays: 0\n", ["OVERRIDE"], []),
    },
)
def test_due(project, world, codes, days, settings, due, notes):
    """
    What somebody should do has an exit code of its own, and what only takes its time has none.
    """
    project.write(ONE.format(2) + settings)
    world.clock.advance(START + timedelta(days=days) - world.clock.now())
    result = project.run("status", "--json")
    [domain] = json.loads(result.stdout)["domains"]
    assert (codes("due"), codes("note")) == (due, notes)
    assert (domain["days_until_rotation"] < 0) == ("ROTATE" in due)
    assert (domain["verdict"], result.exit_code) == (("due", 1) if due else ("well", 0))
    record_gone(project, world)
    assert project.run("status").exit_code == 2, "what is wrong comes first"


def test_two_regions(project, world, domains):
    """
    A key signs from the first Region's switch on, and until the last one's.
    """
    project.write(ONE.format(3) + "      regions: [eu-west-1, us-east-1]\n")
    before = [*project.stored, world.verified(2, region="us-east-1")]
    project.stored = []
    for one in before:
        project.stored.append(world.update(one, 3, region=one.declared.region))
        world.clock.advance(timedelta(hours=1))
    first, last = (one.key.signing_since for one in project.stored)
    assert first < last
    records = {one["generation"]: one for one in domains()[0]["records"]}
    assert records[3]["signing_since"] == timestamp(first)
    assert records[2]["signed_until"] == timestamp(last)


def test_no_answer(project, world, codes):
    """
    Of records about which DNS says nothing nothing is known, unless SES says that something is
    wrong.
    """
    world.resolver.failures = dict.fromkeys(SERVERS, "silent")
    assert (codes(), codes("unknown")) == (["RECORD"] * 3, ["RECORD"] * 3)
    metrics = project.run("status", "--format", "prometheus")
    assert f'domain_status{{stack="dev",domain="{DOMAIN}"}} 3' in metrics.stdout
    assert ("servers_asked" in metrics.stdout, "servers_visible" in metrics.stdout) == (True, False)
    disabled(project, world)
    assert project.run("status").exit_code == 2


@pytest.mark.parametrize(
    ("generation", "days", "value", "kind"),
    [
        (3, 0, (), "due"),
        (3, 0, "private", "wrong"),
        (1, 9, (), "wrong"),
        (1, 11, (), "due"),
    ],
)
def test_which_records_mail_needs(project, world, findings, generation, days, value, kind):
    """
    Mail needs the key that signs, and those that have signed lately; to repair another record is
    due.
    """
    value = (world.key(generation).pkcs1_base64(),) if value == "private" else value
    world.resolver.records[f"s{generation}._domainkey.{DOMAIN}"] = value
    world.clock.advance(timedelta(days=days))
    [(found, code, fields)] = findings("wrong", "unknown", "due")
    assert (found, code, fields["generation"]) == (kind, "RECORD", generation)
    assert project.run("status").exit_code == {"due": 1, "wrong": 2}[kind]


# -- records, and how to fix them ---------------------------------------------------------


def test_dns_check_off(project):
    """Where the stack says that DNS can't be seen, nobody is asked, and that is said."""
    project.write(f"    {DOMAIN}: {{generation: 2, dnsCheck: off}}\n")
    result = project.run("status", DOMAIN)
    off = "  `dnsCheck: off`: `byodkim doctor DOMAIN --selector S` asks DNS\n"
    assert (result.exit_code, result.stdout.count("  DNS is not checked\n")) == (0, 3)
    assert off in result.stdout


THIRD = f"s3._domainkey.{DOMAIN}"
MANUAL = zone("manual", panel="hostgator")
AWS = zone("route53:Z1", name_servers=("ns-1.awsdns-1.com",))


@cases(
    ("listed", "code", "title"),
    {
        # The name servers are nobody's that is known, so they are not HostGator's.
        "panel": ([MANUAL], "served-elsewhere", "HostGator"),
        # Only if the servers of all its zones are known and asked, a record may be where nobody
        # asks.
        "one zone": ([AWS], "served-elsewhere", None),
        "one of two zones": ([AWS, zone("manual")], "no-txt", None),
    },
)
def test_where_a_record_is_missing(project, world, declare, listed, code, title):
    """What the stack knows of the panel and the zone is in the advice."""
    declare(zones=tuple(listed))
    world.resolver.records[THIRD] = ()
    shown = project.run("status", DOMAIN).stdout
    assert f"{THIRD}: wrong ({code})" in shown
    assert re.findall(r"not by (HostGator)", shown)[:1] == ([title] if title else [])
    is_typed = any(one.provider == "manual" for one in listed)
    assert ("Type:" in shown) == is_typed, "what a stack writes, nobody types in"


@pytest.mark.parametrize(
    ("leaked", "step"),
    [
        # `rotate` knows what signed lately, and refuses if there is no standby.
        (2, f"run `byodkim rotate {DOMAIN} --compromised`"),
        (3, "set `published` to the other generations and `overlapDays: 0`, and run `pulumi up`"),
    ],
)
def test_private_key_of_a_stack(project, world, leaked, step):
    """What the stack needs to have another key is said."""
    name = f"s{leaked}._domainkey.{DOMAIN}"
    world.resolver.records[name] = (f"p={world.key(leaked).pkcs1_base64()}",)
    assert f"then {step}: " in project.run("status", DOMAIN).stdout


# -- what it costs, and what it reads -----------------------------------------------------


def test_it_only_reads(project, world):
    """A look is one read an identity and one look-up a record, and no change."""
    world.forget()
    before = project.stack_file.read_bytes()
    project.run("status")
    assert world.calls() == ["GetEmailIdentity"]
    assert sorted(world.resolver.looked_up) == [
        f"s{number}._domainkey.{DOMAIN}" for number in (1, 2, 3)
    ]
    assert (project.stack_file.read_bytes(), project.ran) == (before, [])


def test_could_not_tell(project):
    """What can't be read is one message on standard error and an exit code of its own."""
    project.printed = "Please log in"
    result = project.run("status")
    problem = CliMessages.NO_STATE(error="JSONDecodeError")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", f"byodkim: {problem}\n")
