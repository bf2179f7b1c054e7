"""Every backend beside what it talks to: what the contract suite needs to know of each. No assertion here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import dns.update

from byodkim_provider.dns_hosts.interface import DnsHost
from byodkim_provider.dns_hosts.rfc2136 import Rfc2136
from tests.dns_hosts import name_servers
from tests.dns_hosts.name_servers import Server
from tests.dns_hosts.proxy import Proxy, Trouble, proxied

__all__ = ["BACKENDS", "Backend", "opened"]


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
    zone: str = name_servers.ZONE

    def host(self, *, timeout_seconds: float = 5) -> Rfc2136:
        return self.server.host(port=self.proxy.port, timeout_seconds=timeout_seconds)

    def wrong_secret(self) -> Rfc2136:
        return self.server.host(credentials=name_servers.credentials("d3Jvbmc="))

    def put(self, name: str, *strings: str) -> None:
        update = dns.update.UpdateMessage(self.zone)
        quoted = (string.replace("\\", "\\\\").replace('"', '\\"') for string in strings)
        update.add(f"{name}.", 300, "TXT", " ".join(f'"{string}"' for string in quoted))
        self.server.host()._exchange(update)

    def stored(self, name: str) -> list[str]:
        return sorted(b"".join(strings).decode() for strings in self.server.wire(name))

    def trouble(self, *troubles: Trouble) -> None:
        self.proxy.troubles += troubles

    def clear(self) -> None:
        self.proxy.troubles.clear()

    def written(self) -> int:
        return self.proxy.updates


@contextmanager
def opened(kind: str, directory: Path) -> Iterator[Backend]:
    """The backend *kind*, one of `BACKENDS`, with an empty zone."""
    with name_servers.running(kind, directory) as server, proxied(server.port) as proxy:
        yield Updates(server, proxy)


BACKENDS: Final = tuple(name_servers.SERVERS)
