"""If this fails, a verification makes another call than the table of `verdicts` says."""

from dataclasses import replace

import pytest

from byodkim_provider.identity.state import CREATED, GONE, PUT
from byodkim_provider.identity.verdicts import (
    UNCONFIRMED,
    Entry,
    Poll,
    Polls,
    Query,
    Verdict,
    after_get,
    after_refusal,
    not_asked,
    state_of,
    step,
)
from tests.support.cases import cases
from tests.support.fakes import START

TABLE = (
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

LIMIT = 600
LATE = 0.0005
"""Seconds by which a wait ends later than it should."""
TIMES = {"left": 10, "pause": 11, "pause over": 12, "at the limit": LIMIT + LATE, "up": LIMIT + 1}
"""Seconds since the wait began; the last poll was after 10, and the first pause takes 2."""

ENTRY = Entry(
    domain="example.com", region="eu-west-1", selector="s1", key_set_at=START, key_set_by=CREATED
)


def verdict(entry, status="PENDING", **changes):
    return Verdict(entry=entry, status=status, verified=status == "SUCCESS", **changes)


BEFORE = {"settled": {"status": "SUCCESS"}, "pending": {}, "new": None, "awaiting": None}
"""The verdict of an earlier run, by state."""


@pytest.mark.parametrize("row", TABLE, ids=" | ".join)
def test_row(row):
    """What the table says comes next."""
    states, seen_as, time, expected = row
    names, entries, before, polls = states.split(", "), [], {}, {}
    for number, name in enumerate(names):
        told = {"key_set_at": None} if name == "awaiting" else {}
        put = {"key_set_by": PUT} if "after Put" in seen_as else {}
        entries.append(replace(ENTRY, domain=f"d{number}.example.com", **told, **put))
        if BEFORE[name] is not None:
            before[entries[-1]] = verdict(entries[-1], **BEFORE[name])
    assert names == [state_of(entry, before) for entry in entries]
    if polled := {"open": "PENDING", "over": "SUCCESS"}.get(seen_as.partition(",")[0]):
        at = LIMIT if "at the limit" in seen_as else 10
        polls = {entries[0]: Poll(verdict(entries[0], polled), 1, at)}
    pages = {"eu-west-1": 2} if "2 pages" in seen_as else {}
    new, pending = (
        [entry for entry, name in zip(entries, names, strict=True) if name == state]
        for state in ("new", "pending")
    )
    following = step(new, pending, Polls(before, polls, pages), now=TIMES[time], limit=LIMIT)
    if isinstance(following, Query):
        found = {"GetEmailIdentity": "Get", "ListEmailIdentities": "List"}[following.action]
        if " of the " in expected:
            found += f" of the {names[entries.index(following.entries[0])]}"
    else:
        found = "done" if following is None else "wait"
    assert expected == found


@cases(
    ("before", "state"),
    {
        "no verdict": (None, "new"),
        "pending": (verdict(ENTRY), "pending"),
        "interrupted": (verdict(ENTRY, waited=False), "new"),
        "not polled": (not_asked(ENTRY, "no time"), "new"),
        "verified": (verdict(ENTRY, "SUCCESS"), "settled"),
        "unconfirmed": (verdict(ENTRY, UNCONFIRMED), "settled"),
    },
)
def test_state(before, state):
    """An entry whose wait has ended is not waited for again; one that was not polled is."""
    assert state == state_of(ENTRY, {ENTRY: before} if before else {})


@pytest.mark.parametrize("state", ["new", "pending"])
def test_refused(state):
    """A refused call changes neither whether the next run waits, nor what SES has shown before."""
    seen = Polls({ENTRY: verdict(ENTRY, waited=state == "pending", seen_unverified=True)})
    call = Query("GetEmailIdentity", (ENTRY,), (ENTRY,), 1)
    after = after_refusal(seen, call, "throttled", at=1).verdict(ENTRY, why_not="")
    assert state == state_of(ENTRY, {ENTRY: after})
    assert (True, "throttled") == (after.seen_unverified, after.reason)


def test_identity_that_is_gone():
    """SES has no such identity any more."""
    call = Query("GetEmailIdentity", (ENTRY,), (ENTRY,), 1)
    assert GONE == after_get(Polls(), call, None, at=1).polls[ENTRY].verdict.status


def test_rounds():
    """The pauses become longer, up to the last of the intervals, and none goes beyond the limit."""
    now, waits, seen = 0.0, [], Polls()
    while (following := step([ENTRY], [], seen, now=now, limit=75)) is not None:
        if isinstance(following, Query):
            seen = Polls(polls={ENTRY: Poll(verdict(ENTRY), following.round, now)})
        else:
            waits.append(following)
            now += following
    assert [2, 3, 5, 8, 12, 20, 20, 5] == waits


def test_region_by_region():
    """A round goes through the Regions one by one; a refusal concerns one Region's entries."""
    entries = [
        replace(ENTRY, region=region, key_set_by=PUT, domain=f"{domain}.example.com")
        for domain in ("a", "b")
        for region in ("us-east-1", "eu-west-1")
    ]
    call = step(entries, [], Polls(), now=0, limit=0)
    assert (entries[1:2], [entries[1], entries[3]]) == ([*call.entries], [*call.here])
