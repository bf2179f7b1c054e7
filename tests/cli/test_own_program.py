"""The commands beside a program of one's own: no stack file lists the domains, the state has them."""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from byodkim_provider.cli.state import settings_in_state
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    """A project whose program has signed with generation 2 for half a month."""
    project = CliProject(tmp_path, world, has_own_program=True)
    project.stack_file.write_text("config:\n  aws:region: eu-west-1\n  senders:key: { secure: v1:abc }\n")
    project.stored = [world.verified(2)]
    world.publish(1, 2, 3)
    world.clock.advance(timedelta(days=15))
    return project


def test_status(project):
    """Everything is well, and nothing is said of a stack file."""
    result = project.run("status", "--json")
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["domains"]
    assert (found["domain"], found["wrong"], found["due"]) == (DOMAIN, [], [])


def test_arguments(domains, declare):
    """What to set is named as an argument of the program."""
    declare(overlap_days=0)
    (found,) = domains()
    assert found["due"] == [
        "`overlap_days=0` lets records leave DNS too early: remove it once its step is done"
    ]


def test_doctor(project, world):
    """A record that is lost is found out without a stack file."""
    assert project.run("doctor", DOMAIN).exit_code == 0
    del world.resolver.records[f"s3._domainkey.{DOMAIN}"]
    assert project.run("doctor").exit_code == 2


def test_records(project):
    """The records to publish are those in the state."""
    result = project.run("records", "--format", "json")
    assert len(json.loads(result.stdout)) == 3


@pytest.mark.parametrize(
    ("label", "written_at"),
    [
        ("godaddy:example.com", "GoDaddy"),
        ("mine:1", "mine"),
        ("manual", ""),
    ],
)
def test_who_writes(project, label, written_at, declare):
    """A record of which the program has its provider write it is not typed in."""
    declare(dns=(label,))
    text = project.run("records").stdout
    line = f"s3._domainkey.{DOMAIN}: nothing to type, `pulumi up` writes it at {written_at}"
    assert (line in text.splitlines(), "Value:" in text) == (bool(written_at), not written_at)
    assert project.run("iam-policy").exit_code == 0


@cases(
    ("places", "zones"),
    {
        "both for all": (None, [("manual", None, None, 1), ("mine", None, None, 1)]),
        "one after the other": (
            {1: ("manual",), 2: ("manual",), 3: ("mine:1",)},
            [("manual", None, None, 1), ("mine", None, None, 3)],
        ),
        "the first generation is gone": (
            {2: ("manual",), 3: ("mine:1",)},
            [("manual", None, None, 1), ("mine", None, None, 3)],
        ),
        "two prefixes": (
            {
                1: (f"ses1._domainkey.{DOMAIN}.k.example@mine:1",),
                2: (f"m2._domainkey.{DOMAIN}.k.example@mine:1",),
            },
            [("mine", "ses", "k.example", 1), ("mine", "m", "k.example", 2)],
        ),
    },
)
def test_zones(project, places, zones):
    """Which generations stand where, and under which prefix, is known without a stack file."""
    published = tuple(places or (1, 2, 3))
    declared = replace(
        project.stored[0].declared, dns=("manual", "mine:1"), places=places, published=published
    )
    identities = {DOMAIN: (replace(project.stored[0], declared=declared),)}
    state = SimpleNamespace(identities=identities, records={}, secrets={}, roles={})
    domain = settings_in_state(DOMAIN, state)
    listed = [(one.provider, one.cname, one.zone, one.from_generation) for one in domain.dns]
    assert listed == zones


def test_policy(project):
    """The policy is for the identities in the state, not for any."""
    result = project.run("iam-policy")
    assert f":identity/{DOMAIN}" in result.stdout


