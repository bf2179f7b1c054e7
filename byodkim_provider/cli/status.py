"""
`byodkim status`: checks every domain of a stack in SES and DNS, and shows the results.

One check each; nothing is changed. `findings` decides what the results mean; `layout`, `prometheus`
and `report` format them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.cli import layout
from byodkim_provider.cli.asking import ask_all
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.findings import SEVERITY, StackNow, domain_now, identity_now, record_now, stack_now
from byodkim_provider.cli.messages import CannotRead, say, write_file
from byodkim_provider.cli.options import stacks_option
from byodkim_provider.cli.prometheus import as_prometheus
from byodkim_provider.cli.report import as_html
from byodkim_provider.cli.stack import NoStack, Stack, open_stack, stack_names
from byodkim_provider.cli.state import PublishedRecord
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dns.resolver import Answer, DnsResolver
from byodkim_provider.errors import ByodkimError
from byodkim_provider.identity.state import Stored
from byodkim_provider.property_types import timestamp


@click.command(
    epilog="""\b
Exit codes:
  0  well: verified as far as SES shows, records are right, nothing is due
  1  due: mail is fine, and something is to be done, such as a rotation
  2  wrong: mail is not signed as the stack file says, or soon will not be
  3  unknown: wrong usage, no stack, credentials or answer; or FILE could not
     be written
"""
)
@stacks_option
@click.option("--all-stacks", is_flag=True, help="Every stack that has a file in the project.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "prometheus"]), default="text", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write a report to FILE too, one page without a key.",
)
@click.pass_context
def status(
    context: click.Context,
    names: Sequence[str],
    all_stacks: bool,
    form: str,
    as_json: bool,
    html: Path | None,
) -> None:
    """
    Show what signs, and what is wrong or due.

    Asks SES and every DNS server now, changes nothing, decrypts nothing. Of several stacks, JSON is
    one object a line, and the exit code is that of the worst.
    """
    environment = context.ensure_object(Environment)
    stacks = _chosen(names, environment, all_stacks=all_stacks)
    if html and len(stacks) > 1:
        raise click.UsageError("--html is a page about one stack")
    if as_json:
        form = "json"
    found = list(_shown(stacks, environment, form, all_stacks=all_stacks))
    if form == "prometheus":
        click.echo(as_prometheus(*found), nl=False)
    if html:
        write_file(html, as_html(found[0]))
    context.exit(max(SEVERITY[now.verdict] for now in found))


def _chosen(names: Sequence[str], environment: Environment, *, all_stacks: bool) -> Sequence[str | None]:
    """Names of the stacks to show; None is the selected one."""
    if not all_stacks:
        return list(dict.fromkeys(names)) or [None]
    if names:
        raise click.UsageError("--all-stacks and --stack exclude each other")
    if not (found := stack_names(environment.directory)):
        raise CannotRead(f"there is no stack file of a project in {environment.directory} or above it")
    return found


def _shown(
    stacks: Sequence[str | None], environment: Environment, form: str, *, all_stacks: bool
) -> Iterator[StackNow]:
    """
    The current state of each of *stacks*, printed as soon as it is known, but for Prometheus.

    With *all_stacks* a file without a stack is left out: it may come with the repository.
    """
    left_out: list[str] = []
    shown = 0
    for name in stacks:
        try:
            stack = open_stack(name, environment)
        except NoStack:
            if not all_stacks:
                raise
            left_out.append(str(name))
            continue
        now = current(stack, environment)
        if form == "json":
            click.echo(as_json_text(now, indent=2 if len(stacks) == 1 else None))
        elif form == "text":
            click.echo("\n" if shown else "", nl=False)
            layout.show(now)
        shown += 1
        yield now
    if left_out and not shown:
        raise CannotRead(f"no stack of a file in the project exists: {', '.join(left_out)}")
    if left_out:
        say(f"left out, as there is a file and no stack: {', '.join(left_out)}")


def current(stack: Stack, environment: Environment) -> StackNow:
    """The current state of every domain in the configuration or the stack's state, sorted by name."""
    settings = {domain.name: domain for domain in stack.settings.domains}
    now = environment.clock.now()
    ses = environment.connect(stack.aws())

    def identity(stored: Stored) -> SesIdentity | None:
        declared = stored.declared
        if stored.key_set_at is None:
            return None
        return ses(declared.region, declared.account_id).get_email_identity(declared.domain)

    def found(region: str, name: str, account_id: str | None) -> SesIdentity | None:
        """An identity that SES has and the stack has not; None too if SES can't be read."""
        try:
            return ses(region, account_id).get_email_identity(name)
        except ByodkimError:
            return None  # `pulumi up` says why, and the rest of the status does not hang on it

    def answers(record: PublishedRecord) -> tuple[Answer, ...] | None:
        resolver = resolvers.get(record.domain)
        return resolver.txt(record.name, record.domain) if resolver else None

    names = sorted({*settings, *stack.state.identities, *stack.state.records})
    resolvers: dict[str, DnsResolver | None] = {
        name: environment.resolver(domain.dns_check, domain.dns_resolvers)
        for name, domain in settings.items()
    }
    stored = {name: stack.state.identities.get(name, ()) for name in names}
    published = {name: stack.state.records.get(name, ()) for name in names}
    retired = {name for name, domain in settings.items() if domain.retired}
    unmade = {name: _unmade(settings.get(name), stored[name]) for name in names}
    questions: list[tuple[str, Callable[[], Any]]] = []
    for name in names:
        questions += [(f"SES {one.declared.region} {name}", partial(identity, one)) for one in stored[name]]
        questions += [(f"DNS {one.name}", partial(answers, one)) for one in published[name]]
        account_id = next((one.declared.account_id for one in stored[name]), None)
        questions += [(f"SES {one} {name}", partial(found, one, name, account_id)) for one in unmade[name]]
    results = iter(ask_all(questions))
    domains = [
        domain_now(
            name,
            settings.get(name),
            stored[name],
            [identity_now(one, next(results), now, stack.state.verified) for one in stored[name]],
            [
                record_now(one, next(results), stored[name], retired=name in retired)
                for one in published[name]
            ],
            now,
            unmade={region: next(results) for region in unmade[name]},
            stack_id=stack.state.stack_id,
            retired_at=stack.state.retired_at.get(name),
        )
        for name in names
    ]
    accounts = (one.declared.account_id for group in stored.values() for one in group)
    account_id = next((one for one in accounts if one), None)
    return stack_now(stack.name, domains, now, project=stack.project, account_id=account_id)


def _unmade(settings: DomainSettings | None, stored: Sequence[Stored]) -> list[str]:
    """Regions of which the stack has no identity yet."""
    if settings is None or settings.retired:
        return []
    return sorted({*settings.regions} - {one.declared.region for one in stored})


def as_json_text(now: StackNow, *, indent: int | None = 2) -> str:
    """What `--json` prints: the fields of `findings`, times in ISO 8601, UTC."""

    def written(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: timestamp(value) if isinstance(value, datetime) else value for name, value in pairs}

    return json.dumps(asdict(now, dict_factory=written), indent=indent)
