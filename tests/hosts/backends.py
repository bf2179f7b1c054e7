"""Every backend beside what it talks to: what the contract suite needs to know of each. No assertion here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import dns.update

from byodkim_provider.hosts import cpanel as _cpanel
from byodkim_provider.hosts import dreamhost as _dreamhost
from byodkim_provider.hosts import godaddy as _godaddy
from byodkim_provider.hosts import wix as _wix
from byodkim_provider.hosts.interface import Credentials, DnsHost, HostSettings, Provider
from sandbox.hosts.api import ApiStandIn
from sandbox.hosts.cpanel import CPanel
from sandbox.hosts.dreamhost import DreamHost
from sandbox.hosts.godaddy import GoDaddy
from sandbox.hosts.wix import Wix
from tests.hosts import name_servers
from tests.hosts.name_servers import ZONE, Server
from tests.hosts.proxy import Proxy, Trouble, proxied


class Backend(Protocol):
    """A host, and the other side of it."""

    zone: str

    def host(self, *, timeout_seconds: float = 5) -> DnsHost:
        """As the product reaches it."""
        ...

    def wrong_secret(self) -> DnsHost:
        """The same with a secret that does not open it."""
        ...

    def put(self, name: str, *strings: str) -> None:
        """Somebody else adds a TXT record."""
        ...

    def stored(self, name: str) -> list[str]:
        """All TXT values at *name*, each joined, sorted."""
        ...

    def trouble(self, *troubles: Trouble) -> None:
        """Happens to the next requests that would change something, one after the other."""
        ...

    def trouble_on_reads(self, *troubles: Trouble) -> None:
        """The same for requests that change nothing."""
        ...

    def clear(self) -> None:
        """No more trouble."""
        ...

    def written(self) -> int:
        """How many requests that change something the host has got."""
        ...


@dataclass
class Updates:
    """RFC 2136 at a real server."""

    server: Server
    proxy: Proxy
    zone: str = ZONE

    def host(self, *, timeout_seconds: float = 5) -> DnsHost:
        return self.server.host(port=self.proxy.port, timeout_seconds=timeout_seconds)

    def wrong_secret(self) -> DnsHost:
        return self.server.host(secret="d3Jvbmc=")

    def put(self, name: str, *strings: str) -> None:
        update = dns.update.UpdateMessage(self.zone)
        quoted = (string.replace("\\", "\\\\").replace('"', '\\"') for string in strings)
        update.add(f"{name}.", 300, "TXT", " ".join(f'"{string}"' for string in quoted))
        self.server.host()._exchange(update)

    def stored(self, name: str) -> list[str]:
        return sorted(b"".join(strings).decode() for strings in self.server.wire(name))

    def trouble(self, *troubles: Trouble) -> None:
        self.proxy.troubles += troubles

    def trouble_on_reads(self, *troubles: Trouble) -> None:
        self.proxy.read_troubles += troubles

    def clear(self) -> None:
        self.proxy.troubles.clear()

    def written(self) -> int:
        return self.proxy.updates


@dataclass
class ByHttp:
    """A host's API, played by the sandbox."""

    stand_in: ApiStandIn
    secrets: dict[str, str]
    provider: Provider
    make: Callable[..., DnsHost]

    @property
    def zone(self) -> str:
        return self.stand_in.zone

    def host(self, *, timeout_seconds: float = 5, **secrets: str) -> DnsHost:
        return self.host_with(timeout_seconds=timeout_seconds, secrets=secrets)

    def host_with(
        self,
        *,
        secrets: Mapping[str, str] = MappingProxyType({}),
        zone: str = "",
        ttl: int | None = None,
        timeout_seconds: float = 5,
    ) -> DnsHost:
        variables = dict.fromkeys(self.secrets, "VARIABLE")
        environment = {f"{self.provider.upper()}_BASE_URL": self.stand_in.url}
        credentials = Credentials("of-test", {**self.secrets, **secrets}, variables, environment)
        settings = HostSettings(provider=self.provider, zone=zone or self.zone, ttl=ttl)
        return self.make(settings, credentials, timeout_seconds=timeout_seconds)

    def wrong_secret(self) -> DnsHost:
        return self.host(**{list(self.secrets)[-1]: "d3Jvbmc="})

    def put(self, name: str, *strings: str) -> None:
        self.stand_in.put(name, *strings)

    def stored(self, name: str) -> list[str]:
        return self.stand_in.stored(name)

    def trouble(self, *troubles: Trouble) -> None:
        self.stand_in.troubles += troubles

    def trouble_on_reads(self, *troubles: Trouble) -> None:
        self.stand_in.read_troubles += troubles

    def clear(self) -> None:
        self.stand_in.troubles.clear()

    def written(self) -> int:
        return self.stand_in.written


def godaddy(zone: str = ZONE) -> ByHttp:
    stand_in = GoDaddy(zone)
    stand_in.switches.requests_per_minute = 1_000_000
    return ByHttp(stand_in, {"token": stand_in.token}, "godaddy", _godaddy.Host)


def dreamhost(zone: str = ZONE) -> ByHttp:
    stand_in = DreamHost(zone)
    stand_in.switches.limits = False
    return ByHttp(stand_in, {"key": stand_in.key}, "dreamhost", _dreamhost.Host)


def wix(zone: str = ZONE) -> ByHttp:
    stand_in = Wix(zone)
    secrets = {"accountId": stand_in.account_id, "apiKey": stand_in.api_key}
    return ByHttp(stand_in, secrets, "wix", _wix.Host)


def cpanel(zone: str = ZONE) -> ByHttp:
    stand_in = CPanel(zone)
    return ByHttp(stand_in, {"url": stand_in.account_url}, "cpanel", _cpanel.Host)


@contextmanager
def opened(kind: str, directory: Path) -> Iterator[Backend]:
    """The backend *kind*, one of `BACKENDS`, with an empty zone."""
    if kind in HTTP:
        backend = HTTP[kind]()
        backend.stand_in.start()
        yield backend
        backend.stand_in.stop()
        return
    with name_servers.running(kind, directory) as server, proxied(server.port) as proxy:
        yield Updates(server, proxy)


HTTP: Final[Mapping[str, Callable[[], ByHttp]]] = {
    "GoDaddy": godaddy,
    "DreamHost": dreamhost,
    "Wix": wix,
    "cPanel": cpanel,
}

BACKENDS: Final = (*name_servers.SERVERS, *HTTP)
