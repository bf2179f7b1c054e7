"""
Read, act, read again, until a name's TXT record is as declared.

Because the record is read again, a lost response does not matter. All rules for other people's
values are here; the requests to a host are in its own file.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed, Stopped
from byodkim_provider.hosts.interface import Busy, DnsHost, Existing, HostError, Refused, Unknown
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.progress import Clock, Progress, stopping
from byodkim_provider.quoting import printable

LIMIT_SECONDS: Final = 60
"""
Time limit for one record. Waiting for its turn and for a busy host does not count.

If the host is slower, the next run reads the record and continues.
"""

BUSY_SECONDS: Final = 600
"""Longest wait of one record for a busy host: a hundred domains, and 60 requests a minute."""

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry; the last value repeats."""

REQUEST_SECONDS: Final = 45.0
"""Time limit of one whole request, even if the response arrives octet by octet."""

GRACE_SECONDS: Final = 1.0
"""How long a running request may still take once the run is interrupted."""

POLL_SECONDS: Final = 0.1
"""Seconds between checks for an interruption, while waiting for a request or a turn."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """A TXT record as it should be."""

    name: str
    value: str
    existing: Existing
    before: str | None = None
    """The value that the stack had there, of a slot that gets its next key."""

    def as_declared(self, there: Sequence[str]) -> str | None:
        """The only value in *there*, if it holds this key; else None."""
        values = set(there)
        if values == {self.value}:
            return self.value
        key = records.public_key(self.value)
        return there[0] if len(values) == 1 and key and records.same_key(there[0], key) else None


class _Requests:
    """The requests for one record. A class because it keeps what they have changed, or may have."""

    def __init__(self, host: DnsHost, name: str, clock: Clock, progress: Progress) -> None:
        self.changed = False
        """Whether a change was made, or may have been, and was not taken back: for the hint of a refusal."""
        self.added: set[str] = set()
        """Values that the host has accepted."""
        self.removed: set[str] = set()
        """Values of others that were removed, or may have been."""
        self._host = host
        self._name = name
        self._clock = clock
        self._progress = progress
        self._queued_seconds = 0.0
        """Time spent waiting until other requests of the zone had ended."""

    def values(self) -> tuple[str, ...]:
        return self._call(lambda: self._host.values(self._name))

    def add(self, value: str) -> None:
        self._change(lambda: self._host.add(self._name, value))
        self.added.add(value)

    def remove(self, value: str) -> None:
        self._change(lambda: self._host.remove(self._name, value))

    def take_back(self, value: str, there: Sequence[str]) -> None:
        """Remove *value*, one of those that are *there*, unless it was there before the first request."""
        if self.changed and value in there:
            self.remove(value)
        # A value that the host accepted, and does not list yet, may still appear.
        self.changed = bool(self.removed) or (value in self.added and value not in there)

    def _change(self, work: Callable[[], None]) -> None:
        before, self.changed = self.changed, True
        try:
            self._call(work)
        except (Busy, Refused):
            self.changed = before
            raise

    def _call(self, work: Callable[[], T]) -> T:
        began = self._clock.monotonic()
        with _turn(self._host.label):
            self._queued_seconds += self._clock.monotonic() - began
            return _in_time(self._host, work)

    def until_done(self, step: Callable[[], T]) -> T:
        """The result of *step*, retried after temporary errors; raises the errors of `publish`."""
        where = f"{self._host.label}: {self._name}"
        began = self._clock.monotonic()
        busy_seconds = 0.0

        def is_over(state: RetryCallState) -> bool:
            if state.outcome and isinstance(state.outcome.exception(), Busy):
                return busy_seconds + state.upcoming_sleep > BUSY_SECONDS
            # A busy host, or a long queue, takes nothing from the time for lost responses.
            ours = self._clock.monotonic() - began - busy_seconds - self._queued_seconds
            return ours + state.upcoming_sleep > LIMIT_SECONDS

        def sleep(seconds: float) -> None:
            if self._clock.wait(seconds):
                raise Stopped(RecordMessages.INTERRUPTED_LATER(where=where))

        def before_sleep(state: RetryCallState) -> None:
            nonlocal busy_seconds
            error = state.outcome.exception() if state.outcome else None
            busy_seconds += state.upcoming_sleep if isinstance(error, Busy) else 0
            if isinstance(error, HostError):
                pause = f"again in {state.upcoming_sleep:.1f} s"
                self._progress.update(printable(f"{where}: {error.text}, {pause}"))

        retry = Retrying(
            sleep=sleep,
            before_sleep=before_sleep,
            wait=_pause,
            stop=is_over,
            retry=retry_if_exception_type((Busy, Unknown)),
            reraise=True,
        )
        try:
            return retry(step)
        except HostError as error:
            raise self._final(error) from None

    def _final(self, error: HostError) -> DnsRefused | DnsUnconfirmed:
        """The error of `publish` for one that no retry helped against."""
        where = {"label": self._host.label, "name": self._name, "reason": printable(error.text)}
        match error:
            case Refused():
                problem = RecordMessages.PERHAPS_CHANGED if self.changed else RecordMessages.REFUSED
                return DnsRefused(problem(**where, advice=f"; {error.hint}" if error.hint else ""))
            case Busy():
                after = error.retry_after
                when = f", and wants to be asked again in {after:.0f} s" if after else ""
                return DnsUnconfirmed(RecordMessages.BUSY(**where, when=when))
        return DnsUnconfirmed(RecordMessages.UNCONFIRMED(**where))


def publish(host: DnsHost, record: Record, *, clock: Clock, progress: Progress) -> tuple[str, bool]:
    """
    Publish a record; returns its value in DNS, and whether the stack takes over a record that was there.

    An existing record of this key keeps its form. It is taken over only with `same key`.

    Raises `DnsRefused`, whose hint says what was changed; `DnsUnconfirmed` or `Stopped` if the next
    run must read what was done.
    """
    requests = _Requests(host, record.name, clock, progress)
    return requests.until_done(lambda: _published(record, requests))


def _published(record: Record, requests: _Requests) -> tuple[str, bool]:
    """The result of `publish`, after one round of reading, acting and reading again; raises `HostError`."""
    there = requests.values()
    if (found := record.as_declared(there)) is not None:
        return found, record.existing == "same key" and not requests.changed
    others = tuple(one for one in there if one != record.value)
    if record.existing != "replace" and {*others} - {record.before}:
        requests.take_back(record.value, there)  # somebody else was first
        is_slot = record.existing == "slot"
        raise Refused(HostMessages.OTHER_KEY() if is_slot else HostMessages.OTHER_VALUE())
    for other in others:
        requests.removed.add(other)
        requests.remove(other)
    if record.value not in there and not requests.added:
        requests.add(record.value)
    if (found := record.as_declared(requests.values())) is not None:
        return found, False
    raise Unknown(HostMessages.NOT_LISTED() if requests.added else HostMessages.CHANGED())


def withdraw(host: DnsHost, name: str, value: str, *, clock: Clock, progress: Progress) -> None:
    """Remove *value* at *name*, and return once it is gone; other values stay. Raises as `publish`."""
    requests = _Requests(host, name, clock, progress)

    def step() -> None:
        if value not in requests.values():
            return
        requests.remove(value)
        if value in requests.values():
            raise Unknown(HostMessages.STILL_LISTED())

    requests.until_done(step)


def lookup(host: DnsHost, name: str, *, clock: Clock, progress: Progress) -> tuple[str, ...]:
    """The values at *name*. Raises as `publish`."""
    requests = _Requests(host, name, clock, progress)
    return requests.until_done(requests.values)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    pause = PAUSES[min(state.attempt_number, len(PAUSES)) - 1]
    # `Retry-After` may be 0, or a time that has passed by this computer's clock.
    return max(pause, (error.retry_after or 0) if isinstance(error, Busy) else 0)


def _in_time(host: DnsHost, work: Callable[[], T]) -> T:
    """The result of one request; not waited for once the run is interrupted."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            answer.set_exception(error)

    threading.Thread(target=run, name=f"byodkim {host.label}", daemon=True).start()
    for _ in range(round(REQUEST_SECONDS / POLL_SECONDS)):
        if answer.done() or stopping.is_set():
            break
        wait([answer], POLL_SECONDS)
    if stopping.is_set():
        wait([answer], GRACE_SECONDS)
    if answer.done():
        return answer.result()
    if stopping.is_set():
        raise Stopped(RecordMessages.INTERRUPTED_LATER(where=host.label))
    raise Unknown(HostMessages.TOO_SLOW(seconds=REQUEST_SECONDS))


_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""
One lock per zone and host: the threads of a process begin one request at a time.

A request that took too long may still be under way.
"""


@contextmanager
def _turn(label: str) -> Iterator[None]:
    lock = _turns[label]
    while not lock.acquire(timeout=POLL_SECONDS):
        if stopping.is_set():
            raise Stopped(RecordMessages.INTERRUPTED(where=label))
    try:
        if stopping.is_set():
            raise Stopped(RecordMessages.INTERRUPTED(where=label))
        yield
    finally:
        lock.release()
