"""What a fuzzing target is, and how many inputs are put to it: no target in particular here."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.strategies import SearchStrategy

from byodkim_provider.errors import ByodkimError, InvalidSettings

SECONDS: Final = 120
"""How long one input may take before it counts as a hang."""

ROUND: Final = 2000
"""
Inputs from one seed: Hypothesis remembers all of a round, and begins the next with simple ones.
"""

MAX_CHARACTERS: Final = 2000
"""Of a line of an error: who puts in pages does not want them back."""


@dataclass(frozen=True)
class Target:
    """One door. *put* raises, other than by a refusal, if an input does harm."""

    name: str
    inputs: SearchStrategy[Any]
    put: Callable[[Any], object]
    regressions: tuple[Any, ...] = ()
    """Inputs that once did harm, or nearly."""
    weight: int = 1
    """How many of all inputs it gets, in proportion: slow doors get fewer."""


@contextmanager
def refusals(
    show: Callable[[ByodkimError], str] = str, *, characters: int = MAX_CHARACTERS
) -> Iterator[None]:
    """
    What is refused on purpose is right, if the refusal can be read.

    *show* makes of an error what people see; no line of it has more than *characters*.
    """
    try:
        yield
    except ByodkimError as error:
        _check_readable(error, show(error), characters)


def _check_readable(error: ByodkimError, shown: str, characters: int) -> None:
    lines = shown.splitlines()
    assert any(line.strip() for line in lines), f"{type(error).__name__} says nothing"
    assert not [line for line in lines if not line.isprintable()], "a terminal would obey it"
    assert max(map(len, lines)) <= characters, "a line is too long to be read"
    if isinstance(error, InvalidSettings):
        assert not [problem for problem in error.problems if "\n" in problem], (
            "a problem is one line"
        )


def put_cases(target: Target, cases: int, seed: int) -> int:
    """Put the regressions and then *cases* inputs to *target*; how many it were."""
    count = 0

    def put(value: Any) -> None:
        nonlocal count
        count += 1
        with _time_limit():
            target.put(value)

    for value in target.regressions:
        put(value)
    cases += count
    while count < cases:
        before = count
        fuzz = settings(
            max_examples=min(ROUND, cases - count),
            phases=(Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )(given(target.inputs)(put))
        seeded(seed + before)(fuzz)()
        if count == before:
            break  # there are no more different ones
    return count


@contextmanager
def _time_limit() -> Iterator[None]:
    """Give up an input that computes or waits for too long."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"no end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, give_up)
    # Again and again: what is raised within a callback of the garbage collector is lost.
    signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
