"""
One TXT value at one name, by the API of its DNS host, as a Pulumi resource.

No secret is an input or an output: a record names its credentials, and the plugin process reads
them from the stack's configuration or its environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from byodkim_provider.resources._in_plugin import InPluginProcess

if TYPE_CHECKING:
    from byodkim_provider.hosts.publish import Existing
    from byodkim_provider.hosts.spec import HostName


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.dns_record_provider import DnsRecordProvider

    return DnsRecordProvider()


@dataclass(kw_only=True)
class DnsRecordArgs:
    """Inputs of a `DnsRecord`."""

    provider: pulumi.Input[HostName]
    zone: pulumi.Input[str]
    """In lower case, without a final dot."""
    name: pulumi.Input[str]
    """In full and in lower case, without a final dot."""
    value: pulumi.Input[str]
    """In one piece and without quotes, however long: splitting is the host's matter."""
    existing: pulumi.Input[Existing] = "same key"
    """What becomes of a record of that name: taken over if it holds this key, else an error; or replaced."""
    zone_id: pulumi.Input[str] | None = None
    """Which of two zones of that name, at a host that has ids for them."""
    credentials: pulumi.Input[str] | None = None
    """Name under `dnsCredentials` in the stack's configuration; by default the provider's."""
    server: pulumi.Input[str] | None = None
    """By another server the record is published again; at the old one, if it is really another, it stays."""
    port: pulumi.Input[int] | None = None
    key_name: pulumi.Input[str] | None = None
    key_algorithm: pulumi.Input[str] | None = None
    ttl: pulumi.Input[int] | None = None
    """Seconds. A change touches no record that exists; the next one gets it."""


class DnsRecord(Resource, module="byodkim", name="DnsRecord"):
    """
    One TXT value at one name, at a DNS host with an API.

    Other values and other names are never touched. `get` and `pulumi import` don't work, as with
    any dynamic resource (a record that holds this key already is taken over); `custom_timeouts`
    have no effect.
    """

    name: pulumi.Output[str]
    value: pulumi.Output[str]
    present_value: pulumi.Output[str]
    """What stands there: the value, or this key as somebody else had written it before."""

    def __init__(self, name: str, args: DnsRecordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """*name* is unique in its stack."""
        given = {option: value for option, value in vars(args).items() if value is not None}
        super().__init__(InPluginProcess(load_v1), name, {**given, "present_value": None}, opts)
