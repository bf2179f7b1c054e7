"""
The current state of one domain: what is wrong with it, and what is due.

Values in, values out: no calls here. Wrong: mail is not signed as the stack file says, or soon
will not be. Due: somebody should do something, and mail is fine. Notes: nobody has to do anything.
`byodkim status --json` prints these classes field by field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.aws.tags import OWNER_TAG, STACK_TAG
from byodkim_provider.cli.state import PublishedRecord
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import records
from byodkim_provider.dkim.generations import Role
from byodkim_provider.dkim.keys import fingerprint
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge, zone_not_found
from byodkim_provider.identity import verdicts
from byodkim_provider.identity.ownership import TAKE_BACK, other_owner, signs_today
from byodkim_provider.identity.rules import signed_lately
from byodkim_provider.identity.state import AWAITING_DNS, GONE, Stored
from byodkim_provider.identity.verdicts import UNCONFIRMED, Entry, is_from_before_put, judged

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far a time of the state may be ahead: AWS refuses requests whose clock differs by more."""

Verdict = Literal["well", "due", "wrong"]
"""The worst thing that was found: nothing, something to do while mail is fine, or something wrong."""

SEVERITY: Final[dict[Verdict, int]] = {"well": 0, "due": 1, "wrong": 2}
"""As exit code and as metric; in order, the worst last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityNow:
    """An identity, as SES shows it now."""

    region: str
    status: str
    """
    SES's DKIM status. `AWAITING_DNS` if the key was not sent yet, `GONE` if SES has no such identity,
    `UNCONFIRMED` if SES says SUCCESS and does not show whether that is about this key.
    """
    verified: bool
    """By the test of the BYODKIM guide, for the key that the stack knows."""
    signing_enabled: bool | None
    """None if SES was not asked, or has no such identity."""
    generation: int | None
    """Whose key SES has, or gets from the next `pulumi up`; None if the state does not know the key."""
    selector: str | None
    """Selector of that key; None if SES signs with its own keys."""
    signing_since: datetime | None
    """None if SES does not sign with this generation."""
    age_days: int | None
    """How many days the generation has signed; None if it does not sign, or since a time in the future."""
    problem: str
    """Why it is not verified; empty if it is, or if that could not be determined."""
    doubt: str
    """Message about what could not be determined; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNow:
    """A record, as DNS shows it now."""

    generation: int | None
    role: Role
    name: str
    value: str
    fingerprint: str
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    visible: bool | None
    """Whether every server that answers shows the key; None if DNS is not checked (`dnsCheck: off`)."""
    servers_visible: int | None
    """How many name servers show the key; None if DNS is not checked."""
    servers_asked: int | None
    """How many name servers were asked; None if DNS is not checked."""
    seen: str
    """Such as "3 of 4 servers show the key, ns-4.example.net is silent"."""
    signing_since: datetime | None
    """Since when the key signs, in the first of the Regions; None if it does not sign now."""
    signed_until: datetime | None
    """When the key signed last, in the last of the Regions; None if it never did, still does, or unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainNow:
    """A domain, with all findings."""

    domain: str
    verdict: Verdict
    retired: bool = False
    """Whether the stack file lets the domain go: its identities are removed, its records stay for a while."""
    rotate_after_days: int | None
    """None if the stack file does not have the domain."""
    next_rotation: datetime | None
    """When the key will have signed for `rotate_after_days`; None if nothing signs."""
    days_until_rotation: int | None
    """Whole days until then; negative if the rotation is overdue."""
    identities: tuple[IdentityNow, ...]
    records: tuple[RecordNow, ...]
    wrong: tuple[str, ...]
    """Mail is not signed as the stack file says, or soon will not be."""
    due: tuple[str, ...]
    """What somebody should do while mail is fine."""
    notes: tuple[str, ...]
    """What is good to know; nobody has to do anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNow:
    """A stack, with all its domains."""

    stack: str
    project: str = ""
    account_id: str | None = None
    """The AWS account of its identities; None before the first one is made."""
    verdict: Verdict
    """The worst of the domains."""
    checked_at: datetime
    domains: tuple[DomainNow, ...]


