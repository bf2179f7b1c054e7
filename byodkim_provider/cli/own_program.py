"""
Domains that a program of the user's own declares: their settings, as far as the state has them.

There is no stack file, so nothing can differ from one, and `byodkim rotate` can't edit what it does
not know: it says what to change in the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic.alias_generators import to_snake

from byodkim_provider.cli.now import DomainNow
from byodkim_provider.cli.rotation import Way, rotation
from byodkim_provider.cli.state import State
from byodkim_provider.config.schema import DnsSettings, KeyStore, Verification
from byodkim_provider.config.settings import DomainSettings, Settings
from byodkim_provider.dkim import generations
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.dns_moves import parts
from byodkim_provider.identity.state import MANUAL, ROUTE53, Declared
from byodkim_provider.messages import in_python
from byodkim_provider.messages.cli import CliProblem

_OF_AN_IDENTITY: Final = (
    *("generation", "published", "overlap_days", "configuration_set", "tags", "adopt"),
    *("dns_check", "dns_resolvers", "dns_wait_seconds"),
)
"""Settings that an identity stores under their own names."""


def settings_in_state(state: State) -> Settings:
    """The settings of every domain in *state*; what is not stored there has its default."""
    names = sorted({*state.identities, *state.records})
    return Settings(tuple(_domain(name, state) for name in names), Verification())


def to_edit(way: Way, settings: Settings, chosen: Sequence[str], state: State, now: datetime) -> str:
    """The arguments of each domain in the program for the step *way*; raises as `rotation` does."""
    domains = {domain.name: domain for domain in settings.domains}
    said = []
    for name in chosen:
        stored = state.identities.get(name, ())
        if any(one.declared.generation is None for one in stored):
            raise InvalidSettings(CliProblem.NO_GENERATIONS(domain=name))
        supplied = {generation for one in stored for generation in one.declared.supplied_keys} or None
        domain = domains[name]
        written: dict[str, Any] = {}
        if domain.published != generations.published(domain.generation, supplied):
            written["published"] = domain.published
        if domain.overlap_days == 0:  # it was for the step before, and does not hold for this one
            written["overlapDays"] = 0
            domain = domain.model_copy(update={"overlap_days": generations.OVERLAP_DAYS})
        step = rotation(way, domain, stored, written=written, supplied=supplied, now=now)
        name_of, sign = (str, ": ") if state.of_plugin else (to_snake, "=")
        changes = {name_of(key): value for key, value in step.changes.items()}
        given = ", ".join(f"{key}{sign}{value}" for key, value in changes.items() if value is not None)
        gone = [key for key, value in step.changes.items() if value is None and key in written]
        left_out = "".join(f", without `{name_of(key)}`" for key in gone)
        said.append(f"{name}: `{given}`{left_out}")
    return "; ".join(said)


def in_arguments(now: DomainNow) -> DomainNow:
    """*now* with each setting that it names as an argument of the program."""
    return replace(
        now,
        wrong=tuple(map(in_python, now.wrong)),
        due=tuple(map(in_python, now.due)),
        notes=tuple(map(in_python, now.notes)),
        identities=tuple(replace(one, problem=in_python(one.problem)) for one in now.identities),
        records=tuple(replace(one, fix=in_python(one.fix)) for one in now.records),
    )


def _domain(name: str, state: State) -> DomainSettings:
    stored = state.identities.get(name, ())
    records = state.records.get(name, ())
    known: dict[str, Any] = {
        "generation": next((one.generation for one in records if one.role == "signing"), None),
        "published": tuple(one.generation for one in records),
        "retired": not stored,
    }
    if stored:
        declared = stored[0].declared
        known |= {field: getattr(declared, field) for field in _OF_AN_IDENTITY}
        known |= {"dns": tuple(_dns(declared, state)) or (DnsSettings(),)}
    kms_keys = [kms_key for arn, kms_key in state.secrets.items() if f"/{name}/" in arn]
    if kms_keys:
        known["key_store"] = KeyStore(provider="secretsManager", kms_key_id=kms_keys[0])
    regions = tuple(one.declared.region for one in stored)
    return DomainSettings.model_construct(**known, name=name, regions=regions, keys={}, warnings=())


def _dns(declared: Declared, state: State) -> list[DnsSettings]:
    """Where the records are; of another provider than Route 53 nothing more has to be known."""
    listed: list[DnsSettings] = []
    latest: list[DnsSettings] = []
    for generation in declared.published or (1,):
        places = [_place(place, declared, state) for place in declared.places_of(generation)]
        if places != latest:
            begins = {"from_generation": generation if listed else 1}
            listed += [one.model_copy(update=begins) for one in places]
            latest = places
    return listed


def _place(place: str, declared: Declared, state: State) -> DnsSettings:
    label, name = parts(place)
    zone = _zone(label, declared, state)
    selector, _, there = name.partition(f"._domainkey.{declared.domain}.")
    return zone.model_copy(update={"cname": selector[:-1], "zone": there}) if there else zone


def _zone(label: str, declared: Declared, state: State) -> DnsSettings:
    if label.startswith(ROUTE53):
        zone_id = label.removeprefix(ROUTE53)
        return DnsSettings(zone_id=zone_id, assume_role=state.roles.get(zone_id))
    if label == MANUAL:
        return DnsSettings(provider=MANUAL, panel=declared.panel, zone=declared.panel_zone)
    provider: Any = label.partition(":")[0]  # perhaps one of the user's own
    return DnsSettings.model_construct(provider=provider)
