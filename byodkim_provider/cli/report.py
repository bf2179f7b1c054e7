"""
What `byodkim status` writes for others than people at a terminal: metrics for Prometheus, and a
page for auditors. Values in, text out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Final

from byodkim_provider import __version__
from byodkim_provider.cli.layout import counted
from byodkim_provider.cli.now import SEVERITY, DomainNow, IdentityNow, StackNow
from byodkim_provider.cli.record_now import RecordNow
from byodkim_provider.cli.terminal import minute
from byodkim_provider.cli.timeline import ROLES, timeline
from byodkim_provider.quoting import printable

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


def as_prometheus(now: StackNow) -> str:
    """
    The metrics of a stack. What is not known, as the age of a key that does not sign, is left out.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    samples: dict[str, list[str]] = {name: [] for name in METRICS}
    for name, labels, value in _samples(now):
        if value is not None:
            shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            samples[f"byodkim_{name}"].append(f"byodkim_{name}{{{shown}}} {value}\n")
    text = ""
    for name, lines in samples.items():
        if lines:
            text += f"# HELP {name} {METRICS[name]}\n# TYPE {name} gauge\n{''.join(lines)}"
    return text


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
            visible = None if record.unanswered else record.servers_visible
            yield "record_servers_visible", labels, visible
            yield "record_servers_asked", labels, record.servers_asked


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


