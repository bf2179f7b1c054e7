"""
Waits until SES has verified each identity, and says why it has not.

`verdicts` judges the responses. Here are SES, the clock, DNS for the diagnoses, and what people
read. No Pulumi.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Final, Literal

from byodkim_provider.aws.ses import SesClient, with_error
from byodkim_provider.dkim import records
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.errors import AwsRefused, ByodkimError, Stopped
from byodkim_provider.identity.judgement import of_shown
from byodkim_provider.identity.run import Services
from byodkim_provider.identity.state import CREATED, GONE, PUT
from byodkim_provider.identity.verdicts import (
    Entry,
    Verdict,
    awaiting_dns,
    is_from_before_put,
    is_over,
    judged,
    not_asked,
    pending_lines,
)
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.progress import side_by_side, stopping
from byodkim_provider.quoting import first_few

OnTimeout = Literal["warn", "fail"]

USUAL: Final = "SES usually takes 20 seconds to 11 minutes, if the record is there first"
"""Time from a Create or Put to SUCCESS with the record in DNS, from reports about real SES."""

INTERVALS: Final = (2, 3, 5, 8, 12, 20)
"""
Seconds between polls; the last value repeats.

A poll every 20 s keeps a wait of thirty minutes at 95 calls, well under one a second.
"""

MOMENT: Final = 0.001
"""Seconds by which a pause may end late: sums of seconds are not exact."""

KEPT_AFTER: Final = 60
"""
Seconds until a line of progress is kept under Diagnostics; the next one after twice the time, and
so on.

