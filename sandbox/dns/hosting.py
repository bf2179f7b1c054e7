"""
Which name server serves which zone, and what a resolver finds when it queries them: no socket.
"""

import functools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import dns.exception
import dns.name
import dns.rcode
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from sandbox.dns.zone import Answer, RecordSet, Zone, apex, quoted, strings_of

GODADDY_NAME_SERVERS: Final = ("ns01.domaincontrol.com", "ns02.domaincontrol.com")
CLOUDFLARE_NAME_SERVERS: Final = ("ada.ns.cloudflare.com", "bob.ns.cloudflare.com")
"""The name servers of zones at hosts that are known by their names."""

_OURS: Final = tuple(f"ns-{number}.sandbox.test" for number in range(1, 9))

ADDRESSES: Final = {
    name: f"127.0.0.{number}"
    for number, name in enumerate((*_OURS, *GODADDY_NAME_SERVERS, *CLOUDFLARE_NAME_SERVERS), 1)
}

NAME_SERVERS: Final = _OURS[:4]
CHILD_NAME_SERVERS: Final = _OURS[4:]
"""
The name servers of a zone below another one: not the same, so that a referral leads somewhere else.
"""

REFERRAL_LIMIT: Final = 16
"""How many referrals and aliases the resolver follows for one question."""

OVERRIDE_TTL: Final = 300
"""TTL of records that a test has set."""

ANSWERED: Final = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
SERVER_FAILURE: Final = Answer(dns.rcode.SERVFAIL, authoritative=False)


class HostedZone(NamedTuple):
    name: str
    name_servers: tuple[str, ...]
    """Names of its name servers; other servers refuse queries for it."""
    record_sets: tuple[RecordSet, ...]


class Hosting:
    """The name servers of all *zones*, and the faults that a test has set."""

    def __init__(self, zones: Callable[[], Sequence[HostedZone]]) -> None:
        self._zones = zones
        self._lock = threading.Lock()
        self._overrides: dict[tuple[Name, str], tuple[str, ...]] = {}
        self._silent: frozenset[str] = frozenset()

    def override(
        self, name: str, values: Sequence[str] | None, *, server: str | None = None
    ) -> None:
        """
        Answer TXT queries for *name* with *values* instead of the zone's records.

        Empty is "no such name", None ends the override. *server* is an address; without
        it the override is set, or ended, at all of them.
        """
        servers = [server] if server else list(ADDRESSES.values())
        owner = _name(name)
        with self._lock:
            for address in servers:
                self._overrides.pop((owner, address), None)
                if values is not None:
                    self._overrides[owner, address] = tuple(values)

    def silence(self, *servers: str) -> None:
        """
        The name servers at exactly these addresses don't answer; without addresses, all answer
        again.
        """
        self._silent = frozenset(servers)

    def answer(self, address: str, name: Name, kind: RdataType) -> Answer | None:
        """The answer of the name server at *address*; None if it is silent."""
        return self._answer(address, name, kind, self._zones())

    def resolve(self, name: Name, kind: RdataType) -> Answer:
        """The answer of a resolver that begins at the root and has no cache."""
        zones = self._zones()
        found: list[RRset] = []
        reply = _root(tuple(zones)).answer(name, kind)
        for _ in range(REFERRAL_LIMIT):
            if reply.referral is not None:
                servers = [
                    name_server.target.to_text(omit_final_dot=True)
                    for name_server in reply.referral
                ]
                asked = (
                    self._answer(ADDRESSES[one], name, kind, zones)
                    for one in servers
                    if one in ADDRESSES
                )
                reply = next(
                    (one for one in asked if one and one.rcode in ANSWERED), SERVER_FAILURE
                )
                continue
            found += reply.answer
            alias = reply.alias_for(kind)
            if alias is None:
                return Answer(reply.rcode, found, reply.authority, authoritative=False)
            name, reply = alias, _root(tuple(zones)).answer(alias, kind)
        return SERVER_FAILURE

    def _answer(
        self, address: str, name: Name, kind: RdataType, zones: Sequence[HostedZone]
    ) -> Answer | None:
        if address in self._silent:
            return None
        served = (zone for zone in zones if address in map(ADDRESSES.get, zone.name_servers))
        hosted = _closest(_by_name(served), name)
        if hosted is None:
            return Answer(dns.rcode.REFUSED, authoritative=False)
        with self._lock:
            values = self._overrides.get((name, address)) if kind == RdataType.TXT else None
        if values is not None:
            there = [each for each in hosted.record_sets if _name(each.name) != name]
            if values:
                texts = tuple(quoted(strings_of(value)) for value in values)
                there.append(RecordSet(name.to_text(), "TXT", OVERRIDE_TTL, texts))
            hosted = hosted._replace(record_sets=tuple(there))
        try:
            return _zone(hosted.name, hosted.record_sets).answer(name, kind)
        except dns.exception.DNSException:  # a value that is invalid for its type
            return SERVER_FAILURE


_name: Final = functools.lru_cache(maxsize=4096)(dns.name.from_text)
_zone: Final = functools.lru_cache(maxsize=64)(Zone)
"""Many queries come between two changes of a zone's records."""


def _by_name(zones: Iterable[HostedZone]) -> dict[Name, HostedZone]:
    """*zones*, oldest first; the older one of two with one name."""
    found: dict[Name, HostedZone] = {}
    for zone in zones:
        found.setdefault(_name(zone.name), zone)
    return found


def _closest(zones: Mapping[Name, HostedZone], name: Name) -> HostedZone | None:
    """The zone with the longest name that *name* is in."""
    while name not in zones:
        if name == dns.name.root:
            return None
        name = name.parent()
    return zones[name]


@functools.lru_cache(maxsize=16)
def _root(zones: tuple[HostedZone, ...]) -> Zone:
    """
    The root and the registries in one: each zone that is in no other one is delegated to its
    servers.
    """
    # A zone below another one is found only if that one delegates to it, as on the Internet.
    record_sets = [*apex(".", NAME_SERVERS[:1], 900)]
    record_sets += [RecordSet(name, "A", 900, (address,)) for name, address in ADDRESSES.items()]
    by_name = _by_name(zones)
    # The oldest zone comes last and so wins: of two with one name, it is the one the registry
    # knows.
    for zone in reversed(zones):
        if _closest(by_name, _name(zone.name).parent()) is None:
            record_sets.append(RecordSet(zone.name, "NS", 900, zone.name_servers))
    return Zone(".", record_sets)
