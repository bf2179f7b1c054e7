"""
One question about SES a function: what is done to an identity of its own, and what the answer means.

A probe is a generator that yields for how many seconds it has nothing to do; the `prober` works on all of
them at once. Settings are those of the emulator (`sandbox.ses.switches`); `UNKNOWN` means that this SES
shows no difference, or that it was not observed when it would have shown one. When "not yet" is "no" is
decided in `observing`.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any, Final

from tests.acceptance.errors import Unanswered
from tests.acceptance.lab import Lab
from tests.acceptance.observing import (
    DAY,
    HOUR,
    SETTLE_SECONDS,
    UNKNOWN,
    Probe,
    Seen,
    Turn,
    before_first_check,
    checked,
    control_verified,
    created_with_control,
    found_beside,
    has_found,
    hours,
    info,
    nearest,
    samples,
    status,
    status_becomes,
    verified,
)
from tests.acceptance.probes_mail import mail_while_pending

LAGS: Final = (0, 5, 10, 30, 60)
CHECKS: Final = (1, 60, 300, 660, 1800, 3600)
"""Seconds that are told apart. What lies between is given as the next step."""

LAG_MOMENTS: Final = [1.2 + 2.5 * number for number in range(49)]
"""No step of `LAGS` is near to one, so that a read that comes late is not given as another step."""

CHECK_MOMENTS: Final = sorted([*samples(CHECKS), *(0.9 * step for step in CHECKS)])
"""The later ones show for how long a read comes before the first check for sure."""

NEGATIVE_SECONDS: Final = 900.0
"""How long a resolver may have "no such name" of a zone in Route 53: the TTL of its SOA record."""

STARTED: Final = ("PENDING", "NOT_STARTED")
"""Statuses of an identity whose search for the key has begun again."""

Puts = list[tuple[str, str, str]]
"""Of each Put: the status before, its answer, and the status after it, before SES's next check."""


# First, alone: how SES reads and when it checks


def first_key(lab: Lab) -> Probe:
    """Tokens; how long reads lag; when SES first checks DNS."""
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    yield SETTLE_SECONDS
    sent = lab.now()
    created = lab.create(domain, key)
    at = lab.now()
    lag, at_least = yield from _read_lag(lab, domain, sent, at)
    found, seen = yield from _first_check(lab, domain, sent + at_least, at)
    lab.delete(domain)
    lab.remove(domain, key)
    told = next((one["DkimAttributes"] for one in (created, seen) if "DkimAttributes" in one), {})
    tokens = tuple(told.get("Tokens") or ()) if told else UNKNOWN
    return {
        "tokens": {(key.selector,): "selector", (): "empty"}.get(tokens, UNKNOWN),
        "read_lag_seconds": lag,
        "first_check_seconds": found,
        "response to a Create": sorted(set(created) - {"At", "Tries"}),
        "verification info of a new identity": sorted(info(seen)),
    }


def _read_lag(lab: Lab, domain: str, sent: float, at: float) -> Generator[float, None, tuple[Any, float]]:
    """The step, and how long it is at least. The Create was sent and answered at *sent* and *at*."""
    earlier = -1.0
    for moment in LAG_MOMENTS:
        yield max(at + moment - lab.now(), 0)
        asked = lab.now()
        if lab.get(domain):
            break
        earlier = asked - at
    else:
        raise Unanswered("reads lag by more than two minutes")
    later = lab.now() - sent
    lag = nearest(LAGS, earlier, later)
    if lag == UNKNOWN:
        raise Unanswered(f"reads lag by {earlier:.0f} to {later:.0f} s: this was not observed all the time")
    lab.lag = later
    return lag, max(earlier, 0)


