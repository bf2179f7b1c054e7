"""
Keeps the record of a key in a zone of Route 53 for as long as an identity needs it.

pulumi-aws makes the record and never deletes it. This resource does, once SES has said that nobody signs
with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import ResourceProvider

from byodkim_provider.resources.other_languages import OurResource


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.record_guard_provider import RecordGuardProvider

    return RecordGuardProvider()


class RecordGuard(OurResource, module="byodkim", name="RecordGuard"):
    """
    The guard of a key's record in one zone of Route 53.

    It exists before the record, and is deleted after every identity of the stack that could sign with the
    key. That of a slot (`cname`) has its value from here, so that no change passes by. `get` and
    `pulumi import` don't work, as with any dynamic resource.
    """

    record_value: pulumi.Output[str]
    """The value of the record of a slot; None of any other."""

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*inputs* are made by `inputs.of_guard`."""
        super().__init__(load_v1, name, {"record_value": None, **inputs}, opts)
