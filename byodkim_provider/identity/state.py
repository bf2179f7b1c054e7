"""
What is declared of an identity and what is stored of it, as values and as Pulumi's plain dicts.

Property names are in users' state permanently: none is renamed, and a new one may be absent
from old state. No I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import AwareDatetime

from byodkim_provider.dkim import generations, keys, records
from byodkim_provider.dkim.generations import OVERLAP_DAYS
from byodkim_provider.hosts.zones import Zone, by_hand
from byodkim_provider.property_types import (
    Flag,
    Line,
    Resolver,
    Whole,
    hints_of,
    model_of,
    read,
    without_none,
    written,
)

AWAITING_DNS: Final = "AWAITING_DNS"
"""Status of an identity whose record is not in DNS yet: no run has seen SES take its key."""

UNCONFIRMED: Final = "UNCONFIRMED"
"""Status of a switch if SES says SUCCESS and never shows whether that is about the new key."""

OTHER_MAIL_FROM: Final = "OTHER"
"""Status of a MAIL FROM domain that SES does not have, or with another `on_mx_failure`."""

GONE: Final = "GONE"
"""Status of an identity that SES had, and shows no more: somebody else deleted it."""

CREATED: Final = "CreateEmailIdentity"
PUT: Final = "PutEmailIdentityDkimSigningAttributes"
TAKEN_OVER: Final = "GetEmailIdentity"
"""How SES got the key: the action we called, or GetEmailIdentity if it had the key already."""

STACK_VERIFICATION: Final = "verification"
"""
Name of the verification of a stack that a stack file describes, a resource of the stack itself.
"""

DNS_WAIT_SECONDS: Final = 120
"""How long a run waits for records: Route 53's servers have a change "within 60 seconds"."""

TIMEOUT_MINUTES: Final = 30
"""Default time limit of a verification: much longer than SES usually takes."""


@dataclass(frozen=True, kw_only=True)
class Declared:
    """
    The inputs of an identity without its private key or secret, for which the fingerprint stands.

    Also the part of the outputs that echoes the inputs, so that a change is a difference
    between two of these. *selector*, *fingerprint* and *record_value* are empty in a preview
    that can't know them.
    """

    domain: Line
    region: Line
    selector: Line
    fingerprint: Line
    record_value: Line
    owner: Line
    """
    `<id of the stack>/<resource>`; empty in a preview that can't know the id, as nothing is ours
    then.
    """
    stack: Line = ""
    """`<project>/<stack>`, for people."""
    account_id: Line | None = None
    regions: tuple[Line, ...] = ()
    """All Regions of the domain, this one too."""
    generation: Whole
    published: tuple[Whole, ...]
    selectors: tuple[Line, ...] = ()
    """Of the published generations, whose records leave DNS with the identity."""
    supplied_keys: Mapping[int, str] = field(default_factory=dict)
    """`<selector>:<fingerprint>` of the published generations whose key the user gave."""
    overlap_days: Whole = OVERLAP_DAYS
    configuration_set: Line | None = None
    tags: Mapping[str, str] | None = None
    """None: tags are not managed."""
    mail_from_domain: Line | None = None
    """The custom MAIL FROM domain; None: it is not managed."""
    mail_from_published: Flag | None = None
    """True if the stack publishes its MX and SPF records; else None."""
    on_mx_failure: str | None = None
    """What SES does while it finds no MX record there; None without a MAIL FROM domain."""
    adopt: Flag = False
    accept_unsigned_window: Flag = False
    dns_check: str = "authoritative"
    dns_resolvers: tuple[Resolver, ...] = ()
    dns_wait_seconds: Whole = DNS_WAIT_SECONDS
    zones: tuple[Zone, ...] = ()
    """The zones that hold records of published generations; empty if not given."""
    slots: Mapping[str, str] | None = None
    """
    With `cname`: by selector, the value of each published record that has a slot.

    The program publishes those of the outputs, so a slot changes only once its generation may leave
    DNS.
    """

    def __str__(self) -> str:
        return f"{self.domain} {self.region}"

    def zones_of(self, generation: int) -> Sequence[Zone]:
        """The zones with the record of a generation."""
        return generations.holding(self.zones, generation)

    def slot(self, generation: int) -> str | None:
        """
        The selector of the slot of *generation*, if it has one.

        Of one that is not published, what *zones* make likely.
        """
        return generations.selector(self.zones, generation)

    def slots_in_change(self, after: Declared) -> Callable[[int], str | None]:
        """The slots of generations in a change to *after*: what is not published then keeps its."""

        def slot(generation: int) -> str | None:
            declared = after if generation in after.published else self
            return declared.slot(generation)

        return slot

    @property
    def signing_zones(self) -> Sequence[Zone]:
        """The zones with the record of the generation that signs."""
        return self.zones_of(self.generation)

    @property
    def cname(self) -> str:
        """The zone to which the domain's CNAMEs lead, if its selector is a slot's, else ""."""
        return next((zone.name for zone in self.signing_zones if zone.cname), "")

    @property
    def by_hand(self) -> Zone | None:
        """The zone into whose panel people type the record, if they do."""
        return by_hand((*self.signing_zones, *self.zones))

    @property
    def wait_seconds(self) -> int:
        """How long a run waits for the record; 0 if a person pastes it, or its host takes hours."""
        zones = self.signing_zones
        is_late = bool(zones) and all(zone.is_shown_late for zone in zones)
        return 0 if is_late else self.dns_wait_seconds

    @property
    def is_slow(self) -> bool:
        """Whether the run that makes the record may end before it is visible."""
        return any(zone.cname or zone.is_shown_late for zone in self.signing_zones)

    @property
    def cnames(self) -> Mapping[str, str]:
        """The CNAMEs that the domain's own DNS needs: name and target; none without `cname`."""
        return records.cnames(self.selector[:-1], self.domain, self.cname) if self.cname else {}

    @property
    def record_name(self) -> str:
        return records.record_name(self.selector, self.domain)

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> Declared:
        """The value of checked inputs, without those that a preview can't know."""
        public_key = records.public_key(inputs.get("record_value", ""))
        if "private_key" in inputs:
            public_key = keys.load(inputs["private_key"], proved=True).public_key_der
        of_the_key = {
            "fingerprint": keys.fingerprint(public_key) if public_key else "",
            "record_value": records.record_value(public_key) if public_key else "",
        }
        return cls.from_outputs({**inputs, **of_the_key})

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any]) -> Declared:
        """Parses what `to_properties` wrote, in this version or an older one."""
        return read(cls, {"selector": "", **outputs})

    def to_properties(self) -> dict[str, Any]:
        """Plain values, as Pulumi stores them; absent for None."""
        return written(self) | {"record_name": self.record_name, "cname": self.cname}


