"""
What SES and DNS show of a stack's domains now, and what is wrong with them or due, as values.

`answers` asks, `status` and `doctor` print these values: for people by `layout`, with `--json`
field by field. No calls here. Wrong: mail is not signed as the stack has it, or soon will not be.
Unknown: DNS gave no answer. Due: somebody should do something, and mail is fine. Notes: nobody has
to do anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from byodkim_provider.aws.ses import OWNER_TAG, STACK_TAG, SesIdentity, with_error
from byodkim_provider.cli import record_text
from byodkim_provider.cli.record_text import Kind, RecordNow
from byodkim_provider.cli.stack import Domain
from byodkim_provider.cli.terminal import by_text, minute
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim.records import split_name
from byodkim_provider.dns.dmarc import Policy, mail_from_records
from byodkim_provider.dns.visibility import zone_not_found
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.judgement import differences, drift, has_key, is_refused, refreshed
from byodkim_provider.identity.ownership import signing, signs_today
from byodkim_provider.identity.rules import signed_lately
from byodkim_provider.identity.state import AWAITING_DNS, GONE, Stored
from byodkim_provider.identity.verdicts import (
    UNCONFIRMED,
    Entry,
    Verdict,
    is_from_before_put,
    judged,
)
from byodkim_provider.messages import Message, Table
from byodkim_provider.messages.cli import FindingMessages
from byodkim_provider.messages.identity import TAKE_BACK, IdentityMessages
from byodkim_provider.progress import CLOCKS_DIFFER

Health = Literal["well", "due", "unknown", "wrong"]
"""
The worst that was found: nothing, something to do while mail is fine, no answer, or something
wrong.
"""

KINDS: Final[tuple[Kind, ...]] = ("wrong", "unknown", "due", "note")

Finding = tuple[Kind, str]
"""Something to say of a domain."""

SEVERITY: Final[dict[Health, int]] = {"well": 0, "due": 1, "unknown": 3, "wrong": 2}
"""As exit code and as metric; in order, the worst last."""


def worst(found: Iterable[Health]) -> Health:
    """The worst of *found*; of nothing, `well`."""
    return max(found, key=[*SEVERITY].index, default="well")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityNow:
    """An identity, as SES shows it now."""

    region: str
    status: str
    """
    SES's DKIM status. `AWAITING_DNS` if the key was not sent yet, `GONE` if SES has no such
    identity, `UNCONFIRMED` if SES says SUCCESS and does not show whether that is about this key.
    """
    verified: bool = False
    """Whether SES has verified the key that the stack knows, as `verdicts` judges it."""
    generation: int | None = None
    """
    Whose key SES has, or gets from the next `pulumi up`; None if the state does not know the key.
    """
    selector: str | None
    """Selector of that key; None if SES signs with its own keys."""
    signing_since: datetime | None = None
    """None if SES does not sign with this generation."""
    age_days: int | None = None
    """
    How many days the generation has signed; None if it does not sign, or since a time in the
    future.
    """
    problem: str = ""
    """Why it is not verified; empty if it is, or if that could not be determined."""
    doubt: str = ""
    """Message about what could not be determined; else empty."""
    ses: SesIdentity | None = None
    """What SES said; None if it was not asked, or has no such identity."""

    @property
    def shown_status(self) -> str:
        """For people."""
        disabled = self.ses and not self.ses.signing_enabled
        return f"{self.status}, signing disabled" if disabled else self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainNow:
    """A domain, with all findings."""

    domain: str
    verdict: Health = "well"
    retired: bool = False
    """
    Whether the domain goes: its identities are removed, its records stay for a while.
    """
    rotate_after_days: int | None = None
    """None without a stack."""
    next_rotation: datetime | None = None
    """When the key will have signed for `rotate_after_days`; None if nothing signs."""
    days_until_rotation: int | None = None
    """Whole days until then; negative if the rotation is overdue."""
    identities: tuple[IdentityNow, ...]
    records: tuple[RecordNow, ...]
    mail_from: tuple[str, ...] = ()
    """
    What is wrong with the MAIL FROM domains that the stack has, and for what SES still
    looks.
    """
    wrong: tuple[str, ...] = ()
    """Mail is not signed as the stack says, or soon will not be."""
    unknown: tuple[str, ...] = ()
    """What DNS gave no answer about."""
    due: tuple[str, ...] = ()
    """What somebody should do while mail is fine."""
    notes: tuple[str, ...] = ()
    """What is good to know; nobody has to do anything."""
    dmarc: Policy | None = None
    """The policy that holds for its mail; None too if nobody asked, as `status`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNow:
    """A stack, with all its domains."""

    stack: str
    project: str
    account_id: str | None
    """The AWS account of its identities; None before the first one is made."""
    verdict: Health
    """The worst of the domains; unknown without one."""
    checked_at: datetime
    domains: tuple[DomainNow, ...]


