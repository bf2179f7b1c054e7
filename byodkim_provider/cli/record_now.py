"""
A record as DNS shows it now: values, what there is to say of it, and how to fix it.

The words of a panel are in `dns.panels`, those of a fix in `dns.diagnosis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from byodkim_provider.dkim.generations import Role
from byodkim_provider.dkim.keys import fingerprint, public_bits
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
        leaked = self.diagnosis and self.diagnosis.leaked
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
        if self.diagnosis is None or self.verdict != "unknown":
            return False
        return nobody_answers(self.answers)

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

    @property
    def kind(self) -> Kind | None:
        """What there is to say of it; None if it is right, or not checked."""
        if self.diagnosis is None or self.verdict == "right":
            return None
        if self.unanswered:
            return "unknown"
        return "wrong" if self.needed or self.code == "private-key" else "due"

    @property
    def servers(self) -> str:
        """How many servers show the record."""
        return f"{self.visible} of {len(self.answers)}" if self.diagnosis else "not checked"

    @property
    def seen(self) -> str:
        """Such as "3 of 4 servers show the key, ns-4.example.net is silent"."""
        if self.diagnosis is None:
            return "DNS is not checked"
        summary = self.diagnosis.summary()
        if self.expected.target and not self.key:
            summary = f"{self.servers} servers have the CNAME to {self.expected.target}"
        return f"{summary}: {self.diagnosis.text}" if self.diagnosis.text else summary

    def says(self, answer: Answer) -> str:
        """What one server says of the record."""
        if not self.key and self.shows(answer):
            return f"{answer.server} has the CNAME"
        return visibility.diagnose([answer], self.key, self.expected.target)

    @property
    def notes(self) -> list[str]:
        """Remarks that do not affect the verdict."""
        if self.diagnosis is None:
            return [NOT_CHECKED]
        host = recognise(self.diagnosis.name_servers)
        remarks = [f"the name servers are {host.title}'s"] if host else []
        remarks += self.diagnosis.notes
        if visibility.zone_not_found(self.answers):
            remarks.append(UNSEEN_ZONE)
        return remarks

    @property
    def panel(self) -> Panel:
        """That of the servers that serve the record, if known; else where it was typed in."""
        typed_into = None if self.code == "served-elsewhere" else self.expected.panel
        name_servers = self.diagnosis.name_servers if self.diagnosis else ()
        return recognise(name_servers) or typed_into or PANELS["other"]

    @property
    def _is_kept(self) -> bool:
        """Whether a stack keeps what is wrong, so that nobody types it in."""
        found_at = self.diagnosis.found_at if self.diagnosis else ""
        return self.expected.kept and self.expected.target in ("", found_at)

    @property
    def fix(self) -> str:
        """How to fix it, in the words of the panel; empty if no misconfiguration is known."""
        if self.diagnosis is None or not self.code:
            return ""
        return diagnosis.fix(
            self.panel,
            self.code,
            zone=self.diagnosis.zone,
            found_at=self.diagnosis.found_at,
            new_key=self.expected.new_key,
            target=self.expected.target,
            kept=self._is_kept,
        )

    @property
    def instructions(self) -> str:
        """What to type into the panel; empty if nobody types, or the key is not known."""
        typed = self.expected.target or self.value
        has_nothing = self.code in ("", *diagnosis.NOTHING_TO_TYPE)
        if self.diagnosis is None or has_nothing or not typed or self._is_kept:
            return ""
        return panels.instructions(
            self.panel,
            record_name=self.name,
            record_value=typed,
            zone=self.diagnosis.zone,
            edit=self.code not in diagnosis.ADDED,
            kind="CNAME" if self.expected.target else "TXT",
        )

    def as_values(self) -> dict[str, Any]:
        """What `--json` prints."""
        is_checked = self.diagnosis is not None
        servers = [
            {
                "server": answer.server,
                "answered": answer.values is not None,
                "shows_key": self.shows(answer),
                "alias": answer.alias,
                "says": self.says(answer),
            }
            for answer in self.answers
        ]
        return {
            "generation": self.generation,
            "role": self.role,
            "name": self.name,
            "target": self.expected.target,
            "value": self.value,
            "fingerprint": fingerprint(self.key) if self.key else "",
            "bits": public_bits(self.key) if self.key else None,
            "verdict": self.verdict,
            "unanswered": self.unanswered,
            "needed": self.needed,
            "servers_visible": self.visible if is_checked else None,
            "servers_asked": len(self.answers) if is_checked else None,
            "servers": servers,
            "misconfiguration": self.code,
            "text": self.diagnosis.text if self.diagnosis else "",
            "found_at": self.diagnosis.found_at if self.diagnosis else "",
            "zone": self.diagnosis.zone if self.diagnosis else "",
            "panel": self.panel.title if is_checked else "",
            "fix": self.fix,
            "instructions": self.instructions,
            "notes": self.notes,
            "signing_since": self.signing_since,
            "signed_until": self.signed_until,
        }
