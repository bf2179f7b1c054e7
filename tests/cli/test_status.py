"""`byodkim status` tells what SES and DNS show now, what is wrong and what is due."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from byodkim_provider.aws.ses import OWNER_TAG
from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.state import Stored
from byodkim_provider.identity.verdicts import Verdict
from byodkim_provider.property_types import timestamp
from sandbox.ses.switches import Fault
from tests.support.cases import cases, written_out
from tests.support.cli_project import configuration
from tests.support.fakes import SERVERS, START
from tests.support.world import DOMAIN, OWNER

ONE = "    example.com:\n      generation: {}\n"
ALL_IS_WELL = f"""\
dev: 1 domain, 1 well

notes:
  {DOMAIN}: generation 1 may leave DNS from 2026-12-05 12:00 UTC

{DOMAIN}: well, SUCCESS, generation 2 for 0 of 180 days
"""
TABLES = """\
  Region     SES      generation  signing since         days
  eu-west-1  SUCCESS  2           2026-11-25 12:00 UTC  0 of 180
  generation  role      selector  servers
  1           previous  s1        2 of 2
  2           signing   s2        2 of 2
  3           standby   s3        2 of 2
"""


def test_all_is_well(project):
    """Of a verified domain there is a line to say; its identities and records, if it is named."""
    result = project.run("status")
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", ALL_IS_WELL)
    named = project.run("status", DOMAIN).stdout
    shown = "".join(f"{line.rstrip()}\n" for line in named.splitlines())
    assert shown.startswith(f"{ALL_IS_WELL}{TABLES}\n")


SECRET = "aws:secretKey is encrypted and stays so: using the AWS credentials of the environment"
STS = "aws: STS is redirected to sts.example.net, which is not AWS and gets what AWS would get"


@cases(
    ("aws", "said"),
    {
        "redirected": ("  aws:endpoints:\n    - sts: https://sts.example.net\n", STS),
        "encrypted": ("  aws:accessKey: AKIA\n  aws:secretKey: {secure: v1:abc}\n", SECRET),
    },
)
def test_aws_settings(project, aws, said):
    """
    A service that the stack file takes away from AWS is named; what is encrypted is not decrypted.
    """
    project.write(ONE.format(2) + aws)
    result = project.run("status")
    assert (result.exit_code, result.stderr) == (0, f"byodkim: {said}\n")


# -- what is wrong ------------------------------------------------------------------------


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


def other_selector(project, world):
    key = world.key(3)
    world.ses().put_email_identity_dkim_signing_attributes(DOMAIN, selector="s3", key=key)


def awaiting(project, world):
    project.stored = [Stored(declared=world.declared(2), instance="i")]


def awaiting_without_a_record(project, world):
    awaiting(project, world)
    del world.resolver.records[f"s2._domainkey.{DOMAIN}"]


def awaiting_without_a_zone(project, world):
    awaiting(project, world)
    world.resolver.failures = dict.fromkeys(["ns1.example.net", "ns2.example.net"], "no zone")
    project.published = {DOMAIN: (2, 3)}


def more_domains(project, world):
    project.write(ONE.format(2) + "    Example.NET: {generation: 1}\n")


def signed_by_somebody_else(project, world):
    more_domains(project, world)
    tags = {"byodkim:owner": "f00d/example.net/eu-west-1", "byodkim:stack": "mail/prod"}
    key = {"selector": "old", "private_key": world.key(4).pkcs1_base64()}
    world.model.put_identity("example.net", "eu-west-1", tags=tags, status="FAILED", **key)


def set_in_the_future(project, world):
    world.switch(status_after_put="SUCCESS")
    project.stored = [world.update(project.stored[0], 3)]
    signs_from(project, world.clock.now() + timedelta(days=400))
    project.write(ONE.format(3))
    project.published = {DOMAIN: (2, 3)}


def signs_from(project, at):
    [stored] = project.stored
    project.stored = [replace(stored, key=replace(stored.key, key_set_at=at, signing_since=at))]


CHANGES = {
    "disabled": lambda _, world: world.ses().put_email_identity_dkim_attributes(
        DOMAIN, signing_enabled=False
    ),
    "deleted": lambda _, world: world.ses().delete_email_identity(DOMAIN),
    "easy DKIM": lambda _, world: world.model.put_easy_dkim(DOMAIN, "eu-west-1"),
    "record gone": lambda _, world: world.resolver.records.pop(f"s2._domainkey.{DOMAIN}"),
    "fell back": lambda _, world: world.model.change(
        DOMAIN, "eu-west-1", status="TEMPORARY_FAILURE"
    ),
}
"""What befalls the stack; those that take more than a line are functions."""

WRONG = """
generation: 2
generation: 3 ⇒ eu-west-1: generation 2 signs, the last run did not come to 3: run `pulumi up`
generation: 2, regions: [eu-west-1, us-east-1]
  us-east-1: not made yet: `pulumi up` makes it, or says why not
