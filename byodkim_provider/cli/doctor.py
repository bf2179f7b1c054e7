"""
`byodkim doctor`: queries every server for a record, and says what is wrong and how to fix it.

Collects the records and their lookups. `diagnosis` decides what is wrong, `examined` formats it.
SES's status and what DMARC makes of the domain's mail are shown too, and do not affect the verdict.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import click

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.aws.session import AwsSettings
from byodkim_provider.cli.asking import ask_all
from byodkim_provider.cli.chosen import Chosen, chosen_options, open_chosen, published_in
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.examined import DmarcView, Examined, SesView
from byodkim_provider.cli.layout import show_lines, tally
from byodkim_provider.cli.messages import CannotRead, say
from byodkim_provider.cli.options import checked
from byodkim_provider.cli.stack import Stack
from byodkim_provider.cli.state import PublishedRecord
from byodkim_provider.config.values import Region, ResolverAddress
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.records import public_key
from byodkim_provider.dns.diagnosis import Diagnosis, ExpectedRecord, examine
from byodkim_provider.dns.dmarc import lookup
from byodkim_provider.dns.panels import Panel
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.dns.visibility import zone_not_found
from byodkim_provider.errors import ByodkimError
from byodkim_provider.hosts.panels import PANELS, of_label
from byodkim_provider.identity.state import MANUAL, Declared, DnsCheck, Stored
from byodkim_provider.identity.verdicts import Entry, judged

WORST_FIRST: Final = ("wrong", "unknown", "right")

UNSEEN_ZONE: Final = (
    "if only a resolver of your own network sees the zone, name it with --nameserver, and as `dnsResolvers` "
    "in the stack file"
)


def _server(text: str) -> str:
    """The address of the server `HOST[:PORT]` (an IPv6 address in brackets), with its port."""
    host, colon, port = text.partition(":")
    if re.search("[A-Za-z]", host) and not text.startswith("["):
        resolve = partial(socket.getaddrinfo, host, None, type=socket.SOCK_DGRAM)
        try:
            ((found, *_),) = ask_all(
                [(f"the address of {host}", resolve)]
            )  # it does not react to Ctrl-C itself
            address = str(found[4][0])
        except OSError:
            raise click.BadParameter(f"{host!r} has no address") from None
        text = (f"[{address}]" if ":" in address else address) + colon + port
    return checked(ResolverAddress().read)(text)


@click.command(
    epilog="""\b
Exit codes:
  0  right: every server that answers shows the key, and nothing beside it
  2  wrong: a record is missing or misconfigured, and how is named
  3  unknown: no answer, no such stack, wrong usage
"""
)
@chosen_options
@click.option(
    "--nameserver",
    "servers",
    type=_server,
    multiple=True,
    metavar="HOST:PORT",
    help="Use this resolver, and its port for the zone's own servers. May be repeated: the next one is used "
    "if it does not answer. Default: the system's resolvers.",
)
@click.option(
    "--region",
    type=checked(Region().read),
    envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
    metavar="REGION",
    help="Where to ask SES for its view, without a stack.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(
    context: click.Context, chosen: Chosen, servers: tuple[str, ...], region: str | None, as_json: bool
) -> None:
    """
    Say whether the DNS records are right, and if not, what is wrong and how to fix it.

    Those of a stack, or of DOMAIN in it; with --selector without a stack. Without a key it says
    which key is there. Changes nothing.
    """
    environment = context.ensure_object(Environment)
    stack: Stack | None = None
    identities: list[_Identity] = []
    if chosen.one:
        selector, domain = chosen.one
        expected = [(_given(selector, domain, chosen), environment.resolver("authoritative", servers))]
        if region:
            identities = [
                _Identity(
                    domain, region, None, lambda seen: seen.verified and seen.selector in (None, selector)
                )
            ]
    else:
        stack = open_chosen(chosen, environment)
        expected = list(_in_stack(stack, chosen, environment, servers))
        identities = _identities(stack, chosen.domain)
    seen = ask_all([(f"DNS {one.name}", partial(_diagnosis, one, resolver)) for one, resolver in expected])
    found = [Examined(one, diagnosis) for (one, _), diagnosis in zip(expected, seen, strict=True)]
    views = _ask_ses(identities, stack, environment)
    dmarc = _dmarc(expected, views)
    verdicts = [one.seen.verdict for one in found]
    verdict = next(worst for worst in WORST_FIRST if worst in verdicts)
    if as_json:
        plain = {
            "verdict": verdict,
            "records": [one.to_json() for one in found],
            "ses": [view.to_json() for view in views],
            "dmarc": [one.to_json() for one in dmarc],
        }
        click.echo(json.dumps(plain, indent=2))
    else:
        subject = stack.name if stack else chosen.domain
        show_lines([f"{subject}: {tally('record', verdicts, order=WORST_FIRST)}", ""])
        show_lines(line for one in found for line in one.lines())
        show_lines(view.line() for view in views)
        show_lines(line for one in dmarc for line in one.lines())
    context.exit({"right": 0, "wrong": 2, "unknown": 3}[verdict])


def _given(selector: str, domain: str, chosen: Chosen) -> ExpectedRecord:
    """The record that the options name."""
    return ExpectedRecord(
        selector=selector,
        domain=domain,
        public_key_der=chosen.public_key_der,
        zone=chosen.zone,
        panel=PANELS[chosen.panel] if chosen.panel else None,
    )


def _in_stack(
    stack: Stack, chosen: Chosen, environment: Environment, servers: Sequence[str]
) -> Iterator[tuple[ExpectedRecord, DnsResolver | None]]:
    """The records of a stack, each with its resolver: *servers*, or as the stack file says."""
    settings = {one.name: one for one in stack.settings.domains}
    for domain, published in published_in(stack, chosen.domain):
        stored = stack.state.identities.get(domain, ())
        declared = next((one.declared for one in stored), None)
        check: DnsCheck = settings[domain].dns_check if domain in settings else "authoritative"
        resolvers: Sequence[str] = settings[domain].dns_resolvers if domain in settings else ()
        if servers:
            check, resolvers = ("authoritative" if check == "off" else check), servers
        resolver = environment.resolver(check, resolvers)
        panel = PANELS[chosen.panel] if chosen.panel else _panel(declared)
        for record in published:
            yield (
                ExpectedRecord(
                    selector=record.name.removesuffix(f"._domainkey.{domain}"),
                    domain=domain,
                    public_key_der=public_key(record.value),
                    zone=chosen.zone or (declared.panel_zone if declared else None),
                    panel=panel,
                    name_servers=_name_servers(declared) if declared else (),
                    kept=declared is not None and bool(declared.dns) and MANUAL not in declared.dns,
                    **_new_key(record, stored),
                ),
                resolver,
            )


def _new_key(record: PublishedRecord, stored: Sequence[Stored]) -> dict[str, str]:
    """How the stack gets another key for that of *record*, as `ExpectedRecord.new_key`."""
    declared = next((one.declared for one in stored), None)
    if record.generation is None or declared is None or declared.generation is None:
        return {}
    signing, published = generations.after_leak(
        record.generation, signing=declared.generation, published=declared.published
    )
    settings = f"`generation: {signing}` and `published: {list(published)}`"
    # After a step back, a later generation than the one that signs has signed too.
    if record.role != "standby" or any(record.generation in one.signed_until for one in stored):
        settings += " and `overlapDays: 0`"
    return {"new_key": f"set {settings} in the stack file, and run `pulumi up`"}


def _panel(declared: Declared | None) -> Panel | None:
    """Where the record stands, typed in or written by the host's API; None if that is not one known panel."""
    if declared is None or declared.panel:
        return PANELS.get(declared.panel or "") if declared else None
    found = [panel for label in declared.dns if (panel := of_label(label))]
    return found[0] if len(found) == 1 == len(declared.dns) else None


