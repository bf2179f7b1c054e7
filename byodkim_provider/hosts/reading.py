"""
What a host sends, within one time limit for the whole response, however slowly it comes.

A socket's own time-out begins anew with each octet: a header that drips, or a `100 Continue` that
is repeated for ever, would never end.
"""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING, Final

from byodkim_provider.progress import TICK, Clock, stopping

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GRACE_SECONDS: Final = 1.0
"""How long a response may still take once the run is interrupted."""


class LimitedReader(io.RawIOBase):
    """
    The octets that come over a connection. A class because `io.BufferedReader` wants one.

    A read raises `TimeoutError` once the time is over.
    """

    def __init__(
        self, connection: socket.socket, seconds: float, parent: io.BufferedIOBase | None = None
    ) -> None:
        """*seconds* are for all reads together; *parent* is closed with the reader."""
        self._connection = connection
        self._parent = parent
        self._clock = Clock()
        self._end = self._clock.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while True:
            now = self._clock.monotonic()
            if stopping.is_set():
                self._end = min(self._end, now + GRACE_SECONDS)
            if now >= self._end:
                raise TimeoutError
            self._connection.settimeout(min(TICK, self._end - now))
            try:
                return self._connection.recv_into(buffer)
            except TimeoutError:
                continue

    def close(self) -> None:
        if self._parent:
            self._parent.close()
        super().close()
