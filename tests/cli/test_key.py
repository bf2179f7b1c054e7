"""If this fails, a private key is shown to more people than its mail server, or is another one."""

import os
import pty
import resource
import stat
import subprocess
import sys
from dataclasses import replace

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
        (["--generation", "3", "--out", "-"], 3, "BEGIN PRIVATE KEY"),
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
        f"selector {selector}, overlapDays 10; `byodkim status` says whether this record is in "
        "DNS\n"
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


def test_unwritten_file(project, tmp_path):
    """A disk that is full leaves no part of a key."""
    file = tmp_path / "key.pem"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        result = project.run("key", DOMAIN, "--out", str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.exit_code == 2
    assert result.stderr == f"byodkim: {file}: can't be written: File too large\n"
    assert not file.exists()


@pytest.mark.parametrize("stored", ["generation 2", "awaits DNS"])
def test_unsettled(project, world, declare, stored):
    """After an update that failed, no key is called the one that signs."""
    project.write(f"    {DOMAIN}:\n      generation: 3\n")
    if stored == "awaits DNS":
        declare(generation=3)
        project.stored = [replace(project.stored[0], key=None)]
    result = project.run("key", DOMAIN)
    assert (result.exit_code, result.stdout) == (1, "")
    assert ": generation 3 does not sign yet, or not in each Region\n" in result.stderr


def test_retired(project):
    """A server may sign on with the key of a domain that SES signs for no more."""
    project.write(f"    {DOMAIN}:\n      generation: 2\n      retired: true\n")
    project.stored, project.published, project.signing = [], {DOMAIN: (1, 2)}, {DOMAIN: 2}
    result = project.run("key", DOMAIN)
    assert (result.exit_code, result.stdout[:10]) == (0, "-----BEGIN"), result.stderr


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
            f"s1._domainkey.{DOMAIN}: the state has no key of generation 1\n",
        ),
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
