"""Where a run of a test goes."""

import dataclasses
import itertools
from types import SimpleNamespace

import pytest

from byodkim_provider.dns.resolver import Answer
from sandbox.ses.switches import Switches
from tests.acceptance import __main__ as acceptance
from tests.acceptance import lab
from tests.acceptance.account import Account
from tests.acceptance.direct import world
from tests.acceptance.prober import Report
from tests.acceptance.targets import Where


@pytest.fixture
def here():
    with world(Switches()) as outside:
        yield outside


@pytest.fixture
def account(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(acceptance, "of_emulator", lambda *_: Report())
    codes = itertools.count(1)
    # The first run of each test has the same code: its keys, which follow from it, are made once.
    monkeypatch.setattr(
        acceptance, "secrets", SimpleNamespace(token_hex=lambda octets: f"{next(codes):0{2 * octets}x}")
    )
    with world(Switches()) as outside:
        fields = {field.name: getattr(outside, field.name) for field in dataclasses.fields(outside)}
        dns = SimpleNamespace(txt=lambda name, _: [Answer("ns", outside.records.values.get(name, ()))])
        yield Account(Where(**fields, zone_id="Z1", clients=None, resolver=dns), monkeypatch, capsys)


@pytest.fixture
def rare_guard(monkeypatch):
    """The guard looks every two hours: over the wire its looks are most of what a run of days calls."""
    monkeypatch.setattr(lab, "GUARD_SECONDS", 7200.0)
