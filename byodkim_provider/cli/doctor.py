"""
`byodkim doctor`: queries every server for a record, and says what is wrong and how to fix it.

`answers` asks, as for `status`. With a stack SES's status is shown too; it does not affect the
verdict.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from byodkim_provider.cli.answers import of_record, of_stack
from byodkim_provider.cli.chosen import (
    checked,
    domain_argument,
    panel_option,
    stack_option,
)
from byodkim_provider.cli.environment import Environment, pass_environment
from byodkim_provider.cli.layout import everything, show_lines, tally
from byodkim_provider.cli.now import SEVERITY, worst
from byodkim_provider.cli.stack import open_stack
from byodkim_provider.cli.terminal import as_json
from byodkim_provider.dkim import keys, records
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.panels import Panel
from byodkim_provider.property_types import resolver


def _public_half(file: str) -> bytes:
    with click.open_file(file, "rb") as opened:
        content = opened.read()
    if b"PUBLIC KEY" in content:
        return keys.load_public(content)
    return keys.load(content).public_key_der


@click.command(
    epilog="""\b
Exit codes:
  0  right: every server that answers shows the key, and nothing beside it
  2  wrong: a record is missing or misconfigured; the output says how
  3  unknown: no answer, no such stack, wrong usage
"""
)
@domain_argument
@stack_option()
@click.option("--selector", metavar="S", help="Of one record of DOMAIN; needs no stack.")
@click.option(
    "--key",
    type=checked(_public_half),
    metavar="FILE",
    help="The private key of that record (PEM, DER or base64 of DER), of which only the public "
    "half is used, or that, as `openssl rsa -pubout` writes it.",
)
@panel_option
@click.option(
    "--nameserver",
    "servers",
    type=checked(resolver),
    multiple=True,
    metavar="ADDRESS[:PORT]",
    help="For that record: ask this resolver, and its port at the zone's own servers. May be "
    "repeated: the next one is used if it does not answer. Default: the system's resolvers.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@pass_environment
def doctor(
    environment: Environment,
    domain: str | None,
    name: str | None,
    selector: str | None,
    key: bytes | None,
    panel: Panel | None,
    servers: tuple[str, ...],
    wants_json: bool,
) -> None:
    """
    Say whether the DNS records are right, and if not, what is wrong and how to fix it.

    Those of a stack, or of DOMAIN in it; with --selector without a stack and without AWS. Without a
    key it says which key is there, and with one what to type. Changes nothing.
    """
    if selector is None:
        if key or panel or servers:
            raise click.UsageError("A stack has keys, panels and resolvers of its own.")
        stack = open_stack(name, environment)
        now = of_stack(stack, stack.with_records(domain), environment)
    else:
        if domain is None or name:
            raise click.UsageError("--selector needs DOMAIN, and takes no --stack.")
        problem = records.selector_problem(selector) or records.name_problem(selector, domain)
        if problem:
            raise click.BadParameter(str(problem), param_hint="--selector")
        record = ExpectedRecord(selector=selector, domain=domain, public_key_der=key, panel=panel)
        now = of_record(record, environment, servers)
    verdicts = [record.verdict for domain in now.domains for record in domain.records]
    now = replace(now, verdict=worst("well" if one == "right" else one for one in verdicts))
    if wants_json:
        click.echo(as_json(now))
    else:
        subject = now.stack or now.domains[0].domain
        counted = tally("record", verdicts, order=("wrong", "unknown", "right"))
        show_lines([f"{subject}: {counted}", ""])
        for shown in now.domains:
            show_lines(everything(shown))
    sys.exit(SEVERITY[now.verdict])
