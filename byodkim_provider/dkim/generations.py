"""
Which generations of a domain's key stand in DNS, in which role, and when one may leave.

Values in, values out: no clock (times are parameters), no I/O, no Pulumi.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import DkimMessages

Role = Literal["previous", "signing", "standby"]
"""
Why a generation is in DNS: mail signed with it is on its way, SES signs with it, it comes next.
"""

MAX_PUBLISHED: Final = 20
"""Most generations that are published at once: each has a key and a record, and three are usual."""

MAX_GENERATION: Final = 10**15
"""
Largest generation that a stack file may name.

Pulumi sends numbers as floats, which are exact to 2**53: that leaves room for every standby to
come.
"""

OVERLAP_DAYS: Final = 10
"""
How long a generation stays published after its last signature, in days.

SES may search for the new key, and sign with the old one, for 72 hours; a queue keeps
retrying for "at least 4-5 days" (RFC 5321 section 4.5.4.1); the rest covers TTLs.
"""


SLOTS: Final = 3
"""
How many selectors a domain with `cname` has: one each for the previous, the signing and the next
generation.

A fourth generation takes the slot of the first, once that has left DNS.
"""


T = TypeVar("T", bound=Any)
"""
A zone, or what the settings say of one: `from_generation` is the first whose record stands there.
"""

Slots = Callable[[int], object]
"""The slot of a generation of a domain, as anything that can be compared; None if it has none."""


def holding(zones: Sequence[T], generation: int) -> list[T]:
    """
    Those of *zones* that hold the record of *generation*: of the latest that begin with it or
    before.
    """
    begun = [zone.from_generation for zone in zones if zone.from_generation <= generation]
    return [zone for zone in zones if begun and zone.from_generation == max(begun)]


def slot(generation: int) -> int:
    """
    The slot of a generation with `cname`, counted from 1.

    >>> [slot(generation) for generation in (1, 2, 3, 4)]
    [1, 2, 3, 1]
    """
    return (generation - 1) % SLOTS + 1


def selector(zones: Sequence[T], generation: int) -> str | None:
    """
    The selector of the slot of *generation* in *zones*; None without `cname`, where each key gets a
    new one.
    """
    cnames = [zone.cname for zone in holding(zones, generation) if zone.cname]
    return f"{cnames[0]}{slot(generation)}" if cnames else None


def sharing(generation: int, others: Collection[int], slots: Slots) -> tuple[int, ...]:
    """
    Those of *others* that have the slot of *generation*: the one rule of slots.

    >>> sharing(4, (1, 2, 4), slot)
    (1,)
    """
    own = slots(generation)
    if own is None:
        return ()
    return tuple(other for other in others if other != generation and slots(other) == own)


def _following(known: Collection[int], held: Collection[int], slots: Slots) -> int | None:
    """
    The next number after all *known* ones whose slot none of *held* has; None if every slot is
    held.
    """
    first = max(known) + 1
    for generation in range(first, first + SLOTS):
        if not sharing(generation, held, slots):
            return generation
    return None


def published(signing: int, supplied: Collection[int] | None = None) -> tuple[int, ...]:
    """
    Generations in DNS while generation *signing* signs, oldest first; of *supplied* keys only those
    given.

    The standby is there one rotation early, so that a switch never waits for DNS.

    >>> published(1)
    (1, 2)
    >>> published(2)
    (1, 2, 3)
    >>> published(2, supplied={2})
    (2,)
    """
    neighbours = range(max(signing - 1, 1), signing + 2)
    return tuple(
        generation for generation in neighbours if supplied is None or generation in supplied
    )


def published_problem(signing: int, published: Sequence[int]) -> Message | None:
    """What is wrong with a list of published generations, or None."""
    if len(published) > MAX_PUBLISHED:
        return DkimMessages.TOO_MANY(count=len(published), most=MAX_PUBLISHED)
    if signing not in published:
        return DkimMessages.SIGNING_NOT_PUBLISHED(
            generation=signing, published=str(list(published))
        )
    return None


def after_rotation(
    signing: int, published: Collection[int], *, slots: Slots, used: Collection[int]
) -> tuple[int, tuple[int, ...]]:
    """
    The generation that signs after *signing*, and those that then have to be in DNS.

    *used* signed lately, published or not: nothing takes their slots. If no slot is free, the next
    number has to wait for that of another generation, and there is no standby.

    >>> after_rotation(2, (1, 2, 3), slots=slot, used=())
    (3, (2, 3, 4))
    >>> after_rotation(2, (2, 4), slots=slot, used=())
    (4, (2, 4, 6))
    >>> after_rotation(2, (2, 4), slots=lambda generation: None, used=())
    (4, (2, 4, 5))
    """
    known = {*published, *used}
    later = sorted(generation for generation in published if generation > signing)
    if not later:
        later = [_following(known, known, slots) or max(known) + 1]
    following = later[0]
    stay = [signing, *later]
    if len(later) == 1:
        standby = _following({*known, following}, {*used, signing, following}, slots)
        stay += [standby] if standby else []
    return following, tuple(stay)


def after_leak(
    leaked: int,
    *,
    signing: int,
    published: Collection[int],
    slots: Slots,
    used: Collection[int],
) -> tuple[int, tuple[int, ...]]:
    """
    The generation that signs, and those in DNS, once the key of generation *leaked* is dropped.

    No generation number gets a second key. *used* signed lately: no standby takes their slots, nor
    that of the key that signed until now, but a new key that is to sign may take one of *used*. If
    no slot is free, there is no standby. If the key that is to sign gets no slot either, the latest
    of the other generations signs again.

    >>> after_leak(2, signing=2, published=(1, 2, 3), slots=slot, used=())
    (3, (1, 3))
    >>> after_leak(3, signing=3, published=(1, 3), slots=slot, used=())
    (5, (1, 5))
    >>> after_leak(2, signing=2, published=(1, 2, 3), slots=lambda generation: None, used=())
    (3, (1, 3, 4))
    """
    rest = {*published} - {leaked}
    known = {*published, *used, leaked}
    held = {*used}
    if leaked == signing:
        held.add(leaked)
        later = min((generation for generation in rest if generation > leaked), default=None)
        signing = later or _following(known, {*rest, leaked}, slots) or max(rest)
    rest.add(signing)
    if max(rest) == signing:
        standby = _following({*known, signing}, rest | held, slots)
        rest |= {standby} if standby else set()
    return signing, tuple(sorted(rest))


def roles(signing: int, published: Collection[int]) -> dict[int, Role]:
    """
    Role of every generation in *published*, oldest first.

    >>> roles(3, (2, 3, 5))
    {2: 'previous', 3: 'signing', 5: 'standby'}
    """
    return {generation: _role(generation, signing) for generation in sorted(published)}


def _role(generation: int, signing: int) -> Role:
    if generation == signing:
        return "signing"
    return "previous" if generation < signing else "standby"


def signed_lately(
    signed_until: Mapping[int, datetime], *, now: datetime, overlap_days: int
) -> dict[int, datetime]:
    """
    Those of *signed_until* whose mail may still be on its way. *overlap_days* 0 is the override:
    none.
    """
    overlap = timedelta(days=overlap_days)
    if not overlap_days:
        return {}
    return {
        generation: last
        for generation, last in sorted(signed_until.items())
        if now < last + overlap
    }


def too_early(
    *,
    before: Collection[int],
    after: Collection[int],
    exchanged: Collection[int],
    slots: Slots,
    signing_before: int | None,
    signed_until: Mapping[int, datetime],
    now: datetime,
    overlap_days: int,
) -> dict[int, datetime]:
    """
    Generations that a change from *before* to *after* takes out of DNS too early, and when each
    signed last.

    *before* and *after* are the published generations before and after the change. *exchanged*
    generations stay but get another key, so their old records go too. A generation whose slot
    another one takes is checked as well, and so is one that comes back, with another key: resolvers
    may still have its record cached. *signing_before* signs until *now*; None if nothing signs yet.
    *signed_until* says when every other generation last signed; a generation that is not in it
    never signed. *overlap_days* 0 is the override: all may go.
    """
    last_signed = dict(signed_until)
    if signing_before is not None:
        last_signed[signing_before] = now
    leaving = set(before) - set(after) | set(before) & set(exchanged)
    for new in set(after) - set(before):
        leaving.update(sharing(new, last_signed, slots))
        if slots(new) is not None:
            leaving.add(new)
    signed = {generation: last_signed[generation] for generation in leaving & last_signed.keys()}
    return signed_lately(signed, now=now, overlap_days=overlap_days)


def allowed_today(
    *,
    before: Collection[int],
    after: Collection[int],
    early: Collection[int],
    slots: Slots,
) -> tuple[int, ...]:
    """
    The list nearest to *after* that may be published now, instead of *before*.

    It keeps the generations that would leave too *early*, and gets none that would take the slot of
    one.
    """
    stay = {*before} & {*after, *early}
    taken = stay.union(early)
    new = {generation for generation in after if not sharing(generation, taken, slots)}
    return tuple(sorted(stay | (new - {*early})))


def together(stay: Collection[int], others: Collection[int], *, slots: Slots) -> tuple[int, ...]:
    """
    The generations *stay* and *others*, without those of *others* that would take the slots of the
    first.

    >>> together({2, 3, 4}, {3, 4, 5}, slots=slot)
    (2, 3, 4)
    """
    free = {generation for generation in others if not sharing(generation, stay, slots)}
    return tuple(sorted({*stay, *free}))
