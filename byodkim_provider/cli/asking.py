"""
Runs many calls at the same time, with messages for the person who waits.

Calls in, results out; what they do does not matter here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import Final, TypeVar

from byodkim_provider.cli.messages import say
from byodkim_provider.dns.side_by_side import side_by_side
from byodkim_provider.progress import Clock

AT_ONCE: Final = 16
"""Calls at the same time: DNS waits for silent servers, and SES calls have their own pace."""

FIRST_WORD_SECONDS: Final = 2
"""Seconds after which a message says what the command waits for."""

INTERVAL_SECONDS: Final = 10
"""Seconds between all later messages."""

NAMED: Final = 3
"""How many running calls a message names."""

T = TypeVar("T")


def ask_all(
    questions: Sequence[tuple[str, Callable[[], T]]],
    *,
    report: Callable[[str], object] = say,
) -> list[T]:
    """
    The results of *questions*, in their order; each is a name for messages, and a function to call.

    Raises the first error. Ctrl-C works at once: running calls are not waited for.
    """
    clock = Clock()
    began = clock.monotonic()
    pauses = count(FIRST_WORD_SECONDS, INTERVAL_SECONDS)
    due = next(pauses)

    def waiting(answered: Collection[int]) -> None:
        nonlocal due
        if (seconds := clock.monotonic() - began) < due:
            return
        due = next(pauses)
        missing = [name for number, (name, _) in enumerate(questions) if number not in answered]
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        report(
            f"{len(answered)} of {len(questions)} answers after {seconds:.0f} s, waiting for "
            f"{', '.join(missing[:NAMED])}{more}"
        )

    return side_by_side(lambda question: question[1](), questions, at_once=AT_ONCE, waiting=waiting)
