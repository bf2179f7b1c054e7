"""The environment of programs that run in this process."""

import os

import pytest

from sandbox.pulumi.environment import environment_of


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    monkeypatch.setenv("OF_BOTH", "outside")
    monkeypatch.setenv("NOT_GIVEN", "outside")
    monkeypatch.delenv("OF_ONE", raising=False)


def seen():
    return tuple(os.environ.get(name) for name in ("OF_BOTH", "OF_ONE", "NOT_GIVEN"))


def test_one():
    """A program has its variables, and not those that it is to forget."""
    with environment_of({"OF_BOTH": "first", "OF_ONE": "first"}, forget=["NOT_GIVEN"]):
        assert seen() == ("first", "first", None)
    assert seen() == ("outside", None, "outside")
