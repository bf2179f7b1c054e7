"""
Waits until SES has verified each identity, and says why it has not.

SES is called as seldom as possible: one List for all new identities, a Get for each switch, nothing
for what is verified already. `verdicts` judges the responses. No Pulumi here.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Literal

from byodkim_provider.aws.ses import SesClient, SesIdentity
from byodkim_provider.dkim import records
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.errors import NotVerified, SesRefused, Stopped
from byodkim_provider.identity.judgement import of_shown
from byodkim_provider.identity.state import AWAITING_DNS, CREATED, GONE, PUT
from byodkim_provider.identity.verdicts import (
    NOT_ASKED,
    Entry,
    Verdict,
    has_not_found_key,
    is_from_before_put,
    is_over,
    judged,
)
from byodkim_provider.progress import Clock, Progress, stopping

OnTimeout = Literal["warn", "fail"]

USUAL: Final = "SES usually takes 5 to 11 minutes"
"""Time from a Create or Put to SUCCESS with the record in DNS, from reports about real SES."""

INTERVALS: Final = (2, 3, 5, 8, 12, 20)
"""
Seconds between polls; the last value repeats.

A poll every 20 s keeps a wait of thirty minutes at 95 calls, well under one a second.
"""

DIAGNOSED: Final = 10
"""How many identities are read for their `ErrorType` at the time limit: each costs a second of SES's rate."""

DIAGNOSIS_SECONDS: Final = 60
"""Seconds after the time limit in which DNS is still checked for the diagnoses of all pending entries."""

_INCONCLUSIVE: Final = ("SUCCESS", GONE, AWAITING_DNS, NOT_ASKED)
"""Statuses of an earlier run after which SUCCESS may still be about the previous key."""


@dataclass(frozen=True)
class Sources:
    """Everything one call may touch."""

    ses: Callable[[str], SesClient]
    """SES in a Region."""
    resolver: Callable[[Entry], DnsResolver | None]
    clock: Clock
    progress: Progress


def verify(
    entries: Sequence[Entry],
    before: Iterable[Verdict],
    sources: Sources,
    *,
    timeout_minutes: float,
    on_timeout: OnTimeout,
) -> list[Verdict]:
    """
    A verdict for each entry, in order.

    New and changed entries get *timeout_minutes*, all together. Entries that were pending *before*
    get one poll within that time, settled entries none. With 0 every entry gets one poll, however
    long that takes. Raises `NotVerified` if *on_timeout* is `fail` and an entry is not settled.
    """
    known = {verdict.entry: verdict for verdict in before}
    verdicts = {entry: known[entry] for entry in entries if entry in known and known[entry].settled}
    verdicts |= {entry: _awaiting_dns(entry) for entry in entries if entry.key_set_at is None}
    if on_timeout == "fail" and not all(verdict.settled for verdict in verdicts.values()):
        raise _not_verified(list(verdicts.values()), waited_seconds=0)
    to_poll = [entry for entry in entries if entry not in verdicts]
    waited = {entry for entry in to_poll if entry in known and known[entry].waited}
    polls = _Polls(
        sources,
        timeout_seconds=timeout_minutes * 60,
        seen_unverified={v.entry for v in known.values() if v.status not in _INCONCLUSIVE},
    )
    polls.until_settled(
        [entry for entry in to_poll if entry not in waited],
        also_once=[entry for entry in to_poll if entry in waited],
    )
    waited_seconds = polls.waited()
    # Entries that were not polled keep their verdict; without one they get the full timeout next run.
    verdicts |= {
        entry: polls.found.get(entry) or known.get(entry) or _not_asked(entry, polls.why_not_asked())
        for entry in to_poll
    }
    verdicts |= polls.diagnoses([verdicts[entry] for entry in to_poll if not verdicts[entry].verified])
    cut_short = [
        entry
        for entry in to_poll
        if verdicts[entry].status == NOT_ASKED or (stopping.is_set() and entry not in waited)
    ]
    verdicts |= {entry: replace(verdicts[entry], waited=False) for entry in cut_short}
    ordered = [verdicts[entry] for entry in entries]
    if on_timeout == "fail" and not all(verdict.settled for verdict in ordered) and not stopping.is_set():
        raise _not_verified(ordered, waited_seconds=waited_seconds)
    return ordered


def _awaiting_dns(entry: Entry) -> Verdict:
    return Verdict(entry=entry, status=AWAITING_DNS, verified=False, reason="its record is not in DNS yet")


def _not_asked(entry: Entry, reason: str) -> Verdict:
    return Verdict(entry=entry, status=NOT_ASKED, verified=False, reason=reason)


def _not_verified(verdicts: Sequence[Verdict], *, waited_seconds: float) -> NotVerified:
    return NotVerified(
        pending=[f"{v.entry}: {v.status}, {v.reason}" for v in verdicts if not v.settled],
        waited_seconds=waited_seconds,
        hint="the identities and records are made; correct what is named and run `pulumi up` again",
    )


