"""
The DNS hosts: the secrets that each needs, and how to make one from a record's settings.

Nothing here calls a host. A host is imported when it is made: a program that has no record there, and
checks its settings, needs none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from byodkim_provider.dns_hosts.interface import Credentials, DnsHost

__all__ = [
    "ALGORITHMS",
    "PROVIDERS",
    "REQUIRED",
    "SECRETS",
    "TTLS",
    "HostSettings",
    "Provider",
    "credentials",
    "label",
    "open_host",
]

Provider = Literal["rfc2136", "godaddy", "dreamhost", "cpanel", "wix"]

PROVIDERS: Final[tuple[Provider, ...]] = get_args(Provider)

SECRETS: Final[Mapping[Provider, Mapping[str, str]]] = {
    "rfc2136": {"secret": "RFC2136_TSIG_SECRET"},
    "godaddy": {"token": "GODADDY_PAT"},
    "dreamhost": {"key": "DREAMHOST_API_KEY"},
    "cpanel": {"user": "CPANEL_USERNAME", "token": "CPANEL_TOKEN"},
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

ALGORITHMS: Final = ("hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
"""Algorithms of TSIG keys (RFC 8945 section 6), without those that must not be used."""

UNTRIED: Final[frozenset[Provider]] = frozenset({"godaddy", "dreamhost", "cpanel", "wix"})
"""Written from documents, and not run against the real service yet."""

REQUIRED: Final[Mapping[Provider, tuple[str, ...]]] = {
    "rfc2136": ("server", "key_name"),
    "cpanel": ("server",),
    "godaddy": (),
    "dreamhost": (),
    "wix": (),
}
"""Required fields of `HostSettings`, by provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """A record's settings for its host."""

    provider: Provider
    zone: str
    server: str = ""
    port: int | None = None
    key_name: str = ""
    key_algorithm: str = ""
    ttl: int | None = None


def _rfc2136(settings: HostSettings, secrets: Credentials) -> DnsHost:
    from byodkim_provider.dns_hosts import rfc2136

    return rfc2136.Rfc2136(
        server=settings.server,
        port=settings.port or rfc2136.PORT,
        zone=settings.zone,
        key_name=settings.key_name,
        key_algorithm=settings.key_algorithm or rfc2136.ALGORITHM,
        credentials=secrets,
        ttl=rfc2136.TTL if settings.ttl is None else settings.ttl,
    )


def _godaddy(settings: HostSettings, secrets: Credentials) -> DnsHost:
    from byodkim_provider.dns_hosts import godaddy

    return godaddy.GoDaddy(
        settings.zone,
        credentials=secrets,
        ttl=godaddy.TTL if settings.ttl is None else settings.ttl,
        base_url=secrets.environment.get("GODADDY_BASE_URL", godaddy.BASE_URL),
    )


def _dreamhost(settings: HostSettings, secrets: Credentials) -> DnsHost:
    from byodkim_provider.dns_hosts import dreamhost

    base_url = secrets.environment.get("DREAMHOST_BASE_URL", dreamhost.BASE_URL)
    return dreamhost.DreamHost(settings.zone, credentials=secrets, base_url=base_url)


def _cpanel(settings: HostSettings, secrets: Credentials) -> DnsHost:
    from byodkim_provider.dns_hosts import cpanel

    return cpanel.CPanel(
        settings.zone,
        server=settings.server,
        port=settings.port or cpanel.PORT,
        credentials=secrets,
        ttl=cpanel.TTL if settings.ttl is None else settings.ttl,
        base_url=secrets.environment.get("CPANEL_BASE_URL", ""),
    )


def _wix(settings: HostSettings, secrets: Credentials) -> DnsHost:
    from byodkim_provider.dns_hosts import wix

    return wix.Wix(
        settings.zone,
        credentials=secrets,
        ttl=wix.TTL if settings.ttl is None else settings.ttl,
        base_url=secrets.environment.get("WIX_BASE_URL", wix.BASE_URL),
    )


_HOSTS: Final[Mapping[Provider, Callable[[HostSettings, Credentials], DnsHost]]] = {
    "rfc2136": _rfc2136,
    "godaddy": _godaddy,
    "dreamhost": _dreamhost,
    "cpanel": _cpanel,
    "wix": _wix,
}


def open_host(settings: HostSettings, secrets: Credentials) -> DnsHost:
    """The host for *settings*. Makes no call."""
    return _HOSTS[settings.provider](settings, secrets)


def label(settings: HostSettings) -> str:
    """As `DnsHost.label`."""
    return open_host(settings, Credentials(settings.provider, {}, SECRETS[settings.provider], {})).label


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
