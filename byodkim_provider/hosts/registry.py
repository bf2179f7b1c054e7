"""
All DNS hosts: what is known of each, and how to make one from a record's settings.

Nothing here calls a host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, get_args

from byodkim_provider.hosts.interface import Credentials, DnsHost, HostName, HostSettings, HostSpec

SPECS: Final[Mapping[str, HostSpec]] = {
    name: import_module(f"byodkim_provider.hosts.{name}").SPEC for name in get_args(HostName)
}


def spec_of(label: str) -> HostSpec | None:
    """What is known of the host in a zone's label such as `godaddy:example.com`; None if it is no host's."""
    name, colon, _ = label.partition(":")
    return SPECS.get(name) if colon else None


def hours_to_show(label: str) -> int:
    """How long the name servers of the zone *label* may take to show a record; 0: minutes at most."""
    spec = spec_of(label)
    return spec.hours_to_show if spec else 0


def open_host(settings: HostSettings, secrets: Credentials) -> DnsHost:
    """The host for *settings*. Makes no call."""
    module = SPECS[settings.provider].module or settings.provider
    host: DnsHost = import_module(f"byodkim_provider.hosts.{module}").Host(settings, secrets)
    return host


def credentials(
    provider: HostName, name: str | None, written: object, environment: Mapping[str, str]
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
        SPECS[provider].secrets,
        environment,
    )


def _object(written: object) -> Mapping[str, Any]:
    if isinstance(written, str):
        try:
            written = json.loads(written)
        except ValueError:
            return {}
    return written if isinstance(written, Mapping) else {}
