"""
Messages, time and waiting while a call runs: no other module prints, reads a clock or waits.

Messages go to the engine's Log RPC: `pulumi.log` only prints to standard error inside the
plugin process (https://github.com/pulumi/pulumi/issues/6065). Every wait ends when the
run is interrupted. A message that can't be sent never fails a call.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

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


class Progress(Protocol):
    """Messages, or strings, in the output of `pulumi up` while a call runs."""

    def update(self, text: object) -> None:
        """Show *text* in the resource's row; the next update replaces it."""
        ...

    def info(self, text: object) -> None:
        """Show *text*, and keep it under Diagnostics."""
        ...

    def warn(self, text: object) -> None:
        """Show *text* as a warning, and keep it under Diagnostics."""
        ...
