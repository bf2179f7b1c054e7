"""If this fails, the commands don't know the domains of a program of one's own."""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from byodkim_provider.cli.answers import NOT_CHECKED
from byodkim_provider.cli.state import settings_in_state
from byodkim_provider.messages import in_python
from byodkim_provider.messages.cli import CliMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    """A project whose program has signed with generation 2 for half a month."""
    project = CliProject(tmp_path, world, has_own_program=True)
    project.stack_file.write_text(
        "config:\n  aws:region: eu-west-1\n  senders:key: { secure: v1:abc }\n"
    )
    project.stored = [world.verified(2)]
    world.publish(1, 2, 3)
    world.clock.advance(timedelta(days=15))
    return project


def test_arguments(domains, declare):
    """
    Everything is well, and nothing is said of a stack file; what to set is named as an argument.
    """
    [found] = domains()
    assert (found["domain"], found["verdict"], found["wrong"], found["due"]) == (
        DOMAIN,
        "well",
        [],
        [],
    )
    declare(overlap_days=0)
    due = "`overlap_days=0` lets records leave DNS too early: remove it once its step is done"
    assert domains()[0]["due"] == [due]
    declare(dns_check="off")
    assert {tuple(one["notes"]) for one in domains()[0]["records"]} == {(in_python(NOT_CHECKED),)}


def test_outputs(project, domains):
    """A program may name its outputs as it likes, also as the one for stack files does."""
    project.outputs = {"domains": {}, "pending": [], "verified": ""}
    assert [one["verdict"] for one in domains()] == ["well"]


def test_plain_credentials(project):
    """A token that is not encrypted is refused as the program refuses it; encrypted, it is well."""
    credentials = "ses-byodkim:dnsCredentials: {{godaddy: {{token: {}}}}}"
    config = f"config:\n  aws:region: eu-west-1\n  {credentials}\n"
    project.stack_file.write_text(config.format("gd-token"))
    result = project.run("status")
    assert result.exit_code == 3
    assert 'dnsCredentials["godaddy"].token: is not encrypted, set it with' in result.stderr
    project.stack_file.write_text(config.format("{secure: v1:abc}"))
    assert project.run("status").exit_code == 0


def test_others(project, world):
    """Records, policy and what is lost are found out without a stack file: the state has them."""
    assert len(json.loads(project.run("records", "--format", "json").stdout)) == 3
    assert f":identity/{DOMAIN}" in project.run("iam-policy").stdout
    assert project.run("doctor", DOMAIN).exit_code == 0
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]
    assert project.run("doctor").exit_code == 2


@pytest.mark.parametrize(
    ("label", "written_at"),
    [("godaddy:example.com", "GoDaddy"), ("mine:1", "mine"), ("manual", "")],
)
def test_who_writes(project, label, written_at, declare):
    """A record of which the program has its provider write it is not typed in."""
    declare(dns=(label,))
    text = project.run("records").stdout
    line = f"s3._domainkey.{DOMAIN}: nothing to type, `pulumi up` writes it at {written_at}"
    assert (line in text.splitlines(), "Value:" in text) == (bool(written_at), not written_at)
    assert project.run("iam-policy").exit_code == 0


AFTER = [("manual", None, None, 1), ("mine", None, None, 3)]
SLOTS = {
    one: (f"{name}._domainkey.{DOMAIN}.k.example@mine:1",) for one, name in ((1, "ses1"), (2, "m2"))
}


@cases(
    ("places", "zones"),
    {
        "both for all": (None, [("manual", None, None, 1), ("mine", None, None, 1)]),
        "one after the other": ({1: ("manual",), 2: ("manual",), 3: ("mine:1",)}, AFTER),
        "the first generation is gone": ({2: ("manual",), 3: ("mine:1",)}, AFTER),
        "two prefixes": (SLOTS, [("mine", "ses", "k.example", 1), ("mine", "m", "k.example", 2)]),
    },
)
def test_zones(project, places, zones):
    """Which generations stand where, and under which prefix, is known without a stack file."""
    [stored] = project.stored
    of_places = {"places": places, "published": tuple(places or (1, 2, 3))}
    declared = replace(stored.declared, dns=("manual", "mine:1"), **of_places)
    identities = {DOMAIN: (replace(stored, declared=declared),)}
    state = SimpleNamespace(identities=identities, records={}, secrets={}, roles={})
    domain = settings_in_state(DOMAIN, state)
    listed = [(one.provider, one.cname, one.zone, one.from_generation) for one in domain.dns]
    assert listed == zones


@cases(
    ("options", "declared", "edits"),
    {
        "forward": ((), {}, ["generation: 2 -> 3"]),
        "back": (("--back",), {}, ["generation: 2 -> 1", "published: (default) -> [1, 2, 3]"]),
        "compromised": (
            ("--compromised",),
            {},
            ["generation: 2 -> 3", "published: (default) -> [3, 4]", "overlapDays: (default) -> 0"],
        ),
        # The override of the step before goes, and does not let a key leave DNS too early.
        "after a leak": (
            (),
            {"published": (2, 3), "overlap_days": 0},
            ["generation: 2 -> 3", "published: [2, 3] -> (default)", "overlapDays: 0 -> (default)"],
        ),
        # A generation that the program has written out, and that signed lately, stays there.
        "written out": ((), {"published": (1, 2, 3, 4)}, ["generation: 2 -> 3"]),
    },
)
def test_rotate(project, world, declare, options, declared, edits):
    """What to write into the program is said, and nothing is run."""
    declare(**declared)
    if 4 in declared.get("published", ()):
        project.stored = [replace(project.stored[0], signed_until=yesterday(world))]
    result = project.run("rotate", DOMAIN, *options, "--yes")
    problem = CliMessages.OWN_PROGRAM(edits="; ".join(f"{DOMAIN} {edit}" for edit in edits))
    assert (result.exit_code, result.stderr) == (1, f"byodkim: {problem.with_hint()}\n")
    assert project.ran == []


def yesterday(world):
    return {1: world.clock.now() - timedelta(days=1)}


SUPPLIED = {"published": (1, 2), "supplied_keys": {1: "s1:a", 2: "s2:b"}}
TODAY = "today `generation: 3` with `published: [1, 2, 3, 4]` is allowed"


@cases(
    ("declared", "signed_until", "domain", "said"),
    {
        # A refusal names what is allowed today as arguments; an override was for its own step.
        "too early": ({"overlap_days": 10}, yesterday, DOMAIN, TODAY),
        "too early after a leak": ({"overlap_days": 0}, yesterday, DOMAIN, TODAY),
        "no further key": (
            SUPPLIED,
            None,
            DOMAIN,
            "there is no standby, `keys` has no generation 3\n",
        ),
        "mistyped": (
            {},
            None,
            "example.org",
            f"example.org: is not in stack dev, did you mean {DOMAIN!r}?\n",
        ),
        "an identity alone": (
            {"generation": None, "published": ()},
            None,
            DOMAIN,
            "has no generations",
        ),
    },
)
def test_refused(project, world, declare, declared, signed_until, domain, said):
    """What can't be rotated is refused as beside a stack file."""
    declare(**declared)
    if signed_until:
        project.stored = [replace(project.stored[0], signed_until=signed_until(world))]
    result = project.run("rotate", domain, "--yes")
    assert (result.exit_code, said in result.stderr) == (1, True)
