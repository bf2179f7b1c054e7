"""
Options that several commands have: which stack; and for `records` and `doctor`, which record
without a stack.

Options and files in, one checked value out, so that commands work the same with and without a
stack. Errors name the option.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.stack import Stack, open_stack
from byodkim_provider.cli.state import Domain
from byodkim_provider.cli.terminal import Refused
from byodkim_provider.config.values import zone_name
from byodkim_provider.dkim import keys, records
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.panels import Panel
from byodkim_provider.errors import InvalidKey
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.messages.cli import CliMessages

T = TypeVar("T")


def checked(read: Callable[[str], T]) -> Callable[[str], T]:
    """
    The type of an option or argument whose value *read* returns in its normal form, or refuses.
    """

    def value(text: str) -> T:
        try:
            return read(text)
        except (ValueError, OSError, InvalidKey) as error:  # click would not say what is wrong
            raise click.BadParameter(str(error)) from None

    return value


def _public_half(file: str) -> bytes:
    with click.open_file(file, "rb") as opened:
        content = opened.read()
    if b"PUBLIC KEY" in content:
        return keys.load_public(content)
    return keys.load(content).public_key_der


def stack_option(
    name: str = "name", help: str = "The stack; by default the selected one."
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option `--stack`, whose value the command gets as *name*."""
    return click.option("-s", "--stack", name, metavar="STACK", help=help)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The values of the options that `records` and `doctor` share."""

    domain: str | None
    stack_name: str | None
    panel: Panel | None
    zone: str | None
    record: ExpectedRecord | None
    """That of --selector; None: the records are those of a stack, or of *domain* in it."""


def chosen_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; *command* gets their values as *chosen*."""

    @click.argument(
        "domain", type=checked(records.normalise_domain), required=False, metavar="[DOMAIN]"
    )
    @stack_option("stack_name")
    @click.option(
        "--selector", metavar="S", help="The selector of one record of DOMAIN; needs no stack."
    )
    @click.option(
        "--key",
        type=checked(_public_half),
        metavar="FILE",
        help="Its private key (PEM, DER or base64 of DER), of which only the public half is used, "
        "or that, as `openssl rsa -pubout` writes it.",
    )
    @click.option(
        "--panel",
        type=click.Choice(list(PANELS)),
        callback=lambda *given: PANELS.get(given[-1]),
        help="The DNS panel, for its fields.",
    )
    @click.option(
        "--zone",
        type=checked(zone_name),
        metavar="NAME",
        help="The zone of the record; `records` prints those in this zone, and without it assumes "
        "that a domain is a zone.",
    )
    @wraps(command)
    def with_chosen(
        domain: str | None,
        stack_name: str | None,
        selector: str | None,
        key: bytes | None,
        panel: Panel | None,
        zone: str | None,
        **options: Any,
    ) -> None:
        record = None
        if selector is not None:
            if domain is None:
                raise click.UsageError("--selector needs DOMAIN.")
            if stack_name is not None:
                raise click.UsageError("Give --stack or --selector, not both.")
            record = ExpectedRecord(
                selector=selector, domain=domain, public_key_der=key, zone=zone, panel=panel
            )
            problem = records.selector_problem(selector) or records.name_problem(selector, domain)
            if problem:
                raise click.BadParameter(str(problem), param_hint="--selector")
            refuse_other_zone(zone, record.name)
        elif key:
            raise click.UsageError("--key needs DOMAIN and --selector.")
        chosen = Chosen(domain=domain, stack_name=stack_name, panel=panel, zone=zone, record=record)
        command(chosen=chosen, **options)

    decorated: Callable[..., None] = with_chosen
    return decorated


def open_chosen(chosen: Chosen, environment: Environment) -> tuple[Stack, list[Domain]]:
    """
    The stack that the options name, and those of its domains that have records; raises `Refused`.

    A domain with CNAMEs to paste is there before the first run has made its records.
    """
    stack = open_stack(chosen.stack_name, environment)
    known = stack.domains
    if chosen.domain not in known:
        known = {**stack.planned, **known}
    wanted = stack.named([chosen.domain] if chosen.domain else [*known], known)
    domains = [domain for domain in wanted if domain.records or domain.settings.cnames]
    if not domains:
        raise Refused(CliMessages.NO_RECORD(subject=chosen.domain or stack.name), kind="CannotRead")
    return stack, domains


def refuse_other_zone(zone: str | None, record_name: str) -> None:
    """Raise `click.BadParameter` for a *zone* that can't hold the record."""
    if zone and not records.is_in(record_name, zone):
        raise click.BadParameter(f"{zone!r} does not hold {record_name!r}", param_hint="--zone")
