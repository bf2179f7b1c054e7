"""The sandbox's time, for whatever takes hours: 72 of SES, a TTL, an overlap."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Real time plus a growing offset. One for all servers of a sandbox; any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def monotonic(self) -> float:
        """Seconds since some fixed point, moved by `advance` too; never decreases."""
        return time.monotonic() + self._offset.total_seconds()

    def advance(self, by: float | timedelta) -> None:
        """Move on, by seconds if it is a number; the listeners have caught up when this returns."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta():
            raise ValueError("time does not go back")
        with self._lock:
            self._offset += step
        for listener in tuple(self._listeners):
            listener()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call *listener* after each `advance`, in the thread that advances."""
        self._listeners.append(listener)
