"""
`byodkim records`: prints the records that must be in DNS, for a panel, as text, zone file or JSON.

TXT records come from a stack's state, or from a key file, CNAMEs from its settings; no lookup, no
change. `dkim.records` builds values, `panels` knows the panels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any, Final

import click

from byodkim_provider.cli.chosen import Chosen, chosen_options, open_chosen, refuse_other_zone
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.layout import show_lines, tally
from byodkim_provider.cli.stack import Domain
from byodkim_provider.cli.terminal import as_json
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dns import panels
from byodkim_provider.dns.dmarc import mail_from_records
from byodkim_provider.hosts.registry import PANELS, SPECS
from byodkim_provider.messages.cli import AskedMessages, CliMessages

TTL: Final = DnsSettings().ttl
"""TTL of the records, in seconds: the default of the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record to be published."""

    kind: panels.RecordType = "TXT"
    name: str
    value: str
    """The target of a CNAME; priority and host of an MX record."""
    domain: str
    panel: panels.Panel
    """The panel in which it is entered."""
    zone: str
    """The zone in this panel."""
    zone_named: bool = False
    """Whether the stack file or `--zone` names *zone*."""
    ttl: int = TTL
    written_at: str = ""
    """Where `pulumi up` writes it, such as "Route 53"; empty if people do."""

    @property
    def zone_assumed(self) -> bool:
        """Whether *zone* is a guess: a sub-domain may be in a zone above it."""
        return not self.zone_named and self.domain.count(".") > 1


def as_panel(wanted: Sequence[Record]) -> str:
    """
    What to type into which field, one block per record, then the notes that all of a kind have.
    """
    blocks = []
    for (_, kind, _), group in groupby(wanted, lambda one: (one.domain, one.kind, one.written_at)):
        texts = [_in_panel(record).split("\n") for record in group]
        notes = [line for line in texts[0] if line.startswith("  - ")] if len(texts) > 1 else []
        notes = [note for note in notes if all(note in text for text in texts)]
        blocks += ["\n".join(line for line in text if line not in notes) for text in texts]
        blocks += ["\n".join([f"Each of these {kind} records:", *notes])] if notes else []
    return "\n\n".join(blocks)


def _in_panel(record: Record) -> str:
    if record.written_at:
        return f"{record.name}: nothing to type, `pulumi up` writes it at {record.written_at}"
    return panels.instructions(
        record.panel,
        record_name=record.name,
        record_value=record.value,
        zone=record.zone,
        kind=record.kind,
    )


def as_zone_file(wanted: Sequence[Record]) -> str:
    """One line per record, in the format of zone files, with full names."""
    lines = []
    for one in wanted:
        value = dkim.quoted(one.value) if one.kind == "TXT" else f"{one.value}."
        lines.append(f"{one.name}. {one.ttl} IN {one.kind} {value}")
    return "\n".join(lines)


def as_objects(wanted: Sequence[Record]) -> str:
    """
    A list of objects; `strings` are the pieces of a TXT record's `value`, each of at most 255
    octets.
    """
    objects = []
    for one in wanted:
        record = {"name": one.name, "type": one.kind, "ttl": one.ttl, "value": one.value}
        strings = {"strings": dkim.strings(one.value)} if one.kind == "TXT" else {}
        objects.append(record | strings)
    return as_json(objects)


def as_text(wanted: Sequence[Record]) -> str:
    """
    A message to those who run the domain's DNS; where `pulumi up` writes all records, it says that.
    """
    to_add = [one for one in wanted if not one.written_at]
    messages = []
    groups = groupby(to_add, lambda one: (one.domain, _why(one), one.zone, one.zone_assumed))
    for (domain, why, zone, is_assumed), records in groups:
        guess = " (assumed zone)" if is_assumed else ""
        # Not indented: in a zone file a blank in front means the owner of the line above.
        lines = as_zone_file([*records])
        reason = why(domain=domain, zone=zone)
        messages.append(f"Please add to the DNS of {zone}{guess}:\n\n{lines}\n\n{reason}")
    return "\n\n".join(messages) or as_panel(wanted)


def _why(record: Record) -> AskedMessages:
    if not dkim.split_name(record.name)[1]:
        return AskedMessages.MAIL_FROM
    return AskedMessages.CNAMES if record.kind == "CNAME" else AskedMessages.KEYS


FORMATS: Final[Mapping[str, Callable[[Sequence[Record]], str]]] = {
    "panel": as_panel,
    "text": as_text,
    "zone": as_zone_file,
    "json": as_objects,
}


@click.command(
    epilog="""\b
Exit codes:
  0  the records are printed
  2  wrong usage, no such domain, or the stack could not be read
