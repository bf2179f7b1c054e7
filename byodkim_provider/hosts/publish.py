"""
Read, make one change, read again, until a name's TXT record is as declared.

`next_change` decides, from what stands at the name; all rules for other people's values are there.
Because every change follows a read, a lost response does not matter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Final, Literal, NamedTuple, TypeVar

from byodkim_provider.dkim.records import mark
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed, Stopped
from byodkim_provider.hosts.interface import Busy, DnsHost, Existing, NotDone
from byodkim_provider.messages import Message
from byodkim_provider.messages.hosts import HostMessages, RecordMessages
from byodkim_provider.progress import Clock, Progress, stopping
from byodkim_provider.quoting import printable

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)
"""
Least seconds before each further attempt; after the last one the next run goes on.

At a host that asks for a minute each time, they are enough for a hundred domains at 60 requests a
minute.
"""

LONGEST_PAUSE: Final = 600
"""Longest pause that a busy host may ask for, in seconds."""

T = TypeVar("T")


class Change(NamedTuple):
    """A request that changes something at the name."""

    action: Literal["add", "remove"]
    value: str


Sent = Mapping[Change, bool]
"""Changes that were sent, and whether the host has accepted each; else the response was lost."""


def next_change(
    value: str, existing: Existing, before: str | None, there: Sequence[str], sent: Sent
) -> Change | None:
    """
    The next change that leads from *there* to the record of *value* alone; None if it stands there.

    *before* is the value that the stack had there. A change that the host has accepted is not made
    again. Raises `DnsRefused` if somebody else's value is in the way, and `DnsUnconfirmed` if the
    host does not list yet what it has accepted.
    """
    if len({*there}) == 1 and mark(value) == mark(there[0]):
        return None
    add, take_back = Change("add", value), Change("remove", value)
    others = [other for other in there if other != value]
    foreign = [other for other in others if not (before and mark(before) == mark(other))]
    if foreign and existing != "replace":
        if value in there and add in sent and not sent.get(take_back):
            return take_back
        is_supplied = existing == "same key"
        raise DnsRefused(HostMessages.OTHER_VALUE() if is_supplied else HostMessages.OTHER_KEY())
    for other in others:
        if not sent.get(Change("remove", other)):
            return Change("remove", other)
    if value in there:
        raise DnsUnconfirmed(HostMessages.STILL_LISTED())
    if sent.get(add):
        raise DnsUnconfirmed(HostMessages.NOT_LISTED())
    return add


def next_removal(value: str, there: Sequence[str], sent: Sent) -> Change | None:
    """The change that removes *value*; None if it is gone. Raises as `next_change` does."""
    removal = Change("remove", value)
    if value not in there:
        return None
    if sent.get(removal):
        raise DnsUnconfirmed(HostMessages.STILL_LISTED())
    return removal


def has_changed(sent: Sent) -> bool:
    """Whether something was changed, or may have been, and was not taken back."""
    removed = [change.value for change in sent if change.action == "remove" and sent[change]]
    taken_back = [value for value in removed if Change("add", value) in sent]
    return any(change.value not in taken_back for change in sent)


class RecordAtHost:
    """
    A TXT record at its host. A class because a call keeps what it has sent.

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
        """*turns*: one lock per host and zone, for threads, which make one request at a time."""
        self._host = host
        self._name = name
        self._where = f"{host.label}: {name}"
        self._turn = turns[host.label]
        self._clock = clock
        self._progress = progress
        self._sent: dict[Change, bool] = {}

    def values(self) -> tuple[str, ...]:
        """The values at the name."""
        return self._changed(lambda there: None)

    def publish(self, value: str, existing: Existing, before: str | None = None) -> str:
        """
        Publish *value*; returns it as it is in DNS: an existing record of this key keeps its form.

        *before* is the value that the stack had there, of a slot that gets its next key.
        """
        values = self._changed(
            lambda there: next_change(value, existing, before, there, self._sent)
        )
        return values[0]

    def withdraw(self, value: str) -> None:
        """Remove *value*, and return once it is gone; other values stay."""
        self._changed(lambda there: next_removal(value, there, self._sent))

    def _changed(self, decide: Callable[[tuple[str, ...]], Change | None]) -> tuple[str, ...]:
        """The values at the name once *decide* finds no change to make; retried for a while."""
        pauses = iter(PAUSES)
        while True:
            try:
                return self._settled(decide)
            except DnsRefused as error:
                raise self._final(error) from None
            except DnsUnconfirmed as error:
                # `Retry-After` may be 0, or a time that has passed by this computer's clock.
                asked = error.retry_after if isinstance(error, Busy) else None
                seconds = max(next(pauses, inf), asked or 0)
                if seconds > LONGEST_PAUSE:
                    raise self._final(error) from None
                self._rest(seconds, error)

    def _settled(self, decide: Callable[[tuple[str, ...]], Change | None]) -> tuple[str, ...]:
        while True:
            there = self._values()
            change = decide(there)
            if not change:
                return there
            self._send(change, there)

    def _values(self) -> tuple[str, ...]:
        return self._request(lambda: self._host.values(self._name))

    def _send(self, change: Change, there: tuple[str, ...]) -> None:
        """Make *change*. Raises `DnsUnconfirmed` if it is refused because *there* has changed."""
        method = self._host.add if change.action == "add" else self._host.remove
        try:
            self._request(lambda: method(self._name, change.value))
        except DnsRefused:
            if self._values() != there:
                raise DnsUnconfirmed(HostMessages.NAME_CHANGED()) from None
            raise
        except DnsUnconfirmed as error:
            if not isinstance(error, NotDone):
                self._sent[change] = False
            raise
        self._sent[change] = True

    def _request(self, request: Callable[[], T]) -> T:
        """The result of one request, in its turn."""
        with self._turn:
            self._refuse_if_stopped()
            return request()

    @property
    def _state(self) -> Message:
        """What was changed so far, as a hint says it."""
        is_open = has_changed(self._sent)
        return RecordMessages.PERHAPS_CHANGED() if is_open else RecordMessages.NOTHING_CHANGED()

    def _refuse_if_stopped(self) -> None:
        if stopping.is_set():
            raise Stopped(RecordMessages.INTERRUPTED(where=self._where, state=self._state))

    def _rest(self, seconds: float, error: DnsUnconfirmed) -> None:
        """Wait before the next attempt. Raises `Stopped` once the run is interrupted."""
        self._refuse_if_stopped()
        self._progress.update(printable(f"{self._where}: {error.text}, again in {seconds:.1f} s"))
        self._clock.wait(seconds)

    def _final(self, error: DnsRefused | DnsUnconfirmed) -> DnsRefused | DnsUnconfirmed:
        """*error* about this record, with what was changed."""
        fields = {"where": self._where, "state": self._state, "reason": printable(error.text)}
        if isinstance(error, DnsRefused):
            advice = f"; {error.hint}" if error.hint else ""
            return DnsRefused(RecordMessages.REFUSED(**fields, advice=advice))
        if isinstance(error, Busy):
            seconds = error.retry_after
            when = f", and wants to be asked again in {seconds:.0f} s" if seconds else ""
            return DnsUnconfirmed(RecordMessages.BUSY(**fields, when=when))
        return DnsUnconfirmed(RecordMessages.UNCONFIRMED(**fields))