def identity_now(
    stored: Stored, seen: SesIdentity | None, now: datetime, verified: Collection[Entry] = ()
) -> IdentityNow:
    """
    The state of an identity by GetEmailIdentity's response *seen*, None if SES has none or was not
    asked.

    *verified* is what earlier runs of Pulumi found verified.
    """
    declared = stored.declared
    if seen is None:
        waiting = "waiting for DNS: once the record is visible, run `pulumi up`"
        return IdentityNow(
            region=declared.region,
            status=GONE if stored.key else AWAITING_DNS,
            generation=declared.generation,
            selector=declared.selector,
            problem=_difference(refreshed(stored, seen)) if stored.key else waiting,
        )
    entry = Entry.from_properties(stored.to_outputs())
    # A key that a run has verified needs no new evidence: SUCCESS is about it.
    verdict = judged(entry, seen, seen_unverified=entry in verified)
    ours = has_key(declared.selector, seen)
    since = stored.key.signing_since if stored.key and ours and seen.signing_enabled else None
    latest = now + CLOCKS_DIFFER
    doubt = verdict.reason if verdict.status == UNCONFIRMED else ""
    if since and since > latest and not doubt:
        doubt = str(FindingMessages.SIGNS_IN_FUTURE(time=minute(since)))
    return IdentityNow(
        region=declared.region,
        status=verdict.status,
        verified=verdict.verified,
        generation=declared.generation if ours else None,
        selector=declared.selector if ours else seen.selector,
        signing_since=since,
        age_days=max(now - since, timedelta()).days if since and since <= latest else None,
        problem=_problem(stored, seen, verdict),
        doubt=doubt,
        ses=seen,
    )


def _problem(stored: Stored, seen: SesIdentity, verdict: Verdict) -> str:
    read = refreshed(stored, seen)
    given_up = [one.code for one in differences(read)] == [IdentityMessages.FAILED]
    if given_up and is_from_before_put(verdict.entry, seen):
        return str(FindingMessages.GIVEN_UP())
    if differs := _difference(read):
        return differs
    if verdict.settled:
        return ""
    if seen.dkim_status != "SUCCESS":
        return str(FindingMessages.PENDING(failure=with_error("", seen.failure)))
    if stored.key and stored.key.key_set_at > seen.at + CLOCKS_DIFFER:
        return str(FindingMessages.SET_IN_FUTURE(time=minute(stored.key.key_set_at)))
    return str(FindingMessages.CHECK_AGAIN(reason=verdict.reason))


def _difference(read: Stored) -> str:
    """
    How SES differs from what is declared, as a refresh says it, and what to do; empty if it does
    not.
    """
    then = TAKE_BACK if is_refused(read) else "run `pulumi up --refresh`"
    reasons = ", ".join(drift(read))
    if reasons and read.status == "TEMPORARY_FAILURE":  # AWS's DKIM REVOCATION WARNING
        reasons = str(FindingMessages.RECORD_LOST(reasons=reasons))
    return f"{reasons}: {then}" if reasons else ""


def domain_now(
    domain: Domain,
    identities: Sequence[IdentityNow],
    records: Sequence[RecordNow],
    unmade: Mapping[str, SesIdentity | Exception | None],
    now: datetime,
    *,
    dmarc: Policy | None,
    mail_from: Mapping[str, Mapping[Table, Message]],
) -> DomainNow:
    """
    The state of a domain.

    *unmade*: what SES shows, or why not, in each Region of which the stack has no identity yet.
    *mail_from*: by Region, what is wrong with the records of the MAIL FROM domain.
    """
    settings = domain.settings
    made = [one for one in records if one.role]
    since = [
        one.signing_since for one in identities if one.signing_since and one.age_days is not None
    ]
    allowed = timedelta(days=settings.rotate_after_days)
    rotation = min(since) + allowed if since else None
    days_left = (rotation - now).days if rotation else None
    in_ses = {**{one.region: one.ses for one in identities}, **unmade}
    about_mail_from = [*_mail_from(settings, in_ses, mail_from, unmade)]
    found = [
        *_seen(domain.name, identities, made),
        *_not_made(domain, unmade),
        *_unfinished(domain),
        *_due(domain, identities, records, days_left),
        *_notes(domain, identities, made, now),
        *about_mail_from,
        *_retired(domain, made, now),
    ]
    wrong, unknown, due, notes = (_texts(found, kind) for kind in KINDS)
    return DomainNow(
        domain=domain.name,
        verdict=worst(kind for kind, _ in found if kind != "note"),
        retired=settings.retired,
        rotate_after_days=settings.rotate_after_days,
        next_rotation=rotation,
        days_until_rotation=days_left,
        identities=tuple(identities),
        records=tuple(records),
        wrong=wrong,
        unknown=unknown,
        due=due,
        notes=notes,
        dmarc=dmarc,
        mail_from=tuple(text for kind in KINDS for text in _texts(about_mail_from, kind)),
    )


