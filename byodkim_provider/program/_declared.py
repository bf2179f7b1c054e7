"""Builds the inputs of a key and of an identity from the settings of a domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import pulumi

from byodkim_provider.config.schema import DomainDefaults
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import records
from byodkim_provider.program.dns_provider import HostedZone
from byodkim_provider.resources.dkim_identity import ByodkimIdentityArgs
from byodkim_provider.resources.dkim_key import DkimKey, DkimKeyArgs, SecretsManagerArgs

_HANDED_ON: Final = sorted(
    ({field.name for field in fields(ByodkimIdentityArgs)} & DomainDefaults.model_fields.keys())
    - {"dns", "regions"}  # other types there: objects, and an unsorted sequence
)
"""Settings that are inputs of an identity under the same name."""


def key_of(
    generation: int,
    settings: DomainSettings,
    *,
    name: str,
    account_id: pulumi.Input[str],
    parent: pulumi.Resource,
) -> dict[str, Any]:
    """Selector, private key or its secret, and record of a generation; when it was made, if here."""
    if supplied := settings.keys.get(generation):
        key = supplied.signing_key
        return {
            "selector": supplied.selector,
            "private_key": pulumi.Output.secret(key.pkcs1_base64()),
            "record_name": records.record_name(supplied.selector, settings.name),
            "record_value": records.record_value(key.public_key_der),
            "fingerprint": key.fingerprint,
        }
    made = DkimKey(
        name,
        DkimKeyArgs(domain=settings.name, bits=settings.key_bits, key_store=_key_store(settings, account_id)),
        pulumi.ResourceOptions(parent=parent),
    )
    return {
        "selector": made.selector,
        "private_key": made.private_key,
        "secret_arn": made.secret_arn,
        "record_name": made.record_name,
        "record_value": made.record_value,
        "fingerprint": made.fingerprint,
        "created_at": made.created_at,
    }


def _key_store(settings: DomainSettings, account_id: pulumi.Input[str]) -> SecretsManagerArgs | None:
    """Where a new key is kept; None: in the state."""
    store = settings.key_store
    if store.provider == "state":
        return None
    return SecretsManagerArgs(
        region=settings.regions[0],
        account_id=account_id,
        kms_key_id=store.kms_key_id,
        tags=store.tags,
        resource_policy=store.resource_policy,
        recovery_window_days=store.recovery_window_days,
    )


def identity_args(
    settings: DomainSettings,
    *,
    region: str,
    key: Mapping[str, Any],
    account_id: pulumi.Input[str],
    zones: Sequence[HostedZone],
) -> ByodkimIdentityArgs:
    by_hand = next((zone for zone in zones if zone.panel), None)
    return ByodkimIdentityArgs(
        domain=settings.name,
        region=region,
        selector=key["selector"],
        private_key=key["private_key"],
        secret_arn=key.get("secret_arn"),
        record_value=key["record_value"],
        account_id=account_id,
        regions=sorted(settings.regions),
        generation=settings.generation,
        published=settings.published,
        supplied_keys={
            str(generation): f"{supplied.selector}:{supplied.signing_key.fingerprint}"
            for generation, supplied in settings.keys.items()
            if generation in settings.published
        },
        dns=[zone.label for zone in zones],
        name_servers={zone.label: zone.name_servers for zone in zones if zone.name_servers != ()},
        zone_roles={zone.label: zone.role_arn for zone in zones if zone.role_arn} or None,
        zone_external_ids={zone.label: zone.external_id for zone in zones if zone.external_id} or None,
        panel=by_hand.panel if by_hand else None,
        panel_zone=by_hand.panel_zone if by_hand else None,
        **{name: getattr(settings, name) for name in _HANDED_ON},
    )
