"""
How SES differs from what is declared of an identity: the one judgement, for plan, verification and commands.

Values in, values out: nothing decides by a text. `described` makes the text of a difference.

    difference       seen in SES                                   what `pulumi up` does
    GONE             no such identity                              makes it again
    OTHER_OWNER      another owner tag, or none                    refuses, or takes it over with `adopt`
    OTHER_INSTANCE   tags of a replacement that was not stored     sets the tags
    OTHER_ORIGIN     Easy DKIM, or no DKIM                         sends the key
    OTHER_SELECTOR   the selector of another key                   sends the key
    DISABLED         DKIM signatures are disabled                  enables them
    FAILED           SES has given up looking for the record       sends the key
    FELL_BACK        SES does not confirm the key any more         waits until it does
    OTHER_VALUE      the record holds another key                  sends the key

The last three are about a key that SES has, so they are found only if nothing else differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

from byodkim_provider.aws.ses import INSTANCE_TAG, SesIdentity, with_error
from byodkim_provider.identity.ownership import lost_reason, other_owner
from byodkim_provider.identity.state import GONE, KeyInSes, Stored

What = Literal[
    "GONE",
    "OTHER_OWNER",
    "OTHER_INSTANCE",
    "OTHER_ORIGIN",
    "OTHER_SELECTOR",
    "DISABLED",
    "FAILED",
    "FELL_BACK",
    "OTHER_VALUE",
]

INVALID_VALUE: Final = "INVALID_VALUE"
"""SES's `ErrorType` for a record with another key than the one it holds (SES API, VerificationInfo)."""


SETTLED: Final = timedelta(minutes=30)
"""
After this time with a key SES has checked it several times, so SUCCESS is hardly that of the key before.

Further polls would show nothing new.
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between SES and what is declared."""

    what: What
    seen: str = ""
    """The owner in words, the origin (each "" for none), the selector, or SES's status and error type."""


def of_key(selector: str, *, origin: str, signs_with: str | None, enabled: bool) -> list[Difference]:
    """Why SES does not sign with the key of *selector*, even once it has verified it; empty if it does."""
    found = []
    if origin != "EXTERNAL":
        found.append(Difference("OTHER_ORIGIN", origin))
    elif signs_with not in (None, selector):
        found.append(Difference("OTHER_SELECTOR", signs_with or ""))
    if not enabled:
        found.append(Difference("DISABLED"))
    return found


def of_shown(selector: str, seen: SesIdentity) -> list[Difference]:
    """The same from what SES shows. No check of the record changes these differences."""
    return of_key(selector, origin=seen.origin, signs_with=seen.selector, enabled=seen.signing_enabled)


def has_key(selector: str, seen: SesIdentity) -> bool:
    """Whether SES has the key of *selector*; also if SES returns no selector."""
    return seen.origin == "EXTERNAL" and seen.selector in (None, selector)


def differences(stored: Stored) -> tuple[Difference, ...]:
    """The differences when SES was last read, the gravest first; empty while DNS is pending."""
    if stored.key is None:
        return ()
    if stored.status == GONE:
        return (Difference("GONE"),)
    found = []
    if stored.other_owner is not None:
        found.append(Difference("OTHER_OWNER", stored.other_owner))
    if stored.other_instance:
        found.append(Difference("OTHER_INSTANCE"))
    found += of_key(
        stored.declared.selector,
        origin=stored.origin,
        signs_with=stored.signing_selector,
        enabled=stored.signing_enabled,
    )
    return tuple(found or _of_check(stored))


def _of_check(stored: Stored) -> list[Difference]:
    """What is wrong with SES's check of the key that it has."""
    seen = with_error(stored.status, stored.error_type)
    if stored.status == "FAILED":
        return [Difference("FAILED", seen)]
    if fell_back(stored):
        return [Difference("FELL_BACK", seen)]
    return [Difference("OTHER_VALUE", seen)] if stored.error_type == INVALID_VALUE else []


def fell_back(stored: Stored) -> bool:
    """Whether SES had verified the key and does not confirm it any more."""
    return stored.was_verified and stored.status not in ("SUCCESS", GONE)


_TEXTS: Final[dict[What, str]] = {
    "GONE": "gone from SES",
    "OTHER_INSTANCE": "its tags are those of a replacement that was not stored",
    "OTHER_ORIGIN": "signs with a key of SES's own ({seen}), not with {selector!r}",
    "OTHER_SELECTOR": "signs with selector {seen!r}, not {selector!r}",
    "DISABLED": "DKIM signatures are disabled",
    "FAILED": "SES has given up looking for the record: {seen}",
    "FELL_BACK": "SES says {seen}, it said SUCCESS before",
    "OTHER_VALUE": "SES says {seen}: the record does not hold the key that SES has",
}


def described(found: Difference, selector: str) -> str:
    """The text of a difference from an identity that is to sign with *selector*."""
    if found.what == "OTHER_OWNER":
        return str(lost_reason(found.seen))
    if found == Difference("OTHER_ORIGIN"):
        return "is without DKIM"
    return _TEXTS[found.what].format(seen=found.seen, selector=selector)


def is_refused(stored: Stored) -> bool:
    """Whether `pulumi up` refuses the identity: it is not this resource's any more, and not adopted."""
    return stored.other_owner is not None and not stored.declared.adopt


def drift(stored: Stored) -> list[str]:
    """The texts of `differences`, for people."""
    return [described(one, stored.declared.selector) for one in differences(stored)]


def as_seen(stored: Stored, seen: SesIdentity) -> Stored:
    return replace(
        stored,
        key=stored.key and replace(stored.key, status=seen.dkim_status),
        origin=seen.origin,
        signing_enabled=seen.signing_enabled,
        signing_selector=seen.selector,
        error_type=seen.failure,
    )


def refreshed(stored: Stored, seen: SesIdentity | None) -> Stored:
    """
    What is stored after a read of SES that changes nothing; None: SES shows no such identity.

    An identity that is gone stays in the state as GONE: only the state shows which generations it
    signed with, and mail with their signatures is still on its way.
    """
    if stored.key is None:
        return stored  # as far as the state shows, SES never got the key
    if seen is None:
        return replace(
            stored,
            key=replace(stored.key, status=GONE),
            origin="",
            signing_enabled=False,
            signing_selector=None,
            error_type="",
            other_instance="",
            other_owner=None,
        )
    owner, instance = other_owner(stored.declared, seen.tags), seen.tags.get(INSTANCE_TAG, "")
    return replace(
        as_seen(stored, seen),
        other_owner=owner,
        other_instance=instance if owner is None and instance != stored.instance else "",
        was_verified=stored.was_verified
        or (has_key(stored.declared.selector, seen) and _has_verified(stored.key, seen)),
    )


def _has_verified(key: KeyInSes, seen: SesIdentity) -> bool:
    """
    Whether SES, which has the stored *key*, has verified it since it was set.

    SUCCESS alone may be that of the key before: a read may be stale, and SES may keep the status.
    """
    if seen.last_success and seen.last_success > key.key_set_at:
        return True
    return seen.dkim_status == "SUCCESS" and seen.at - key.key_set_at >= SETTLED
