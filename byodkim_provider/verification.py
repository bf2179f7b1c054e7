"""
Has SES verified each identity, how long to wait for it, and why it has not.

SES is asked as seldom as the question allows: one List for all new identities, a Get for
each switch, nothing for what is verified already. No Pulumi here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from byodkim_provider import diagnosis, records
from byodkim_provider.diagnosis import Wanted
from byodkim_provider.errors import InvalidSettings, NotVerified, SesRefused, Stopped
from byodkim_provider.identity_outside import Ses
from byodkim_provider.identity_state import (
    AWAITING_DNS,
    CREATED,
    GONE,
    PUT,
    TAKEN_OVER,
    DnsCheck,
    moment,
    timestamp,
)
from byodkim_provider.progress import Clock, Progress, stopping
from byodkim_provider.propagation import Resolver
from byodkim_provider.ses import Identity

__all__ = ["Entry", "Outside", "Verdict", "refuse_exchange", "to_look_at", "verify"]

OnTimeout = Literal["warn", "fail"]

INTERVALS: Final = (2, 3, 5, 8, 12, 20)
"""
Seconds between looks, the last one for ever.

SES needs "minutes" where the record is there first; a look every 20 s keeps a wait of ten
minutes at 35 calls, well under one a second.
"""

DIAGNOSED: Final = 10
"""How many identities are read for their `ErrorType` at the time limit: each costs a second of SES's rate."""

UNCONFIRMED: Final = "SES says SUCCESS, but not when it looked"

NOT_ASKED: Final = "NOT_ASKED"
"""Status of an identity that SES was not asked about, or gave no answer to."""

