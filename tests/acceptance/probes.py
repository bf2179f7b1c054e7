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
from tests.acceptance.keys import Key
from tests.acceptance.lab import Lab
from tests.acceptance.observing import (
    DAY,
    HOUR,
    NO_SUCH_NAME,
    PATIENCE_SECONDS,
    SETTLE_SECONDS,
    UNKNOWN,
    Check,
    Probe,
    Seen,
    Turn,
    before_first_check,
    both_verified,
    checked,
    control_verified,
    created_with_control,
    found_beside,
    has_found,
    hours,
    info,
    missed_after,
    own_check,
    read,
    status,
    status_becomes,
    until_verified,
    verified,
)
from tests.acceptance.probes_mail import mail_while_pending

NEGATIVE_SECONDS: Final = 900.0
"""How long a resolver may have "no such name" of a zone in Route 53: the TTL of its SOA record."""

STARTED: Final = ("PENDING", "NOT_STARTED")
"""Statuses of an identity whose search for the key has begun again."""

Puts = list[tuple[str, str, str]]
"""Of each Put: the status before, its answer, and the status after it, before SES's next check."""


def another_key(lab: Lab) -> Probe:
    """Status and `VerificationInfo` after a Put; whether it enables signing."""
    domain, _ = yield from verified(lab)
    lab.call("put_email_identity_dkim_attributes", EmailIdentity=domain, SigningEnabled=False)
    yield lab.lag + 1
    before, key, put_at = lab.get(domain), lab.key(), lab.now()
    answer = lab.put(domain, key)
    soon = yield from before_first_check(lab, domain, key, put_at, answer)
    if _signing(before):
        soon = None  # reads lag by more than they did: this one may be from before the Put
    if not (yield from checked(lab)):
        raise Unanswered("SES verified nothing in that time: its answers do not show a check that missed")
    missed, end = read(lab, domain, key), lab.now() + PATIENCE_SECONDS
    while lab.now() < end and info(missed).get("LastCheckedTimestamp", 0) <= answer["At"]:
        yield HOUR
        missed = read(lab, domain, key)
    if not missed:
        raise Unanswered(f"reads of {domain} do not show what was Put")
    lab.publish(domain, key)
    found, end = missed, lab.now() + DAY
    while lab.now() < end and not has_found(found, missed, answer["At"]):
        yield HOUR / 3
        found = read(lab, domain, key)
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
        succeeds = pending.get("LastSuccessTimestamp", 0) > put_at
        return "filled" if "ErrorType" in pending else "ownership" if succeeds else UNKNOWN
    if after.get("LastSuccessTimestamp", 0) > put_at:
        return "stale"
    return UNKNOWN if after.get("LastCheckedTimestamp", 0) > put_at else "frozen"


def same_key(lab: Lab) -> Probe:
    """
    Whether a Put of the key that SES has makes it check again. Days, where the status does not show it.

    The control is verified as long as the other identity, has its record as long, and gets no Put.
    """
    (domain, key), control = yield from both_verified(lab)
    put_at, answer = lab.now(), lab.put(domain, key)
    soon = yield from before_first_check(lab, domain, key, put_at, answer)
    # The record is there: a check that was due anyway would leave SUCCESS.
    restarts: Any = status(lab.get(domain)) in STARTED and status(lab.get(control[0])) == "SUCCESS"
    if not restarts:
        restarts = yield from _fails_early(lab, (domain, key), control)
    for name in (domain, control[0]):
        lab.delete(name)
    is_sure = restarts is False or status(soon) in STARTED  # else SUCCESS may be from before the Put
    return {"puts": _puts("SUCCESS", answer, soon) if is_sure else [], "same_key_restarts": restarts}


