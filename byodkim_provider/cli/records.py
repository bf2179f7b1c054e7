"""
`byodkim records`: prints the records that must be in DNS, for a panel, as text, zone file or JSON.

TXT records come from a stack's state, CNAMEs from its settings; no lookup, no change.
`dkim.records` builds values, `panels` knows the panels.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import click

from byodkim_provider.cli.chosen import checked, json_option, panel_option, stack_option
from byodkim_provider.cli.environment import Environment, pass_environment
from byodkim_provider.cli.layout import show_lines
from byodkim_provider.cli.stack import open_stack
from byodkim_provider.cli.state import Domain
from byodkim_provider.cli.terminal import Failed, as_json, say
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.config.values import zone_name
from byodkim_provider.dkim import generations
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dns import panels
from byodkim_provider.dns.mail_from import mail_from_records
from byodkim_provider.hosts.registry import PANELS, SPECS
from byodkim_provider.hosts.zones import by_hand
from byodkim_provider.messages.cli import CliMessages


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record to be published."""

    kind: panels.RecordType
    name: str
    value: str
    """The target of a CNAME; priority and host of an MX record."""
    domain: str
    panel: panels.Panel
    """The panel in which it is entered."""
    zone: str | None
    """The zone in this panel; None: not known, *domain* is assumed."""
    ttl: int | None
    """In seconds; None where records have none."""
    is_written: bool
    """Whether `pulumi up` writes it; else people do."""

    @property
    def zone_assumed(self) -> bool:
        """Whether the zone is a guess: a sub-domain may be in a zone above it."""
        return self.zone is None and self.domain.count(".") > 1


def as_panel(wanted: Sequence[Record]) -> str:
    """What to type into which field, a block for each record."""
    blocks = []
    for record in wanted:
        block = f"{record.name}: nothing to type, `pulumi up` writes it"
        if not record.is_written:
            block = panels.instructions(
                record.panel,
                name=record.name,
                value=record.value,
                zone=record.zone or record.domain,
                kind=record.kind,
            )
        blocks.append(block)
    return "\n\n".join(blocks)


def as_zone_file(wanted: Sequence[Record]) -> str:
    """One line per record, in the format of zone files, with full names."""
    lines = []
    for record in wanted:
        value = dkim.quoted(record.value) if record.kind == "TXT" else f"{record.value}."
        ttl = "" if record.ttl is None else f" {record.ttl}"
        lines.append(f"{record.name}.{ttl} IN {record.kind} {value}")
    return "\n".join(lines)


ASKED: Final = """\
Please add to the DNS of {zone}{guess}:

{lines}

Why: Amazon SES signs the mail of {domain} with DKIM, by which receivers know who has sent it;
without it mail may be taken for spam. The names below `_domainkey` lead receivers to the public
keys, which are no secrets; by an MX record and its TXT record SES gets bounces.

Until when: please keep each record, also one that seems unused, until we ask for its removal, and
never give a name another value.

Please note:
- Nothing else may stand at these names.
- A CNAME record must not be proxied (at Cloudflare: "DNS only").
- A TXT value is one record. The strings in quotes are its parts, which a form may take in one
  piece, without the quotes.
- Names and targets above are complete. A form that adds {zone} to a name by itself takes the
  name without it, and perhaps the target only with a dot behind it."""
"""What a DNS team reads."""


def as_text(wanted: Sequence[Record]) -> str:
    """
    A message to those who run the domain's DNS; where `pulumi up` writes all records, it says that.
    """
    to_add: dict[tuple[str, str | None], list[Record]] = {}
    for record in wanted:
        if not record.is_written:
            to_add.setdefault((record.domain, record.zone), []).append(record)
    messages = []
    for (domain, zone), records in to_add.items():
        # Not indented: in a zone file a blank in front means the owner of the line above.
        lines = as_zone_file(records)
        guess = " (assumed zone)" if records[0].zone_assumed else ""
        messages.append(ASKED.format(domain=domain, zone=zone or domain, guess=guess, lines=lines))
    return "\n\n".join(messages) or as_panel(wanted)


FORMATS: Final = {"panel": as_panel, "text": as_text, "zone": as_zone_file}


