"""If this fails, a private key is shown to more people than its mail server, or is another one."""

import os
import pty
import stat
import subprocess
import sys

import pytest

from byodkim_provider.dkim import keys
from tests.support.world import DOMAIN


@pytest.fixture
def project(project, world):
    """The stack of all tests, with its keys in the state."""
    project.keys = [world.key(generation) for generation in (1, 2, 3)]
    return project


@pytest.mark.parametrize(
    ("options", "generation", "label"),
    [
        ([], 2, "BEGIN PRIVATE KEY"),
        (["--generation", "3"], 3, "BEGIN PRIVATE KEY"),
        (["--traditional"], 2, "BEGIN RSA PRIVATE KEY"),
    ],
)
def test_printed(project, world, options, generation, label):
    """Standard output has the key alone; what a server needs beside it is on standard error."""
    result = project.run("key", DOMAIN, *options)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"-----{label}-----\n")
    assert keys.load(result.stdout) == world.key(generation)
    selector = world.declared(generation).selector
    role = {2: "signing", 3: "standby"}[generation]
    assert result.stderr == (
        f"byodkim: {selector}._domainkey.{DOMAIN}: the key of generation {generation} ({role}), "
        f"selector {selector}, overlapDays 10\n"
    )


def test_file(project, world, tmp_path):
    """Only its owner can read the file, whatever the umask is, and no second key replaces it."""
    file = tmp_path / "key.pem"
    before = os.umask(0)
    try:
        result = project.run("key", DOMAIN, "--out", str(file))
    finally:
        os.umask(before)
    assert (result.exit_code, result.stdout) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = project.run("key", DOMAIN, "--generation", "3", "--out", str(file))
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr == f"byodkim: {file}: can't be written: File exists\n"
    assert keys.load(file.read_text()) == world.key(2)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "problem"),
    [
        (
            [DOMAIN, "--generation", "0"],
            1,
            f"{DOMAIN}: generation 0 is not published, only [1, 2, 3]\n",
        ),
        (
            [DOMAIN, "--generation", "1"],
            1,
            f"{DOMAIN}: generation 1 has a key of your own (`keys`), not one of the stack\n",
        ),
        (["example.org"], 2, "example.org: is not in stack dev, did you mean 'example.com'?\n"),
    ],
)
def test_refused(project, world, arguments, exit_code, problem):
    project.keys = [world.key(2)]
    result = project.run("key", *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.startswith(f"byodkim: {problem}")


def test_terminal(tmp_path):
    """What a terminal has shown stays in its scrollback, so nothing is even read for one."""
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "byodkim_provider", "key", DOMAIN]
    done = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, text=True)
    os.close(terminal)
    os.close(keyboard)
    assert done.returncode == 2
    assert "Error: Give --out or a pipe: a terminal remembers what it has shown.\n" in done.stderr
