"""Many questions at once: answers in order, a word when it takes long, the first error at once."""

from threading import Event

import pytest

from byodkim_provider.cli import terminal
from byodkim_provider.cli.terminal import ask_all


def test_order():
    """Answers come in the order of the questions, whoever is faster, and without a word."""
    second = Event()

    def slow():
        assert second.wait(10)
        return 1

    def fast():
        second.set()
        return 2

    said = []
    assert ask_all([("one", slow), ("two", fast)], report=said.append) == [1, 2]
    assert said == []
    assert ask_all([]) == []


def test_a_word(monkeypatch):
    """Who waits is told for whom."""
    go_on, said = Event(), []

    def report(text):
        said.append(text)
        go_on.set()

    monkeypatch.setattr(terminal, "FIRST_WORD_SECONDS", 0.2)
    questions = [("quick", lambda: None), *[(f"slow{number}", lambda: go_on.wait(10)) for number in range(4)]]
    assert ask_all(questions, report=report) == [None, True, True, True, True]
    assert said == ["1 of 5 answers after 0 s, waiting for slow0, slow1, slow2 and 1 more"]


def test_error():
    """One error ends it: the others are not waited for."""
    never = Event()

    def refuse():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ask_all([("waits", lambda: never.wait(60)), ("refuses", refuse)])
    never.set()
