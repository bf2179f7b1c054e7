"""
Which generations of a domain's key stand in DNS, in which role, and when one may leave.

Integers in, values out: no clock (times are parameters), no I/O, no Pulumi. A rule about
rotation that is written anywhere else is in the wrong file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Final, Literal, Protocol, TypeVar

from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import GenerationProblem

Role = Literal["previous", "signing", "standby"]
"""Why a generation is in DNS: mail signed with it is on its way, SES signs with it, it comes next."""

MAX_GENERATION: Final = 10**15
"""
Largest generation that a stack file may name.

Pulumi sends numbers as floats, which are exact to 2**53: that leaves room for every standby to come.
"""

OVERLAP_DAYS: Final = 10
"""
How long a generation stays published after its last signature, in days.

SES may search for the new key, and sign with the old one, for 72 hours; a queue keeps
retrying for "at least 4-5 days" (RFC 5321 section 4.5.4.1); the rest covers TTLs.
"""


SLOTS: Final = 3
"""
How many selectors a domain with `cname` has: one each for the previous, the signing and the next generation.

A fourth generation takes the slot of the first, once that has left DNS.
"""


class _FromGeneration(Protocol):
    @property
    def from_generation(self) -> int:
        """The first generation."""


T = TypeVar("T", bound=_FromGeneration)


def holding(zones: Sequence[T], generation: int) -> list[T]:
    """Those of *zones* that hold the record of *generation*: of the latest that begin with it or before."""
    begun = [zone.from_generation for zone in zones if zone.from_generation <= generation]
    return [zone for zone in zones if begun and zone.from_generation == max(begun)]


def slot(generation: int) -> int:
    """
    The slot of a generation with `cname`, counted from 1.

    >>> [slot(generation) for generation in (1, 2, 3, 4)]
    [1, 2, 3, 1]
    """
    return (generation - 1) % SLOTS + 1


def sharing(published: Collection[int]) -> tuple[int, int] | None:
    """Two published generations that share a slot, or None."""
    pairs = combinations(sorted(published), 2)
    return next((pair for pair in pairs if slot(pair[0]) == slot(pair[1])), None)


def published(signing: int, supplied: Collection[int] | None = None) -> tuple[int, ...]:
    """
    Generations in DNS while generation *signing* signs, oldest first; of *supplied* keys only those given.

    The standby is there one rotation early, so that a switch never waits for DNS.

    >>> published(1)
    (1, 2)
    >>> published(2)
    (1, 2, 3)
    >>> published(2, supplied={2})
    (2,)
    """
    neighbours = range(max(signing - 1, 1), signing + 2)
    return tuple(generation for generation in neighbours if supplied is None or generation in supplied)


def published_problem(signing: int, published: Sequence[int]) -> Message | None:
    """What is wrong with a list of published generations, or None."""
    for position, generation in enumerate(published):
        if generation < 1:
            return GenerationProblem.BELOW_ONE(generation=generation)
        if generation in published[:position]:
            return GenerationProblem.TWICE(generation=generation)
    if signing not in published:
        return GenerationProblem.NOT_PUBLISHED(generation=signing, published=str(list(published)))
    return None


def after_rotation(signing: int, published: Collection[int]) -> tuple[int, tuple[int, ...]]:
    """
    The generation that signs after *signing*, and those that then have to be in DNS.

    >>> after_rotation(2, (1, 2, 3))
    (3, (2, 3, 4))
    >>> after_rotation(2, (2, 4))
    (4, (2, 4, 5))
    """
    following, *later = sorted(one for one in published if one > signing) or [signing + 1]
    return following, (signing, following, *(later or [following + 1]))


def after_leak(
    leaked: int, *, signing: int, published: Collection[int], slots: bool = False
) -> tuple[int, tuple[int, ...]]:
    """
    The generation that signs, and those in DNS, once the key of generation *leaked* is dropped.

    No generation number gets a second key. The result has a standby, but for *slots* where a generation
    that stays has its slot.

    >>> after_leak(2, signing=2, published=(1, 2, 3))
    (3, (1, 3, 4))
    >>> after_leak(3, signing=2, published=(1, 2, 3))
    (2, (1, 2, 4))
    >>> after_leak(2, signing=2, published=(1, 2, 3), slots=True)
    (3, (1, 3))
    """
    rest = {*published} - {leaked}
    if leaked == signing:
        signing = min((one for one in rest if one > leaked), default=leaked + 1)
    rest |= {signing}
    if max(rest) == signing:
        standby = max(signing, leaked) + 1
        rest |= set() if slots and sharing({*rest, standby}) else {standby}
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


@dataclass(frozen=True, slots=True)
class TooEarly:
    """A generation that would leave DNS while mail signed with it may still be on its way."""

    generation: int
    signed_until: datetime
    allowed_from: datetime
    """The time from which its record may be removed."""


def too_early(
    *,
    before: Collection[int],
    after: Collection[int],
    exchanged: Collection[int] = (),
    signing_before: int | None,
    signed_until: Mapping[int, datetime],
    now: datetime,
    overlap_days: int,
) -> tuple[TooEarly, ...]:
    """
    Generations that a change from *before* to *after* takes out of DNS too early, oldest first.

    *before* and *after* are the published generations before and after the change. *exchanged*
    generations stay but get another key, so their old records go too. *signing_before* signs
    until *now*; None if nothing signs yet. *signed_until* says when every other generation last
    signed; a generation that is not in it never signed. *overlap_days* 0 is the override: all may go.
    """
    if overlap_days == 0:
        return ()
    leaving = set(before) - set(after) | set(before) & set(exchanged)
    last_signed = dict(signed_until)
    if signing_before is not None:
        last_signed[signing_before] = now
    overlap = timedelta(days=overlap_days)
    return tuple(
        TooEarly(generation, last_signed[generation], last_signed[generation] + overlap)
        for generation in sorted(leaving & last_signed.keys())
        if now < last_signed[generation] + overlap
    )


def allowed_today(
    *, after: Collection[int], early: Collection[TooEarly], slots: bool = False
) -> tuple[int, ...]:
    """
    The list nearest to *after* that may be published now: plus the generations that leave too early.

    With *slots*, without those that would take the slots of these.
    """
    return together({found.generation for found in early}, after, slots=slots)


def together(stay: Collection[int], others: Collection[int], *, slots: bool) -> tuple[int, ...]:
    """
    The generations *stay* and *others*; with *slots*, without those of *others* that would take their slots.

    >>> together({2, 3, 4}, {3, 4, 5}, slots=True)
    (2, 3, 4)
    """
    taken = {slot(generation) for generation in stay if slots}
    return tuple(sorted({*stay, *(generation for generation in others if slot(generation) not in taken)}))
