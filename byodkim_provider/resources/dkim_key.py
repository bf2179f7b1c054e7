"""
A generated key as a Pulumi resource: created once, in the plugin process, and never changed.

By default the key is kept in the stack's state, as a secret. With a key store it never enters
the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from byodkim_provider.dkim.key_secret import MAX_RECOVERY_DAYS, PREFIX
from byodkim_provider.dkim.keys import MAX_BITS
from byodkim_provider.resources._in_plugin import InPluginProcess
from byodkim_provider.resources.stack_id import owner_of, stack_name


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider

    return DkimKeyProvider()


@dataclass(kw_only=True)
class SecretsManagerArgs:
    """Where and how a key is kept in AWS Secrets Manager."""

    region: pulumi.Input[str]
    account_id: pulumi.Input[str] | None = None
    """The AWS account of the secret; any other account is refused before anything is written."""
    kms_key_id: pulumi.Input[str] | None = None
    """Default: the account's `aws/secretsmanager`."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    resource_policy: pulumi.Input[str] | None = None
    """Resource policy of the secret, in JSON."""
    recovery_window_days: pulumi.Input[int] = MAX_RECOVERY_DAYS
    """How long the secret can be restored after the resource is deleted, 7 to 30 days."""


@dataclass(kw_only=True)
class DkimKeyArgs:
    """Inputs of a `DkimKey`."""

    domain: pulumi.Input[str]
    """The domain whose mail the key signs. A change replaces the key."""
    bits: pulumi.Input[int] = MAX_BITS
    """Length of the key, 1024 to 2048. A change does not affect an existing key."""
    key_store: SecretsManagerArgs | None = None
    """Default: the stack's state. A change does not affect an existing key."""


class DkimKey(Resource, module="byodkim", name="DkimKey"):
    """
    An RSA key for one generation of a domain.

    It is kept in the stack's state, encrypted by the stack's secrets provider; or, with
    *key_store*, only in Secrets Manager. The secret is named after the resource and has its owner tag, so a
    replacement by `--replace` finds the same key again. `get` and `pulumi import` don't work, as with any
    dynamic resource; `custom_timeouts` has no effect.
    """

    domain: pulumi.Output[str]
    bits: pulumi.Output[int]
    private_key: pulumi.Output[str | None]
    """
    Secret: PKCS#1 DER in base64, which `openssl base64 -d -A | openssl rsa -inform DER` reads.

    None if the key is in Secrets Manager.
    """
    secret_arn: pulumi.Output[str | None]
    """ARN of the secret; None if the key is in the state."""
    secret_version_id: pulumi.Output[str | None]
    """The version of the secret that this resource wrote."""
    selector: pulumi.Output[str]
    """`s<yyyymmdd>-<8 hex>`: the date of creation and the first digits of the fingerprint."""
    fingerprint: pulumi.Output[str]
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    record_name: pulumi.Output[str]
    record_value: pulumi.Output[str]
    created_at: pulumi.Output[str]
    """ISO 8601, UTC."""

    def __init__(self, name: str, args: DkimKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """*name* is unique in the stack."""
        inputs: dict[str, Any] = {"domain": args.domain, "bits": args.bits}
        if args.key_store:
            given = {option: value for option, value in vars(args.key_store).items() if value is not None}
            secret = f"{PREFIX}{stack_name()}/{name}"
            inputs |= {"key_store": given, "secret_name": secret, "owner": owner_of(name)}
        super().__init__(
            InPluginProcess(load_v1),
            name,
            dict.fromkeys(type(self).__annotations__) | inputs,
            pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
            ),
        )
