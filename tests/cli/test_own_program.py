"""If this fails, the commands don't know the domains of a program of one's own."""

from datetime import timedelta

import pytest

from byodkim_provider.config import settings
from byodkim_provider.messages.cli import CliMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    """
    A project whose program, with a verification called `verification`, has signed with generation 2
    for half a month.
    """
    project = CliProject(tmp_path, world)
    project.stack_file.write_text(
        "config:\n  aws:region: eu-west-1\n  senders:key: { secure: v1:abc }\n"
    )
    written = {"generation": 2, "regions": ["eu-west-1"]}
    project.settings = {DOMAIN: settings.domain(DOMAIN, written)}
    project.stored = [world.verified(2)]
    world.publish(1, 2, 3)
    world.clock.advance(timedelta(days=15))
    return project


@pytest.fixture
def declare(project, declare):
    """Changes what the state says of the identity, and of the domain's settings alike."""

    def both(**changes):
        declare(**changes)
        project.settings = {DOMAIN: project.settings[DOMAIN].model_copy(update=changes)}

    return both


@pytest.mark.parametrize("own", [["mine"], []], ids=["own", "ours"])
def test_who_writes(project, own):
    """A record of which the program has its provider write it is not typed in."""
    project.settings = {DOMAIN: project.settings[DOMAIN].stored(own)}
    text = project.run("records").stdout
    line = f"s3._domainkey.{DOMAIN}: nothing to type, `pulumi up` writes it"
    assert (line in text.splitlines(), "Value:" in text) == (True, False)
    assert project.run("iam-policy").exit_code == 0


@cases(
    ("options", "declared", "edits"),
    {
        "compromised": (
            ("--compromised",),
            {},
            ["generation: 2 -> 3", "published: [1, 2, 3] -> [3, 4]", "overlapDays: 10 -> 0"],
        ),
        # The override of the step before goes, and does not let a key leave DNS too early.
        "after a leak": (
            (),
            {"published": (2, 3), "overlap_days": 0},
            [
                "generation: 2 -> 3",
                "published: [2, 3] -> (default)",
                "overlapDays: 0 -> (default)",
            ],
        ),
    },
)
def test_rotate(project, world, declare, options, declared, edits):
    """What to write into the program is said, and nothing is run."""
    declare(**declared)
    result = project.run("rotate", DOMAIN, *options, "--dry-run")
    assert result.stdout.splitlines() == [f"{DOMAIN}.{edit}" for edit in edits]
    assert project.ran == []


def test_nothing_yet(project):
    """Before the first `up`, or without the state, nothing is known, so nothing is well."""
    project.stored, project.settings = [], {}
    result = project.run("status")
    assert (result.exit_code, result.stdout) == (3, "dev: 0 domains\n\n")
    assert result.stderr == f"byodkim: {CliMessages.NO_DOMAIN(stack='dev')}\n"
