"""If this fails, answers are mixed up, or an interrupted run waits for a silent server."""

import threading

import pytest

from byodkim_provider.progress import side_by_side, stopping


def test_results_are_in_order():
    """Whichever call ends first, each result is at its item's place."""
    first_may_end = threading.Event()

    def ask(item):
        if item == 0:
            assert first_may_end.wait(10)
        else:
            first_may_end.set()
        return item * 10

    assert [0, 10] == side_by_side(ask, [0, 1], at_once=2)


def test_no_more_than_at_once():
    """Of many calls no more run at the same time than allowed."""
    running, most = set(), []
    lock = threading.Lock()

    def ask(item):
        with lock:
            running.add(item)
            most.append(len(running))
        with lock:
            running.remove(item)

    side_by_side(ask, range(50), at_once=3)
    assert max(most) <= 3
    assert len(most) == 50


def test_error():
    """What a call raises reaches the caller, and no further call is begun."""
    may_end, asked = threading.Event(), []

    def ask(item):
        asked.append(item)
        if item == 0:
            raise KeyError(item)
        may_end.wait()

    with pytest.raises(KeyError):
        side_by_side(ask, range(10), at_once=1)
    may_end.set()
    assert asked in ([0], [0, 1])


def test_interrupted():
    """A call that does not end holds up no interrupted run, and no further call is begun."""
    never, asked = threading.Event(), []

    def ask(item):
        asked.append(item)
        stopping.set()
        never.wait()

    assert side_by_side(ask, [1, 2], at_once=1) is None
    never.set()
    assert [1] == asked
