"""`byodkim status` tells what SES and DNS show now, what is wrong and what is due."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.state import Stored
from byodkim_provider.identity.verdicts import Verdict
from byodkim_provider.property_types import timestamp
from sandbox.ses.switches import Fault
from tests.support.cases import cases
from tests.support.cli_project import configuration
from tests.support.fakes import START
from tests.support.testdata import pem
from tests.support.world import DOMAIN

ONE = "    example.com:\n      generation: {}\n"


def test_all_is_well(project):
    """Of a verified domain with its records there is nothing to say but how it is."""
    result = project.run("status")
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines == [
        "dev: 1 domain, 1 well",
        "",
        "notes:",
        f"  {DOMAIN}: generation 1 may leave DNS from 2026-12-05 12:00 UTC",
        "",
        f"{DOMAIN}: well",
        "  Region     SES      generation  signing since         days",
        "  eu-west-1  SUCCESS  2           2026-11-25 12:00 UTC  0 of 180",
        "  generation  role      selector  servers",
        "  1           previous  s1        2 of 2",
        "  2           signing   s2        2 of 2",
        "  3           standby   s3        2 of 2",
    ]


def test_redirected(project):
    """A service that the stack file takes away from AWS is named."""
    project.write(ONE.format(2) + "  aws:endpoints:\n    - sts: https://sts.example.net\n")
    assert project.run("status").stderr == (
        "byodkim: aws: STS is redirected to sts.example.net, which is not AWS and gets what AWS would get\n"
    )


def test_json(project, world):
    """A program gets the same as values."""
    result = project.run("status", "--json")
    found = json.loads(result.stdout)
    [domain] = found["domains"]
    [identity] = domain["identities"]
    record = domain["records"][1]
    assert (found["stack"], found["project"], found["account_id"]) == ("dev", "ses-byodkim", None)
    assert (found["checked_at"], domain["next_rotation"]) == ("2026-11-25T13:00:00Z", "2027-05-24T12:00:00Z")
    assert (domain["rotate_after_days"], domain["days_until_rotation"]) == (180, 179)
    assert (identity["generation"], identity["selector"], identity["age_days"]) == (2, "s2", 0)
    assert identity["signing_since"] == record["signing_since"] == "2026-11-25T12:00:00Z"
    expected = world.declared(2)
    assert (record["value"], record["fingerprint"]) == (expected.record_value, expected.fingerprint)


def nothing(project, world):
    pass


def pending(project, world):
    world.switch(first_check_seconds=10**6)
    project.stored = [world.created(2, domain="pending.example")]
    project.write("    pending.example: {generation: 2}\n")
    world.publish(1, 3, domain="pending.example")


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


def deleted(project, world):
    world.ses().delete_email_identity(DOMAIN)


def disabled(project, world):
    world.ses().put_email_identity_dkim_attributes(DOMAIN, signing_enabled=False)


def other_selector(project, world):
    key = world.key(3)
    world.ses().put_email_identity_dkim_signing_attributes(DOMAIN, selector="s3", key=key)


def record_gone(project, world):
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]


def fell_back(project, world):
    world.model.change(DOMAIN, "eu-west-1", status="TEMPORARY_FAILURE")


def awaiting(project, world):
    declared = world.declared(2)
    project.stored = [Stored(declared=declared, instance="i")]


def awaiting_without_a_record(project, world):
    awaiting(project, world)
    del world.resolver.records[f"s2._domainkey.{DOMAIN}"]


def awaiting_without_a_zone(project, world):
    awaiting(project, world)
    world.resolver.failures = dict.fromkeys(["ns1.example.net", "ns2.example.net"], "no zone")
    project.published = {DOMAIN: (2, 3)}


def ahead(project, world):
    project.write(ONE.format(3))


def other_published(project, world):
    project.write(ONE.format(2) + "      published: [2, 3]\n")


def another_region(project, world):
    project.write(ONE.format(2) + "      regions: [eu-west-1, us-east-1]\n")


def fewer_domains(project, world):
    project.stored.append(world.verified(1, domain="example.net"))
    world.publish(1, 2, domain="example.net")


def fewer_adopted_domains(project, world):
    stored = world.verified(1, domain="example.net")
    project.stored.append(replace(stored, adopted=True))
    world.publish(1, 2, domain="example.net")


def fewer_adopted_regions(project, world):
    project.stored = [replace(project.stored[0], adopted=True)]
    project.write(ONE.format(3) + "      regions: [us-east-1]\n")


def more_domains(project, world):
    project.write(ONE.format(2) + "    Example.NET: {generation: 1}\n")


def signed_by_somebody_else(project, world):
    more_domains(project, world)
    world.model.put_identity(
        "example.net",
        "eu-west-1",
        selector="old",
        private_key=world.key(4).pkcs1_base64(),
        tags={"byodkim:owner": "f00d/example.net/eu-west-1", "byodkim:stack": "mail/prod"},
        status="FAILED",
    )


def retired_and_still_in_ses(project, world):
    project.write(ONE.format(2) + "      retired: true\n")


def set_in_the_future(project, world):
    world.switch(status_after_put="SUCCESS")
    project.stored = [world.update(project.stored[0], 3)]
    at = world.clock.now() + timedelta(days=400)
    key = replace(project.stored[0].key, set_at=at, signing_since=at)
    project.stored = [replace(project.stored[0], key=key)]
    project.write(ONE.format(3))
    project.published = {DOMAIN: (2, 3)}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (nothing, []),
        (pending, ["eu-west-1: verification pending: run `pulumi up`"]),
        (
            given_up,
            [
                "eu-west-1: SES has given up looking for the record: FAILED (HOST_NOT_FOUND: no such name): "
                "run `pulumi up --refresh`",
                "record of generation 2 (signing): 0 of 2 servers show the key, "
                "ns1.example.net and ns2.example.net have no TXT record",
            ],
        ),
        (
            given_up_before_the_key_was_sent,
            ["eu-west-1: SES has given up and does not search again: rotate to the next generation"],
        ),
        (deleted, ["eu-west-1: gone from SES: run `pulumi up --refresh`"]),
        (disabled, ["eu-west-1: DKIM signatures are disabled: run `pulumi up --refresh`"]),
        (other_selector, ["eu-west-1: signs with selector 's3', not 's2': run `pulumi up --refresh`"]),
        (
            record_gone,
            [
                "record of generation 3 (standby): 0 of 2 servers show the key, "
                "ns1.example.net and ns2.example.net have no TXT record"
            ],
        ),
        (
            fell_back,
            [
                "eu-west-1: SES says TEMPORARY_FAILURE, it said SUCCESS before; mail is unsigned until "
                "SES finds the record, and after five days it looks no more: run `pulumi up --refresh`"
            ],
        ),
        (
            awaiting_without_a_record,
            [
                "record of generation 2 (signing): 0 of 2 servers show the key, ns1.example.net and "
                "ns2.example.net have no TXT record; once it is visible, run `pulumi up`"
            ],
        ),
        (
            awaiting_without_a_zone,
            [
                "record of generation 2 (signing): 0 of 2 servers show the key, ns1.example.net and "
                "ns2.example.net find no zone for this name: if only a resolver of your own network sees the "
                "zone, set `dnsResolvers`; `byodkim doctor --nameserver` tries one; "
                "once it is visible, run `pulumi up`",
                "record of generation 3 (standby): 0 of 2 servers show the key, ns1.example.net and "
                "ns2.example.net find no zone for this name",
            ],
        ),
        (awaiting, ["eu-west-1: waiting for DNS: once the record is visible, run `pulumi up`"]),
        (ahead, ["eu-west-1: generation 2 signs, the stack file says 3: run `pulumi up`"]),
        (
            other_published,
            ["eu-west-1: generations [1, 2, 3] are published, the stack file says [2, 3]: run `pulumi up`"],
        ),
        (another_region, ["us-east-1: not made yet: `pulumi up` makes it, or says why not"]),
        (fewer_domains, ["not in the stack file: `pulumi up` deletes it"]),
        (
            fewer_adopted_domains,
            [
                "not in the stack file: `pulumi up` removes it from the stack, and in eu-west-1 it stays in "
                "SES, as it was adopted"
            ],
        ),
        (
            fewer_adopted_regions,
            [
                "us-east-1: not made yet: `pulumi up` makes it, or says why not",
                "eu-west-1: not in the stack file: `pulumi up` removes it from the stack, and in eu-west-1 "
                "it stays in SES, as it was adopted",
            ],
        ),
        (more_domains, ["eu-west-1: not made yet: `pulumi up` makes it, or says why not"]),
        (
            signed_by_somebody_else,
            [
                "eu-west-1: SES has an identity of 'mail/prod' already (BYODKIM, signing with selector "
                "'old', FAILED): `adopt: true` takes it over"
            ],
        ),
        (retired_and_still_in_ses, ["eu-west-1: retired: `pulumi up` deletes it"]),
        (
            set_in_the_future,
            [
                "eu-west-1: SES got the key at 2027-12-30 13:00 UTC, which is in the future: a clock was "
                "ahead, and no check before that counts: rotate to the next generation"
            ],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_wrong(project, world, change, wrong):
    """What is wrong or not done yet is said in words, and by the exit code."""
    change(project, world)
    result = project.run("status", "--json")
    found = json.loads(result.stdout)
    assert [text for domain in found["domains"] for text in domain["wrong"]] == wrong
    assert (found["verdict"], result.exit_code) == (("wrong", 2) if wrong else ("well", 0))


def test_left_the_file(project, world, domains):
    """Of a domain that only the state has nothing is counted and nothing retired: it goes."""
    fewer_domains(project, world)
    _, left = domains()
    assert (left["rotate_after_days"], left["next_rotation"]) == (None, None)
    project.stored.pop()
    project.published, project.signing = {"example.net": (1,)}, {"example.net": 1}
    assert [one["retired"] for one in domains()] == [False, False]


def easy_dkim(project, world):
    world.model.put_easy_dkim(DOMAIN, "eu-west-1")


@pytest.mark.parametrize(
    ("change", "expected", "row"),
    [
        (other_selector, ["PENDING", True, "s3", None], "PENDING – – – of 180"),
        (easy_dkim, ["SUCCESS", True, None, None], "SUCCESS – – – of 180"),
        (disabled, ["SUCCESS", False, "s2", 2], "SUCCESS, signing disabled 2 – – of 180"),
        (deleted, ["GONE", None, "s2", 2], "GONE 2 – – of 180"),
        (awaiting, ["AWAITING_DNS", None, "s2", 2], "AWAITING_DNS 2 – – of 180"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_signs_is_what_ses_says(project, world, change, expected, row, domains):
    """Where SES does not sign with the key that the state knows, nothing says how long it has signed."""
    change(project, world)
    [domain] = domains()
    [identity] = domain["identities"]
    enabled = identity["ses"] and identity["ses"]["signing_enabled"]
    assert [identity["status"], enabled, identity["selector"], identity["generation"]] == expected
    assert (identity["signing_since"], identity["age_days"], identity["verified"]) == (None, None, False)
    assert ["eu-west-1", *row.split()] in [line.split() for line in project.run("status").stdout.splitlines()]


def switched(project, world):
    """Generation 2 signed and was verified, then somebody switched to 3, and SES still says SUCCESS."""
    world.switch(status_after_put="SUCCESS")
    stored = world.update(project.stored[0], 3)
    project.stored = [stored]
    project.write(ONE.format(3))
    project.published = {DOMAIN: (2, 3)}
    return stored


def test_an_old_error_beside_success(project, world):
    """SES keeps the error of an earlier check beside SUCCESS: nothing is wrong, and nobody reads of it."""
    world.switch(verification_info="sticky")
    seen = world.ses().get_email_identity(DOMAIN)
    assert (seen.dkim_status, seen.error_type) == ("SUCCESS", "HOST_NOT_FOUND")
    result = project.run("status")
    assert (result.exit_code, "HOST_NOT_FOUND" in result.output) == (0, False)


def test_a_success_of_the_key_before(project, world, domains):
    """After a switch a SUCCESS counts as `pulumi up` counts it: not if it is about the key before."""
    world.switch(failed_check_keeps_success=True, first_check_seconds=1)
    stored = switched(project, world)
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]
    world.clock.advance(timedelta(minutes=1))
    [domain] = domains()
    assert domain["identities"][0]["verified"] is False
    assert domain["wrong"][0] == (
        "eu-west-1: SES did not find the key at its last check (HOST_NOT_FOUND: no such name), "
        "SUCCESS is about the one before: run `pulumi up`"
    )
    project.verdicts = [Verdict(entry=world.entry(stored), status="SUCCESS", verified=True)]
    [domain] = domains()
    assert domain["identities"][0]["verified"] is True


def test_unconfirmed(project, world, domains):
    """Where SES never shows whether it has checked the key, that is said, and is nothing wrong."""
    world.switch(verification_info="empty")
    switched(project, world)
    world.clock.advance(timedelta(minutes=1))
    [domain] = domains()
    assert domain["wrong"] == [
        "eu-west-1: SES shows no check of this key yet, SUCCESS may be about the one before: run `pulumi up`"
    ]
    world.clock.advance(timedelta(minutes=30))
    result = project.run("status", "--json")
    [domain] = json.loads(result.stdout)["domains"]
    [identity] = domain["identities"]
    assert (result.exit_code, domain["wrong"]) == (0, [])
    assert (identity["status"], identity["verified"], identity["problem"]) == ("UNCONFIRMED", False, "")
    assert domain["notes"][0] == (
        "eu-west-1: SES says SUCCESS, and does not show whether it has checked this key; "
        "it has if the DKIM-Signature of a new mail has `s=s3`"
    )


def test_after_a_step_back(project, world, domains):
    """A generation that has signed is previous, whatever its number: a standby never has."""
    project.stored = [world.update(world.update(project.stored[0], 3), 2)]
    [domain] = domains()
    roles = {one["generation"]: (one["role"], bool(one["signed_until"])) for one in domain["records"]}
    assert roles == {1: ("previous", True), 2: ("signing", False), 3: ("previous", True)}
    assert domain["notes"][-1] == "generation 3 may leave DNS from 2026-12-05 13:00 UTC"


def test_roles_of_a_switch_that_failed(project, domains):
    """The program declared another generation than the one that signs: the identities have the roles."""
    project.write("    example.com: {generation: 1, published: [1, 2, 3]}\n")
    project.published = {DOMAIN: (1, 2, 3)}
    project.stored = [replace(project.stored[0], signed_until={})]
    project.signing = {DOMAIN: 1}
    [domain] = domains()
    roles = {one["generation"]: one["role"] for one in domain["records"]}
    assert roles == {1: "standby", 2: "signing", 3: "standby"}


def test_a_time_in_the_future(project, world, domains):
    """A clock was ahead when the key was set: nothing is counted from then, and that is said."""
    at = world.clock.now() + timedelta(days=400)
    key = replace(project.stored[0].key, signing_since=at)
    project.stored = [replace(project.stored[0], key=key)]
    [domain] = domains()
    assert (domain["identities"][0]["age_days"], domain["next_rotation"]) == (None, None)
    assert domain["notes"][0] == (
        "eu-west-1: signing since 2027-12-30 13:00 UTC, which is in the future: a clock was ahead; "
        "a rotation mends it"
    )


def test_not_taken_over_yet(project, world):
    """What SES has and the stack has not is named; it is not wrong while its mail is signed."""
    project.write(ONE.format(2) + "    example.net: {generation: 1, adopt: true}\n")
    world.model.put_easy_dkim("example.net", "eu-west-1")
    result = project.run("status", "--json")
    [_, domain] = json.loads(result.stdout)["domains"]
    assert (result.exit_code, domain["wrong"]) == (1, [])
    assert domain["due"] == [
        "eu-west-1: SES has an identity already (Easy DKIM, SUCCESS): "
        "`pulumi up` takes it over, or says why not"
    ]


def test_ses_can_not_be_asked_about_what_is_not_made(project, world):
    """Without a permission or credentials the rest is shown as it is."""
    project.stored = []
    project.write(ONE.format(2))
    world.model.inject(Fault("access_denied", operation="GetEmailIdentity"))
    assert "not made yet: `pulumi up` makes it, or says why not" in " ".join(
        project.run("status").stdout.split()
    )


def test_retired(project, world, domains):
    """Of a retired domain the day is shown from which its records may go, and then that they may."""
    project.published, project.signing = {DOMAIN: (1, 2, 3)}, {DOMAIN: 2}
    project.stored = []
    project.retired_at = {DOMAIN: "2026-11-25T13:00:00Z"}
    project.write(ONE.format(2) + "      retired: true\n")
    shown = project.run("status")
    assert (shown.exit_code, f"{DOMAIN}: well, retired\n" in shown.stdout) == (0, True)
    by = "retired by the run of 2026-11-25 13:00 UTC, nothing signs"
    [domain] = domains()
    assert [one["role"] for one in domain["records"]] == ["previous", "previous", "standby"]
    assert domain["notes"] == [f"{by}; its records may go from 2026-12-06, by deleting the entry"]
    world.clock.advance(timedelta(days=11))
    [domain] = domains()
    assert domain["due"] == [f"{by}; its records may go: delete the entry, and run `pulumi up`"]


def test_notes_of_an_adopted_account(project, world, domains):
    """What is good to know of all domains alike is one line, though each was adopted at a time of its own."""
    names = ("a.example.com", "b.example.com", "c.example.com")
    project.write("".join(f"    {name}: {{generation: 1, adopt: true}}\n" for name in names))
    project.stored = []
    key = world.key(4).pkcs1_base64()
    supplied = {number: f"s{number}:{world.key(number).fingerprint}" for number in (1, 2)}
    for name in names:
        world.publish(1, 2, domain=name)
        world.model.put_identity(name, "eu-west-1", selector="old", private_key=key, tags={})
        world.next_run()
        project.stored.append(world.create(1, domain=name, adopt=True, supplied_keys=supplied))
        world.clock.advance(timedelta(minutes=1))
    adopted = (
        "generation 2 may leave DNS from 2026-12-06, as nobody knows whether it signed before the identity "
        "was adopted"
    )
    made_here = project.stored[0]
    project.stored[0] = replace(made_here, declared=replace(made_here.declared, supplied_keys={}))
    assert domains()[0]["notes"] == []
    project.stored[0] = made_here
    result = project.run("status", "--json")
    assert [one["notes"] for one in json.loads(result.stdout)["domains"]] == [[adopted]] * 3
    shown = " ".join(project.run("status").stdout.split())
    assert shown.count("may leave DNS") == 1
    assert f"notes: all 3 domains: {adopted} " in shown
    world.resolver.records.pop("s2._domainkey.c.example.com")
    project.write("".join(f"    {name}: {{generation: 1, adopt: true}}\n" for name in names[:2]))
    assert f"notes: a.example.com, b.example.com: {adopted} " in " ".join(
        project.run("status").stdout.split()
    )


ROTATE = "rotate: generation 2 has signed for {} days"
OVERRIDE = "`overlapDays: 0` lets records leave DNS too early: remove it once its step is done"
OVERLAP = "generation 1 may leave DNS from 2026-12-05 12:00 UTC"


@cases(
    ("days", "settings", "due", "notes"),
    {
        "overlap": (9, "", [], [OVERLAP]),
        "overlap over": (11, "", [], []),
        "on the day": (180, "", [], []),
        "after it": (180.5, "", [ROTATE.format(180)], []),
        "old key": (181, "", [ROTATE.format(181)], []),
        "old key allowed": (181, "      rotateAfterDays: 365\n", [], []),
        "left-over override": (1, "      overlapDays: 0\n", [OVERRIDE], []),
    },
)
def test_due(project, world, days, settings, due, notes):
    """What somebody should do has an exit code of its own, and what only takes its time has none."""
    project.write(ONE.format(2) + settings)
    world.clock.advance(START + timedelta(days=days) - world.clock.now())
    result = project.run("status", "--json")
    found = json.loads(result.stdout)
    [domain] = found["domains"]
    assert (domain["due"], domain["notes"]) == (due, notes)
    assert (domain["days_until_rotation"] < 0) == any(text.startswith("rotate") for text in due)
    assert (found["verdict"], result.exit_code) == (("due", 1) if due else ("well", 0))


def test_wrong_and_due(project, world):
    """What is wrong comes first: it decides the exit code."""
    world.clock.advance(timedelta(days=181))
    record_gone(project, world)
    assert project.run("status").exit_code == 2


def test_times_of_two_regions(project, world, domains):
    """A key signs since the first Region has it, and has signed until the last one had another."""
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


def test_regions_with_the_same_problem(project, world, domains):
    """What is wrong in every Region is one line."""
    project.write(ONE.format(2) + "      regions: [eu-west-1, us-east-1]\n")
    project.stored.append(world.verified(2, region="us-east-1"))
    for region in ("eu-west-1", "us-east-1"):
        world.ses(region).delete_email_identity(DOMAIN)
    [domain] = domains()
    assert domain["wrong"] == ["eu-west-1, us-east-1: gone from SES: run `pulumi up --refresh`"]


def test_a_silent_server(project, world):
    """A record that every answering server shows is right; which one is silent is a note."""
    world.resolver.failures["ns2.example.net"] = "silent"
    result = project.run("status", "--json")
    [domain] = json.loads(result.stdout)["domains"]
    assert domain["notes"][:1] == [
        "record of generation 1 (previous): 1 of 2 servers show the key, ns2.example.net is silent"
    ]
    assert (result.exit_code, domain["wrong"]) == (0, [])


def test_dns_is_not_checked(project, world):
    """With `dnsCheck: off` no record is looked up, and none is wrong."""
    project.write(ONE.format(2) + "      dnsCheck: off\n")
    world.resolver.records.clear()
    world.forget()
    result = project.run("status", "--json")
    assert {record["seen"] for record in json.loads(result.stdout)["domains"][0]["records"]} == {
        "DNS is not checked"
    }
    assert (result.exit_code, world.resolver.looked_up) == (0, [])


def test_it_only_reads(project, world):
    """A look costs one read an identity and one look-up a record, and changes nothing."""
    world.forget()
    before = project.stack_file.read_bytes()
    project.run("status")
    assert world.calls() == ["GetEmailIdentity"]
    assert sorted(world.resolver.looked_up) == [f"s{number}._domainkey.{DOMAIN}" for number in (1, 2, 3)]
    assert (project.stack_file.read_bytes(), project.ran) == (before, [])


def test_the_project_file_may_end_in_yml(project):
    """So does the stack file then."""
    (project.directory / "Pulumi.yaml").rename(project.directory / "Pulumi.yml")
    project.printed = configuration(project.directory / "Pulumi.yml", project.stack_file)
    project.stack_file.rename(project.stack_file.with_suffix(".yml"))
    assert project.run("status").exit_code == 0
    result = project.run("rotate", DOMAIN, "--dry-run", "--compromised")
    assert result.stdout.startswith("--- stacks/Pulumi.dev.yml\n")


def test_what_only_pulumi_can_read(project):
    """A stack file that our own YAML library does not take is none of a command's concern that only reads."""
    project.printed = configuration(project.directory / "Pulumi.yaml", project.stack_file)
    project.stack_file.write_text(project.stack_file.read_text().replace("generation: ", "generation:\t"))
    assert project.run("status").exit_code == 0


