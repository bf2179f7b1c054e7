"""
Asks SES and DNS about the domains of a stack, side by side, for `status`; or DNS about one record,
for `doctor`.

Nothing is changed. `dns.diagnosis` judges a record, `now` a domain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.now import (
    DomainNow,
    SesAnswer,
    StackNow,
    domain_now,
    identity_now,
    worst,
)
from byodkim_provider.cli.record_now import RecordNow, not_checked, record_now
from byodkim_provider.cli.stack import Stack
from byodkim_provider.cli.state import DeclaredRecord, Domain
from byodkim_provider.cli.terminal import ask_all
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dkim.generations import OVERLAP_DAYS
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord, examine
from byodkim_provider.dns.mail_from import mail_from_mistakes
from byodkim_provider.dns.panels import Panel
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.errors import ByodkimError
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.hosts.zones import Zone, by_hand
from byodkim_provider.identity.verdicts import Entry


def of_stack(
    stack: Stack,
    domains: Collection[Domain],
    environment: Environment,
) -> StackNow:
    """The state of *domains* of the stack."""
    account = environment.account(stack.aws())
    verified = stack.state.verified
    shown = ask_all(
        {
            domain.name: partial(_domain, domain, account, environment, verified)
            for domain in domains
        }
    )
    stored = [one.declared for domain in stack.domains.values() for one in domain.identities]
    return StackNow(
        stack=stack.name,
        project=stack.project,
        account_id=next((one.account_id for one in stored if one.account_id), None),
        verdict=worst(domain.verdict for domain in shown.values()) if shown else "unknown",
        checked_at=environment.clock.now(),
        domains=tuple(shown.values()),
    )


def _domain(
    domain: Domain,
    account: Connections,
    environment: Environment,
    verified: Collection[Entry],
) -> DomainNow:
    """The state of *domain*."""
    answers: dict[str, SesAnswer] = {}
    for declared in (stored.declared for stored in domain.identities if stored.key):
        try:
            ses = account.ses(declared.region, declared.account_id)
            answers[declared.region] = ses.get_email_identity(domain.name)
        except ByodkimError as error:
            answers[declared.region] = error
    times = [answer.at for answer in answers.values() if isinstance(answer, SesIdentity)]
    # The times of the state are from SES's clock, and this machine's may lag.
    now = max([environment.clock.now(), *times])
    identities = [
        identity_now(stored, answers.get(stored.declared.region), now, verified)
        for stored in domain.identities
    ]
    settings = domain.settings
    resolver = environment.resolver(settings.dns_check, settings.dns_resolvers)
    records = [
        _in_stack(ask_dns(expected, resolver), domain, now) for expected in _expected(domain)
    ]
    mistakes = {}
    if resolver:
        mistakes = mail_from_mistakes(resolver, domain.name, settings.mail_from_domains)
    return domain_now(domain, identities, records, now, mail_from=mistakes)


def ask_dns(expected: ExpectedRecord, resolver: DnsResolver | None) -> RecordNow:
    """One record, of which no stack is known; without a *resolver* no server is asked."""
    seen = examine(resolver, expected) if resolver else not_checked(expected)
    return record_now(expected, seen)


def _expected(domain: Domain) -> Iterator[ExpectedRecord]:
    """
    The records of a domain, and the CNAMEs of slots that have none yet, as the stack knows them.
    """
    declared = domain.declared
    records = {record.name: record for record in domain.records}
    for name in dict.fromkeys((*records, *domain.settings.cnames)):
        record = records.get(name)
        target = domain.settings.cnames.get(name, "")
        generation = record.generation if record else None
        zones = declared.zones_of(generation or declared.generation) if declared else ()
        pasted = None if target else by_hand(zones)
        yield ExpectedRecord(
            selector=dkim.split_name(name)[0],
            domain=domain.name,
            public_key_der=dkim.public_key(record.value) if record else None,
            zone=(pasted.name if pasted else None) or None,
            panel=None if target else _panel(zones),
            new_key=_new_key(record, domain) if record else diagnosis.NEW_KEY,
            name_servers=_name_servers(zones),
            target=target,
            kept=bool(target or zones) and not pasted,
        )


def _new_key(record: DeclaredRecord, domain: Domain) -> str:
    """How the stack gets another key for that of *record*."""
    declared = domain.declared
    if record.generation is None or declared is None or declared.generation is None:
        return diagnosis.NEW_KEY
    if record.generation == declared.generation:
        return f"run `byodkim rotate {domain.name} --compromised`"
    return "set `published` to the other generations and `overlapDays: 0`, and run `pulumi up`"


def _panel(zones: Sequence[Zone]) -> Panel | None:
    """
    Where the record stands, typed in or written by the host's API; None if that is not one known
    panel.
    """
    pasted = by_hand(zones)
    if pasted and pasted.panel:
        return PANELS.get(pasted.panel)
    return zones[0].host_panel if len(zones) == 1 else None


def _name_servers(zones: Sequence[Zone]) -> tuple[str, ...]:
    """
    The name servers of all zones that hold the record; empty if one zone's are not known, or not
    asked.
    """
    if not all(zone.name_servers for zone in zones):
        return ()
    return tuple(server for zone in zones for server in zone.name_servers)


def _in_stack(shown: RecordNow, domain: Domain, at: datetime) -> RecordNow:
    """*shown* with what the stack knows of the key; of a slot without a record that is nothing."""
    record = next((record for record in domain.records if record.name == shown.name), None)
    if record is None:
        return replace(shown, needed=False)
    generation = record.generation or 0  # 0: used alone
    signing = [one for one in domain.identities if (one.declared.generation or 0) == generation]
    since = [identity.key.signing_since for identity in signing if identity.key]
    until: list[datetime] = []
    for identity in domain.identities:
        # An adopted identity is stored as if every key had signed until then: nobody knows of its
        # standby.
        is_standby = generation > (identity.declared.generation or 0)
        if generation in identity.signed_until and not (identity.declared.adopt and is_standby):
            until.append(identity.signed_until[generation])
    role = record.role
    if signing:
        role = "signing"
    elif until or (role == "signing" and domain.settings.retired):
        role = "previous"
    elif domain.identities:  # the program's role may be of a run that failed before it switched
        role = "standby"
    last = None if since else max(until, default=None)
    # `overlapDays: 0` brings no mail home.
    overlap = timedelta(days=domain.settings.overlap_days or OVERLAP_DAYS)
    return replace(
        shown,
        generation=record.generation,
        role=role,
        needed=role != "standby" and (last is None or at < last + overlap),
        signing_since=min(since, default=None),
        signed_until=last,
    )