STYLE: Final = """
:root { color-scheme: light; --text: #1f2328; --soft: #59636e; --paper: #fff; --line: #d1d9e0;
  --link: #0550ae; --wrong: #a50e0e; --wrong-back: #ffebe9; --due: #6f4400; --due-back: #fff4cc;
  --unknown: #5a3a86; --unknown-back: #f3eaff; --well: #0b5c2c; --well-back: #dafbe1;
  --note: #3d444d; --note-back: #eef1f4; }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --text: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --line: #3d444d;
    --link: #79b8ff; --wrong: #ffb3ad; --wrong-back: #4c1614; --due: #f2cc60; --due-back: #3b2c05;
    --unknown: #d9c2ff; --unknown-back: #34234f; --well: #7ee2a0; --well-back: #0f3a20;
    --note: #c9d1d9; --note-back: #262c36; }
}
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--text); background: var(--paper); overflow-wrap: anywhere; }
h1 { margin-bottom: .5rem; line-height: 1.2; }
h2 { margin: 0 0 1rem; padding-top: 1.5rem; border-top: 1px solid var(--line); line-height: 1.3; }
h2 ~ p { margin: .4rem 0; }
p .badge { margin-right: .3rem; }
a { color: var(--link); }
section { margin-top: 2.5rem; }
.soft { color: var(--soft); font-size: .875rem; }
.scrolls { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
caption { text-align: left; font-weight: 600; font-size: 1rem; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem 1rem .45rem 0;
  overflow-wrap: normal; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-size: .8125rem; vertical-align: bottom; }
code { font-family: ui-monospace, monospace; font-size: .875em; }
td, tbody th { white-space: nowrap; }
.long { display: inline-block; min-width: 14rem; white-space: normal; }
td code + code { display: block; color: var(--soft); font-size: .75rem; }
.name { display: inline-block; }
.badge { display: inline-block; padding: 0 .6em; border: 1px solid; border-radius: 1em;
  font-size: .875rem; font-weight: 600; line-height: 1.5; white-space: nowrap;
  print-color-adjust: exact; }
.wrong { color: var(--wrong); background: var(--wrong-back); }
.due { color: var(--due); background: var(--due-back); }
.unknown { color: var(--unknown); background: var(--unknown-back); }
.well { color: var(--well); background: var(--well-back); }
.note { color: var(--note); background: var(--note-back); }
svg { display: block; min-width: 60rem; width: 100%; }
svg text { font: 14px system-ui, sans-serif; fill: var(--text); }
.end { text-anchor: end; }
.planned { fill: var(--paper); fill-opacity: .6; stroke: var(--text); }
@media (max-width: 40rem) { tbody th { min-width: 8rem; white-space: normal; } }
@page { size: A4; margin: 14mm 12mm; }
@media print {
  :root { font-size: 8.5pt; }
  body { margin: 0; padding: 0; max-width: none; }
  .scrolls { overflow: visible; }
  th, td { padding-right: .7rem; }
  tbody th, td code, .long { white-space: normal; overflow-wrap: anywhere; }
  td code { font-size: .75rem; }
  .long { min-width: 0; }
  svg { min-width: 0; }
  tr, .scrolls, h2, p { break-inside: avoid; }
  h2 { break-after: avoid; }
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
<p>{counted}</p>
<p class="soft">SES and DNS were asked at {at}. Project {project}, AWS account {account}.
Made by byodkim {version}.</p>
{overview}
<p class="soft">Well: mail is signed, and nothing is due. Due: mail is signed, and something is to
be done. Wrong: mail is not signed as the stack has it, or soon will not be. Unknown: SES or DNS
gave no answer.</p>
<p class="soft">In a timeline green is when a key signs, violet when it has signed and stays in DNS
for mail on its way, blue when it is in DNS and waits for the next rotation. What is in the frame is
to come. Not recorded: since when a blue key is in DNS, and since when a violet one had signed.</p>
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
    headings = ["Domain", "Status", "Why", "Next rotation"]
    return PAGE.format(
        style=STYLE + ROLES,
        overview=_table("All domains", headings, map(_overview, now.worst_first)),
        sections="\n".join(_section(domain, now.checked_at) for domain in now.worst_first),
        title=escape(f"DKIM keys of {now.stack}"),
        at=minute(now.checked_at),
        counted=counted(now),
        project=escape(now.project),
        account=escape(now.account_id or "not known yet"),
        version=__version__,
    )


def _overview(domain: DomainNow) -> Sequence[str]:
    reasons = [finding for finding in domain.findings if finding.kind == domain.verdict]
    name = escape(domain.domain)
    return [
        f'<a href="#{name}">{name}</a>',
        _badge(domain.verdict, domain.verdict),
        f'<span class="long">{_words("; ".join(map(str, reasons)))}</span>',
        minute(domain.next_rotation),
    ]


def _section(domain: DomainNow, now: datetime) -> str:
    name = escape(domain.domain)
    parts = [f"<h2>{name} {_badge(domain.verdict, domain.verdict)}</h2>"]
    if domain.retired:
        parts.append("<p>Retired: nothing signs.</p>")
    for finding in domain.findings:
        parts.append(f"<p>{_badge(finding.kind, finding.kind)} {_words(str(finding))}</p>")
    parts.append(timeline(domain, now))
    headings = ["Region", "SES", "Generation", "Signing since", "Days", "MAIL FROM"]
    rows = [_identity(domain, identity) for identity in domain.identities]
    parts.append(_table("Identities in SES", headings, rows))
    headings = ["Generation", "Role", "Record, and SHA-256 of the public key", "Signs", "Servers"]
    parts.append(_table("Keys in DNS", headings, map(_key, domain.records)))
    return f'<section id="{name}">{"".join(parts)}</section>'


def _identity(domain: DomainNow, identity: IdentityNow) -> Sequence[str]:
    kind = identity.finding.kind if identity.finding else "well"
    return [
        _words(identity.region),
        _badge(kind, _words(identity.shown_status)),
        _known(identity.generation),
        minute(identity.signing_since),
        f"{_known(identity.age_days)} of {_known(domain.rotate_after_days)}",
        f'<span class="long">{_words(identity.mail_from or "amazonses.com")}</span>',
    ]


def _key(record: RecordNow) -> Sequence[str]:
    signs = f"since {minute(record.signing_since)}"
    if not record.signing_since:
        signs = f"until {minute(record.signed_until)}" if record.signed_until else "–"
    servers = f"{record.servers_visible} of {record.servers_asked}"
    return [
        _known(record.generation),
        _known(record.role),
        f"<code>{escape(record.name)}</code><code>{record.fingerprint}</code>",
        signs,
        _badge(record.kind or "well", servers) if record.servers else "not checked",
    ]


def _table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column heads each row; "" without rows."""
    body = ""
    for first, *others in rows:
        cells = "</td><td>".join(others)
        body += f'<tr><th scope="row">{first}</th><td>{cells}</td></tr>'
    if not body:
        return ""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    # On a phone what is wide scrolls by itself, by the keyboard too, and not the whole page.
    return (
        f'<div class="scrolls" role="group" tabindex="0" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _badge(kind: str, words: str) -> str:
    """A word or two of HTML; its colour says nothing that the word does not."""
    return f'<span class="badge {kind}">{words}</span>'


def _words(text: str) -> str:
    """
    *text*, escaped, with nothing invisible in it; what is between backticks is code, and a name
    does not end a line at its hyphen.
    """
    words = re.sub("[^\\s`]*-[^\\s`]*", r'<span class="name">\g<0></span>', escape(printable(text)))
    return re.sub("`(.*?)`", r"<code>\1</code>", words)


def _known(value: int | str | None) -> str:
    return "–" if value is None else str(value)
