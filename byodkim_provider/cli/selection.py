"""
Which domains of a stack a command is about: those named, those with an old key, or all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Final

import click

from byodkim_provider.cli.messages import Refused
from byodkim_provider.cli.stack import Stack
from byodkim_provider.dkim import records

NAMED: Final = 10
"""How many domains a message names."""


def chosen_domains(stack: Stack, domains: Sequence[str], *, since: datetime | None) -> list[str]:
    """The domains to rotate: those named, those whose key has signed since before *since*, or all."""
    if domains:
        return _named(stack, domains)
    if since is not None:
        return _older(stack, since)
    return [domain.name for domain in stack.settings.domains if not domain.retired]


def not_in_stack(domain: str, stack: Stack) -> str:
    """The message for a *domain* that neither the stack file nor the state has, with the nearest one."""
    known = sorted({*(one.name for one in stack.settings.domains), *stack.state.records})
    if near := get_close_matches(domain, known, n=1):
        return f"{domain}: is not in stack {stack.name}, did you mean {near[0]!r}?"
    return f"{domain}: is not in stack {stack.name}, which has {_some(known)}"


def _some(names: Sequence[str]) -> str:
    """The first of *names*, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _named(stack: Stack, domains: Sequence[str]) -> list[str]:
    """*domains* in their normal form, each once."""
    known = [domain.name for domain in stack.settings.domains]
    chosen = []
    for spelling in domains:
        try:
            domain = records.normalise_domain(spelling)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if domain not in known:
            raise Refused(not_in_stack(domain, stack))
        chosen.append(domain)
    return list(dict.fromkeys(chosen))


def _older(stack: Stack, than: datetime) -> list[str]:
    """Domains whose generation has signed since before *than*, in one Region at least."""
    return [
        domain.name
        for domain in stack.settings.domains
        if any(
            one.signing_since and one.signing_since < than
            for one in stack.state.identities.get(domain.name, ())
        )
    ]
