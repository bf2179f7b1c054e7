"""
What the simulated lives of a domain share: what its program declares, a process of the plugin, keys.

Continuity and the fault matrix put their own SES, DNS and trouble around it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import keys, records
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.identity import verification
from byodkim_provider.identity.run import Run
from byodkim_provider.identity.services import Services
from byodkim_provider.identity.signers import SesSources
from byodkim_provider.resources.record_guard_provider import RecordGuardProvider
from tests.continuity.model import Declaration, Known, Properties, Providers
from tests.support.fakes import FakeClock, FakeProgress

Record = Callable[[DomainSettings, int, Properties], Properties]
"""Inputs of the record of a generation, from its key."""

_generate, _load = keys.generate, functools.cache(keys.load)  # the same keys are read thousands of times


@functools.cache
def pool(number: int) -> keys.SigningKey:
    """A short key, the same for a number at any time."""
    return _generate(keys.MIN_BITS)


ZONE_ID: Final = "Z0EXAMPLE"

STACK_ID: Final = "stack id"
"""Name of the resource that is the stack's id."""


def program(settings: DomainSettings, record: Record, **of_identities: object) -> dict[str, Declaration]:
    """
    What a `ByodkimDomain` of *settings* and the project's one verification declare, in the engine's order.

    Names are short, `key 2` or `identity eu-west-1`. An identity depends on the record it signs with,
    and on no other. *of_identities* are more of their inputs.
    """
    declared: dict[str, Declaration] = {}
    for generation in settings.published:
        depends: tuple[str, ...] = ()
        if generation not in settings.keys:
            depends = (f"key {generation}",)
            inputs = {"domain": settings.name, "bits": keys.MIN_BITS}
            declared[depends[0]] = Declaration("key", (), lambda _, inputs=inputs: inputs)
        if settings.dns[0].provider == "route53":
            guard = f"guard {generation}"
            declared[guard] = Declaration(
                "guard", depends, functools.partial(_guard_inputs, settings, generation)
            )
            depends = (*depends, guard)
        if settings.dns[0].provider != "manual":
            inputs = functools.partial(_record_inputs, settings, generation, record)
            declared[f"record {generation}"] = Declaration("record", depends, inputs)
    later = [one for one in settings.published if one > settings.generation]
    standbys = {f"record {one}" for one in later} | {f"guard {one}" for one in later if one in settings.keys}
    before = [name for name in declared if name.startswith(("record", "guard")) and name not in standbys]
    if not settings.retired:
        declared[STACK_ID] = Declaration("stack_id", (), lambda _: {})
    for region in () if settings.retired else settings.regions:
        declared[f"identity {region}"] = Declaration(
            "identity",
            (*before, STACK_ID),
            functools.partial(_identity_inputs, settings, region, of_identities),
        )
    return declared | verified(*(name for name, one in declared.items() if one.kind == "identity"))


def verified(*identities: str) -> dict[str, Declaration]:
    """The verification of *identities*."""
    names = (
        *("domain", "region", "selector", "key_set_at", "key_set_by"),
        *("published", "record_value", "dns_check"),
    )

    def inputs(known: Known) -> Properties:
        return {
            "identities": [{name: known[one].get(name) for name in names} for one in identities],
            "timeout_minutes": 30,
            "on_timeout": "warn",
        }

    return {"verification": Declaration("verification", identities, inputs)}


def _key_of(settings: DomainSettings, generation: int, known: Known) -> Properties:
    """Selector, private key and record of a generation, supplied or generated."""
    supplied = settings.keys.get(generation)
    if supplied is None:
        return known[f"key {generation}"]
    return {
        "selector": supplied.selector,
        "private_key": supplied.signing_key.pkcs1_base64(),
        "record_name": records.record_name(supplied.selector, settings.name),
        "record_value": records.record_value(supplied.signing_key.public_key_der),
        "fingerprint": supplied.signing_key.fingerprint,
    }


def _record_inputs(settings: DomainSettings, generation: int, record: Record, known: Known) -> Properties:
    inputs = record(settings, generation, _key_of(settings, generation, known))
    return {**inputs, **_use(settings)} if inputs.get("provider") == "rfc2136" else inputs


def _guard_inputs(settings: DomainSettings, generation: int, known: Known) -> Properties:
    key = _key_of(settings, generation, known)
    return {
        **_use(settings),
        "record_name": key["record_name"],
        "fingerprint": key["fingerprint"],
        "zones": {ZONE_ID: {}},
        **({"supplied": True} if generation in settings.keys else {}),
    }


def _use(settings: DomainSettings) -> Properties:
    """Which identities may sign with a key."""
    return {
        "domain": settings.name,
        "regions": sorted(settings.regions),
    }


def _identity_inputs(
    settings: DomainSettings, region: str, more: Mapping[str, object], known: Known
) -> Properties:
    key = _key_of(settings, settings.generation, known)
    names = (
        *("generation", "published", "overlap_days", "configuration_set", "tags", "adopt"),
        *("accept_unsigned_window", "dns_check", "dns_wait_seconds"),
    )
    return {
        "domain": settings.name,
        "region": region,
        "regions": sorted(settings.regions),
        **{name: key[name] for name in ("selector", "private_key", "record_value")},
        "supplied_keys": {
            str(generation): f"{supplied.selector}:{supplied.signing_key.fingerprint}"
            for generation, supplied in settings.keys.items()
        },
        **{name: getattr(settings, name) for name in names},
        "owner": _owner(known[STACK_ID]["id"], f"{settings.name}/{region}"),
        "stack": "ses-byodkim/dev",
        **more,
    }


def _owner(stack_id: Any, resource: str) -> Any:
    return f"{stack_id}/{resource}" if isinstance(stack_id, str) else stack_id


def new_run(clock: FakeClock, resolver: DnsResolver, *, checks_dns: bool = True) -> Run:
    """A run, which is a process of the plugin."""
    return Run(FakeProgress, clock, lambda check, _: resolver if checks_dns and check != "off" else None)


def process(
    record: Any,
    *,
    ses: Callable[[str], SesClient],
    names: Callable[[str], Collection[str]],
    route53: Any,
    run: Run,
) -> Providers:
    """The providers of a new process of the plugin, and *record* for the DNS provider's."""
    guard = RecordGuardProvider(lambda *_: route53, lambda _: SesSources(ses, names), run=run)

    def services(region: str) -> Services:
        return Services(
            ses=ses(region),
            resolver=run.resolver("authoritative", ()),
            progress=run.progress(),
            names=lambda: names(region),
            run=run,
        )

    sources = verification.Sources(
        ses=ses,
        resolver=lambda entry: run.resolver(entry.dns_check, entry.dns_resolvers),
        clock=run.clock,
        progress=run.progress(),
    )
    return Providers.of_a_process(record, services, sources, run, guard)


def replaced(generate: Callable[[int], keys.SigningKey]) -> list[tuple[object, str, object]]:
    """Object, attribute and replacement of what the providers take from their process."""
    return [
        (keys, "generate", generate),
        (keys, "load", _load),
    ]
