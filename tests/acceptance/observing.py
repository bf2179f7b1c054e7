"""
How a probe observes an identity over time, and when it may say "no".

Nothing happens at once: SES's reads lag, its checks come when they come, DNS takes its time, and the machine
may sleep or be killed meanwhile. So "not yet" is "no" only where SES shows a check of this identity that
missed, or after half a day in which a control got further: another identity, with a bare and right key,
published and created after what it is compared with. And a moment is known by the reads before and after it:
if more than one setting is between them, none is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any, Final, NamedTuple

from tests.acceptance.errors import Unanswered
from tests.acceptance.keys import Key
from tests.acceptance.lab import Lab

UNKNOWN: Final = "unknown"

Findings = dict[str, Any]
Probe = Generator[float, None, Findings]
Seen = dict[str, Any]

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

SETTLE_SECONDS: Final = 75.0
"""
From Route 53's INSYNC to when whoever asks gets the new state: a resolver may have the old one for the TTL of
a run's records, 60 s, and servers may be late by some seconds.
"""


PATIENCE_SECONDS: Final = DAY / 2
"""
How long "not yet" has to last before it is "no", where SES does not show that it has checked.

Its gaps between checks grow, and the first one after a Put may come later than the first one of a control.
"""

NO_SUCH_NAME: Final = "HOST_NOT_FOUND"


class Turn(NamedTuple):
    """When a status became what was awaited: between two reads."""

    seen: Seen | None
    """The first read that said so, or None."""
    after: float
    """When the last read was begun that did not say so; minus infinity if there was none."""
    by: float
    """When that first read had ended."""


def nearest(grid: Sequence[float], more_than: float, at_most: float) -> Any:
    """
    The one step of *grid* in between, or the next one above if there is none.

    `UNKNOWN` if several are in between, or if *at_most* is nearer to the next step. So what is given may be
    too short by less than half the way to that: the report has the `bounds` too.
    """
    between = [step for step in grid if more_than < step <= at_most]
    above = [step for step in grid if step > at_most]
    if not between:
        return next(iter(above), UNKNOWN)
    middle = (between[0] + next(iter(above), 2 * grid[-1])) / 2
    return between[0] if len(between) == 1 and at_most < middle else UNKNOWN


def bounds(more_than: float, at_most: float) -> str:
    """The same for who reads the report, in whole seconds that are true."""
    return f"at least {max(math.floor(more_than), 0)}, at most {math.ceil(at_most)}"


def samples(grid: Sequence[float]) -> list[float]:
    """Moments soon before and soon after each step of *grid*: what lies between two steps is rounded up."""
    return sorted([*(0.9 * step for step in grid if step), *(1.05 * step + 2 for step in grid)])


def status(seen: Seen | None) -> str:
    """The DKIM status, or "" if the identity is not there."""
    return str((seen or {}).get("DkimAttributes", {}).get("Status", ""))


def info(seen: Seen | None) -> dict[str, Any]:
    """`VerificationInfo`."""
    return dict((seen or {}).get("VerificationInfo", {}))


class Check(NamedTuple):
    """A check of DNS that `VerificationInfo` of an identity shows. Times are SES's own."""

    seen: Seen
    """The first read that shows it."""
    at: float
    """When it was."""
    not_before: float
    """SES has made no check since the one asked about, until this."""


def read(lab: Lab, domain: str, key: Key) -> Seen | None:
    """
    GetEmailIdentity; None if there is no identity, or if the answer is from before it had *key*.

    Reads may lag by more than they once did. The selector shows it, where SES shows selectors.
    """
    seen = lab.get(domain)
    tokens = (seen or {}).get("DkimAttributes", {}).get("Tokens")
    return None if tokens and key.selector not in tokens else seen


def missed_after(seen: Seen | None, since: float) -> bool:
    """Whether the last check was after *since*, SES's time, and did not find the record."""
    said = info(seen)
    checked_at = said.get("LastCheckedTimestamp", 0)
    # An old error may stay beside a success, which is written down a moment after its check.
    is_missed = "ErrorType" in said and said.get("LastSuccessTimestamp", 0) < checked_at
    return is_missed and checked_at > since


def own_check(lab: Lab, domain: str, since: float) -> Generator[float, None, Check | None]:
    """The first check of *domain* after *since*, SES's time, that a read shows; None if none does."""
    begun, not_before = lab.now(), since
    yield lab.first_check * 0.8
    while lab.now() < begun + 4 * lab.first_check + HOUR:
        seen = lab.get(domain)
        at = info(seen).get("LastCheckedTimestamp", 0)
        if seen and at > since:
            # A read that does not show a check of before it lags by more than it should: it shows nothing.
            return Check(seen, at, not_before if not_before <= at else since)
        if seen:
            not_before = max(since, seen["At"] - lab.lag)
        is_late = lab.now() > begun + 2 * lab.first_check
        yield lab.first_check / (12 if is_late else 60) + 3
    return None


