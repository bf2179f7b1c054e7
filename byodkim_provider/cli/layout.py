"""
Formats results for people: of `byodkim status` a summary, what is wrong and due, then the details.

Values in, lines on standard output, wrapped between words to the width of the terminal, or to 80
columns where there is none, as in a log. Nothing that identifies (a domain, a selector, the name of
a server) is ever cut or broken, however narrow the terminal is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from byodkim_provider.cli.messages import inert, wrapped
from byodkim_provider.cli.now import SEVERITY, DomainNow, StackNow, by_text, minute
from byodkim_provider.dns.dmarc import spf
from byodkim_provider.quoting import printable

UNBOUNDED: Final = 100_000
"""Columns if a line must not be broken: more than any line has."""

PLAIN: Final[dict[str, Any]] = {"highlight": False, "markup": False, "emoji": False}

STYLES: Final = {"well": "", "due": "yellow", "wrong": "red"}


def show(now: StackNow) -> None:
    """Print *now*: one line for all, what is wrong, due and to be noted, and then each domain."""
    console = Console(**PLAIN)
    _print(console, f"{now.stack}: {counted(now)}", STYLES[now.verdict])
    for heading, style in (("wrong", "red"), ("due", "yellow"), ("notes", "")):
        lines = [(one.domain, text) for one in now.domains for text in getattr(one, heading)]
        if lines:
            _print(console, f"\n{heading}:", style)
        for names, text in by_text(lines) if heading == "notes" else (([name], text) for name, text in lines):
            is_all = 1 < len(names) == len(now.domains)
            who = f"all {len(names)} domains" if is_all else ", ".join(names)
            _print(console, f"  {who}: {text}", style)
    for domain in now.domains:
        _print(
            console,
            f"\n{domain.domain}: {domain.verdict}{', retired' if domain.retired else ''}",
            STYLES[domain.verdict],
        )
        _details(console, domain)


def show_lines(lines: Iterable[str]) -> None:
    """Print *lines*; one with a word that does not fit, such as a value to paste, stays in one piece."""
    console = Console(**PLAIN)
    for line in lines:
        if any(len(word) > console.width for word in line.split()):
            console.print(inert(printable(line)), soft_wrap=True)
        else:
            _print(console, line)


def counted(now: StackNow) -> str:
    """Such as "3 domains, 1 wrong, 2 well"."""
    return tally("domain", [one.verdict for one in now.domains], order=reversed(SEVERITY))


def tally(noun: str, kinds: Iterable[str], *, order: Iterable[str]) -> str:
    """How many things there are, and how many of each of *kinds*: "3 records, 1 wrong, 2 right"."""
    count = Counter(kinds)
    found = [f"{count[one]} {one}" for one in order if count[one]]
    return ", ".join([f"{count.total()} {noun}{'' if count.total() == 1 else 's'}", *found])


def uncut_width(table: Table, console: Console) -> int:
    """The columns that *table* needs for nothing to be cut or wrapped, whatever the width of *console*."""
    return console.measure(table, options=console.options.update(max_width=UNBOUNDED)).maximum


def _details(console: Console, domain: DomainNow) -> None:
    """A table of the identities and one of the records; lines where they do not fit."""
    found = []
    for headings, rows in (identity_rows(domain), _record_rows(domain)):
        table = Table(*headings, box=None, pad_edge=False)
        for cells, is_wrong in rows:
            table.add_row(*map(printable, cells), style=STYLES["wrong"] if is_wrong else "")
        found += [(table, headings, rows)] if rows else []
    fits = all(uncut_width(table, console) <= console.width - 2 for table, *_ in found)
    for table, headings, rows in found:
        if fits:
            console.print(Padding(table, (0, 0, 0, 2), expand=False))
            continue
        for cells, is_wrong in rows:
            line = ", ".join(map(" ".join, zip(headings, cells, strict=True)))
            _print(console, f"  {line}", STYLES["wrong"] if is_wrong else "")


Rows = tuple[Sequence[str], Sequence[tuple[Sequence[str], bool]]]
"""The headings of a table; the cells of each row, and whether it is about something wrong."""


def identity_rows(domain: DomainNow) -> Rows:
    rows = []
    with_mail_from = any(one.ses and one.ses.mail_from for one in domain.identities)
    for one in domain.identities:
        days = f"{_shown(one.age_days)} of {_shown(domain.rotate_after_days)}"
        cells = [one.region, one.shown_status, _shown(one.generation), minute(one.signing_since), days]
        if with_mail_from:
            seen = (one.ses.mail_from, one.ses.mail_from_status) if one.ses else ("", "")
            cells.append(spf(domain.dmarc, domain.domain, *seen))
        rows.append((cells, one.is_wrong))
    headings = ["Region", "SES", "generation", "signing since", "days"]
    return [*headings, "SPF"] if with_mail_from else headings, rows


def _record_rows(domain: DomainNow) -> Rows:
    rows = []
    for one in domain.records:
        selector = one.name.partition("._domainkey.")[0]
        cells = (_shown(one.generation), _shown(one.role), selector, one.shown_servers)
        rows.append((cells, one.is_wrong))
    return ("generation", "role", "selector", "servers"), rows


def _print(console: Console, text: str, style: str = "") -> None:
    for line in text.split("\n"):
        # AWS and DNS are quoted here: a terminal must obey nothing of that. Rich breaks a word that is
        # longer than a line; this leaves it to the terminal, which loses nothing.
        console.print(wrapped(printable(line), console.width), style=style, soft_wrap=True)


def _shown(value: int | str | None) -> str:
    return "–" if value is None else str(value)
