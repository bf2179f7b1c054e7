"""
The identities and records of a stack's domains, from its state.

Reads the output of `pulumi stack export`; nothing is decrypted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from byodkim_provider import property_types
from byodkim_provider.dkim.generations import Role
from byodkim_provider.identity.state import Stored
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
STACK: Final = "pulumi:pulumi:Stack"
AWS: Final = "pulumi:providers:aws"
AWS_RECORD: Final = "aws:route53/record:Record"
MAIL_FROM: Final = "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes"
"""Type tokens of the resources that are read."""

RECORD: Final[property_types.Kinds] = {
    "generation": property_types.WHOLE,
    **dict.fromkeys(("role", "name", "value"), property_types.STRING),
}
SECRET: Final[property_types.Kinds] = {"secret_arn": property_types.STRING, "key_store": property_types.MAP}
"""Types of the properties that are read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PublishedRecord:
    """A TXT record that the stack declares; *generation* is None for an identity without generations."""

    generation: int | None
    role: Role
    name: str
    value: str

    @property
    def domain(self) -> str:
        return self.name.partition("._domainkey.")[2]


@dataclass(frozen=True, slots=True)
class State:
    """The resources in the state, by domain."""

    identities: Mapping[str, tuple[Stored, ...]]
    """Sorted by Region."""
    records: Mapping[str, tuple[PublishedRecord, ...]]
    """Oldest generation first."""
    verified: frozenset[Entry]
    """Identities that a run of Pulumi found verified."""
    retired_at: Mapping[str, datetime]
    """By domain, when a run first had it as retired."""
    secrets: Mapping[str, str | None]
    """ARNs of the secrets that hold keys, and the KMS key of each, if one was named."""
    roles: Mapping[str, str]
    """By the id of a zone in Route 53 the ARN of the role that is assumed for its records."""
    mail_from: frozenset[str]
    """MAIL FROM domains that were set."""
    stack_id: str | None
    """With which the owner tags of the stack begin; None before the first `pulumi up`."""
    of_stack_file: bool
    """Whether the program that reads stack files has made the stack."""
    of_plugin: bool
    """Whether a program in another language has made the stack."""

    @property
    def has_domains(self) -> bool:
        return bool(self.identities or self.records)


def read_state(export: str) -> State:
    """The state in *export*, the JSON of `pulumi stack export`."""
    resources = [
        {**resource, "type": _in_python(resource["type"])}
        for resource in json.loads(export)["deployment"].get("resources", ())
        if not resource.get("delete")  # the old half of an unfinished replacement
    ]
    identities = [
        Stored.from_outputs(resource["outputs"]) for resource in resources if resource["type"] == IDENTITY
    ]
    records = {
        record.name: record
        for resource in resources
        if resource["type"] == DOMAIN
        for record in _records(resource.get("outputs", {}))
    }
    keys = [resource.get("outputs", {}) for resource in resources if resource["type"] == KEY]
    for identity in identities:  # the record of an identity that is used alone is declared nowhere else
        declared = identity.declared
        own = PublishedRecord(declared.generation, "signing", declared.record_name, declared.record_value)
        records.setdefault(own.name, own)
    return State(
        identities=_grouped(
            (one.declared.domain, one) for one in sorted(identities, key=lambda i: i.declared.region)
        ),
        records=_grouped(
            (one.domain, one) for one in sorted(records.values(), key=lambda r: r.generation or 0)
        ),
        verified=frozenset(
            verdict.entry
            for resource in resources
            if resource["type"] == VERIFICATION
            for verdict in map(Verdict.from_properties, resource.get("outputs", {}).get("results", ()))
            if verdict.verified
        ),
        retired_at={
            domain: property_types.moment(text)
            for resource in resources
            if resource["type"] == VERIFICATION
            for domain, text in resource.get("outputs", {}).get("retired_at", {}).items()
        },
        stack_id=next((resource["id"] for resource in resources if resource["type"] == STACK_ID), None),
        mail_from=frozenset(
            one.get("outputs", {}).get("mailFromDomain", "") for one in resources if one["type"] == MAIL_FROM
        ),
        secrets=dict(_secret(key) for key in keys if "secret_arn" in key),
        roles=dict(_roles(resources)),
        of_stack_file=any(
            "pending" in resource.get("outputs", {}) for resource in resources if resource["type"] == STACK
        ),
        of_plugin=f'"{DOMAIN_OF_PLUGIN}"' in export,
    )


def _in_python(kind: str) -> str:
    """The type that a resource of type *kind* has in a program in Python."""
    if kind == DOMAIN_OF_PLUGIN:
        return DOMAIN
    return kind if kind == DOMAIN else kind.replace(PLUGIN, PYTHON)


def _roles(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Zone and role of each record whose provider has assumed a role that is no secret."""
    roles = {
        f"{one['urn']}::{one['id']}": one.get("inputs", {}).get("assumeRoles")
        for one in resources
        if one["type"] == AWS
    }
    for one in resources:
        text = roles.get(one.get("provider", "")) if one["type"] == AWS_RECORD else None
        if isinstance(text, str):
            yield one["outputs"]["zoneId"], json.loads(text)[-1]["roleArn"]


def _records(outputs: Mapping[str, Any]) -> Iterable[PublishedRecord]:
    for one in outputs.get("records", ()):
        if "._domainkey." not in str(one.get("name")):
            continue  # not known to a run with `--target` that left this record out
        property_types.refuse_state(one, RECORD, required=RECORD)
        yield PublishedRecord(int(one["generation"]), one["role"], one["name"], one["value"])


def _secret(outputs: Mapping[str, Any]) -> tuple[str, str | None]:
    property_types.refuse_state(outputs, SECRET, required=SECRET)
    return outputs["secret_arn"], outputs["key_store"].get("kms_key_id")


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for name, one in pairs:
        groups.setdefault(name, []).append(one)
    return {name: tuple(group) for name, group in groups.items()}
