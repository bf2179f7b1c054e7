"""
One TXT value at one name, by the API of its DNS host, as a Pulumi resource of `ByodkimDomain`.

No secret is an input or an output: a record names its credentials, and the plugin process reads
them from the stack's configuration or its environment.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi.dynamic import Resource, ResourceProvider

from byodkim_provider.hosts.interface import Existing, HostSettings
from byodkim_provider.property_types import written
from byodkim_provider.resources._in_plugin import InPluginProcess


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.dns_record_provider import DnsRecordProvider

    return DnsRecordProvider()


class DnsRecord(Resource, module="byodkim", name="DnsRecord"):
    """Other values and other names are never touched."""

    present_value: pulumi.Output[str]
    """What stands there: the value, or this key as somebody else had written it before."""

    def __init__(
        self,
        resource_name: str,
        host: HostSettings,
        *,
        credentials: str | None,
        name: pulumi.Input[str],
        value: pulumi.Input[str],
        existing: Existing,
        domain: str,
        regions: Sequence[str],
        account_id: pulumi.Input[str | None],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        *host* was checked with the domain's settings; *credentials* is a name under `dnsCredentials`.

        Before the record goes, SES is asked whether an identity of *domain* in *regions* of the account signs
        with its key.
        """
        of_host = {option: given for option, given in written(host).items() if given != ""}
        record = {"name": name, "value": value, "existing": existing, "present_value": None}
        use = {"domain": domain, "regions": regions, "account_id": account_id}
        of_secrets = {} if credentials is None else {"credentials": credentials}
        super().__init__(
            InPluginProcess(load_v1), resource_name, {**of_host, **of_secrets, **record, **use}, opts
        )
