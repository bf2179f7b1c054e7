"""
Which domains of a stack `byodkim rotate` is about: those named, those with an old key, or all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from byodkim_provider.cli.messages import Refused
from byodkim_provider.cli.stack import Stack
from byodkim_provider.dkim import records


def chosen_domains(stack: Stack, domains: Sequence[str], *, since: datetime | None) -> list[str]:
    """The domains to rotate: those named, those whose key has signed since before *since*, or all."""
    if domains:
        return _named(stack, domains)
    if since is not None:
        return _older(stack, since)
    return [domain.name for domain in stack.settings.domains if not domain.retired]


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
            where = "the state" if stack.has_own_program else stack.source.shown
            raise Refused(f"{domain}: is not in {where}, which has {', '.join(known)}")
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
