"""
Which call a verification makes next, as a value: `step` makes no call and reads no clock.

`verification` carries out what it says, and asks again with what it has seen since. `TABLE` has the cases.

Theory of operation. By its verdict of an earlier run, an entry is one of four: *settled* (verified, or
unconfirmed), *awaiting* (SES has no key), *new* (never polled, or its wait was cut short) or *pending* (its
whole wait ended without a verdict). New entries are what the run waits for: they are polled in rounds, with a
pause after each, until all are over or time is up. Pending entries get one poll each, in the pauses: somebody
who never adds a record costs each run one call. After the limit no call is made; at the limit itself
the last round still begins. A limit of 0 is one poll of each entry, however long that takes.

A round goes through the Regions one by one. A List shows all identities of a Region, and not their DKIM
status, so it counts only for what Create has made; it is used if it has fewer pages than there are Gets, of
this verification or of all that ask at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.identity.state import CREATED, GONE
from byodkim_provider.identity.verdicts import (
    Entry,
    Verdict,
    awaiting_dns,
    has_not_found_key,
    is_over,
    judged,
    not_asked,
)

State = Literal["settled", "awaiting", "new", "pending"]

TABLE: Final = (
    # entries, in this run, the time, and what comes next
    ("settled", "not polled", "left", "done"),
    ("awaiting", "not polled", "left", "done"),
    ("new", "not polled", "left", "Get"),
    ("new", "not polled", "up", "done"),
    ("new", "open", "pause", "wait"),
    ("new", "open", "pause over", "Get"),
    ("new", "open", "at the limit", "Get"),
    ("new", "open, at the limit", "at the limit", "done"),
    ("new", "over", "left", "done"),
    ("pending", "not polled", "left", "Get"),
    ("pending", "not polled", "up", "done"),
    ("pending", "open", "left", "done"),
    ("new, pending", "not polled", "left", "Get of the new"),
    ("new, pending", "open, not polled", "pause", "Get of the pending"),
    ("new, pending", "open, not polled", "pause over", "Get of the new"),
    ("new, pending", "over, not polled", "left", "Get of the pending"),
    ("new, new", "not polled", "left", "List"),
    ("new, new", "not polled, List of 2 pages", "left", "Get"),
    ("new, new", "not polled, after Put", "left", "Get"),
)
"""*Open* is an entry that this run has polled, and that is not over. *Left* and *up*: the time."""

INTERVALS: Final = (2, 3, 5, 8, 12, 20)
"""
Seconds between polls; the last value repeats.

A poll every 20 s keeps a wait of thirty minutes at 95 calls, well under one a second.
"""

_MOMENT: Final = 0.001
"""A pause that ends within this time has ended: sums of seconds are not exact."""


@dataclass(frozen=True, slots=True)
class Query:
    """The next call: a Get for one entry, or a List for several."""

    action: Literal["GetEmailIdentity", "ListEmailIdentities"]
    entries: tuple[Entry, ...]
    here: tuple[Entry, ...]
    """All entries of the Region that have their turn now. None of them is polled if SES refuses the call."""
    round: int

    @property
    def region(self) -> str:
        return self.here[0].region


@dataclass(frozen=True, slots=True)
class Poll:
    """The last poll of an entry in this run."""

    verdict: Verdict
    round: int
    at: float
    """In seconds since the wait began."""
    identity: SesIdentity | None = None
    """What Get returned; None if the entry was listed, or SES refused the call."""


@dataclass(frozen=True, slots=True)
class Polls:
    """What earlier runs and this one have seen."""

    before: Mapping[Entry, Verdict] = field(default_factory=dict)
    polls: Mapping[Entry, Poll] = field(default_factory=dict)
    """Of the entries that this run has polled, successfully or not."""
    list_pages: Mapping[str, int] = field(default_factory=dict)
    """How many pages of a Region's List had to be read."""

    def verdict(self, entry: Entry, *, why_not: str) -> Verdict:
        """The last verdict on an entry; *why_not* it was not polled."""
        if entry.key_set_at is None:
            return awaiting_dns(entry)
        if poll := self.polls.get(entry):
            return poll.verdict
        return self.before.get(entry) or not_asked(entry, why_not)

    def is_over(self, entry: Entry) -> bool:
        """Whether further polls of an entry are useless in this run."""
        poll = self.polls.get(entry)
        return poll is not None and is_over(poll.verdict, poll.identity)

    def unverified(self, entry: Entry) -> bool:
        """Whether SES has shown this key as not found yet, in this run or an earlier one."""
        known = self.polls[entry].verdict if entry in self.polls else self.before.get(entry)
        return known is not None and known.seen_unverified


