"""
The domains of a stack with their identities and records, from its state.

Reads the output of `pulumi stack export`; nothing is decrypted. The settings of a domain are those
of the last run, whatever a stack file says by now.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from byodkim_provider import times
from byodkim_provider.config.settings import DomainSettings, from_stored
from byodkim_provider.dkim.generations import Role
from byodkim_provider.dkim.records import split_name
from byodkim_provider.identity.state import Stored
from byodkim_provider.identity.verdicts import Entry, Verdict
from byodkim_provider.property_types import Whole, read


@dataclass(frozen=True)
class DeclaredRecord:
    """A TXT record that the stack declares."""

    generation: Whole
    role: Role
    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A domain, as the state has it."""

    name: str
    settings: DomainSettings
    """Those of the last run; of `Stack.planned`, those of the configuration."""
    identities: tuple[Stored, ...] = ()
    """Sorted by Region."""
    records: tuple[DeclaredRecord, ...] = ()
    """Oldest generation first."""
    retired_at: datetime | None = None
    """When a run first had it as retired."""

    @property
    def standing(self) -> set[int]:
        """Generations that the last run has published."""
        return {number for identity in self.identities for number in identity.declared.published}

    @property
    def is_finished(self) -> bool:
        """Whether SES has, in every Region, the key of the generation that is to sign."""
        wanted = self.settings.generation
        signing = [one.key and one.declared.generation == wanted for one in self.identities]
        return bool(signing) and all(signing)

    @property
    def signed_until(self) -> Mapping[int, datetime]:
        """When each generation last signed, in any Region, as far as is known."""
        until: dict[int, datetime] = {}
        for identity in self.identities:
            declared = identity.declared
            for generation, last in identity.signed_until.items():
                # An adopted identity is stored as if every key had signed until then: nobody knows
                # of its standby.
                if not declared.adopt or generation <= declared.generation:
                    until[generation] = max(last, until.get(generation, last))
        return until

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions in which an identity is wanted."""
        return () if self.settings.retired else tuple(self.settings.regions)


@dataclass(frozen=True, kw_only=True)
class State:
    """What the commands read of a stack's state."""

    domains: Mapping[str, Domain]
    """Sorted by name."""
    verified: frozenset[Entry]
    """Identities that a run of Pulumi found verified."""
    secrets: frozenset[str]
    """ARNs of the secrets that hold keys."""
    mail_from: frozenset[str]
    """MAIL FROM domains whose records are in Route 53."""
    zones: frozenset[str]
    """IDs of the zones in Route 53 that have records of the stack."""
    stack_id: str | None
    """With which the owner tags of the stack begin; None before the first `pulumi up`."""


def read_state(export: str) -> State:
    """
    The state in *export*, the JSON of `pulumi stack export`.

    Raises `ValueError`, `KeyError`, `TypeError` or `AttributeError` for anything else.
    """
    resources = by_type(export)
    keys = resources["DkimKey"]
    # The value of a generated key's record is with its key. Two keys may have one slot.
    values = {
        (key["parent"], key["urn"].rpartition("/")[2]): key.get("record_value") for key in keys
    }
    settings = {}
    records: dict[str, dict[str, DeclaredRecord]] = defaultdict(dict)
    for outputs in resources["Domain"]:
        if "settings" in outputs:
            stored_settings = from_stored(outputs["settings"])
            settings[stored_settings.name] = stored_settings
        for record in outputs.get("records", ()):
            name = record.get("name", "")
            value = record.get("value") or values.get((outputs["urn"], str(record["generation"])))
            domain = split_name(name)[1]
            # A run with `--target` that left this record out does not know its name.
            if domain and value:
                records[domain][name] = read(DeclaredRecord, {**record, "value": value})
    identities: dict[str, list[Stored]] = defaultdict(list)
    for outputs in resources["Identity"]:
        stored = Stored.from_outputs(outputs)
        declared = stored.declared
        identities[declared.domain].append(stored)
        # A run that was killed has stored it, and not the domain with its records.
        own = DeclaredRecord(
            declared.generation, "signing", declared.record_name, declared.record_value
        )
        records[declared.domain].setdefault(own.name, own)
    retired_at: dict[str, datetime] = {}
    verdicts: list[Verdict] = []
    for outputs in resources["DkimVerification"]:
        verdicts += map(Verdict.from_properties, outputs.get("results", ()))
        for name, text in outputs.get("retired_at", {}).items():
            retired_at[name] = times.moment(text)
    domains = {}
    for name in sorted({*settings, *identities}):
        listed = sorted(identities[name], key=lambda stored: stored.declared.region)
        domains[name] = Domain(
            name=name,
            settings=settings.get(name) or _of_identities(listed),
            identities=tuple(listed),
            records=tuple(sorted(records[name].values(), key=lambda r: r.generation)),
            retired_at=retired_at.get(name),
        )
    in_route53 = resources["aws:route53/record:Record"]
    return State(
        domains=domains,
        verified=frozenset(verdict.entry for verdict in verdicts if verdict.verified),
        secrets=frozenset(key["secret_arn"] for key in keys if "secret_arn" in key),
        mail_from=frozenset(one["name"] for one in in_route53 if one["type"] == "MX"),
        # A program's own record may have a secret in its place.
        zones=frozenset(one["zoneId"] for one in in_route53 if isinstance(one["zoneId"], str)),
        stack_id=next((outputs["id"] for outputs in resources["StackId"]), None),
    )


def by_type(export: str) -> Mapping[str, list[Mapping[str, Any]]]:
    """
    The outputs of the resources in *export*, with what the engine says of each, such as its `urn`:
    of ours by the name of their type, without `Byodkim`, of others by the whole type.
    """
    resources = defaultdict(list)
    for resource in json.loads(export)["deployment"].get("resources", ()):
        if resource.get("delete"):  # the old half of an unfinished replacement
            continue
        name = resource["type"]
        for prefix in ("pulumi-python:dynamic/byodkim:", "byodkim:index:", "Byodkim"):
            name = name.removeprefix(prefix)
        resources[name].append(resource | resource.get("outputs", {}))
    return resources


def _of_identities(identities: Sequence[Stored]) -> DomainSettings:
    """The settings of *identities* whose domain no run has come to store: it was killed."""
    declared = identities[0].declared
    kept = ("generation", "published", "overlap_days", "dns_check", "dns_resolvers")
    values: dict[str, Any] = {field: getattr(declared, field) for field in kept}
    regions = tuple(stored.declared.region for stored in identities)
    return DomainSettings.model_construct(
        **values, name=declared.domain, regions=regions, dns=(), keys={}, warnings=()
    )
