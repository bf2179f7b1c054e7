"""
What SES's answer says about one identity: whether this key is verified, or why that can't be said.

Values in, values out: no clock, no calls. After a switch a SUCCESS may be about the key before,
so it counts only with a sign that it came after our call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from byodkim_provider.aws.ses import SesIdentity
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.state import CREATED, PUT, TAKEN_OVER, DnsCheck
from byodkim_provider.property_types import moment, timestamp

__all__ = [
    "NOT_ASKED",
    "UNCONFIRMED",
    "Entry",
    "Verdict",
    "is_over",
    "is_put_in_vain",
    "judged",
    "refuse_exchange",
    "tells_of_this_key",
    "to_look_at",
]

SETTLED: Final = timedelta(minutes=30)
"""
How long after our call a SUCCESS without any sign of a new check stays open.

SES has checked several times by then, so what it shows does not move with the key, and no later
poll would tell more.
"""

SEARCH: Final = timedelta(hours=72)
"""How long SES looks for a key before it says FAILED (SES API, `DkimAttributes.Status`)."""

UNCONFIRMED: Final = "UNCONFIRMED"
"""Status of a switch about which SES says SUCCESS, and never whether that is about the new key."""

NOT_ASKED: Final = "NOT_ASKED"
"""Status of an identity that SES was not asked about, or gave no answer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One identity to verify. Two entries are equal if SES got the same key at the same time."""

    domain: str
    region: str
    selector: str
    key_set_at: datetime | None
    """When SES was last told a key, by its own clock; None while its record is not in DNS."""
    key_set_by: str = field(default="", compare=False)
    published: tuple[int, ...] = field(default=(), compare=False)
    generation_before: int | None = field(default=None, compare=False)
    """The one that signed last before this; None if none did."""
    record_value: str = field(default="", compare=False)
    dns_check: DnsCheck = field(default="authoritative", compare=False)
    dns_resolvers: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.domain} {self.region}"

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Entry:
        """The value of one element of the resource's `identities`."""
        return cls(
            domain=properties["domain"],
            region=properties["region"],
            selector=properties["selector"],
            key_set_at=moment(properties["key_set_at"]) if properties.get("key_set_at") else None,
            key_set_by=properties.get("key_set_by", ""),
            published=tuple(int(one) for one in properties.get("published") or ()),
            generation_before=_last(properties.get("signed_until") or {}),
            record_value=properties.get("record_value", ""),
            dns_check=properties.get("dns_check", "authoritative"),
            dns_resolvers=tuple(properties.get("dns_resolvers", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one entry."""

    entry: Entry
    status: str
    verified: bool
    reason: str = ""
    """Why it is not verified, or what the verdict rests on if that is not SES's own word."""
    waited: bool = True
    """Whether it had its wait; one that was interrupted, or not asked, gets another."""

    @property
    def settled(self) -> bool:
        """Whether nothing is left to find out: verified, or SES does not tell."""
        return self.verified or self.status == UNCONFIRMED

    def to_properties(self) -> dict[str, Any]:
        """Plain values, as Pulumi stores them; absent for None."""
        key_set_at = {"key_set_at": timestamp(self.entry.key_set_at)} if self.entry.key_set_at else {}
        return key_set_at | {
            "domain": self.entry.domain,
            "region": self.entry.region,
            "selector": self.entry.selector,
            "status": self.status,
            "verified": self.verified,
            "reason": self.reason,
            "waited": self.waited,
        }

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Verdict:
        """The value that `to_properties` wrote, in this version or an older one."""
        return cls(
            entry=Entry.from_properties(properties),
            status=properties["status"],
            verified=properties["verified"],
            reason=properties.get("reason", ""),
            waited=properties.get("waited", True),
        )


def to_look_at(entries: Iterable[Entry], before: Iterable[Verdict]) -> bool:
    """Whether anything is not settled yet, or is not what was verified."""
    verdicts = {verdict.entry: verdict for verdict in before}
    entries = set(entries)
    return entries != set(verdicts) or not all(verdict.settled for verdict in verdicts.values())


def refuse_exchange(entries: Collection[Entry], before: Collection[Verdict]) -> None:
    """
    Raise `InvalidSettings` if all Regions of a domain go in the edit that brings in others.

    With the last of their identities goes what only they know: which keys signed until when. A
    domain may go as a whole: that is what `destroy` does.
    """
    problems = []
    for domain in sorted({entry.domain for entry in entries}):
        here = sorted(entry.region for entry in entries if entry.domain == domain)
        were = sorted(one.entry.region for one in before if one.entry.domain == domain)
        told = any(one.entry.key_set_at for one in before if one.entry.domain == domain)
        if told and not set(here) & set(were):
            problems.append(f"{domain}: {', '.join(here)} can't take the place of {', '.join(were)} at once")
    if problems:
        raise InvalidSettings(
            problems,
            hint="list all of them in one `pulumi up`, and drop the old ones in another",
        )


def tells_of_this_key(entry: Entry, seen: SesIdentity) -> bool:
    """Whether SES shows that it has not found this key yet, so that the next SUCCESS is about it."""
    signs_with_it = seen.origin == "EXTERNAL" and seen.selector in (None, entry.selector)
    return signs_with_it and seen.dkim_status != "SUCCESS"


def judged(entry: Entry, seen: SesIdentity, *, seen_otherwise: bool) -> Verdict:
    """
    The verdict that GetEmailIdentity's answer *seen* allows.

    *seen_otherwise*: an answer after our call had another status than SUCCESS.
    """
    verdict = Verdict(entry=entry, status=seen.dkim_status, verified=False)
    if seen.origin != "EXTERNAL":
        return replace(verdict, reason=f"SES signs with its own key ({seen.origin}), not with this one")
    if seen.selector not in (None, entry.selector):
        return replace(verdict, reason=f"SES signs with selector {seen.selector!r}")
    if not seen.signing_enabled:
        return replace(verdict, reason="DKIM signatures are disabled for this identity in SES")
    if seen.dkim_status != "SUCCESS":
        return replace(verdict, reason="SES has not found the key yet")
    if entry.key_set_by in (CREATED, TAKEN_OVER) or seen_otherwise:
        return replace(verdict, verified=True)
    checked, succeeded = (_is_after_put(entry, at) for at in (seen.last_checked, seen.last_success))
    if succeeded or (checked and seen.last_success is None and not seen.error_type):
        return replace(verdict, verified=True)
    if checked and seen.last_success and seen.error_type:
        # SES may keep the SUCCESS of the key before while it does not find this one.
        reason = f"SES did not find the key at its last check ({seen.error_type})"
        return replace(verdict, reason=f"{reason}, SUCCESS is about the one before")
    if _age(entry, seen) >= SETTLED:
        reason = (
            "SES says SUCCESS, and does not show whether it has checked this key; "
            f"it has if the DKIM-Signature of a new mail has `s={entry.selector}`"
        )
        return replace(verdict, status=UNCONFIRMED, reason=reason)
    return replace(verdict, reason="SES shows no check of this key yet, SUCCESS may be about the one before")


def is_over(verdict: Verdict, seen: SesIdentity | None) -> bool:
    """Whether another poll in this run would not tell more; *seen* is what it rests on, None if listed."""
    if verdict.settled or verdict.status == NOT_ASKED:
        return True
    entry = verdict.entry
    if verdict.status != "FAILED" or seen is None or entry.key_set_by in (CREATED, TAKEN_OVER):
        return verdict.status == "FAILED"
    # It may be from before the same key was sent again.
    return _is_after_put(entry, seen.last_checked) or _age(entry, seen) >= SETTLED


def is_put_in_vain(entry: Entry, seen: SesIdentity) -> bool:
    """Whether a FAILED is from before the key was sent: of a new search SES takes days to say it."""
    return (
        entry.key_set_by == PUT and not _is_after_put(entry, seen.last_checked) and _age(entry, seen) < SEARCH
    )


def _is_after_put(entry: Entry, at: datetime | None) -> bool:
    # `key_set_at` is cut to the second. A check in that second counts: the next may be hours away.
    return at is not None and entry.key_set_at is not None and at > entry.key_set_at


def _age(entry: Entry, seen: SesIdentity) -> timedelta:
    """How long after our call SES answered, by its own clock."""
    return seen.at - entry.key_set_at if entry.key_set_at else timedelta()


def _last(signed_until: Mapping[str, str]) -> int | None:
    """The generation with the latest time."""
    return int(max(signed_until, key=lambda generation: signed_until[generation])) if signed_until else None
