"""
Every backend beside what it talks to, and what the tests of hosts do with one. No assertion here.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Final, cast

import dns.update

from byodkim_provider.dkim import records
from byodkim_provider.hosts.interface import Credentials, DnsHost, Existing, HostName, HostSettings
from byodkim_provider.hosts.publish import RecordAtHost
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.progress import Clock
from sandbox.hosts.api import ApiStandIn
from tests.hosts import name_servers
from tests.hosts.name_servers import ZONE, Server
from tests.hosts.proxy import Proxy, Trouble, proxied
from tests.support.fakes import FakeClock, FakeProgress
from tests.support.testdata import key

CALM: Final[dict[str, Any]] = {"clock": Clock(), "progress": FakeProgress()}

TURNS: Final[Mapping[str, Lock]] = defaultdict(Lock)

VALUE: Final = records.record_value(key("rsa2048.pkcs8").public_key_der)
OTHER: Final = records.record_value(key("another").public_key_der)


def published(
    host: DnsHost, name: str, value: str = VALUE, existing: Existing = "same key", **options: Any
) -> str:
    """The value in DNS once the record is published."""
    return _record(host, name, **options).publish(value, existing)


def withdraw(host: DnsHost, name: str, value: str = VALUE, **options: Any) -> None:
    _record(host, name, **options).withdraw(value)


def lookup(host: DnsHost, name: str, **options: Any) -> tuple[str, ...]:
    return _record(host, name, **options).values()


def _record(host: DnsHost, name: str, **options: Any) -> RecordAtHost:
    return RecordAtHost(host, name, turns=TURNS, **{**CALM, **options})


def hasty() -> dict[str, Any]:
    """What a record is given so that a minute is over at once."""
    return {"clock": FakeClock(), "progress": FakeProgress()}


@dataclass
class Backend:
    """A host, and the other side of it."""

    other_side: Any

    def trouble(self, *troubles: Trouble) -> None:
        """Happens to the next requests that would change something, one after the other."""
        self.other_side.troubles += troubles

    def trouble_on_reads(self, *troubles: Trouble) -> None:
        """The same for requests that change nothing."""
        self.other_side.read_troubles += troubles


@dataclass
class Updates(Backend):
    """RFC 2136 at a real server."""

    other_side: Proxy
    server: Server
    zone: str = ZONE

    def host(self, *, timeout_seconds: float = 5) -> DnsHost:
        """As the product reaches it."""
        return self.server.host(port=self.other_side.port, timeout_seconds=timeout_seconds)

    def wrong_secret(self) -> DnsHost:
        """The same with a secret that does not open it."""
        return self.server.host(secret="d3Jvbmc=")

    def put(self, name: str, *strings: str) -> None:
        """Somebody else adds a TXT record."""
        update = dns.update.UpdateMessage(self.zone)
        quoted = (string.replace("\\", "\\\\").replace('"', '\\"') for string in strings)
        update.add(f"{name}.", 300, "TXT", " ".join(f'"{string}"' for string in quoted))
        self.server.host()._exchange(update)

    def stored(self, name: str) -> list[str]:
        """All TXT values at *name*, each joined, sorted."""
        return sorted(b"".join(strings).decode() for strings in self.server.wire(name))

    def written(self) -> int:
        """How many requests that change something the host has got."""
        return self.other_side.updates


@dataclass
class ByHttp(Backend):
    """A host's API, played by the sandbox; methods as those of `Updates`."""

    other_side: ApiStandIn
    provider: HostName

    def __post_init__(self) -> None:
        self.stand_in = self.other_side
        self.zone = self.stand_in.zone
        self.put, self.stored = self.stand_in.put, self.stand_in.stored

    def host(
        self,
        *,
        timeout_seconds: float = 5,
        secrets: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> DnsHost:
        """As the product reaches it, with other *secrets* and *settings*."""
        given = {**self.stand_in.secrets, **(secrets or {})}
        environment = {f"{self.provider.upper()}_BASE_URL": self.stand_in.url}
        credentials = Credentials("of-test", given, dict.fromkeys(given, "VARIABLE"), environment)
        changed = HostSettings(**{"provider": self.provider, "zone": self.zone, **settings})
        module = import_module(f"byodkim_provider.hosts.{self.provider}")
        host: DnsHost = module.Host(changed, credentials)
        vars(host)["timeout_seconds"] = timeout_seconds
        return host

    def wrong_secret(self) -> DnsHost:
        return self.host(secrets={list(self.stand_in.secrets)[-1]: "d3Jvbmc=" * 5})

    def written(self) -> int:
        return self.stand_in.written


def _stand_in(provider: HostName) -> type[ApiStandIn]:
    """The one in the sandbox's module of that name."""
    module = import_module(f"sandbox.hosts.{provider}").__name__
    return next(kind for kind in ApiStandIn.__subclasses__() if kind.__module__ == module)


HTTP: Final[Mapping[HostName, type[ApiStandIn]]] = {
    provider: _stand_in(provider) for provider in SPECS if provider != "rfc2136"
}
"""The stand-ins of all hosts with an API."""

BACKENDS: Final = (*name_servers.SERVERS, *HTTP)


@contextmanager
def by_http(provider: HostName, zone: str = ZONE) -> Iterator[ByHttp]:
    """The host *provider*, with an empty zone."""
    with HTTP[provider](zone) as stand_in:
        yield ByHttp(stand_in, provider)


@contextmanager
def opened(kind: str, directory: Path) -> Iterator[Updates | ByHttp]:
    """The backend *kind*, one of `BACKENDS`, with an empty zone."""
    if kind in HTTP:
        with by_http(cast(HostName, kind)) as backend:
            yield backend
        return
    with name_servers.running(kind, directory) as server, proxied(server.port) as proxy:
        yield Updates(proxy, server)
