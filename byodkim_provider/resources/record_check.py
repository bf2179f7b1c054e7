"""Checks, before the record of a supplied key is created, whether another key is at its name."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from byodkim_provider.resources._in_plugin import InPluginProcess


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.record_check_provider import RecordCheckProvider

    return RecordCheckProvider()


@dataclass(kw_only=True)
class RecordCheckArgs:
    """Inputs of a `RecordCheck`."""

    zone_id: str
    record_name: str
    record_value: str
    assume_role: str | None = None
    """ARN of a role in the AWS account that holds the zone."""
    external_id: str | None = None
    """The external ID that this role asks for."""


class RecordCheck(Resource, module="byodkim", name="RecordCheck"):
    """
    The check before a supplied key's record is created in Route 53.

    A preview refuses a name that has another key, whoever created that record. `get` and
    `pulumi import` don't work, as with any dynamic resource.
    """

    def __init__(self, name: str, args: RecordCheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """*name* is unique in its stack."""
        super().__init__(InPluginProcess(load_v1), name, dict(vars(args)), opts)
