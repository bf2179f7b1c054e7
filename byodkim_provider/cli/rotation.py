"""
Computes a rotation, a step back or the removal of a leaked key, as a change of a domain's numbers.

Values in, values or a refusal out: no file, no command, no clock. `generations` and `rules` know
which generations have to be in DNS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.config.stack_file import Changes
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.generations import TooEarly
from byodkim_provider.errors import InvalidSettings, StillInUse
from byodkim_provider.identity import rules
from byodkim_provider.identity.state import Stored
from byodkim_provider.messages.cli import CliProblem
from byodkim_provider.messages.identity import RotationProblem, RotationStep

NEVER: Final = datetime.min.replace(tzinfo=UTC)

Way = Literal["forward", "back", "compromised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One step of a domain."""

    domain: str
    before: int
    """The generation that signs now."""
    generation: int
    """The generation that will sign."""
    published: tuple[int, ...]
    """The generations that will be in DNS."""
    changes: Changes
    """New values of the domain's keys in the stack file; None removes the key."""
    notes: tuple[str, ...]
    """Notes for the user before the change, one line each."""


def rotation(
    way: Way,
    domain: DomainSettings,
    stored: Sequence[Stored],
    *,
    written: Mapping[str, Any],
    supplied: Collection[int] | None,
    now: datetime,
) -> Rotation:
    """
    The step *way* from what *domain* says; *stored* are its identities.

    *written* is the domain in the stack file, *supplied* are the generations that its `keys` has, None
    without `keys`. Raises `InvalidSettings` if there is nowhere to go, `StillInUse` if signed mail
    would fail.
    """
    _refuse_unsettled(domain, stored)
    lately = rules.signed_lately(stored, domain.overlap_days, now)
    target, wanted = _wanted(way, domain, stored, supplied, lately)
    standing = {one for each in stored for one in each.declared.published}
    early = {one: lately[one] for one in (lately.keys() & standing) - wanted - {domain.generation}}
    # What is written out was meant to stay. What would leave by default may surprise: a second rotation
    # is perhaps the first one, run again.
    kept = early.keys() & {*domain.published} if written.get("published") is not None else set()

    def allowed(early: Collection[TooEarly]) -> tuple[int, ...]:
        return generations.allowed_today(before=standing, after=wanted, early=early, slots=domain.selector)

    published = allowed([early[one] for one in kept])
    if refused := [found for one, found in early.items() if one not in kept]:
        last = max(refused, key=lambda found: found.allowed_from)
        fields = {
            "domain": domain.name,
            **asdict(last),
            "target": target,
            "today": list(allowed(early.values())),
        }
        raise StillInUse(RotationProblem.ROTATED_LATELY(**fields))
    is_default = published == generations.published(target, supplied)
    changes: dict[str, int | list[int] | None] = {
        "generation": target,
        "published": None if is_default else list(published),
    }
    if way == "compromised":
        changes["overlapDays"] = 0
    elif str(written.get("overlapDays")) == "0":  # it was for the step before
        changes["overlapDays"] = None
    return Rotation(
        domain=domain.name,
        before=domain.generation,
        generation=target,
        published=published,
        changes=changes,
        notes=tuple(_notes(way, domain, target, published, lately)),
    )


def _refuse_unsettled(domain: DomainSettings, stored: Sequence[Stored]) -> None:
    """Refuse if the stack differs from the stack file: the next `pulumi up` would make two steps at once."""
    if domain.retired:
        raise InvalidSettings(CliProblem.RETIRED(domain=domain.name))
    if not stored:
        raise InvalidSettings(CliProblem.NOT_MADE(domain=domain.name))
    problems = []
    for one in stored:
        name = f"{domain.name} {one.declared.region}"
        if one.key is None:
            problems.append(CliProblem.WAITS_FOR_DNS(name=name))
        elif one.declared.generation != domain.generation:
            signs, wanted = one.declared.generation, domain.generation
            problems.append(CliProblem.OTHER_GENERATION(name=name, generation=signs, wanted=wanted))
    if problems:
        raise InvalidSettings(problems, hint=problems[0].hint)


def _wanted(
    way: Way,
    domain: DomainSettings,
    stored: Sequence[Stored],
    supplied: Collection[int] | None,
    lately: Mapping[int, TooEarly],
) -> tuple[int, set[int]]:
    """The generation that will sign, and those that this step or the next one needs in DNS."""
    signing, published = domain.generation, {*domain.published}
    if way == "back":
        earlier = [generation for generation in published if generation < signing]
        if not earlier:
            raise InvalidSettings(CliProblem.NO_WAY_BACK(domain=domain.name, generation=signing))
        # Back to what signed last before.
        signed = {one: [each.signed_until.get(one, NEVER) for each in stored] for one in earlier}
        return max(earlier, key=lambda one: (max(signed[one]), one)), published
    if way == "compromised":
        standing = {*published, *(one for each in stored for one in each.declared.published)}
        stays = {one for one in standing if one in lately or (one >= signing and one in published)}
        target, wanted = generations.after_leak(
            signing, signing=signing, published=stays, slots=domain.selector, used=lately
        )
    else:
        target, wanted = generations.after_rotation(signing, published, slots=domain.selector, used=lately)
        _refuse_taken_slot(domain, target, lately)
    there = {one for one in wanted if supplied is None or one in published or one in supplied}
    if target not in there:
        raise InvalidSettings(CliProblem.NO_STANDBY(domain=domain.name, generation=target))
    return target, there


def _refuse_taken_slot(domain: DomainSettings, target: int, lately: Mapping[int, TooEarly]) -> None:
    """Refuse a generation that has no record yet, while its slot is another one's."""
    if target in domain.published:
        return
    if taken := generations.sharing(target, domain.published, domain.selector):
        published = sorted({*domain.published, target} - {*taken})
        fields = {"signing": domain.generation, "before": taken[0], "published": published}
        raise InvalidSettings(CliProblem.SLOT_TAKEN(domain=domain.name, generation=target, **fields))
    for one in generations.sharing(target, lately, domain.selector):
        fields = {"domain": domain.name, **asdict(lately[one]), "today": list(domain.published)}
        keep = RotationStep.KEEP(generation=domain.generation)
        raise StillInUse(RotationProblem.SLOT_IN_USE(next_one=keep, **fields))


def _notes(
    way: Way, domain: DomainSettings, target: int, published: Sequence[int], lately: Collection[int]
) -> Iterator[str]:
    signing = domain.generation
    yield f"generation {signing} → {target}, in DNS: {', '.join(map(str, published))}"
    if way == "compromised":
        yield f"the update that switches to generation {target} also removes the record of {signing}"
        yield (
            f"mail signed with generation {signing} that is on its way fails DKIM, and so does what SES "
            f"signs with it until it has found the record of {target}"
        )
        yield "`overlapDays: 0` allows that, and the next rotation removes it"
        if kept := [one for one in published if one < target]:
            yield f"what signed lately stays, as not leaked: {', '.join(map(str, kept))}"
        if target not in domain.published and generations.sharing(target, lately, domain.selector):
            yield (
                f"the slot of generation {target} had another key lately: where that is remembered, for the "
                "`ttl` of the settings, mail fails DKIM"
            )
    if published[-1] == target and domain.selector(target):
        yield "there is no standby after it until a slot is free"
    elif published[-1] == target:
        yield f"there is no standby after it, add `keys.{target + 1}` before the next rotation"