def _first_check(lab: Lab, domain: str, sent: float, at: float) -> Generator[float, None, tuple[Any, Seen]]:
    """The step, and the read that showed it."""
    earlier = -1.0
    for moment in CHECK_MOMENTS:
        yield max(at + moment + lab.lag - lab.now(), 0)
        asked = lab.now()
        seen = lab.get(domain)
        if seen and status(seen) == "SUCCESS":
            break
        earlier = asked - lab.lag - at
    else:
        raise Unanswered(f"SES did not verify {domain} in two hours")
    later = lab.now() - sent
    found = nearest(CHECKS, earlier, later)
    if found == UNKNOWN:
        text = (
            f"SES first checked DNS after {earlier:.0f} to {later:.0f} s: this was not observed all the time"
        )
        raise Unanswered(text)
    lab.first_check, lab.unchecked = float(found), max(earlier, 0)
    return found, seen


# Then, all at once


def another_key(lab: Lab) -> Probe:
    """Status and `VerificationInfo` after a Put; whether it enables signing."""
    domain, _ = yield from verified(lab)
    lab.call("put_email_identity_dkim_attributes", EmailIdentity=domain, SigningEnabled=False)
    yield lab.lag + 1
    before, key, put_at = lab.get(domain), lab.key(), lab.now()
    answer = lab.put(domain, key)
    soon = yield from before_first_check(lab, domain, put_at, answer)
    if not (yield from checked(lab)):
        raise Unanswered("SES verified nothing in that time: its answers do not show a check that missed")
    missed = lab.get(domain)
    lab.publish(domain, key)
    found, end = missed, lab.now() + DAY
    while lab.now() < end and not has_found(found, missed, answer["At"]):
        yield HOUR / 3
        found = lab.get(domain)
    lab.delete(domain)
    return {
        "puts": _puts(status(before), answer, soon),
        "status_after_put": status(soon) if status(soon) in (*STARTED, "SUCCESS") else UNKNOWN,
        "status after a Put, before the first check": status(soon) or UNKNOWN,
        "put_enables_signing": UNKNOWN if _signing(before) else _signing(missed),
        "verification_info": _info(missed, found, answer["At"]),
    }


def _puts(before: str, answer: Seen, soon: Seen | None) -> Puts:
    """That Put, if it was observed to the end, and was not sent twice: *before* is not the second one's."""
    is_known = soon and "DkimStatus" in answer and "Tries" not in answer
    return [(before, answer["DkimStatus"], status(soon))] if is_known else []


def _signing(seen: Seen | None) -> bool:
    """Whether mail of the identity is to be signed."""
    return bool((seen or {})["DkimAttributes"]["SigningEnabled"])


def _info(missed: Seen | None, found: Seen | None, put_at: float) -> str:
    """What `VerificationInfo` is about, from reads after a check that missed and after one that found."""
    pending, after = info(missed), info(found)
    if status(found) != "SUCCESS":
        return UNKNOWN  # SES did not find the key in a day
    if not after:
        return "empty"
    if "ErrorType" in after:
        return "sticky"
    if pending.get("LastCheckedTimestamp", 0) > put_at:
        return "filled" if "ErrorType" in pending else "ownership"
    return "stale" if after.get("LastSuccessTimestamp", 0) > put_at else "frozen"


def same_key(lab: Lab) -> Probe:
    """Whether a Put of the key that SES has makes it check again. Days, where the status does not show it."""
    domain, key = yield from verified(lab)
    lab.remove(domain, key)
    yield SETTLE_SECONDS
    before, put_at = lab.get(domain), lab.now()
    if status(before) != "SUCCESS":
        raise Unanswered(f"before the Put the status was {status(before)}: SES had missed the record already")
    answer = lab.put(domain, key)
    soon = yield from before_first_check(lab, domain, put_at, answer)
    restarts: Any = True
    if status(soon) not in STARTED:
        # A search that begins again ends after 72 hours, one for a record that was lost after five days.
        turn = yield from status_becomes(lab, domain, "FAILED", every=6 * HOUR, at_most=6 * DAY)
        between = put_at + 4 * DAY
        restarts = UNKNOWN if turn.after < between < turn.by or not turn.seen else turn.by <= between
    lab.delete(domain)
    return {"puts": _puts("SUCCESS", answer, soon), "same_key_restarts": restarts}


