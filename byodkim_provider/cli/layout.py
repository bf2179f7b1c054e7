"""
What `byodkim status` and `doctor` print for people. Values in, lines out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import click

from byodkim_provider.aws.ses import with_error
from byodkim_provider.cli.now import SEVERITY, DomainNow, IdentityNow, StackNow
from byodkim_provider.cli.record_now import RecordNow
from byodkim_provider.cli.terminal import inert, minute
from byodkim_provider.messages.cli import MailFromMessages
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
    show_lines([f"{now.stack}: {counted(now)}"], now.verdict)
    show_lines([""])
    for domain in now.worst_first:
        show_lines([_line(domain)], domain.verdict)
        for finding in domain.findings:
            show_lines([f"  {finding.kind}: {finding}"], finding.kind)
        if in_full:
            show_lines(["", *everything(domain)])


def _line(domain: DomainNow) -> str:
    """Such as "example.com: well, SUCCESS, generation 2 for 15 of 180 days"."""
    facts = [domain.verdict, *(["retired"] if domain.retired else [])]
    facts += dict.fromkeys(one.shown_status for one in domain.identities)
    signing = [one for one in domain.identities if one.age_days is not None]
    if signing:
        oldest = max(signing, key=lambda one: one.age_days or 0)
        key = "its key" if oldest.generation is None else f"generation {oldest.generation}"
        facts.append(f"{key} for {oldest.age_days} of {domain.rotate_after_days} days")
    mail_from = [identity.ses for identity in domain.identities if identity.mail_from]
    facts += dict.fromkeys(f"MAIL FROM {ses.mail_from_status}" for ses in mail_from if ses)
    return f"{domain.domain}: {', '.join(facts)}"


def counted(now: StackNow) -> str:
    """Such as "3 domains, 1 wrong, 2 well"."""
    return tally("domain", [one.verdict for one in now.domains], order=reversed(SEVERITY))


def tally(noun: str, kinds: Iterable[str], *, order: Iterable[str]) -> str:
    """How many things there are, and how many of each of *kinds*: "3 records, 1 wrong, 2 right"."""
    count = Counter(kinds)
    found = [f"{count[one]} {one}" for one in order if count[one]]
    return ", ".join([f"{count.total()} {noun}{'' if count.total() == 1 else 's'}", *found])


def everything(domain: DomainNow) -> Iterator[str]:
    """What every server says of each record, and SES of each identity."""
    for record in domain.records:
        yield from _record(record)
    for identity in domain.identities:
        yield from _identity(domain, identity)
    for finding in domain.findings:
        if isinstance(finding.message.code, MailFromMessages):
            yield f"  {finding}"


def _record(record: RecordNow) -> Iterator[str]:
    code = f" ({record.misconfiguration})" if record.misconfiguration else ""
    key = f", generation {record.generation}, {record.role}" if record.generation else ""
    yield f"{record.name}: {record.verdict}{code}{key}"
    if record.servers_visible:
        what = "the key" if record.fingerprint else "where its key will be"
        yield f"  {record.servers_visible} of {record.servers_asked} servers show {what}"
    for server in record.servers:
        if not server.shows_key:
            yield f"  {server.says}"
    if record.text:
        yield f"  {record.text}"
    if record.fingerprint and record.misconfiguration != "private-key":
        whose = "the right key" if record.value else "the key there"
        yield f"  {whose} has {record.bits} bits, fingerprint {record.fingerprint}"
    yield from (f"  {note}" for note in record.notes)
    if record.fix:
        yield f"  to fix it: {record.fix}"
    yield from (f"  {line}" for line in record.instructions.splitlines())


def _identity(domain: DomainNow, identity: IdentityNow) -> Iterator[str]:
    ses = identity.ses
    if ses is None:
        missing = f"SES in {identity.region} has no identity {domain.domain}"
        yield str(identity.finding) if identity.finding else missing
        return
    facts = [
        with_error(identity.status, ses.failure),
        f"origin {ses.origin}",
        f"signing {'enabled' if ses.signing_enabled else 'disabled'}",
    ]
    facts += [f"selector {identity.selector!r}"] if identity.selector else []
    facts += [f"signing since {minute(identity.signing_since)}"] if identity.signing_since else []
    facts += [f"MAIL FROM {identity.mail_from}"] if identity.mail_from else []
    facts += [f"last checked {minute(ses.last_checked)}"] if ses.last_checked else []
    facts += [f"at the zone of {ses.soa_seen}"] if ses.soa_seen else []
    yield f"SES in {identity.region} says of {domain.domain}: {', '.join(facts)}"
    if identity.finding:
        yield f"  {identity.finding.message}"
