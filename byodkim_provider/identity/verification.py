"""
Waits until SES has verified each identity, and says why it has not.

`verdicts` decides which call comes next, and judges the responses. Here are SES, the clock, DNS for
the diagnoses, and what people read. No Pulumi.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from byodkim_provider.aws.ses import SesIdentity, with_error
from byodkim_provider.dkim import records
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.errors import AwsRefused, ByodkimError, Stopped
from byodkim_provider.identity.judgement import of_shown
from byodkim_provider.identity.run import Services
from byodkim_provider.identity.state import GONE, PUT
from byodkim_provider.identity.verdicts import (
    NOT_ASKED,
    Entry,
    Polls,
    Query,
    Verdict,
    after_get,
    after_list,
    after_refusal,
    awaiting_dns,
    is_from_before_put,
    is_up,
    pending_lines,
    state_of,
    step,
)
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.progress import Progress, side_by_side, stopping
from byodkim_provider.quoting import first_few

OnTimeout = Literal["warn", "fail"]

USUAL: Final = "SES usually takes 20 seconds to 11 minutes, if the record is there first"
"""Time from a Create or Put to SUCCESS with the record in DNS, from reports about real SES."""

KEPT_AFTER: Final = 60
"""
Seconds until a line of progress is kept under Diagnostics; the next one after twice the time, and
so on.

