"""
Read, act, read again, until a name's TXT record is as declared.

Because the record is read again, a lost response does not matter. All rules for other people's
values are here; the requests to a host are in its own file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed, Stopped
from byodkim_provider.hosts.interface import Busy, DnsHost, Existing, NotDone
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.progress import Clock, Progress, stopping
from byodkim_provider.quoting import printable

LIMIT_SECONDS: Final = 60
"""
Time limit for one record. Waiting for its turn and for a busy host does not count.

If the host is slower, the next run reads the record and continues.
"""

BUSY_SECONDS: Final = 600
"""
How long one record waits for a busy host: enough for a hundred domains at 60 requests a minute.
"""

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry; the last value repeats."""

REQUEST_SECONDS: Final = 45.0
"""Time limit of one whole request, even if the response arrives octet by octet."""

GRACE_SECONDS: Final = 1.0
"""How long a running request may still take once the run is interrupted."""

POLL_SECONDS: Final = 0.1
"""Seconds between checks for an interruption, while waiting for a request or a turn."""

T = TypeVar("T")


class RecordAtHost:
    """
    A TXT record at its host. A class because one call keeps what it has changed, or may have.

    Its methods raise `DnsRefused`, whose hint says what was changed; `DnsUnconfirmed` or `Stopped`
    if the next run must read what was done.
    """

    def __init__(
        self,
        host: DnsHost,
        name: str,
        *,
        turns: Mapping[str, threading.Lock],
        clock: Clock,
        progress: Progress,
    ) -> None:
        """*turns*: one lock per host and zone, for threads, which begin one request at a time."""
        self._host = host
        self._name = name
        self._where = f"{host.label}: {name}"
        self._turn = turns[host.label]
        self._clock = clock
        self._progress = progress
        self._changed = False
        """Whether a change was made, or may have been, and was not taken back."""
        self._queued_seconds = 0.0
        """Time spent waiting until other requests of the zone had ended."""

    def values(self) -> tuple[str, ...]:
        """The values at the name."""
        return self._until_done(self._values)

    def publish(
        self, value: str, existing: Existing, before: str | None = None
    ) -> tuple[str, bool]:
        """
        Publish *value*; returns it as it is in DNS, and whether the stack takes over a record that
        was there.

        An existing record of this key keeps its form. It is taken over only with `same key`.
        *before* is the value that the stack had there, of a slot that gets its next key.
        """
        is_added = is_removed = False

        def step() -> tuple[str, bool]:
            nonlocal is_added, is_removed
            there = self._values()
            if (found := _as_declared(value, there)) is not None:
                return found, existing == "same key" and not self._changed
            others = [one for one in there if one != value]
            foreign = [one for one in others if not (before and _is_same(before, one))]
            if existing != "replace" and foreign:  # somebody else was first
                if self._changed and value in there:  # it was not there before the first request
                    self._remove(value)
                # A value that the host accepted, and does not list yet, may still appear.
                self._changed = is_removed or (is_added and value not in there)
                problem = HostMessages.OTHER_KEY if existing == "slot" else HostMessages.OTHER_VALUE
                raise DnsRefused(problem())
            for other in others:
                is_removed = True
                self._remove(other)
            if value not in there and not is_added:
                self._call(lambda: self._host.add(self._name, value), changes=True)
                is_added = True
            if (found := _as_declared(value, self._values())) is not None:
                return found, False
            raise DnsUnconfirmed(HostMessages.NOT_LISTED() if is_added else HostMessages.CHANGED())

        return self._until_done(step)

    def withdraw(self, value: str) -> None:
        """Remove *value*, and return once it is gone; other values stay."""

        def step() -> None:
            if value not in self._values():
                return
            self._remove(value)
            if value in self._values():
                raise DnsUnconfirmed(HostMessages.STILL_LISTED())

        self._until_done(step)

    def _values(self) -> tuple[str, ...]:
        return self._call(lambda: self._host.values(self._name))

    def _remove(self, value: str) -> None:
        self._call(lambda: self._host.remove(self._name, value), changes=True)

    def _call(self, work: Callable[[], T], *, changes: bool = False) -> T:
        """The result of one request, in its turn: one that took too long may still be under way."""
        began = self._clock.monotonic()
        while not self._turn.acquire(timeout=POLL_SECONDS):
            self._refuse_if_stopped()
        try:
            self._refuse_if_stopped()
            self._queued_seconds += self._clock.monotonic() - began
            before, self._changed = self._changed, self._changed or changes
            try:
                return self._in_time(work)
            except (NotDone, DnsRefused):
                self._changed = before
                raise
        finally:
            self._turn.release()

    def _in_time(self, work: Callable[[], T]) -> T:
        """The result of one request; not waited for once the run is interrupted."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
                answer.set_exception(error)

        threading.Thread(target=run, name=f"byodkim {self._host.label}", daemon=True).start()
        for _ in range(round(REQUEST_SECONDS / POLL_SECONDS)):
            if answer.done() or stopping.is_set():
                break
            wait([answer], POLL_SECONDS)
        if stopping.is_set():
            wait([answer], GRACE_SECONDS)
        if answer.done():
            return answer.result()
        self._refuse_if_stopped()
        raise DnsUnconfirmed(HostMessages.TOO_SLOW(seconds=REQUEST_SECONDS))

    def _refuse_if_stopped(self) -> None:
        if stopping.is_set():
            stopped = (
                RecordMessages.INTERRUPTED_LATER if self._changed else RecordMessages.INTERRUPTED
            )
            raise Stopped(stopped(where=self._where))

    def _until_done(self, step: Callable[[], T]) -> T:
        """The result of *step*, retried after temporary errors."""
        began = self._clock.monotonic()
        busy_seconds = 0.0

        def is_over(state: RetryCallState) -> bool:
            if state.outcome and isinstance(state.outcome.exception(), Busy):
                return busy_seconds + state.upcoming_sleep > BUSY_SECONDS
            # A busy host, or a long queue, takes nothing from the time for lost responses.
            ours = self._clock.monotonic() - began - busy_seconds - self._queued_seconds
            return ours + state.upcoming_sleep > LIMIT_SECONDS

        def sleep(seconds: float) -> None:
            self._clock.wait(seconds)
            self._refuse_if_stopped()

        def before_sleep(state: RetryCallState) -> None:
            nonlocal busy_seconds
            error = state.outcome.exception() if state.outcome else None
            busy_seconds += state.upcoming_sleep if isinstance(error, Busy) else 0
            if isinstance(error, DnsUnconfirmed):
                pause = f"again in {state.upcoming_sleep:.1f} s"
                self._progress.update(printable(f"{self._where}: {error.text}, {pause}"))

        retry = Retrying(
            sleep=sleep,
            before_sleep=before_sleep,
            wait=_pause,
            stop=is_over,
            retry=retry_if_exception_type(DnsUnconfirmed),
            reraise=True,
        )
        try:
            return retry(step)
        except (DnsRefused, DnsUnconfirmed) as error:
            raise self._final(error) from None

    def _final(self, error: DnsRefused | DnsUnconfirmed) -> DnsRefused | DnsUnconfirmed:
        """The error for one that no retry helped against."""
        where = {"label": self._host.label, "name": self._name, "reason": printable(error.text)}
        match error:
            case DnsRefused():
                problem = (
                    RecordMessages.PERHAPS_CHANGED if self._changed else RecordMessages.REFUSED
                )
                return DnsRefused(problem(**where, advice=f"; {error.hint}" if error.hint else ""))
            case Busy():
                after = error.retry_after
                when = f", and wants to be asked again in {after:.0f} s" if after else ""
                return DnsUnconfirmed(RecordMessages.BUSY(**where, when=when))
        problem = RecordMessages.UNCONFIRMED if self._changed else RecordMessages.NOT_CHANGED
        return DnsUnconfirmed(problem(**where))


def _as_declared(value: str, there: Sequence[str]) -> str | None:
    """The only value in *there*, if it holds the key of *value*; else None."""
    return there[0] if len({*there}) == 1 and _is_same(value, there[0]) else None


def _is_same(value: str, other: str) -> bool:
    """Whether both hold one key, however it is written."""
    key = records.public_key(value)
    return value == other or bool(key and records.same_key(other, key))


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    pause = PAUSES[min(state.attempt_number, len(PAUSES)) - 1]
    # `Retry-After` may be 0, or a time that has passed by this computer's clock.
    return max(pause, (error.retry_after or 0) if isinstance(error, Busy) else 0)
