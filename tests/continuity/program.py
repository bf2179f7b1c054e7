"""
What the program declares of one domain: the resources of a `ByodkimDomain`, for the engine's model.

Names are short, `key 2` or `identity eu-west-1`. What depends on what is as in `domain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import keys
from tests.continuity.model import Declaration, Known, Properties

__all__ = ["program"]


def program(settings: DomainSettings) -> dict[str, Declaration]:
    """
    What a `ByodkimDomain` of *settings* declares, by resource name, in the engine's order.

    An identity depends on the record it signs with and on no other.
    """
    domain = settings.name
    declared: dict[str, Declaration] = {}
    for generation in settings.published:
        key = f"key {generation}"
        declared[key] = Declaration("key", (), partial(_key_inputs, domain))
        declared[f"record {generation}"] = Declaration("record", (key,), partial(_record_inputs, key))
    signing = f"key {settings.generation}"
    identities = tuple(f"identity {region}" for region in settings.regions)
    for region, name in zip(settings.regions, identities, strict=True):
        inputs = partial(_identity_inputs, settings, region, signing)
        declared[name] = Declaration("identity", (signing, f"record {settings.generation}"), inputs)
    declared["verification"] = Declaration(
        "verification", identities, partial(_verification_inputs, identities)
    )
    return declared


def _key_inputs(domain: str, _known: Known) -> Properties:
    return {"domain": domain, "bits": keys.MIN_BITS}


def _record_inputs(key: str, known: Known) -> Properties:
    return {"name": known[key]["record_name"], "value": known[key]["record_value"]}


def _identity_inputs(settings: DomainSettings, region: str, key: str, known: Known) -> Properties:
    return {
        "domain": settings.name,
        "region": region,
        "selector": known[key]["selector"],
        "private_key": known[key]["private_key"],
        "regions": sorted(settings.regions),
        "generation": settings.generation,
        "published": settings.published,
        "overlap_days": settings.overlap_days,
        "dns_check": settings.dns_check,
        "dns_wait_seconds": settings.dns_wait_seconds,
        "owner": f"ses-byodkim/dev/{settings.name}/{region}",
    }


def _verification_inputs(identities: Sequence[str], known: Known) -> Properties:
    told = (
        *(
            "domain",
            "region",
            "selector",
            "key_set_at",
            "key_set_by",
            "published",
            "record_value",
            "dns_check",
        ),
    )
    return {
        "identities": [{name: known[identity].get(name) for name in told} for identity in identities],
        "timeout_minutes": 30,
        "on_timeout": "warn",
    }
