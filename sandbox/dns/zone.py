"""What one DNS zone says about a name: the algorithm of RFC 1034 section 4.3.2."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset


class RecordSet(NamedTuple):
    """All records of one type at one name, values in master file format (RFC 1035 section 5.1)."""

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]


def strings_of(value: str) -> tuple[str, ...]:
    """A TXT *value* in strings of at most 255 octets."""
    return tuple(value[start : start + 255] for start in range(0, len(value), 255)) or ("",)


def quoted(strings: Iterable[str]) -> str:
    """*strings* of a TXT value in master file format."""
    escaped = (string.replace("\\", "\\\\").replace('"', '\\"') for string in strings)
    return " ".join(f'"{string}"' for string in escaped)


def apex(
    name: str, name_servers: tuple[str, ...], negative_ttl: int
) -> tuple[RecordSet, RecordSet]:
    """
    The SOA record and the NS records of a zone, which say how long "no such name" may be
    remembered.
    """
    soa = f"{name_servers[0]}. hostmaster.sandbox.test. 1 1800 900 604800 {negative_ttl}"
    return RecordSet(name, "SOA", 900, (soa,)), RecordSet(name, "NS", 900, name_servers)


@dataclass(frozen=True)
class Answer:
    """A server's answer: records, no records, or a referral."""

    rcode: Rcode
    answer: list[RRset] = field(default_factory=list)
    authority: list[RRset] = field(default_factory=list)
    authoritative: bool = True

    @property
    def referral(self) -> RRset | None:
        """The NS records of the zone to query instead."""
        return None if self.authoritative else next(iter(self.authority), None)

    def alias_for(self, kind: RdataType) -> Name | None:
        """
        The name to look up next, if this answer ends with a CNAME and has no record of *kind*.
        """
        if kind == RdataType.CNAME or any(rrset.rdtype == kind for rrset in self.answer):
            return None
        aliases = [rrset for rrset in self.answer if rrset.rdtype == RdataType.CNAME]
        return aliases[-1][0].target if aliases else None


class Zone:
    """The record sets of one zone, down to its delegations."""

    def __init__(self, name: str, record_sets: Iterable[RecordSet]) -> None:
        self.name = dns.name.from_text(name)
        self._record_sets: dict[tuple[Name, RdataType], RecordSet] = {}
        self._names: set[Name] = set()
        for record_set in record_sets:
            owner = dns.name.from_text(record_set.name)
            self._record_sets[owner, dns.rdatatype.from_text(record_set.type)] = record_set
            while owner != self.name and owner not in self._names:
                self._names.add(owner)
                owner = owner.parent()
        self._names.add(self.name)

    @functools.lru_cache(512)  # noqa: B019 # a zone never changes, and old ones leave
    def answer(self, name: Name, kind: RdataType) -> Answer:
        if delegation := self._delegation(name):
            return Answer(dns.rcode.NOERROR, authority=[delegation], authoritative=False)
        aliases: list[RRset] = []
        while True:
            if found := self.rrset(name, kind):
                return Answer(dns.rcode.NOERROR, [*aliases, found])
            alias = self.rrset(name, RdataType.CNAME)
            if not alias:
                break
            if alias in aliases:  # a loop
                return Answer(dns.rcode.NOERROR, aliases)
            aliases.append(alias)
            name = alias[0].target
            if not name.is_subdomain(self.name) or self._delegation(name):
                return Answer(dns.rcode.NOERROR, aliases)
        rcode = dns.rcode.NOERROR if name in self._names else dns.rcode.NXDOMAIN
        return Answer(rcode, aliases, [self._soa()])

    def rrset(self, name: Name, kind: RdataType) -> RRset | None:
        """The records of *kind* at *name*."""
        record_set = self._record_sets.get((name, kind))
        return _parsed(name, record_set) if record_set else None

    def _delegation(self, name: Name) -> RRset | None:
        """The NS records of the highest cut between this zone and *name*."""
        for depth in range(len(self.name) + 1, len(name) + 1):
            if rrset := self.rrset(name.split(depth)[1], RdataType.NS):
                return rrset
        return None

    def _soa(self) -> RRset:
        soa = self.rrset(self.name, RdataType.SOA)
        assert soa, "a zone without SOA record"
        return dns.rrset.from_rdata(
            soa.name, min(soa.ttl, soa[0].minimum), soa[0]
        )  # RFC 2308 section 5


@functools.lru_cache(4096)
def _parsed(name: Name, record_set: RecordSet) -> RRset:
    """The records at *name*, not to be changed. To parse them is much of an answer's work."""
    _, kind, ttl, values = record_set
    return dns.rrset.from_text_list(
        name, ttl, "IN", kind, values, origin=dns.name.root, relativize=False
    )
