"""
`byodkim status`: checks every domain of a stack in SES and DNS, and shows the results.

One check each; nothing is changed. `findings` decides what the results mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

import click

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.cli import layout
from byodkim_provider.cli.asking import ask_all
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.findings import DomainNow, domain_now, identity_now, record_now
from byodkim_provider.cli.stack import Stack, open_stack
from byodkim_provider.cli.state import PublishedRecord
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import Resolver
from byodkim_provider.identity.state import Stored
from byodkim_provider.property_types import timestamp

__all__ = ["status"]


@click.command(
    epilog="""\b
Exit codes:
  0  everything is verified as far as SES shows, every record is right
  1  something is wrong, or not done yet
  2  could not be determined: no stack, no credentials, no answer
"""
)
@click.option("-s", "--stack", "name", metavar="STACK", help="The stack; by default the selected one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.pass_context
def status(context: click.Context, name: str | None, as_json: bool) -> None:
    """
    Show what signs, and what is wrong or due.

    Asks SES and every DNS server now, changes nothing, decrypts nothing. What is due, such as a
    rotation, is shown and is nothing wrong.
    """
    environment = context.ensure_object(Environment)
    stack = open_stack(name, environment)
    domains = current(stack, environment)
    if as_json:
        click.echo(json.dumps(_plain(stack, domains), indent=2))
    else:
        layout.show(domains)
    if any(domain.wrong for domain in domains):
        context.exit(1)


def current(stack: Stack, environment: Environment) -> list[DomainNow]:
    """The current state of every domain in the configuration or the stack's state, sorted by name."""
    settings = {domain.name: domain for domain in stack.settings.domains}
    now = environment.clock.now()
    ses = environment.connect(stack.aws())

    def identity(stored: Stored) -> SesIdentity | None:
        declared = stored.declared
        if stored.key_set_at is None:
            return None
        return ses(declared.region, declared.account_id).get_email_identity(declared.domain)

    def answers(record: PublishedRecord) -> tuple[Answer, ...] | None:
        resolver = resolvers.get(record.domain)
        return resolver.txt(record.name, record.domain) if resolver else None

    names = sorted({*settings, *stack.state.identities, *stack.state.records})
    resolvers: dict[str, Resolver | None] = {
        name: environment.resolver(domain.dns_check, domain.dns_resolvers)
        for name, domain in settings.items()
    }
    stored = {name: stack.state.identities.get(name, ()) for name in names}
    published = {name: stack.state.records.get(name, ()) for name in names}
    questions: list[tuple[str, Callable[[], Any]]] = []
    for name in names:
        questions += [(f"SES {one.declared.region} {name}", partial(identity, one)) for one in stored[name]]
        questions += [(f"DNS {one.name}", partial(answers, one)) for one in published[name]]
    results = iter(ask_all(questions))
    return [
        domain_now(
            name,
            settings.get(name),
            stored[name],
            [identity_now(one, next(results), now, stack.state.verified) for one in stored[name]],
            [record_now(one, next(results)) for one in published[name]],
            now,
        )
        for name in names
    ]


def _plain(stack: Stack, domains: Iterable[DomainNow]) -> dict[str, Any]:
    """What `--json` prints: the fields of `findings`, times in ISO 8601, UTC."""

    def written(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: timestamp(value) if isinstance(value, datetime) else value for name, value in pairs}

    shown = [asdict(domain, dict_factory=written) for domain in domains]
    return {"stack": stack.name, "ok": not any(one["wrong"] for one in shown), "domains": shown}
