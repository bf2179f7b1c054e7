"""
What is wrong with a domain, and what is due.

Values in, values out: no calls here. Wrong: mail is not signed as the stack file says, or soon
will not be. Due: somebody should do something, and mail is fine. Notes: nobody has to do anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from byodkim_provider.aws.ses import OWNER_TAG, STACK_TAG, SesIdentity, with_error
from byodkim_provider.cli.now import DomainNow, IdentityNow, RecordNow, by_text, minute
from byodkim_provider.cli.state import PublishedRecord
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dns.dmarc import Policy
from byodkim_provider.identity.judgement import differences, drift, has_key, refreshed
from byodkim_provider.identity.ownership import signing, signs_today
from byodkim_provider.identity.rules import signed_lately
from byodkim_provider.identity.state import AWAITING_DNS, GONE, Declared, Stored
from byodkim_provider.identity.verdicts import UNCONFIRMED, Entry, Verdict, is_from_before_put, judged
from byodkim_provider.messages import Message, Table
from byodkim_provider.messages.cli import Finding, MailFromFinding
from byodkim_provider.messages.identity import TAKE_BACK

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far a time of the state may be ahead: AWS refuses requests whose clock differs by more."""

WAITING: Final = "waiting for DNS: once the record is visible, run `pulumi up`"

UNSEEN_ZONE: Final = (
    "if only a resolver of your own network sees the zone, set `dnsResolvers` in the stack file; "
    "`byodkim doctor --nameserver` tries one"
)


def identity_now(
    stored: Stored, seen: SesIdentity | None, now: datetime, verified: Collection[Entry] = ()
) -> IdentityNow:
    """
    The state of an identity from GetEmailIdentity's response; None if not found or not called.

    *verified* is what earlier runs of Pulumi found verified.
    """
    declared = stored.declared
    if seen is None:
        awaiting = stored.key is None
        return IdentityNow(
            region=declared.region,
            status=AWAITING_DNS if awaiting else GONE,
            generation=declared.generation,
            selector=declared.selector,
            problem=WAITING if awaiting else _difference(refreshed(stored, seen)),
        )
    now = max(now, seen.at)  # SES's clock, which the times of the state are from
    entry = Entry.from_properties(stored.to_outputs())
    verdict = judged(entry, seen, seen_unverified=entry in verified)
    ours = has_key(declared.selector, seen)
    since = stored.key.signing_since if stored.key and ours and seen.signing_enabled else None
    return IdentityNow(
        region=declared.region,
        status=verdict.status,
        verified=verdict.verified,
        generation=declared.generation if ours else None,
        selector=declared.selector if ours else seen.selector,
        signing_since=since,
        age_days=(now - since).days if since and not _is_ahead(since, now) else None,
        problem=_problem(stored, seen, verdict),
        doubt=_doubt(verdict, since, now),
        ses=seen,
    )


def identity_alone(region: str, selector: str, seen: SesIdentity | None) -> IdentityNow:
    """The state of an identity without a stack; verified if SES has verified the key of *selector*."""
    if seen is None:
        return IdentityNow(region=region, status=GONE, selector=None)
    return IdentityNow(
        region=region,
        status=seen.dkim_status,
        verified=seen.verified and seen.selector in (None, selector),
        selector=seen.selector,
        ses=seen,
    )


def _is_ahead(time: datetime, now: datetime) -> bool:
    return time > now + CLOCKS_DIFFER


def _doubt(verdict: Verdict, since: datetime | None, now: datetime) -> str:
    if verdict.status == UNCONFIRMED:
        return verdict.reason
    if since and _is_ahead(since, now):
        return str(Finding.SIGNS_IN_FUTURE(time=minute(since)))
    return ""


def _problem(stored: Stored, seen: SesIdentity, verdict: Verdict) -> str:
    read = refreshed(stored, seen)
    if [one.what for one in differences(read)] == ["FAILED"] and is_from_before_put(verdict.entry, seen):
        return str(Finding.GIVEN_UP())
    if differs := _difference(read):
        return differs
    if verdict.settled:
        return ""
    if seen.dkim_status == "SUCCESS" and (key := stored.key) and _is_ahead(key.set_at, seen.at):
        return str(Finding.SET_IN_FUTURE(time=minute(key.set_at)))
    if seen.dkim_status == "SUCCESS":
        return str(Finding.CHECK_AGAIN(reason=verdict.reason))
    return str(Finding.PENDING(failure=with_error("", seen.failure)))


