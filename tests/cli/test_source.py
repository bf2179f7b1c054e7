"""The file with the domains is replaced as a whole, by one writer at a time, and stays its owner's."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from byodkim_provider.cli.environment import replace_file
from byodkim_provider.cli.stack import read_table
from byodkim_provider.cli.terminal import Refused
from tests.support.cases import cases

TEXT = "config: {}\n"
WRITERS = 8


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(TEXT)
    return file


def test_two_writers(file):
    """Of those who edit the same text one writes, and all others are told that it was changed."""

    def write(number, together):
        together.wait()
        try:
            replace_file(file, file.name, TEXT, f"{TEXT}# {number}\n")
            return f"{TEXT}# {number}\n"
        except Refused as refused:
            return str(refused)

    with ThreadPoolExecutor(WRITERS) as threads:
        for _ in range(30):
            file.write_text(TEXT)
            said = [*threads.map(write, range(WRITERS), [Barrier(WRITERS)] * WRITERS)]
            assert [one for one in said if one.startswith(TEXT)] == [file.read_text()]
            assert said.count("Pulumi.dev.yaml: was changed meanwhile, nothing was written") == WRITERS - 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_owner(file):
    """A file that root edits stays its owner's."""
    os.chown(file, 4711, 4712)
    replace_file(file, file.name, TEXT, "config:\n")
    assert (4711, 4712) == (file.stat().st_uid, file.stat().st_gid)


def test_ended_from_outside(file, monkeypatch):
    """SIGTERM in the course of it leaves the file as it was, and nothing beside it."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(KeyboardInterrupt):
            replace_file(file, file.name, TEXT, "config:\n")
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert [TEXT] == [one.read_text() for one in Path(file.parent).iterdir()]


@cases(
    "after",
    {
        "nothing": "",
        "table of an environment": "\nNAME        VALUE\nFOO         bar\n",
        "warning of several lines": "warning: the environment\n            has no effect\n",
    },
)
def test_table_of_configuration(after):
    """The first table of `pulumi config` is read, and nothing that Pulumi prints below it."""
    printed = "KEY         VALUE\naws:region  eu-west-1\nnote        two\n            lines\n"
    assert read_table(f"{printed}{after}", "p") == {"aws:region": "eu-west-1", "p:note": "two\nlines"}
