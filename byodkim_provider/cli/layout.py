"""
Formats the results of `byodkim status`: lines for people, a page for auditors, metrics for
Prometheus.

Values in, text out. Lines are wrapped between words to the width of the terminal, or to 80 columns
where there is none, as in a log. Nothing that identifies (a domain, a selector, the name of a
server) is ever cut or broken, however narrow the terminal is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from shutil import get_terminal_size
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from byodkim_provider import __version__
from byodkim_provider.cli import record_text
from byodkim_provider.cli.now import SEVERITY, DomainNow, StackNow
from byodkim_provider.cli.terminal import by_text, inert, minute, wrapped
from byodkim_provider.dkim.keys import fingerprint
from byodkim_provider.dkim.records import split_name
from byodkim_provider.dns.dmarc import spf
from byodkim_provider.quoting import printable

UNBOUNDED: Final = 100_000
"""Columns if a line must not be broken: more than any line has."""

STYLES: Final = {
    "": "",
    "well": "",
    "note": "",
    "due": "yellow",
    "unknown": "yellow",
    "wrong": "red",
}
"""By the kind of a line or a row."""

HEADINGS: Final = (("wrong", "wrong"), ("unknown", "unknown"), ("due", "due"), ("notes", "note"))
"""The fields of a domain that are lists of lines, and the kind of these."""

Rows = Iterable[tuple[Sequence[str], str]]
"""The cells of each row of a table, and its kind."""


def show(now: StackNow, *, in_full: bool = False) -> None:
    """
    Print *now*: one line for all, what is wrong, unknown, due and to be noted, and then a line for
    each domain; *in_full* with its identities and records.
    """
    console = _console()
    _print(console, f"{now.stack}: {counted(now)}", now.verdict)
    for heading, kind in HEADINGS:
        lines = [(one.domain, text) for one in now.domains for text in getattr(one, heading)]
        if lines:
            _print(console, f"\n{heading}:", kind)
        for names, text in (
            by_text(lines) if kind == "note" else (([name], text) for name, text in lines)
        ):
            is_all = 1 < len(names) == len(now.domains)
            who = f"all {len(names)} domains" if is_all else ", ".join(names)
            _print(console, f"  {who}: {text}", kind)
    for number, domain in enumerate(now.domains):
        _print(console, "\n" * (in_full or not number) + _line(domain), domain.verdict)
        if in_full:
            _details(console, domain)


def _line(domain: DomainNow) -> str:
    """Such as "example.com: well, SUCCESS, generation 2 for 15 of 180 days"."""
    facts = [domain.verdict, *(["retired"] if domain.retired else [])]
    facts += dict.fromkeys(one.shown_status for one in domain.identities)
    signing = [one for one in domain.identities if one.age_days is not None]
    if signing:
        oldest = max(signing, key=lambda one: one.age_days or 0)
        key = "its key" if oldest.generation is None else f"generation {oldest.generation}"
        facts.append(f"{key} for {oldest.age_days} of {domain.rotate_after_days} days")
    return f"{domain.domain}: {', '.join(facts)}"


def show_lines(lines: Iterable[str]) -> None:
    """
    Print *lines*; one with a word that does not fit, such as a value to paste, stays in one piece.
    """
    console = _console()
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


def _details(console: Console, domain: DomainNow) -> None:
    """A table of the identities and one of the records; lines where they do not fit."""
    records = []
    for one in domain.records:
        cells = [
            _known(one.generation),
            _known(one.role),
            split_name(one.name)[0],
            record_text.servers(one),
        ]
        records.append((cells, one.kind or ""))
    parts = (_identities(domain), (["generation", "role", "selector", "servers"], records))
    tables = []
    for headings, rows in parts:
        table = Table(*headings, box=None, pad_edge=False)
        for cells, kind in rows:
            table.add_row(*map(printable, cells), style=STYLES[kind])
        tables += [table] if rows else []
    # What a table needs for nothing to be cut or wrapped, whatever the width of the console.
    unbounded = console.options.update(max_width=UNBOUNDED)
    if all(
        console.measure(table, options=unbounded).maximum <= console.width - 2 for table in tables
    ):
        for table in tables:
            console.print(Padding(table, (0, 0, 0, 2), expand=False))
        return
    for headings, rows in parts:
        for cells, kind in rows:
            _print(
                console, f"  {', '.join(map(' '.join, zip(headings, cells, strict=True)))}", kind
            )


def _identities(domain: DomainNow) -> tuple[list[str], list[tuple[list[str], str]]]:
    """Headings and rows of the identities."""
    headings, rows = ["Region", "SES", "generation", "signing since", "days"], []
    with_mail_from = any(one.ses and one.ses.mail_from for one in domain.identities)
    for one in domain.identities:
        days = f"{_known(one.age_days)} of {_known(domain.rotate_after_days)}"
        cells = [
            one.region,
            one.shown_status,
            _known(one.generation),
            minute(one.signing_since),
            days,
        ]
        if with_mail_from:
            seen = (one.ses.mail_from, one.ses.mail_from_status) if one.ses else ("", "")
            cells.append(spf(domain.dmarc, domain.domain, *seen))
        rows.append((cells, "wrong" if one.problem else ""))
    return [*headings, "SPF"] if with_mail_from else headings, rows


def _console() -> Console:
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = console.width or get_terminal_size().columns  # Rich takes COLUMNS=0 at its word
    return console


def _print(console: Console, text: str, kind: str = "") -> None:
    for line in text.split("\n"):
        # AWS and DNS are quoted here: a terminal must obey nothing of that. Rich breaks a word that
        # is longer than a line; this leaves it to the terminal, which loses nothing.
        console.print(wrapped(printable(line), console.width), style=STYLES[kind], soft_wrap=True)


def _known(value: int | str | None) -> str:
    return "–" if value is None else str(value)


METRICS: Final = {
    "byodkim_domain_status": (
        "0 if a domain is well, 1 if something is due, 2 if wrong, 3 if unknown."
    ),
    "byodkim_days_until_rotation": (
        "Days until the signing key is as old as rotateAfterDays; negative after."
    ),
    "byodkim_identity_verified": (
        "1 if SES has verified the key of the stack in this Region, else 0."
    ),
    "byodkim_identity_signing_age_days": "Days for which the key has signed in this Region.",
    "byodkim_record_servers_visible": "Name servers that show the key.",
    "byodkim_record_servers_asked": "Name servers that were asked for the key.",
    "byodkim_checked_timestamp_seconds": "When SES and DNS were asked, as Unix time.",
}
"""
Every metric, a gauge, with its meaning. Names and labels are an interface: dashboards use them.
"""


def as_prometheus(*stacks: StackNow) -> str:
    """
    The metrics of *stacks*. What is not known, as the age of a key that does not sign, is left out.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    samples: dict[str, list[str]] = {name: [] for name in METRICS}
    for name, labels, value in (sample for now in stacks for sample in _samples(now)):
        if value is not None:
            shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            samples[f"byodkim_{name}"].append(f"byodkim_{name}{{{shown}}} {value}\n")
    return "".join(
        f"# HELP {name} {METRICS[name]}\n# TYPE {name} gauge\n{''.join(lines)}"
        for name, lines in samples.items()
        if lines
    )


