"""
A record as DNS shows it now, as values, and what there is to say of it: what servers show, what is
wrong, and how to fix it.

Nothing is decided by a text. The words of a panel are in `dns.panels`, those of a fix in
`dns.diagnosis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from byodkim_provider.dkim import keys
from byodkim_provider.dkim.generations import Role
from byodkim_provider.dkim.keys import fingerprint
from byodkim_provider.dkim.records import record_value
from byodkim_provider.dns import diagnosis, panels, visibility
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.panels import Panel
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import Diagnosis, is_right, nobody_answers
from byodkim_provider.hosts.registry import PANELS, recognise

UNSEEN_ZONE: Final = (
    "if only a resolver of your own network sees the zone, set `dnsResolvers`; "
    "`byodkim doctor --nameserver` tries one"
)

NOT_CHECKED: Final = "`dnsCheck: off`: `byodkim doctor --nameserver` asks a server"


RecordVerdict = Literal["right", "wrong", "unknown"]

Kind = Literal["wrong", "unknown", "due", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNow:
    """A record, as DNS shows it now."""

    expected: ExpectedRecord
    diagnosis: Diagnosis | None = None
    """What DNS shows; None if it was not asked (`dnsCheck: off`)."""
    generation: int | None = None
    role: Role | None = None
    """This and *generation* are None without a stack, and for a slot that has no record yet."""
    needed: bool = True
    """Whether mail that is signed now needs the record, or mail that may be on its way."""
    signing_since: datetime | None = None
    """Since when the key signs, in the first of the Regions; None if it does not sign now."""
    signed_until: datetime | None = None
    """
    When the key signed last, in the last of the Regions; None if it never did, still does, or
    unknown.
    """

    @property
    def name(self) -> str:
        return self.expected.name

    @property
    def code(self) -> str:
        """The misconfiguration, one of `diagnosis.CODES`; empty if it has none, or no name."""
        return self.diagnosis.code if self.diagnosis else ""

    @property
    def key(self) -> bytes:
        """The key of the record, or else that in DNS (SubjectPublicKeyInfo, DER); may be empty."""
        if self.diagnosis:
            return self.diagnosis.public_key_der
        return self.expected.public_key_der or b""

    @property
    def value(self) -> str:
        """What it should be; empty if no key is known, or nobody may publish that any more."""
        leaked = self.diagnosis and self.diagnosis.leaked and not self.diagnosis.foreign
        if leaked or not self.expected.public_key_der:
            return ""
        return record_value(self.expected.public_key_der)

    @property
    def verdict(self) -> RecordVerdict:
        """Right: every server that answers shows the key. Unknown: none answers or is asked."""
        return self.diagnosis.verdict if self.diagnosis else "unknown"

    @property
    def unanswered(self) -> bool:
        """Whether every server, or the resolver, is silent or out of reach."""
        found = self.diagnosis
        return bool(found) and self.verdict == "unknown" and nobody_answers(self.answers)

    @property
    def answers(self) -> tuple[Answer, ...]:
        return self.diagnosis.answers if self.diagnosis else ()

    def shows(self, answer: Answer) -> bool:
        """Whether a server shows the key; of a slot that has no record yet, the CNAME."""
        if not self.key and answer.target:
            return answer.target == self.expected.target
        return is_right(answer, self.key)

    @property
    def visible(self) -> int:
        """How many servers show it."""
        return sum(map(self.shows, self.answers))

    def as_values(self) -> dict[str, Any]:
        """What `--json` prints."""
        return as_values(self)

    @property
    def kind(self) -> Kind | None:
        """What there is to say of it; None if it is right, or not checked."""
        if self.diagnosis is None or self.verdict == "right":
            return None
        if self.unanswered:
            return "unknown"
        return "wrong" if self.needed or self.code == "private-key" else "due"


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
