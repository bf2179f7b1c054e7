"""
If this fails, an interrupted command leaves a stack locked or changed, or ends in a traceback.

The `pulumi` of these processes is a script with the answers of a `CliProject`; SES is a
socket that stays silent.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""How long a process may take until it asks."""


@pytest.fixture
def silent():
    """A socket on loopback that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as aws:
        aws.settimeout(SECONDS)
        yield aws


@pytest.fixture
def project(tmp_path, world, silent):
    """One domain in SES, which does not answer; DNS is not checked."""
    (directory := tmp_path / "project").mkdir()
    project = CliProject(directory, world)
    project.stored = [replace(world.verified(2), signed_until={})]
    project.write(f"    {DOMAIN}: {{generation: 2, dnsCheck: off}}\n")
    project.environment = {
        "PATH": f"{project.pulumi_script(tmp_path / 'bin').parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return project


@pytest.fixture
def answered(project, tmp_path):
    """The same, where SES need not be asked: the domain waits for DNS."""
    project.stored = [replace(project.stored[0], key=None)]
    project.pulumi_script(tmp_path / "bin")
    return project


def byodkim(project, *arguments, stdin=None, stdout=subprocess.PIPE):
    return subprocess.Popen(
        [sys.executable, "-m", "byodkim_provider", *arguments],
        cwd=project.directory,
        env=project.environment,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupted(project, silent):
    """Ctrl-C ends `status` at once and says so by the exit code, whoever is still asked."""
    with byodkim(project, "status") as process:
        connection, _ = silent.accept()
        with connection:
            pressed = time.monotonic()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate()
            took = time.monotonic() - pressed
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == "byodkim: interrupted"
    assert "Traceback" not in stderr
    assert took < 1


def test_full_disk(answered):
    """Metrics that could not be written are no verdict, and no traceback."""
    metrics = ("status", "--format", "prometheus")
    with Path("/dev/full").open("w") as full, byodkim(answered, *metrics, stdout=full) as process:
        _, stderr = process.communicate()
    assert (process.returncode, stderr) == (3, "byodkim: [Errno 28] No space left on device\n")


def test_closed_pipe(answered):
    """Whoever stops reading sees no error, and the exit code is no verdict."""
    with byodkim(answered, "status") as process:
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (141, "")


def test_no_standard_error(tmp_path):
    """A monitor reads the exit code, also where the words can't be written."""
    command = [sys.executable, "-m", "byodkim_provider", "status"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=full)
    assert done.returncode == 3


PULUMI_UP = """
import os, signal, sys
ending = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, ending)
print("began, in a group of its own" if os.getpgrp() == os.getpid() else "began", flush=True)
got = signal.sigwait(ending)
print("got", got.name, "and ended in order", flush=True)
sys.exit(1)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP], ids=lambda one: one.name)
def test_ended_from_outside(project, tmp_path, ending):
    """
    A job that is cancelled ends `pulumi up` in order, by one signal: a second would end it at once.
    """
    script = project.pulumi_script(tmp_path / "bin")
    (tmp_path / "up.py").write_text(PULUMI_UP)
    up = f'"up -s dev --yes") exec "{sys.executable}" "{tmp_path}/up.py";;\n'
    script.write_text(script.read_text().replace("*) exit 3;;", f"{up}*) exit 3;;"))
    with byodkim(project, "rotate", DOMAIN, "--yes", stdin=subprocess.DEVNULL) as process:
        assert "began, in a group of its own\n" in process.stdout
        process.send_signal(ending)
        said, stderr = process.communicate()
    assert said == "got SIGTERM and ended in order\n"  # SIGHUP would not let it
    assert process.returncode == 1
    assert "`pulumi up` did not succeed" in stderr
