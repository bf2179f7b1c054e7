"""
A generated key as a Pulumi resource: created once, in the plugin process, and never changed.

By default the key is kept in the stack's state, as a secret. With a key store it never enters
the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import ResourceProvider

from byodkim_provider.dkim.key_secret import PREFIX
from byodkim_provider.resources.other_languages import OurResource
from byodkim_provider.resources.stack_id import owner_of, stack_name


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider

    return DkimKeyProvider()


class DkimKey(OurResource, module="byodkim", name="DkimKey"):
    """
    An RSA key for one generation of a domain.

    It is kept in the stack's state, encrypted by the stack's secrets provider, or only in Secrets Manager.
    The secret is named after the resource and has its owner tag, so a replacement by `--replace` finds the
    same key again.
    """

    selector: pulumi.Output[str]
    """
    `s<yyyymmdd>-<8 hex>`, the date of creation and the first digits of the fingerprint; with `cname` that of
    the generation's slot.
    """
    private_key: pulumi.Output[str | None]
    """
    Secret: PKCS#1 DER in base64, which `openssl base64 -d -A | openssl rsa -inform DER` reads.

    None if the key is in Secrets Manager.
    """
    secret_arn: pulumi.Output[str | None]
    """ARN of the secret; None if the key is in the state."""
    fingerprint: pulumi.Output[str]
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    record_name: pulumi.Output[str]
    record_value: pulumi.Output[str]
    created_at: pulumi.Output[str]
    """ISO 8601, UTC."""

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*inputs* are made by `inputs.of_key`; *name* is unique in the stack."""
        of_secret = {}
        if "key_store" in inputs:
            of_secret = {"secret_name": f"{PREFIX}{stack_name()}/{name}", "owner": owner_of(name)}
        super().__init__(
            load_v1,
            name,
            {**dict.fromkeys(type(self).__annotations__), **inputs, **of_secret},
            pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
            ),
        )
