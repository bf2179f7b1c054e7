"""
Keeps the records of one key in Route 53 for as long as an identity needs them.

pulumi-aws makes the record and, but for a move to another zone, never deletes it. This resource does, once
SES has said that nobody signs with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from byodkim_provider.resources._in_plugin import InPluginProcess


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.record_guard_provider import RecordGuardProvider

    return RecordGuardProvider()


@dataclass(kw_only=True)
class RecordGuardArgs:
    """Inputs of a `RecordGuard`."""

    domain: str
    regions: Sequence[str]
    """Whose identities may sign with the key."""
    account_id: pulumi.Input[str | None]
    record_name: pulumi.Input[str]
    fingerprint: pulumi.Input[str]
    zones: Mapping[str, Mapping[str, str]]
    """By id of the zone: `role_arn` and `external_id` of the role in its account, if it has one."""
    supplied: bool = False
    """A supplied key: a preview refuses a name that has another value, and a record of this key stays."""


class RecordGuard(Resource, module="byodkim", name="RecordGuard"):
    """
    The guard of a key's records in Route 53.

    It exists before them, and is deleted after every identity of the stack that could sign with the key. A
    record that was in Route 53 before it stays. `get` and `pulumi import` don't work, as with any dynamic
    resource.
    """

    def __init__(self, name: str, args: RecordGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """*name* is unique in its stack."""
        given: dict[str, Any] = {option: value for option, value in vars(args).items() if value}
        super().__init__(InPluginProcess(load_v1), name, given, opts)