def search_that_fails(lab: Lab) -> Probe:
    """How long SES searches; whether a Put of the same key after FAILED makes it check again. 80 hours."""
    domain, key = lab.domain(), lab.key()
    lab.create(domain, key)
    begun = lab.now()
    failed = yield from status_becomes(lab, domain, "FAILED", every=2 * HOUR, at_most=5 * DAY)
    if not failed.seen:
        return {"failed_restarts": UNKNOWN}
    puts: Puts = []
    said: list[str] = []
    for attempt in (key, lab.key()):  # the second one is the control: another key restarts the search
        put_at, answer = lab.now(), lab.put(domain, attempt)
        soon = yield from before_first_check(lab, domain, put_at, answer)
        puts += _puts("FAILED", answer, soon)
        said.append(status(soon))
        if said[0] in STARTED:
            break
    restarts: Any = said[0] in STARTED
    if not restarts and (said[0] != "FAILED" or said[1] not in STARTED):
        restarts = UNKNOWN
    lab.delete(domain)
    until = hours(begun, failed, precision=4 * HOUR)
    return {"puts": puts, "failed_restarts": restarts, "hours until FAILED": until}


def lost_record(lab: Lab) -> Probe:
    """What becomes of a verified identity whose record goes. Six days."""
    domain, key = yield from verified(lab)
    lab.remove(domain, key)
    lost = lab.now()
    reads = [(lost, "SUCCESS")]
    while reads[-1][1] != "FAILED" and reads[-1][0] < lost + 6 * DAY:
        yield 3 * HOUR
        asked = lab.now()
        reads.append((asked, status(lab.get(domain))))
    failed = Turn({}, reads[-2][0], lab.now())
    is_failed = reads[-1][1] == "FAILED"
    yield 3 * HOUR  # what follows from FAILED need not come with it
    seen = lab.get(domain) or {}
    lab.delete(domain)
    statuses = list(dict.fromkeys(said for _, said in reads))
    keeps: Any = UNKNOWN
    if "TEMPORARY_FAILURE" in statuses:
        keeps = False
    elif is_failed and max(later - at for (at, _), (later, _) in pairwise(reads)) <= 6 * HOUR:
        keeps = True
    verification = seen.get("VerificationStatus") if is_failed else None
    return {
        "failed_check_keeps_success": keeps,
        "lost_record_takes_back_verification": verification != "SUCCESS" if verification else UNKNOWN,
        "statuses of a lost record": statuses,
        "hours until a lost record is FAILED": hours(lost, failed, precision=6 * HOUR)
        if is_failed
        else UNKNOWN,
    }


def negative_cache(lab: Lab) -> Probe:
    """Whether SES remembers "no such name": it checks one name twice, within the zone's 15 minutes."""
    (domain, key), (control, right) = ((lab.domain(), lab.key()) for _ in range(2))
    lab.publish(control, right)
    yield SETTLE_SECONDS
    created = lab.now()
    lab.create(domain, key)
    lab.create(control, right)
    missed = yield from control_verified(lab, control)
    lab.delete(domain)
    if not missed.seen:
        raise Unanswered("SES verified nothing in that time: it may not have checked the name at all")
    forgotten = NEGATIVE_SECONDS + max(created + lab.unchecked, missed.after - lab.lag)
    control = yield from created_with_control(lab, domain, key)
    is_early = lab.now() < forgotten
    found = yield from found_beside(lab, domain, control, patience=0.3)
    # A check that found the record may have been made after the resolver had forgotten that there was none.
    is_known = is_early and (not found or lab.now() < forgotten)
    lab.delete(domain)
    return {"caches_no_such_name": not found if is_known else UNKNOWN}


def tagged_record(lab: Lab) -> Probe:
    """Whether `v=DKIM1; k=rsa; p=…` verifies."""
    domain, key = lab.domain(), lab.key()
    control = yield from created_with_control(lab, domain, key, [f"v=DKIM1; k=rsa; {key.p}"])
    found = yield from found_beside(lab, domain, control, patience=2)
    lab.delete(domain)
    return {"verifies_tagged_records": found}


FIRST: Final = first_key
LATER: Final = (
    another_key,
    mail_while_pending,
    same_key,
    search_that_fails,
    lost_record,
    negative_cache,
    tagged_record,
)
