"""
What there is to say of a record: what servers show, what is wrong, and how to fix it.

`now` holds the values. The words of a panel are in `dns.panels`, those of a fix in `dns.diagnosis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.keys import fingerprint
from byodkim_provider.dns import diagnosis, panels, visibility
from byodkim_provider.dns.panels import Panel
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.hosts.registry import PANELS, recognise

if TYPE_CHECKING:
    from byodkim_provider.cli.now import RecordNow

UNSEEN_ZONE: Final = (
    "if only a resolver of your own network sees the zone, set `dnsResolvers`; "
    "`byodkim doctor --nameserver` tries one"
)

NOT_CHECKED: Final = "`dnsCheck: off`: `byodkim doctor --nameserver` asks a server"


def seen(record: RecordNow) -> str:
    """Such as "3 of 4 servers show the key, ns-4.example.net is silent"."""
    found = record.diagnosis
    if found is None:
        return "DNS is not checked"
    summary = found.summary()
    if record.expected.target and not record.key:
        of = f"{record.visible} of {len(record.answers)}"
        summary = f"{of} servers have the CNAME to {record.expected.target}"
    return f"{summary}: {found.text}" if found.text else summary


def says(record: RecordNow, answer: Answer) -> str:
    """What one server says of the record."""
    if not record.key and record.shows(answer):
        return f"{answer.server} has the CNAME"
    return visibility.diagnose([answer], record.key, record.expected.target)


def servers(record: RecordNow) -> str:
    """How many servers show the record, for a cell of a table."""
    return f"{record.visible} of {len(record.answers)}" if record.diagnosis else "not checked"


def notes(record: RecordNow) -> list[str]:
    """Remarks that do not affect the verdict."""
    found = record.diagnosis
    if found is None:
        return [NOT_CHECKED]
    host = recognise(found.name_servers)
    remarks = [f"the name servers are {host.title}'s"] if host else []
    remarks += found.notes
    if visibility.zone_not_found(found.answers):
        remarks.append(UNSEEN_ZONE)
    return remarks


def panel(record: RecordNow) -> Panel | None:
    """
    The panel of the servers that serve the record, if known; else that in which it was entered.
    """
    if record.diagnosis is None:
        return None
    typed_into = None if record.code == "served-elsewhere" else record.expected.panel
    return recognise(record.diagnosis.name_servers) or typed_into or PANELS["other"]


def _is_kept(record: RecordNow) -> bool:
    """Whether a stack keeps what is wrong, so that nobody types it in."""
    expected, found = record.expected, record.diagnosis
    return expected.kept and bool(found) and expected.target in ("", found and found.found_at)


def fix(record: RecordNow) -> str:
    """How to fix it, in the words of the panel; empty if no misconfiguration is known."""
    found, at = record.diagnosis, panel(record)
    if found is None or at is None or not found.code:
        return ""
    return diagnosis.fix(
        at,
        found.code,
        zone=found.zone,
        found_at=found.found_at,
        new_key=record.expected.new_key,
        target=record.expected.target,
        kept=_is_kept(record),
        foreign=found.foreign,
    )


def instructions(record: RecordNow) -> str:
    """What to type into the panel; empty if nobody types, or the key is not known."""
    found, at = record.diagnosis, panel(record)
    typed = record.expected.target or record.value
    if found is None or at is None or not typed or _is_kept(record):
        return ""
    if found.code in ("", *diagnosis.NOTHING_TO_TYPE):
        return ""
    return panels.instructions(
        at,
        record_name=record.name,
        record_value=typed,
        zone=found.zone,
        edit=found.code not in diagnosis.ADDED,
        kind="CNAME" if record.expected.target else "TXT",
    )


def as_values(record: RecordNow) -> dict[str, Any]:
    """What `--json` prints of a record."""
    found, at = record.diagnosis, panel(record)
    servers = [
        {
            "server": answer.server,
            "answered": answer.values is not None,
            "shows_key": record.shows(answer),
            "alias": answer.alias,
            "says": says(record, answer),
        }
        for answer in record.answers
    ]
    return {
        "generation": record.generation,
        "role": record.role,
        "name": record.name,
        "target": record.expected.target,
        "value": record.value,
        "fingerprint": fingerprint(record.key) if record.key else "",
        "bits": keys.public_bits(record.key) if record.key else None,
        "verdict": record.verdict,
        "unanswered": record.unanswered,
        "needed": record.needed,
        "servers_visible": record.visible if found else None,
        "servers_asked": len(record.answers) if found else None,
        "seen": seen(record),
        "servers": servers,
        "misconfiguration": record.code,
        "text": found.text if found else "",
        "found_at": found.found_at if found else "",
        "zone": found.zone if found else "",
        "panel": at.title if at else "",
        "fix": fix(record),
        "instructions": instructions(record),
        "notes": notes(record),
        "signing_since": record.signing_since,
        "signed_until": record.signed_until,
    }
