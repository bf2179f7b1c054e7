"""
What SES and DNS show of a stack's domains now, and what is wrong with them or due, as values.

`answers` asks and makes them, `findings` judges. `status` and `doctor` print them: for people by
`layout`, with `--json` field by field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.dkim.generations import Role
from byodkim_provider.dns.dmarc import Policy
from byodkim_provider.property_types import timestamp

Health = Literal["well", "due", "wrong"]
"""The worst thing that was found: nothing, something to do while mail is fine, or something wrong."""

RecordVerdict = Literal["right", "wrong", "unknown"]

SEVERITY: Final[dict[Health, int]] = {"well": 0, "due": 1, "wrong": 2}
"""As exit code and as metric; in order, the worst last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityNow:
    """An identity, as SES shows it now."""

    region: str
    status: str
    """
    SES's DKIM status. `AWAITING_DNS` if the key was not sent yet, `GONE` if SES has no such identity,
    `UNCONFIRMED` if SES says SUCCESS and does not show whether that is about this key.
    """
    verified: bool = False
    """By the test of the BYODKIM guide, for the key that the stack knows."""
    generation: int | None = None
    """Whose key SES has, or gets from the next `pulumi up`; None if the state does not know the key."""
    selector: str | None
    """Selector of that key; None if SES signs with its own keys."""
    signing_since: datetime | None = None
    """None if SES does not sign with this generation."""
    age_days: int | None = None
    """How many days the generation has signed; None if it does not sign, or since a time in the future."""
    problem: str = ""
    """Why it is not verified; empty if it is, or if that could not be determined."""
    doubt: str = ""
    """Message about what could not be determined; else empty."""
    ses: SesIdentity | None = None
    """What SES said; None if it was not asked, or has no such identity."""

    @property
    def is_wrong(self) -> bool:
        return bool(self.problem)

    @property
    def shown_status(self) -> str:
        """For people."""
        return (
            self.status
            if self.ses is None or self.ses.signing_enabled
            else f"{self.status}, signing disabled"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNow:
    """What one name server says of a record."""

    server: str
    answered: bool
    shows_key: bool
    alias: str
    """Where a CNAME led; empty if there was none."""
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNow:
    """A record, as DNS shows it now."""

    generation: int | None = None
    role: Role | None = None
    """This and *generation* are None without a stack, and for a slot that has no record yet."""
    name: str
    target: str = ""
    """Where the CNAME at this name has to lead, with `cname`; empty if the record stands here itself."""
    value: str
    """What it should be; empty if nobody said which key is meant, or the slot has none yet."""
    fingerprint: str
    """SHA-256 of that key, or else of the key in DNS (SubjectPublicKeyInfo, DER), 64 hex digits."""
    bits: int | None
    verdict: RecordVerdict
    """Right: every server that answers shows the key, and one does. Unknown: none answers or is asked."""
    servers_visible: int | None = None
    """How many name servers show the key; None if DNS is not checked (`dnsCheck: off`)."""
    servers_asked: int | None = None
    seen: str = "DNS is not checked"
    """Such as "3 of 4 servers show the key, ns-4.example.net is silent"."""
    servers: tuple[ServerNow, ...] = ()
    misconfiguration: str = ""
    """One of `diagnosis.CODES`; empty if there is none, or it has no name."""
    text: str = ""
    """What the servers' answers do not say themselves."""
    found_at: str = ""
    """The wrong name at which the record stands; empty if it stands at none."""
    zone: str = ""
    panel: str = ""
    """The panel of the servers that serve the record, if known; else that in which it was entered."""
    fix: str = ""
    """How to fix it, in the words of the panel; empty if there is no known misconfiguration."""
    instructions: str = ""
    """What to type into the panel; empty if nobody types, or the key is not known."""
    notes: tuple[str, ...] = ()
    signing_since: datetime | None = None
    """Since when the key signs, in the first of the Regions; None if it does not sign now."""
    signed_until: datetime | None = None
    """When the key signed last, in the last of the Regions; None if it never did, still does, or unknown."""

    @property
    def is_wrong(self) -> bool:
        return self.servers_asked is not None and self.verdict != "right"

    @property
    def shown_servers(self) -> str:
        """For people."""
        is_checked = self.servers_asked is not None
        return f"{self.servers_visible} of {self.servers_asked}" if is_checked else "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainNow:
    """A domain, with all findings."""

    domain: str
    verdict: Health = "well"
    retired: bool = False
    """Whether the stack file lets the domain go: its identities are removed, its records stay for a while."""
    rotate_after_days: int | None = None
    """None if the stack file does not have the domain."""
    next_rotation: datetime | None = None
    """When the key will have signed for `rotate_after_days`; None if nothing signs."""
    days_until_rotation: int | None = None
    """Whole days until then; negative if the rotation is overdue."""
    identities: tuple[IdentityNow, ...]
    records: tuple[RecordNow, ...]
    mail_from: tuple[str, ...] = ()
    """What is wrong with the MAIL FROM domains that the stack file asks for, or awaited."""
    wrong: tuple[str, ...] = ()
    """Mail is not signed as the stack file says, or soon will not be."""
    due: tuple[str, ...] = ()
    """What somebody should do while mail is fine."""
    notes: tuple[str, ...] = ()
    """What is good to know; nobody has to do anything."""
    dmarc: Policy | None = None
    """The policy that holds for its mail; None too if nobody asked, as `status`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNow:
    """A stack, with all its domains."""

    stack: str
    project: str = ""
    account_id: str | None = None
    """The AWS account of its identities; None before the first one is made."""
    verdict: Health
    """The worst of the domains."""
    checked_at: datetime
    domains: tuple[DomainNow, ...]


def minute(time: datetime | None) -> str:
    """*time* for people, to the minute."""
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "–"


def by_text(lines: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Lines that begin with a name, as one for all names with the same text."""
    names: dict[str, list[str]] = {}
    for name, text in lines:
        names.setdefault(text, []).append(name)
    return [(found, text) for text, found in names.items()]


def as_json(value: Any, *, indent: int | None = 2) -> str:
    """What `--json` prints of one of these values: its fields, times in ISO 8601, UTC."""

    def written(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: timestamp(value) if isinstance(value, datetime) else value for name, value in pairs}

    return json.dumps(asdict(value, dict_factory=written), indent=indent)
