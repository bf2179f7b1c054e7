"""The file with the domains is replaced as a whole, by one writer at a time, and stays its owner's."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from byodkim_provider.cli.messages import Refused
from byodkim_provider.cli.source import Source

TEXT = "config: {}\n"
WRITERS = 8


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(TEXT)
    return Source(file, file.name, TEXT, (), {})


def test_two_writers(source):
    """Of those who edit the same text one writes, and all others are told that it was changed."""

    def write(number, together):
        together.wait()
        try:
            return source.replaced_by(f"{TEXT}# {number}\n").text
        except Refused as refused:
            return str(refused)

    with ThreadPoolExecutor(WRITERS) as threads:
        for _ in range(30):
            source.file.write_text(TEXT)
            said = [*threads.map(write, range(WRITERS), [Barrier(WRITERS)] * WRITERS)]
            assert [one for one in said if one.startswith(TEXT)] == [source.file.read_text()]
            assert said.count("Pulumi.dev.yaml: was changed meanwhile, nothing was written") == WRITERS - 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_owner(source):
    """A file that root edits stays its owner's."""
    os.chown(source.file, 4711, 4712)
    source.replaced_by("config:\n")
    assert (4711, 4712) == (source.file.stat().st_uid, source.file.stat().st_gid)


def test_ended_from_outside(source, monkeypatch):
    """SIGTERM in the course of it leaves the file as it was, and nothing beside it."""
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(KeyboardInterrupt):
            source.replaced_by("config:\n")
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert [TEXT] == [file.read_text() for file in Path(source.file.parent).iterdir()]
