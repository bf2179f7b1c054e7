"""
Computes a rotation, a step back or the removal of a leaked key, as a change of a domain's numbers.

Values in, values or a refusal out: no file, no command, no clock. `generations` decides which
generations may leave DNS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.generations import TooEarly
from byodkim_provider.errors import InvalidSettings, StillInUse
from byodkim_provider.identity.state import Stored

NEVER: Final = datetime.min.replace(tzinfo=UTC)

Way = Literal["forward", "back", "compromised"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The new numbers of a domain in the stack file."""

    domain: str
    before: int
    """The generation that signs now."""
    generation: int
    """The generation that will sign."""
    published: tuple[int, ...]
    by_default: bool
    """*published* is what *generation* has by default, so it need not be written."""
    notes: tuple[str, ...]
    """Notes for the user before the change, one line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What `byodkim rotate --json` prints: the steps, and whether they stand in the file."""

    stack: str
    file: str
    """The file with the domains, as seen from the project; empty if there is nothing to do."""
    written: bool
    """False with `--dry-run`, and if there is nothing to do."""
    rotations: tuple[Rotation, ...]
    problems: dict[str, str]
    """Why a domain can't rotate, by domain; only with `--older-than`."""
    diff: str
    """Unified diff of the file; empty if there is nothing to do."""


def rotation(
    way: Way,
    domain: DomainSettings,
    stored: Sequence[Stored],
    *,
    supplied: Collection[int] | None,
    written_out: Collection[int],
    now: datetime,
) -> Rotation:
    """
    The step *way* from what *domain* says; *stored* are its identities.

    *supplied* are the generations that `keys` has, None without `keys`; *written_out* is
    `published` as far as it stands in the stack file. Raises `InvalidSettings` if there is
    nowhere to go, `StillInUse` if signed mail would fail.
    """
    _refuse_unsettled(domain, stored)
    target = _target(way, domain, stored, supplied)
    wanted = set(_wanted(way, domain, target, supplied))
    early = {
        generation: found
        for generation, found in signed_lately(stored, domain.overlap_days, now).items()
        if generation not in wanted | {domain.generation}
    }
    # What is written out was meant to stay. What would leave by default may surprise: a second rotation
    # is perhaps the first one, run again.
    kept = early.keys() if way == "compromised" else early.keys() & set(written_out)
    if refused := early.keys() - kept:
        last = max((early[generation] for generation in refused), key=lambda found: found.allowed_from)
        raise _too_early(domain.name, last, target, sorted(wanted | early.keys()))
    published = tuple(sorted(wanted | kept))
    default = (
        generations.published(target)
        if supplied is None
        else generations.published_with_keys(target, supplied)
    )
    return Rotation(
        domain=domain.name,
        before=domain.generation,
        generation=target,
        published=published,
        by_default=published == default,
        notes=tuple(_notes(way, domain, target, published)),
    )


def signed_lately(stored: Sequence[Stored], overlap_days: int, now: datetime) -> dict[int, TooEarly]:
    """Generations that signed before and may not leave DNS yet, with the latest date of all Regions."""
    lately: dict[int, TooEarly] = {}
    for one in stored:
        for found in generations.too_early(
            before=one.declared.published,
            after=(),
            signing_before=None,
            signed_until=one.signed_until,
            now=now,
            overlap_days=overlap_days,
        ):
            known = lately.setdefault(found.generation, found)
            lately[found.generation] = max(known, found, key=lambda one: one.allowed_from)
    return lately


def _refuse_unsettled(domain: DomainSettings, stored: Sequence[Stored]) -> None:
    """Refuse if the stack differs from the stack file: the next `pulumi up` would make two steps at once."""
    if domain.retired:
        raise InvalidSettings([f"{domain.name}: is retired, nothing signs"])
    if not stored:
        raise InvalidSettings([f"{domain.name}: is not made yet"], hint="run `pulumi up` first")
    problems = []
    for one in stored:
        name = f"{domain.name} {one.declared.region}"
        if one.key_set_at is None:
            problems.append(f"{name}: is waiting for DNS, nothing signs yet")
        elif one.declared.generation != domain.generation:
            problems.append(
                f"{name}: generation {one.declared.generation} signs, the stack file says {domain.generation}"
            )
    if problems:
        raise InvalidSettings(problems, hint="run `pulumi up` first")


def _target(
    way: Way, domain: DomainSettings, stored: Sequence[Stored], supplied: Collection[int] | None
) -> int:
    """The generation that will sign: the next one that is published, or back to what signed last before."""
    signing = domain.generation
    if way == "back":
        earlier = [generation for generation in domain.published if generation < signing]
        if not earlier:
            raise InvalidSettings(
                [f"{domain.name}: no generation before {signing} is published, there is no way back"],
                hint=f"`byodkim rotate {domain.name}` goes on to the next one",
            )
        return max(earlier, key=lambda one: (max(_last_signed(stored, one), default=NEVER), one))
    later = [generation for generation in domain.published if generation > signing]
    if not later and supplied is not None:
        raise InvalidSettings(
            [f"{domain.name}: there is no standby, `keys` has no generation {signing + 1}"],
            hint=f"add `keys.{signing + 1}` with a selector and a privateKey, run `pulumi up`, then rotate",
        )
    return later[0] if later else signing + 1


def _last_signed(stored: Sequence[Stored], generation: int) -> Iterator[datetime]:
    """When *generation* signed last, in each Region where it did."""
    return (one.signed_until[generation] for one in stored if generation in one.signed_until)


def _wanted(
    way: Way, domain: DomainSettings, target: int, supplied: Collection[int] | None
) -> tuple[int, ...]:
    """Generations that this step or the next one needs."""
    signing = domain.generation
    later = tuple(one for one in domain.published if one > max(target, signing))
    if way == "back":
        return domain.published
    if not later and (supplied is None or target + 1 in supplied):
        later = (target + 1,)
    return (target, *later) if way == "compromised" else (signing, target, *later)


def _too_early(domain: str, found: TooEarly, target: int, published: Sequence[int]) -> StillInUse:
    return StillInUse(
        domain,
        found.generation,
        signed_until=found.signed_until,
        allowed_from=found.allowed_from,
        published_today=published,
        hint=f"rotate again then; today `generation: {target}` is allowed in the stack file with "
        f"`published: {list(published)}`, which keeps what must stay",
    )


def _notes(way: Way, domain: DomainSettings, target: int, published: Sequence[int]) -> Iterator[str]:
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
    if published[-1] == target:
        yield f"there is no standby after it, add `keys.{target + 1}` before the next rotation"