"""
)
@chosen_options
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="panel", show_default=True
)
@click.option(
    "--json", "wants_json", is_flag=True, help="Short for --format json; errors are JSON too."
)
@click.pass_context
def records(context: click.Context, chosen: Chosen, form: str, wants_json: bool) -> None:
    """
    Print the DNS records to publish.

    Those of a stack, or of DOMAIN in it; with --selector and a key file of that key, without a
    stack and without AWS. Only the public half is printed. Of a record that `pulumi up` writes
    there is nothing to type; --panel prints it all the same. Of a domain with `cname` these are
    the three CNAMEs, before the first `pulumi up` too. --format text is a message to whoever has
    the DNS.
    """
    form = "json" if wants_json else form
    wanted: list[Record] = []
    if chosen.record is None:
        stack, domains = open_chosen(chosen, context.ensure_object(Environment))
        subject = stack.name
        for one in domains:
            wanted += _of_domain(one, list(stack.domains), chosen)
    elif chosen.record.public_key_der is None:
        raise click.UsageError("Give --private-key or --public-key.")
    else:
        subject = chosen.record.domain
        value = dkim.record_value(chosen.record.public_key_der)
        wanted = [_record(subject, subject, chosen, (), name=chosen.record.name, value=value)]
    if chosen.zone:
        wanted = _in_zone(wanted, chosen.zone)
    if form != "panel":
        click.echo(FORMATS[form](wanted))
        return
    who = ["written by `pulumi up`" if one.written_at else "to type in" for one in wanted]
    show_lines([f"{subject}: {tally('record', who, order=sorted({*who}))}"])
    assumed = sorted({one.zone for one in wanted if one.zone_assumed and not one.written_at})
    if assumed:
        show_lines([str(CliMessages.ZONE_ASSUMED(zones=", ".join(assumed)))])
    click.echo()
    show_lines(as_panel(wanted).split("\n"))


def _in_zone(wanted: list[Record], zone: str) -> list[Record]:
    """
    Those of *wanted* that are in *zone*, as are all that it holds whose own zone nobody has named.

    If it is the zone of none, it replaces what the stack file says; raises `click.BadParameter` if
    it can't.
    """
    inside = [
        one
        for one in wanted
        if one.zone == zone or (not one.zone_named and dkim.is_in(one.name, zone))
    ]
    if not inside:
        for one in wanted:
            refuse_other_zone(zone, one.name)
    return [replace(one, zone=zone, zone_named=True) for one in inside or wanted]


def _of_domain(domain: Domain, declared: Sequence[str], chosen: Chosen) -> Iterator[Record]:
    """
    The records of *domain*: CNAMEs, those in the state, oldest generation first, those of MAIL
    FROM.
    """
    settings = domain.settings
    # A sub-domain is mostly in the zone above it; in zones of their own, the names would collide.
    above = [one for one in declared if dkim.is_in(domain.name, one)]
    topmost = min(above, key=len, default=domain.name)
    record = partial(_record, domain.name, topmost, chosen)
    for name, target in settings.cnames.items():
        yield replace(record(settings.dns, kind="CNAME", name=name, value=target), written_at="")
    for made in domain.records:
        if made.name not in settings.cnames:  # else it stands at the target
            places = generations.holding(settings.dns, made.generation or 1)
            yield record(places, name=made.name, value=made.value)
    mail_from_dns = settings.mail_from_dns
    by_id = next((one.zone_id for one in mail_from_dns if one.zone_id), None)
    for region, name in settings.mail_from_domains.items():
        for kind, value in mail_from_records(region).items():
            one = record(mail_from_dns, kind=kind, name=name, value=value)
            if any(dns.provider != "route53" for dns in mail_from_dns):
                one = replace(one, written_at="")
            elif by_id and one.written_at:
                at = f"{one.written_at}, if its zone {by_id} holds the name"
                one = replace(one, written_at=at)
            if not dkim.is_in(name, one.zone):  # that of `cname`, or a delegated `_domainkey`
                one = replace(one, zone=topmost, zone_named=False, written_at="")
            yield one


def _record(
    domain: str, above: str, chosen: Chosen, dns: Sequence[DnsSettings], **of: Any
) -> Record:
    """
    A record that stands at all of *dns* but those of `cname`; `pulumi up` writes it unless people
    do.
    """
    listed = [one for one in dns if not one.cname]
    by_hand = next((one for one in listed if one.provider == "manual"), None)
    at = by_hand or (listed[0] if len(listed) == 1 else DnsSettings())
    host = SPECS.get(at.provider)
    is_automatic = host and host.ttl and at.ttl == host.ttl.automatic  # the host chooses the TTL
    writers = dict.fromkeys(one.provider for one in listed if not (by_hand or chosen.panel))
    return Record(
        **of,
        domain=domain,
        panel=chosen.panel or PANELS[at.panel or "other"],
        zone=at.zone or above,
        zone_named=at.zone is not None,
        ttl=TTL if is_automatic else at.ttl,
        written_at=" and ".join(PANELS[one].title if one in PANELS else one for one in writers),
    )