class _Polls:
    """The polls of one run. A class because they share the start of the wait and the verdicts so far."""

    def __init__(self, sources: Sources, *, timeout_seconds: float, seen_unverified: set[Entry]) -> None:
        self._sources = sources
        self._timeout_seconds = timeout_seconds
        self._started = sources.clock.monotonic()
        self._list_pages: dict[str, int] = {}
        self._seen: dict[Entry, SesIdentity] = {}
        self._seen_unverified = seen_unverified
        self._said = ""
        self.found: dict[Entry, Verdict] = {}
        """Verdicts on the entries that this run has polled, successfully or not."""

    def waited(self) -> float:
        return self._sources.clock.monotonic() - self._started

    def why_not_asked(self) -> str:
        """Why an entry has not been polled."""
        return "interrupted before SES was asked" if stopping.is_set() else "no time was left to ask SES"

    def until_settled(self, entries: Sequence[Entry], *, also_once: Sequence[Entry]) -> None:
        """
        Poll *entries* until all are settled or failed, time is up or the run is interrupted.

        *also_once* get one poll each, in the pauses: *entries* are what the wait is for.
        """
        waiting, in_pauses, clock = list(entries), self._poll(also_once, entries), self._sources.clock
        for interval in itertools.chain(INTERVALS, itertools.repeat(INTERVALS[-1])):
            for _ in self._poll(waiting, entries):
                pass
            waiting = [entry for entry in waiting if not self._is_over(entry)]
            left = self._timeout_seconds - self.waited()
            is_last = not waiting or left <= 0
            next_poll = math.inf if is_last else clock.monotonic() + min(interval, left)
            for _ in in_pauses:
                if clock.monotonic() >= next_poll:
                    break
            if is_last or clock.wait(max(0.0, next_poll - clock.monotonic())):
                break

    def _poll(self, entries: Sequence[Entry], all_entries: Sequence[Entry]) -> Iterator[None]:
        """Poll *entries*, call by call, while there is time; show the progress of *all_entries*."""
        for region in sorted({entry.region for entry in entries}):
            here = [entry for entry in entries if entry.region == region]
            polled: set[Entry] = set()
            try:
                for answered in self._answers(region, here):
                    polled |= answered.keys()
                    self.found |= answered
                    self._say(all_entries)
                    yield
            except Stopped:
                pass  # earlier verdicts stay
            except SesRefused as refused:
                reason = "; ".join(filter(None, (refused.text, refused.hint)))  # one line of the outputs
                self.found |= {one: _not_asked(one, reason) for one in here if one not in polled}

    def _answers(self, region: str, entries: Sequence[Entry]) -> Iterator[dict[Entry, Verdict]]:
        """Verdicts, after each call."""
        # List has no DKIM status, so it shows the result for a new identity, and not for a switch.
        new = [entry for entry in entries if entry.key_set_by == CREATED]
        listed: set[Entry] = set()
        if len(new) > self._list_pages.get(region, 1) and not self._is_time_up():
            verdicts = self._list(region, new)
            listed |= verdicts.keys()
            yield verdicts
        for entry in entries:
            if self._is_time_up():
                return
            if entry not in listed:
                yield {entry: self._get(entry)}

    def _is_over(self, entry: Entry) -> bool:
        verdict = self.found.get(entry)
        return verdict is not None and is_over(verdict, self._seen.get(entry))

    def _is_time_up(self) -> bool:
        """Whether no further call may be made. Exactly at the limit the last poll still runs."""
        return 0 < self._timeout_seconds < self.waited()

    def diagnoses(self, not_verified: Sequence[Verdict]) -> dict[Entry, Verdict]:
        """Warn why each entry is not verified; without lookups once the run is interrupted."""
        after = _duration(self.waited())
        for verdict in not_verified:
            if verdict.settled:
                self._sources.progress.warn(
                    f"{verdict.entry}: {verdict.status} after {after}: {verdict.reason}"
                )
            elif stopping.is_set():
                self._sources.progress.warn(
                    f"{verdict.entry}: {verdict.status}, interrupted after {after}; "
                    "the next `pulumi up` checks again"
                )
        if stopping.is_set():
            return {}
        left_out = [verdict.entry for verdict in not_verified if verdict.entry not in self.found]
        if left_out:
            self._sources.progress.warn(
                f"{_names(left_out)}: {self.why_not_asked()} within {_duration(self._timeout_seconds)}; "
                "the next `pulumi up` goes on"
            )
        polled = [verdict for verdict in not_verified if verdict.entry in self.found and not verdict.settled]
        unread = [v.entry for v in polled if v.entry not in self._seen and v.status not in (GONE, NOT_ASKED)]
        if len(unread) <= DIAGNOSED:
            for entry in unread:
                with contextlib.suppress(Stopped, SesRefused):  # the diagnosis has what could be read
                    self._get(entry)
        until = self._sources.clock.monotonic() + DIAGNOSIS_SECONDS
        with ThreadPoolExecutor(max_workers=DIAGNOSED) as pool:
            reasons = list(pool.map(lambda verdict: self._reason(verdict, until), polled))
        for verdict, reason in zip(polled, reasons, strict=True):
            self._sources.progress.warn(f"{verdict.entry}: {verdict.status} after {after}: {reason}")
        return {v.entry: replace(v, reason=reason) for v, reason in zip(polled, reasons, strict=True)}

    def _list(self, region: str, entries: Sequence[Entry]) -> dict[Entry, Verdict]:
        """Verdicts on new identities; none on those for which there was no time."""
        missing = {entry.domain: entry for entry in entries}
        verdicts: dict[Entry, Verdict] = {}
        pages = 0
        for page in self._sources.ses(region).list_email_identities():
            pages += 1
            for listed in page:
                if entry := missing.pop(listed.name, None):
                    status = listed.verification_status
                    # The response to Create had EXTERNAL and enabled: with SUCCESS that is the guide's test.
                    verdicts[entry] = Verdict(entry=entry, status=status, verified=status == "SUCCESS")
            if not missing:
                break
            if self._is_time_up():
                return verdicts
        self._list_pages[region] = pages
        return verdicts | {one: Verdict(entry=one, status=GONE, verified=False) for one in missing.values()}

    def _get(self, entry: Entry) -> Verdict:
        seen = self._sources.ses(entry.region).get_email_identity(entry.domain)
        if seen is None:
            return Verdict(entry=entry, status=GONE, verified=False, reason="SES has no such identity")
        self._seen[entry] = seen
        if has_not_found_key(entry, seen):
            self._seen_unverified.add(entry)
        return judged(entry, seen, seen_unverified=entry in self._seen_unverified)

    def _reason(self, verdict: Verdict, until: float) -> str:
        """A diagnosis, with a DNS lookup if it is not later than *until*."""
        entry, seen = verdict.entry, self._seen.get(verdict.entry)
        found = [verdict.reason or "SES has not found the key yet"]
        if seen and seen.last_checked:
            # The response's `Date` has whole seconds, the time of the check has fractions.
            ago = max(0.0, (seen.at - seen.last_checked).total_seconds())
            checked = f"SES last checked {_duration(ago)} ago"
            found.append(f"{checked} ({seen.failure})" if seen.failure else checked)
        if seen and seen.soa_seen:
            found.append(f"at the zone of {seen.soa_seen}")
        resolver = self._sources.resolver(entry)
        public_key = records.public_key(entry.record_value)
        has_time = self._sources.clock.monotonic() <= until and not stopping.is_set()
        if resolver and public_key and has_time:
            expected = ExpectedRecord(selector=entry.selector, domain=entry.domain, public_key_der=public_key)
            found.append(diagnosis.examine(resolver, expected).text)
        if entry.key_set_by == PUT and not entry.adopted and entry.generation_before in entry.published:
            found.append(
                f"`generation: {entry.generation_before}` with `published: {list(entry.published)}` goes back"
            )
        if verdict.status == "FAILED" and seen and is_from_before_put(entry, seen):
            found.append("SES does not search for this key again: rotate to the next generation")
        elif verdict.status in ("FAILED", GONE):
            found.append("`pulumi up --refresh` sends the key to SES again")
        elif seen and of_shown(entry.selector, seen):
            found.append("`pulumi up --refresh` repairs that, or says what to do")
        else:
            found.append("the next `pulumi up` checks again")
        return "; ".join(found)

    def _say(self, entries: Sequence[Entry]) -> None:
        """Show the progress of *entries*, if it has changed."""
        limit = f"{_duration(self.waited())} of at most {_duration(self._timeout_seconds)}"
        verdicts = [self.found[entry] for entry in entries if entry in self.found]
        verified = sum(verdict.verified for verdict in verdicts)
        settled = {verdict.entry for verdict in verdicts if verdict.settled}
        open_ = [entry for entry in entries if entry not in settled]
        if len(entries) == len(verdicts) == 1:
            state, waiting = f"{entries[0]}: {self._state(verdicts[0])}", ""
        else:
            state, waiting = f"{verified} of {len(entries)} verified", f", waiting for {_names(open_)}"
        if entries and state != self._said:
            self._said = state
            usual = f"{waiting}; {USUAL}" if open_ else ""
            self._sources.progress.update(f"{state} after {limit}{usual}")

    def _state(self, verdict: Verdict) -> str:
        seen = self._seen.get(verdict.entry)
        if verdict.status == "SUCCESS" and not verdict.verified:
            return "SUCCESS, maybe of the key before,"
        return f"{verdict.status} ({seen.failure})" if seen and seen.failure else verdict.status


def _names(entries: Sequence[Entry]) -> str:
    """The first three entries, and the number of the others."""
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return ", ".join(str(entry) for entry in entries[:3]) + more


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
