"""
`byodkim doctor`: queries every server for a record, and says what is wrong and how to fix it.

`answers` asks, as for `status`. With a stack SES's status is shown too; it does not affect the
verdict.
"""

from __future__ import annotations

from dataclasses import replace

import click

from byodkim_provider.cli.answers import of_record, of_stack
from byodkim_provider.cli.chosen import Chosen, checked, chosen_options, open_chosen
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.layout import everything, show_lines, tally
from byodkim_provider.cli.now import SEVERITY, worst
from byodkim_provider.cli.terminal import as_json
from byodkim_provider.property_types import resolver


@click.command(
    epilog="""\b
Exit codes:
  0  right: every server that answers shows the key, and nothing beside it
  2  wrong: a record is missing or misconfigured; the output says how
  3  unknown: no answer, no such stack, wrong usage
"""
)
@chosen_options
@click.option(
    "--nameserver",
    "servers",
    type=checked(resolver),
    multiple=True,
    metavar="ADDRESS[:PORT]",
    help="Use this resolver, and its port for the zone's own servers. May be repeated: the next "
    "one is used "
    "if it does not answer. Default: the system's resolvers.",
)
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(
    context: click.Context,
    chosen: Chosen,
    servers: tuple[str, ...],
    wants_json: bool,
) -> None:
    """
    Say whether the DNS records are right, and if not, what is wrong and how to fix it.

    Those of a stack, or of DOMAIN in it; with --selector without a stack. Without a key it says
    which key is there. Changes nothing.
    """
    environment = context.ensure_object(Environment)
    if chosen.record:
        now = of_record(chosen.record, environment, servers)
    elif chosen.panel or chosen.zone:
        raise click.UsageError("--panel and --zone need --selector: a stack names its own.")
    else:
        stack, with_records = open_chosen(chosen, environment)
        now = of_stack(stack, with_records, environment, servers)
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
    context.exit(SEVERITY[now.verdict])