def _samples(now: StackNow) -> Iterator[tuple[str, Mapping[str, str], float | None]]:
    stack = {"stack": now.stack}
    yield "checked_timestamp_seconds", stack, int(now.checked_at.timestamp())
    for one in now.domains:
        domain = {**stack, "domain": one.domain}
        yield "domain_status", domain, SEVERITY[one.verdict]
        yield "days_until_rotation", domain, one.days_until_rotation
        for identity in one.identities:
            region = {**domain, "region": identity.region}
            yield "identity_verified", region, int(identity.verified)
            yield "identity_signing_age_days", region, identity.age_days
        for record in one.records:
            labels = {**domain, "name": record.name, "role": record.role or ""}
            checked = record.diagnosis is not None
            visible = record.visible if checked and not record.unanswered else None
            yield "record_servers_visible", labels, visible
            asked = len(record.answers) if checked else None
            yield "record_servers_asked", labels, asked


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


STYLE: Final = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }
section { margin-top: 2rem; break-inside: avoid; }
.scrolls { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; font-weight: bold; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid #767676; }
code { white-space: nowrap; }
.long { white-space: normal; overflow-wrap: anywhere; }
.wrong { color: #a50e0e; } .due, .unknown { color: #7a4a00; } .well { color: #0b5c2c; }
@media print {
  .scrolls { overflow: visible; }
  body { margin: 0; max-width: none; font-size: 9pt; }
  tr { break-inside: avoid; }
}
"""

PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body><main>
<h1>{title}</h1>
<p>SES and DNS were asked at {at}: {counted}.</p>
<p>Project {project}, AWS account {account}; made by byodkim {version}.</p>
{sections}
</main></body>
</html>
"""


def as_html(now: StackNow) -> str:
    """
    The page about *now*, for those who have to see how keys are kept.

    It needs nothing beside it: no script, no font, no other file. Every text that is not of this
    module is escaped, and keys are shown by fingerprint only.
    """
    worst_first = sorted(now.domains, key=lambda one: [*SEVERITY].index(one.verdict), reverse=True)
    rows = []
    for one in worst_first:
        why = "; ".join(one.wrong or one.unknown or one.due)
        rows.append(((one.domain, one.verdict, why, minute(one.next_rotation)), one.verdict))
    domains = _table("All domains", ("Domain", "Status", "Why", "Next rotation"), rows, links=True)
    texts = {
        "title": f"DKIM keys of {now.stack}",
        "at": minute(now.checked_at),
        "counted": counted(now),
        "project": now.project,
        "account": now.account_id or "not known yet",
        "version": __version__,
    }
    return PAGE.format(
        style=STYLE,
        sections="\n".join([domains, *map(_section, worst_first)]),
        **{name: escape(text) for name, text in texts.items()},
    )


def _section(domain: DomainNow) -> str:
    name = escape(domain.domain)
    parts = [f'<h2>{name}: <span class="{domain.verdict}">{domain.verdict}</span></h2>']
    parts += ["<p>Retired: nothing signs.</p>"] if domain.retired else []
    for heading, kind in HEADINGS:
        texts = getattr(domain, heading)
        items = "".join(f"<li>{_words(text)}</li>" for text in texts)
        parts += (
            [f'<h3 class="{kind}">{kind.capitalize()}</h3>', f"<ul>{items}</ul>"] if texts else []
        )
    parts.append(_table("Identities in SES", *_identities(domain)))
    rows = []
    for one in domain.records:
        last = "signs now" if one.signing_since else minute(one.signed_until)
        cells = [
            _known(one.generation),
            one.role or _known(None),
            one.name,
            fingerprint(one.key) if one.key else "",
        ]
        cells += [minute(one.signing_since), last, record_text.servers(one)]
        rows.append((cells, one.kind or ""))
    headings = ["Generation", "Role", "Record", "SHA-256 of the public key"]
    headings += ["Signing since", "Signed last", "Servers"]
    parts.append(_table("Keys in DNS", headings, rows, codes={2: "name", 3: "long"}))
    return f'<section id="{name}">{"".join(parts)}</section>'


def _table(
    caption: str,
    headings: Sequence[str],
    rows: Rows,
    *,
    codes: Mapping[int, str] = {},
    links: bool = False,
) -> str:
    """
    A table whose first column heads each row, which has its kind as class; "" without rows.

    *codes* are columns for machines, and the class of each. With *links* the first cell leads to
    its section.
    """
    body = ""
    for cells, kind in rows:
        shown = [
            f'<code class="{codes[number]}">{escape(text)}</code>'
            if number in codes
            else _words(text)
            for number, text in enumerate(cells)
        ]
        first = f'<a href="#{escape(cells[0])}">{shown[0]}</a>' if links else shown[0]
        others = "".join(f"<td>{one}</td>" for one in shown[1:])
        body += f'<tr class="{kind}"><th scope="row">{first}</th>{others}</tr>'
    if not body:
        return ""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in headings)
    # On a phone a wide table scrolls by itself, by the keyboard too, and not the whole page.
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _words(text: str) -> str:
    """*text*, escaped, with nothing invisible in it; what is between backticks is code."""
    return re.sub("`(.*?)`", r"<code>\1</code>", escape(printable(text)))
