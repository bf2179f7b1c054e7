"""
What `byodkim status` writes for others than people at a terminal: metrics for Prometheus, and a
page for auditors. Values in, text out.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from byodkim_provider import __version__
from byodkim_provider.cli.now import SEVERITY, DomainNow, IdentityNow, StackNow
from byodkim_provider.cli.record_now import RecordNow
from byodkim_provider.cli.terminal import minute
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
    samples: dict[str, list[str]] = defaultdict(list)
    for name, labels, value in _samples(now):
        if value is not None:
            # The format has the escapes of JSON for a quote, a backslash and a line end.
            shown = ",".join(
                f"{label}={json.dumps(text, ensure_ascii=False)}" for label, text in labels.items()
            )
            samples[f"byodkim_{name}"].append(f"byodkim_{name}{{{shown}}} {value}\n")
    text = ""
    for name, lines in samples.items():
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
p .badge, td .badge { margin-right: .3rem; }
a { color: var(--link); }
section { margin-top: 2.5rem; }
.soft, dl { color: var(--soft); font-size: .875rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; font-size: .9375rem; }
caption { text-align: left; font-weight: 600; font-size: 1rem; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem 1rem .45rem 0;
  border-bottom: 1px solid var(--line); white-space: nowrap; overflow-wrap: normal; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: .8125rem; vertical-align: bottom; }
code, .long { white-space: normal; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; font-size: .875em; }
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
@media screen and (max-width: 64rem) {
  table, tbody, tr, th, td { display: block; }
  thead { display: none; }
  caption { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  th, td { border: 0; padding: .15rem 0; white-space: normal; overflow-wrap: anywhere; }
  tbody th::before, td::before { content: attr(data-label) ": "; color: var(--soft);
    font-size: .8125rem; font-weight: 400; }
}
@page { size: A4; margin: 14mm 12mm; }
@media print {
  :root { font-size: 8.5pt; }
  body { margin: 0; padding: 0; max-width: none; }
  th, td { padding-right: .7rem; }
  tbody th, td { white-space: normal; }
  tbody th { overflow-wrap: anywhere; }
  tr, table, dl, h2, p { break-inside: avoid; }
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
<h1>{title} {verdict}</h1>
<p class="soft">SES and DNS were asked at {at}. Project {project}, AWS account {account}.
Made by byodkim {version}.</p>
{overview}
<dl>
<dt>Well</dt><dd>Mail is signed, and nothing is due.</dd>
<dt>Due</dt><dd>Mail is signed, and something is to be done.</dd>
<dt>Wrong</dt><dd>Mail is not signed as the stack has it, or soon will not be.</dd>
<dt>Unknown</dt><dd>SES or DNS gave no answer.</dd>
<dt>Generation</dt><dd>The number of a key of the domain. With each rotation the next generation
signs.</dd>
<dt>Signing</dt><dd>SES signs mail with this key.</dd>
<dt>Previous</dt><dd>This key has signed, and stays in DNS for mail on its way.</dd>
<dt>Standby</dt><dd>This key is in DNS, and signs after the next rotation.</dd>
<dt>SUCCESS</dt><dd>SES has found the public key in DNS. PENDING: SES has not found it yet.</dd>
<dt>Days</dt><dd>How long a key has signed, of the days after which its rotation is due.</dd>
<dt>Servers</dt><dd>How many name servers of the domain show the key.</dd>
</dl>
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
    worst_first = now.worst_first
    return PAGE.format(
        style=STYLE,
        overview=_table(
            f"All domains ({len(now.domains)})",
            ["Domain", "Status", "Next rotation"],
            map(_overview, worst_first),
        ),
        sections="\n".join(map(_section, worst_first)),
        title=escape(f"DKIM keys of the Pulumi stack {now.stack}"),
        at=minute(now.checked_at),
        verdict=_badge(now.verdict, now.verdict),
        project=escape(now.project),
        account=escape(now.account_id or "not known yet"),
        version=__version__,
    )


def _overview(domain: DomainNow) -> Sequence[str]:
    reasons = [finding for finding in domain.findings if finding.kind == domain.verdict]
    name = escape(domain.domain)
    return [
        f'<a href="#{name}">{name}</a>',
        f"{_badge(domain.verdict, domain.verdict)}"
        f'<span class="long">{_words("; ".join(map(str, reasons)))}</span>',
        minute(domain.next_rotation),
    ]


def _section(domain: DomainNow) -> str:
    name = escape(domain.domain)
    parts = [f"<h2>{name} {_badge(domain.verdict, domain.verdict)}</h2>"]
    if domain.retired:
        parts.append("<p>Retired: nothing signs.</p>")
    for finding in domain.findings:
        parts.append(f"<p>{_badge(finding.kind, finding.kind)} {_words(str(finding))}</p>")
    headings = ["Region", "SES", "Generation", "Signing since", "MAIL FROM"]
    rows = [_identity(domain, identity) for identity in domain.identities]
    parts.append(_table("Identities in SES", headings, rows))
    record = "Record, and SHA-256 of the public key"
    headings = ["Generation", "Role", record, "Key", "Signs", "Seen on"]
    parts.append(_table("Keys in DNS", headings, map(_key, domain.records)))
    return f'<section id="{name}">{"".join(parts)}</section>'


def _identity(domain: DomainNow, identity: IdentityNow) -> Sequence[str]:
    kind = identity.finding.kind if identity.finding else "well"
    since = minute(identity.signing_since)
    if identity.age_days is not None:
        since += f", {identity.age_days} of {domain.rotate_after_days} days"
    return [
        _words(identity.region),
        _badge(kind, _words(identity.shown_status)),
        str(identity.generation or "–"),
        since,
        f'<span class="long">{_words(identity.mail_from or "amazonses.com")}</span>',
    ]


def _key(record: RecordNow) -> Sequence[str]:
    signs = f"since {minute(record.signing_since)}"
    if not record.signing_since:
        signs = f"until {minute(record.signed_until)}" if record.signed_until else "–"
    servers = f"{record.servers_visible} of {record.servers_asked} servers"
    return [
        str(record.generation or "–"),
        record.role or "–",
        f"<code>{escape(record.name)}</code><code>{record.fingerprint}</code>",
        f"RSA {record.bits}" if record.bits else "–",
        signs,
        _badge(record.kind or "well", servers) if record.servers_asked else "not checked",
    ]


def _table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column heads each row; "" without rows."""
    body = ""
    for first, *others in rows:
        body += f'<tr><th scope="row" data-label="{headings[0]}">{first}</th>'
        for heading, cell in zip(headings[1:], others, strict=True):
            body += f'<td data-label="{heading}">{cell}</td>'
        body += "</tr>"
    if not body:
        return ""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    return (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
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
