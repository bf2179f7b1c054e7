"""
The identities and records of a stack's domains, from its state.

Reads the output of `pulumi stack export`; nothing is decrypted. The settings of a domain are those
of the last run, whatever a stack file says by now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from byodkim_provider import property_types, times
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.config.settings import DomainSettings, from_stored
from byodkim_provider.dkim.generations import Role
from byodkim_provider.dkim.records import split_name
from byodkim_provider.identity.state import (
    Stored,
)
from byodkim_provider.identity.verdicts import Entry, Verdict

PYTHON: Final = "pulumi-python:dynamic/byodkim:"
PLUGIN: Final = "byodkim:index:"
"""How the types of our resources begin, by what declares them."""

IDENTITY: Final = f"{PYTHON}ByodkimIdentity"
DOMAIN: Final = "byodkim:index:ByodkimDomain"
DOMAIN_OF_PLUGIN: Final = f"{PLUGIN}Domain"
STACK_ID: Final = f"{PYTHON}StackId"
KEY: Final = f"{PYTHON}DkimKey"
VERIFICATION: Final = f"{PYTHON}DkimVerification"
AWS_RECORD: Final = "aws:route53/record:Record"
"""Type tokens of the resources that are read."""

RECORD: Final = property_types.model_of({"generation": int, "role": str, "name": str, "value": str})
SECRET: Final = property_types.model_of({"secret_arn": str, "key_store": Mapping[str, Any]})
"""Types of the properties that are read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeclaredRecord:
    """
    A TXT record that the stack declares; *generation* is None for an identity without generations.
    """

    generation: int | None
    role: Role
    name: str
    value: str

    @property
    def domain(self) -> str:
        return split_name(self.name)[1]


@dataclass(frozen=True, slots=True)
class State:
    """The resources in the state, by domain."""

    settings: Mapping[str, DomainSettings]
    """Those of the last run; not of an identity that a program uses alone."""
    identities: Mapping[str, tuple[Stored, ...]]
    """Sorted by Region."""
    records: Mapping[str, tuple[DeclaredRecord, ...]]
    """Oldest generation first."""
    judged: frozenset[str]
    """Domains that the last verification of the stack was about."""
    verified: frozenset[Entry]
    """Identities that a run of Pulumi found verified."""
    retired_at: Mapping[str, datetime]
    """By domain, when a run first had it as retired."""
    secrets: Mapping[str, str | None]
    """ARNs of the secrets that hold keys, and the KMS key of each, if one was named."""
    mail_from: frozenset[str]
    """MAIL FROM domains that were set."""
    mail_from_zones: Mapping[str, str]
    """IDs of the zones in Route 53 with their records, by MAIL FROM domain."""
    stack_id: str | None
    """With which the owner tags of the stack begin; None before the first `pulumi up`."""


def read_state(export: str) -> State:
    """The state in *export*, the JSON of `pulumi stack export`."""
    resources: dict[str, list[Mapping[str, Any]]] = {}
    for resource in json.loads(export)["deployment"].get("resources", ()):
        if not resource.get("delete"):  # the old half of an unfinished replacement
            # The type in a program in Python, where that of the domain, a component, has no prefix.
            is_domain = resource["type"] in (DOMAIN, DOMAIN_OF_PLUGIN)
            kind = DOMAIN if is_domain else resource["type"].replace(PLUGIN, PYTHON)
            resources.setdefault(kind, []).append(resource)

    def outputs(kind: str) -> list[Mapping[str, Any]]:
        return [one.get("outputs", {}) for one in resources.get(kind, ())]

    identities = [Stored.from_outputs(one["outputs"]) for one in resources.get(IDENTITY, ())]
    values = {
        (one.get("parent"), one.get("urn", "").rpartition("/")[2]): one["outputs"]["record_value"]
        for one in resources.get(KEY, ())
        if "record_value" in one.get("outputs", {})
    }
    records = {
        record.name: record for one in resources.get(DOMAIN, ()) for record in _records(one, values)
    }
    for declared in (one.declared for one in identities):
        # The record of an identity that is used alone is declared nowhere else.
        own = DeclaredRecord(
            declared.generation, "signing", declared.record_name, declared.record_value
        )
        records.setdefault(own.name, own)
    verdicts = [
        Verdict.from_properties(one)
        for made in outputs(VERIFICATION)
        for one in made.get("results", ())
    ]
    settings = [from_stored(made["settings"]) for made in outputs(DOMAIN) if "settings" in made]
    return State(
        settings={one.name: one for one in settings},
        identities=_grouped(
            (one.declared.domain, one)
            for one in sorted(identities, key=lambda i: i.declared.region)
        ),
        records=_grouped(
            (one.domain, one) for one in sorted(records.values(), key=lambda r: r.generation or 0)
        ),
        judged=frozenset(one.entry.domain for one in verdicts),
        verified=frozenset(one.entry for one in verdicts if one.verified),
        retired_at={
            domain: times.moment(text)
            for made in outputs(VERIFICATION)
            for domain, text in made.get("retired_at", {}).items()
        },
        stack_id=next((one["id"] for one in resources.get(STACK_ID, ())), None),
        mail_from=frozenset(
            one.declared.mail_from_domain for one in identities if one.declared.mail_from_domain
        ),
        mail_from_zones={
            one["name"]: one["zoneId"] for one in outputs(AWS_RECORD) if one.get("type") == "MX"
        },
        secrets=dict(_secret(made) for made in outputs(KEY) if "secret_arn" in made),
    )


def _records(
    domain: Mapping[str, Any], values: Mapping[tuple[Any, str], str]
) -> Iterable[DeclaredRecord]:
    """The records of *domain*; *values* are those of generated keys, by their domain and number."""
    for one in domain.get("outputs", {}).get("records", ()):
        if not split_name(str(one.get("name")))[1]:
            continue  # not known to a run with `--target` that left this record out
        property_types.refuse_state(
            property_types.problems(one, RECORD, required=RECORD.model_fields.keys() - {"value"})
        )
        generation = int(one["generation"])
        value = one.get("value") or values.get((domain.get("urn"), str(generation)))
        if value:
            yield DeclaredRecord(generation, one["role"], one["name"], value)


def _secret(outputs: Mapping[str, Any]) -> tuple[str, str | None]:
    property_types.refuse_state(
        property_types.problems(outputs, SECRET, required=SECRET.model_fields)
    )
    return outputs["secret_arn"], outputs["key_store"].get("kms_key_id")


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for name, one in pairs:
        groups.setdefault(name, []).append(one)
    return {name: tuple(group) for name, group in groups.items()}


_OF_AN_IDENTITY: Final = (
    *("generation", "published", "overlap_days", "configuration_set", "tags", "adopt"),
    *("dns_check", "dns_resolvers", "dns_wait_seconds"),
)
"""Settings that an identity stores under their own names."""


def alone(name: str, identities: Sequence[Stored]) -> DomainSettings:
    """The settings of *identities* that a program uses alone, without the component of a domain."""
    values: dict[str, Any] = {"generation": None, "published": ()}
    for declared in (identity.declared for identity in identities[:1]):
        values = {field: getattr(declared, field) for field in _OF_AN_IDENTITY}
        given: list[Any] = [(zone.provider, zone.panel) for zone in declared.signing_zones]
        dns = [DnsSettings.model_construct(provider=one, panel=panel) for one, panel in given]
        values |= {"dns": tuple(dns)} if dns else {}
    regions = tuple(identity.declared.region for identity in identities)
    return DomainSettings.model_construct(
        **values, name=name, regions=regions, keys={}, warnings=()
    )
