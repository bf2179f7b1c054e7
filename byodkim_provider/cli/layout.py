"""
What `byodkim status` and `doctor` print for people. Values in, lines out.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import click

from byodkim_provider.aws.ses import with_error
from byodkim_provider.cli.now import SEVERITY, DomainNow, StackNow
from byodkim_provider.cli.record_now import RecordNow
from byodkim_provider.cli.terminal import inert, minute
from byodkim_provider.quoting import printable

COLOURS: Final = {"due": "yellow", "unknown": "yellow", "wrong": "red"}
"""By the kind of a line."""


def show_lines(lines: Iterable[str], kind: str = "") -> None:
    """Print *lines*, in the colour of *kind* at a terminal."""
    color = False if os.environ.get("NO_COLOR") else None
    for line in lines:
        # AWS and DNS are quoted here: a terminal must obey nothing of that.
        click.secho(inert(printable(line)), fg=COLOURS.get(kind), color=color)


def show(now: StackNow, *, in_full: bool = False) -> None:
    """
    Print *now*: a line for all, and for each domain, the worst first, a line and its findings;
    *in_full* with its records and identities.
    """
    domains = "1 domain" if len(now.domains) == 1 else f"{len(now.domains)} domains"
    count: Counter[str] = Counter(domain.verdict for domain in now.domains)
    verdicts = [f"{count[verdict]} {verdict}" for verdict in reversed(SEVERITY) if count[verdict]]
    show_lines([f"{now.stack}: {', '.join([domains, *verdicts])}", ""], now.verdict)
    for domain in now.worst_first:
        show_lines([_line(domain)], domain.verdict)
        for finding in domain.findings:
            show_lines([f"  {finding.kind}: {finding}"], finding.kind)
        if in_full:
            show_lines([""])
            for record in domain.records:
                show_lines(record_lines(record))
            show_lines(_identities(domain))


def _line(domain: DomainNow) -> str:
    """Such as "example.com: well, SUCCESS, generation 2 for 15 of 180 days"."""
    facts = [domain.verdict, *(["retired"] if domain.retired else [])]
    facts += [identity.shown_status for identity in domain.identities]
    for identity in domain.identities:
        if identity.age_days is not None:
            days = f"{identity.age_days} of {domain.rotate_after_days} days"
            facts.append(f"generation {identity.generation} for {days}")
        if identity.ses and identity.ses.mail_from:
            facts.append(f"MAIL FROM {identity.ses.mail_from_status}")
    return f"{domain.domain}: {', '.join(dict.fromkeys(facts))}"


def record_lines(record: RecordNow) -> Iterator[str]:
    """What DNS shows of a record, and how to fix it."""
    code = f" ({record.misconfiguration})" if record.misconfiguration else ""
    key = f", generation {record.generation}, {record.role}" if record.generation else ""
    yield f"{record.name}: {record.verdict}{code}{key}"
    yield f"  {record.seen}"
    if record.fingerprint and record.misconfiguration != "private-key":
        whose = "the right key" if record.value else "the key there"
        yield f"  {whose} has {record.bits} bits, fingerprint {record.fingerprint}"
    yield from (f"  {note}" for note in record.notes)
    if record.fix:
        yield f"  to fix it: {record.fix}"
    yield from (f"  {line}" for line in record.instructions.splitlines())


def _identities(domain: DomainNow) -> Iterator[str]:
    """What SES says of each identity; a finding says why it says nothing."""
    for identity in domain.identities:
        ses = identity.ses
        if ses is None:
            continue
        facts = [
            with_error(identity.status, ses.failure),
            f"origin {ses.origin}",
            f"signing {'enabled' if ses.signing_enabled else 'disabled'}",
        ]
        if identity.selector:
            facts.append(f"selector {identity.selector!r}")
        if identity.signing_since:
            facts.append(f"signing since {minute(identity.signing_since)}")
        if identity.mail_from:
            facts.append(f"MAIL FROM {identity.mail_from}")
        if ses.last_checked:
            facts.append(f"last checked {minute(ses.last_checked)}")
        if ses.soa_seen:
            facts.append(f"at the zone of {ses.soa_seen}")
        yield f"SES in {identity.region} says of {domain.domain}: {', '.join(facts)}"
