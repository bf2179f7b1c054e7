"""The stack that commands are tried on, unless a file has its own."""

import pytest

from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN


@pytest.fixture
def project(tmp_path, world):
    """A stack file that says generation 2, and a stack with that domain, verified, all its records in DNS."""
    project = CliProject(tmp_path, world)
    project.write(f"    {DOMAIN}:\n      generation: 2\n")
    world.publish(1, 2, 3)
    project.stored = [world.verified(2)]
    return project
