"""
Asks SES and DNS about the domains of a stack, side by side, for `status`; or DNS about one record,
for `doctor`.

Nothing is changed. `dns.diagnosis` judges a record, `now` a domain.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

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
from byodkim_provider.cli.record_now import NOT_CHECKED, RecordNow, record_now
from byodkim_provider.cli.stack import Stack
from byodkim_provider.cli.state import DeclaredRecord, Domain
from byodkim_provider.cli.terminal import ask_all
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dkim.generations import OVERLAP_DAYS
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord, examine
from byodkim_provider.dns.mail_from import mail_from_misconfigurations
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.dns.visibility import Diagnosis
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
    by_name = {domain.name: domain for domain in domains}
    shown = ask_all(lambda name: _domain(by_name[name], account, environment, verified), [*by_name])
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
    names = dict.fromkeys([*(record.name for record in domain.records), *settings.cnames])
    records = [_record(name, domain, resolver, now) for name in names]
    mail_from = {}
    if resolver:
        mail_from = mail_from_misconfigurations(resolver, domain.name, settings.mail_from_domains)
    return domain_now(domain, identities, records, now, mail_from=mail_from)


def ask_dns(expected: ExpectedRecord, resolver: DnsResolver | None) -> RecordNow:
    """One record, of which no stack is known; without a *resolver* no server is asked."""
    seen = Diagnosis(
        verdict="unknown",
        public_key_der=expected.public_key_der or b"",
        text="DNS is not checked",
        notes=(NOT_CHECKED,),
    )
    return record_now(expected, examine(resolver, expected) if resolver else seen)


def _record(name: str, domain: Domain, resolver: DnsResolver | None, now: datetime) -> RecordNow:
    """
    A record of *domain*, or the CNAME of a slot that has none yet, with what the stack knows of it.
    """
    record = next((record for record in domain.records if record.name == name), None)
    target = domain.settings.cnames.get(name, "")
    zones: Sequence[Zone] = ()
    if domain.identities:
        declared = domain.identities[0].declared
        zones = declared.zones_of(record.generation if record else declared.generation)
    servers = [server for zone in zones for server in zone.name_servers]
    are_known = all(zone.name_servers for zone in zones)
    here: Sequence[Zone] = () if target else zones
    pasted = by_hand(here)
    panel = here[0].host_panel if len(here) == 1 else None
    if pasted and pasted.panel:
        panel = PANELS.get(pasted.panel)
    expected = ExpectedRecord(
        selector=dkim.split_name(name)[0],
        domain=domain.name,
        public_key_der=dkim.public_key(record.value) if record else None,
        zone=pasted.name if pasted else None,
        panel=panel,
        new_key=_new_key(record, domain),
        name_servers=servers if are_known else (),
        target=target,
        kept=bool(target or zones) and not pasted,
    )
    shown = ask_dns(expected, resolver)
    return _with_role(shown, record, domain, now) if record else replace(shown, needed=False)


def _new_key(record: DeclaredRecord | None, domain: Domain) -> str:
    """How the stack gets another key for that of *record*."""
    if record is None or not domain.identities:
        return diagnosis.NEW_KEY
    if record.generation == domain.settings.generation:
        return f"run `byodkim rotate {domain.name} --compromised`"
    return "set `published` to the other generations and `overlapDays: 0`, and run `pulumi up`"


def _with_role(
    shown: RecordNow, record: DeclaredRecord, domain: Domain, now: datetime
) -> RecordNow:
    """*shown* with what the key of *record* is for."""
    generation = record.generation
    signing = [one for one in domain.identities if one.declared.generation == generation]
    since = [identity.key.signing_since for identity in signing if identity.key]
    until = None if since else domain.signed_until.get(generation)
    role = record.role
    if signing:
        role = "signing"
    elif until or (role == "signing" and domain.settings.retired):
        role = "previous"
    elif domain.identities:  # the program's role may be of a run that failed before it switched
        role = "standby"
    # `overlapDays: 0` brings no mail home.
    overlap = timedelta(days=domain.settings.overlap_days or OVERLAP_DAYS)
    return replace(
        shown,
        generation=generation,
        role=role,
        needed=role != "standby" and (until is None or now < until + overlap),
        signing_since=min(since, default=None),
        signed_until=until,
    )
