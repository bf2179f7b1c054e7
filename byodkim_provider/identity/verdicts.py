"""
What SES's answer shows of an identity that is to be verified (`judged`), as a value.

No call and no clock here: `verification` polls SES, and judges each answer with what it has seen
before.

By its verdict of an earlier run, an entry is one of four: *settled* (verified, or unconfirmed),
*awaiting* (SES has no key), *new* (never polled, or its wait was cut short) or *pending* (its whole
wait ended without a verdict).

After a switch, SUCCESS may still be about the previous key, so it counts only with evidence that
SES checked after our call. `judged` goes down this list:

    SES shows                                                   verdict
    another key, or that signing is disabled                    not verified
    another status than SUCCESS                                 not verified
    SUCCESS, and another status before, since our call          verified
    SUCCESS, taken over, and its last check missed the key      not verified
    SUCCESS, made by Create or taken over                       verified
    SUCCESS, and a success after our Put                        verified
    SUCCESS, a check after our Put, no success and no error     verified
    SUCCESS, a check after our Put, an error and an old success not verified
    SUCCESS, none of these for half an hour                     unconfirmed
    SUCCESS, none of these                                      not verified
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import AwareDatetime

from byodkim_provider.aws.ses import SesIdentity, with_error
from byodkim_provider.dkim.records import record_name
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.judgement import SETTLED, has_key, of_shown
from byodkim_provider.identity.state import (
    AWAITING_DNS,
    CREATED,
    GONE,
    PUT,
    TAKEN_OVER,
    UNCONFIRMED,
)
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.property_types import read, written

SEARCH: Final = timedelta(hours=72)
"""How long SES looks for a key before it says FAILED (SES API, `DkimAttributes.Status`)."""

NO_KEY: Final = ("HOST_NOT_FOUND", "TYPE_NOT_FOUND", "INVALID_VALUE")
"""SES's `ErrorType` if DNS answered, and without this key (SES API, VerificationInfo)."""

NOT_ASKED: Final = "NOT_ASKED"
"""
Status of an identity that was not polled, or for which SES returned an error: see `not_asked`.
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One identity to verify. Two entries are equal if SES got the same key at the same time."""

    domain: str
    region: str
    selector: str
    key_set_at: AwareDatetime | None = None
    """When SES last got a key, by SES's clock; None while the key's record is not in DNS."""
    key_set_by: str = field(default="", compare=False)
    adopted: bool = field(default=False, compare=False)
    """Whether it was somebody else's, and stays in SES when it leaves the stack."""
    record_value: str = field(default="", compare=False)
    cname: str | None = field(default=None, compare=False)
    """
    The zone to which the CNAME at the record's name leads; None if the record stands there itself.
    """
    dns_check: str = field(default="authoritative", compare=False)
    dns_resolvers: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.domain} {self.region}"

    @property
    def target(self) -> str:
        """Where the CNAME has to lead; empty without one."""
        return f"{record_name(self.selector, self.domain)}.{self.cname}" if self.cname else ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether one entry is verified, and why."""

    entry: Entry
    status: str
    verified: bool
    reason: str = ""
    """Why the entry is not verified; or the evidence, if that is not SES's status itself."""
    waited: bool = True
    """
    Whether the wait for the entry has ended. If not, it gets the full timeout in the next run.
    """
    seen_unverified: bool = False
    """
    Whether SES has shown that it had this key and had not found it yet: the next SUCCESS is about
    it.
    """
    seen: SesIdentity | None = field(default=None, compare=False)
    """The response of this run from which the verdict is; None if it is from another one."""

    @property
    def settled(self) -> bool:
        """Whether no further poll is needed: verified, or unconfirmed."""
        return self.verified or self.status == UNCONFIRMED

    def to_properties(self) -> dict[str, Any]:
        """Plain values, as Pulumi stores them; absent for None."""
        of_entry = {"domain", "region", "selector", "key_set_at"}
        return {
            name: one for name, one in written(self.entry).items() if name in of_entry
        } | written(self)

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Verdict:
        """Parses what `to_properties` wrote, in this version or an older one."""
        return read(cls, {**properties, "entry": read(Entry, properties)})


def not_asked(entry: Entry, reason: str) -> Verdict:
    """The verdict on an entry that was not polled: its wait has not ended."""
    return Verdict(entry=entry, status=NOT_ASKED, verified=False, reason=reason, waited=False)


def awaiting_dns(entry: Entry) -> Verdict:
    """The verdict on an entry whose key SES does not have yet."""
    name = record_name(entry.selector, entry.domain)
    reason = f"its key is not visible yet at {name}"
    return Verdict(entry=entry, status=AWAITING_DNS, verified=False, reason=reason)


def pending_lines(verdicts: Iterable[Verdict]) -> list[str]:
    """One line for each entry that is not settled."""
    return [f"{one.entry}: {one.status}, {one.reason}" for one in verdicts if not one.settled]


