"""
Bring your own DKIM to Amazon SES with Pulumi.

What a program may import. A name is loaded when it is asked for: the plugin process and the
command line import this package too, and need little of it.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "ByodkimDomain",
    "ByodkimDomainArgs",
    "ByodkimError",
    "ByodkimIdentity",
    "DkimVerification",
    "DkimVerificationArgs",
    "DnsProvider",
    "DnsSettings",
    "InvalidSettings",
    "KeyStore",
    "MailFrom",
    "SuppliedKey",
    "TxtRecord",
    "Zone",
    "declare_stack",
]

if TYPE_CHECKING:
    from byodkim_provider.config.schema import DnsSettings, KeyStore, MailFrom, SuppliedKey
    from byodkim_provider.errors import ByodkimError, InvalidSettings
    from byodkim_provider.program.dns_provider import DnsProvider, TxtRecord, Zone
    from byodkim_provider.program.domain import ByodkimDomain, ByodkimDomainArgs
    from byodkim_provider.program.stack import declare_stack
    from byodkim_provider.resources.declared import (
        ByodkimIdentity,
        DkimVerification,
        DkimVerificationArgs,
    )
else:
    # Not seen by a type checker: it takes the names above, and refuses any other.
    _MODULES = {
        "config.schema": ("DnsSettings", "KeyStore", "MailFrom", "SuppliedKey"),
        "program.dns_provider": ("DnsProvider", "TxtRecord", "Zone"),
        "program.domain": ("ByodkimDomain", "ByodkimDomainArgs"),
        "errors": ("ByodkimError", "InvalidSettings"),
        "program.stack": ("declare_stack",),
        "resources.declared": (*("ByodkimIdentity", "DkimVerification", "DkimVerificationArgs"),),
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
