"""
Runs many calls at the same time, without delaying Ctrl-C or the end of the process.

At its end a process waits for the threads of a `ThreadPoolExecutor`. These are daemon threads
instead: nothing waits for them once the run is interrupted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from byodkim_provider.progress import stopping

TICK: Final = 0.1
"""How often a wait checks whether the run was interrupted, in seconds."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Interrupted(Exception):
    """The run was interrupted before every call had returned."""


def side_by_side(
    ask: Callable[[_Item], _Result],
    items: Sequence[_Item],
    *,
    at_once: int,
    waiting: Callable[[Collection[int]], object] = lambda _: None,
) -> list[_Result]:
    """
    What *ask* returns for each of *items*, in their order; at most *at_once* calls run at a time.

    *waiting* is called several times a second, with the positions of the results so far. Raises
    what a call raised, or `Interrupted` if `progress.stopping` is set first. After that no further
    call starts.
    """
    to_do: SimpleQueue[int] = SimpleQueue()
    finished: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
    given_up = threading.Event()
    for index in range(len(items)):
        to_do.put(index)

    def work() -> None:
        while not given_up.is_set():
            try:
                index = to_do.get_nowait()
            except Empty:
                return
            try:
                finished.put((index, ask(items[index]), None))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it
                finished.put((index, None, error))

    for _ in range(min(at_once, len(items))):
        threading.Thread(target=work, daemon=True).start()
    results: dict[int, _Result] = {}
    try:
        while len(results) < len(items):
            waiting(results.keys())
            try:
                index, result, error = finished.get(timeout=TICK)
            except Empty:
                if stopping.is_set():
                    raise Interrupted from None
                continue
            if error:
                raise error
            results[index] = result
    finally:
        given_up.set()
    return [results[index] for index in range(len(items))]
