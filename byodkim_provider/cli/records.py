"""
`byodkim records`: prints the TXT records that must be in DNS, in several formats.

Records come from a stack's state, or from a key file; no lookup, no change. `dkim.records` builds
values, `panels` knows the panels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click

from byodkim_provider.cli.chosen import Chosen, chosen_options, open_chosen, published_in, refuse_other_zone
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.layout import show_lines, tally
from byodkim_provider.cli.messages import say
from byodkim_provider.cli.stack import Stack
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dns import panels
from byodkim_provider.hosts.panels import PANELS
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.messages.cli import CliNote

TTL: Final = DnsSettings().ttl
"""TTL of the records, in seconds: the default of the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TxtRecord:
    """A TXT record to be published."""

    name: str
    value: str
    domain: str
    panel: str
    """The panel in which it is entered, a name from `hosts.panels.PANELS`."""
    zone: str
    """The zone in this panel."""
    zone_assumed: bool = False
    """Whether the zone is a guess: the domain itself."""
    ttl: int = TTL
    written_at: str = ""
    """Where `pulumi up` writes it, such as "Route 53"; empty if people do."""


def as_panel(wanted: Sequence[TxtRecord]) -> str:
    """What to type into which field, one block per record; of one that `pulumi up` writes, that it does."""
    return "\n\n".join(
        f"{record.name}: nothing to type, `pulumi up` writes it at {record.written_at}"
        if record.written_at
        else panels.instructions(
            PANELS[record.panel], record_name=record.name, record_value=record.value, zone=record.zone
        )
        for record in wanted
    )


def as_zone_file(wanted: Sequence[TxtRecord]) -> str:
    """One line per record, in the format of zone files, with full names."""
    return "\n".join(f"{record.name}. {record.ttl} IN TXT {dkim.quoted(record.value)}" for record in wanted)


def as_json(wanted: Sequence[TxtRecord]) -> str:
    """A list of objects; `strings` are the pieces of `value`, each of at most 255 octets."""
    return json.dumps(
        [
            {
                "name": record.name,
                "type": "TXT",
                "ttl": record.ttl,
                "value": record.value,
                "strings": dkim.strings(record.value),
            }
            for record in wanted
        ],
        indent=2,
    )


def as_change_batch(wanted: Sequence[TxtRecord]) -> str:
    """A change batch for `aws route53 change-resource-record-sets`; it replaces existing values."""
    changes = [
        {
            # Not CREATE: UPSERT also replaces a wrong record.
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": f"{record.name}.",
                "Type": "TXT",
                "TTL": record.ttl,
                "ResourceRecords": [{"Value": dkim.quoted(record.value)}],
            },
        }
        for record in wanted
    ]
    return json.dumps({"Comment": "DKIM keys for Amazon SES", "Changes": changes}, indent=2)


FORMATS: Final[Mapping[str, Callable[[Sequence[TxtRecord]], str]]] = {
    "panel": as_panel,
    "zone": as_zone_file,
    "json": as_json,
    "route53": as_change_batch,
}


@click.command(
    epilog="""\b
Exit codes:
  0  the records are printed
  2  wrong usage, no such domain, or the stack could not be read
"""
)
@chosen_options
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="panel", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json; errors are JSON too.")
@click.pass_context
def records(context: click.Context, chosen: Chosen, form: str, as_json: bool) -> None:
    """
    Print the DNS records to publish.

    Those of a stack, or of DOMAIN in it; with --selector and a key file of that key, without a
    stack and without AWS. Only the public half is printed. Of a record that `pulumi up` writes
    there is nothing to type; --panel prints it all the same.
    """
    form = "json" if as_json else form
    subject = chosen.domain
    if chosen.one is None:
        stack = open_chosen(chosen, context.ensure_object(Environment))
        subject, wanted = stack.name, _of_stack(stack, chosen)
    elif chosen.public_key_der is None:
        raise click.UsageError("Give --private-key or --public-key.")
    else:
        selector, domain = chosen.one
        wanted = [
            TxtRecord(
                name=dkim.record_name(selector, domain),
                value=dkim.record_value(chosen.public_key_der),
                domain=domain,
                panel=chosen.panel or "other",
                zone=chosen.zone or domain,
                zone_assumed=chosen.zone is None,
            )
        ]
    if form == "route53" and len({record.domain for record in wanted}) > 1:
        raise click.UsageError("A change batch is for one hosted zone: name a DOMAIN.")
    if form != "panel":
        click.echo(FORMATS[form](wanted))
        return
    if assumed := sorted({one.zone for one in wanted if one.zone_assumed and not one.written_at}):
        say(CliNote.ZONE_ASSUMED(zones=", ".join(assumed)))
    who = ["written by `pulumi up`" if one.written_at else "to type in" for one in wanted]
    show_lines([f"{subject}: {tally('record', who, order=sorted({*who}))}", ""])
    show_lines(as_panel(wanted).split("\n"))


def _of_stack(stack: Stack, chosen: Chosen) -> list[TxtRecord]:
    """The records in the state of *stack*, sorted by domain, oldest generation first."""
    settings = {one.name: one for one in stack.settings.domains}
    wanted = []
    for domain, published in published_in(stack, chosen.domain):
        dns = _dns(settings.get(domain))
        zone = chosen.zone or dns.zone or domain
        for record in published:
            refuse_other_zone(zone, record.name)
            wanted.append(
                TxtRecord(
                    name=record.name,
                    value=record.value,
                    domain=domain,
                    panel=chosen.panel or dns.panel or "other",
                    zone=zone,
                    zone_assumed=not (chosen.zone or dns.zone),
                    written_at="" if chosen.panel else _written_at(settings.get(domain)),
                    ttl=TTL if _is_automatic(dns) else dns.ttl,
                )
            )
    return wanted


def _is_automatic(dns: DnsSettings) -> bool:
    """Whether the TTL of *dns* is no TTL, but leaves it to the host."""
    host = SPECS.get(dns.provider)
    return bool(host and host.ttl and dns.ttl == host.ttl.automatic)


def _written_at(settings: DomainSettings | None) -> str:
    """Where `pulumi up` writes the records of a domain; empty if people add them in a panel, too."""
    providers = [dns.provider for dns in settings.dns] if settings else []
    if "manual" in providers:
        return ""
    return " and ".join(PANELS[one].title if one in PANELS else one for one in dict.fromkeys(providers))


def _dns(settings: DomainSettings | None) -> DnsSettings:
    """How people publish the records of a domain: what its settings say of that, or of its one zone."""
    listed = settings.dns if settings else ()
    of_one = listed[0] if len(listed) == 1 else DnsSettings()
    return next((dns for dns in listed if dns.provider == "manual"), of_one)