@click.command(
    epilog="""\b
Exit codes:
  0  the records are printed
  2  wrong usage, no such domain, or the stack could not be read
"""
)
@click.argument("domain", type=checked(dkim.normalise_domain), required=False)
@stack_option()
@panel_option
@click.option(
    "--zone",
    type=checked(zone_name),
    metavar="NAME",
    help="Only the records in this zone; without it a domain is assumed to be a zone.",
)
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="panel", show_default=True
)
@json_option
@pass_environment
def records(
    environment: Environment,
    domain: str | None,
    name: str | None,
    panel: panels.Panel | None,
    zone: str | None,
    form: str,
    wants_json: bool,
) -> None:
    """
    Print the DNS records to publish.

    Those of a stack, or of DOMAIN in it. Of a record that `pulumi up` writes there is nothing to
    type; --panel prints it all the same. Of a domain with `cname` these are the three CNAMEs,
    before the first `pulumi up` too. --format text is a message to whoever has the DNS.
    """
    if wants_json and form != "panel":
        raise click.UsageError("Give --json or --format, not both.")
    stack = open_stack(name, environment)
    wanted: list[Record] = []
    for declared in stack.named([domain] if domain else [*stack.planned]):
        if declared.records or declared.settings.cnames:
            wanted += _of_domain(declared, panel, stack.state.mail_from)
    if not wanted:
        raise Failed(CliMessages.NO_RECORD(subject=domain or stack.name))
    if zone:
        inside = [record for record in wanted if dkim.is_in(record.name, zone)]
        if not inside:
            problem = f"{zone!r} does not hold {wanted[0].name!r}"
            raise click.BadParameter(problem, param_hint="--zone")
        wanted = [replace(record, zone=zone) for record in inside]
    if wants_json:
        objects = [
            {"name": one.name, "type": one.kind, "ttl": one.ttl, "value": one.value}
            for one in wanted
        ]
        click.echo(as_json(objects))
        return
    assumed = {record.domain for record in wanted if record.zone_assumed and not record.is_written}
    if assumed and form == "panel":
        say(CliMessages.ZONE_ASSUMED(zones=", ".join(sorted(assumed))))
    show_lines(FORMATS[form](wanted).split("\n"))


def _of_domain(
    domain: Domain, panel: panels.Panel | None, in_route53: Collection[str]
) -> Iterator[Record]:
    """
    The records of *domain*: CNAMEs, those in the state, oldest generation first, those of MAIL
    FROM, of which Pulumi writes those *in_route53*.
    """
    settings = domain.settings
    is_apart = bool(settings.mail_from and settings.mail_from.zone)
    record = partial(_record, domain.name, panel)
    for name, target in settings.cnames.items():
        yield record((), "CNAME", name, target)
    for declared in domain.records:
        if declared.name not in settings.cnames:  # else it stands at the target
            places = generations.holding(settings.dns, declared.generation)
            yield record(places, "TXT", declared.name, declared.value)
    for region, name in settings.mail_from_domains.items():
        for kind, value in mail_from_records(region).items():
            is_written = (is_apart or name in in_route53) and not panel
            mail_from = record(settings.mail_from_dns, kind, name, value)
            yield replace(mail_from, is_written=is_written)


def _record(
    domain: str,
    panel: panels.Panel | None,
    places: Sequence[DnsSettings],
    kind: panels.RecordType,
    name: str,
    value: str,
) -> Record:
    """A record that stands at all *places* but those of `cname`; written there unless by hand."""
    own = [dns for dns in places if not dns.cname]
    pasted = by_hand(own)
    at = pasted or (own[0] if len(own) == 1 else DnsSettings())
    ttl: int | None = at.ttl
    host = SPECS.get(at.provider)
    if host and "ttl" not in at.model_fields_set:
        ttl = host.default_ttl or None
    holds = at.zone and dkim.is_in(name, at.zone)  # a delegated `_domainkey` holds no MX record
    return Record(
        kind=kind,
        name=name,
        value=value,
        domain=domain,
        panel=panel or PANELS[at.panel or "other"],
        zone=at.zone if holds else None,
        ttl=ttl,
        is_written=bool(own) and not (pasted or panel),
    )
