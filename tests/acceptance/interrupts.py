"""
How signals end a run: in order, and only once. What comes while it cleans up waits until that is done.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, `kill`, a closed terminal. Ctrl-\\ (SIGQUIT) ends a run at once, and leaves all as it is."""


class Interrupts:
    """The first signal raises, unless something holds it; later ones only say that the run ends already."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._received: list[int] = []
        self._ends = False
        self._held: Callable[[], object] | None = None

    def install(self) -> None:
        """From now on; what is ignored stays so: `nohup` has SIGHUP ignored."""
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    @contextmanager
    def held(self, instead: Callable[[], object]) -> Iterator[Callable[[], bool]]:
        """In the block a signal calls *instead*, and raises after it. What is given says if one came."""
        held_before, self._held = self._held, instead
        number = len(self._received)
        try:
            yield lambda: len(self._received) > number
        finally:
            self._held = held_before
        if len(self._received) > number:
            self._raise(self._received[-1])

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """The block that cleans up runs to its end."""
        with self.held(lambda: self._say("cleaning up: it ends by itself (Ctrl-\\ leaves what is there)")):
            yield

    def _receive(self, number: int, _: FrameType | None) -> None:
        self._received.append(number)
        if self._held:
            self._held()
        elif self._ends:
            self._say("it ends already, and cleans up")
        else:
            self._raise(number)

    def _raise(self, number: int) -> None:
        self._ends = True
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)
