"""
Asks SES and DNS, side by side, about the domains of a stack or about one record: for `status` and
`doctor`.

One question each; nothing is changed. `dns.diagnosis` judges a record, `now` a domain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.aws.settings import AwsSettings
from byodkim_provider.cli.chosen import Chosen
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.now import (
    DomainNow,
    IdentityNow,
    domain_now,
    identity_now,
)
from byodkim_provider.cli.record_now import RecordNow
from byodkim_provider.cli.stack import Domain, Stack
from byodkim_provider.cli.state import DeclaredRecord
from byodkim_provider.cli.terminal import Refused, ask_all, say
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dkim.generations import OVERLAP_DAYS
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord, examine
from byodkim_provider.dns.mail_from import mail_from_mistakes
from byodkim_provider.dns.panels import Panel
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.errors import ByodkimError
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.hosts.zones import MANUAL, Zone
from byodkim_provider.identity.state import GONE
from byodkim_provider.identity.verdicts import Entry
from byodkim_provider.messages.cli import CliMessages

Questions = dict[tuple[str, ...], Callable[[], Any]]
"""
By subject: who is asked (SES, DNS, MAIL FROM), in which Region if it is SES, about which
domain, and which record of it.
"""

Answers = Mapping[tuple[str, ...], Any]
"""By the same subjects."""

AskSes = Callable[[str, str, str | None, bool], SesIdentity | Exception | None]
"""
Asks SES in a Region for a domain, in the account that it must be; last: whether an error is
returned.
"""


def of_stack(
    stack: Stack,
    domains: Collection[Domain],
    environment: Environment,
    chosen: Chosen | None = None,
    servers: Sequence[str] = (),
) -> list[DomainNow]:
    """
    The state of *domains* of the stack.

    *chosen* are the options of `doctor`, which goes on if SES does not answer.
    *servers*, if there are any, are asked in place of the resolvers in the settings.
    """
    is_doctor = chosen is not None
    ask_ses = _ses(environment, stack.aws, may_fail=is_doctor)
    questions: Questions = {}
    for domain in domains:
        name, mail_froms = domain.name, domain.settings.mail_from_domains
        for declared in (stored.declared for stored in domain.identities if stored.key):
            of_identity = (declared.region, name, declared.account_id, is_doctor)
            questions["SES", declared.region, name] = partial(ask_ses, *of_identity)
        for region in domain.unmade:
            account_id = domain.declared.account_id if domain.declared else None
            questions["SES", region, name] = partial(ask_ses, region, name, account_id, True)
        resolver = domain.resolver(environment, servers)
        for record in _expected(domain, chosen):
            questions["DNS", name, record.name] = partial(_record_now, record, resolver)
        if resolver and mail_froms:
            ask = partial(mail_from_mistakes, resolver, name, mail_froms)
            questions["MAIL FROM", name] = ask
    answers = _answers(questions, say_refusal=is_doctor)
    times = [answer.at for answer in answers.values() if isinstance(answer, SesIdentity)]
    # The times of the state are from SES's clock, and this machine's may lag.
    now = max([environment.clock.now(), *times])
    return [_domain(domain, answers, now, stack.state.verified) for domain in domains]


def _domain(
    domain: Domain, answers: Answers, now: datetime, verified: Collection[Entry]
) -> DomainNow:
    """The state of *domain*, by what was answered."""
    identities = []
    for stored in domain.identities:
        seen = answers.get(("SES", stored.declared.region, domain.name))
        if not isinstance(seen, Exception):
            identities.append(identity_now(stored, seen, now, verified))
    records = [
        _in_stack(record, domain, now)
        for subject, record in answers.items()
        if subject[:2] == ("DNS", domain.name)
    ]
    return domain_now(
        domain,
        identities,
        records,
        {region: answers["SES", region, domain.name] for region in domain.unmade},
        now,
        mail_from=answers.get(("MAIL FROM", domain.name), {}),
    )


def of_record(
    expected: ExpectedRecord, environment: Environment, servers: Sequence[str], region: str | None
) -> DomainNow:
    """One record without a stack, and what SES has of its domain in *region*."""
    domain = expected.domain
    resolver = environment.resolver("authoritative", servers)
    questions: Questions = {
        ("DNS", domain, expected.name): partial(_record_now, expected, resolver)
    }
    if region:
        ask_ses = _ses(environment, AwsSettings, may_fail=True)
        questions["SES", region, domain] = partial(ask_ses, region, domain, None, True)
    answers = _answers(questions, say_refusal=True)
    identities = []
    seen = answers.get(("SES", region or "", domain))
    if region and not isinstance(seen, Exception):
        identity = IdentityNow(
            region=region,
            status=seen.dkim_status if seen else GONE,
            verified=bool(seen and seen.verified and seen.selector in (None, expected.selector)),
            selector=seen.selector if seen else None,
            ses=seen,
        )
        identities.append(identity)
    return DomainNow(
        domain=domain,
        identities=tuple(identities),
        records=(answers["DNS", domain, expected.name],),
    )


def _answers(questions: Questions, *, say_refusal: bool) -> dict[tuple[str, ...], Any]:
    """
    The answers to the questions. If some failed and the command goes on, the first error is shown.
    """
    shown = [(" ".join(subject), ask) for subject, ask in questions.items()]
    answers = dict(zip(questions, ask_all(shown), strict=True))
    refused = [str(one) for one in answers.values() if isinstance(one, Exception)]
    if refused and say_refusal:
        times = f" {len(refused)} times, first" if len(refused) > 1 else ""
        say(CliMessages.NO_ANSWER(times=times, refusal=refused[0]))
    return answers


def _ses(
    environment: Environment, settings: Callable[[], AwsSettings], *, may_fail: bool
) -> AskSes:
    """
    A function that asks SES; if signing in *may_fail*, the function returns the error of that.
    """
    try:
        account = environment.account(settings())
    except (ByodkimError, Refused) as error:
        if not may_fail:
            raise
        failure = error
        return lambda *_: failure

    def ask(
        region: str, domain: str, account_id: str | None, returns_error: bool
    ) -> SesIdentity | Exception | None:
        try:
            return account.ses(region, account_id).get_email_identity(domain)
        except ByodkimError as error:
            if not returns_error:
                raise
            return error

    return ask


def _expected(domain: Domain, chosen: Chosen | None) -> Iterator[ExpectedRecord]:
    """
    The records of a domain, and the CNAMEs of slots that have none yet, as the stack knows them.
    """
    declared = domain.declared
    zone, panel = (chosen.zone, chosen.panel) if chosen else (None, None)
    records = {one.name: one for one in domain.records}
    for name in dict.fromkeys((*records, *domain.settings.cnames)):
        record = records.get(name)
        target = domain.settings.cnames.get(name, "")
        generation = record.generation if record else None
        zones = declared.zones_of(generation or declared.generation) if declared else ()
        by_hand = None if target else _by_hand(zones)
        yield ExpectedRecord(
            selector=dkim.split_name(name)[0],
            domain=domain.name,
            public_key_der=dkim.public_key(record.value) if record else None,
            zone=zone or (by_hand.name if by_hand else None) or None,
            panel=panel or (None if target else _panel(zones)),
            new_key=_new_key(record, domain) if record else diagnosis.NEW_KEY,
            name_servers=_name_servers(zones),
            target=target,
            kept=bool(target or zones) and not by_hand,
        )


def _new_key(record: DeclaredRecord, domain: Domain) -> str:
    """How the stack gets another key for that of *record*."""
    declared = domain.declared
    if record.generation is None or declared is None or declared.generation is None:
        return diagnosis.NEW_KEY
    signing, published = declared.after_leak(record.generation)
    settings = f"`generation: {signing}` and `published: {list(published)}`"
    # After a step back, a later generation than the one that signs has signed too.
    if record.role != "standby" or any(
        record.generation in one.signed_until for one in domain.identities
    ):
        settings += " and `overlapDays: 0`"
    return f"set {settings}, and run `pulumi up`"


def _by_hand(zones: Sequence[Zone]) -> Zone | None:
    """The zone into whose panel people type a record that stands in *zones*."""
    return next((zone for zone in zones if zone.provider == MANUAL), None)


def _panel(zones: Sequence[Zone]) -> Panel | None:
    """
    Where the record stands, typed in or written by the host's API; None if that is not one known
    panel.
    """
    by_hand = _by_hand(zones)
    if by_hand and by_hand.panel:
        return PANELS.get(by_hand.panel)
    return zones[0].host_panel if len(zones) == 1 else None


def _name_servers(zones: Sequence[Zone]) -> tuple[str, ...]:
    """
    The name servers of all zones that hold the record; empty if one zone's are not known, or not
    asked.
    """
    servers: list[str] = []
    for zone in zones:
        if not zone.name_servers:
            return ()
        servers += zone.name_servers
    return tuple(servers)


def _in_stack(now: RecordNow, domain: Domain, at: datetime) -> RecordNow:
    """*now* with what the stack knows of the key; of a slot without a record that is nothing."""
    record = next((one for one in domain.records if one.name == now.name), None)
    if record is None:
        return replace(now, needed=False)
    number = record.generation or 0
    identities = domain.identities if number else ()  # (): used alone
    since, until = [], []
    role = record.role
    if identities:  # a run that failed has perhaps not switched to what the file says
        role = "standby"
    for identity in identities:
        signing = identity.declared.generation or 0
        if identity.key and signing == number:
            since.append(identity.key.signing_since)
        # An adopted identity is stored as if every key had signed until then: nobody knows of its
        # standby.
        if number in identity.signed_until and not (identity.adopted and number > signing):
            until.append(identity.signed_until[number])
    if until:
        role = "previous"
    if any(identity.declared.generation == number for identity in identities):
        role = "signing"
    if not identities and domain.settings.retired and role == "signing":
        role = "previous"
    last = None if since else max(until, default=None)
    # `overlapDays: 0` brings no mail home.
    overlap = timedelta(days=domain.settings.overlap_days or OVERLAP_DAYS)
    return replace(
        now,
        generation=record.generation,
        role=role,
        needed=role != "standby" and (last is None or at < last + overlap),
        signing_since=min(since, default=None),
        signed_until=last,
    )


def _record_now(expected: ExpectedRecord, resolver: DnsResolver | None) -> RecordNow:
    """What DNS shows of the record."""
    found = examine(resolver, expected) if resolver else None
    return RecordNow(expected=expected, diagnosis=found)
