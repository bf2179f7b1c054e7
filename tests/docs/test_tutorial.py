"""The tutorial, followed to the letter in the second shell of `make sandbox`, with nothing else installed."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, block
from tests.docs.shell import PROJECT

pytestmark = pytest.mark.engine

PAGE = "docs/tutorial/first-domain.md"


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the sandbox and the project need."""
    for name in (*PROJECT, "sandbox", "stacks"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def theirs():
    """The environment of a user who has an AWS account, and nothing of Pulumi."""
    left_out = ("AWS_", "PULUMI_", "PYTHONPATH")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return mine | {"AWS_PROFILE": "production"}


@pytest.fixture
def second_shell(checkout, theirs):
    """Runs commands after the line that the first shell printed; whoever is asked says yes."""
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.shell"], cwd=checkout, env=theirs, stdout=subprocess.PIPE, text=True
    ) as first:
        line = first.stdout.readline()

        def run(commands):
            return subprocess.run(
                ["bash", "-eo", "pipefail", "-c", line + commands],
                cwd=checkout,
                env=theirs | {"PULUMI_SKIP_CONFIRMATIONS": "true"},
                input="y\n",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
            )

        yield run
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 0
    assert not Path(line.split()[1]).exists()  # nothing is left of it


def test_tutorial(checkout, second_shell):
    """Each step shows what the page says; a record that was broken is found and repaired."""

    def follow(heading, number=1):
        done = second_shell(block(PAGE, heading, number))
        assert done.returncode == 0, done.stdout
        return done.stdout

    regions = 'echo "$AWS_REGION $AWS_DEFAULT_REGION ${AWS_PROFILE:-none}"'
    assert second_shell(regions).stdout == "eu-west-1 eu-west-1 none\n"
    made = follow("The first domain", 1)
    assert "warning" not in made
    assert follow("The first domain", 2).count(block(PAGE, "The first domain", 3).strip()) == 1
    assert "eu-west-1  SUCCESS  2 " in follow("A rotation")
    follow("A broken record", 1)
    wrong = second_shell(block(PAGE, "A broken record", 2))
    assert wrong.returncode == 1
    assert block(PAGE, "A broken record", 3).strip() in wrong.stdout
    assert follow("A broken record", 4).count(": right\n") == 3
    follow("Take it all back")
    assert [one.name for one in checkout.glob("stacks/*.yaml")] == ["Pulumi.demo.yaml"]
