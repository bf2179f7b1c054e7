"""
Messages, time and waiting while a call runs: no other module prints, reads a clock or waits.

Texts go to the engine's Log RPC: `pulumi.log` only prints to standard error inside the
plugin process (https://github.com/pulumi/pulumi/issues/6065). Every wait ends when the
run is interrupted. Speaking never fails a call.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "Progress", "SystemClock", "stopping"]

stopping = threading.Event()
"""Set when the run is being interrupted: what waits goes on at once, what is to begin does not."""


class Clock(Protocol):
    """Time, and the passing of it."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def wait(self, seconds: float) -> bool:
        """Return after *seconds*, False; or at once when the run is interrupted, True."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        return stopping.wait(seconds)


class Progress(Protocol):
    """What the person in front of `pulumi up` reads while a call runs."""

    def update(self, text: str) -> None:
        """Show *text* live in the resource's row; the next one replaces it."""
        ...

    def info(self, text: str) -> None:
        """Show *text* and keep it under Diagnostics."""
        ...

    def warn(self, text: str) -> None:
        """Show *text* as a warning and keep it under Diagnostics."""
        ...