def identity_now(
    stored: Stored, seen: SesIdentity | None, now: datetime, verified: Collection[Entry] = ()
) -> IdentityNow:
    """
    The state of an identity from GetEmailIdentity's response; None if not found or not called.

    *verified* is what earlier runs of Pulumi found verified.
    """
    declared = stored.declared
    if seen is None:
        return IdentityNow(
            region=declared.region,
            status=AWAITING_DNS if stored.key_set_at is None else GONE,
            verified=False,
            signing_enabled=None,
            generation=declared.generation,
            selector=declared.selector,
            signing_since=None,
            age_days=None,
            problem="waiting for DNS: once the record is visible, run `pulumi up`"
            if stored.key_set_at is None
            else "SES has no such identity: run `pulumi up --refresh`",
            doubt="",
        )
    now = max(now, seen.at)  # SES's clock, which the times of the state are from
    entry = Entry.from_properties(stored.to_outputs())
    verdict = judged(entry, seen, seen_unverified=entry in verified)
    ours = seen.origin == "EXTERNAL" and seen.selector in (None, declared.selector)
    since = stored.signing_since if ours and seen.signing_enabled else None
    return IdentityNow(
        region=declared.region,
        status=verdict.status,
        verified=verdict.verified,
        signing_enabled=seen.signing_enabled,
        generation=declared.generation if ours else None,
        selector=declared.selector if ours else seen.selector,
        signing_since=since,
        age_days=(now - since).days if since and not _is_ahead(since, now) else None,
        problem=_problem(stored, seen, verdict),
        doubt=_doubt(verdict, since, now),
    )


def _is_ahead(time: datetime, now: datetime) -> bool:
    return time > now + CLOCKS_DIFFER


def _doubt(verdict: verdicts.Verdict, since: datetime | None, now: datetime) -> str:
    if verdict.status == UNCONFIRMED:
        return verdict.reason
    if since and _is_ahead(since, now):
        return (
            f"signing since {_minute(since)}, which is in the future: a clock was ahead; a rotation mends it"
        )
    return ""


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _problem(stored: Stored, seen: SesIdentity, verdict: verdicts.Verdict) -> str:
    owner = other_owner(stored.declared, seen.tags)
    if owner is not None:
        return f"{f'owned by {owner} now' if owner else 'has lost its owner tag'}: {TAKE_BACK}"
    if verdict.settled:
        return ""
    if seen.origin != "EXTERNAL":
        return f"SES signs with its own key ({seen.origin}): run `pulumi up --refresh`"
    if seen.selector not in (None, stored.declared.selector):
        return f"SES signs with selector {seen.selector!r}: run `pulumi up --refresh`"
    if not seen.signing_enabled:
        return "DKIM signatures are disabled in SES: run `pulumi up --refresh`"
    if seen.dkim_status == "SUCCESS" and (at := stored.key_set_at) and _is_ahead(at, seen.at):
        return (
            f"SES got the key at {_minute(at)}, which is in the future: a clock was ahead, and no check "
            "before that counts: rotate to the next generation"
        )
    if seen.dkim_status == "SUCCESS":
        return f"{verdict.reason}: run `pulumi up`"
    why = f" ({seen.failure})" if seen.failure else ""
    if seen.dkim_status == "FAILED" and is_from_before_put(verdict.entry, seen):
        return f"SES has given up{why} and does not search again: rotate to the next generation"
    if seen.dkim_status == "FAILED":
        return f"SES has given up{why}: `pulumi up --refresh` sends the key again"
    return f"verification pending{why}: run `pulumi up`"


def record_now(
    record: PublishedRecord, answers: Sequence[Answer] | None, stored: Sequence[Stored], *, retired: bool
) -> RecordNow:
    """
    The state of a record from DNS's answers, None if DNS was not queried; *stored* are the identities.

    Their generations give its role: a run that failed has perhaps not switched to what the file says.
    """
    key = records.public_key(record.value) or b""
    visibility = judge(answers, key) if answers is not None else None
    mine = [one for one in stored if record.generation is not None]
    since = [
        one.signing_since
        for one in mine
        if one.signing_since and one.declared.generation == record.generation
    ]
    # An adopted identity is stored as if every key had signed until then: nobody knows of its standby.
    until = [
        one.signed_until[number]
        for one in mine
        for number in one.signed_until
        if number == record.generation and not (one.adopted and number > (one.declared.generation or 0))
    ]
    role = record.role
    if mine:
        signing = any(one.declared.generation == record.generation for one in mine)
        role = "signing" if signing else "previous" if until else "standby"
    elif retired and role == "signing":
        role = "previous"
    seen = visibility.summary() if visibility else "DNS is not checked"
    if answers and zone_not_found(answers) and role == "signing":  # once for all records
        seen += ": if only a resolver of your own network sees the zone, set `dnsResolvers`"
    return RecordNow(
        generation=record.generation,
        role=role,
        name=record.name,
        value=record.value,
        fingerprint=fingerprint(key),
        visible=visibility.visible if visibility else None,
        servers_visible=visibility.right if visibility else None,
        servers_asked=visibility.asked if visibility else None,
        seen=seen,
        signing_since=min(since, default=None),
        signed_until=None if since else max(until, default=None),
    )


