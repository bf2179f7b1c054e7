"""
What mail is signed with after a change of key, until SES has found the new one.

A message that does not arrive ends the probe, before more of them bounce: another receipt rule set may be
active, and nobody knows what the message was signed with.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import dropwhile
from typing import Final, NamedTuple

from tests.acceptance.errors import Unanswered
from tests.acceptance.keys import Key
from tests.acceptance.lab import Lab
from tests.acceptance.observing import (
    DAY,
    HOUR,
    SETTLE_SECONDS,
    UNKNOWN,
    Findings,
    Probe,
    before_first_check,
    bounds,
    has_found,
    nearest,
    read,
    samples,
    status,
    verified,
)

LINGERS: Final = (0, 30, 60, 120, 300, 600, 900)
"""Seconds that are told apart. What lies between is given as the next step, and its bounds as a fact."""

LATER: Final = (2 * HOUR, DAY)
"""When it is asked once more whether the old key has only lingered."""


def mail_while_pending(lab: Lab) -> Probe:
    """What mail is signed with after a Put, and how long with the old key."""
    nothing = {"signs_while_pending": UNKNOWN, "old_key_lingers_seconds": UNKNOWN}
    if not lab.outside.send:
        return nothing
    domain, old = yield from verified(lab)
    if (selector := lab.signed_with(domain)) != old.selector:
        raise Unanswered(f"mail is signed with {selector or 'nothing'} although its key is verified")
    new, put_at = lab.key(), lab.now()
    lab.put(domain, new)
    put = put_at, lab.now()
    seen = yield from _signatures(lab, domain, old, put, [*samples(LINGERS), *LATER])
    pending = lab.get(domain)
    lab.delete(domain)
    signs = _signs(seen, {old.selector: "old", new.selector: "new", "": "nothing"})
    if signs == UNKNOWN or status(pending) in ("", "FAILED"):
        return nothing  # it was not observed when it was pending
    lingers = (yield from _mail_once_found(lab)) if signs == "old" else _lingers(seen)
    return {"signs_while_pending": signs} | lingers


class Mail(NamedTuple):
    """One message after a Put: when it was signed is between two moments."""

    sent: float
    """Seconds after the Put was answered."""
    arrived: float
    """Seconds after the Put was sent."""
    selector: str
    """Of its signature, or ""."""
    is_old: bool
    """Signed with the key of before the Put."""
    is_found: bool
    """SES had found the new key when it was sent."""


def _signatures(
    lab: Lab,
    domain: str,
    old: Key,
    put: tuple[float, float],
    moments: Sequence[float],
    is_found: Callable[[], bool] = lambda: False,
) -> Generator[float, None, list[Mail]]:
    """Messages at these *moments* after a Put, which was sent and answered then."""
    asked, answered = put
    seen = []
    for moment in moments:
        yield max(answered + moment - lab.now(), 0)
        found, sent = is_found(), lab.now()
        selector = lab.signed_with(domain) or ""
        seen.append(Mail(sent - answered, lab.now() - asked, selector, selector == old.selector, found))
    return seen


def _signs(seen: Sequence[Mail], words: Mapping[str, str]) -> str:
    """What all messages are signed with, but for the first ones if the old key has lingered."""
    rest = {mail.selector for mail in dropwhile(lambda mail: mail.is_old, seen)} or {seen[-1].selector}
    return words.get(rest.pop(), UNKNOWN) if len(rest) == 1 else UNKNOWN


def _lingers(seen: Sequence[Mail]) -> Findings:
    """The step of the last message signed with the old key; `UNKNOWN` if there was no other after it."""
    earlier = max((mail.sent for mail in seen if mail.is_old), default=-1.0)
    later = [mail.arrived for mail in seen if mail.sent > earlier]
    if not later:
        return {"old_key_lingers_seconds": UNKNOWN}
    between = (earlier, min(later))
    return {
        "old_key_lingers_seconds": nearest(LINGERS, *between),
        "seconds that the old key lingers": bounds(*between),
    }


def _mail_once_found(lab: Lab) -> Probe:
    """Where pending means the old key anyway: whether it still signs once the new one is found."""
    domain, old = yield from verified(lab)
    new = lab.key()
    lab.publish(domain, new)
    yield SETTLE_SECONDS
    put_at, answer = lab.now(), lab.put(domain, new)
    answered = lab.now()
    soon = yield from before_first_check(lab, domain, new, put_at, answer)
    nothing = {"old_key_lingers_seconds": UNKNOWN}
    if not soon:
        return nothing

    def is_found() -> bool:
        return has_found(read(lab, domain, new), soon, answer["At"])

    seen = yield from _signatures(lab, domain, old, (put_at, answered), samples(LINGERS), is_found)
    lab.delete(domain)
    return _lingers(seen) if any(mail.is_old and mail.is_found for mail in seen) else nothing
