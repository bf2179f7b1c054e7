"""
The tutorial, followed to the letter in the second shell of `make sandbox`, with nothing else
installed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, block, quoted, shows
from tests.docs.shell import PROJECT, typed
from tests.support.quick_runs import quick_plugins

pytestmark = pytest.mark.engine

PAGE = "docs/tutorial/first-domain.md"

WHOSE = {
    f"GIT_{role}_{name}": value
    for role in ("AUTHOR", "COMMITTER")
    for name, value in (("NAME", "A"), ("EMAIL", "a@example.com"))
}
"""Who commits."""


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the sandbox and the project need."""
    for name in (*PROJECT, "sandbox", "stacks"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def second_shell(checkout, tmp_path_factory):
    """
    Runs commands after the line that the first shell printed; whoever is asked says yes. Plugins
    have started already.
    """
    left_out = ("AWS_", "PULUMI_")
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    theirs["PYTHONPATH"] = str(checkout)  # as if this copy were the one that is installed
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.shell"],
        cwd=checkout,
        env=theirs,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        line = first.stdout.readline()
        confirmed = theirs | WHOSE
        confirmed |= {"AWS_PROFILE": "production", "PULUMI_SKIP_CONFIRMATIONS": "true"}
        entered = typed(f"{line}env -0", cwd=checkout, env=confirmed).stdout.split("\0")
        sandbox = dict(variable.split("=", 1) for variable in filter(None, entered))
        with quick_plugins(tmp_path_factory.mktemp("quick"), sandbox) as quick:
            more = "".join(f"export {name}={value}\n" for name, value in quick.items())

            def run(commands):
                return typed(line + more + commands, cwd=checkout, env=confirmed)

            yield run
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 0
    assert not Path(line.split()[1]).exists()  # nothing is left of it


def test_tutorial(checkout, second_shell):
    """Each step shows what the page says."""

    def follow(heading, number=1):
        done = second_shell(block(PAGE, heading, number))
        assert done.exit_code == 0, done.shown
        return done.stdout

    regions = 'echo "$AWS_REGION $AWS_DEFAULT_REGION ${AWS_PROFILE:-none}"'
    assert second_shell(regions).stdout == "eu-west-1 eu-west-1 none\n"
    made = follow("The first domain", 1)
    assert "warning" not in made
    assert f"{quoted(PAGE, '+ 9 created')}\n" in made
    assert shows(follow("The first domain", 2), PAGE, "The first domain", 3)
    rotated = follow("A rotation")
    assert 'ses-byodkim:domains["example.com"].generation: 1 -> 2\n' in rotated
    assert shows(rotated, PAGE, "A rotation", 2)
    mail = follow("A rotation", 3)
    assert shows(mail, PAGE, "A rotation", 4)
    assert re.search(r"^(\S+)\._domainkey.*, signing$", rotated, re.MULTILINE)[1] in mail
    wrong = second_shell(block(PAGE, "A broken record", 1))
    assert wrong.exit_code == 2
    assert shows(wrong.stdout, PAGE, "A broken record", 2)
    assert f"{quoted(PAGE, 'sandbox: 1 domain, 1 well')}\n" in follow("A broken record", 3)
    follow("A second domain, at Cloudflare")
    for number in (1, 2):
        follow("A rotation in a pull request", number)
    merged = follow("A rotation in a pull request", 3)
    assert re.search(r"^- +generation: 1\n\+ +generation: 2$", merged, re.MULTILINE)
    assert "\nverifies: yes\n" in merged
    assert f"{quoted(PAGE, '- 19 deleted')}\n" in follow("Take it all back")
    assert not (checkout / "stacks" / "Pulumi.sandbox.yaml").exists()