def stack_now(
    stack: str,
    domains: Sequence[DomainNow],
    now: datetime,
    *,
    project: str = "",
    account_id: str | None = None,
) -> StackNow:
    """The state of a stack with *domains*."""
    return StackNow(
        stack=stack,
        project=project,
        account_id=account_id,
        verdict=_worst(any(one.wrong for one in domains), any(one.due for one in domains)),
        checked_at=now,
        domains=tuple(domains),
    )


def domain_now(
    domain: str,
    settings: DomainSettings | None,
    stored: Sequence[Stored],
    identities: Sequence[IdentityNow],
    published: Sequence[RecordNow],
    now: datetime,
    *,
    unmade: Mapping[str, SesIdentity | None],
    stack_id: str | None,
    retired_at: datetime | None,
) -> DomainNow:
    """
    The state of a domain; *settings* is None if only the stack's state has it.

    *unmade*: what SES shows in each Region of which the stack has no identity yet; None for nothing.
    """
    signed = {region: seen for region, seen in unmade.items() if seen and _signs(seen)}
    wrong = [
        *_wrong(identities, published),
        *_not_made(
            settings, {region: seen for region, seen in unmade.items() if region not in signed}, stack_id
        ),
        *_differences(settings, stored),
    ]
    due = [*_not_made(settings, signed, stack_id), *(_due(settings, identities) if settings else ())]
    notes = list(_notes(settings, stored, identities, published, now))
    if settings and settings.retired and not stored and published:
        text, is_due = _retired(settings, retired_at, now)
        (due if is_due else notes).append(text)
    since = min(
        (one.signing_since for one in identities if one.signing_since and one.age_days is not None),
        default=None,
    )
    rotation = since + timedelta(days=settings.rotate_after_days) if settings and since else None
    return DomainNow(
        domain=domain,
        verdict=_worst(bool(wrong), bool(due)),
        retired=settings is not None and settings.retired,
        rotate_after_days=settings.rotate_after_days if settings else None,
        next_rotation=rotation,
        days_until_rotation=(rotation - now).days if rotation else None,
        identities=tuple(identities),
        records=tuple(published),
        wrong=tuple(wrong),
        due=tuple(due),
        notes=tuple(notes),
    )


def _worst(wrong: bool, due: bool) -> Verdict:
    return "wrong" if wrong else "due" if due else "well"


def _wrong(identities: Sequence[IdentityNow], published: Sequence[RecordNow]) -> Iterator[str]:
    """What SES and DNS show; a record that is missing is one line, whoever waits for it."""
    missing = [one for one in published if one.visible is False]
    waiting = any(one.status == AWAITING_DNS for one in identities)
    said = waiting and any(one.role == "signing" for one in missing)
    yield from _merged(
        (one.region, one.problem)
        for one in identities
        if one.problem and not (said and one.status == AWAITING_DNS)
    )
    for record in missing:
        then = "; once it is visible, run `pulumi up`" if said and record.role == "signing" else ""
        yield f"record of generation {record.generation} ({record.role}): {record.seen}{then}"


