"""
What SES and DNS show of a stack's domains now, and what is wrong with them or due, as values.

`answers` asks, `status` prints these values: for people by `layout`, with `--json` field by field.
No calls here. Wrong: mail is not signed as the stack has it, or soon will not be.
Unknown: DNS gave no answer. Due: somebody should do something, and mail is fine. Notes: nobody has
to do anything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from byodkim_provider.aws.ses import SesIdentity, with_error
from byodkim_provider.cli.record_now import Kind, RecordNow
from byodkim_provider.cli.state import Domain
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dns.mail_from import mail_from_records
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.judgement import differences, has_key, is_refused, refreshed
from byodkim_provider.identity.state import Stored
from byodkim_provider.identity.verdicts import (
    Entry,
    awaiting_dns,
    is_from_before_put,
    judged,
    not_asked,
)
from byodkim_provider.messages import Message, Table
from byodkim_provider.messages.cli import FindingMessages
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.messages.mail_from import MailFromMessages
from byodkim_provider.property_types import read

Health = Literal["well", "due", "unknown", "wrong"]
"""
The worst that was found: nothing, something to do while mail is fine, no answer, or something
wrong.
"""

SEVERITY: Final = {"well": 0, "note": 0, "due": 1, "unknown": 3, "wrong": 2}
"""As exit code and as metric; in order, the worst last."""

BY_SEVERITY: Final = [*SEVERITY].index


def worst(found: Iterable[Health]) -> Health:
    """The worst of *found*; of nothing, `well`."""
    return max(found, key=BY_SEVERITY, default="well")


@dataclass(frozen=True)
class Finding:
    """Something to say of a domain."""

    kind: Kind
    message: Message
    region: str = ""
    """The Region in which it is so; empty if it is about the whole domain."""

    def __str__(self) -> str:
        return f"{self.region}: {self.message}" if self.region else str(self.message)


@dataclass(frozen=True, kw_only=True)
class IdentityNow:
    """An identity, as SES shows it now."""

    region: str
    status: str
    """
    SES's DKIM status. `AWAITING_DNS` if the key was not sent yet, `GONE` if SES has no such
    identity, `NOT_ASKED` if SES can't be asked, `UNCONFIRMED` if SES says SUCCESS and does not show
    whether that is about this key.
    """
    verified: bool
    """Whether SES has verified the key that the stack knows, as `verdicts` judges it."""
    generation: int | None
    """
    Whose key SES has, or gets from the next `pulumi up`; None if the state does not know the key.
    """
    selector: str | None
    """Selector of that key; None if SES signs with its own keys."""
    signing_since: datetime | None
    """None if SES does not sign with this generation."""
    age_days: int | None
    """How many days the generation has signed; None if it does not sign."""
    finding: Finding | None
    """Why it is not verified, or what could not be determined; None if all is well."""
    ses: SesIdentity | None
    """What SES said; None if it was not asked, or has no such identity."""

    @property
    def mail_from(self) -> str:
        """The MAIL FROM domain and its status, for people; empty for `amazonses.com`."""
        if self.ses is None or not self.ses.mail_from:
            return ""
        return f"{self.ses.mail_from} {self.ses.mail_from_status}"

    @property
    def shown_status(self) -> str:
        """For people."""
        disabled = self.ses and not self.ses.signing_enabled
        return f"{self.status}, signing disabled" if disabled else self.status


@dataclass(frozen=True, kw_only=True)
class DomainNow:
    """A domain, with all findings."""

    domain: str
    verdict: Health
    retired: bool
    """
    Whether the domain goes: its identities are removed, its records stay for a while.
    """
    rotate_after_days: int
    next_rotation: datetime | None
    """When the key will have signed for `rotate_after_days`; None if nothing signs."""
    days_until_rotation: int | None
    """Whole days until then; negative if the rotation is overdue."""
    identities: tuple[IdentityNow, ...]
    records: tuple[RecordNow, ...]
    findings: tuple[Finding, ...]
    """What there is to say, the worst first."""


@dataclass(frozen=True, kw_only=True)
class StackNow:
    """A stack with its domains."""

    stack: str
    project: str
    account_id: str | None
    """The AWS account of its identities; None before the first one is made."""
    verdict: Health
    """The worst of the domains; unknown without one."""
    checked_at: datetime
    domains: tuple[DomainNow, ...]

    @property
    def worst_first(self) -> list[DomainNow]:
        return sorted(self.domains, key=lambda one: BY_SEVERITY(one.verdict), reverse=True)


SesAnswer = SesIdentity | ByodkimError | None
"""What SES says of an identity: None if it has none; or why it can't be asked."""