def _fails_early(
    lab: Lab, put: tuple[str, Key], control: tuple[str, Key]
) -> Generator[float, None, bool | str]:
    """
    Whether another Put makes *put* FAILED earlier than its *control*, once neither has a record.

    A search that begins again ends after 72 hours; who has lost its record has five days with Easy DKIM.
    """
    yield 2 * lab.first_check + lab.lag  # what the Put before may have begun ends with the record
    yield from until_verified(lab, put[0])
    for domain, key in (put, control):
        lab.remove(domain, key)
    yield SETTLE_SECONDS
    if (before := status(lab.get(put[0]))) != "SUCCESS":
        raise Unanswered(f"before the Put the status was {before}: SES had missed the record already")
    put_at = lab.now()
    lab.put(*put)
    turn = yield from status_becomes(lab, put[0], "FAILED", every=6 * HOUR, at_most=6 * DAY)
    if not turn.seen:
        return UNKNOWN
    if turn.after >= put_at + 4 * DAY:
        return False
    yield PATIENCE_SECONDS
    return True if status(lab.get(control[0])) not in ("", "FAILED") else UNKNOWN


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
        soon = yield from before_first_check(lab, domain, attempt, put_at, answer)
        yield HOUR  # a search without a record goes on for days, and a read may lag
        seen = read(lab, domain, attempt)
        said.append(status(seen) if lab.now() < put_at + DAY else "")
        if (status(soon) in STARTED) == (said[-1] in STARTED):
            puts += _puts("FAILED", answer, soon)
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
    yield SETTLE_SECONDS
    since = (lab.get(domain) or {})["At"]
    reads, is_kept = [(lost, "SUCCESS")], False
    while reads[-1][1] != "FAILED" and reads[-1][0] < lost + 6 * DAY:
        yield 3 * HOUR
        asked = lab.now()
        seen = lab.get(domain)
        reads.append((asked, status(seen)))
        is_kept = is_kept or (status(seen) == "SUCCESS" and missed_after(seen, since))
    failed = Turn({}, reads[-2][0], lab.now())
    is_failed = reads[-1][1] == "FAILED"
    yield PATIENCE_SECONDS  # what follows from FAILED need not come with it
    seen = lab.get(domain) or {}
    lab.delete(domain)
    statuses = list(dict.fromkeys(said for _, said in reads))
    keeps: Any = UNKNOWN
    if set(statuses) - {"SUCCESS", "FAILED", ""}:
        keeps = False
    elif is_kept and is_failed and max(later - at for (at, _), (later, _) in pairwise(reads)) <= 6 * HOUR:
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
    domain, key = lab.domain(), lab.key()
    created = lab.create(domain, key)
    first = yield from own_check(lab, domain, created["At"])
    lab.delete(domain)
    if not first or not _has_no_such_name(first):
        return {"caches_no_such_name": UNKNOWN}
    created, control = yield from created_with_control(lab, domain, key)
    second = yield from own_check(lab, domain, created["At"])
    caches: Any = UNKNOWN
    if second and second.at < first.not_before + NEGATIVE_SECONDS:
        if status(second.seen) == "SUCCESS":
            caches = False
        elif _has_no_such_name(second) and (yield from control_verified(lab, control)).seen:
            caches = True
    for name in (domain, control):
        lab.delete(name)
    return {"caches_no_such_name": caches}


def _has_no_such_name(check: Check) -> bool:
    """Whether that check missed, for the reason that the name is not there."""
    return missed_after(check.seen, 0) and info(check.seen)["ErrorType"] == NO_SUCH_NAME


def tagged_record(lab: Lab) -> Probe:
    """Whether `v=DKIM1; k=rsa; p=…` verifies."""
    domain, key = lab.domain(), lab.key()
    _, control = yield from created_with_control(lab, domain, key, [f"v=DKIM1; k=rsa; {key.p}"])
    found = yield from found_beside(lab, domain, control)
    lab.delete(domain)
    return {"verifies_tagged_records": found}


LATER: Final = (
    another_key,
    mail_while_pending,
    same_key,
    search_that_fails,
    lost_record,
    negative_cache,
    tagged_record,
)