_TELLS_NOTHING: Final = ("SUCCESS", GONE, AWAITING_DNS, NOT_ASKED)
"""Statuses after which a SUCCESS may still be the one of the key before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One identity to verify. Two entries are equal if SES was told the same, at the same time."""

    domain: str
    region: str
    selector: str
    put_at: datetime | None
    """When SES was last told a key, by its own clock; None while its record is not in DNS."""
    told_by: str = field(default="", compare=False)
    published: tuple[int, ...] = field(default=(), compare=False)
    generation_before: int | None = field(default=None, compare=False)
    """The one that signed last before this; None if none did."""
    record_value: str = field(default="", compare=False)
    dns_check: DnsCheck = field(default="authoritative", compare=False)
    dns_resolvers: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.domain} {self.region}"

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Entry:
        """The value of one element of the resource's `identities`."""
        return cls(
            domain=properties["domain"],
            region=properties["region"],
            selector=properties["selector"],
            put_at=moment(properties["put_at"]) if properties.get("put_at") else None,
            told_by=properties.get("told_by", ""),
            published=tuple(int(one) for one in properties.get("published") or ()),
            generation_before=_last(properties.get("signed_until") or {}),
            record_value=properties.get("record_value", ""),
            dns_check=properties.get("dns_check", "authoritative"),
            dns_resolvers=tuple(properties.get("dns_resolvers", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one entry."""

    entry: Entry
    status: str
    verified: bool
    reason: str = ""
    """Why it is not verified, or what the verdict rests on if that is not SES's own word."""
    waited: bool = True
    """Whether it had its wait; one that was interrupted, or not asked, gets another."""

    def to_properties(self) -> dict[str, Any]:
        """Plain values, as Pulumi stores them; absent for None."""
        put_at = {"put_at": timestamp(self.entry.put_at)} if self.entry.put_at else {}
        return put_at | {
            "domain": self.entry.domain,
            "region": self.entry.region,
            "selector": self.entry.selector,
            "status": self.status,
            "verified": self.verified,
            "reason": self.reason,
            "waited": self.waited,
        }

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Verdict:
        """The value that `to_properties` wrote, in this version or an older one."""
        return cls(
            entry=Entry.from_properties(properties),
            status=properties["status"],
            verified=properties["verified"],
            reason=properties.get("reason", ""),
            waited=properties.get("waited", True),
        )


@dataclass(frozen=True)
class Outside:
    """Everything one call may touch."""

    ses: Callable[[str], Ses]
    """SES in a Region."""
    resolver: Callable[[Entry], Resolver | None]
    clock: Clock
    progress: Progress


def to_look_at(entries: Iterable[Entry], before: Iterable[Verdict]) -> bool:
    """Whether anything is not verified yet, or is not what was verified."""
    verdicts = {verdict.entry: verdict for verdict in before}
    entries = set(entries)
    return entries != set(verdicts) or not all(verdict.verified for verdict in verdicts.values())


def refuse_exchange(entries: Collection[Entry], before: Collection[Verdict]) -> None:
    """
    Raise `InvalidSettings` if all Regions of a domain go in the edit that brings in others.

    With the last of their identities goes what only they know: which keys signed until when. A
    domain may go as a whole: that is what `destroy` does.
    """
    problems = []
    for domain in sorted({entry.domain for entry in entries}):
        here = sorted(entry.region for entry in entries if entry.domain == domain)
        were = sorted(one.entry.region for one in before if one.entry.domain == domain)
        told = any(one.entry.put_at for one in before if one.entry.domain == domain)
        if told and not set(here) & set(were):
            problems.append(f"{domain}: {', '.join(here)} can't take the place of {', '.join(were)} at once")
    if problems:
        raise InvalidSettings(
            problems,
            hint="list all of them in one `pulumi up`, and drop the old ones in another",
        )


def verify(
    entries: Sequence[Entry],
    before: Iterable[Verdict],
    outside: Outside,
    *,
    timeout_minutes: float,
    on_timeout: OnTimeout,
) -> list[Verdict]:
    """
    A verdict for each entry, in order.

    New and changed entries get *timeout_minutes*, all together; those that were pending
    *before* get one look, and those that were verified none. Raises `NotVerified` if
    *on_timeout* is `fail` and one is not verified then.
    """
    known = {verdict.entry: verdict for verdict in before}
    verdicts = {entry: known[entry] for entry in entries if entry in known and known[entry].verified}
    for entry in entries:
        if entry.put_at is None:
            verdicts[entry] = Verdict(
                entry=entry, status=AWAITING_DNS, verified=False, reason="its record is not in DNS yet"
            )
    told = [entry for entry in entries if entry not in verdicts]
    if on_timeout == "fail" and not all(verdict.verified for verdict in verdicts.values()):
        raise _not_verified(list(verdicts.values()), waited_seconds=0)
    looks = _Looks(
        outside,
        timeout_seconds=timeout_minutes * 60,
        seen_otherwise={v.entry for v in known.values() if v.status not in _TELLS_NOTHING},
    )
    waited = {entry for entry in told if entry in known and known[entry].waited}
    verdicts |= looks.once([entry for entry in told if entry in waited])
    verdicts |= looks.until_verified([entry for entry in told if entry not in waited])
    verdicts |= looks.diagnoses([verdicts[entry] for entry in told if not verdicts[entry].verified])
    # Who was not asked, or not to the end, gets the whole wait next time.
    cut_short = [
        entry
        for entry in told
        if verdicts[entry].status == NOT_ASKED or (stopping.is_set() and entry not in waited)
    ]
    verdicts |= {entry: replace(verdicts[entry], waited=False) for entry in cut_short}
    ordered = [verdicts[entry] for entry in entries]
    if on_timeout == "fail" and not all(verdict.verified for verdict in ordered) and not stopping.is_set():
        raise _not_verified(ordered, waited_seconds=looks.waited())
    return ordered


def _not_verified(verdicts: Sequence[Verdict], *, waited_seconds: float) -> NotVerified:
    return NotVerified(
        pending=[f"{v.entry}: {v.status}, {v.reason}" for v in verdicts if not v.verified],
        waited_seconds=waited_seconds,
        hint="the identities and records are made; correct what is named and run `pulumi up` again",
    )


class _Looks:
    """The looks of one run. A class for what they share: the start of the wait, what was seen before."""

    def __init__(self, outside: Outside, *, timeout_seconds: float, seen_otherwise: set[Entry]) -> None:
        self._outside = outside
        self._timeout_seconds = timeout_seconds
        self._started = outside.clock.monotonic()
        self._list_pages: dict[str, int] = {}
        self._seen: dict[Entry, Identity] = {}
        self._seen_otherwise = seen_otherwise

    def waited(self) -> float:
        return self._outside.clock.monotonic() - self._started

    def once(self, entries: Sequence[Entry]) -> dict[Entry, Verdict]:
        """One look at each; interrupted, at those that there was time for."""
        verdicts: dict[Entry, Verdict] = {}
        for region in sorted({entry.region for entry in entries}):
            here = [entry for entry in entries if entry.region == region]
            try:
                self._look(region, here, verdicts)
            except Stopped:
                reason = "interrupted before SES was asked"
            except SesRefused as refused:
                reason = str(refused)
            for entry in here:
                if entry not in verdicts:
                    verdicts[entry] = Verdict(entry=entry, status=NOT_ASKED, verified=False, reason=reason)
        return verdicts

    def _look(self, region: str, entries: Sequence[Entry], verdicts: dict[Entry, Verdict]) -> None:
        """Fill in *verdicts*, as far as SES answers."""
        # List has no DKIM status, so it can't tell how a switch went; a new identity it can.
        new = [entry for entry in entries if entry.told_by == CREATED]
        if len(new) > self._list_pages.get(region, 1):
            verdicts |= self._list(region, new)
        for entry in entries:
            if entry not in verdicts:
                verdicts[entry] = self._get(entry)

    def until_verified(self, entries: Sequence[Entry]) -> dict[Entry, Verdict]:
        """Look again and again, until all are verified or failed, time is up or the run is interrupted."""
        verdicts: dict[Entry, Verdict] = {}
        waiting, said, looks = list(entries), "", 0
        while waiting:
            verdicts |= self.once(waiting)
            waiting = [
                entry
                for entry in waiting
                if not verdicts[entry].verified and not self._is_over(verdicts[entry])
            ]
            said = self._say(entries, verdicts, said)
            interval = INTERVALS[min(looks, len(INTERVALS) - 1)]
            left = self._timeout_seconds - self.waited()
            if not waiting or left <= 0 or self._outside.clock.wait(min(interval, left)):
                break
            looks += 1
        if stopping.is_set():
            return verdicts
        return verdicts | {entry: self._benefit_of_doubt(verdicts[entry]) for entry in waiting}

    def diagnoses(self, pending: Sequence[Verdict]) -> dict[Entry, Verdict]:
        """Why each is not verified, said as a warning; no look-up once the run is interrupted."""
        if stopping.is_set():
            for verdict in pending:
                self._outside.progress.warn(
                    f"{verdict.entry}: {verdict.status}, interrupted after {_duration(self.waited())}; "
                    "the next `pulumi up` looks again"
                )
            return {}
        unread = [v.entry for v in pending if v.entry not in self._seen and v.status != GONE]
        if len(unread) <= DIAGNOSED:
            for entry in unread:
                with contextlib.suppress(Stopped, SesRefused):  # a diagnosis says what could be found out
                    self._get(entry)
        with ThreadPoolExecutor(max_workers=DIAGNOSED) as pool:
            reasons = list(pool.map(self._reason, pending))
        for verdict, reason in zip(pending, reasons, strict=True):
            self._outside.progress.warn(
                f"{verdict.entry}: {verdict.status} after {_duration(self.waited())}: {reason}"
            )
        return {v.entry: replace(v, reason=reason) for v, reason in zip(pending, reasons, strict=True)}

    def _list(self, region: str, entries: Sequence[Entry]) -> dict[Entry, Verdict]:
        wanted = {entry.domain: entry for entry in entries}
        verdicts = {entry: Verdict(entry=entry, status=GONE, verified=False) for entry in entries}
        pages = 0
        missing = set(wanted)
        for page in self._outside.ses(region).list_email_identities():
            pages += 1
            for listed in page:
                if listed.name in missing:
                    missing.remove(listed.name)
                    entry, status = wanted[listed.name], listed.verification_status
                    # Its Create answered EXTERNAL and enabled: with SUCCESS that is the guide's test.
                    verdicts[entry] = Verdict(entry=entry, status=status, verified=status == "SUCCESS")
            if not missing:
                break
        self._list_pages[region] = pages
        return verdicts

    def _get(self, entry: Entry) -> Verdict:
        seen = self._outside.ses(entry.region).get_email_identity(entry.domain)
        if seen is None:
            return Verdict(entry=entry, status=GONE, verified=False, reason="SES has no such identity")
        self._seen[entry] = seen
        if seen.dkim_status != "SUCCESS":
            self._seen_otherwise.add(entry)
        reason = self._doubt(entry, seen)
        return Verdict(entry=entry, status=seen.dkim_status, verified=not reason, reason=reason)

    def _doubt(self, entry: Entry, seen: Identity) -> str:
        """Why what SES says is not the verification of this key; empty if it is."""
        if seen.origin != "EXTERNAL":
            return f"SES signs with its own key ({seen.origin}), not with this one"
        if seen.selector not in (None, entry.selector):
            return f"SES signs with selector {seen.selector!r}"
        if not seen.signing_enabled:
            return "DKIM signatures are disabled for this identity in SES"
        if seen.dkim_status != "SUCCESS":
            return "SES has not found the key yet"
        if entry.told_by in (CREATED, TAKEN_OVER):
            return ""
        if seen.last_checked is None:
            return "" if entry in self._seen_otherwise else UNCONFIRMED
        # `put_at` is cut to the second. A look in that very second counts: SES may not look again for hours.
        if entry.put_at and seen.last_checked > entry.put_at:
            return ""
        return "SES has not looked since it was told the key, SUCCESS is about the one before"

    def _is_over(self, verdict: Verdict) -> bool:
        """Whether SES has given up; FAILED may still be the verdict from before it was told again."""
        if verdict.status == NOT_ASKED:
            return True
        seen = self._seen.get(verdict.entry)
        if verdict.status != "FAILED" or seen is None or seen.last_checked is None:
            return verdict.status == "FAILED"
        return verdict.entry.told_by == CREATED or seen.last_checked > (verdict.entry.put_at or seen.at)

    def _benefit_of_doubt(self, verdict: Verdict) -> Verdict:
        """SUCCESS all through the wait, and SES never says when it looked: no later look will tell more."""
        return replace(verdict, verified=True) if verdict.reason == UNCONFIRMED else verdict

    def _reason(self, verdict: Verdict) -> str:
        entry, seen = verdict.entry, self._seen.get(verdict.entry)
        found = [verdict.reason or "SES has not found the key yet"]
        if seen and seen.last_checked:
            # The answer's `Date` has whole seconds, the time of the look has fractions.
            ago = max(0.0, (seen.at - seen.last_checked).total_seconds())
            looked = f"SES last looked {_duration(ago)} ago"
            found.append(f"{looked} ({seen.error_type})" if seen.error_type else looked)
        if seen and seen.soa_seen:
            found.append(f"at the zone of {seen.soa_seen}")
        resolver = self._outside.resolver(entry)
        public_key = records.public_key(entry.record_value)
        if resolver and public_key:
            wanted = Wanted(selector=entry.selector, domain=entry.domain, public_key_der=public_key)
            found.append(diagnosis.examine(resolver, wanted).text)
        told_in_vain = seen and seen.last_checked and entry.put_at and seen.last_checked <= entry.put_at
        if entry.told_by == PUT and entry.generation_before in entry.published:
            found.append(
                f"`generation: {entry.generation_before}` with `published: {list(entry.published)}` goes back"
            )
        if verdict.status == "FAILED" and told_in_vain:
            found.append("SES does not look again for this key: rotate to the next generation")
        elif verdict.status in ("FAILED", GONE):
            found.append("`pulumi up --refresh` tells SES again")
        else:
            found.append("the next `pulumi up` looks again")
        return "; ".join(found)

    def _say(self, entries: Sequence[Entry], verdicts: Mapping[Entry, Verdict], said: str) -> str:
        """Show how far it is, if that has changed; returns what was said, without the time."""
        open_ = [entry for entry in entries if not verdicts[entry].verified]
        limit = f"{_duration(self.waited())} of at most {_duration(self._timeout_seconds)}"
        if len(entries) == 1:
            entry = entries[0]
            state = verdicts[entry].status
            seen = self._seen.get(entry)
            if open_ and seen and seen.error_type:
                state += f" ({seen.error_type})"
            text = f"{entry}: {state} after {limit}"
        else:
            state = f"{len(entries) - len(open_)} of {len(entries)} verified"
            names = ", ".join(str(entry) for entry in open_[:3])
            more = f" and {len(open_) - 3} more" if len(open_) > 3 else ""
            text = f"{state} after {limit}" + (f", waiting for {names}{more}" if open_ else "")
        if state != said:
            self._outside.progress.update(text)
        return state


def _last(signed_until: Mapping[str, str]) -> int | None:
    """The generation with the latest time."""
    return int(max(signed_until, key=lambda generation: signed_until[generation])) if signed_until else None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
