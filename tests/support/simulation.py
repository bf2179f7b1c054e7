"""
What the simulated lives of a domain share: what its program declares, a process of the plugin,
keys.

Continuity and the fault matrix put their own SES, DNS and trouble around it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations, keys
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.errors import AwsRefused
from byodkim_provider.identity.run import Run, Services
from byodkim_provider.identity.state import MANUAL
from byodkim_provider.resources.inputs import (
    HostedZone,
    KeyRecord,
    comes_after,
    is_guard_needed,
    is_needed,
    key_record,
    let_stand,
    name_in_dns,
    of_guard,
    of_identity,
    of_key,
    of_supplied_key,
    of_verification,
)
from byodkim_provider.resources.record_guard_provider import RecordGuardProvider
from tests.continuity.model import Declaration, Known, Properties, Providers
from tests.support.fakes import REGION, FakeClock, FakeProgress

Record = Callable[[KeyRecord, HostedZone], Properties]
"""Inputs of the record of a key in a zone."""

ANY_KEY: Final = {"record_name": "", "record_value": "", "fingerprint": ""}

_generate, _load = (
    keys.generate,
    functools.cache(keys.load),
)  # the same keys are read thousands of times


@functools.cache
def pool(number: int) -> keys.SigningKey:
    """A short key, the same for a number at any time."""
    return _generate(keys.MIN_BITS)


ZONE_ID: Final = "Z0EXAMPLE"

STACK_ID: Final = "stack id"
"""Name of the resource that is the stack's id."""


def program(
    settings: DomainSettings, record: Record, *, zones: Sequence[HostedZone], account_id: str
) -> dict[str, Declaration]:
    """
    What a `ByodkimDomain` of *settings* and the project's one verification declare, in the engine's
    order.

    *zones* are those of `settings.dns`. Names are short: `key 2`, `record 2` or `record ses2`,
    `identity eu-west-1`.
    """
    zones = [
        replace(
            zone, from_generation=dns.from_generation, cname_zone=dns.zone if dns.cname else None
        )
        for zone, dns in zip(zones, settings.dns, strict=True)
    ]
    given = {"account_id": account_id}
    declared: dict[str, Declaration] = {STACK_ID: Declaration("stack_id", (), lambda _: {})}
    for generation in settings.published:
        if generation not in settings.keys:
            inputs = of_key(settings, generation, account_id=account_id)
            declared[f"key {generation}"] = Declaration("key", (), lambda _, inputs=inputs: inputs)
    publish = functools.partial(_publish, settings, record, zones=zones, account_id=account_id)
    later = [one for one in settings.published if comes_after(settings, one)]
    needed, awaited = [STACK_ID], []
    for generation in settings.published:
        if generation in later:
            continue
        made = publish(generation)
        for name, one in made.items():
            is_one_needed = is_guard_needed if one.kind == "guard" else is_needed
            needed += [name] if is_one_needed(settings, generation) else []
        awaited += made if settings.selector(generation) else []
        declared |= made
    identities = {
        f"identity {region}": Declaration(
            "identity",
            tuple(needed),
            functools.partial(_identity, settings, region, {"zones": zones, **given}),
            (*awaited, *(name for name, one in declared.items() if one.kind == "key")),
        )
        for region in settings.regions
        if not settings.retired
    }
    declared |= identities
    for generation in later:
        declared |= publish(generation, tuple(identities))
    return declared | verified(*identities, account_id=account_id)


def _publish(
    settings: DomainSettings,
    record: Record,
    generation: int,
    identities: tuple[str, ...] = (),
    *,
    zones: Sequence[HostedZone],
    account_id: str,
) -> dict[str, Declaration]:
    """Guard and record of a key; of a standby with a slot after *identities*."""
    made: dict[str, Declaration] = {}
    [zone] = generations.holding(zones, generation)
    given: dict[str, Any] = {"zone": zone, "account_id": account_id}
    key = functools.partial(_key, settings, generation)
    of_key: tuple[str, ...] = (f"key {generation}",) if generation not in settings.keys else ()
    if identities:
        key = functools.partial(_let_stand, settings, generation, identities)
    depends, waits = ((), (*of_key, *identities)) if identities else (of_key, ())
    in_dns = name_in_dns(settings, generation)
    if of_guard(settings, generation, key=ANY_KEY, **given):
        name = f"guard {in_dns}"
        of_this = functools.partial(_guard, settings, generation, key, given)
        made[name] = Declaration("guard", depends, of_this, waits)
        depends = (*depends, name)
    if zone.label != MANUAL:

        def inputs(known: Known) -> Properties:
            return record(key_record(settings, generation, key=key(known), **given), zone)

        made[f"record {in_dns}"] = Declaration("record", depends, inputs, waits)
    return made


