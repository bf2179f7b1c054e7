"""Every backend beside what it talks to: what the contract suite needs to know of each. No assertion here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, cast

import dns.update

from byodkim_provider.hosts.interface import Credentials, DnsHost, HostName, HostSettings
from sandbox.hosts.api import ApiStandIn
from sandbox.hosts.cloudflare import Cloudflare
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
    provider: HostName

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
        zone_id: str = "",
        ttl: int | None = None,
        timeout_seconds: float = 5,
    ) -> DnsHost:
        given = self.stand_in.secrets
        variables = dict.fromkeys(given, "VARIABLE")
        environment = {f"{self.provider.upper()}_BASE_URL": self.stand_in.url}
        credentials = Credentials("of-test", {**given, **secrets}, variables, environment)
        settings = HostSettings(provider=self.provider, zone=zone or self.zone, zone_id=zone_id, ttl=ttl)
        module = import_module(f"byodkim_provider.hosts.{self.provider}")
        host: DnsHost = module.Host(settings, credentials, timeout_seconds=timeout_seconds)
        return host

    def wrong_secret(self) -> DnsHost:
        return self.host(**{list(self.stand_in.secrets)[-1]: "d3Jvbmc=" * 5})

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


HTTP: Final[Mapping[HostName, type[ApiStandIn]]] = {
    "cloudflare": Cloudflare,
    "godaddy": GoDaddy,
    "dreamhost": DreamHost,
    "cpanel": CPanel,
    "wix": Wix,
}

BACKENDS: Final = (*name_servers.SERVERS, *HTTP)


def by_http(provider: HostName, zone: str = ZONE) -> ByHttp:
    """The host *provider*, not started yet."""
    stand_in = HTTP[provider](zone)
    stand_in.limited = False
    return ByHttp(stand_in, provider)


@contextmanager
def opened(kind: str, directory: Path) -> Iterator[Backend]:
    """The backend *kind*, one of `BACKENDS`, with an empty zone."""
    if kind in HTTP:
        backend = by_http(cast(HostName, kind))
        backend.stand_in.start()
        yield backend
        backend.stand_in.stop()
        return
    with name_servers.running(kind, directory) as server, proxied(server.port) as proxy:
        yield Updates(server, proxy)