def test_encrypted_credentials(project):
    """Credentials that are encrypted in the stack file are not decrypted: the environment's are used."""
    project.stack_file.write_text(
        project.stack_file.read_text() + "  aws:accessKey: AKIA\n  aws:secretKey: {secure: v1:abc}\n"
    )
    result = project.run("status")
    assert result.stderr == (
        "byodkim: aws:secretKey is encrypted and stays so: using the AWS credentials of the environment\n"
    )
    assert result.exit_code == 0


SMALLEST = """\
  hint: the smallest stack file is
    config:
      aws:region: eu-west-1
      ses-byodkim:domains:
        example.com:
          generation: 1
  `ses-byodkim:domains: {{}}` if the last domain has left: `pulumi up` then deletes what the stack made"""

ENCRYPTED_DOMAINS = """\
ses-byodkim:domains: is encrypted as a whole, and nothing is decrypted here
  hint: set it without `--secret`: privateKeys holds the private keys"""

PLAIN_KEY = """\
privateKeys["new"]: is not encrypted, set it with `pulumi config set --secret --path 'privateKeys["new"]'`, \
and make another one if somebody may have read this"""


def no_domains(project):
    project.stack_file.unlink()


def encrypted_domains(project):
    project.stack_file.write_text("config: {'ses-byodkim:domains': {secure: v1:abc}}")


