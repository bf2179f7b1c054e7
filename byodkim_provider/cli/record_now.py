"""
A record as DNS shows it now: the values that `status` and `doctor` print, and how to fix it.

The words of a panel are in `dns.panels`, those of a fix in `dns.diagnosis`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from byodkim_provider.dkim.generations import Role
from byodkim_provider.dkim.keys import fingerprint, public_bits
from byodkim_provider.dkim.records import record_value
from byodkim_provider.dns import diagnosis, panels, visibility
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.visibility import Diagnosis
from byodkim_provider.hosts.registry import PANELS, recognise

UNSEEN_ZONE: Final = (
    "if only a resolver of your own network sees the zone, set `dnsResolvers`; "
    "`byodkim doctor DOMAIN --selector S --nameserver ADDRESS` tries one"
)

NOT_CHECKED: Final = "`dnsCheck: off`: `byodkim doctor DOMAIN --selector S` asks DNS"

Kind = Literal["wrong", "unknown", "due", "note"]


@dataclass(frozen=True, kw_only=True)
class RecordNow:
    """A record, as DNS shows it now: what `--json` prints."""

    generation: int | None = None
    role: Role | None = None
    """This and *generation* are None without a stack, and for a slot that has no record yet."""
    name: str
    target: str
    """Where a CNAME has to lead; empty without one."""
    value: str
    """What it should be; empty if no key is known, or nobody may publish that any more."""
    fingerprint: str
    """Of the key of the record, or else of that in DNS; empty without both."""
    bits: int | None
    verdict: Literal["right", "wrong", "unknown"]
    """Right: every server that answers shows the key. Unknown: none answers or is asked."""
    unanswered: bool
    """Whether every server, or the resolver, is silent or out of reach."""
    needed: bool = True
    """Whether mail that is signed now needs the record, or mail that may be on its way."""
    servers_visible: int | None
    """How many servers show it; this and *servers_asked* are None with `dnsCheck: off`."""
    servers_asked: int | None
    misconfiguration: str
    """As `Diagnosis.code` has it; empty if it has none, or no name."""
    seen: str
    """What the servers say: "3 of 4 servers show the key, ns-4.example.net: silent"."""
    found_at: str
    zone: str
    panel: str
    """That of the servers that serve the record, if known; else where it was typed in."""
    fix: str
    """How to fix it, in the words of the panel; empty if no misconfiguration is known."""
    instructions: str
    """What to type into the panel; empty if nobody types, or the key is not known."""
    notes: tuple[str, ...]
    """Remarks that do not affect the verdict."""
    signing_since: datetime | None = None
    """Since when the key signs, in the first of the Regions; None if it does not sign now."""
    signed_until: datetime | None = None
    """
    When the key signed last, in the last of the Regions; None if it never did, still does, or
    unknown.
    """

    @property
    def kind(self) -> Kind | None:
        """What there is to say of it; None if it is right, or not checked."""
        if self.servers_asked is None or self.verdict == "right":
            return None
        if self.unanswered:
            return "unknown"
        return "wrong" if self.needed or self.misconfiguration == "private-key" else "due"


def record_now(expected: ExpectedRecord, seen: Diagnosis) -> RecordNow:
    """The values of a record, of which nothing is known but DNS's answers."""
    key = seen.public_key_der
    value = ""
    # The public half of a private key that DNS shows must not be published any more.
    if expected.public_key_der and seen.code != "private-key":
        value = record_value(expected.public_key_der)
    visible, summary = seen.right, seen.summary()
    if expected.target and not key:  # a slot that has no record yet
        visible = sum(answer.target == expected.target for answer in seen.answers)
        summary = f"{visible} of {len(seen.answers)} servers have the CNAME to {expected.target}"
    if seen.text:
        summary = f"{summary}: {seen.text}"
    host = recognise(seen.name_servers)
    typed_into = None if seen.code == "served-elsewhere" else expected.panel
    panel = host or typed_into or PANELS["other"]
    # What is wrong stands where a stack writes it, so that nobody types it in.
    is_kept = expected.kept and expected.target in ("", seen.found_at)
    fix = instructions = ""
    if seen.code:
        fix = diagnosis.fix(panel, expected, seen, kept=is_kept)
        typed = expected.target or value
        if typed and not is_kept and seen.code not in diagnosis.NOTHING_TO_TYPE:
            instructions = panels.instructions(
                panel,
                name=expected.name,
                value=typed,
                zone=seen.zone,
                kind="CNAME" if expected.target else "TXT",
                edit=seen.code not in diagnosis.ADDED,
            )
    notes = [f"the name servers are {host.title}'s"] if host else []
    notes += seen.notes
    if seen.answers and visibility.zone_not_found(seen.answers):
        notes.append(UNSEEN_ZONE)
    return RecordNow(
        name=expected.name,
        target=expected.target,
        value=value,
        fingerprint=fingerprint(key) if key else "",
        bits=public_bits(key) if key else None,
        verdict=seen.verdict,
        unanswered=seen.verdict == "unknown" and visibility.nobody_answers(seen.answers),
        servers_visible=visible if seen.answers else None,
        servers_asked=len(seen.answers) or None,
        misconfiguration=seen.code,
        seen=summary if seen.answers else seen.text,
        found_at=seen.found_at,
        zone=seen.zone,
        panel=panel.title,
        fix=fix,
        instructions=instructions,
        notes=tuple(notes),
    )
