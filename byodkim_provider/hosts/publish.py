"""
Read, make one change, read again, until a name's TXT record is as declared.

`next_change` decides, from what stands at the name; all rules for other people's values are there.
Because every change follows a read, a lost response does not matter.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal, NamedTuple, TypeVar

from byodkim_provider.dkim.records import mark
from byodkim_provider.errors import ByodkimError, DnsRefused, DnsUnconfirmed, Stopped
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

NOT_AS_DOCUMENTED: Final = (LookupError, TypeError, AttributeError, ValueError)
"""What a host's code raises of a response that has not the documented shape, or by a bug in it."""

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

    "Ours" has the key of *value*, in any form: *value* itself stays, or else the least of them.
    *before* is the value that the stack had there. Any other value is foreign. The first row of
    these that applies:

    ==================================  ===========================================================
    there is                            next change
    ==================================  ===========================================================
    ours in one form, nothing else      none
    a foreign value, and no "replace"   remove *value* if this run sent it; else raise `DnsRefused`
    any value but that of ours          remove it
    ours, and what the host removed     raise `DnsUnconfirmed`
    nothing, or what the host removed   add *value*
    ==================================  ===========================================================
    """
    marks = {mark(value)} | ({mark(before)} if before else set())
    same = [other for other in there if mark(other) == mark(value)]
    if same and len({*there}) == 1:
        return None
    add, take_back = Change("add", value), Change("remove", value)
    kept = value if value in there or not same else min(same)  # in whatever order they are listed
    others = [other for other in there if other != kept]
    foreign = [other for other in others if mark(other) not in marks]
    if foreign and existing != "replace":
        # Others have added theirs since we read the name. With two values the results are undefined
        # (RFC 6376 section 3.6.2.2), for their mail too, so ours goes. If the host has accepted
        # that, and still lists ours, there is nothing more to take back.
        if value in there and add in sent and not sent.get(take_back):
            return take_back
        is_supplied = existing == "same key"
        raise DnsRefused(HostMessages.OTHER_VALUE() if is_supplied else HostMessages.OTHER_KEY())
    for other in others:
        if not sent.get(Change("remove", other)):
            return Change("remove", other)
    if kept in there:
        raise DnsUnconfirmed(HostMessages.STILL_LISTED())
    return add


@dataclass(slots=True)
class RecordAtHost:
    """
    A TXT record at its host. A class because a call keeps what it has sent.

    Its methods raise `DnsRefused`, whose hint says what was changed; `DnsUnconfirmed` or `Stopped`
    if the next run must read what was done.
    """

    host: DnsHost
    name: str
    turns: Mapping[str, threading.Lock]
    """One lock per host and zone, for threads, which make one request at a time."""
    clock: Clock
    progress: Progress
    sent: dict[Change, bool] = field(default_factory=dict)

    def values(self) -> tuple[str, ...]:
        """The values at the name."""
        return self._settled(lambda there: None)

    def publish(self, value: str, existing: Existing, before: str | None = None) -> str:
        """
        Publish *value*; returns it as it is in DNS: an existing record of this key keeps its form.

        *before* is the value that the stack had there, of a slot that gets its next key.
        """
        values = self._settled(lambda there: next_change(value, existing, before, there, self.sent))
        return values[0]

    def withdraw(self, value: str) -> None:
        """Remove *value*, and return once it is gone; other values stay."""
        self._settled(lambda there: Change("remove", value) if value in there else None)

    def _settled(self, decide: Callable[[tuple[str, ...]], Change | None]) -> tuple[str, ...]:
        """The values at the name once *decide* finds no change to make; retried for a while."""
        pauses = iter(PAUSES)
        while True:
            try:
                there = self._request(self.host.values)
                change = decide(there)
                if not change:
                    return there
                self._send(change, there)
            except DnsRefused as error:
                advice = f"; {error.hint}" if error.hint else ""
                raise DnsRefused(self._message(RecordMessages.REFUSED, error, advice)) from None
            except DnsUnconfirmed as error:
                # `Retry-After` may be 0, or a time that has passed by this computer's clock.
                asked = error.retry_after if isinstance(error, Busy) else 0
                seconds = max(next(pauses, inf), asked)
                if seconds > LONGEST_PAUSE:
                    unconfirmed = self._message(RecordMessages.UNCONFIRMED, error)
                    raise DnsUnconfirmed(unconfirmed) from error
                text = printable(
                    f"{self.host.label}: {self.name}: {error.text}, again in {seconds:.1f} s"
                )
                self.progress.update(text)
                self.clock.wait(seconds)

    def _send(self, change: Change, there: tuple[str, ...]) -> None:
        """
        Make *change*, but not again if the host has accepted it. Raises `DnsUnconfirmed` then, and
        if it is refused because *there* has changed.
        """
        method, late = self.host.remove, HostMessages.STILL_LISTED
        if change.action == "add":
            method, late = self.host.add, HostMessages.NOT_LISTED
        if self.sent.get(change):
            raise DnsUnconfirmed(late())
        try:
            self._request(method, change.value)
        except DnsRefused:
            if sorted(self._request(self.host.values)) != sorted(there):
                raise DnsUnconfirmed(HostMessages.NAME_CHANGED()) from None
            raise
        except DnsUnconfirmed as error:
            if not isinstance(error, NotDone):
                self.sent[change] = False
            raise
        self.sent[change] = True

    def _request(self, method: Callable[..., T], *values: str) -> T:
        """The result of one request about the name, in its turn."""
        with self.turns[self.host.label]:
            if stopping.is_set():
                raise Stopped(self._message(RecordMessages.INTERRUPTED))
            try:
                return method(self.name, *values)
            except NOT_AS_DOCUMENTED as error:
                # Perhaps a bug here: with `BYODKIM_DEBUG` the traceback shows the cause.
                raise DnsUnconfirmed(HostMessages.FOREIGN(error=type(error).__name__)) from error

    def _message(
        self, code: RecordMessages, error: ByodkimError | None = None, advice: str = ""
    ) -> Message:
        """*code* about this record, with what was changed so far."""
        is_open = bool(self.sent)
        state = RecordMessages.PERHAPS_CHANGED() if is_open else RecordMessages.NOTHING_CHANGED()
        reason = printable(error.text) if error else ""
        where = f"{self.host.label}: {self.name}"
        return code(where=where, state=state, reason=reason, advice=advice)
