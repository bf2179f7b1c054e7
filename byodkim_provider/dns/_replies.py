"""
Sends one DNS query to one server, and reads its reply: values, a CNAME, or a referral to a zone's
servers.

Silence and errors raise `NoAnswer`. Which servers are asked, and in which order, is for `resolver`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, cast

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
from dns.flags import Flag
from dns.message import Message, QueryMessage
from dns.name import Name
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from byodkim_provider.dkim.records import MAX_VALUE
from byodkim_provider.progress import Clock, stopping
from byodkim_provider.property_types import host_and_port

ATTEMPTS: Final = 2
"""Attempts per query and address: one datagram may get lost."""

LOOKUP_SECONDS: Final = 15
"""
Time limit of one lookup with all its queries, in seconds, whatever servers and delegations do.
"""

MAX_QUERIES: Final = 300
"""
Most queries of one lookup. Servers that refer to ever new servers, or CNAMEs, would lead to
thousands.

Sixteen servers of a zone, of two zones above it, and of a CNAME's target need about 150.
"""

EDNS_PAYLOAD: Final = 1232
"""Octets of UDP reply asked for, which no path has to fragment (DNS Flag Day 2020)."""


class NoAnswer(Exception):
    """A server gave no usable answer; its text is `failure` of an `Answer`."""


@dataclass
class Questions:
    """The queries of one lookup. A class because they share one deadline."""

    resolvers: Sequence[str]
    clock: Clock
    reply_seconds: float
    silent: set[tuple[str, int]]
    kind: RdataType
    """What is looked up in the end."""
    deadline: float
    """By the monotonic time of `clock`."""
    queries: Iterator[int] = field(default_factory=count)

    def ask_recursives(self, name: Name, kind: RdataType) -> tuple[str, QueryMessage]:
        """The first recursive resolver that answers, and its reply, with or without records."""
        problem: NoAnswer | None = None
        for resolver in self.resolvers:
            try:
                reply = self.exchange(*host_and_port(resolver), name, kind, Flag.RD)
                return resolver, reply
            except NoAnswer as failed:
                problem = problem or failed
        raise problem or NoAnswer("no resolver")

    def exchange(
        self, address: str, port: int, name: Name, kind: RdataType, flags: int = 0
    ) -> QueryMessage:
        """
        The reply to one query. An address that was silent earlier in this run is not queried again.
        """
        if (address, port) in self.silent:
            raise NoAnswer("silent")
        query = dns.message.make_query(name, kind, use_edns=0, payload=EDNS_PAYLOAD, flags=flags)
        for _ in range(ATTEMPTS):
            if stopping.is_set():
                raise NoAnswer("interrupted")
            seconds = min(self.reply_seconds, self.deadline - self.clock.monotonic())
            if seconds <= 0 or next(self.queries) >= MAX_QUERIES:
                raise NoAnswer("no time")
            try:
                # A reply that is too long for UDP comes by TCP. A datagram that does not fit the
                # query may be forged: it is ignored, and the server's own reply is awaited.
                reply, _ = dns.query.udp_with_fallback(
                    query, address, seconds, port, ignore_unexpected=True, ignore_errors=True
                )
                break
            except dns.exception.Timeout:
                continue
            except OSError:  # no route there, or no IPv6 here
                raise NoAnswer("unreachable") from None
            except (dns.exception.DNSException, EOFError):
                raise NoAnswer("garbage") from None
        else:
            if self.clock.monotonic() < self.deadline:  # otherwise it did not get its full time
                self.silent.add((address, port))
            raise NoAnswer("silent")
        # Any other code says nothing about the name.
        if reply.rcode() not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            raise NoAnswer(dns.rcode.to_text(reply.rcode()))
        return cast(QueryMessage, reply)


MAX_SERVERS: Final = 16
"""
Most name servers of a zone that are asked. The root has 13, and more fit into no reply of 512
octets.
"""


_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_*-")
"""
Octets of a name that are shown as they are. Others may be a command to whatever shows or reads
them.
"""


@dataclass(frozen=True)
class Zone:
    """A zone and its name servers, as a referral names them."""

    name: Name
    servers: Collection[Name]


Values = tuple[tuple[str, ...], Name | None]
"""TXT values or addresses that a server has at a name, and their zone, if the reply names it."""

Said = Values | Name | Zone
"""
A server's answer about a name: values, the target of a CNAME, or a referral to a delegated zone.
"""


def said_in(reply: Message, name: Name, zone: Zone, kind: RdataType) -> Said:
    """What *reply*, from a server of *zone*, says about the records of a *kind* at *name*."""
    if reply.flags & Flag.AA:
        alias = reply.get_rrset(reply.answer, name, RdataClass.IN, RdataType.CNAME)
        if alias:
            target: Name = alias[0].target
            return target
        found = reply.get_rrset(reply.answer, name, RdataClass.IN, kind) or ()
        return values_of(found), zone_of(reply, name, zone.name)
    for rrset in reply.authority:
        # Only referrals towards the name count: a lame server may refer to the root, or to itself.
        down = rrset.name != zone.name and rrset.name.is_subdomain(zone.name)
        if down and rrset.rdtype == RdataType.NS and name.is_subdomain(rrset.name):
            return Zone(rrset.name, {record.target for record in rrset})
    raise NoAnswer("lame")


def zone_of(reply: Message, name: Name, above: Name = dns.name.root) -> Name | None:
    """
    The zone of *name*, at or below *above*, by the reply's SOA or NS record; None if it has none.
    """
    for rrset in reply.authority:
        is_between = name.is_subdomain(rrset.name) and rrset.name.is_subdomain(above)
        if is_between and rrset.rdtype in (RdataType.SOA, RdataType.NS):
            return rrset.name
    return None


def existing_part(name: Name) -> Name:
    """
    The part of a CNAME's target that can be assumed to exist: above the record and all `_labels`.
    """
    parent = name.parent()
    while any(label.startswith(b"_") for label in parent.labels):
        parent = parent.parent()
    return parent


def values_of(records: Iterable[Any]) -> tuple[str, ...]:
    """
    TXT values, the strings of each joined, MX values, or addresses; sorted.

    A value is cut after `MAX_VALUE` octets: whoever answers may send anything.
    """
    values = []
    for record in records:
        if record.rdtype == RdataType.TXT:
            octets = b"".join(record.strings)[:MAX_VALUE]
            values.append(octets.decode("utf-8", "backslashreplace"))
        elif record.rdtype == RdataType.MX:
            values.append(f"{record.preference} {text_of(record.exchange)}")
        else:
            values.append(record.address)
    return tuple(sorted(values))


def text_of(name: Name) -> str:
    r"""
    *name* in lower case, without a final dot; any other octet than host names and wildcards have as
    `\DDD`.

    >>> text_of(dns.name.from_text("::error::.Example.com."))
    '\\058\\058error\\058\\058.example.com'
    """
    labels = name.canonicalize().labels[:-1]
    shown = (
        (chr(octet) if octet in _PLAIN else f"\\{octet:03}" for octet in label) for label in labels
    )
    return ".".join(map("".join, shown)) or "."
