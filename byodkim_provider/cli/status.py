"""
`byodkim status`: checks every domain of a stack in SES and DNS, and shows the results.

`answers` asks, `now` judges what the answers mean, and `layout` formats that.
"""

import sys
from typing import TextIO

import click

from byodkim_provider.cli.answers import of_stack
from byodkim_provider.cli.chosen import domains_argument, json_option, stack_option
from byodkim_provider.cli.environment import Environment, pass_environment
from byodkim_provider.cli.layout import show
from byodkim_provider.cli.now import SEVERITY
from byodkim_provider.cli.report import as_html, as_prometheus
from byodkim_provider.cli.stack import open_stack
from byodkim_provider.cli.terminal import as_json, say
from byodkim_provider.messages.cli import CliMessages


@click.command(
    epilog="""\b
Exit codes:
  0  well: verified as far as SES shows, records are right, nothing is due
  1  due: mail is fine, and something is to be done, such as a rotation
  2  wrong: mail is not signed as the stack has it, or soon will not be
  3  unknown: wrong usage, no stack, domain, credentials or answer; or FILE
     could not be written
""",
)
@domains_argument
@stack_option()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "prometheus"]),
    default="text",
    show_default=True,
)
@json_option
@click.option(
    "--html",
    type=click.File("w", encoding="utf-8", lazy=True),
    metavar="FILE",
    help="Write a report to FILE too, one page without a key.",
)
@pass_environment
def status(
    environment: Environment,
    domains: tuple[str, ...],
    name: str | None,
    form: str,
    wants_json: bool,
    html: TextIO | None,
) -> None:
    """
    Show what signs, and what is wrong or due.

    Asks SES and every DNS server now, changes nothing, decrypts nothing. Of each DOMAIN everything
    is shown: its records, how to fix a wrong one, and what SES says. All of it is about what the
    last `pulumi up` has made: `pulumi preview` shows what the stack file has beside that.
    """
    if wants_json and form != "text":
        raise click.UsageError("Give --json or --format, not both.")
    stack = open_stack(name, environment)
    wanted = stack.named(domains) or stack.domains.values()
    now = of_stack(stack, wanted, environment)
    if not now.domains:
        say(CliMessages.NO_DOMAIN(stack=now.stack))
    if html:  # first: whoever reads the text may close the pipe before its end
        html.write(as_html(now))
    if wants_json:
        click.echo(as_json(now))
    elif form == "prometheus":
        click.echo(as_prometheus(now), nl=False)
    else:
        show(now, in_full=bool(domains))
    sys.exit(SEVERITY[now.verdict])