Without a terminal, as in CI, Pulumi shows no other progress of a resource.
"""

LOOKUPS_AT_ONCE: Final = 10
"""Of the diagnoses."""

DIAGNOSIS_SECONDS: Final = 60
"""
Seconds after the time limit in which DNS is still checked for the diagnoses of all pending entries.
"""


@dataclass
class Polls:
    """What earlier runs and this one have seen of the entries."""

    before: Mapping[Entry, Verdict]
    """The verdicts of earlier runs."""
    polled: dict[Entry, Verdict] = field(default_factory=dict)
    """Of the entries that this run has polled, successfully or not."""

    def verdict(self, entry: Entry) -> Verdict:
        """The last verdict on an entry."""
        if entry.key_set_at is None:
            return awaiting_dns(entry)
        last = self.polled.get(entry) or self.before.get(entry)
        return last or not_asked(entry, str(IdentityMessages.NOT_ASKED()))

    def refused(self, entry: Entry, reason: str) -> None:
        """Keep that SES has refused to show an entry."""
        known = self.before.get(entry)
        self.polled[entry] = replace(
            not_asked(entry, reason),
            waited=known is not None and known.waited,
            seen_unverified=self.verdict(entry).seen_unverified,
        )


def verify(
    entries: Sequence[Entry],
    before: Iterable[Verdict],
    services: Services,
    *,
    timeout_minutes: float,
    on_timeout: OnTimeout,
) -> list[Verdict]:
    """
    A verdict for each entry, in order.

    New and changed entries get *timeout_minutes*, all together. Entries that were pending *before*
    get one poll within that time, settled entries none. With 0 every entry gets one poll, however
    long that takes. Raises "NotVerified" if *on_timeout* is `fail` and an entry is not settled.
    """
    seen = Polls({verdict.entry: verdict for verdict in before})
    polled = [entry for entry in entries if entry.key_set_at and not seen.verdict(entry).settled]
    new = [entry for entry in polled if not seen.verdict(entry).waited]
    limit = timeout_minutes * 60
    seconds = _wait(new, polled, seen, services, limit)
    unverified = [seen.verdict(entry) for entry in polled if not seen.verdict(entry).verified]
    _diagnose(unverified, new, seen, services, seconds)
    verdicts = [seen.verdict(entry) for entry in entries]
    is_settled = all(verdict.settled for verdict in verdicts)
    if on_timeout == "fail" and not is_settled and not stopping.is_set():
        pending = "; ".join(pending_lines(verdicts))
        raise ByodkimError(IdentityMessages.NOT_VERIFIED(pending=pending), kind="NotVerified")
    return verdicts


# --- the wait


def _wait(
    new: Sequence[Entry], entries: Sequence[Entry], seen: Polls, services: Services, limit: float
) -> float:
    """
    Poll the *entries*, and the *new* ones of them in rounds, until all are over, time is up or the
    run is interrupted; returns how many seconds that took.

    Pending entries are in the first round only: somebody who never adds a record costs each run
    one call. After the limit no call is made; at the limit itself the last round still begins.
    """
    clock, progress = services.run.clock, services.run.progress()
    started, said, kept_at = clock.monotonic(), "", KEPT_AFTER

    def now() -> float:
        return clock.monotonic() - started

    def is_up() -> bool:
        return 0 < limit < now() - MOMENT

    def show() -> None:
        nonlocal said, kept_at
        after = f"{_duration(now())} of at most {_duration(limit)}"
        state, waiting = _so_far(new, seen)
        line = f"{state} after {after}{waiting}"
        if new and state != said:
            said = state
            progress.update(line)
        if waiting and now() >= kept_at:
            kept_at *= 2
            progress.info(line)

    due = [*new, *(entry for entry in entries if entry not in {*new})]
    for pause in chain(INTERVALS, repeat(INTERVALS[-1])):
        try:
            _poll(due, seen, services, is_up, show)
        except Stopped:
            break  # earlier verdicts stay
        over = {entry for entry, verdict in seen.polled.items() if is_over(verdict)}
        due = [entry for entry in new if entry not in over]
        left = limit - now()
        if not due or left <= 0 or clock.wait(min(pause, left)):
            break
    return now()


def _poll(
    entries: Sequence[Entry],
    seen: Polls,
    services: Services,
    is_up: Callable[[], bool],
    show: Callable[[], None],
) -> None:
    """
    Poll each of *entries* once, Region by Region, until time is up.

    A refused call concerns all entries of its Region that have not had their turn. Where Create has
    made several, one List shows them all; it has no DKIM status, so it tells nothing of a switch.
    """
    for region in sorted({entry.region for entry in entries}):
        due = [entry for entry in entries if entry.region == region]
        created = [entry for entry in due if entry.key_set_by == CREATED]
        ses = services.ses(region)
        try:
            if len(created) > 1 and not is_up():
                statuses = _statuses(ses, {entry.domain for entry in created})
                for entry in created:
                    # The response to Create had EXTERNAL and enabled: with SUCCESS that is the
                    # guide's test.
                    status = statuses.get(entry.domain, GONE)
                    verdict = Verdict(entry=entry, status=status, verified=status == "SUCCESS")
                    seen.polled[entry] = verdict
                due = [entry for entry in due if entry.key_set_by != CREATED]
                show()
            while due and not is_up():
                entry = due[0]
                identity = ses.get_email_identity(entry.domain)
                unverified = seen.verdict(entry).seen_unverified
                seen.polled[entry] = judged(entry, identity, seen_unverified=unverified)
                del due[0]
                show()
        except AwsRefused as refused:
            # One line of the outputs.
            reason = "; ".join(filter(None, (refused.text, refused.hint)))
            for entry in due:
                seen.refused(entry, reason)


def _statuses(ses: SesClient, domains: Collection[str]) -> dict[str, str]:
    """SES's verification status of those of *domains* that it has, by List."""
    statuses: dict[str, str] = {}
    for listed in ses.list_email_identities():
        if listed.name in domains:
            statuses[listed.name] = listed.verification_status
        if len(statuses) == len(domains):
            break
    return statuses


