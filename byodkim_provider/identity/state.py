"""
What is declared of an identity and what is stored of it, as values and as Pulumi's plain dicts.

Property names are in users' state for ever: none is renamed, and a new one may be absent
from old state. Nothing here looks at the world or the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, Literal

from byodkim_provider import property_types
from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.generations import OVERLAP_DAYS
from byodkim_provider.property_types import moment, timestamp

__all__ = [
    "AWAITING_DNS",
    "CREATED",
    "DELEGATED",
    "GONE",
    "INPUTS",
    "MANUAL",
    "OUTPUTS",
    "PUT",
    "ROUTE53",
    "SLOW",
    "TAKEN_OVER",
    "Declared",
    "DnsCheck",
    "Stored",
    "without_none",
]

AWAITING_DNS: Final = "AWAITING_DNS"
"""Status of an identity whose record is not in DNS yet, so that no run knows that SES has it."""

GONE: Final = "GONE"
"""Status of an identity that SES had, and shows no more: somebody else deleted it."""

CREATED: Final = "CreateEmailIdentity"
PUT: Final = "PutEmailIdentityDkimSigningAttributes"
TAKEN_OVER: Final = "GetEmailIdentity"
"""How SES got the key: the action we called, or GetEmailIdentity if it had the key already."""

MANUAL: Final = "manual"
DELEGATED: Final = "delegate"
"""Labels of the two places (`dns_providers.Place`) where somebody has to paste something."""

SLOW: Final = "dreamhost:"
"""With what the label of a place begins whose name servers take hours to show a record (up to 6)."""

ROUTE53: Final = "route53:"
"""With what the label of a place in Route 53 begins; the zone's id follows."""

DNS_WAIT_SECONDS: Final = 120
"""How long a run waits for records: Route 53's servers have a change "within 60 seconds"."""

DnsCheck = Literal["authoritative", "recursive", "off"]

INPUTS: Final[property_types.Kinds] = {
    **dict.fromkeys(
        (
            *("domain", "region", "selector", "secret_arn", "record_value", "owner"),
            *("account_id", "configuration_set", "dns_check", "panel", "panel_zone"),
        ),
        "a single-line string",
    ),
    "private_key": "a string",
    **dict.fromkeys(("generation", "overlap_days", "dns_wait_seconds"), "a whole number"),
    **dict.fromkeys(("adopt", "accept_unsigned_window"), "true or false"),
    "published": "a list of whole numbers",
    "supplied_keys": "a map of strings keyed by generation",
    "tags": "a map of strings",
    "regions": "a list of single-line strings",
    "dns_resolvers": "a list of resolvers like '1.1.1.1', '1.1.1.1:53' or '[::1]:53'",
    "dns": "a list of single-line strings",
    "name_servers": "a map of lists of single-line strings",
}
"""Types of what a program gives."""

