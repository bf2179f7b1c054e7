"""
How SES reads and when it checks: the first probe, alone, as all others are measured by what it finds.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from tests.acceptance.errors import Unanswered
from tests.acceptance.lab import Lab
from tests.acceptance.observing import (
    SETTLE_SECONDS,
    UNKNOWN,
    Probe,
    Seen,
    bounds,
    info,
    nearest,
    samples,
    status,
)

LAGS: Final = (0, 5, 10, 30, 60)
CHECKS: Final = (1, 60, 300, 660, 1800, 3600, 7200)
"""Seconds that are told apart. What lies between is given as the next step, and its bounds as a fact."""

LAG_MOMENTS: Final = [1.2 + 2.5 * number for number in range(49)]
"""No step of `LAGS` is near to one, so that a read that comes late is not given as another step."""

SIGHTS: Final = 3
"""Reads in a row that have to show an identity: a single one may come from a server that is ahead."""


SECOND: Final = 1.0
"""A check begins and ends within it; SES's times of both were 0.3 s apart."""


def first_key(lab: Lab) -> Probe:
    """Tokens; how long reads lag; when SES first checks DNS."""
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    yield SETTLE_SECONDS
    sent = lab.now()
    created = lab.create(domain, key)
    at = lab.now()
    lag, lagged = yield from _read_lag(lab, domain, sent, at)
    found, checked, seen = yield from _first_check(lab, domain, created, sent + max(lagged[0], 0), at)
    lab.delete(domain)
    lab.remove(domain, key)
    shown = {
        tuple(one["DkimAttributes"].get("Tokens") or ()) for one in (created, seen) if "DkimAttributes" in one
    }
    tokens = {(key.selector,): "selector", (): "empty"}
    return {
        "tokens": tokens.get(shown.pop(), UNKNOWN) if len(shown) == 1 else UNKNOWN,
        "read_lag_seconds": lag,
        "first_check_seconds": found,
        "seconds that reads lag": bounds(*lagged),
        "seconds until the first check": bounds(*checked),
        "response to a Create": sorted(set(created) - {"At", "Tries"}),
        "verification info of a new identity": sorted(info(seen)),
    }


def _read_lag(
    lab: Lab, domain: str, sent: float, at: float
) -> Generator[float, None, tuple[Any, tuple[float, float]]]:
    """The step, and its bounds. The Create was sent and answered at *sent* and *at*."""
    earlier, sights = -1.0, []
    for moment in LAG_MOMENTS:
        yield max(at + moment - lab.now(), 0)
        asked = lab.now()
        if lab.get(domain):
            sights.append(lab.now() - sent)
        else:
            earlier, sights = asked - at, []
        if len(sights) == SIGHTS:
            break
    if not sights:
        raise Unanswered("reads lag by more than two minutes")
    later = sights[0]
    lag = nearest(LAGS, earlier, later)
    if lag == UNKNOWN:
        raise Unanswered(f"reads lag by {earlier:.0f} to {later:.0f} s: this was not observed all the time")
    lab.lag = later
    return lag, (earlier, later)


def _first_check(
    lab: Lab, domain: str, created: Seen, sent: float, at: float
) -> Generator[float, None, tuple[Any, tuple[float, float], Seen]]:
    """The step, its bounds, and the read that showed it. SES's own time of the check shows a lag of reads."""
    earlier = -1.0
    for moment in samples(CHECKS):
        yield max(at + moment + lab.lag - lab.now(), 0)
        asked = lab.now()
        seen = lab.get(domain)
        if seen and status(seen) == "SUCCESS":
            break
        earlier = asked - lab.lag - at
    else:
        raise Unanswered(f"SES did not verify {domain} in two hours")
    later = lab.now() - sent
    if "LastCheckedTimestamp" in info(seen):
        later = min(later, info(seen)["LastCheckedTimestamp"] - created["At"] + SECOND)
    found = nearest(CHECKS, earlier, later)
    if found == UNKNOWN or later < earlier:
        text = (
            f"SES first checked DNS after {earlier:.0f} to {later:.0f} s: this was not observed all the time"
        )
        raise Unanswered(text)
    lab.first_check, lab.unchecked = float(found), max(earlier, 0)
    return found, (earlier, later), seen
