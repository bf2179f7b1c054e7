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
from byodkim_provider.dkim import keys
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.identity import verification
from byodkim_provider.identity.run import Run
from byodkim_provider.identity.services import Services
from byodkim_provider.identity.signers import SesSources
from byodkim_provider.identity.state import MANUAL
from byodkim_provider.resources.inputs import (
    HostedZone,
    is_guard_needed,
    is_needed,
    of_guard,
    of_identity,
    of_key,
    of_supplied_key,
    of_verification,
)
from byodkim_provider.resources.record_guard_provider import RecordGuardProvider
from tests.continuity.model import Declaration, Known, Properties, Providers
from tests.support.fakes import FakeClock, FakeProgress

Record = Callable[[DomainSettings, int, Callable[[Known], Properties], str, Known], Properties]
"""Inputs of the record of a generation, from its key, the account, and what is known."""

ANY_KEY: Final = {"record_name": "", "fingerprint": ""}

_generate, _load = keys.generate, functools.cache(keys.load)  # the same keys are read thousands of times


@functools.cache
def pool(number: int) -> keys.SigningKey:
    """A short key, the same for a number at any time."""
    return _generate(keys.MIN_BITS)


ZONE_ID: Final = "Z0EXAMPLE"

STACK_ID: Final = "stack id"
"""Name of the resource that is the stack's id."""


def program(
    settings: DomainSettings, record: Record, *, zone: HostedZone, account_id: str
) -> dict[str, Declaration]:
    """
    What a `ByodkimDomain` of *settings* and the project's one verification declare, in the engine's order.

    Names are short, `key 2` or `identity eu-west-1`.
    """
    given = {"account_id": account_id}
    declared: dict[str, Declaration] = {STACK_ID: Declaration("stack_id", (), lambda _: {})}
    needed: list[str] = [STACK_ID]
    for generation in settings.published:
        key = functools.partial(_key, settings, generation)
        depends: tuple[str, ...] = ()
        if generation not in settings.keys:
            depends = (f"key {generation}",)
            inputs = of_key(settings, generation, account_id=account_id)
            declared[depends[0]] = Declaration("key", (), lambda _, inputs=inputs: inputs)
        if of_guard(settings, generation, key=ANY_KEY, zone=zone, account_id=account_id):
            name = f"guard {generation}"
            of_this = functools.partial(_guard, settings, generation, {"zone": zone, **given})
            declared[name] = Declaration("guard", depends, of_this)
            depends = (*depends, name)
            if is_guard_needed(settings, generation):
                needed.append(name)
        if zone.label != MANUAL:
            name = f"record {generation}"
            declared[name] = Declaration(
                "record", depends, functools.partial(record, settings, generation, key, account_id)
            )
            if is_needed(settings, generation):
                needed.append(name)
    for region in () if settings.retired else settings.regions:
        declared[f"identity {region}"] = Declaration(
            "identity",
            tuple(needed),
            functools.partial(_identity, settings, region, {"zones": [zone], **given}),
        )
    return declared | verified(
        *(name for name, one in declared.items() if one.kind == "identity"), account_id=account_id
    )


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


def _guard(settings: DomainSettings, generation: int, given: Mapping[str, Any], known: Known) -> Properties:
    return of_guard(settings, generation, key=_key(settings, generation, known), **given) or {}


def _identity(settings: DomainSettings, region: str, given: Mapping[str, Any], known: Known) -> Properties:
    stack_id = known[STACK_ID]["id"]
    used = [one for one in settings.published if one == settings.generation or settings.selector(one)]
    keys = {one: _key(settings, one, known) for one in used}
    return {
        **of_identity(settings, region, keys=keys, **given),
        "owner": f"{stack_id}/{settings.name}/{region}" if isinstance(stack_id, str) else stack_id,
        "stack": "ses-byodkim/dev",
    }


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
    sources_of_guard = SesSources(ses, names, lambda _: {})
    guard = RecordGuardProvider(lambda *_: route53, lambda _: sources_of_guard, run=run)

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
