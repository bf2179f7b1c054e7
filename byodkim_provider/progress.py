"""
Messages, time, waiting and calls side by side.

No provider, and no package below one, prints, reads a clock or waits in another way.

Messages go to the engine's Log RPC: `pulumi.log` only prints to standard error inside the
plugin process (https://github.com/pulumi/pulumi/issues/6065). Every wait ends when the
run is interrupted. A message that can't be sent never fails a call.
"""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, Final, Literal, TypeVar

TICK: Final = 0.1
"""How often a wait for calls checks whether the run was interrupted, in seconds."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

stopping = threading.Event()
"""Set when the run is interrupted: waits end at once, and no new call begins."""


class Clock:
    """The time, and waiting. Tests pass a clock of their own."""

    def now(self) -> datetime:
        """The current time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed point; never decreases."""
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Wait *seconds*, and return False; return True at once if the run is interrupted."""
        return stopping.wait(seconds)


@dataclass(frozen=True)
class Progress:
    """Messages, or strings, in the output of `pulumi up` while a call runs."""

    show: Callable[[Literal["update", "info", "warn"], str], object]

    def update(self, text: object) -> None:
        """Show *text* in the resource's row; the next update replaces it."""
        self.show("update", str(text))

    def info(self, text: object) -> None:
        """Show *text*, and keep it under Diagnostics."""
        self.show("info", str(text))

    def warn(self, text: object) -> None:
        """Show *text* as a warning, and keep it under Diagnostics."""
        self.show("warn", str(text))


def side_by_side(
    ask: Callable[[_Item], _Result],
    items: Sequence[_Item],
    *,
    at_once: int,
    waiting: Callable[[Collection[int]], object] = lambda _: None,
) -> list[_Result] | None:
    """
    What *ask* returns for each of *items*, in their order; at most *at_once* calls run at a time.

    None if the run is interrupted first. *waiting* is called several times a second, with the
    positions of the results so far. Raises what a call raised. No further call starts once this has
    raised or returned.

    The threads are no `ThreadPoolExecutor`'s, for which a process waits at its end.
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
                    return None
                continue
            if error:
                raise error
            results[index] = result
    finally:
        given_up.set()
    return [results[index] for index in range(len(items))]
