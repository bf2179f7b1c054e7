"""
`byodkim status`: checks every domain of a stack in SES and DNS, and shows the results.

`answers` asks, `now` judges what the answers mean, and `layout` formats that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from byodkim_provider.cli.answers import of_stack
from byodkim_provider.cli.chosen import checked, stack_option
from byodkim_provider.cli.environment import Environment, write_file
from byodkim_provider.cli.layout import show
from byodkim_provider.cli.now import SEVERITY, StackNow, worst
from byodkim_provider.cli.report import as_html, as_prometheus
from byodkim_provider.cli.stack import open_stack, stack_names
from byodkim_provider.cli.terminal import Refused, as_json, say, say_as_json
from byodkim_provider.dkim.records import normalise_domain
from byodkim_provider.errors import ByodkimError
from byodkim_provider.messages.cli import CliMessages
from byodkim_provider.quoting import hidden, may_be_a_key


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
@click.argument("domains", nargs=-1, type=checked(normalise_domain), metavar="[DOMAIN]...")
@stack_option(
    "names", "The stack; by default the selected one. Can be given several times.", multiple=True
)
@click.option("--all-stacks", is_flag=True, help="Every stack that has a file in the project.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "prometheus"]),
    default="text",
    show_default=True,
)
@click.option("--json", "wants_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write a report to FILE too, one page without a key.",
)
@click.pass_context
def status(
    context: click.Context,
    domains: tuple[str, ...],
    names: Sequence[str],
    all_stacks: bool,
    form: str,
    wants_json: bool,
    html: Path | None,
) -> None:
    """
    Show what signs, and what is wrong or due.

    Asks SES and every DNS server now, changes nothing, decrypts nothing. Of each DOMAIN in a stack
    everything is shown, as `byodkim doctor` does. Of several stacks, JSON is one object a line,
    also of one that can't be read, and the exit code is that of the worst: 2, else 3, else 1.
    """
    environment = context.ensure_object(Environment)
    stacks = _chosen(names, environment, all_stacks=all_stacks)
    if html and len(stacks) > 1:
        raise click.UsageError("--html is a page about one stack")
    if domains and len(stacks) > 1:
        raise click.UsageError("DOMAIN is one of one stack")
    if wants_json:
        form = "json"
    shown = list(_shown(stacks, domains, environment, form, html, all_stacks=all_stacks))
    if form == "prometheus":
        click.echo(as_prometheus(*filter(None, shown)), nl=False)
    verdicts = [now.verdict if now else "unknown" for now in shown]
    context.exit(SEVERITY[worst(verdicts) if verdicts else "unknown"])


def _chosen(
    names: Sequence[str], environment: Environment, *, all_stacks: bool
) -> Sequence[str | None]:
    """Names of the stacks to show; None is the selected one."""
    if not all_stacks:
        return list(dict.fromkeys(names)) or [None]
    if names:
        raise click.UsageError("--all-stacks and --stack exclude each other")
    found = stack_names(environment.directory)
    if not found:
        raise Refused(CliMessages.NO_STACK_FILE(directory=environment.directory), kind="CannotRead")
    return found


def _shown(
    stacks: Sequence[str | None],
    domains: Sequence[str],
    environment: Environment,
    form: str,
    html: Path | None,
    *,
    all_stacks: bool,
) -> Iterator[StackNow | None]:
    """
    The current state of each of *stacks*, printed as soon as it is known, but for Prometheus.

    None for one of several that can't be read, with a message: the others are shown all the same.
    With *all_stacks* a file without a stack is left out: it may come with the repository.
    """
    shown = 0
    for name in stacks:
        try:
            stack = open_stack(name, environment)
            wanted = stack.named(domains) or stack.domains.values()
            now = of_stack(stack, wanted, environment)
        except (ByodkimError, Refused) as error:
            if all_stacks and error.kind == "NoStack":
                say(CliMessages.WITHOUT_STACK(name=name))
                continue
            if len(stacks) == 1:
                raise
            _say_error(str(name), error, form)
            yield None
            continue
        if not now.domains:
            say(CliMessages.NO_DOMAIN(stack=now.stack))
        if html:  # first: whoever reads the text may close the pipe before its end
            write_file(html, as_html(now))
        if form == "json":
            click.echo(as_json(now, indent=2 if len(stacks) == 1 else None))
        elif form == "text":
            click.echo("\n" if shown else "", nl=False)
            show(now, in_full=bool(domains))
        shown += 1
        yield now


def _say_error(name: str, error: ByodkimError | Refused, form: str) -> None:
    """
    Say why the stack *name* can't be read, without what may be a private key in place of its name.
    """
    keys = [name] if may_be_a_key(name) else []
    text = hidden(str(CliMessages.OF_STACK(name=name, problem=error)), keys)
    say(text)
    if form == "json":
        say_as_json(error.kind, text, SEVERITY["unknown"], stack=hidden(name, keys))