pending ⇒ eu-west-1: verification pending: run `pulumi up`
given_up
  eu-west-1: SES has given up looking for the record: FAILED (HOST_NOT_FOUND: no such name):
    run `pulumi up --refresh`
  record of generation 2 (signing): 0 of 2 servers show the key, ns1.example.net and \
ns2.example.net have no
    TXT record: `byodkim doctor failed.example`
given_up_before_the_key_was_sent
  eu-west-1: SES has given up and does not search again: rotate to the next generation
deleted ⇒ eu-west-1: gone from SES: run `pulumi up --refresh`
disabled ⇒ eu-west-1: DKIM signatures are disabled: run `pulumi up --refresh`
other_selector ⇒ eu-west-1: signs with selector 's3', not 's2': run `pulumi up --refresh`
record gone
  record of generation 2 (signing): 0 of 2 servers show the key, ns1.example.net and \
ns2.example.net have no
    TXT record: `byodkim doctor example.com`
fell back
  eu-west-1: SES says TEMPORARY_FAILURE, it said SUCCESS before; mail is unsigned until SES finds \
the record,
    and after five days it looks no more: run `pulumi up --refresh`
awaiting_without_a_record
  record of generation 2 (signing): 0 of 2 servers show the key, ns1.example.net and \
ns2.example.net have no
    TXT record: `byodkim doctor example.com`; once it is visible, run `pulumi up`
awaiting_without_a_zone
  record of generation 2 (signing): 0 of 2 servers show the key, ns1.example.net and \
ns2.example.net find no
    zone for this name: if only a resolver of your own network sees the zone, set `dnsResolvers`;
    `byodkim doctor --nameserver` tries one; once it is visible, run `pulumi up`
awaiting ⇒ eu-west-1: waiting for DNS: once the record is visible, run `pulumi up`
more_domains ⇒ eu-west-1: not made yet: `pulumi up` makes it, or says why not
signed_by_somebody_else
  eu-west-1: SES has an identity of 'mail/prod' already (BYODKIM, signing with selector 'old', \
FAILED):
    `adopt: true` takes it over
set_in_the_future
  eu-west-1: SES got the key at 2027-12-30 13:00 UTC, which is in the future: a clock was ahead, \
and no check
    before that counts: rotate to the next generation
