"""
Runs many calls at the same time, with messages for the person who waits.

Calls in, results out; what they do does not matter here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from itertools import chain, repeat
from typing import Any, Final, TypeVar

from byodkim_provider.cli.environment import say

__all__ = ["ask_all"]

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
    first_word_seconds: float = FIRST_WORD_SECONDS,
) -> list[T]:
    """
    The results of *questions*, in their order; each is a name for messages, and a function to call.

    Raises the first error. Ctrl-C works at once: running calls are not waited for.
    """
    pool = ThreadPoolExecutor(max_workers=AT_ONCE)
    try:
        answers = {pool.submit(ask): name for name, ask in questions}
        for text in _waiting(answers, first_word_seconds):
            report(text)
        return [answer.result() for answer in answers]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _waiting(answers: dict[Future[Any], str], first_word_seconds: float) -> Iterator[str]:
    """A message at each interval, until all calls have returned or one has failed."""
    seconds: float = 0
    for pause in chain([first_word_seconds], repeat(INTERVAL_SECONDS)):
        done, open_ = wait(answers, pause, FIRST_EXCEPTION)
        for answer in answers:
            if answer in done:
                answer.result()
        if not open_:
            return
        seconds += pause
        missing = [name for answer, name in answers.items() if answer in open_]
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        yield (
            f"{len(done)} of {len(answers)} answers after {seconds:.0f} s, waiting for "
            f"{', '.join(missing[:NAMED])}{more}"
        )
