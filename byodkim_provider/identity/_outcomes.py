"""
What is stored of an identity once SES has answered: which key it has, and when each generation signed.

Values in, values out: no call, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from byodkim_provider.aws.ses import DkimResponse, SesIdentity
from byodkim_provider.aws.tags import INSTANCE_TAG
from byodkim_provider.identity.state import Declared, Stored

__all__ = [
    "as_seen",
    "has_verified",
    "is_response_lost",
    "may_have_signed",
    "others",
    "signed_until",
    "with_key",
]


def with_key(stored: Stored, answer: DkimResponse, *, by: str) -> Stored:
    return replace(
        stored,
        status=answer.dkim_status,
        origin=answer.origin,
        signing_enabled=answer.signing_enabled,
        signing_selector=stored.declared.selector,
        error_type="",
        was_verified=False,
        key_set_at=answer.at,
        key_set_by=by,
    )


def as_seen(stored: Stored, seen: SesIdentity) -> Stored:
    return replace(
        stored,
        status=seen.dkim_status,
        origin=seen.origin,
        signing_enabled=seen.signing_enabled,
        signing_selector=seen.selector,
        error_type=seen.failure,
    )


def has_verified(stored: Stored, seen: SesIdentity) -> bool:
    """Whether SES says that it has verified the stored key, now or at some time since it was set."""
    if seen.origin != "EXTERNAL" or seen.selector not in (None, stored.declared.selector):
        return False
    if seen.dkim_status == "SUCCESS":
        return True
    return (
        stored.key_set_at is not None
        and seen.last_success is not None
        and seen.last_success >= stored.key_set_at
    )


def is_response_lost(stored: Stored, declared: Declared, seen: SesIdentity) -> bool:
    """Whether a run that was killed, or somebody else, had SES sign with what state does not know of."""
    if stored.key_set_at is None:
        # Its own Create may have been of this very key, and then nothing signed before that.
        return (seen.selector, seen.tags.get(INSTANCE_TAG)) != (declared.selector, stored.instance)
    return seen.selector not in (None, stored.declared.selector, declared.selector)


def others(declared: Declared) -> list[int]:
    """All published generations but the one that signs."""
    return [g for g in declared.published if g != declared.generation]


def may_have_signed(stored: Stored, generations: Iterable[int], now: datetime) -> Stored:
    """Count *generations* as signing until *now*: nobody knows better."""
    return replace(stored, signed_until={**stored.signed_until, **dict.fromkeys(generations, now)})


def signed_until(
    stored: Stored, declared: Declared, before: Declared | None, now: datetime
) -> dict[int, datetime]:
    """Times of the last signature, once *declared* signs instead of *before*."""
    times = dict(stored.signed_until)
    if before and before.generation is not None and before.generation != declared.generation:
        times[before.generation] = now
    return {g: at for g, at in times.items() if g != declared.generation}