INPUTS: Final = model_of(hints_of(Declared) | {"private_key": str, "secret_arn": Line})
"""Types of what a program gives; `config.schema` has the range of each value."""


@dataclass(frozen=True, kw_only=True)
class KeyInSes:
    """The key that SES has: since when, how SES got it, and SES's status."""

    key_set_at: AwareDatetime
    """
    When SES was last sent the key, by SES's own clock.

    If no Put was needed: when a run saw that SES has to find the record again.
    """
    key_set_by: str
    """CREATED, PUT or TAKEN_OVER."""
    signing_since: AwareDatetime
    """When the key took the place of another one; sending the same key again does not change it."""
    status: str
    """SES's DKIM status, or GONE."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The outputs of an identity: an echo of its inputs, and what became of them."""

    declared: Declared
    instance: str
    """A random value, which tells the two halves of a replacement from each other."""
    key: KeyInSes | None = None
    """None while awaiting DNS: no run knows that SES has the identity."""
    other_owner: str | None = None
    """
    Whose it is by its tags in SES, in words; empty if it has no owner tag; None while it is ours.
    """
    origin: str = ""
    signing_enabled: bool = False
    signing_selector: str | None = None
    """What SES said it signs with; None if it did not say."""
    error_type: str = ""
    was_verified: bool = False
    """
    A refresh saw that SES has verified this key since it was set, whatever *status* is by now.
    """
    mail_from_status: str | None = None
    """
    What SES said of the declared MAIL FROM domain. OTHER_MAIL_FROM if SES has another setting; None
    if none is declared, or SES has no identity yet.
    """
    signed_until: Mapping[int, AwareDatetime] = field(default_factory=dict)
    """By generation, when each earlier one last signed."""
    slots_before: Mapping[str, str] = field(default_factory=dict)
    """
    By selector of a slot, the marks (`dkim.records.mark`) of the keys that it had before, with
    spaces between.
    """

    @property
    def status(self) -> str:
        """SES's DKIM status, AWAITING_DNS or GONE."""
        return self.key.status if self.key else AWAITING_DNS

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any]) -> Stored:
        """
        The value that `to_outputs` wrote, in this version or an older one; raises
        `InvalidSettings`.
        """
        key = None
        set_at = outputs.get("key_set_at")
        if set_at is not None:
            defaults = {"key_set_by": "", "signing_since": set_at}
            key = read(KeyInSes, defaults | without_none(outputs))
        return read(cls, {**outputs, "declared": Declared.from_outputs(outputs), "key": key})

    def to_outputs(self) -> dict[str, Any]:
        """Plain values, as Pulumi stores them: times as text, absent for None."""
        own = written(self) | {"status": self.status, "adopted": self.declared.adopt}
        return (
            self.declared.to_properties()
            | without_none(own)
            | (written(self.key) if self.key else {})
        )
