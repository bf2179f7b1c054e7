"""
Formats the results of `byodkim status` for people: as tables if they fit, else as short lines.

Values in, lines on standard output. Nothing that identifies (a domain, a selector, the name of a
record) is ever cut or broken, however narrow the terminal is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from byodkim_provider.cli.findings import DomainNow, IdentityNow, RecordNow

__all__ = ["show"]

UNBOUNDED: Final = 100_000
"""Columns if the output is not a terminal: more than any line has."""

PLAIN: Final[dict[str, Any]] = {"highlight": False, "markup": False, "emoji": False}


def show(domains: Sequence[DomainNow]) -> None:
    """Print *domains*, and then what is wrong and what is due."""
    console = Console(**PLAIN)
    columns = console.width if console.is_terminal else UNBOUNDED
    tables = [table for table in (_identities(domains), _records(domains)) if table.row_count]
    unbounded = console.options.update(max_width=UNBOUNDED)
    widths = [console.measure(table, options=unbounded).maximum for table in tables]
    if max(widths, default=0) > columns:
        for domain in domains:
            for lines, style in _blocks(domain):
                _print(console, lines, columns, style)
            console.print()
    else:
        wide = Console(**PLAIN, width=max(widths, default=columns))
        for table in tables:
            wide.print(table)
            wide.print()
    for domain in domains:
        for text in domain.wrong:
            _print(console, [f"{domain.domain}: {text}"], columns, "red")
        for text in domain.due:
            _print(console, [f"{domain.domain}: {text}"], columns)


def _identities(domains: Sequence[DomainNow]) -> Table:
    table = _table("domain", "Region", "SES", "generation", "selector", "signing since", "days")
    for domain in domains:
        for one in domain.identities:
            row = (domain.domain, one.region, _status(one), _shown(one.generation), _shown(one.selector))
            table.add_row(*row, _since(one), _days(one, domain), style=_style(one))
    return table


def _records(domains: Sequence[DomainNow]) -> Table:
    table = _table("record", "generation", "role", "DNS")
    for one in (record for domain in domains for record in domain.records):
        table.add_row(one.name, _shown(one.generation), one.role, one.seen, style=_style(one))
    return table


def _blocks(domain: DomainNow) -> Iterator[tuple[list[str], str]]:
    """Each identity and each record by itself, what identifies it first; and its style."""
    for one in domain.identities:
        lines = [
            f"{domain.domain}",
            f"  {one.region}: {_status(one)}",
            f"  generation {_shown(one.generation)}, selector {_shown(one.selector)}",
            f"  signing since {_since(one)}, {_days(one, domain)} days",
        ]
        yield lines, _style(one)
    for record in domain.records:
        lines = [
            record.name,
            f"  generation {_shown(record.generation)}, {record.role}",
            f"  {record.seen}",
        ]
        yield lines, _style(record)


def _print(console: Console, lines: Sequence[str], columns: int, style: str = "") -> None:
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        # Rich breaks a word that is longer than a line; this leaves it to the terminal, which loses nothing.
        text = fill(line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        console.print(text, style=style, soft_wrap=True)


def _table(*headings: str) -> Table:
    return Table(*headings, box=None, pad_edge=False)


def _status(identity: IdentityNow) -> str:
    return f"{identity.status}, signing disabled" if identity.signing_enabled is False else identity.status


def _since(identity: IdentityNow) -> str:
    return f"{identity.signing_since:%Y-%m-%d %H:%M} UTC" if identity.signing_since else "–"


def _days(identity: IdentityNow, domain: DomainNow) -> str:
    return f"{_shown(identity.age_days)} of {_shown(domain.rotate_after_days)}"


def _style(one: IdentityNow | RecordNow) -> str:
    wrong = bool(one.problem) if isinstance(one, IdentityNow) else one.visible is False
    return "red" if wrong else ""


def _shown(value: int | str | None) -> str:
    return "–" if value is None else str(value)