def status_becomes(
    lab: Lab, domain: str, wanted: str, *, every: float, at_most: float
) -> Generator[float, None, Turn]:
    """When it says *wanted*; one read is made after that time too, however late."""
    end, after = lab.now() + at_most, -math.inf
    while True:
        asked = lab.now()
        seen = lab.get(domain)
        if status(seen) == wanted:
            return Turn(seen, after, lab.now())
        after = asked
        if asked >= end:
            return Turn(None, after, math.inf)
        yield every


def has_found(seen: Seen | None, missed: Seen | None, put_at: float) -> bool:
    """Whether *seen* shows that SES found the key: by status, or by time where that was SUCCESS anyway."""
    turned = status(missed) != "SUCCESS" or info(seen).get("LastSuccessTimestamp", 0) > put_at
    return status(seen) == "SUCCESS" and turned


def verified(lab: Lab) -> Generator[float, None, tuple[str, Key]]:
    """A verified identity and its key."""
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    lab.create(domain, key)
    yield lab.first_check + lab.lag + 10
    yield from until_verified(lab, domain)
    return domain, key


def both_verified(lab: Lab) -> Generator[float, None, list[tuple[str, Key]]]:
    """Two verified identities of the same age, and their keys."""
    both = [(lab.domain(), lab.key()) for _ in range(2)]
    for domain, key in both:
        lab.publish(domain, key)
    for domain, key in both:
        lab.create(domain, key)
    yield lab.first_check + lab.lag + 10
    for domain, _ in both:
        yield from until_verified(lab, domain)
    return both


def until_verified(lab: Lab, domain: str) -> Generator[float, None, None]:
    """Wait until SES has found the key."""
    turn = yield from status_becomes(lab, domain, "SUCCESS", every=lab.first_check / 2 + 15, at_most=6 * HOUR)
    if not turn.seen:
        raise Unanswered(f"SES did not verify {domain} in 6 hours")


def before_first_check(
    lab: Lab, domain: str, key: Key, put_at: float, answer: Seen
) -> Generator[float, None, Seen | None]:
    """
    A read of the time between a Put of *key* and SES's first check after it, or None if there is none.

    *put_at* is from before the Put, which may have been sent more than once. SES may check a Put earlier than
    the Create by which `unchecked` was measured: it may say so. What SES does some seconds later is included.
    """
    yield lab.lag + 1 + min(MINUTE / 2, max(lab.unchecked - lab.lag, 0) / 8)
    seen = read(lab, domain, key)
    is_checked = info(seen).get("LastCheckedTimestamp", 0) > answer.get("At", math.inf)
    return None if is_checked or lab.now() >= put_at + lab.unchecked else seen


def control_verified(lab: Lab, control: str) -> Generator[float, None, Turn]:
    """When SES has verified it, which is gone then."""
    yield lab.first_check * 0.8
    every, at_most = lab.first_check / 60 + 3, 4 * lab.first_check + HOUR
    turn = yield from status_becomes(lab, control, "SUCCESS", every=every, at_most=at_most)
    lab.delete(control)
    return turn


def checked(lab: Lab) -> Generator[float, None, bool]:
    """
    Wait until SES has checked what it got before this. False: it does not verify anything now.

    That is as long as a control takes, and twice the usual time on top: a Put may be checked later.
    """
    control, key = lab.domain(), lab.key()
    lab.publish(control, key)
    lab.create(control, key)
    turn = yield from control_verified(lab, control)
    yield 2 * lab.first_check + lab.lag
    return turn.seen is not None


def created_with_control(
    lab: Lab, domain: str, key: Key, *records: list[str]
) -> Generator[float, None, tuple[Seen, str]]:
    """
    Publish *records* and create *domain* with *key*; its control comes after it, in each step.

    The response to that Create, and the control.
    """
    control, right = lab.domain(), lab.key()
    lab.publish(domain, key, *records)
    lab.publish(control, right)
    yield SETTLE_SECONDS
    created = lab.create(domain, key)
    lab.create(control, right)
    return created, control


def found_beside(lab: Lab, domain: str, control: str) -> Generator[float, None, bool]:
    """Whether SES verified *domain* as it did its *control*, or in half a day after that."""
    turn = yield from control_verified(lab, control)
    ours = yield from status_becomes(lab, domain, "SUCCESS", every=HOUR / 6, at_most=PATIENCE_SECONDS)
    if not ours.seen and not turn.seen:
        raise Unanswered("SES verified nothing in that time, not even the control")
    if not ours.seen and not lab.get(domain):
        raise Unanswered(f"the identity {domain} is gone")
    return ours.seen is not None


def hours(begun: float, turn: Turn, *, precision: float) -> Any:
    """From *begun* to *turn*; as bounds where it was not observed for longer than *precision* seconds."""
    after = max(turn.after, begun)
    if not turn.seen:
        return UNKNOWN
    if turn.by - after <= precision:
        return round((turn.by - begun) / HOUR)
    return f"{round((after - begun) / HOUR)} to {round((turn.by - begun) / HOUR)}"
