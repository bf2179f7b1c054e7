"""
What `byodkim status` writes for others than people at a terminal: metrics for Prometheus, and a
page for auditors. Values in, text out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from byodkim_provider import __version__
from byodkim_provider.cli.layout import HEADINGS, counted
from byodkim_provider.cli.now import SEVERITY, DomainNow, IdentityNow, StackNow
from byodkim_provider.cli.record_now import RecordNow
from byodkim_provider.cli.terminal import minute
from byodkim_provider.quoting import printable

Row = tuple[str, Sequence[str]]
"""The kind of a row of a table, and its cells as HTML."""

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
    headings = ["Domain", "Status", "Why", "Next rotation"]
    parts = [_table("All domains", headings, map(_overview, worst_first))]
    parts += map(_section, worst_first)
    return PAGE.format(
        style=STYLE,
        sections="\n".join(parts),
        title=escape(f"DKIM keys of {now.stack}"),
        at=minute(now.checked_at),
        counted=counted(now),
        project=escape(now.project),
        account=escape(now.account_id or "not known yet"),
        version=__version__,
    )


def _overview(domain: DomainNow) -> Row:
    reasons = [finding for finding in domain.findings if finding.kind == domain.verdict]
    name = escape(domain.domain)
    cells = [f'<a href="#{name}">{name}</a>', domain.verdict]
    cells += [_words("; ".join(map(str, reasons))), minute(domain.next_rotation)]
    return domain.verdict, cells


def _section(domain: DomainNow) -> str:
    name = escape(domain.domain)
    parts = [f'<h2>{name}: <span class="{domain.verdict}">{domain.verdict}</span></h2>']
    if domain.retired:
        parts.append("<p>Retired: nothing signs.</p>")
    for kind, heading in HEADINGS.items():
        texts = [_words(str(finding)) for finding in domain.findings if finding.kind == kind]
        if texts:
            items = "</li><li>".join(texts)
            parts.append(f'<h3 class="{kind}">{heading.capitalize()}</h3>')
            parts.append(f"<ul><li>{items}</li></ul>")
    headings = ["Region", "SES", "Generation", "Signing since", "Days", "MAIL FROM"]
    rows = [_identity(domain, identity) for identity in domain.identities]
    parts.append(_table("Identities in SES", headings, rows))
    headings = ["Generation", "Role", "Record", "SHA-256 of the public key"]
    headings += ["Signing since", "Signed last", "Servers"]
    parts.append(_table("Keys in DNS", headings, map(_key, domain.records)))
    return f'<section id="{name}">{"".join(parts)}</section>'


def _identity(domain: DomainNow, identity: IdentityNow) -> Row:
    kind = identity.finding.kind if identity.finding else ""
    return kind, [
        _words(identity.region),
        _words(identity.shown_status),
        _known(identity.generation),
        minute(identity.signing_since),
        f"{_known(identity.age_days)} of {_known(domain.rotate_after_days)}",
        _words(identity.mail_from or "amazonses.com"),
    ]


def _key(record: RecordNow) -> Row:
    servers = f"{record.servers_visible} of {record.servers_asked}"
    return record.kind or "", [
        _known(record.generation),
        _known(record.role),
        f'<code class="name">{escape(record.name)}</code>',
        f'<code class="long">{record.fingerprint}</code>',
        minute(record.signing_since),
        "signs now" if record.signing_since else minute(record.signed_until),
        servers if record.servers else "not checked",
    ]


def _table(caption: str, headings: Sequence[str], rows: Iterable[Row]) -> str:
    """A table whose first column heads each row; "" without rows."""
    body = ""
    for kind, (first, *others) in rows:
        cells = "</td><td>".join(others)
        body += f'<tr class="{kind}"><th scope="row">{first}</th><td>{cells}</td></tr>'
    if not body:
        return ""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    # On a phone a wide table scrolls by itself, by the keyboard too, and not the whole page.
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _words(text: str) -> str:
    """*text*, escaped, with nothing invisible in it; what is between backticks is code."""
    return re.sub("`(.*?)`", r"<code>\1</code>", escape(printable(text)))


def _known(value: int | str | None) -> str:
    return "–" if value is None else str(value)