"""
"""
All that is wrong, below or behind what the last run had of the domain, or what befell the stack.
"""


def befall(name, project, world):
    (CHANGES.get(name) or globals()[name])(project, world)


@cases(("written", "wrong"), written_out(WRONG.replace(" ⇒ ", "\n  ")))
def test_wrong(project, world, written, wrong):
    """What is wrong or not done yet is said in words, and by the exit code."""
    if "generation" in written:
        project.write(f"    {DOMAIN}: {json.dumps(written)}\n")
    else:
        befall(*written, project, world)
    result = project.run("status", "--json")
    found = json.loads(result.stdout)
    assert [text for domain in found["domains"] for text in domain["wrong"]] == wrong
    assert (found["verdict"], result.exit_code) == (("wrong", 2) if wrong else ("well", 0))


def test_the_next_command(project, world, domains):
    """
    A record leads to `doctor`, once a domain, first in what is gravest.
    """
    for generation in (1, 3):
        del world.resolver.records[f"s{generation}._domainkey.{DOMAIN}"]
    [domain] = domains()
    ends = [
        text.endswith(f"have no TXT record: `byodkim doctor {DOMAIN}`") for text in domain["wrong"]
    ]
    assert (ends, domain["due"][0].endswith("have no TXT record")) == ([True], True)
    assert "No such option" in project.run("status", "--colour").stderr
    assert (
        world.key(1).pkcs1_base64() not in project.run("status", world.key(1).pkcs1_base64()).output
    )


def test_domains_that_are_named(project, world):
    """Of a domain that is named everything is shown, as `doctor` does; of others nothing."""
    more_domains(project, world)
    world.resolver.records[f"_dmarc.{DOMAIN}"] = ("v=DMARC1; p=reject",)
    named = project.run("status", DOMAIN.upper())
    assert (named.exit_code, "example.net" in named.stdout) == (0, False)
    doctor = project.run("doctor", DOMAIN).stdout.partition("\n\n")[2]
    assert named.stdout.endswith(f"\n\n{doctor}")
    [domain] = json.loads(project.run("status", DOMAIN, "--json").stdout)["domains"]
    assert domain["dmarc"]["policy"] == "reject"
    mistyped = project.run("status", "exmaple.com")
    assert (mistyped.exit_code, f"did you mean {DOMAIN!r}" in mistyped.stderr) == (3, True)
    assert project.run("status", DOMAIN, "-s", "a", "-s", "b").exit_code == 3


def test_what_the_last_run_had(project, domains):
    """What a file says by now is for `pulumi preview`: nothing is compared with it."""
    project.settings = project._last_settings()
    project.stack_file.write_text("config: {aws:region: eu-west-1}\n")
    assert [(one["domain"], one["verdict"]) for one in domains()] == [(DOMAIN, "well")]


@pytest.mark.parametrize(
    ("change", "expected", "row"),
    [
        ("other_selector", ["PENDING", True, "s3", None], "PENDING – – – of 180"),
        ("easy DKIM", ["SUCCESS", True, None, None], "SUCCESS – – – of 180"),
        ("disabled", ["SUCCESS", False, "s2", 2], "SUCCESS, signing disabled 2 – – of 180"),
        ("deleted", ["GONE", None, "s2", 2], "GONE 2 – – of 180"),
        ("awaiting", ["AWAITING_DNS", None, "s2", 2], "AWAITING_DNS 2 – – of 180"),
    ],
)
def test_what_signs_is_what_ses_says(project, world, change, expected, row, domains):
    """
    Where SES does not sign with the key that the state knows, nothing says how long it has signed.
    """
    befall(change, project, world)
    [identity] = domains()[0]["identities"]
    enabled = identity["ses"] and identity["ses"]["signing_enabled"]
    assert [identity["status"], enabled, identity["selector"], identity["generation"]] == expected
    assert (identity["signing_since"], identity["age_days"], identity["verified"]) == (
        None,
        None,
        False,
    )
    assert ["eu-west-1", *row.split()] in [
        line.split() for line in project.run("status", DOMAIN).stdout.splitlines()
    ]


# -- after a switch -----------------------------------------------------------------------


def switched(project, world):
    """
    Generation 2 signed and was verified, then somebody switched to 3, and SES still says SUCCESS.
    """
    world.switch(status_after_put="SUCCESS")
    project.stored = [world.update(project.stored[0], 3)]
    project.write(ONE.format(3))
    project.published = {DOMAIN: (2, 3)}


def test_an_old_error_beside_success(project, world):
    """
    SES keeps the error of an earlier check beside SUCCESS: nothing is wrong, and nobody reads of
    it.
    """
    world.switch(verification_info="sticky")
    assert world.ses().get_email_identity(DOMAIN).error_type == "HOST_NOT_FOUND"
    result = project.run("status")
    assert (result.exit_code, "HOST_NOT_FOUND" in result.output) == (0, False)


def test_a_success_of_the_key_before(project, world, domains):
    """
    After a switch a SUCCESS counts as `pulumi up` counts it: not if it is about the key before.
    """
    world.switch(failed_check_keeps_success=True, first_check_seconds=1)
    switched(project, world)
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]
    world.clock.advance(timedelta(minutes=1))
    [domain] = domains()
    assert domain["identities"][0]["verified"] is False
    assert domain["wrong"][0] == (
        "eu-west-1: SES did not find the key at its last check (HOST_NOT_FOUND: no such name), "
        "SUCCESS is about the one before: run `pulumi up`"
    )
    entry = world.entry(project.stored[0])
    project.verdicts = [Verdict(entry=entry, status="SUCCESS", verified=True)]
    assert domains()[0]["identities"][0]["verified"] is True


def test_unconfirmed(project, world, domains):
    """Where SES never shows whether it has checked the key, that is said, and is nothing wrong."""
    world.switch(verification_info="empty")
    switched(project, world)
    world.clock.advance(timedelta(minutes=1))
    assert domains()[0]["wrong"] == [
        (
            "eu-west-1: SES shows no check of this key yet, SUCCESS may be about the one before: "
            "run `pulumi up`"
        )
    ]
    world.clock.advance(timedelta(minutes=30))
    [domain] = domains()
    [identity] = domain["identities"]
    assert (domain["verdict"], domain["wrong"]) == ("well", [])
    assert (identity["status"], identity["verified"], identity["problem"]) == (
        "UNCONFIRMED",
        False,
        "",
    )
    assert domain["notes"][0] == (
        "eu-west-1: SES says SUCCESS, and does not show whether it has checked this key; "
        "it has if the DKIM-Signature of a new mail has `s=s3`"
    )


def test_after_a_step_back(project, world, domains):
    """A generation that has signed is previous, whatever its number: a standby never has."""
    project.stored = [world.update(world.update(project.stored[0], 3), 2)]
    [domain] = domains()
    roles = {
        one["generation"]: (one["role"], bool(one["signed_until"])) for one in domain["records"]
    }
    assert roles == {1: ("previous", True), 2: ("signing", False), 3: ("previous", True)}
    assert domain["notes"][-1] == "generation 3 may leave DNS from 2026-12-05 13:00 UTC"


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


def test_a_time_in_the_future(project, world, domains):
    """A clock was ahead when the key was set: nothing is counted from then, and that is said."""
    signs_from(project, world.clock.now() + timedelta(seconds=1))
    assert domains()[0]["identities"][0]["age_days"] == 0, "clocks may differ so much"
    signs_from(project, world.clock.now() + timedelta(days=400))
    [domain] = domains()
    assert (domain["identities"][0]["age_days"], domain["next_rotation"]) == (None, None)
    assert domain["notes"][0] == (
        "eu-west-1: signing since 2027-12-30 13:00 UTC, which is in the future: a clock was ahead; "
        "a rotation mends it"
    )


def test_a_clock_that_lags(project, world, domains):
    """The times of the state are SES's: age and next rotation are counted by one clock, SES's."""
    world.clock.advance(START + timedelta(days=181) - world.clock.now())
    project.ahead = timedelta(days=-100)
    [domain] = domains()
    assert (domain["identities"][0]["age_days"], domain["days_until_rotation"]) == (181, -1)
    assert domain["due"] == ["rotate: generation 2 has signed for 181 days"]


def test_not_taken_over_yet(project, world, domains):
    """What SES has and the stack has not is named; it is not wrong while its mail is signed."""
    project.write(ONE.format(2) + "    example.net: {generation: 1, adopt: true}\n")
    world.model.put_easy_dkim("example.net", "eu-west-1")
    [_, domain] = domains()
    then = (
        "SES has an identity already (Easy DKIM, SUCCESS): `pulumi up` takes it over, or says why "
        "not"
    )
    assert (domain["wrong"], domain["due"]) == ([], [f"eu-west-1: {then}"])


@pytest.mark.parametrize(
    ("selector", "then"),
    [("s2", "`pulumi up` goes on with it"), ("s9", "`adopt: true` takes it over")],
)
def test_lost_from_the_state(project, world, domains, selector, then):
    """
    Our identity that is not in the state goes on with its key, unless the state has lost that, too.
    """
    project.write(ONE.format(2) + "      regions: [eu-west-1, us-east-1]\n")
    key, tags = world.key(2).pkcs1_base64(), {OWNER_TAG: OWNER}
    world.model.put_identity(DOMAIN, "us-east-1", selector=selector, private_key=key, tags=tags)
    [domain] = domains()
    assert then in "".join([*domain["wrong"], *domain["due"]])


def test_ses_can_not_be_asked_about_what_is_not_made(project, world, domains):
    """Without a permission or credentials nothing is known of SES, and that is said."""
    project.stored = []
    world.model.inject(Fault("access_denied", operation="GetEmailIdentity", times=2))
    [domain] = domains()
    assert domain["wrong"] == []
    [unknown] = domain["unknown"]
    assert unknown.startswith("eu-west-1: not made yet, and SES can't be asked: GetEmailIdentity")
    assert "AccessDenied" in unknown
    result = project.run("status")
    assert (result.exit_code, "SES can't be asked" in result.stdout) == (3, True)


def test_retired(project, world, domains):
    """
    Of a retired domain the day is shown from which its records may go, and then that they may.
    """
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
    assert domains()[0]["due"] == [
        f"{by}; its records may go: delete the entry, and run `pulumi up`"
    ]


def test_notes_of_an_adopted_account(project, world, domains):
    """
    What is good to know of all domains alike is one line, though each was adopted at a time of its
    own.
    """
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
        "generation 2 may leave DNS from 2026-12-06, as nobody knows whether it signed before "
        "the identity "
        "was adopted"
    )
    made_here = project.stored[0]
    project.stored[0] = replace(made_here, declared=replace(made_here.declared, supplied_keys={}))
    assert domains()[0]["notes"] == []
    project.stored[0] = made_here
    assert [one["notes"] for one in domains()] == [[adopted]] * 3
    shown = " ".join(project.run("status").stdout.split())
    assert (shown.count("may leave DNS"), f"notes: all 3 domains: {adopted} " in shown) == (1, True)


# -- what is due --------------------------------------------------------------------------

OVERRIDE = "`overlapDays: 0` lets records leave DNS too early: remove it once its step is done"
OVERLAP = "generation 1 may leave DNS from 2026-12-05 12:00 UTC"


@cases(
    ("days", "settings", "due", "notes"),
    {
        "overlap": (9, "", [], [OVERLAP]),
        "overlap over": (11, "", [], []),
        "on the day": (180, "", [], []),
        "after it": (180.5, "", ["rotate: generation 2 has signed for 180 days"], []),
        "old key": (181, "", ["rotate: generation 2 has signed for 181 days"], []),
        "old key allowed": (181, "      rotateAfterDays: 365\n", [], []),
        "left-over override": (1, "      overlapDays: 0\n", [OVERRIDE], []),
    },
)
def test_due(project, world, days, settings, due, notes):
    """
    What somebody should do has an exit code of its own, and what only takes its time has none.
    """
    project.write(ONE.format(2) + settings)
    world.clock.advance(START + timedelta(days=days) - world.clock.now())
    result = project.run("status", "--json")
    found = json.loads(result.stdout)
    [domain] = found["domains"]
    assert (domain["due"], domain["notes"]) == (due, notes)
    assert (domain["days_until_rotation"] < 0) == any(text.startswith("rotate") for text in due)
    assert (found["verdict"], result.exit_code) == (("due", 1) if due else ("well", 0))
    befall("record gone", project, world)
    assert project.run("status").exit_code == 2, "what is wrong comes first"


def test_two_regions(project, world, domains):
    """
    A key signs from the first Region's switch on, and until the last one's; a common problem is a
    line.
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
    for region in ("eu-west-1", "us-east-1"):
        world.ses(region).delete_email_identity(DOMAIN)
    assert (
        domains()[0]["wrong"][0] == "eu-west-1, us-east-1: gone from SES: run `pulumi up --refresh`"
    )