def verified(*identities: str, account_id: str | None = None) -> dict[str, Declaration]:
    """The verification of *identities*."""

    def inputs(known: Known) -> Properties:
        return of_verification(
            [known[one] for one in identities],
            account_id=account_id,
            timeout_minutes=30,
            on_timeout="warn",
            retired=(),
        )

    return {"verification": Declaration("verification", identities, inputs)}


def _key(settings: DomainSettings, generation: int, known: Known) -> Properties:
    """Selector, private key and record of a generation, supplied or generated."""
    if generation in settings.keys:
        return of_supplied_key(settings, generation)
    return known[f"key {generation}"]


def _let_stand(
    settings: DomainSettings, generation: int, identities: Sequence[str], known: Known
) -> Properties:
    """The key of a standby with a slot, or the record that has to stay there for now."""
    key = known[f"key {generation}"]
    slots = [known[name].get("slots") for name in identities]
    value = let_stand(slots, settings.selector(generation), key["record_value"])
    return {**key, "record_value": value}


def _guard(
    settings: DomainSettings,
    generation: int,
    key: Callable[[Known], Properties],
    given: Mapping[str, Any],
    known: Known,
) -> Properties:
    return of_guard(settings, generation, key=key(known), **given) or {}


def _identity(
    settings: DomainSettings, region: str, given: Mapping[str, Any], known: Known
) -> Properties:
    stack_id = known[STACK_ID]["id"]
    used = [
        one for one in settings.published if one == settings.generation or settings.selector(one)
    ]
    keys = {one: _key(settings, one, known) for one in used}
    return {
        **of_identity(settings, region, keys=keys, **given),
        "owner": f"{stack_id}/{settings.name}/{region}" if isinstance(stack_id, str) else stack_id,
        "stack": "ses-byodkim/dev",
    }


class AnyRecord:
    """A record in Route 53, or one of ours: its properties tell which."""

    def __init__(self, route53: Any, ours: Any) -> None:
        self._route53, self._ours = route53, ours

    def __getattr__(self, method: str) -> Callable[..., Any]:
        # The last argument is always the record's properties.
        return lambda *given: getattr(
            self._ours if "provider" in given[-1] else self._route53, method
        )(*given)


REGIONS: Final = frozenset({REGION, "us-east-1"})


def new_run(clock: FakeClock, resolver: DnsResolver, *, checks_dns: bool = True) -> Run:
    """A run, which is a process of the plugin."""
    return Run(
        FakeProgress, clock, lambda check, _: resolver if checks_dns and check != "off" else None
    )


def process(
    record: Any,
    *,
    ses: Callable[[str], SesClient],
    names: Callable[[str], Collection[str]],
    route53: Any,
    run: Run,
) -> Providers:
    """The providers of a new process of the plugin, and *record* for the DNS provider's."""
    services = services_of(run, ses, names)
    guard = RecordGuardProvider(lambda _: services, lambda *_: route53, run=run)
    return Providers.of_a_process(record, services, guard)


def services_of(
    run: Run, ses: Callable[[str], SesClient], names: Callable[[str], Collection[str]]
) -> Services:
    """What a call may touch. Of all Regions of SES, only those that tests use are asked."""

    def listed(region: str) -> Collection[str] | None:
        try:
            return names(region)
        except AwsRefused:
            return None

    return Services(
        run, ses, names, lambda _, others: {one: listed(one) for one in REGIONS & {*others}}
    )


def replaced(generate: Callable[[int], keys.SigningKey]) -> list[tuple[object, str, object]]:
    """Object, attribute and replacement of what the providers take from their process."""
    return [(keys, "generate", generate), (keys, "load", _load)]
