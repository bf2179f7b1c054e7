"""
`byodkim records`: prints the records that must be in DNS, in several formats.

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
from byodkim_provider.cli.terminal import as_json, say
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dns import panels
from byodkim_provider.dns.dmarc import mail_from_records
from byodkim_provider.hosts.registry import PANELS, SPECS
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.quoting import first_few

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

    @property
    def is_of_mail_from(self) -> bool:
        """
        Whether it stands at a MAIL FROM domain, where others may have records, and is none of a
        key.
        """
        return not dkim.split_name(self.name)[1]


def as_panel(wanted: Sequence[Record]) -> str:
    """
    What to type into which field, one block per record, then the notes that all of a kind have.
    """
    blocks = []
    for (_, kind, _), group in groupby(
        wanted, key=lambda one: (one.domain, one.kind, one.written_at)
    ):
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
    return "\n".join(
        f"{record.name}. {record.ttl} IN {record.kind} {_in_zone_file(record)}" for record in wanted
    )


def _in_zone_file(record: Record) -> str:
    return dkim.quoted(record.value) if record.kind == "TXT" else f"{record.value}."


def as_objects(wanted: Sequence[Record]) -> str:
    """
    A list of objects; `strings` are the pieces of a TXT record's `value`, each of at most 255
    octets.
    """
    return as_json(
        [
            {
                "name": record.name,
                "type": record.kind,
                "ttl": record.ttl,
                "value": record.value,
                **({"strings": dkim.strings(record.value)} if record.kind == "TXT" else {}),
            }
            for record in wanted
        ]
    )


def as_change_batch(wanted: Sequence[Record]) -> str:
    """A change batch for `aws route53 change-resource-record-sets`, of what `_of_batch` returns."""
    changes = [
        {
            # UPSERT replaces a wrong record of a key. At the MAIL FROM domain others may have
            # records, which Route 53 refuses to replace by CREATE.
            "Action": "CREATE" if record.is_of_mail_from else "UPSERT",
            "ResourceRecordSet": {
                "Name": f"{record.name}.",
                "Type": record.kind,
                "TTL": record.ttl,
                "ResourceRecords": [{"Value": _in_zone_file(record)}],
            },
        }
        for record in wanted
    ]
    return as_json({"Comment": "Records for Amazon SES", "Changes": changes})


_WHY_CNAMES: Final = """\
Why: Amazon SES signs the mail of {domain} with DKIM, by which receivers know
who has sent it; without it mail may be taken for spam. These names lead receivers to the public
keys, which stand in a zone of ours; we change a key there when it is due, and nothing changes
at your side.

Until when: the records never change. Please keep all of them, also one that seems unused,
until we ask you to remove them.

Please note:
- Nothing else may stand at these names, no TXT record either.
- The records must not be proxied (at Cloudflare: "DNS only").
- Names and targets above are complete. A form that adds {zone} to a name by itself takes the
  name without it, and perhaps the target only with a dot behind it.
"""

_WHY_TXT: Final = """\
Why: Amazon SES signs the mail of {domain} with DKIM, and receivers check it with these public
keys. They are no secrets.

Until when: please keep each record until we ask for its removal, and never give a name another
value. For each new key we ask for one more record.

Please note:
- Each value is one TXT record. The strings in quotes are its parts, which a form may take in one
  piece, without the quotes.
- Names above are complete. A form that adds {zone} to a name by itself takes the name without it.
"""


_WHY_MAIL_FROM: Final = """\
Why: Amazon SES gets the bounces of {domain} at these names, and receivers see by them that it may \
send.