def _texts(found: Iterable[Finding], kind: Kind) -> tuple[str, ...]:
    return tuple(text for one, text in found if one == kind)


def _seen(
    name: str, identities: Sequence[IdentityNow], records: Sequence[RecordNow]
) -> Iterator[Finding]:
    """
    What SES and DNS show. A missing record is one line: an identity that only waits for it gets
    none.
    """
    waiting = any(one.status == AWAITING_DNS for one in identities)
    said = waiting and any(one.role == "signing" and one.kind == "wrong" for one in records)
    yield from _merged(
        (one.region, ("wrong", one.problem))
        for one in identities
        if one.problem and not (said and one.status == AWAITING_DNS)
    )
    more = f": `byodkim doctor {name}`"
    for kind, record in ((kind, one) for kind in KINDS for one in records if one.kind == kind):
        if record.role == "signing" and zone_not_found(record.answers):
            more = f": {record_text.UNSEEN_ZONE}"
        then = "; once it is visible, run `pulumi up`" if said and record.role == "signing" else ""
        which = f"record of generation {record.generation} ({record.role})"
        yield kind, f"{which}: {record_text.seen(record)}{more}{then}"
        more = ""  # once for all records


def _merged(lines: Iterable[tuple[str, Finding]]) -> Iterator[Finding]:
    """One line for all Regions with the same text."""
    return ((kind, f"{', '.join(regions)}: {text}") for regions, (kind, text) in by_text(lines))


def _not_made(
    domain: Domain, unmade: Mapping[str, SesIdentity | Exception | None]
) -> Iterator[Finding]:
    """What SES has where the stack has no identity yet; only due if mail is signed all the same."""
    wanted = domain.settings.generation
    selectors = [split_name(one.name)[0] for one in domain.records if one.generation == wanted]

    def line(seen: SesIdentity | Exception | None) -> Finding:
        if isinstance(seen, Exception):
            reason = seen.text if isinstance(seen, ByodkimError) else str(seen).partition("\n")[0]
            return "unknown", str(FindingMessages.NOT_ASKED(reason=reason))
        if seen is None:
            return "wrong", str(FindingMessages.NOT_MADE())
        owner = seen.tags.get(OWNER_TAG)
        whose = f" of {seen.tags.get(STACK_TAG, owner)!r}" if owner else ""
        then = "`adopt: true` takes it over"
        is_ours = owner and owner.partition("/")[0] == domain.stack_id
        if is_ours and any(has_key(selector, seen) for selector in selectors):
            then = "`pulumi up` goes on with it"  # the response to its Create was lost
        elif domain.settings.adopt:
            then = "`pulumi up` takes it over, or says why not"
        signs = f"{signs_today(seen)}, {seen.dkim_status}"
        text = str(FindingMessages.EXISTING(whose=whose, signs=signs, then=then))
        return "wrong" if signing(seen) == "none" else "due", text

    return _merged((region, line(seen)) for region, seen in sorted(unmade.items()))


def _unfinished(domain: Domain) -> Iterator[Finding]:
    """Regions in which the last run did not come to the generation that was to sign."""
    wanted = domain.settings.generation
    for declared in (one.declared for one in domain.identities):
        if declared.generation != wanted and declared.region in domain.regions:
            text = FindingMessages.UNFINISHED(generation=declared.generation, wanted=wanted)
            yield "wrong", f"{declared.region}: {text}"