def test_a_silent_server(project, world, domains):
    """A record that every answering server shows is right; which one is silent is a note."""
    world.resolver.failures["ns2.example.net"] = "silent"
    [domain] = domains()
    note = (
        "record of generation 1 (previous): 1 of 2 servers show the key, ns2.example.net is silent"
    )
    assert (domain["verdict"], domain["wrong"], domain["notes"][0]) == ("well", [], note)


@pytest.mark.parametrize("failure", ["silent", "unreachable", "no time", "no resolver"])
def test_no_answer(project, world, failure):
    """
    Of records about which DNS says nothing nothing is known, unless SES says that something is
    wrong.
    """
    world.resolver.failures = dict.fromkeys(SERVERS, failure)
    result = project.run("status", "--json")
    now = json.loads(result.stdout)
    [domain] = now["domains"]
    assert (result.exit_code, now["verdict"], domain["wrong"], domain["due"]) == (
        3,
        "unknown",
        [],
        [],
    )
    assert len(domain["unknown"]) == len(domain["records"]) == 3
    assert project.run("doctor").exit_code == 3
    metrics = project.run("status", "--format", "prometheus").stdout
    assert f'domain_status{{stack="dev",domain="{DOMAIN}"}} 3' in metrics
    assert ("servers_asked" in metrics, "servers_visible" in metrics) == (True, False)
    report = project.directory / "report.html"
    text = project.run("status", "--html", str(report)).stdout
    assert text.startswith("dev: 1 domain, 1 unknown\n\nunknown:\n")
    assert '<h3 class="unknown">Unknown</h3>' in report.read_text()
    befall("disabled", project, world)
    assert project.run("status").exit_code == 2


