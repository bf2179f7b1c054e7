"""
The DNS hosts: the secrets that each needs, and how to make one from a record's settings.

Nothing here calls a host. A host is imported when it is made: a program that has no record there, and
checks its settings, needs none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, get_args

from byodkim_provider.hosts.interface import Credentials, DnsHost, HostSettings, Provider

PROVIDERS: Final[tuple[Provider, ...]] = get_args(Provider)

SECRETS: Final[Mapping[Provider, Mapping[str, str]]] = {
    "rfc2136": {"secret": "RFC2136_TSIG_SECRET"},
    "godaddy": {"token": "GODADDY_PAT"},
    "dreamhost": {"key": "DREAMHOST_API_KEY"},
    "cpanel": {"url": "CPANEL_URL"},
    "wix": {"apiKey": "WIX_API_KEY", "accountId": "WIX_ACCOUNT_ID"},
}
"""By provider: the keys under `dnsCredentials`, and the environment variable that replaces each."""

TTLS: Final[Mapping[Provider, tuple[int, int]]] = {
    "rfc2136": (0, 2**31 - 1),
    "godaddy": (600, 86400),
    "cpanel": (0, 2**31 - 1),
    "wix": (0, 2**31 - 1),
}
"""Smallest and largest TTL by provider, in seconds. DreamHost has no TTL."""

UNTRIED: Final[frozenset[Provider]] = frozenset({"godaddy", "dreamhost", "cpanel", "wix"})
"""Written from documents, and not run against the real service yet."""

REQUIRED: Final[Mapping[Provider, tuple[str, ...]]] = {
    "rfc2136": ("server", "key_name"),
    "cpanel": (),
    "godaddy": (),
    "dreamhost": (),
    "wix": (),
}
"""Required fields of `HostSettings`, by provider."""


def open_host(settings: HostSettings, secrets: Credentials) -> DnsHost:
    """The host for *settings*. Makes no call."""
    module = import_module(f"byodkim_provider.hosts.{settings.provider}")
    host: DnsHost = module.Host(settings, secrets)
    return host


def credentials(
    provider: Provider, name: str | None, written: object, environment: Mapping[str, str]
) -> Credentials:
    """
    The secrets called *name* (the provider's own name if it is None) for *provider*.

    *written* is the decrypted setting `dnsCredentials` as Pulumi passes it: an object or its JSON.
    """
    name = name or provider
    given = _object(_object(written).get(name))
    return Credentials(
        name,
        {key: value for key, value in given.items() if isinstance(value, str)},
        SECRETS[provider],
        environment,
    )


def _object(written: object) -> Mapping[str, Any]:
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except ValueError:
            return {}
    return written if isinstance(written, Mapping) else {}