Please note: nothing else may stand at these names, and no other mail may go there.
"""


def as_text(wanted: Sequence[Record]) -> str:
    """
    A message to those who run the domain's DNS; where `pulumi up` writes all records, it says that.
    """
    messages = []
    for (domain, why), group in groupby(wanted, key=lambda one: (one.domain, _why(one))):
        records = [*group]
        to_add = [one for one in records if not one.written_at]
        for zone, guessed in dict.fromkeys((one.zone, one.zone_assumed) for one in to_add):
            lines = as_zone_file([one for one in to_add if one.zone == zone])
            guess = " (assumed zone)" if guessed else ""
            # Not indented: in a zone file a blank in front means the owner of the line above.
            asked = f"Please add to the DNS of {zone}{guess}:\n\n{lines}\n\n"
            messages.append(asked + why.format(domain=domain, zone=zone))
        if not to_add:
            messages.append(f"{as_panel(records)}\n")
    return "\n".join(messages).rstrip("\n")


def _why(record: Record) -> str:
    if record.is_of_mail_from:
        return _WHY_MAIL_FROM
    return _WHY_CNAMES if record.kind == "CNAME" else _WHY_TXT


MAIL_FROM_BATCH: Final = "route53-mail-from"

FORMATS: Final[Mapping[str, Callable[[Sequence[Record]], str]]] = {
    "panel": as_panel,
    "zone": as_zone_file,
    "json": as_objects,
    "route53": as_change_batch,
    MAIL_FROM_BATCH: as_change_batch,
    "text": as_text,
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
    the DNS. --format route53 is a change batch to use after each rotation. The records of MAIL FROM
    domains have one of their own, route53-mail-from: Route 53 refuses it, and changes nothing, if
    a record is there already, yours or of others.
    """
    form = "json" if wants_json else form
    subject = chosen.domain
    if chosen.record is None:
        stack, domains = open_chosen(chosen, context.ensure_object(Environment))
        above = [one.name for one in stack.settings.domains]
        subject, wanted = (
            stack.name,
            [one for domain in domains for one in _of_domain(domain, above, chosen)],
        )
    elif chosen.record.public_key_der is None:
        raise click.UsageError("Give --private-key or --public-key.")
    else:
        name, domain = chosen.record.name, chosen.record.domain
        value = dkim.record_value(chosen.record.public_key_der)
        wanted = [_record(domain, domain, chosen, (), name=name, value=value)]
    wanted = _in_zone(wanted, chosen.zone)
    wanted = _of_batch(wanted, form) if FORMATS[form] is as_change_batch else wanted
    if form != "panel":
        click.echo(FORMATS[form](wanted))
        return
    who = ["written by `pulumi up`" if one.written_at else "to type in" for one in wanted]
    show_lines([f"{subject}: {tally('record', who, order=sorted({*who}))}"])
    if assumed := sorted({one.zone for one in wanted if one.zone_assumed and not one.written_at}):
        show_lines([str(CliMessages.ZONE_ASSUMED(zones=", ".join(assumed)))])
    click.echo()
    show_lines(as_panel(wanted).split("\n"))


def _in_zone(wanted: list[Record], zone: str | None) -> list[Record]:
    """
    Those of *wanted* that are in *zone*, as are all that it holds whose own zone nobody has named.

    If it is the zone of none, it replaces what the stack file says; raises `click.BadParameter` if
    it can't.
    """
    if zone is None:
        return wanted
    known = [
        one
        if one.zone_named or not dkim.is_in(one.name, zone)
        else replace(one, zone=zone, zone_named=True)
        for one in wanted
    ]
    if there := [one for one in known if one.zone == zone]:
        return there
    for one in known:
        refuse_other_zone(zone, one.name)
    return [replace(one, zone=zone) for one in known]


def _of_batch(wanted: list[Record], form: str) -> list[Record]:
    """
    Those of *wanted* that one change batch may hold; raises `click.UsageError` if there is none.

    Route 53 carries out a whole batch or nothing of it, so what is created once would let no later
    key in.
    """
    mail_from = [one for one in wanted if one.is_of_mail_from]
    keys = [one for one in wanted if not one.is_of_mail_from]
    if form == MAIL_FROM_BATCH and not mail_from:
        raise click.UsageError(
            f"None of these records is of a MAIL FROM domain, as --format {form} needs."
        )
    batch = mail_from if form == MAIL_FROM_BATCH or not keys else keys
    if len(zones := sorted({record.zone for record in batch})) > 1:
        several = f"A change batch is for one hosted zone, not for {', '.join(zones)}"
        raise click.UsageError(
            f"{several}: name one of them with --zone, or take another --format."
        )
    if batch is keys and mail_from:
        say(CliMessages.ADDED_ONCE(names=first_few(sorted({one.name for one in mail_from}))))
    return batch


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
    # As `program.route53` decides it: a zone that does not hold the MAIL FROM domain is that of
    # `cname`, or a delegated `_domainkey`.
    writes = all(
        one.provider == "route53" and dkim.is_in(domain.name, one.zone or domain.name)
        for one in settings.dns
    )
    unnamed = next(
        (f", if its zone {one.zone_id} holds the name" for one in settings.dns if one.zone_id), ""
    )
    for region, name in settings.mail_from_domains.items():
        for kind, value in mail_from_records(region).items():
            one = record(settings.dns, kind=kind, name=name, value=value)
            at = f"{one.written_at}{unnamed}" if writes and one.written_at else ""
            one = replace(one, written_at=at)
            # A delegated `_domainkey` does not hold it.
            yield (
                one if dkim.is_in(name, one.zone) else replace(one, zone=topmost, zone_named=False)
            )


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