def _difference(read: Stored) -> str:
    """How SES differs from what is declared, as a refresh says it, and what to do; empty if it does not."""
    then = TAKE_BACK if read.other_owner is not None else "run `pulumi up --refresh`"
    reasons = ", ".join(drift(read))
    if reasons and read.status == "TEMPORARY_FAILURE":  # AWS's DKIM REVOCATION WARNING
        reasons = str(Finding.RECORD_LOST(reasons=reasons))
    return f"{reasons}: {then}" if reasons else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A domain, as the stack file and the state have it."""

    name: str
    settings: DomainSettings | None
    """None if only the state has the domain."""
    stored: Sequence[Stored]
    """Its identities, sorted by Region."""
    records: Sequence[PublishedRecord]
    stack_id: str | None
    retired_at: datetime | None

    @property
    def declared(self) -> Declared | None:
        """What was declared of its first identity, and holds for the domain."""
        return next((one.declared for one in self.stored), None)

    @property
    def cnames(self) -> Mapping[str, str]:
        """The targets of the CNAMEs that the domain's DNS needs, by name."""
        if self.settings:
            return self.settings.cnames
        return self.declared.cnames if self.declared else {}

    @property
    def unmade(self) -> list[str]:
        """Regions of which the stack has no identity yet."""
        if self.settings is None or self.settings.retired:
            return []
        return sorted({*self.settings.regions} - {one.declared.region for one in self.stored})


def domain_now(
    subject: Subject,
    identities: Sequence[IdentityNow],
    records: Sequence[RecordNow],
    unmade: Mapping[str, SesIdentity | None],
    now: datetime,
    dmarc: Policy | None,
    mail_from: Mapping[str, Mapping[Table, Message]],
) -> DomainNow:
    """
    The state of a domain.

    *unmade*: what SES shows in each Region of which the stack has no identity yet; None for nothing.
    *mail_from*: by Region, what is wrong with the records of the MAIL FROM domain.
    """
    settings = subject.settings
    signed = {region: seen for region, seen in unmade.items() if seen and signing(seen) != "none"}
    unsigned = {region: seen for region, seen in unmade.items() if region not in signed}
    told = _mail_from(settings.mail_from_domains if settings else {}, identities, mail_from)
    made = [one for one in records if one.role]
    wrong = (*_wrong(identities, made), *_not_made(subject, unsigned), *_differences(subject), *told["wrong"])
    since = [one.signing_since for one in identities if one.signing_since and one.age_days is not None]
    rotation = min(since) + timedelta(days=settings.rotate_after_days) if settings and since else None
    days_left = (rotation - now).days if rotation else None
    due = list(_not_made(subject, signed))
    due += _due(settings, identities, days_left) if settings else ()
    due += [
        f"{one.name}: {one.seen}, which a later rotation needs: `byodkim doctor {subject.name}`"
        for one in records
        if one.role is None and one.is_wrong and not (settings and settings.retired)
    ]
    due += told["due"]
    notes = [*_notes(subject, identities, made, now), *told["note"]]
    if settings and settings.retired and not subject.stored and made:
        text, is_due = _retired(settings, subject.retired_at, now)
        (due if is_due else notes).append(text)
    return DomainNow(
        domain=subject.name,
        verdict="wrong" if wrong else "due" if due else "well",
        retired=settings is not None and settings.retired,
        rotate_after_days=settings.rotate_after_days if settings else None,
        next_rotation=rotation,
        days_until_rotation=days_left,
        identities=tuple(identities),
        records=tuple(records),
        wrong=wrong,
        due=tuple(due),
        notes=tuple(notes),
        dmarc=dmarc,
        mail_from=(*told["wrong"], *told["due"], *told["note"]),
    )


def _mail_from(
    wanted: Mapping[str, str], identities: Sequence[IdentityNow], found: Mapping[str, Mapping[Table, Message]]
) -> Mapping[str, list[str]]:
    """What is wrong, due or to be noted of the MAIL FROM domains *wanted* by Region, *found* in DNS."""
    told: Mapping[str, list[str]] = {"wrong": [], "due": [], "note": []}
    for one in identities:
        if one.ses is None or not (name := wanted.get(one.region)):
            continue
        seen, status = one.ses.mail_from, one.ses.mail_from_status
        texts, kind = [*found.get(one.region, {}).values()], "due"
        if seen != name:
            texts = [MailFromFinding.OTHER(seen=seen, wanted=name)]
        elif not texts and status == "FAILED":
            texts = [MailFromFinding.GIVEN_UP(name=name)]
        elif not texts and status != "SUCCESS":
            texts, kind = [MailFromFinding.WAITS(status=status, name=name)], "note"
        if one.ses.on_mx_failure == "REJECT_MESSAGE" and status != "SUCCESS":
            kind = "wrong"  # mail is refused, which is worse than mail that is not aligned
        told[kind].extend(f"{one.region}: {text}" for text in texts)
    return told


