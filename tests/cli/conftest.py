"""The stack that commands are tried on, unless a file has its own, and what they say of it."""

import json
from dataclasses import replace

import pytest

from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    """
    A stack file that says generation 2, and a stack with that domain, verified, all its records in
    DNS.
    """
    project = CliProject(tmp_path, world)
    project.write(f"    {DOMAIN}:\n      generation: 2\n")
    world.publish(1, 2, 3)
    project.stored = [world.verified(2)]
    return project


@pytest.fixture
def declare(project):
    """Changes what the state says was declared of the stack's one identity."""

    def declare(**changes):
        [stored] = project.stored
        project.stored = [replace(stored, declared=replace(stored.declared, **changes))]

    return declare


@pytest.fixture
def domains(project):
    """The domains that a command prints with `--json`."""
    return lambda command="status": json.loads(project.run(command, "--json").stdout)["domains"]


@pytest.fixture
def findings(domains):
    """What `status` finds in all domains: the kind and the code of each finding, and its fields."""

    def findings(*kinds):
        found = []
        for domain in domains():
            for one in domain["findings"]:
                if not kinds or one["kind"] in kinds:
                    message = one["message"]
                    found.append((one["kind"], message["code"], message["fields"]))
        return found

    return findings


@pytest.fixture
def codes(findings):
    """The codes of what is wrong, unknown or due."""
    return lambda *kinds: [code for _, code, _ in findings(*(kinds or ("wrong", "unknown", "due")))]
