"""A name server that never answers: `doctor` says that it waits, and hears Ctrl-C at once."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from click.testing import CliRunner

from byodkim_provider.cli import asking, main
from byodkim_provider.cli.environment import Environment
from tests.support.world import DOMAIN

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
"""Within which a process asks its first question, however busy the machine is."""


@pytest.fixture
def silent_server():
    """A recursive resolver that takes questions and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(START_SECONDS)
        yield server


def address(server):
    host, port = server.getsockname()
    return f"{host}:{port}"


@contextmanager
def running(*arguments, directory):
    """`byodkim` with *arguments* as a process that hears Ctrl-C, as at a terminal."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "byodkim_provider", *arguments],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupt(process):
    """Seconds to the end, exit code and standard error of *process* after Ctrl-C."""
    last_resort = threading.Timer(START_SECONDS, process.kill)
    last_resort.daemon = True
    last_resort.start()
    start = monotonic()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    assert stdout == ""
    return monotonic() - start, process.returncode, stderr


def test_hears_ctrl_c(silent_server, tmp_path):
    """Ctrl-C ends `doctor` within a second, though a server owes it an answer."""
    options = ("--selector", "s1", "--nameserver", address(silent_server))
    with running("doctor", DOMAIN, *options, directory=tmp_path) as process:
        silent_server.recv(512)
        seconds, exit_code, stderr = interrupt(process)
    assert (130, "byodkim: interrupted\n") == (exit_code, stderr)
    assert seconds < 1


def test_a_long_wait_says_so(silent_server, monkeypatch):
    """Who waits for a server that does not answer is told so after two seconds, on standard error."""
    monkeypatch.setattr(asking, "FIRST_WORD_SECONDS", 2)  # as it is outside of tests
    arguments = ["doctor", DOMAIN, "--selector", "s1", "--nameserver", address(silent_server), "--json"]
    result = CliRunner().invoke(main, arguments, obj=Environment(), env={"AWS_REGION": ""})
    assert result.exit_code == 2
    said = f"0 of 1 answers after 2 s, waiting for DNS s1._domainkey.{DOMAIN}"
    assert result.stderr.splitlines()[0] == f"byodkim: {said}"
    assert json.loads(result.stdout)["verdict"] == "unknown"