def _wrong(identities: Sequence[IdentityNow], records: Sequence[RecordNow]) -> Iterator[str]:
    """What SES and DNS show; a record that is missing is one line, whoever waits for it."""
    missing = [one for one in records if one.is_wrong]
    waiting = any(one.status == AWAITING_DNS for one in identities)
    said = waiting and any(one.role == "signing" for one in missing)
    yield from _merged(
        (one.region, one.problem)
        for one in identities
        if one.problem and not (said and one.status == AWAITING_DNS)
    )
    for record in missing:
        then = "; once it is visible, run `pulumi up`" if said and record.role == "signing" else ""
        # Once for all records.
        unseen = f": {UNSEEN_ZONE}" if record.role == "signing" and UNSEEN_ZONE in record.notes else ""
        yield f"record of generation {record.generation} ({record.role}): {record.seen}{unseen}{then}"


def _merged(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One line for all Regions with the same text."""
    return (f"{', '.join(regions)}: {text}" for regions, text in by_text(lines))


def _not_made(subject: Subject, unmade: Mapping[str, SesIdentity | None]) -> Iterator[str]:
    """What SES has where the stack has no identity yet."""

    def line(seen: SesIdentity | None) -> str:
        if seen is None:
            return str(Finding.NOT_MADE())
        owner = seen.tags.get(OWNER_TAG)
        whose = f" of {seen.tags.get(STACK_TAG, owner)!r}" if owner else ""
        then = "`adopt: true` takes it over"
        if owner and owner.partition("/")[0] == subject.stack_id:
            then = "`pulumi up` goes on with it"  # the response to its Create was lost
        elif subject.settings and subject.settings.adopt:
            then = "`pulumi up` takes it over, or says why not"
        signs = f"{signs_today(seen)}, {seen.dkim_status}"
        return str(Finding.EXISTING(whose=whose, signs=signs, then=then))

    return _merged((region, line(seen)) for region, seen in sorted(unmade.items()))


def _retired(settings: DomainSettings, retired_at: datetime | None, now: datetime) -> tuple[str, bool]:
    """What to say of a retired domain, and whether it is due."""
    if retired_at is None:
        return "retired, nothing signs", False
    # In whole days: the identities went at the end of the run.
    day = retired_at + timedelta(days=settings.overlap_days + 1)
    text = f"retired by the run of {minute(retired_at)}, nothing signs; "
    if now.date() >= day.date():
        return f"{text}its records may go: delete the entry, and run `pulumi up`", True
    return f"{text}its records may go from {day:%Y-%m-%d}, by deleting the entry", False


def _differences(subject: Subject) -> Iterator[str]:
    """Differences between the stack file and the stack."""
    settings, stored = subject.settings, subject.stored
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


def _due(settings: DomainSettings, identities: Sequence[IdentityNow], days_left: int | None) -> Iterator[str]:
    if days_left is not None and days_left < 0:
        age, generation = max(
            (one.age_days, one.generation) for one in identities if one.age_days is not None
        )
        yield f"rotate: generation {generation} has signed for {age} days"
    if settings.overlap_days == 0:
        yield "`overlapDays: 0` lets records leave DNS too early: remove it once its step is done"


def _notes(
    subject: Subject, identities: Sequence[IdentityNow], records: Sequence[RecordNow], now: datetime
) -> Iterator[str]:
    settings, stored = subject.settings, subject.stored
    yield from _merged((one.region, one.doubt) for one in identities if one.doubt)
    for record in records:
        if record.verdict == "right" and record.servers_visible != record.servers_asked:
            yield f"record of generation {record.generation} ({record.role}): {record.seen}"
    if settings is None:
        return
    for generation, found in sorted(signed_lately(stored, settings.overlap_days, now).items()):
        if generation == settings.generation or all(
            generation not in one.declared.published for one in stored
        ):
            continue
        then = f"may leave DNS from {minute(found.allowed_from)}"
        if generation > settings.generation and any(one.adopted for one in stored):
            if not any(generation in one.declared.supplied_keys for one in stored):
                continue  # a key that was made here signs nowhere else
            # Another stack with the same keys may have had the identity.
            day = found.allowed_from + timedelta(days=1)  # in whole days, the same for many domains
            then = f"may leave DNS from {day:%Y-%m-%d}"
            then += ", as nobody knows whether it signed before the identity was adopted"
        yield f"generation {generation} {then}"