@pytest.mark.parametrize("others", [True, False])
def test_policy_of_retired(project, others):
    """A domain whose identities are gone, and whose records stay for now, has no Region in the state."""
    name = "a.example.org"
    project.stored = project.stored if others else []
    project.published[name], project.signing[name] = (1, 2), 1
    secret = f"secret:byodkim/ses-byodkim/dev/{name}/1-AbCdEf"
    project.secrets[f"arn:aws:secretsmanager:eu-west-1:123456789012:{secret}"] = None
    result = project.run("iam-policy")
    assert (result.exit_code, result.exception) == (0, None)
    assert ":secret:byodkim/ses-byodkim/dev/*" in result.stdout


@cases(
    ("options", "edit"),
    {
        "forward": ((), "`generation=3`"),
        "back": (("--back",), "`generation=1, published=[1, 2, 3]`"),
        "compromised": (("--compromised",), "`generation=3, published=[3, 4], overlap_days=0`"),
    },
)
def test_rotate(project, options, edit):
    """What to write into the program is said, and nothing is run."""
    result = project.run("rotate", DOMAIN, *options, "--yes")
    assert result.exit_code == 1
    assert result.stderr == (
        "byodkim: a program declares the domains of this stack, and no file lists them: "
        f"{DOMAIN}: {edit}\n"
        "  hint: set that in the arguments of `ByodkimDomain`, and run `pulumi up`\n"
    )
    assert project.ran == []


def test_rotate_after_a_leak(project, declare):
    """The override of the step before goes, and does not let a key leave DNS too early."""
    declare(published=(2, 3), overlap_days=0)
    result = project.run("rotate", DOMAIN, "--yes")
    edit = "`generation=3`, without `published`, without `overlap_days`\n"
    assert result.stderr.splitlines(keepends=True)[0].endswith(f": {DOMAIN}: {edit}")


def test_rotate_what_was_written_out(project, world):
    """A generation that the program has written into `published`, and that signed lately, stays there."""
    stored = project.stored[0]
    declared = replace(stored.declared, published=(1, 2, 3, 4))
    until = {1: world.clock.now() - timedelta(days=1)}
    project.stored = [replace(stored, declared=declared, signed_until=until)]
    result = project.run("rotate", DOMAIN, "--yes")
    assert "`generation=3, published=[1, 2, 3, 4]`" in result.stderr


@pytest.mark.parametrize("overlap_days", [10, 0], ids=["", "after a leak"])
def test_rotate_too_early(project, world, declare, overlap_days):
    """A refusal names what is allowed today as arguments of the program; an override was for its own step."""
    declare(overlap_days=overlap_days)
    until = {1: world.clock.now() - timedelta(days=1)}
    project.stored = [replace(project.stored[0], signed_until=until)]
    result = project.run("rotate", DOMAIN, "--yes")
    assert result.exit_code == 1
    assert "today `generation=3` with `published=[1, 2, 3, 4]` is allowed" in result.stderr


def test_rotate_supplied_keys(project, declare):
    """Of keys that the program supplies the next one has to be there."""
    declare(published=(1, 2), supplied_keys={1: "s1:a", 2: "s2:b"})
    said = project.run("rotate", DOMAIN, "--yes").stderr
    assert said.startswith(f"byodkim: {DOMAIN}: there is no standby, `keys` has no generation 3\n")


def test_rotate_unknown_domain(project):
    """A domain that the program does not have is named as that."""
    result = project.run("rotate", "example.org", "--yes")
    assert result.stderr == f"byodkim: example.org: is not in stack dev, did you mean {DOMAIN!r}?\n"


def test_rotate_identity_alone(project, declare):
    """An identity that is used alone has no generations to go through."""
    declare(generation=None, published=())
    result = project.run("rotate", DOMAIN, "--yes")
    assert (result.exit_code, "has no generations" in result.stderr) == (1, True)
    assert project.run("status").exit_code == 0


def test_age_of_identity_alone(domains, declare, world):
    """Its key gets old too, and has no number."""
    declare(generation=None, published=())
    world.clock.advance(timedelta(days=180))
    (found,) = domains()
    assert found["due"] == ["rotate: its key has signed for 195 days"]


def test_nothing_yet(project):
    """Before the first `up` there is nothing to go by: the message is that of a stack file."""
    project.stored = []
    assert "domains: must not be empty" in project.run("status").stderr
