"""
`byodkim` as a process: interrupted, kept waiting, and with odd streams, it never ends in a traceback.

Its `pulumi` is a script with the answers of a `CliProject`; SES and DNS are sockets that stay silent.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli_project import CliProject
from tests.world import DOMAIN

ROOT = Path(__file__).parent.parent
SECONDS = 60
"""How long a process may take until it asks."""


@pytest.fixture
def silent():
    """Two sockets on loopback that take questions and never answer: a name server and AWS."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns,
        socket.create_server(("127.0.0.1", 0)) as aws,
    ):
        dns.bind(("127.0.0.1", 0))
        dns.settimeout(SECONDS)
        aws.settimeout(SECONDS)
        yield dns, aws


@pytest.fixture
def project(tmp_path, world, silent):
    """One domain in SES and DNS, neither of which answers."""
    dns, aws = silent
    directory = tmp_path / "project"
    directory.mkdir()
    project = CliProject(directory, world)
    world.publish(1, 2, 3)
    project.stored = [world.verified(2)]
    port = dns.getsockname()[1]
    project.write(f"    {DOMAIN}: {{generation: 2, dnsResolvers: ['127.0.0.1:{port}']}}\n")
    project.environment = {
        "PATH": f"{project.pulumi_script(tmp_path / 'bin').parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.getsockname()[1]}",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return project


def byodkim(project, *arguments, environment=(), **streams):
    return subprocess.Popen(
        [sys.executable, "-m", "byodkim_provider", *arguments],
        cwd=project.directory,
        env=project.environment | dict(environment),
        **streams,
    )


def test_interrupted(project, silent):
    """Ctrl-C ends `status` at once and says so by the exit code, whoever is still asked."""
    dns, aws = silent
    with byodkim(project, "status", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        dns.recvfrom(1000)
        connection, _ = aws.accept()
        with connection:
            pressed = time.monotonic()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate()
            took = time.monotonic() - pressed
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == "byodkim: interrupted"
    assert "Traceback" not in stderr
    assert took < 1
