"""
Where `byodkim scan` writes: a new file, or more domains in the file of a stack.

A file that exists is never replaced unasked, and the file of a stack that has secrets never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.messages import Refused, confirmed, say, write_file
from byodkim_provider.cli.scan_entries import ACCOUNTS, Found, as_entries, entry, file_settings, in_yaml
from byodkim_provider.cli.scan_output import counted
from byodkim_provider.cli.source import Source
from byodkim_provider.cli.stack import Stack, settings_in
from byodkim_provider.config import stack_file
from byodkim_provider.errors import InvalidSettings

OF_A_STACK: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""Keys with which Pulumi decrypts the secrets of a stack."""


def may_write(file: Path, environment: Environment, *, force: bool) -> None:
    """Raise `Refused` unless *file* is new, or may be replaced: asked before hours of reading."""
    if not file.parent.is_dir():
        raise Refused(f"{file}: there is no folder {file.parent}")
    if not file.exists():
        return
    if _has_secrets(file):
        raise Refused(
            f"{file}: is the file of a stack, and without it the stack's secrets can't be decrypted\n"
            "  hint: `--stack NAME --add` adds domains to it"
        )
    if not force and not (environment.at_terminal() and confirmed(f"{file} exists, replace it")):
        raise Refused(f"{file}: exists, and nothing was written\n  hint: `--force` replaces it")


def declared_domains(stack: Stack) -> Mapping[str, Any]:
    """The domains of *stack* in its configuration, by normalised name; none before the first one."""
    return stack.domains if isinstance(stack.ours.get("domains"), Mapping) else {}


def default_regions(stack: Stack) -> tuple[str, ...]:
    """The Regions of a domain whose entry names none; empty if the stack does not say."""
    defaults = stack.ours.get("defaults")
    written = defaults.get("regions") if isinstance(defaults, Mapping) else None
    if isinstance(written, list):
        return tuple(map(str, written))
    return (stack.region,) if stack.region else ()


def add(
    stack: Stack,
    found: Sequence[Found],
    environment: Environment,
    *,
    account_id: str,
    region: str,
    resolvers: Sequence[str],
    yes: bool,
) -> None:
    """Add *found* to the file of *stack*: print the change, ask, write. Raises `Refused`."""
    if not found:
        say("there is nothing to add")
        return
    domains = declared_domains(stack)
    if domains and stack.source.file != stack.file:
        raise Refused(
            f"{stack.source.shown}: holds the domains of the stack, and other stacks may share it\n"
            "  hint: edit it by hand: `--format yaml` prints the entries"
        )
    file, shown = stack.file, str(stack.file.relative_to(stack.directory))
    text = file.read_bytes().decode() if file.exists() else ""
    regions = default_regions(stack) or (region,)
    others = file_settings(account_id=account_id, region=region, resolvers=resolvers)
    # The others would change the settings of the domains that the stack has.
    of_any = {ACCOUNTS} if domains else others.keys()
    others = {name: in_yaml(value) for name, value in others.items() if name in of_any - stack.config.keys()}
    entries: Callable[[int], str] = lambda indent: as_entries(found, regions, indent=indent)  # noqa: E731
    try:
        changed = stack_file.with_domains(text, stack.project, entries, others=others)
        after = {**domains, **{one.domain: entry(one, regions) for one in found}}
        settings_in({**stack.ours, "domains": after}, stack.region or region)
    except InvalidSettings as error:
        raise Refused(f"{shown}: {error}") from None
    click.echo(stack_file.diff(text, changed, shown), nl=False)
    question = f"add {counted(len(found), 'domain')} to {shown}"
    if not yes and not (environment.at_terminal() and confirmed(question)):
        raise Refused("nothing was written\n  hint: `--yes` writes without a question")
    if file.exists():
        Source(file, shown, text, (), {}, {}).replaced_by(changed)
        say(f"{shown} is written")
    else:
        write_file(file, changed)
    say("`--exclude` keeps out what you delete from the file: without it the next scan finds that again")


def _has_secrets(file: Path) -> bool:
    try:
        loaded = stack_file.load(file.read_text(encoding="utf-8"))
    except (InvalidSettings, OSError, UnicodeDecodeError):
        return False
    return isinstance(loaded, Mapping) and any(key in loaded for key in OF_A_STACK)
