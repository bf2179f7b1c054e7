"""
Formats the findings of `byodkim doctor`, for people and for programs.

Values in, text out. No TXT value is ever shown: a private key may have been pasted into one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.dkim import public_keys
from byodkim_provider.dkim import records as dkim
from byodkim_provider.dkim.keys import fingerprint
from byodkim_provider.dns import dmarc, fixes, panels, visibility
from byodkim_provider.dns.diagnosis import Diagnosis, ExpectedRecord
from byodkim_provider.dns.panels import Panel
from byodkim_provider.hosts.panels import PANELS, recognise


@dataclass(frozen=True, slots=True)
class Examined:
    """One record: the expected one, and the diagnosis."""

    expected: ExpectedRecord
    seen: Diagnosis

    @property
    def panel(self) -> Panel:
        """The panel of the servers that serve the record, if known; else the one in which it was entered."""
        typed_into = None if self.seen.code == "served-elsewhere" else self.expected.panel
        return recognise(self.seen.name_servers) or typed_into or PANELS["other"]

    @property
    def fix(self) -> str:
        """How to fix it, in the words of the panel; empty if there is no known misconfiguration."""
        if not self.seen.code:
            return ""
        return fixes.fix(
            self.panel,
            self.seen.code,
            zone=self.seen.zone,
            found_at=self.seen.found_at,
            new_key=self.expected.new_key,
            kept=self.expected.kept,
        )

    @property
    def instructions(self) -> str:
        """What to type into the panel; empty if there is nothing to type, or the key is not known."""
        if (
            self.expected.kept
            or self.seen.code in ("", *fixes.NOTHING_TO_TYPE)
            or not self.expected.public_key_der
        ):
            return ""
        return panels.instructions(
            self.panel,
            record_name=self.expected.name,
            record_value=dkim.record_value(self.expected.public_key_der),
            zone=self.seen.zone,
            edit=self.seen.code not in fixes.ADDED,
        )

    def lines(self) -> Iterator[str]:
        """For people."""
        code = f" ({self.seen.code})" if self.seen.code else ""
        yield f"{self.expected.name}: {self.seen.verdict}{code}"
        said = list(visibility.lines(self.seen.answers, self.seen.public_key_der))
        yield from (f"  {line}" for line in said)
        if recognised := recognise(self.seen.name_servers):
            yield f"  the name servers are {recognised.title}'s"
        if self.seen.text not in (*said, visibility.diagnose(self.seen.answers, self.seen.public_key_der)):
            yield f"  {self.seen.text}"
        if key := self._key():
            whose = "the right key" if self.expected.public_key_der else "the key there"
            yield f"  {whose} has {key['bits']} bits, fingerprint {key['fingerprint']}"
        yield from (f"  {note}" for note in self.seen.notes)
        if self.fix:
            yield f"  to fix it: {self.fix}"
        if self.fix and not self.expected.public_key_der and self.seen.code not in fixes.NOTHING_TO_TYPE:
            yield "  with --private-key or --public-key, what to type is printed here"
        yield from (f"  {line}" for line in self.instructions.splitlines())

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.expected.name,
            "domain": self.expected.domain,
            "zone": self.seen.zone,
            "panel": self.panel.title,
            "verdict": self.seen.verdict,
            "misconfiguration": self.seen.code or None,
            "text": self.seen.text,
            "found_at": self.seen.found_at or None,
            "notes": list(self.seen.notes),
            "fix": self.fix or None,
            "instructions": self.instructions or None,
            "key": self._key(),
            "servers": [
                {
                    "server": answer.server,
                    "answered": answer.values is not None,
                    "says": visibility.diagnose([answer], self.seen.public_key_der),
                }
                for answer in self.seen.answers
            ],
        }

    def _key(self) -> dict[str, Any] | None:
        """The expected key, or else the key in DNS; None if there is none."""
        der = self.seen.public_key_der
        return {"bits": public_keys.bits(der), "fingerprint": fingerprint(der)} if der else None


@dataclass(frozen=True, slots=True)
class SesView:
    """What GetEmailIdentity says of one identity; None if SES has none."""

    domain: str
    region: str
    identity: SesIdentity | None
    verified: bool
    """Whether that shows that SES has verified the key that is meant, as `byodkim status` judges it."""

    def line(self) -> str:
        """For people."""
        seen = self.identity
        if seen is None:
            return f"SES in {self.region} has no identity {self.domain}"
        facts = [
            seen.dkim_status + (f" ({seen.failure})" if seen.failure else ""),
            f"origin {seen.origin}",
            f"signing {'enabled' if seen.signing_enabled else 'disabled'}",
        ]
        facts += [f"selector {seen.selector!r}"] if seen.selector else []
        facts += [f"last checked {seen.last_checked:%Y-%m-%d %H:%M} UTC"] if seen.last_checked else []
        facts += [f"at the zone of {seen.soa_seen}"] if seen.soa_seen else []
        return f"SES in {self.region} says of {self.domain}: {', '.join(facts)}"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        seen = self.identity
        return {
            "domain": self.domain,
            "region": self.region,
            "status": seen.dkim_status if seen else None,
            "verified": self.verified,
            "error_type": (seen.failure or None) if seen else None,
            "selector": seen.selector if seen else None,
        }


@dataclass(frozen=True, slots=True)
class DmarcView:
    """What DMARC makes of a domain's mail. For information: the verdict does not depend on it."""

    domain: str
    policy: dmarc.Policy | None
    """None if no record was found."""
    ses: tuple[SesView, ...]
    """SES's view in each Region that was asked."""

    def lines(self) -> Iterator[str]:
        """For people."""
        if self.policy is None:
            yield f"DMARC of {self.domain}: no record found"
            return
        yield f"DMARC of {self.domain}: policy {self.policy.policy}, at _dmarc.{self.policy.at}"
        yield f"  {dmarc.dkim_line(self.policy, self.domain)}"
        for one in self.ses:
            if one.identity:
                seen = (one.identity.mail_from, one.identity.mail_from_status)
                yield f"  {dmarc.spf_line(self.policy, self.domain, one.region, *seen)}"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        mail_from = {one.region: one.identity.mail_from or None for one in self.ses if one.identity}
        found = self.policy.to_json() if self.policy else None
        return {"domain": self.domain, "policy": found, "mail_from": mail_from}