PASTED_KEY = """\
domains["example.com"].keys["1"].privateKey: must be the name of a key in privateKeys, not the key: \
set it with `pulumi config set --secret --path 'privateKeys["NAME"]'`, \
and make another one if somebody may have read this"""


def pasted_key(project):
    key = json.dumps(pem("rsa2048.pkcs8"))
    project.write(ONE.format(1) + f"      keys: {{1: {{selector: one, privateKey: {key}}}}}\n")


def plain_key(project):
    project.write(ONE.format(2) + "  ses-byodkim:privateKeys: {old: {secure: v1:abc}, new: MIIE}\n")


def no_configuration(project):
    project.printed = "Please log in"


def no_project(project):
    (project.directory / "Pulumi.yaml").unlink()


def broken_file(project):
    project.stack_file.write_text("config: [\n")


def encrypted_role(project):
    project.stack_file.write_text(
        project.stack_file.read_text() + "  aws:assumeRoles: [{roleArn: {secure: v1:abc}}]\n"
    )


def two_problems(project):
    project.write(ONE.format(2) + "      keyBits: 4096\n      overlapdays: 7\n")


def no_permission(project):
    project.world.model.inject(Fault("access_denied", operation="GetEmailIdentity"))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (no_domains, "domains: must not be empty\n" + SMALLEST),
        (encrypted_domains, ENCRYPTED_DOMAINS),
        (plain_key, PLAIN_KEY),
        (pasted_key, PASTED_KEY),
        (no_configuration, "pulumi config: what it prints is not the configuration of a stack"),
        (
            no_project,
            "there is no Pulumi.yaml in {directory} or above it\n  hint: `cd` to the folder of the project",
        ),
        (broken_file, "pulumi config: Pulumi.dev.yaml: invalid YAML file"),
        (
            two_problems,
            '2 problems:\n  - domains["example.com"].keyBits: must be 1024 to 2048, not 4096\n'
            "  - domains[\"example.com\"].overlapdays: unknown key, did you mean 'overlapDays'?",
        ),
        (encrypted_role, "aws:assumeRoles: is encrypted in the stack file, and nothing is decrypted here"),
        (no_permission, "GetEmailIdentity for 'example.com' in eu-west-1: AccessDeniedException"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_could_not_tell(project, change, text):
    """What can't be read is one message on standard error and an exit code of its own."""
    change(project)
    result = project.run("status")
    assert result.stderr == f"byodkim: {text.format(directory=project.directory)}\n"
    assert (result.exit_code, result.stdout) == (3, "")


def test_no_pulumi(project, monkeypatch):
    """Without the Pulumi CLI it says so, and where to get it."""
    monkeypatch.setenv("PATH", "")
    result = CliRunner().invoke(main, ["status"], obj=Environment(directory=project.directory))
    assert result.stderr == (
        "byodkim: pulumi stack --show-name: there is no `pulumi` on PATH\n"
        "  hint: see https://www.pulumi.com/docs/install/\n"
    )
    assert result.exit_code == 3