def _so_far(new: Sequence[Entry], seen: Polls) -> tuple[str, str]:
    """How far the *new* entries are, and what is waited for; "" for nothing."""
    verdicts = [seen.verdict(entry) for entry in new]
    open_ = [verdict.entry for verdict in verdicts if not verdict.settled]
    verified = sum(verdict.verified for verdict in verdicts)
    state = f"{verified} of {len(new)} verified"
    return state, f", waiting for {first_few(open_)}; {USUAL}" if open_ else ""


# --- why an entry is not verified


def _diagnose(
    pending: Sequence[Verdict],
    new: Sequence[Entry],
    seen: Polls,
    services: Services,
    seconds: float,
) -> None:
    """
    Say why each entry is not verified, after a DNS lookup; its verdict gets that reason.

    After an interruption nothing is looked up, and *new* entries get the whole wait in the next
    run.
    """
    warn = services.run.progress().warn
    left_out = [verdict.entry for verdict in pending if verdict.entry not in seen.polled]
    if left_out:
        warn(IdentityMessages.NOT_POLLED(entries=first_few(left_out)))
    polled = [verdict for verdict in pending if verdict.entry in seen.polled]
    unsettled = [verdict for verdict in polled if not verdict.settled]
    is_cut = stopping.is_set()
    in_dns = {} if is_cut else _lookups([verdict.entry for verdict in unsettled], services)
    for verdict in polled:
        entry, reason = verdict.entry, verdict.reason
        if not verdict.settled:
            reason = _reason(verdict, in_dns.get(entry, ""))
            waited = verdict.waited and not (is_cut and entry in new)
            seen.polled[entry] = replace(verdict, reason=reason, waited=waited)
        fields = {"entry": entry, "status": verdict.status, "reason": reason}
        warn(IdentityMessages.PENDING(after=_duration(seconds), **fields))


def _lookups(entries: Sequence[Entry], services: Services) -> Mapping[Entry, str]:
    """What DNS shows of each entry's record, as long as there is time for lookups."""
    until = services.run.clock.monotonic() + DIAGNOSIS_SECONDS

    def look_up(entry: Entry) -> str:
        resolver = services.run.resolver(entry.dns_check, entry.dns_resolvers)
        public_key = records.public_key(entry.record_value)
        if not resolver or not public_key or services.run.clock.monotonic() > until:
            return ""
        expected = ExpectedRecord(
            selector=entry.selector,
            domain=entry.domain,
            public_key_der=public_key,
            target=entry.target,
        )
        seen = diagnosis.examine(resolver, expected)
        return seen.text or seen.summary()

    found = side_by_side(look_up, entries, at_once=LOOKUPS_AT_ONCE)
    return {} if found is None else dict(zip(entries, found, strict=True))


def _reason(verdict: Verdict, in_dns: str) -> str:
    """Why an entry is pending, and what to do."""
    entry, seen = verdict.entry, verdict.seen
    found = [verdict.reason or "SES has not found the key yet"]
    if seen and seen.last_checked:
        # The response's `Date` has whole seconds, the time of the check has fractions.
        ago = max(0.0, (seen.at - seen.last_checked).total_seconds())
        found.append(with_error(f"SES last checked {_duration(ago)} ago", seen.failure))
    if seen and seen.soa_seen:
        found.append(f"at the zone of {seen.soa_seen}")
    if in_dns:
        found.append(in_dns)
    if entry.key_set_by == PUT and not entry.adopted:
        found.append(f"after a rotation, `byodkim rotate {entry.domain} --back` goes back")
    if verdict.status == "FAILED" and seen and is_from_before_put(entry, seen):
        found.append("SES does not search for this key again: rotate to the next generation")
    elif verdict.status in ("FAILED", GONE):
        found.append("`pulumi up --refresh` sends the key to SES again")
    elif seen and of_shown(entry.selector, seen):
        found.append("`pulumi up --refresh` repairs that, or says what to do")
    else:
        found.append("the next `pulumi up` checks again")
    return "; ".join(found)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
