"""
What the simulated lives of a domain share: what its program declares, a process of the plugin,
keys.

Continuity and the fault matrix put their own SES, DNS and trouble around it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations, keys
from byodkim_provider.dkim.records import mark
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.hosts.zones import MANUAL, Zone
from byodkim_provider.identity.run import Run, Services
from byodkim_provider.property_types import plain_object
from byodkim_provider.resources.inputs import (
    VERIFIED,
    TxtRecord,
    let_stand,
    name_in_dns,
    of_identity,
    of_key,
    of_supplied_key,
    of_verification,
    takes_a_slot,
    txt_record,
)
from byodkim_provider.resources.records import problem_of, refuse_others
from tests.continuity.model import UNKNOWN, Declaration, Known, Properties, Providers
from tests.support.fakes import FakeClock, FakeProgress

Record = Callable[[TxtRecord], Properties]
"""Inputs of the record of a key in a zone."""

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
    settings: DomainSettings, record: Record, *, zones: Sequence[Zone], account_id: str
) -> dict[str, Declaration]:
    """
    What a `ByodkimDomain` of *settings* and the project's one verification declare, in the engine's
    order.

    *zones* are those of `settings.dns`. Names are short: `key 2`, `record key2` or `record ses2`,
    `identity eu-west-1`.
    """
    declared: dict[str, Declaration] = {STACK_ID: Declaration("stack_id", (), lambda _: {})}
    for generation in settings.published:
        if generation not in settings.keys:
            inputs = of_key(settings, generation, account_id=account_id)
            declared[f"key {generation}"] = Declaration("key", (), lambda _, inputs=inputs: inputs)
    keys = tuple(name for name, one in declared.items() if one.kind == "key")
    publish = functools.partial(_publish, settings, record, zones=zones)
    later = [one for one in settings.published if takes_a_slot(settings, one)]
    needed = [STACK_ID]
    for generation in settings.published:
        if generation not in later:
            made = publish(generation)
            needed += made if generation == settings.generation else ()
            declared |= made
    given = {"zones": zones, "account_id": account_id}
    identities = {
        f"identity {region}": Declaration(
            "identity",
            tuple(needed),
            functools.partial(_identity, settings, region, given),
            waits=keys,
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
    zones: Sequence[Zone],
) -> dict[str, Declaration]:
    """The record of a key; of a standby with a slot after *identities*."""
    [zone] = generations.holding(zones, generation)
    if zone.provider == MANUAL:
        return {}
    of_key: tuple[str, ...] = (f"key {generation}",) if generation not in settings.keys else ()
    depends, waits = ((), (*of_key, *identities)) if identities else (of_key, ())

    def made(known: Known) -> TxtRecord:
        key, before = _key(settings, generation, known), []
        if identities:
            selector = settings.selector(generation)
            outputs = [known[name] for name in identities]
            slots = [one.get("slots") for one in outputs]
            value = let_stand(slots, selector, key["record_value"])
            key = {**key, "record_value": value}
            marks = [one.get("slots_before") or {} for one in outputs]
            if UNKNOWN in marks:
                before = [UNKNOWN]
            else:
                before = " ".join(one.get(selector, "") for one in marks).split()
        return txt_record(settings, generation, zone, key=key, before=before)

    return {
        f"record {name_in_dns(settings, generation)}": Declaration(
            "record",
            depends,
            lambda known: record(made(known)),
            waits,
            record=made,
            stays=settings.adopt,
        )
    }


def verified(*identities: str, account_id: str | None = None) -> dict[str, Declaration]:
    """The verification of *identities*."""

    def inputs(known: Known) -> Properties:
        return of_verification(
            [{name: known[one].get(name) for name in VERIFIED} for one in identities],
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


def _identity(
    settings: DomainSettings, region: str, given: Mapping[str, Any], known: Known
) -> Properties:
    stack_id = known[STACK_ID]["id"]
    keys = {one: _key(settings, one, known) for one in settings.published}
    with_slot = [one for one in keys if settings.selector(one)]
    inputs = of_identity(
        settings,
        region,
        key=keys[settings.generation],
        selectors=[key["selector"] for key in keys.values()],
        slots={settings.selector(one): keys[one]["record_value"] for one in with_slot} or None,
        **given,
    )
    return {
        **inputs,
        "zones": [plain_object(zone) for zone in inputs["zones"]],
        "owner": f"{stack_id}/{settings.name}/{region}" if isinstance(stack_id, str) else stack_id,
        "stack": "ses-byodkim/dev",
    }


class AnyRecord:
    """A record in Route 53, or one of ours: its properties tell which."""

    def __init__(self, route53: Any, ours: Any, standing: Callable[[str], Sequence[str]]) -> None:
        """*standing* returns the values at a name in Route 53."""
        self._route53, self._ours, self._standing = route53, ours, standing

    def before_write(self, record: TxtRecord, inputs: Properties, *, is_new: bool) -> None:
        """What the hook of a record in Route 53 does."""
        if "provider" in inputs or record.existing == "replace":
            return
        name, value, before = record.name, record.value, record.before
        if not is_new and (value is UNKNOWN or UNKNOWN in before):
            return
        ours = [mark(value)] if value is not UNKNOWN else []
        ours += before if UNKNOWN not in before else ()
        refuse_others(problem_of(record.existing), name, self._standing(name), ours)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        # The last argument is always the record's properties.
        return lambda *given: getattr(
            self._ours if "provider" in given[-1] else self._route53, method
        )(*given)


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
    run: Run,
) -> Providers:
    """The providers of a new process of the plugin, and *record* for the DNS provider's."""
    return Providers.of_a_process(record, Services(run, ses, names))


def replaced(generate: Callable[[int], keys.SigningKey]) -> list[tuple[object, str, object]]:
    """Object, attribute and replacement of what the providers take from their process."""
    return [(keys, "generate", generate), (keys, "load", _load)]
