"""
One question about SES a function: what is done to an identity of its own, and what the answer means.

A probe is a generator that yields for how many seconds it has nothing to do; the `prober` works on all of
them at once. Settings are those of the emulator (`sandbox.ses.switches`); `UNKNOWN` means that this SES
shows no difference.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import Any, Final

from tests.acceptance.errors import Unanswered
from tests.acceptance.keys import Key
from tests.acceptance.lab import Lab

UNKNOWN: Final = "unknown"

Findings = dict[str, Any]
Probe = Generator[float, None, Findings]
Seen = dict[str, Any]

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR

LAGS: Final = (0, 5, 10, 30, 60)
CHECKS: Final = (1, 60, 300, 660, 1800, 3600)
LINGERS: Final = (0, 30, 60, 120, 300, 600, 900)
"""Seconds that are told apart. What lies between is given as the nearest one above."""

Puts = list[tuple[str, str, str]]
"""Of each Put: the status before, its answer, and the status after it, before SES's next check."""


def nearest(grid: Sequence[float], more_than: float, at_most: float) -> Any:
    """The one step of *grid* in between, or `UNKNOWN`."""
    found = [step for step in grid if more_than < step <= at_most]
    return found[0] if len(found) == 1 else UNKNOWN


def status(seen: Seen | None) -> str:
    return str(seen["DkimAttributes"]["Status"]) if seen else ""


def samples(grid: Sequence[float]) -> list[float]:
    """Moments between the steps of *grid*, and one after the last."""
    return [(low + high) / 2 for low, high in pairwise(grid)] + [grid[-1] * 2.0]


def status_becomes(
    lab: Lab, domain: str, wanted: str, *, every: float, at_most: float
) -> Generator[float, None, Seen | None]:
    """The first read that says *wanted*, or None."""
    end = lab.now() + at_most
    while True:
        seen = lab.get(domain)
        if status(seen) == wanted:
            return seen
        if lab.now() >= end:
            return None
        yield every


def verified(lab: Lab) -> Generator[float, None, tuple[str, Key]]:
    """A verified identity and its key."""
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    lab.create(domain, key)
    yield lab.first_check + lab.lag + 10
    if not (
        yield from status_becomes(lab, domain, "SUCCESS", every=lab.first_check / 2 + 15, at_most=6 * HOUR)
    ):
        raise Unanswered(f"SES did not verify {domain} in 6 hours")
    return domain, key


def before_first_check(lab: Lab, domain: str, put_at: float) -> Generator[float, None, Seen | None]:
    """A read of the time between a Put and SES's first check after it, or None if it came too late."""
    yield lab.lag + 1
    seen = lab.get(domain)
    return seen if lab.now() - lab.lag < put_at + lab.first_check else None


# First, alone: how SES reads and when it checks


def first_key(lab: Lab) -> Probe:
    """Tokens; how long reads lag; when SES first checks DNS."""
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    created = lab.create(domain, key)
    at = lab.now()
    earlier, seen = -1.0, None
    for moment in (1.2, *samples(LAGS)[1:]):
        yield max(at + moment - lab.now(), 0)
        seen = lab.get(domain)
        if seen:
            lab.lag = nearest(LAGS, earlier, lab.now() - at)
            break
        earlier = lab.now() - at
    if not seen or lab.lag == UNKNOWN:
        raise Unanswered("reads lag by more than two minutes, or SES is too slow to measure it")
    earlier = -1.0
    for moment in samples(CHECKS):
        yield max(at + moment + lab.lag - lab.now(), 0)
        seen = lab.get(domain)
        if status(seen) == "SUCCESS":
            break
        earlier = lab.now() - at - lab.lag
    if status(seen) != "SUCCESS":
        raise Unanswered(f"SES did not verify {domain} in two hours")
    found = nearest(CHECKS, earlier, lab.now() - at - lab.lag)
    if found == UNKNOWN:
        raise Unanswered("the machine is too slow to measure when SES checks DNS")
    lab.first_check = float(found)
    lab.delete(domain)
    lab.remove(domain, key)
    told = created["DkimAttributes"].get("Tokens") == [key.selector]
    return {
        "tokens": "selector" if told else "empty",
        "read_lag_seconds": lab.lag,
        "first_check_seconds": found,
        "verification info of a new identity": sorted((seen or {}).get("VerificationInfo", {})),
    }


