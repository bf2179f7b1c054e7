"""
Waits that end early: a thread that works beside the run does not sleep on when its part of the run is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PIECE_SECONDS: Final = 0.5
"""How long a wait goes on after its end. An Event would end it at once, but a signal must not set one."""

_of_thread = threading.local()


class Over(BaseException):
    """What a thread waits for has no use any more."""


@contextmanager
def until(is_over: Callable[[], bool]) -> Iterator[None]:
    """In the block, a wait of this thread ends when *is_over*, and the block with it, without an error."""
    before, _of_thread.is_over = getattr(_of_thread, "is_over", None), is_over
    try:
        yield
    except Over:
        pass
    finally:
        _of_thread.is_over = before


def pause(seconds: float) -> None:
    """Wait. Raises `Over` within `until`."""
    is_over: Callable[[], bool] | None = getattr(_of_thread, "is_over", None)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if is_over and is_over():
            raise Over
        time.sleep(min(left, PIECE_SECONDS) if is_over else left)