def needs_poll(entries: Iterable[Entry], before: Iterable[Verdict]) -> bool:
    """Whether an entry is not settled, or differs from the entries that were verified."""
    verdicts = {verdict.entry: verdict for verdict in before}
    entries = set(entries)
    return entries != set(verdicts) or not all(verdict.settled for verdict in verdicts.values())


def refuse_exchange(entries: Collection[Entry], before: Collection[Verdict]) -> None:
    """
    Raise `InvalidSettings` if one edit replaces all Regions of a domain by others.

    The identities hold the only record of when each generation last signed, and it would be lost
    with the last of them. Removing a whole domain is allowed: that is what `destroy` does.
    """
    for domain in sorted({entry.domain for entry in entries}):
        after = sorted(entry.region for entry in entries if entry.domain == domain)
        verdicts = [verdict for verdict in before if verdict.entry.domain == domain]
        earlier = sorted(verdict.entry.region for verdict in verdicts)
        has_signed = any(verdict.entry.key_set_at for verdict in verdicts)
        if has_signed and not set(after) & set(earlier):
            raise InvalidSettings(
                IdentityMessages.REGIONS_AT_ONCE(
                    domain=domain, regions=", ".join(after), before=", ".join(earlier)
                )
            )


def judged(entry: Entry, seen: SesIdentity | None, *, seen_unverified: bool) -> Verdict:
    """
    The verdict from GetEmailIdentity's response *seen*, None if SES has no such identity.

    *seen_unverified*: an earlier response after our call had a status other than SUCCESS.
    """
    if seen is None:
        return Verdict(entry=entry, status=GONE, verified=False, reason="SES has no such identity")
    if has_key(entry.selector, seen) and seen.dkim_status != "SUCCESS":
        # SES has this key and has not found it in DNS yet, so the next SUCCESS is about it.
        seen_unverified = True
    verdict = Verdict(
        entry=entry,
        status=seen.dkim_status,
        verified=False,
        seen_unverified=seen_unverified,
        seen=seen,
    )
    if found := of_shown(entry.selector, seen):
        return replace(verdict, reason=str(found[0]))
    if seen.dkim_status != "SUCCESS":
        return replace(verdict, reason="SES has not found the key yet")
    not_found = with_error("SES did not find the key at its last check", seen.error_type)
    if entry.key_set_by == TAKEN_OVER and not seen_unverified and _missed_last(seen):
        return replace(
            verdict, reason=not_found
        )  # perhaps the key of a Put whose response was lost
    if entry.key_set_by in (CREATED, TAKEN_OVER) or seen_unverified:
        return replace(verdict, verified=True)
    checked, succeeded = (_is_after_put(entry, at) for at in (seen.last_checked, seen.last_success))
    if succeeded or (checked and seen.last_success is None and not seen.error_type):
        return replace(verdict, verified=True)
    if checked and seen.last_success and seen.error_type:
        # SES may keep the previous key's SUCCESS while it does not find this key.
        return replace(verdict, reason=f"{not_found}, SUCCESS is about the one before")
    if _age(entry, seen) >= SETTLED:
        reason = IdentityMessages.UNCONFIRMED(selector=entry.selector)
        return replace(verdict, status=UNCONFIRMED, reason=str(reason))
    return replace(
        verdict, reason="SES shows no check of this key yet, SUCCESS may be about the one before"
    )


def is_over(verdict: Verdict) -> bool:
    """Whether further polls in the run of this *verdict* are useless."""
    entry, seen = verdict.entry, verdict.seen
    if verdict.settled or verdict.status == NOT_ASKED:
        return True
    if seen and of_shown(entry.selector, seen) and _age(entry, seen) >= SETTLED:
        return True  # SES signs with another key, which no check of the record changes
    if verdict.status != "FAILED":
        return False
    return seen is None or not is_from_before_put(entry, seen) or _age(entry, seen) >= SETTLED


def is_from_before_put(entry: Entry, seen: SesIdentity) -> bool:
    """Whether FAILED is from before the key was sent: a new search takes days until it fails."""
    is_checked = _is_after_put(entry, seen.last_checked)
    return entry.key_set_by == PUT and not is_checked and _age(entry, seen) < SEARCH


def _missed_last(seen: SesIdentity) -> bool:
    """Whether SES's last check found no such key; an old error may stand beside a later success."""
    if seen.error_type not in NO_KEY or seen.last_checked is None or seen.last_success is None:
        return False
    return seen.last_checked > seen.last_success


def _is_after_put(entry: Entry, at: datetime | None) -> bool:
    # `key_set_at` has no fractions of a second. A check in that second counts, though it may be
    # from just before the Put: the next may be hours away.
    return at is not None and entry.key_set_at is not None and at > entry.key_set_at


def _age(entry: Entry, seen: SesIdentity) -> timedelta:
    """Time from our call to SES's response, by SES's clock."""
    return seen.at - entry.key_set_at if entry.key_set_at else timedelta()