# Then, all at once


def another_key(lab: Lab) -> Probe:
    """Status and `VerificationInfo` after a Put; whether it enables signing."""
    domain, _ = yield from verified(lab)
    lab.call("put_email_identity_dkim_attributes", EmailIdentity=domain, SigningEnabled=False)
    before, key = lab.get(domain), lab.key()
    answer = lab.put(domain, key)
    put_at, ses_time = lab.now(), answer["At"]
    soon = yield from before_first_check(lab, domain, put_at)
    enabled = (lab.get(domain) or {})["DkimAttributes"]["SigningEnabled"]
    yield max(put_at + lab.first_check * 1.5 + lab.lag + 30 - lab.now(), 0)
    missed = lab.get(domain)
    lab.publish(domain, key)
    found, end = None, lab.now() + 6 * HOUR
    while lab.now() < end and not _has_found(found, missed, ses_time):
        yield HOUR / 3
        found = lab.get(domain)
    lab.delete(domain)
    puts: Puts = [(status(before), answer["DkimStatus"], status(soon))] if soon else []
    return {
        "puts": puts,
        "status_after_put": status(soon) if soon else UNKNOWN,
        "put_enables_signing": enabled,
        "verification_info": _info(missed or {}, found or {}, ses_time),
    }


def _has_found(seen: Seen | None, missed: Seen | None, put_at: float) -> bool:
    """Whether *seen* shows that SES found the key: by status, or by time where that was SUCCESS anyway."""
    turned = status(seen) == "SUCCESS" != status(missed)
    return turned or (seen or {}).get("VerificationInfo", {}).get("LastSuccessTimestamp", 0) > put_at


def _info(missed: Seen, found: Seen, put_at: float) -> str:
    """What `VerificationInfo` is about, from reads after a check that missed and after one that found."""
    pending, after = missed.get("VerificationInfo", {}), found.get("VerificationInfo", {})
    if not after:
        return "empty"
    if "ErrorType" in after:
        return "sticky"
    if pending.get("LastCheckedTimestamp", 0) > put_at:
        return "filled" if "ErrorType" in pending else "ownership"
    return "stale" if after.get("LastSuccessTimestamp", 0) > put_at else "frozen"


def mail_while_pending(lab: Lab) -> Probe:
    """What mail is signed with after a Put, and how long with the old key."""
    domain, old = yield from verified(lab)
    if lab.signed_with(domain) is None:
        return {"signs_while_pending": UNKNOWN, "old_key_lingers_seconds": UNKNOWN}
    new = lab.key()
    lab.put(domain, new)
    seen = yield from _signatures(lab, domain)
    lab.delete(domain)
    last = seen[-1][1]
    signs = {old.selector: "old", new.selector: "new", "": "nothing"}[last]
    if signs == "old":
        lingers = yield from _mail_once_found(lab)
    else:
        lingers = _lingers(seen, old.selector)
    return {"signs_while_pending": signs, "old_key_lingers_seconds": lingers}


def _signatures(lab: Lab, domain: str) -> Generator[float, None, list[tuple[float, str]]]:
    put_at = lab.now()
    seen = []
    for moment in samples(LINGERS):
        yield max(put_at + moment - lab.now(), 0)
        seen.append((lab.now() - put_at, lab.signed_with(domain) or ""))
    return seen


def _lingers(seen: Sequence[tuple[float, str]], old: str) -> Any:
    earlier = max((at for at, selector in seen if selector == old), default=-1.0)
    later = min((at for at, selector in seen if selector != old and at > earlier), default=earlier)
    return nearest(LINGERS, earlier, later)


def _mail_once_found(lab: Lab) -> Generator[float, None, Any]:
    """Where pending means the old key anyway: whether it still signs once the new one is found."""
    domain, old = yield from verified(lab)
    new = lab.key()
    lab.publish(domain, new)
    lab.put(domain, new)
    seen = yield from _signatures(lab, domain)
    lab.delete(domain)
    last = max((at for at, selector in seen if selector == old.selector), default=0.0)
    return _lingers(seen, old.selector) if last > lab.first_check + 30 else UNKNOWN


