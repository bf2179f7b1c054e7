"""
The inputs of a domain's resources, from its settings.

No Pulumi here. A value that another resource makes is handed on as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations, records
from byodkim_provider.hosts.interface import Existing, HostSettings
from byodkim_provider.hosts.zones import Zone
from byodkim_provider.identity.state import INPUTS
from byodkim_provider.property_types import without_none

if TYPE_CHECKING:
    import pulumi

Inputs = dict[str, Any]

_ADDED_LATER: Final = {"owner", "stack", "fingerprint"}
"""Inputs of an identity that `declared.ByodkimIdentity` adds, and what follows from the key."""

VERIFIED: Final = (
    *("domain", "region", "selector", "key_set_at", "key_set_by", "adopted"),
    *("record_value", "dns_check", "dns_resolvers", "cname"),
)
"""Outputs of an identity that are inputs of its verification."""


@dataclass(frozen=True, kw_only=True)
class TxtRecord:
    """The TXT record of a generation's key in one zone."""

    domain: str
    generation: int
    zone: Zone
    name: pulumi.Input[str]
    """
    `<selector>._domainkey.<domain>`, without a final dot; of a slot, with the zone's name behind.
    """
    value: pulumi.Input[str]
    """Not quoted. It may be longer than 255 octets: the provider splits it into strings."""
    existing: Existing = "replace"
    """What to do with an existing record of that name."""
    before: pulumi.Input[Collection[str]] = ()
    """Of a free slot: marks (`dkim.records.mark`) of the keys that the stack had there."""


def zone_of(dns: DnsSettings, *, id: str = "", name: str = "") -> Zone:
    """The zone of *dns*, an entry of the domain's `dns` list: *id* or *name* tell which."""
    return Zone(
        provider=dns.provider,
        id=id,
        name=name,
        cname=dns.cname,
        from_generation=dns.from_generation,
        role=dns.assume_role,
        external_id=dns.external_id,
        panel=dns.panel,
    )


def of_key(settings: DomainSettings, generation: int, *, account_id: Any) -> Inputs:
    """Of a generated key. Without `key_store` it is kept in the state."""
    store = settings.key_store
    in_store = {
        "region": settings.regions[0],
        "account_id": account_id,
        "kms_key_id": store.kms_key_id,
    }
    return without_none(
        {
            "domain": settings.name,
            "bits": settings.key_bits,
            "selector": settings.selector(generation),
            "key_store": None if store.provider == "state" else without_none(in_store),
        }
    )


def of_supplied_key(settings: DomainSettings, generation: int) -> Inputs:
    """What a `DkimKey` has as outputs, of a key that the user gave."""
    supplied = settings.keys[generation]
    key = supplied.signing_key
    return {
        "selector": supplied.selector,
        "private_key": key.pkcs1_base64(),
        "record_name": records.record_name(supplied.selector, settings.name),
        "record_value": records.record_value(key.public_key_der),
    }


def name_in_dns(settings: DomainSettings, generation: int) -> str:
    """
    The part of a record's name in the stack that stands for its name in DNS.

    It is another one for another key of the same generation, so the engine deletes the old record
    at the end, if the identity has not refused the change.
    """
    if generation in settings.keys:
        return f"{settings.keys[generation].selector}._domainkey"
    return settings.selector(generation) or f"key{generation}"


def name_before(settings: DomainSettings, generation: int) -> str:
    """
    That part in a stack of an earlier commit: the slot, or the generation.

    It goes with the first release.
    """
    return settings.selector(generation) or str(generation)


def txt_record(
    settings: DomainSettings,
    generation: int,
    zone: Zone,
    *,
    key: Mapping[str, Any],
    before: pulumi.Input[Collection[str]] = (),
) -> TxtRecord:
    """The record of a generation's key in *zone*."""
    # A generated selector is unique: an existing record is ours, from a response that was lost.
    existing: Existing = "same key" if generation in settings.keys else "replace"
    if zone.cname:
        existing = "free slot" if takes_a_slot(settings, generation) else "slot"
    return TxtRecord(
        domain=settings.name,
        generation=generation,
        zone=zone,
        name=zone.slot_name(generation, settings.name) or key["record_name"],
        value=key["record_value"],
        existing=existing,
        before=before,
    )


def takes_a_slot(settings: DomainSettings, generation: int) -> bool:
    """
    Whether the record of *generation* may take the place of another key: of a standby with a slot.

    It waits for the identities, which alone know when that key last signed. A domain that is
    retired keeps its records.
    """
    is_standby = generation > settings.generation and not settings.retired
    return is_standby and settings.selector(generation) is not None


_OF_HOST: Final = {"credentials", *(field.name for field in fields(HostSettings))}


def of_record(dns: DnsSettings, record: TxtRecord) -> Inputs:
    """Of a record at a host with an API, as *dns* says how its zone is reached."""
    of_host = dns.model_dump(include=_OF_HOST, exclude_unset=True, exclude_none=True)
    of_key = {"name": record.name, "value": record.value, "existing": record.existing}
    return {**of_host, "zone": record.zone.name, **of_key}


def of_identity(
    settings: DomainSettings,
    region: str,
    *,
    key: Mapping[str, Any],
    selectors: Any,
    slots: Any,
    zones: Sequence[Zone],
    mail_from_published: bool,
    account_id: Any,
) -> Inputs:
    """
    Of the identity in *region*, which signs with *key*.

    *selectors* lists those of all published generations; *slots* are the values of those that have
    a slot, by selector.
    """
    holding: list[Zone] = []
    for generation in settings.published:
        holding += generations.holding(zones, generation)
    given: Inputs = {
        "domain": settings.name,
        "regions": sorted(settings.regions),
        "account_id": account_id,
        "region": region,
        **{
            name: key.get(name)
            for name in ("selector", "private_key", "secret_arn", "record_value")
        },
        "generation": settings.generation,
        "published": settings.published,
        "supplied_keys": {
            str(generation): f"{supplied.selector}:{supplied.signing_key.fingerprint}"
            for generation, supplied in settings.keys.items()
            if generation in settings.published
        },
        "zones": [zone for zone in zones if zone in holding],
        "mail_from_domain": settings.mail_from_domains.get(region),
        "mail_from_published": mail_from_published or None,
        "on_mx_failure": settings.mail_from.on_mx_failure if settings.mail_from else None,
        "selectors": selectors,
        "slots": slots,
    }
    # Such as `adopt`, `tags` and `dns_check`: the inputs that have the name of a setting.
    of_settings = INPUTS.model_fields.keys() - given.keys() - _ADDED_LATER
    return {**given, **{name: getattr(settings, name) for name in sorted(of_settings)}}


def let_stand(slots: Sequence[Any], selector: str | None, declared: Any) -> Any:
    """
    The value of a slot: *declared*, or one that has to stay for now.

    *slots* are the identities' outputs of that name: None without any, and in a preview perhaps
    unknown.
    """
    known = [{} if one is None else one for one in slots]
    values = [one.get(selector, declared) if isinstance(one, Mapping) else one for one in known]
    return next((one for one in values if one != declared), declared)
