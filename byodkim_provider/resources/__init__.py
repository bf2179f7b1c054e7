"""
The dynamic resources: what a program declares, in `declared`, and the provider of each in a file of
its own, but for the stack's id, which is with the base classes.

A provider translates between Pulumi's plain values and the packages below, and decides nothing that
could be decided without Pulumi. Only the plugin process loads it: a program imports neither AWS nor
DNS for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pulumi.dynamic import ResourceProvider

FORMER: Final = frozenset({"RecordGuard"})
"""Resources in states from before the first release: they go, and nothing happens."""

PROVIDERS: Final[Mapping[str, str]] = {
    "ByodkimIdentity": "dkim_identity_provider",
    "DkimKey": "dkim_key_provider",
    "DkimVerification": "dkim_verification_provider",
    "DnsRecord": "dns_record_provider",
    "StackId": "_provider",
}
"""
The module of the provider, by the name of a resource. Names are in users' state: none is ever
renamed.
"""


def load_v1(resource: str) -> ResourceProvider:
    """
    The provider of a *resource*. Users' state names this function: never moved, never renamed.
    """
    if resource in FORMER:
        from pulumi import dynamic

        return dynamic.ResourceProvider()
    module: Any = import_module(f"{__name__}.{PROVIDERS[resource]}")
    provider: ResourceProvider = getattr(module, f"{resource}Provider")()
    return provider
