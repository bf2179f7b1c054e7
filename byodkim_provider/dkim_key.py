"""
A generated key as a Pulumi resource: made once, kept in state as a secret, never changed.

No network here; the key is made in the plugin process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime.rpc import wrap_rpc_secret

from byodkim_provider import keys, records
from byodkim_provider.identity_state import timestamp
from byodkim_provider.plugin_process import prepare_process

__all__ = ["DkimKey", "DkimKeyArgs", "DkimKeyProvider", "load_v1"]


def load_v1() -> DkimKeyProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    return DkimKeyProvider()


class DkimKeyProvider(ResourceProvider):
    """Makes the key; keeps no state."""

    serialize_as_secret_always = False  # nothing secret is captured, so `__provider` stays readable

    def __reduce__(self) -> tuple[Callable[[], DkimKeyProvider], tuple[()]]:
        return load_v1, ()

    def configure(self, req: ConfigureRequest) -> None:
        prepare_process()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        checked = dict(news)
        problems = []
        domain, bits = news.get("domain", ""), news.get("bits", keys.MAX_BITS)
        if not isinstance(domain, Unknown):
            try:
                checked["domain"] = records.normalise_domain(str(domain))
            except ValueError as error:
                problems.append(f"domain: {error}")
        if not isinstance(bits, Unknown) and (problem := _bits_problem(bits)):
            problems.append(f"bits: {problem}")
        return CheckResult(checked, [CheckFailure("", problem) for problem in problems])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        # Never "changed" for anything else: all that depends on the key would preview as changed too.
        # So `bits` is for keys not made yet.
        replaces = ["domain"] if olds["domain"] != news.get("domain") else []
        return DiffResult(changes=bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        key = keys.generate(int(props.get("bits", keys.MAX_BITS)))
        now = datetime.now(UTC)
        selector = keys.selector_for(key.fingerprint, now.date())
        outputs = {
            "domain": props["domain"],
            "bits": key.bits,
            "private_key": wrap_rpc_secret(key.pkcs1_base64()),
            "selector": selector,
            "fingerprint": key.fingerprint,
            "record_name": records.record_name(selector, props["domain"]),
            "record_value": records.record_value(key.public_key_der),
            "created_at": timestamp(now),
        }
        return CreateResult(selector, outputs)

    def update(self, _id: str, olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_outputs(olds))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, _outputs(props))


def _bits_problem(bits: Any) -> str | None:
    if isinstance(bits, float) and bits.is_integer():  # Pulumi sends every number as a float
        bits = int(bits)
    if isinstance(bits, int) and keys.MIN_BITS <= bits <= keys.MAX_BITS:
        return None
    return f"must be {keys.MIN_BITS} to {keys.MAX_BITS}, not {bits!r}"


def _outputs(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {**stored, "private_key": wrap_rpc_secret(stored["private_key"])}


@dataclass(kw_only=True)
class DkimKeyArgs:
    """Inputs of a `DkimKey`."""

    domain: pulumi.Input[str]
    """Whose mail the key signs. Another domain is another key."""
    bits: pulumi.Input[int] = keys.MAX_BITS
    """Of the modulus, 1024 to 2048. A change touches no key that exists."""


class DkimKey(Resource, module="byodkim", name="DkimKey"):
    """
    An RSA key for one generation of a domain.

    It lives in the stack's state, where the stack's secrets provider encrypts it. `get` and
    `pulumi import` don't work, as with any dynamic resource; `custom_timeouts` have no effect.
    """

    domain: pulumi.Output[str]
    bits: pulumi.Output[int]
    private_key: pulumi.Output[str]
    """Secret: PKCS#1 DER in base64, one line, as SES takes it."""
    selector: pulumi.Output[str]
    """`s<yyyymmdd>-<8 hex>`: the day it was made and the beginning of its fingerprint."""
    fingerprint: pulumi.Output[str]
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    record_name: pulumi.Output[str]
    record_value: pulumi.Output[str]
    created_at: pulumi.Output[str]
    """ISO 8601, UTC."""

    def __init__(self, name: str, args: DkimKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """*name* is unique in its stack."""
        outputs = ("private_key", "selector", "fingerprint", "record_name", "record_value", "created_at")
        super().__init__(
            DkimKeyProvider(),
            name,
            {**vars(args), **dict.fromkeys(outputs)},
            pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
            ),
        )
