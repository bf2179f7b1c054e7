"""
The results of `byodkim status` as one HTML page, for those who have to see how keys are kept.

Values in, text out. The page needs nothing beside it: no script, no font, no other file. It is built
as a tree of elements, so that every text is escaped. Keys are shown by fingerprint only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from byodkim_provider import __version__
from byodkim_provider.cli.layout import counted, identity_rows, minute
from byodkim_provider.cli.now import SEVERITY, DomainNow, StackNow

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

UNKNOWN: Final = "–"


def as_html(now: StackNow) -> str:
    """The page about *now*."""
    page = Element("html", lang="en")
    head = _in(page, "head")
    _in(head, "meta", charset="utf-8")
    _in(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    title = f"DKIM keys of {now.stack}"
    _in(head, "title", title)
    _in(head, "style", STYLE)
    main = _in(_in(page, "body"), "main")
    _in(main, "h1", title)
    _in(main, "p", f"SES and DNS were asked at {minute(now.checked_at)}: {counted(now)}.")
    account = now.account_id or "not known yet"
    _in(main, "p", f"Project {now.project}, AWS account {account}; made by byodkim {__version__}.")
    worst_first = sorted(now.domains, key=lambda one: -SEVERITY[one.verdict])
    _table(
        main,
        "All domains",
        ("Domain", "Status", "Why", "Next rotation"),
        [
            (
                (one.domain, one.verdict, "; ".join(one.wrong or one.due), minute(one.next_rotation)),
                one.verdict,
            )
            for one in worst_first
        ],
        links=True,
    )
    for domain in worst_first:
        _section(main, domain)
    return "<!DOCTYPE html>\n" + ElementTree.tostring(page, encoding="unicode", method="html") + "\n"


def _section(main: Element, domain: DomainNow) -> None:
    section = _in(main, "section", id=domain.domain)
    heading = _in(section, "h2", f"{domain.domain}: ")
    _in(heading, "span", domain.verdict, **{"class": domain.verdict})
    if domain.retired:
        _in(section, "p", "Retired: nothing signs.")
    for kind, texts in (("wrong", domain.wrong), ("due", domain.due), ("note", domain.notes)):
        if texts:
            _in(section, "h3", kind.capitalize(), **{"class": kind})
            found = _in(section, "ul")
            for text in texts:
                _words(_in(found, "li"), text)
    headings, rows = identity_rows(domain)
    _table(section, "Identities in SES", headings, [(row, "wrong" if wrong else "") for row, wrong in rows])
    _table(
        section,
        "Keys in DNS",
        (
            "Generation",
            "Role",
            "Record",
            "SHA-256 of the public key",
            "Signing since",
            "Signed last",
            "Servers",
        ),
        [
            (row, "wrong" if one.is_wrong else "")
            for one, row in zip(domain.records, _records(domain), strict=True)
        ],
        codes={2: "name", 3: "long"},
    )


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
    parent: Element,
    caption: str,
    headings: Sequence[str],
    rows: Sequence[tuple[Sequence[str], str]],
    *,
    codes: Mapping[int, str] = {},
    links: bool = False,
) -> None:
    """
    A table whose first column heads each row; each row has a class.

    *codes* are columns for machines, and the class of each. With *links* the first cell leads to its section.
    """
    if not rows:
        return
    # On a phone a wide table scrolls by itself, by the keyboard too, and not the whole page.
    scrolls = _in(parent, "div", role="region", tabindex="0", **{"class": "scrolls", "aria-label": caption})
    table = _in(scrolls, "table")
    _in(table, "caption", caption)
    head = _in(_in(table, "thead"), "tr")
    for heading in headings:
        _in(head, "th", heading, scope="col")
    body = _in(table, "tbody")
    for cells, name in rows:
        row = _in(body, "tr", **{"class": name} if name else {})
        for number, text in enumerate(cells):
            cell = _in(row, "td") if number else _in(row, "th", scope="row")
            if number in codes:
                _in(cell, "code", text, **{"class": codes[number]})
            elif links and not number:
                _in(cell, "a", text, href=f"#{text}")
            else:
                _words(cell, text)


def _in(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    element.text = text or None
    return element


def _words(parent: Element, text: str) -> None:
    """*text* within *parent*; what is between backticks is code."""
    first, *parts = text.split("`")
    parent.text = first
    for number, part in enumerate(parts):
        if number % 2 == 0:
            last = _in(parent, "code", part)
        else:
            last.tail = part