def _merged(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One line for all Regions with the same text."""
    regions: dict[str, list[str]] = {}
    for region, text in lines:
        regions.setdefault(text, []).append(region)
    return (f"{', '.join(names)}: {text}" for text, names in regions.items())


def _signs(seen: SesIdentity) -> bool:
    """Whether SES signs mail with what it has, whoever made that."""
    return seen.signing_enabled and seen.dkim_status == "SUCCESS"


def _not_made(
    settings: DomainSettings | None, unmade: Mapping[str, SesIdentity | None], stack_id: str | None
) -> Iterator[str]:
    """What SES has where the stack has no identity yet."""

    def line(seen: SesIdentity | None) -> str:
        if seen is None:
            return "not made yet: `pulumi up` makes it, or says why not"
        owner = seen.tags.get(OWNER_TAG)
        whose = f" of {seen.tags.get(STACK_TAG, owner)!r}" if owner else ""
        then = "`adopt: true` takes it over"
        if owner and owner.partition("/")[0] == stack_id:
            then = "`pulumi up` goes on with it"  # the response to its Create was lost
        elif settings and settings.adopt:
            then = "`pulumi up` takes it over, or says why not"
        return f"SES has an identity{whose} already ({signs_today(seen)}, {seen.dkim_status}): {then}"

    return _merged((region, line(seen)) for region, seen in sorted(unmade.items()))


def _retired(settings: DomainSettings, retired_at: datetime | None, now: datetime) -> tuple[str, bool]:
    """What to say of a retired domain, and whether it is due."""
    if retired_at is None:
        return "retired, nothing signs", False
    # In whole days: the identities went at the end of the run.
    day = retired_at + timedelta(days=settings.overlap_days + 1)
    text = f"retired by the run of {_minute(retired_at)}, nothing signs; "
    if now.date() >= day.date():
        return f"{text}its records may go: delete the entry, and run `pulumi up`", True
    return f"{text}its records may go from {day:%Y-%m-%d}, by deleting the entry", False


def _differences(settings: DomainSettings | None, stored: Sequence[Stored]) -> Iterator[str]:
    """Differences between the stack file and the stack."""
    if settings is None:
        yield f"not in the stack file: {_leaving(stored)}"
        return
    in_regions = {one.declared.region: one.declared for one in stored}
    leaving = {one.declared.region: _leaving([one]) for one in stored}
    wanted = () if settings.retired else settings.regions
    why = "retired" if settings.retired else "not in the stack file"
    for region in sorted(in_regions.keys() - {*wanted}):
        yield f"{region}: {why}: {leaving[region]}"
    for region in sorted(in_regions.keys() & {*wanted}):
        declared = in_regions[region]
        if declared.generation != settings.generation:
            yield (
                f"{region}: generation {declared.generation} signs, the stack file says "
                f"{settings.generation}: run `pulumi up`"
            )
        elif declared.published != settings.published:
            yield (
                f"{region}: generations {list(declared.published)} are published, the stack file says "
                f"{list(settings.published)}: run `pulumi up`"
            )


def _leaving(stored: Sequence[Stored]) -> str:
    """What becomes of identities that are not declared any more."""
    adopted = sorted(one.declared.region for one in stored if one.adopted)
    if not adopted:
        return "`pulumi up` deletes it"
    stays = f"in {', '.join(adopted)} it stays in SES, as it was adopted"
    return f"`pulumi up` removes it from the stack, and {stays}"


def _due(settings: DomainSettings, identities: Sequence[IdentityNow]) -> Iterator[str]:
    ages = [(one.age_days, one.generation) for one in identities if one.age_days is not None]
    if ages and max(ages)[0] > settings.rotate_after_days:
        age, generation = max(ages)
        yield f"rotate: generation {generation} has signed for {age} days"
    if settings.overlap_days == 0:
        yield "`overlapDays: 0` lets records leave DNS too early: remove it once its step is done"


def _notes(
    settings: DomainSettings | None,
    stored: Sequence[Stored],
    identities: Sequence[IdentityNow],
    published: Sequence[RecordNow],
    now: datetime,
) -> Iterator[str]:
    yield from _merged((one.region, one.doubt) for one in identities if one.doubt)
    for record in published:
        if record.visible and record.servers_visible != record.servers_asked:
            yield f"record of generation {record.generation} ({record.role}): {record.seen}"
    if settings is None:
        return
    for generation, found in sorted(signed_lately(stored, settings.overlap_days, now).items()):
        if generation == settings.generation:
            continue
        then = f"may leave DNS from {found.allowed_from:%Y-%m-%d %H:%M} UTC"
        if generation > settings.generation and any(one.adopted for one in stored):
            if not any(generation in one.declared.supplied_keys for one in stored):
                continue  # a key that was made here signs nowhere else
            # Another stack with the same keys may have had the identity.
            day = found.allowed_from + timedelta(days=1)  # in whole days, the same for many domains
            then = f"may leave DNS from {day:%Y-%m-%d}"
            then += ", as nobody knows whether it signed before the identity was adopted"
        yield f"generation {generation} {then}"