def identity_now(
    stored: Stored, seen: SesAnswer, now: datetime, verified: Collection[Entry]
) -> IdentityNow:
    """
    An identity of the stack by SES's answer *seen*, None also if it was not asked.

    *verified* is what earlier runs of Pulumi found verified.
    """
    declared = stored.declared
    entry = read(Entry, stored.to_outputs())
    ses: SesIdentity | None = None
    kind: Kind = "wrong"
    problem: Message | None
    if isinstance(seen, ByodkimError):
        verdict = not_asked(entry, seen.text)
        kind, problem = "unknown", FindingMessages.NOT_ASKED(reason=seen.text)
    elif stored.key is None:
        verdict, problem = awaiting_dns(entry), FindingMessages.AWAITING_DNS()
    else:
        ses = seen
        # If an earlier run has verified this key, SUCCESS needs no further evidence.
        verdict = judged(entry, ses, seen_unverified=entry in verified)
        problem = _problem(stored, entry, ses)
    if ses and problem is None and not verdict.settled:
        problem = FindingMessages.PENDING(reason=with_error(verdict.reason, ses.failure))
    elif problem is None and not verdict.verified:
        kind, problem = "note", FindingMessages.UNCONFIRMED(reason=verdict.reason)
    is_ours = ses is None or has_key(declared.selector, ses)
    since = None
    if is_ours and stored.key and ses and ses.signing_enabled:
        since = stored.key.signing_since
    return IdentityNow(
        region=declared.region,
        status=verdict.status,
        verified=verdict.verified,
        generation=declared.generation if is_ours else None,
        selector=declared.selector if is_ours or ses is None else ses.selector,
        signing_since=since,
        age_days=max(now - since, timedelta()).days if since else None,
        finding=Finding(kind, problem, declared.region) if problem else None,
        ses=ses,
    )


def _problem(stored: Stored, entry: Entry, seen: SesIdentity | None) -> Message | None:
    """How SES differs from the stack; None if it does not. *entry* is that of *stored*."""
    read = refreshed(stored, seen)
    reasons = [*differences(read)]
    if not reasons:
        return None
    if is_refused(read):
        return FindingMessages.TAKEN(reasons=reasons)
    if read.status == "TEMPORARY_FAILURE":  # AWS's DKIM REVOCATION WARNING
        return FindingMessages.RECORD_LOST(reasons=reasons)
    has_failed = reasons[0].code is IdentityMessages.FAILED
    if has_failed and seen and is_from_before_put(entry, seen):
        return FindingMessages.GIVEN_UP()
    return FindingMessages.DIFFERS(reasons=reasons)


def domain_now(
    domain: Domain,
    identities: Sequence[IdentityNow],
    records: Sequence[RecordNow],
    now: datetime,
    *,
    mail_from: Mapping[str, Mapping[Table, Message]],
) -> DomainNow:
    """
    The state of a domain.

    *mail_from*: by Region, what is wrong with the records of the MAIL FROM domain.
    """
    settings = domain.settings
    starts = [one.signing_since for one in identities if one.signing_since]
    rotation = None
    days_left = None
    findings = [identity.finding for identity in identities if identity.finding]
    findings += _records(domain, records)
    findings += _of_last_run(domain, now)
    if starts:
        rotation = min(starts) + timedelta(days=settings.rotate_after_days)
        days_left = (rotation - now).days
        if days_left < 0:
            message = FindingMessages.ROTATE(days=(now - min(starts)).days)
            findings.append(Finding("due", message))
    for identity in identities:
        findings += _mail_from(settings, identity, mail_from.get(identity.region, {}))
    return DomainNow(
        domain=domain.name,
        verdict=worst(finding.kind for finding in findings if finding.kind != "note"),
        retired=settings.retired,
        rotate_after_days=settings.rotate_after_days,
        next_rotation=rotation,
        days_until_rotation=days_left,
        identities=tuple(identities),
        records=tuple(records),
        findings=tuple(sorted(findings, key=lambda one: BY_SEVERITY(one.kind), reverse=True)),
    )


