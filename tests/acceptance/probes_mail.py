"""
What mail is signed with after a change of key, until SES has found the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, NamedTuple

from tests.acceptance.errors import Unanswered
from tests.acceptance.lab import Lab
from tests.acceptance.observing import (
    SETTLE_SECONDS,
    UNKNOWN,
    Probe,
    before_first_check,
    has_found,
    nearest,
    samples,
    status,
    verified,
)

LINGERS: Final = (0, 30, 60, 120, 300, 600, 900)
"""Seconds that are told apart; mail is sent between them."""

MAIL_SECONDS: Final = 60.0
"""A message that takes longer to be sent and to arrive does not show when it was signed."""


def mail_while_pending(lab: Lab) -> Probe:
    """What mail is signed with after a Put, and how long with the old key."""
    nothing = {"signs_while_pending": UNKNOWN, "old_key_lingers_seconds": UNKNOWN}
    if not lab.outside.send:
        return nothing
    domain, old = yield from verified(lab)
    if (selector := lab.signed_with(domain)) != old.selector:
        raise Unanswered(f"mail is signed with {selector or 'nothing'} although its key is verified")
    new = lab.key()
    lab.put(domain, new)
    seen = yield from _signatures(lab, domain, old.selector)
    pending = lab.get(domain)
    lab.delete(domain)
    if not seen or status(pending) == "FAILED":
        return nothing  # it was not observed when it was pending
    signs = {old.selector: "old", new.selector: "new", "": "nothing"}.get(seen[-1].selector, UNKNOWN)
    lingers = (yield from _mail_once_found(lab)) if signs == "old" else _lingers(seen)
    return {"signs_while_pending": signs, "old_key_lingers_seconds": lingers}


class Mail(NamedTuple):
    """One message after a Put."""

    at: float
    """Seconds after the Put."""
    selector: str
    """Of its signature, or ""."""
    is_old: bool
    """Signed with the key of before the Put."""
    is_found: bool
    """SES had found the new key when it was sent."""


def _signatures(
    lab: Lab, domain: str, old: str, is_found: Callable[[], bool] = lambda: False
) -> Generator[float, None, list[Mail]]:
    put_at = lab.now()
    seen = []
    for moment in samples(LINGERS):
        yield max(put_at + moment - lab.now(), 0)
        found, sent = is_found(), lab.now()
        try:
            selector = lab.signed_with(domain) or ""
        except Unanswered:
            continue  # one message that is lost leaves a gap
        if lab.now() - sent <= MAIL_SECONDS:
            seen.append(Mail(sent - put_at, selector, selector == old, found))
    return seen


def _lingers(seen: Sequence[Mail]) -> Any:
    """The step of the last message signed with the old key; `UNKNOWN` if there was no other after it."""
    earlier = max((mail.at for mail in seen if mail.is_old), default=-1.0)
    later = [mail.at for mail in seen if mail.at > earlier]
    return nearest(LINGERS, earlier, later[0]) if later else UNKNOWN


def _mail_once_found(lab: Lab) -> Generator[float, None, Any]:
    """Where pending means the old key anyway: whether it still signs once the new one is found."""
    domain, old = yield from verified(lab)
    new = lab.key()
    lab.publish(domain, new)
    yield SETTLE_SECONDS
    put_at, answer = lab.now(), lab.put(domain, new)
    soon = yield from before_first_check(lab, domain, put_at, answer)
    if not soon:
        return UNKNOWN

    def is_found() -> bool:
        return has_found(lab.get(domain), soon, answer["At"])

    seen = yield from _signatures(lab, domain, old.selector, is_found)
    lab.delete(domain)
    return _lingers(seen) if any(mail.is_old and mail.is_found for mail in seen) else UNKNOWN
