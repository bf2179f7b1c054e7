"""
Read, act, read again, until a name's TXT record is as declared.

Because the record is read again, a lost response does not matter. All rules for other people's
values are here; the requests to a host are in its own file.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed, Stopped
from byodkim_provider.hosts.interface import Busy, DnsHost, Existing, HostError, Refused, Unknown
from byodkim_provider.messages.hosts import HostProblem, RecordProblem
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


class Published(NamedTuple):
    """What stands at the host."""

    value: str
    was_there: bool
    """Whether somebody else had made it before, for a supplied key."""


class _Requests:
    """The requests for one record. A class because it keeps what they may have changed."""

    def __init__(self, host: DnsHost, name: str, clock: Clock) -> None:
        self.label = host.label
        self.name = name
        self.changed = False
        """Whether a change was made, or may have been made."""
        self.queued_seconds = 0.0
        """Time spent waiting until other requests of the zone had ended."""
        self._host = host
        self._clock = clock

    def values(self) -> tuple[str, ...]:
        return self._call(lambda: self._host.values(self.name))

    def add(self, value: str) -> None:
        self._change(lambda: self._host.add(self.name, value))

    def remove(self, value: str) -> None:
        self._change(lambda: self._host.remove(self.name, value))

    def _change(self, work: Callable[[], None]) -> None:
        before, self.changed = self.changed, True
        try:
            self._call(work)
        except (Busy, Refused):
            self.changed = before
            raise

    def _call(self, work: Callable[[], T]) -> T:
        began = self._clock.monotonic()
        with _turn(self.label):
            self.queued_seconds += self._clock.monotonic() - began
            return _in_time(self._host, work)


def publish(host: DnsHost, record: Record, *, clock: Clock, progress: Progress) -> Published:
    """
    Publish a record; an existing record of this key keeps its form.

    Raises `DnsRefused`, whose hint says what was changed; `DnsUnconfirmed` or `Stopped` if the next
    run must read what was done.
    """
    requests = _Requests(host, record.name, clock)
    accepted = False

    def step() -> Published:
        nonlocal accepted
        there = requests.values()
        if (found := record.as_declared(there)) is not None:
            return Published(found, was_there=record.existing == "same key" and not requests.changed)
        others = tuple(one for one in there if one != record.value)
        if record.existing != "replace" and {*others} - {record.before}:
            if requests.changed and record.value in there:  # somebody else added a value at the same time
                requests.remove(record.value)
            requests.changed = accepted and record.value not in there  # it may still appear
            is_slot = record.existing == "slot"
            raise Refused(HostProblem.OTHER_KEY() if is_slot else HostProblem.OTHER_VALUE())
        for other in others:
            requests.remove(other)
        if record.value not in there and not accepted:
            requests.add(record.value)
            accepted = True
        there = requests.values()
        if (found := record.as_declared(there)) is not None:
            return Published(found, was_there=False)
        raise Unknown(HostProblem.NOT_LISTED() if accepted else HostProblem.CHANGED())

    return _again(step, requests, clock, progress)


def withdraw(host: DnsHost, name: str, value: str, *, clock: Clock, progress: Progress) -> None:
    """Remove *value* at *name*, and return once it is gone; other values stay. Raises as `publish`."""
    requests = _Requests(host, name, clock)

    def step() -> None:
        if value not in requests.values():
            return
        requests.remove(value)
        if value in requests.values():
            raise Unknown(HostProblem.STILL_LISTED())

    _again(step, requests, clock, progress)


def lookup(host: DnsHost, name: str, *, clock: Clock, progress: Progress) -> tuple[str, ...]:
    """The values at *name*. Raises as `publish`."""
    requests = _Requests(host, name, clock)
    return _again(requests.values, requests, clock, progress)


def _again(step: Callable[[], T], requests: _Requests, clock: Clock, progress: Progress) -> T:
    """The result of *step*, retried after temporary errors; raises the errors of `publish`."""
    label, name = requests.label, requests.name
    began = clock.monotonic()
    busy_seconds = 0.0

    def is_over(state: RetryCallState) -> bool:
        if state.outcome and isinstance(state.outcome.exception(), Busy):
            return busy_seconds + state.upcoming_sleep > BUSY_SECONDS
        # A busy host, or a long queue, takes nothing from the time for lost responses.
        ours = clock.monotonic() - began - busy_seconds - requests.queued_seconds
        return ours + state.upcoming_sleep > LIMIT_SECONDS

    def wait(seconds: float) -> None:
        if clock.wait(seconds):
            raise _stopped(f"{label}: {name}")

    def before_wait(state: RetryCallState) -> None:
        nonlocal busy_seconds
        error = state.outcome.exception() if state.outcome else None
        busy_seconds += state.upcoming_sleep if isinstance(error, Busy) else 0
        if isinstance(error, HostError):
            pause = f"again in {state.upcoming_sleep:.1f} s"
            progress.update(printable(f"{label}: {name}: {error.reason}, {pause}"))

    retry = Retrying(
        sleep=wait,
        before_sleep=before_wait,
        wait=_pause,
        stop=is_over,
        retry=retry_if_exception_type((Busy, Unknown)),
        reraise=True,
    )
    try:
        return retry(step)
    except HostError as error:
        raise _final(error, requests) from None


def _final(error: HostError, requests: _Requests) -> DnsRefused | DnsUnconfirmed:
    """The error of `publish` for one that no retry helped against."""
    where = {"label": requests.label, "name": requests.name, "reason": printable(error.reason)}
    match error:
        case Refused():
            problem = RecordProblem.PERHAPS_CHANGED if requests.changed else RecordProblem.REFUSED
            return DnsRefused(problem(**where, advice=f"; {error.hint}" if error.hint else ""))
        case Busy():
            when = f", and wants to be asked again in {error.retry_after:.0f} s" if error.retry_after else ""
            return DnsUnconfirmed(RecordProblem.BUSY(**where, when=when))
    return DnsUnconfirmed(RecordProblem.UNCONFIRMED(**where))


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
        _wait_for(answer, POLL_SECONDS)
    if stopping.is_set():
        _wait_for(answer, GRACE_SECONDS)
    if answer.done():
        return answer.result()
    raise (
        _stopped(host.label) if stopping.is_set() else Unknown(HostProblem.TOO_SLOW(seconds=REQUEST_SECONDS))
    )


def _wait_for(answer: Future[T], seconds: float) -> None:
    try:
        answer.exception(seconds)
    except TimeoutError:
        return


_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""One lock per zone and host: the threads of a process make one request at a time."""


@contextmanager
def _turn(label: str) -> Iterator[None]:
    lock = _turns[label]
    while not lock.acquire(timeout=POLL_SECONDS):
        if stopping.is_set():
            raise _stopped_before(label)
    try:
        if stopping.is_set():
            raise _stopped_before(label)
        yield
    finally:
        lock.release()


def _stopped_before(label: str) -> Stopped:
    return Stopped(RecordProblem.INTERRUPTED(where=label))


def _stopped(where: str) -> Stopped:
    return Stopped(RecordProblem.INTERRUPTED_LATER(where=where))
