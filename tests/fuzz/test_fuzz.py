"""If this fails, bad input at a door ends in a traceback, a hang, or a text a terminal obeys."""

import threading

import pytest

from byodkim_provider.errors import InvalidSettings
from tests.fuzz import target
from tests.fuzz.doors import TARGETS
from tests.fuzz.target import Target, put_cases, refusals
from tests.fuzz.values import texts

CASES = 40
"""Inputs to each door, beside its regressions."""


@pytest.mark.parametrize("door", TARGETS, ids=lambda door: door.name)
def test_door(door):
    """Whatever comes in, out comes a value or an error that was meant, and soon."""
    assert put_cases(door, CASES, seed=1) == CASES + len(door.regressions)


def test_harm_is_noticed():
    """A door that breaks, hangs or talks nonsense is told from one that refuses."""

    def refuse(text):
        with refusals():
            raise InvalidSettings([text])

    put_cases(Target("good", texts, lambda _: refuse("domains: must be a map")), 5, seed=1)
    for put, harm in (
        (lambda _: {}["missing"], KeyError),
        (lambda _: refuse(""), AssertionError),
        (lambda _: refuse("clears \x1b[2J the screen"), AssertionError),
        (lambda _: refuse("two\nlines"), AssertionError),
        (lambda _: refuse("x" * 10_000), AssertionError),
    ):
        with pytest.raises(harm):
            put_cases(Target("broken", texts, put, regressions=("",)), 1, seed=1)


def compute():
    while True:
        pass


@pytest.mark.parametrize("hang", [threading.Event().wait, compute], ids=["waits", "computes"])
def test_harm_in_time(monkeypatch, hang):
    """A door that never answers is given up."""
    monkeypatch.setattr(target, "SECONDS", 0.1)
    with pytest.raises(AssertionError, match=r"no end after 0\.1 s"):
        put_cases(Target("hanging", texts, lambda _: hang(), regressions=("",)), 1, seed=1)