def _records(domain: Domain, records: Sequence[RecordNow]) -> Iterator[Finding]:
    """What DNS shows of records, and of slots that have none yet."""
    for record in records:
        kind, message = record.kind, FindingMessages.RECORD
        if record.role is None:
            message = FindingMessages.SLOT
            if domain.settings.retired:  # no later rotation needs the slot
                kind = None
        elif kind is None and record.servers_visible != record.servers_asked:
            kind = "note"
        if kind:
            said = message(
                domain=domain.name,
                name=record.name,
                generation=record.generation,
                role=record.role,
                seen=record.seen,
            )
            yield Finding(kind, said)


def _of_last_run(domain: Domain, now: datetime) -> Iterator[Finding]:
    """What there is to do after the last run: in a Region, with a setting, with a record."""
    settings = domain.settings
    overlap = timedelta(days=settings.overlap_days)
    generations = {one.declared.region: one.declared.generation for one in domain.identities}
    # Before the first run, somebody looks at the CNAMEs that were pasted for it.
    is_first = settings.cnames and not domain.records
    for region in domain.regions:
        generation = generations.get(region)
        if region not in generations:
            yield Finding("due" if is_first else "wrong", FindingMessages.NOT_MADE(), region)
        elif generation != settings.generation:
            message = FindingMessages.UNFINISHED(generation=generation, wanted=settings.generation)
            yield Finding("wrong", message, region)
    if not overlap:
        yield Finding("due", FindingMessages.OVERRIDE())
    for generation, last in sorted(domain.signed_until.items()):
        is_published = generation != settings.generation and generation in domain.standing
        if is_published and now < last + overlap:
            message = FindingMessages.MAY_LEAVE(generation=generation, time=last + overlap)
            yield Finding("note", message)
    if domain.records and not domain.identities and domain.retired_at:
        # In whole days: the identities went at the end of the run.
        day = domain.retired_at + overlap + timedelta(days=1)
        if now.date() >= day.date():
            yield Finding("due", FindingMessages.RECORDS_MAY_GO(time=domain.retired_at))
        else:
            message = FindingMessages.RETIRED_SINCE(time=domain.retired_at, day=day)
            yield Finding("note", message)


def _mail_from(
    settings: DomainSettings, identity: IdentityNow, wrong_records: Mapping[Table, Message]
) -> Iterator[Finding]:
    """
    What there is to say of the MAIL FROM domain in this Region; if the stack wants none, only that
    SES refuses mail because of one.

    *wrong_records*: what is wrong with its records in DNS, by code.
    """
    ses = identity.ses
    if ses is None:
        return
    name = settings.mail_from_domains.get(identity.region, "")
    # Mail that is refused is worse than mail that is not aligned.
    kind: Kind = "wrong" if ses.refuses_mail else "due"
    status = ses.mail_from_status
    rejects = settings.mail_from and settings.mail_from.on_mx_failure == "reject"
    is_taken = MailFromMessages.RECEIVES in wrong_records or MailFromMessages.TAKEN in wrong_records
    messages: list[Message] = []
    if name and ses.mail_from != name and not is_taken:
        seen = repr(ses.mail_from) if ses.mail_from else "none"
        messages = [MailFromMessages.OTHER_MAIL_FROM(seen=seen, wanted=name)]
    elif name and wrong_records:
        messages = [*wrong_records.values()]
    elif name and status == "FAILED":
        messages = [MailFromMessages.MAIL_FROM_GIVEN_UP(name=name)]
    elif ses.refuses_mail:
        right = mail_from_records(identity.region)["MX"]
        messages = [
            MailFromMessages.MAIL_FROM_REFUSES(status=status, name=ses.mail_from, value=right)
        ]
    elif name and status != "SUCCESS":
        kind = "note"
        messages = [MailFromMessages.MAIL_FROM_WAITS(status=status, name=name)]
    elif name and rejects and not ses.rejects:
        messages = [MailFromMessages.MAIL_FROM_REJECT(name=name)]
    for message in messages:
        yield Finding(kind, message, identity.region)