def _due(
    domain: Domain,
    identities: Sequence[IdentityNow],
    records: Sequence[RecordNow],
    days_left: int | None,
) -> Iterator[Finding]:
    """A rotation, the end of an override, and CNAMEs that are missing at slots without a record."""
    if days_left is not None and days_left < 0:
        age = max(one.age_days for one in identities if one.age_days is not None)
        # An identity that is used alone has no generations.
        generations = [
            one.generation for one in identities if one.age_days == age and one.generation
        ]
        key = f"generation {max(generations)}" if generations else "its key"
        yield "due", f"rotate: {key} has signed for {age} days"
    if domain.settings.overlap_days == 0:
        yield (
            "due",
            "`overlapDays: 0` lets records leave DNS too early: remove it once its step is done",
        )
    for one in records:
        if one.role is None and one.kind and not domain.settings.retired:
            then = f"a later rotation needs this CNAME: `byodkim doctor {domain.name}`"
            yield one.kind, f"{one.name}: {record_text.seen(one)}; {then}"


def _notes(
    domain: Domain, identities: Sequence[IdentityNow], records: Sequence[RecordNow], now: datetime
) -> Iterator[Finding]:
    settings, stored = domain.settings, domain.identities
    yield from _merged((one.region, ("note", one.doubt)) for one in identities if one.doubt)
    for record in records:
        if record.verdict == "right" and record.visible != len(record.answers):
            which = f"record of generation {record.generation} ({record.role})"
            yield "note", f"{which}: {record_text.seen(record)}"
    for generation, last in signed_lately(stored, settings.overlap_days, now).items():
        if generation == settings.generation or all(
            generation not in one.declared.published for one in stored
        ):
            continue
        allowed_from = last + timedelta(days=settings.overlap_days)
        then = f"may leave DNS from {minute(allowed_from)}"
        if generation > settings.generation and any(one.adopted for one in stored):
            if not any(generation in one.declared.supplied_keys for one in stored):
                continue  # a key that was made here signs nowhere else
            # Another stack with the same keys may have had the identity.
            day = allowed_from + timedelta(days=1)  # in whole days, the same for many domains
            then = f"may leave DNS from {day:%Y-%m-%d}"
            then += ", as nobody knows whether it signed before the identity was adopted"
        yield "note", f"generation {generation} {then}"


def _mail_from(
    settings: DomainSettings,
    in_ses: Mapping[str, SesIdentity | Exception | None],
    in_dns: Mapping[str, Mapping[Table, Message]],
    unmade: Collection[str],
) -> Iterator[Finding]:
    """
    What there is to say of MAIL FROM domains, by Region: those of *settings*, and what SES and DNS
    show of them.

    Of one that nobody asks for, or of an *unmade* identity, only that SES refuses mail because of
    it.
    """
    wanted = settings.mail_from_domains
    rejects = settings.mail_from is not None and settings.mail_from.on_mx_failure == "reject"
    for region, ses in in_ses.items():
        if not isinstance(ses, SesIdentity):
            continue
        seen, status = ses.mail_from, ses.mail_from_status
        name = "" if region in unmade else wanted.get(region, "")
        # Mail that is refused is worse than mail that is not aligned.
        kind: Kind = "wrong" if ses.refuses_mail else "due"
        found = in_dns.get(region, {}) if name else {}
        texts = [*found.values()]
        if (
            name
            and seen != name
            and not {FindingMessages.RECEIVES, FindingMessages.TAKEN} & {*found}
        ):
            texts = [
                FindingMessages.OTHER_MAIL_FROM(seen=repr(seen) if seen else "none", wanted=name)
            ]
        elif name and not texts and status == "FAILED":
            texts = [FindingMessages.MAIL_FROM_GIVEN_UP(name=name)]
        elif not texts and ses.refuses_mail:
            value = mail_from_records(region)["MX"]
            texts = [FindingMessages.MAIL_FROM_REFUSES(status=status, name=seen, value=value)]
        elif name and not texts and status != "SUCCESS":
            texts, kind = [FindingMessages.MAIL_FROM_WAITS(status=status, name=name)], "note"
        elif name and not texts and rejects and not ses.rejects:
            texts = [FindingMessages.MAIL_FROM_REJECT(name=name)]
        yield from ((kind, f"{region}: {text}") for text in texts)


def _retired(domain: Domain, records: Sequence[RecordNow], now: datetime) -> Iterator[Finding]:
    """Since when nothing signs, and when its records may go."""
    if not (domain.settings.retired and records) or domain.identities:
        return
    if domain.retired_at is None:
        yield "note", "retired, nothing signs"
        return
    # In whole days: the identities went at the end of the run.
    day = domain.retired_at + timedelta(days=domain.settings.overlap_days + 1)
    text = f"retired by the run of {minute(domain.retired_at)}, nothing signs; its records may go"
    if now.date() >= day.date():
        yield "due", f"{text}: delete the entry, and run `pulumi up`"
    else:
        yield "note", f"{text} from {day:%Y-%m-%d}, by deleting the entry"
