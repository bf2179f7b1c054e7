"""
Which change of an identity would make signed mail fail: `refuse_unsafe` has the rules, in order.

An identity stays in its account. `adopt` goes alone. The key that signs stays, and no selector gets
a second one. A generation that signed within `overlapDays` stays in DNS, and in its slot.

Values in, values or a refusal out: no clock (times are parameters), no I/O, no Pulumi. The
refusals are for previews, so nothing here may raise for what is stored already.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

from byodkim_provider.dkim import generations
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages

_DECIDING: Final = frozenset({"published", "supplied_keys", "overlap_days", "regions"})
"""Inputs that say which generations leave DNS, and when they may."""


def changed(stored: Stored, declared: Declared, *, unknown: Collection[str]) -> tuple[str, ...]:
    """Names of the inputs that differ from what is stored; the owner never does."""
    ignored = {"owner", *unknown}
    if not declared.fingerprint:
        ignored |= {"fingerprint", "record_value"}
    names = (name.name for name in fields(Declared) if name.name not in ignored)
    differing = [
        name for name in names if getattr(stored.declared, name) != getattr(declared, name)
    ]
    return (*differing, *unknown)


def region_leaves(before: Declared, after: Declared) -> bool:
    """
    Whether a Region is dropped. Its identity holds the only record of when each generation last
    signed.
    """
    return bool(after.regions) and not set(before.regions) <= set(after.regions)


def signed_lately(
    stored: Collection[Stored], overlap_days: int, now: datetime
) -> dict[int, datetime]:
    """
    Generations that signed before, and may have mail on its way, with the last time in any Region.

    Published ones may not leave DNS yet. The slots of those that have left get no other key yet.
    """
    until: dict[int, datetime] = {}
    for one in stored:
        for generation, last in one.signed_until.items():
            until[generation] = max(last, until.get(generation, last))
    return generations.signed_lately(until, now=now, overlap_days=overlap_days)


def in_use(
    generation: int, last: datetime, overlap_days: int = generations.OVERLAP_DAYS
) -> dict[str, Any]:
    """What a message says of a *generation* that signed *last* then, and has to stay."""
    allowed_from = last + timedelta(days=overlap_days)
    return {"generation": generation, "signed_until": last, "allowed_from": allowed_from}


def refuse_unsafe(
    stored: Stored, declared: Declared, *, unknown: Collection[str], now: datetime
) -> None:
    """
    Raise if the change to *declared* would make signed mail fail: the two rules of rotation, and
    one of `adopt`.

    "StillInUse" if a generation would leave DNS too early, `InvalidSettings` if one would
    get a second key, or if `adopt` goes together with another change. Never raises for what is
    stored already.
    """
    before = stored.declared
    accounts = (before.account_id, declared.account_id)
    if None not in accounts and before.account_id != declared.account_id:
        raise InvalidSettings(
            IdentityMessages.OTHER_ACCOUNT(name=str(before), before=accounts[0], after=accounts[1])
        )
    is_alone = changed(stored, declared, unknown=unknown) == ("adopt",)
    if before.adopt and not declared.adopt and not is_alone:
        # The engine stores of a run that fails that the records go, while the identity still stays.
        raise InvalidSettings(IdentityMessages.ADOPT_ALONE(name=str(before)))
    if stored.key:
        _refuse_second_key(before, declared)
    if not _DECIDING & set(unknown):  # else the update asks again, once they are known
        _refuse_early(stored, declared, now)


def _refuse_early(stored: Stored, declared: Declared, now: datetime) -> None:
    """Raise "StillInUse" if a generation would leave DNS, or its slot, within the overlap."""
    before = stored.declared
    early = _too_early(stored, declared, now, overlap_days=declared.overlap_days)
    if not early:
        return
    last = max(early, key=lambda generation: early[generation])
    problem = IdentityMessages.STILL_IN_USE
    if last not in before.published:
        problem = IdentityMessages.SLOT_IN_USE
    elif last in _exchanged(before, declared):
        problem = IdentityMessages.STILL_IN_USE_KEY
    slots = before.slots_in_change(declared)
    today = generations.allowed_today(
        before=before.published, after=declared.published, early=early, slots=slots
    )
    fields = in_use(last, early[last], declared.overlap_days)
    next_one = _next_one(before, declared, today)
    said = problem(domain=before.domain, today=list(today), next_one=next_one, **fields)
    raise ByodkimError(said, kind="StillInUse")


def _too_early(
    stored: Stored, declared: Declared, now: datetime, *, overlap_days: int
) -> dict[int, datetime]:
    """
    Generations that the change to *declared* takes out of DNS too early, and when each signed last.
    """
    before, signed_until = stored.declared, dict(stored.signed_until)
    if region_leaves(before, declared):
        signed_until |= dict.fromkeys(before.published, now)
    return generations.too_early(
        before=before.published,
        after=declared.published,
        exchanged=_exchanged(before, declared),
        slots=before.slots_in_change(declared),
        signing_before=before.generation if stored.key else None,
        signed_until=signed_until,
        now=now,
        overlap_days=overlap_days,
    )


def overridden(
    stored: Stored, declared: Declared, *, unknown: Collection[str], now: datetime
) -> dict[int, datetime]:
    """
    Generations that leave DNS too early because of `overlapDays: 0`, as after a leak.

    Not the generation that this change replaces as the signing one: that it leaves is what a leak
    asks for, and the setting is perhaps a leftover of such a step for the others.
    """
    before = stored.declared
    if declared.overlap_days or _DECIDING & set(unknown):
        return {}
    replaced = before.generation if before.generation != declared.generation else None
    early = _too_early(stored, declared, now, overlap_days=generations.OVERLAP_DAYS)
    return {one: early[one] for one in early if one in {*before.published} - {replaced}}


def _next_one(before: Declared, declared: Declared, today: Collection[int]) -> Message | str:
    """
    Advice about the generation that signs, if the change skips one or has to wait; else empty.
    """
    signing = before.generation or 0
    if declared.generation and declared.generation not in today:
        return IdentityMessages.KEEP(generation=signing)
    later = [generation for generation in before.published if generation > signing]
    following = min(later, default=signing + 1)
    if (declared.generation or 0) <= following:
        return ""
    return IdentityMessages.NEXT_ONE(generation=following)


def _refuse_second_key(before: Declared, declared: Declared) -> None:
    """Raise `InvalidSettings` if a generation or a selector would get another key than it has."""
    other_key = bool(declared.fingerprint) and declared.fingerprint != before.fingerprint
    other_selector = declared.selector != before.selector  # one that a preview can't know is empty
    if (
        declared.generation is not None
        and declared.generation == before.generation
        and other_selector
    ):
        numbers = {"generation": before.generation, "following": before.generation + 1}
        raise InvalidSettings(
            IdentityMessages.OTHER_KEY(name=str(before), selector=before.selector, **numbers)
        )
    twice = before.selector if other_key and not other_selector else ""
    if twice and before.generation and before.cname and declared.cname:
        fields = {"selector": twice, "before": before.generation, "after": declared.generation}
        following = before.generation + 1
        raise InvalidSettings(
            IdentityMessages.SAME_SLOT(name=str(before), following=following, **fields)
        )
    if twice := twice or _selector_with_two_keys(before, declared):
        raise InvalidSettings(IdentityMessages.SECOND_KEY(name=str(before), selector=twice))


def _selector_with_two_keys(before: Declared, after: Declared) -> str:
    """
    The selector of a supplied key that is another one now, or was a generated one; "" for none.

    The records of both would have one name in DNS, and that of the old one is deleted last.
    """
    had = set(before.supplied_keys.values())
    selectors = {*before.selectors, *map(_selector_of, had)}
    for supplied in sorted(set(after.supplied_keys.values()) - had):
        if _selector_of(supplied) in selectors:
            return _selector_of(supplied)
    return ""


def _selector_of(supplied_key: str) -> str:
    return supplied_key.partition(":")[0]


def _exchanged(before: Declared, after: Declared) -> set[int]:
    """Generations that stay published with another key: a supplied one came, went or is another."""
    return {
        generation
        for generation in set(before.published) & set(after.published)
        if before.supplied_keys.get(generation) != after.supplied_keys.get(generation)
    }