OUTPUTS: Final[property_types.Kinds] = {
    # Looser than the inputs: what was stored once must be read for ever.
    **{name: "a string" if kind == "a single-line string" else kind for name, kind in INPUTS.items()},
    **dict.fromkeys(
        (
            *("fingerprint", "record_name", "instance", "other_instance", "status", "origin"),
            *("signing_selector", "error_type", "key_set_by", "other_owner"),
        ),
        "a string",
    ),
    **dict.fromkeys(("signing_enabled", "adopted", "was_verified"), "true or false"),
    **dict.fromkeys(("key_set_at", "signing_since"), "a time in ISO 8601"),
    "signed_until": "a map of times keyed by generation",
    **dict.fromkeys(("dns", "dns_resolvers", "regions"), "a list of strings"),
    "name_servers": "a map of lists of strings",
}
"""Types of what is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """
    The inputs of an identity without its private key or secret, for which the fingerprint stands.

    Also the part of the outputs that echoes the inputs, so that a change is a difference
    between two of these. *selector*, *fingerprint* and *record_value* are empty in a preview
    that can't know them. Used alone, without generations, *generation* is None.
    """

    domain: str
    region: str
    selector: str
    fingerprint: str
    record_value: str
    owner: str
    account_id: str | None = None
    regions: tuple[str, ...] = ()
    """All Regions of the domain, this one too; empty if nobody said."""
    generation: int | None = None
    published: tuple[int, ...] = ()
    supplied_keys: Mapping[int, str] = field(default_factory=dict)
    """`<selector>:<fingerprint>` of the published generations whose key the user gave."""
    overlap_days: int = OVERLAP_DAYS
    configuration_set: str | None = None
    tags: Mapping[str, str] | None = None
    """None: tags are not managed."""
    adopt: bool = False
    accept_unsigned_window: bool = False
    dns_check: DnsCheck = "authoritative"
    dns_resolvers: tuple[str, ...] = ()
    dns_wait_seconds: int = DNS_WAIT_SECONDS
    dns: tuple[str, ...] = ()
    """Labels of the places where the record stands; empty if nobody said."""
    name_servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By label, as far as they are known."""
    panel: str | None = None
    """Whose panel people type the record into, and the zone that it shows."""
    panel_zone: str | None = None

    def wait_seconds(self, *, first: bool) -> int:
        """
        How long a run waits for the record: neither a person who pastes nor a host that takes hours.

        Without a delegation that is every record, with one only the delegation, so the *first*.
        """
        by_hand = {MANUAL, DELEGATED} if first else {MANUAL}
        later = all(label in by_hand or label.startswith(SLOW) for label in self.dns)
        return 0 if self.dns and later else self.dns_wait_seconds

    @property
    def is_slow(self) -> bool:
        """Whether nobody can see the record in the run that makes it."""
        return any(label == MANUAL or label.startswith(SLOW) for label in self.dns)

    @property
    def record_name(self) -> str:
        return records.record_name(self.selector, self.domain)

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> Declared:
        """The value of checked inputs, without those that a preview can't know."""
        public_key = None
        if "private_key" in inputs:
            public_key = keys.load(inputs["private_key"]).public_key_der
        elif "record_value" in inputs:
            public_key = records.public_key(inputs["record_value"])
        return cls._from(
            inputs,
            fingerprint=keys.fingerprint(public_key) if public_key else "",
            record_value=records.record_value(public_key) if public_key else "",
        )

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any]) -> Declared:
        """The value that `to_properties` wrote, in this version or an older one."""
        return cls._from(outputs, fingerprint=outputs["fingerprint"], record_value=outputs["record_value"])

    @classmethod
    def _from(cls, properties: Mapping[str, Any], *, fingerprint: str, record_value: str) -> Declared:
        generation = properties.get("generation")
        return cls(
            domain=properties["domain"],
            region=properties["region"],
            selector=properties.get("selector", ""),
            fingerprint=fingerprint,
            record_value=record_value,
            owner=properties["owner"],
            account_id=properties.get("account_id"),
            regions=tuple(properties.get("regions", ())),
            # Pulumi sends every number as a float.
            generation=None if generation is None else int(generation),
            published=tuple(int(one) for one in properties.get("published", ())),
            supplied_keys={int(g): s for g, s in properties.get("supplied_keys", {}).items()},
            overlap_days=int(properties.get("overlap_days", OVERLAP_DAYS)),
            configuration_set=properties.get("configuration_set"),
            tags=properties.get("tags"),
            adopt=properties.get("adopt", False),
            accept_unsigned_window=properties.get("accept_unsigned_window", False),
            dns_check=properties.get("dns_check", "authoritative"),
            dns_resolvers=tuple(properties.get("dns_resolvers", ())),
            dns_wait_seconds=int(properties.get("dns_wait_seconds", DNS_WAIT_SECONDS)),
            dns=tuple(properties.get("dns", ())),
            name_servers={label: tuple(names) for label, names in properties.get("name_servers", {}).items()},
            panel=properties.get("panel"),
            panel_zone=properties.get("panel_zone"),
        )

    def to_properties(self) -> dict[str, Any]:
        """Plain values, as Pulumi stores them; absent for None."""
        return without_none(
            {name.name: getattr(self, name.name) for name in fields(self)}
            | {
                "record_name": self.record_name,
                "regions": list(self.regions),
                "published": list(self.published),
                "supplied_keys": {str(g): s for g, s in self.supplied_keys.items()},
                "dns_resolvers": list(self.dns_resolvers),
                "dns": list(self.dns),
                "name_servers": {label: list(names) for label, names in self.name_servers.items()},
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The outputs of an identity: an echo of its inputs, and what became of them."""

    declared: Declared
    instance: str
    """A random value that the identity carries as a tag: only who knows it may delete it."""
    status: str
    """SES's DKIM status, AWAITING_DNS or GONE."""
    other_instance: str = ""
    """What SES said instead, with the right owner: a replacement that state never heard the end of."""
    other_owner: str | None = None
    """Whose owner tag SES said it carries instead of ours, empty for none; None while it is ours."""
    origin: str = ""
    signing_enabled: bool = False
    signing_selector: str | None = None
    """What SES said it signs with; None if it did not say."""
    error_type: str = ""
    was_verified: bool = False
    """A refresh saw that SES has verified this key since it was set, whatever *status* is by now."""
    key_set_at: datetime | None = None
    """
    When SES was last sent a key, by SES's own clock; None while awaiting DNS.

    Or when it was seen, without another Put, that SES has to find the record again.
    """
    key_set_by: str = ""
    """CREATED, PUT or TAKEN_OVER."""
    adopted: bool = False
    """Somebody else's before: it stays in SES when the resource goes."""
    signing_since: datetime | None = None
    signed_until: Mapping[int, datetime] = field(default_factory=dict)
    """When each generation that signed before signed last."""

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Any]) -> Stored:
        """The value that `to_outputs` wrote, in this version or an older one; raises `InvalidSettings`."""
        required = ("domain", "region", "owner", "fingerprint", "record_value", "instance", "status")
        property_types.refuse_state(outputs, OUTPUTS, required=required)
        return cls(
            declared=Declared.from_outputs(outputs),
            instance=outputs["instance"],
            other_instance=outputs.get("other_instance", ""),
            other_owner=outputs.get("other_owner"),
            status=outputs["status"],
            origin=outputs.get("origin", ""),
            signing_enabled=outputs.get("signing_enabled", False),
            signing_selector=outputs.get("signing_selector"),
            error_type=outputs.get("error_type", ""),
            was_verified=outputs.get("was_verified", False),
            key_set_at=moment(outputs["key_set_at"]) if "key_set_at" in outputs else None,
            key_set_by=outputs.get("key_set_by", ""),
            adopted=outputs.get("adopted", False),
            signing_since=moment(outputs["signing_since"]) if "signing_since" in outputs else None,
            signed_until={int(g): moment(at) for g, at in outputs.get("signed_until", {}).items()},
        )

    def to_outputs(self) -> dict[str, Any]:
        """Plain values, as Pulumi stores them: times as text, absent for None."""
        return self.declared.to_properties() | without_none(
            {
                "instance": self.instance,
                "other_instance": self.other_instance or None,
                "other_owner": self.other_owner,
                "status": self.status,
                "origin": self.origin,
                "signing_enabled": self.signing_enabled,
                "signing_selector": self.signing_selector,
                "error_type": self.error_type,
                "was_verified": self.was_verified,
                "key_set_at": timestamp(self.key_set_at) if self.key_set_at else None,
                "key_set_by": self.key_set_by,
                "adopted": self.adopted,
                "signing_since": timestamp(self.signing_since) if self.signing_since else None,
                "signed_until": {str(g): timestamp(at) for g, at in self.signed_until.items()},
            }
        )


def without_none(properties: Mapping[str, Any]) -> dict[str, Any]:
    """*properties* without those that are None."""
    # Pulumi drops None on the way to the plugin and back; so that a dict is the same on both sides.
    return {name: value for name, value in properties.items() if value is not None}