def _name_servers(declared: Declared) -> tuple[str, ...]:
    """The name servers of all zones that hold the record; empty if those of one zone are not known."""
    known = [declared.name_servers.get(label, ()) for label in declared.dns]
    return tuple(server for servers in known for server in servers) if all(known) else ()


def _diagnosis(expected: ExpectedRecord, resolver: DnsResolver | None) -> Diagnosis:
    if resolver:
        seen = examine(resolver, expected)
        return replace(seen, notes=(*seen.notes, UNSEEN_ZONE)) if zone_not_found(seen.answers) else seen
    text = "DNS is not checked (`dnsCheck: off`): name a server with --nameserver"
    return Diagnosis(verdict="unknown", text=text, answers=(), public_key_der=expected.public_key_der or b"")


def _dmarc(
    expected: Sequence[tuple[ExpectedRecord, DnsResolver | None]], views: Sequence[SesView]
) -> list[DmarcView]:
    """For information: what DMARC makes of each domain's mail. Empty where DNS is not checked."""
    resolvers = {one.domain: resolver for one, resolver in expected if resolver}
    seen = ask_all([(f"DMARC {name}", partial(lookup, one, name)) for name, one in resolvers.items()])
    return [
        DmarcView(name, policy, tuple(view for view in views if view.domain == name))
        for name, policy in zip(resolvers, seen, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Identity:
    """An identity that SES is asked about."""

    domain: str
    region: str
    account_id: str | None
    is_verified: Callable[[SesIdentity], bool]
    """Whether SES's response is about the key that is meant, and says that it is verified."""


def _identities(stack: Stack, domain: str | None) -> list[_Identity]:
    """Each identity that SES has."""

    def is_verified(stored: Stored, seen: SesIdentity) -> bool:
        entry = Entry.from_properties(stored.to_outputs())
        return judged(entry, seen, seen_unverified=entry in stack.state.verified).verified

    return [
        _Identity(name, stored.declared.region, stored.declared.account_id, partial(is_verified, stored))
        for name, group in sorted(stack.state.identities.items())
        if domain in (None, name)
        for stored in group
        if stored.key_set_at
    ]


def _ask_ses(identities: Sequence[_Identity], stack: Stack | None, environment: Environment) -> list[SesView]:
    """SES's view of each identity; on an error none, and a message: the records don't depend on SES."""
    if not identities:
        return []
    try:
        ses = environment.connect(stack.aws() if stack else AwsSettings())

        def view(one: _Identity) -> SesView:
            seen = ses(one.region, one.account_id).get_email_identity(one.domain)
            return SesView(one.domain, one.region, seen, seen is not None and one.is_verified(seen))

        return ask_all([(f"SES {one.region} {one.domain}", partial(view, one)) for one in identities])
    except (ByodkimError, CannotRead) as error:
        say(f"SES was not asked: {error}")
        return []