def state_of(entry: Entry, before: Mapping[Entry, Verdict]) -> State:
    """What an entry is at the beginning of a run."""
    known = before.get(entry)
    if entry.key_set_at is None:
        return "awaiting"
    if known and known.settled:
        return "settled"
    return "pending" if known and known.waited else "new"


def is_up(now: float, limit: float) -> bool:
    """Whether no further call may be made."""
    return 0 < limit < now - _MOMENT


def step(
    new: Sequence[Entry], pending: Sequence[Entry], seen: Polls, *, now: float, limit: float
) -> Query | float | None:
    """
    What comes next: a call, a pause of so many seconds, or None if there is nothing left to do.

    *now* and *limit* are seconds since the wait for the *new* and *pending* entries began.
    """
    if is_up(now, limit):
        return None
    polls = [seen.polls[entry] for entry in new if entry in seen.polls]
    this_round = max((poll.round for poll in polls), default=1)
    waiting = [entry for entry in new if not seen.is_over(entry)]
    due = [entry for entry in waiting if entry not in seen.polls or seen.polls[entry].round < this_round]
    if due:
        return _call(due, seen, this_round)
    ended = max((poll.at for poll in polls), default=limit)
    is_last = not waiting or ended >= limit
    pause = min(ended + INTERVALS[min(this_round, len(INTERVALS)) - 1], limit) - now
    once = [entry for entry in pending if entry not in seen.polls]
    if once and (is_last or pause > _MOMENT):
        return _call(once, seen, 1)
    if is_last:
        return None
    return pause if pause > _MOMENT else _call(waiting, seen, this_round + 1)


def _call(due: Sequence[Entry], seen: Polls, number: int) -> Query:
    """The next of the calls for the entries that are *due* in this round."""
    region = min(entry.region for entry in due)
    here = tuple(entry for entry in due if entry.region == region)
    # List has no DKIM status, so it shows the result for a new identity, and not for a switch.
    made = tuple(entry for entry in here if entry.key_set_by == CREATED)
    if len(made) > seen.list_pages.get(region, 1):
        return Query("ListEmailIdentities", made, here, number)
    return Query("GetEmailIdentity", here[:1], here, number)


def after_get(seen: Polls, call: Query, shown: SesIdentity | str | None, *, at: float) -> Polls:
    """
    What is seen once SES has answered a Get; None: it has no such identity.

    A status is from the List that another verification of the run has needed.
    """
    (entry,) = call.entries
    if isinstance(shown, str):
        return _polled(seen, call, [_listed(entry, shown)], at)
    verdict = Verdict(entry=entry, status=GONE, verified=False, reason="SES has no such identity")
    if shown:
        unverified = seen.unverified(entry) or has_not_found_key(entry, shown)
        verdict = judged(entry, shown, seen_unverified=unverified)
    poll = Poll(verdict, call.round, at, shown)
    return replace(seen, polls={**seen.polls, entry: poll})


def after_list(
    seen: Polls, call: Query, statuses: Mapping[str, str], *, pages: int, is_complete: bool, at: float
) -> Polls:
    """
    What is seen once SES has answered a List with the *statuses* of these domains.

    *is_complete*: SES has no other identity. Else there was no time for further pages.
    """
    found = [
        _listed(entry, status)
        for entry in call.entries
        if (status := statuses.get(entry.domain, GONE if is_complete else None)) is not None
    ]
    if len(found) == len(call.entries):
        seen = replace(seen, list_pages={**seen.list_pages, call.region: pages})
    return _polled(seen, call, found, at)


def _listed(entry: Entry, status: str) -> Verdict:
    # The response to Create had EXTERNAL and enabled: with SUCCESS that is the guide's test.
    return Verdict(entry=entry, status=status, verified=status == "SUCCESS")


def after_refusal(seen: Polls, call: Query, reason: str, *, at: float) -> Polls:
    """What is seen once SES has refused a call: nothing of this Region's entries, in this round."""
    refused = [
        replace(
            not_asked(entry, reason),
            waited=state_of(entry, seen.before) == "pending",
            seen_unverified=seen.unverified(entry),
        )
        for entry in call.here
    ]
    return _polled(seen, call, refused, at)


def _polled(seen: Polls, call: Query, verdicts: Iterable[Verdict], at: float) -> Polls:
    polls = {verdict.entry: Poll(verdict, call.round, at) for verdict in verdicts}
    return replace(seen, polls={**seen.polls, **polls})