@pytest.mark.parametrize("failure", ["REFUSED", "SERVFAIL", "lame", "no zone"])
def test_answers_without_a_record(project, world, failure):
    """Servers that refuse the zone have said something: SES gets no record from them either."""
    world.resolver.failures = dict.fromkeys(SERVERS, failure)
    assert project.run("status").exit_code == 2


@pytest.mark.parametrize(
    ("generation", "days", "value", "kind"),
    [
        (3, 0, (), "due"),
        (3, 0, ("v=DKIM1; p=",), "due"),
        (3, 0, "private", "wrong"),
        (2, 0, (), "wrong"),
        (1, 9, (), "wrong"),
        (1, 11, (), "due"),
    ],
)
def test_which_records_mail_needs(project, world, domains, generation, days, value, kind):
    """
    Mail needs the key that signs, and those that have signed lately; to repair another record is
    due.
    """
    value = (world.key(generation).pkcs1_base64(),) if value == "private" else value
    world.resolver.records[f"s{generation}._domainkey.{DOMAIN}"] = value
    world.clock.advance(timedelta(days=days))
    [domain] = domains()
    assert (domain["verdict"], len(domain[kind])) == (kind, 1)
    assert domain[kind][0].startswith(f"record of generation {generation} (")
    exit_code = {"due": 1, "wrong": 2}[kind]
    assert project.run("status").exit_code == exit_code


