"""
One TXT value at one name, by the API of its DNS host, as a Pulumi resource of `ByodkimDomain`.

No secret is an input or an output: a record names its credentials, and the plugin process reads
them from the stack's configuration or its environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import ResourceProvider

from byodkim_provider.resources.other_languages import OurResource


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.dns_record_provider import DnsRecordProvider

    return DnsRecordProvider()


class DnsRecord(OurResource, module="byodkim", name="DnsRecord"):
    """
    Other values and other names are never touched.

    Before the record goes, SES is asked whether an identity of the domain signs with its key in any of its
    Regions.
    """

    present_value: pulumi.Output[str]
    """What stands there: the value, or this key as somebody else had written it before."""

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*inputs* are made by `inputs.of_record`."""
        super().__init__(load_v1, name, {"present_value": None, **inputs}, opts)