def same_key(lab: Lab) -> Probe:
    """Whether a Put of the key that SES has makes it check anew. Days, where the status does not show it."""
    domain, key = yield from verified(lab)
    lab.remove(domain, key)
    answer = lab.put(domain, key)
    put_at = lab.now()
    soon = yield from before_first_check(lab, domain, put_at)
    puts: Puts = [("SUCCESS", answer["DkimStatus"], status(soon))] if soon else []
    if soon and status(soon) != "SUCCESS":
        restarts: Any = True
    else:
        # A search that began anew ends after 72 hours, a record that was lost after five days.
        failed = yield from status_becomes(lab, domain, "FAILED", every=6 * HOUR, at_most=6 * DAY)
        restarts = lab.now() - put_at < 4 * DAY if failed else UNKNOWN
    lab.delete(domain)
    return {"puts": puts, "same_key_restarts": restarts}


def search_that_fails(lab: Lab) -> Probe:
    """How long SES searches; whether a Put of the same key after FAILED makes it check anew. 80 hours."""
    domain, key = lab.domain(), lab.key()
    lab.create(domain, key)
    begun = lab.now()
    failed = yield from status_becomes(lab, domain, "FAILED", every=2 * HOUR, at_most=5 * DAY)
    if not failed:
        return {"failed_restarts": UNKNOWN}
    hours = round((lab.now() - begun) / HOUR)
    puts: Puts = []
    restarts: Any = UNKNOWN
    for attempt in (key, lab.key()):
        answer = lab.put(domain, attempt)
        soon = yield from before_first_check(lab, domain, lab.now())
        if soon:
            puts.append(("FAILED", answer["DkimStatus"], status(soon)))
        if attempt is key and soon:
            restarts = status(soon) != "FAILED"
        if restarts is True:
            break
    lab.delete(domain)
    return {"puts": puts, "failed_restarts": restarts, "hours until FAILED": hours}


def lost_record(lab: Lab) -> Probe:
    """What becomes of a verified identity whose record goes. Six days."""
    domain, key = yield from verified(lab)
    lab.remove(domain, key)
    lost = lab.now()
    seen, statuses = lab.get(domain), []
    while lab.now() < lost + 6 * DAY:
        seen = lab.get(domain)
        if status(seen) not in statuses:
            statuses.append(status(seen))
        if status(seen) == "FAILED":
            break
        yield 3 * HOUR
    failed = "FAILED" in statuses
    lab.delete(domain)
    return {
        "failed_check_keeps_success": "TEMPORARY_FAILURE" not in statuses if failed else UNKNOWN,
        "lost_record_takes_back_verification": (seen or {})["VerificationStatus"] != "SUCCESS"
        if failed
        else UNKNOWN,
        "statuses of a lost record": statuses,
        "hours until a lost record is FAILED": round((lab.now() - lost) / HOUR),
    }


def negative_cache(lab: Lab) -> Probe:
    """Whether SES remembers "no such name": it checks one name twice, within the zone's 15 minutes."""
    domain, first = lab.domain(), lab.key()
    lab.create(domain, first)
    begun = lab.now()
    yield lab.first_check * 1.1 + 10
    second = lab.key(first.selector)
    lab.publish(domain, second)
    before = status(lab.get(domain))
    answer = lab.put(domain, second)
    put_at = lab.now()
    soon = yield from before_first_check(lab, domain, put_at)
    yield max(put_at + lab.first_check * 1.3 + lab.lag + 10 - lab.now(), 0)
    found = status(lab.get(domain)) == "SUCCESS"
    lab.delete(domain)
    too_late = put_at + lab.first_check >= begun + lab.first_check + 900
    puts: Puts = [(before, answer["DkimStatus"], status(soon))] if soon else []
    return {"puts": puts, "caches_no_such_name": UNKNOWN if too_late else not found}


def tagged_record(lab: Lab) -> Probe:
    """Whether `v=DKIM1; k=rsa; p=…` verifies."""
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key, [f"v=DKIM1; k=rsa; {key.p}"])
    lab.create(domain, key)
    yield lab.first_check + lab.lag + 10
    seen = yield from status_becomes(
        lab, domain, "SUCCESS", every=lab.first_check, at_most=3 * lab.first_check + 60
    )
    lab.delete(domain)
    return {"verifies_tagged_records": seen is not None}


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