Without a terminal, as in CI, Pulumi shows no other progress of a resource.
"""

DIAGNOSED: Final = 10
"""
How many identities are read for their `ErrorType` at the time limit: each costs a second of SES's
rate.
"""

DIAGNOSIS_SECONDS: Final = 60
"""
Seconds after the time limit in which DNS is still checked for the diagnoses of all pending entries.
"""


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
    seen = Polls(before={verdict.entry: verdict for verdict in before})
    states = {entry: state_of(entry, seen.before) for entry in entries}
    awaiting = [awaiting_dns(entry) for entry in entries if states[entry] == "awaiting"]
    if on_timeout == "fail" and awaiting:
        raise _not_verified(awaiting, waited_seconds=0)
    new = [entry for entry in entries if states[entry] == "new"]
    pending = [entry for entry in entries if states[entry] == "pending"]
    limit = timeout_minutes * 60
    seen, waited_seconds = _wait(new, pending, seen, services, limit)
    verdicts = {entry: seen.verdict(entry, why_not=_why_not_polled()) for entry in entries}
    polled = {*new, *pending}
    open_ = [
        verdict for entry, verdict in verdicts.items() if entry in polled and not verdict.verified
    ]
    if stopping.is_set():
        verdicts |= _interrupted(open_, new, services.run.progress(), waited_seconds)
    else:
        verdicts |= _diagnosed(open_, seen, services, waited_seconds, limit)
    ordered = [verdicts[entry] for entry in entries]
    if (
        on_timeout == "fail"
        and not all(verdict.settled for verdict in ordered)
        and not stopping.is_set()
    ):
        raise _not_verified(ordered, waited_seconds=waited_seconds)
    return ordered


def _why_not_polled() -> str:
    interrupted, no_time = (
        IdentityMessages.NOT_ASKED_INTERRUPTED,
        IdentityMessages.NOT_ASKED_NO_TIME,
    )
    return str(interrupted() if stopping.is_set() else no_time())


def _not_verified(verdicts: Iterable[Verdict], *, waited_seconds: float) -> ByodkimError:
    pending = "; ".join(pending_lines(verdicts))
    said = IdentityMessages.NOT_VERIFIED(seconds=waited_seconds, pending=pending)
    return ByodkimError(said, kind="NotVerified")


# --- the wait


def _wait(
    new: Sequence[Entry], pending: Sequence[Entry], seen: Polls, services: Services, limit: float
) -> tuple[Polls, float]:
    """
    What is seen once *new* entries are over, time is up or the run is interrupted; and after how
    long.
    """
    clock, progress = services.run.clock, services.run.progress()
    started, said, due = clock.monotonic(), "", KEPT_AFTER

    def now() -> float:
        return clock.monotonic() - started

    while (following := step(new, pending, seen, now=now(), limit=limit)) is not None:
        if not isinstance(following, Query):
            if clock.wait(following):
                break
            continue
        try:
            seen = _answered(following, seen, services, now, limit)
        except Stopped:
            break  # earlier verdicts stay
        except AwsRefused as refused:
            reason = "; ".join(
                filter(None, (refused.text, refused.hint))
            )  # one line of the outputs
            seen = after_refusal(seen, following, reason, at=now())
            continue
        after = f"{_duration(now())} of at most {_duration(limit)}"
        state, waiting = _so_far(new, seen)
        line = f"{state} after {after}{waiting}"
        if new and state != said:
            said = state
            progress.update(line)
        if waiting and now() >= due:
            due *= 2
            progress.info(line)
    return seen, now()


def _answered(
    call: Query, seen: Polls, services: Services, now: Callable[[], float], limit: float
) -> Polls:
    """
    Make a call; returns what is seen then. A List ends once it has shown all entries, or time is
    up.
    """
    ses = services.ses(call.region)
    if call.action == "GetEmailIdentity":
        (entry,) = call.entries
        return after_get(seen, call, ses.get_email_identity(entry.domain), at=now())
    statuses: dict[str, str] = {}
    pages, domains = 0, {entry.domain for entry in call.entries}
    is_complete = True
    for page in ses.list_email_identities():
        pages += 1
        statuses |= {one.name: one.verification_status for one in page if one.name in domains}
        if len(statuses) == len(domains) or is_up(now(), limit):
            is_complete = False
            break
    return after_list(seen, call, statuses, pages=pages, is_complete=is_complete, at=now())


def _so_far(new: Sequence[Entry], seen: Polls) -> tuple[str, str]:
    """How far the *new* entries are, and what is waited for; "" for nothing."""
    verdicts = [seen.polls[entry].verdict for entry in new if entry in seen.polls]
    settled = {verdict.entry for verdict in verdicts if verdict.settled}
    open_ = [entry for entry in new if entry not in settled]
    if len(new) == len(verdicts) == 1:
        state, names = f"{new[0]}: {_state(verdicts[0], seen.polls[new[0]].identity)}", ""
    else:
        verified = sum(verdict.verified for verdict in verdicts)
        state, names = f"{verified} of {len(new)} verified", f", waiting for {first_few(open_)}"
    return state, f"{names}; {USUAL}" if open_ else ""


def _state(verdict: Verdict, identity: SesIdentity | None) -> str:
    if verdict.status == "SUCCESS" and not verdict.verified:
        return "SUCCESS, maybe of the key before,"
    return with_error(verdict.status, identity.failure if identity else "")


# --- why an entry is not verified


def _interrupted(
    open_: Sequence[Verdict], new: Sequence[Entry], progress: Progress, seconds: float
) -> dict[Entry, Verdict]:
    """
    Say what is not verified, without further calls. New entries get the whole wait in the next run.
    """
    after = _duration(seconds)
    for verdict in open_:
        if verdict.settled:
            progress.warn(_pending(verdict, after))
        else:
            fields = {"entry": verdict.entry, "status": verdict.status, "after": after}
            progress.warn(IdentityMessages.PENDING_INTERRUPTED(**fields))
    return {v.entry: replace(v, waited=False) for v in open_ if v.entry in {*new} and not v.settled}


def _pending(verdict: Verdict, after: str) -> Message:
    fields = {"entry": verdict.entry, "status": verdict.status, "reason": verdict.reason}
    return IdentityMessages.PENDING(after=after, **fields)


def _diagnosed(
    open_: Sequence[Verdict], seen: Polls, services: Services, seconds: float, limit: float
) -> dict[Entry, Verdict]:
    """
    Say why each entry is not verified, after a DNS lookup and perhaps a read; the verdicts with
    that.
    """
    after, warn = _duration(seconds), services.run.progress().warn
    if left_out := [verdict.entry for verdict in open_ if verdict.entry not in seen.polls]:
        entries, why = first_few(left_out), _why_not_polled()
        warn(IdentityMessages.NOT_POLLED(entries=entries, why=why, limit=_duration(limit)))
    polled = [verdict for verdict in open_ if verdict.entry in seen.polls]
    pending = [verdict for verdict in polled if not verdict.settled]
    identities = _identities(pending, seen, services)
    in_dns = _lookups([verdict.entry for verdict in pending], services)
    found = {}
    for verdict in pending:
        entry = verdict.entry
        reason = _reason(verdict, identities.get(entry), in_dns.get(entry, ""))
        found[entry] = replace(verdict, reason=reason)
    for verdict in [found.get(verdict.entry, verdict) for verdict in polled]:
        warn(_pending(verdict, after))
    return found


def _identities(
    pending: Sequence[Verdict], seen: Polls, services: Services
) -> Mapping[Entry, SesIdentity]:
    """
    What SES shows of each entry; those that were only listed are read, unless these are too many.
    """
    known = {entry: poll.identity for entry, poll in seen.polls.items() if poll.identity}
    unread = [
        v.entry for v in pending if v.entry not in known and v.status not in (GONE, NOT_ASKED)
    ]
    if len(unread) <= DIAGNOSED:
        for entry in unread:
            with contextlib.suppress(Stopped, AwsRefused):  # the diagnosis has what could be read
                if identity := services.ses(entry.region).get_email_identity(entry.domain):
                    known[entry] = identity
    return known


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
        return diagnosis.examine(resolver, expected).said

    found = side_by_side(look_up, entries, at_once=DIAGNOSED)
    return {} if found is None else dict(zip(entries, found, strict=True))


def _reason(verdict: Verdict, seen: SesIdentity | None, in_dns: str) -> str:
    """Why an entry is pending, and what to do."""
    entry = verdict.entry
    found = [verdict.reason or "SES has not found the key yet"]
    if seen and seen.last_checked:
        # The response's `Date` has whole seconds, the time of the check has fractions.
        ago = max(0.0, (seen.at - seen.last_checked).total_seconds())
        found.append(with_error(f"SES last checked {_duration(ago)} ago", seen.failure))
    if seen and seen.soa_seen:
        found.append(f"at the zone of {seen.soa_seen}")
    if in_dns:
        found.append(in_dns)
    if entry.key_set_by == PUT and not entry.adopted and entry.generation_before in entry.published:
        found.append(
            f"`generation: {entry.generation_before}` with `published: "
            f"{list(entry.published)}` goes back"
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


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
