"""
The results of `byodkim status` as one HTML page, for those who have to see how keys are kept.

Values in, text out. The page needs nothing beside it: no script, no font, no other file. Every text
that is not of this file is escaped. Keys are shown by fingerprint only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from byodkim_provider import __version__
from byodkim_provider.cli.layout import counted, identity_rows
from byodkim_provider.cli.now import SEVERITY, DomainNow, StackNow, minute

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
.wrong { color: #a50e0e; } .due { color: #7a4a00; } .well { color: #0b5c2c; }
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

UNKNOWN: Final = "–"


def as_html(now: StackNow) -> str:
    """The page about *now*."""
    worst_first = sorted(now.domains, key=lambda one: -SEVERITY[one.verdict])
    rows = [
        ((one.domain, one.verdict, "; ".join(one.wrong or one.due), minute(one.next_rotation)), one.verdict)
        for one in worst_first
    ]
    headings = ("Domain", "Status", "Why", "Next rotation")
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
        sections="\n".join([_table("All domains", headings, rows, links=True), *map(_section, worst_first)]),
        **{name: escape(text) for name, text in texts.items()},
    )


def _section(domain: DomainNow) -> str:
    name = escape(domain.domain)
    parts = [f'<h2>{name}: <span class="{domain.verdict}">{domain.verdict}</span></h2>']
    parts += ["<p>Retired: nothing signs.</p>"] if domain.retired else []
    for kind, texts in (("wrong", domain.wrong), ("due", domain.due), ("note", domain.notes)):
        items = "".join(f"<li>{_words(text)}</li>" for text in texts)
        parts += [f'<h3 class="{kind}">{kind.capitalize()}</h3>', f"<ul>{items}</ul>"] if texts else []
    headings, rows = identity_rows(domain)
    parts.append(_table("Identities in SES", headings, [(row, "wrong" if bad else "") for row, bad in rows]))
    headings = ("Generation", "Role", "Record", "SHA-256 of the public key")
    headings = (*headings, "Signing since", "Signed last", "Servers")
    keys = [
        (row, "wrong" if one.is_wrong else "")
        for one, row in zip(domain.records, _records(domain), strict=True)
    ]
    parts.append(_table("Keys in DNS", headings, keys, codes={2: "name", 3: "long"}))
    return f'<section id="{name}">{"".join(parts)}</section>'


def _records(domain: DomainNow) -> Iterator[tuple[str, ...]]:
    for one in domain.records:
        yield (
            UNKNOWN if one.generation is None else str(one.generation),
            one.role or UNKNOWN,
            one.name,
            one.fingerprint,
            minute(one.signing_since),
            "signs now" if one.signing_since else minute(one.signed_until),
            one.shown_servers,
        )


def _table(
    caption: str,
    headings: Sequence[str],
    rows: Sequence[tuple[Sequence[str], str]],
    *,
    codes: Mapping[int, str] = {},
    links: bool = False,
) -> str:
    """
    A table whose first column heads each row; each row has a class.

    *codes* are columns for machines, and the class of each. With *links* the first cell leads to its section.
    """
    if not rows:
        return ""
    lines = ["<tr>" + "".join(f'<th scope="col">{escape(one)}</th>' for one in headings) + "</tr>"]
    for cells, kind in rows:
        shown = [
            f'<code class="{codes[number]}">{escape(text)}</code>' if number in codes else _words(text)
            for number, text in enumerate(cells)
        ]
        first = f'<a href="#{escape(cells[0])}">{shown[0]}</a>' if links else shown[0]
        others = "".join(f"<td>{one}</td>" for one in shown[1:])
        lines.append(f'<tr class="{kind}"><th scope="row">{first}</th>{others}</tr>')
    head, *body = lines
    # On a phone a wide table scrolls by itself, by the keyboard too, and not the whole page.
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead>{head}</thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _words(text: str) -> str:
    """*text*, escaped; what is between backticks is code."""
    return re.sub("`(.*?)`", r"<code>\1</code>", escape(text))