# -- what it costs, and what it reads -----------------------------------------------------


def test_it_only_reads(project, world, domains):
    """
    A look is one read an identity and one look-up a record, none with `dnsCheck: off`, and no
    change.
    """
    world.forget()
    before = project.stack_file.read_bytes()
    project.run("status")
    assert world.calls() == ["GetEmailIdentity"]
    assert sorted(world.resolver.looked_up) == [
        f"s{number}._domainkey.{DOMAIN}" for number in (1, 2, 3)
    ]
    assert (project.stack_file.read_bytes(), project.ran) == (before, [])
    project.write(ONE.format(2) + "      dnsCheck: off\n")
    world.resolver.records.clear()
    world.forget()
    [domain] = domains()
    assert {record["seen"] for record in domain["records"]} == {"DNS is not checked"}
    assert (domain["verdict"], world.resolver.looked_up) == ("well", [])


def test_files_that_only_pulumi_reads(project):
    """
    The files may end in yml; one that our YAML library does not take concerns no command that
    reads.
    """
    (project.directory / "Pulumi.yaml").rename(project.directory / "Pulumi.yml")
    project.printed = configuration(project.directory / "Pulumi.yml", project.stack_file)
    file = project.stack_file.rename(project.stack_file.with_suffix(".yml"))
    assert project.run("status").exit_code == 0
    result = project.run("rotate", DOMAIN, "--compromised", "--dry-run", "--json")
    assert json.loads(result.stdout)["file"] == "stacks/Pulumi.dev.yml"
    file.write_text(file.read_text().replace("generation: ", "generation:\t"))
    assert project.run("status").exit_code == 0


NO_PROJECT = """\
there is no Pulumi.yaml in {directory} or above it
  hint: `cd` to the folder of the project"""

MORE = f"config:\n  aws:region: eu-west-1\n  ses-byodkim:domains:\n{ONE.format(2)}"


@cases(
    ("stack_file", "text"),
    {
        "broken file": ("config: [\n", "pulumi config: Pulumi.dev.yaml: invalid YAML file"),
        "encrypted role": (
            MORE + "  aws:assumeRoles: [{roleArn: {secure: v1:abc}}]\n",
            "aws:assumeRoles: is encrypted in the stack file, and nothing is decrypted here",
        ),
        "no configuration": (
            lambda project: setattr(project, "printed", "Please log in"),
            "pulumi config: what it prints is not the configuration of a stack",
        ),
        "no project": (lambda project: (project.directory / "Pulumi.yaml").unlink(), NO_PROJECT),
        "no permission": (
            lambda project: project.world.model.inject(
                Fault("access_denied", operation="GetEmailIdentity")
            ),
            "GetEmailIdentity for 'example.com' in eu-west-1: AccessDeniedException",
        ),
    },
)
def test_could_not_tell(project, stack_file, text):
    """What can't be read is one message on standard error and an exit code of its own."""
    if callable(stack_file):
        stack_file(project)
    else:
        project.stack_file.write_text(stack_file)
    result = project.run("status")
    assert result.stderr == f"byodkim: {text.format(directory=project.directory)}\n"
    assert (result.exit_code, result.stdout) == (3, "")


def test_no_pulumi(project, monkeypatch):
    """Without the Pulumi CLI it says so, and where to get it."""
    monkeypatch.setenv("PATH", "")
    result = CliRunner().invoke(main, ["status"], obj=Environment(directory=project.directory))
    said = (
        "pulumi stack --show-name: there is no `pulumi` on PATH\n  hint: see "
        "https://www.pulumi.com/docs/install/"
    )
    assert (result.exit_code, result.stderr) == (3, f"byodkim: {said}\n")
