"""
What does each authoritative server say about a TXT record?

Answers, not judgements: whether they are good enough is decided in `propagation`. The
network's faults are answers too, nothing here raises for them. Unless it is told to check
by them, no recursive resolver hears a record's name, nor a name between it and its domain:
they remember "no such name" for up to the zone's SOA MINIMUM (RFC 2308 section 5; 15 minutes
on Route 53), and then for all names below it too (RFC 8020).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.resolver
from dns.flags import Flag
from dns.message import Message
from dns.name import Name
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from byodkim_provider.dns.side_by_side import Interrupted, side_by_side
from byodkim_provider.progress import Clock, SystemClock, stopping

__all__ = ["Answer", "DnsResolver"]

REPLY_SECONDS: Final = 1.5
"""How long one question waits for its reply: far servers need 0.3 s."""

ATTEMPTS: Final = 2
"""How often a question is put to an address that stays silent: one datagram may get lost."""

LOOK_SECONDS: Final = 15
"""How long one look at a name may take in all, whatever the servers and delegations do, in seconds."""

MAX_ALIASES: Final = 8
"""CNAMEs followed from one name; BIND and Unbound give up after about as many."""

EDNS_PAYLOAD: Final = 1232
"""Octets of UDP reply asked for, which no path has to fragment (DNS Flag Day 2020)."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server says about one name."""

    server: str
    """Name of the name server, without a final dot; a recursive resolver as it was configured."""

    values: tuple[str, ...] | None
    """
    TXT values, the strings of each joined. Empty for "no such name", for a name without TXT
    and for CNAMEs that never end. None if the server gave no answer that counts.
    """

    failure: str = ""
    """
    Why there are no values: "silent", "unreachable", "no address", "lame", "garbage", "no zone",
    "no resolver", "no time" (left for this look), "interrupted" or a response code ("REFUSED",
    "SERVFAIL" …); with empty values "CNAME loop", "too many CNAMEs" or "CNAME to the root".
    """

    alias: str = ""
    """The name that a CNAME led to, without a final dot, if this is an answer about that one."""

    target: str = field(default="", compare=False)
    """What the CNAME at the very name asked for points to, without a final dot; "" if there is none."""

    zones: tuple[str, ...] = field(default=(), compare=False)
    """
    Zones on the way to the name asked for, without final dots: each delegates the next, the last
    one holds the name. Empty if no zone was found. A zone that its parent's servers serve too
    shows only in an answer without values.
    """


class DnsResolver:
    """
    Looks TXT records up in the real DNS.

    *check* says whom to ask: every authoritative server of the name, or each recursive
    resolver. *resolvers* are the recursive ones, `host[:port]` or `[v6]:port` with an address as
    host, the system's if empty. The first one's port is used for authoritative servers too:
    networks that redirect port 53 get in the way of both.

    *silent* collects the addresses that gave no reply; they are not asked again. One set for a
    run that checks each record once keeps dead servers from costing every lookup their time.
    Whoever polls until a record is visible gives none, so that a server that was busy is heard later.
    """

    def __init__(
        self,
        *,
        check: Literal["authoritative", "recursive"] = "authoritative",
        resolvers: Sequence[str] = (),
        clock: Clock | None = None,
        reply_seconds: float = REPLY_SECONDS,
        silent: set[tuple[str, int]] | None = None,
    ) -> None:
        self._check = check
        self._resolvers = tuple(resolvers)
        self._clock = clock or SystemClock()
        self._reply_seconds = reply_seconds
        self._silent = silent

    def txt(self, name: str, domain: str) -> tuple[Answer, ...]:
        """
        What each server says about the TXT record *name*, sorted by server, never empty.

        *domain* ends *name* and exists already. If not even the zone can be found, the one
        answer is the recursive resolver's, without values.
        """
        resolvers = self._resolvers or _system_resolvers()
        if not resolvers:
            return (Answer("the system", None, "no resolver"),)
        silent = set() if self._silent is None else self._silent
        look = _Look(resolvers, self._clock, self._reply_seconds, silent)
        if self._check == "recursive":
            answers = look.recursive(dns.name.from_text(name))
        else:
            answers = look.authoritative(dns.name.from_text(name), dns.name.from_text(domain))
        # A server can be asked twice: if it serves a zone and one delegated from it.
        return tuple(sorted(set(answers), key=lambda answer: (answer.server, answer.alias, answer.failure)))


class _NoAnswer(Exception):
    """A server gave no answer that counts; *failure* as in `Answer`."""

    def __init__(self, failure: str, server: str = "") -> None:
        super().__init__(failure)
        self.failure = failure
        self.server = server


@dataclass(frozen=True, slots=True)
class _Zone:
    """A zone and its servers, as another server names them."""

    name: Name
    servers: dict[Name, tuple[str, ...] | None]
    """Server to its addresses; None if they have to be looked up."""


@dataclass(frozen=True, slots=True)
class _Values:
    """TXT values that a server has at a name."""

    texts: tuple[str, ...]
    zone: Name | None
    """Where they come from, if the reply says so."""


_Said = _Values | Name | _Zone
"""What a server can say about a name: its values, the target of its CNAME, the zone it was delegated to."""


class _Look:
    """One look at one name. A class because everything in it shares one deadline."""

    def __init__(
        self, resolvers: Sequence[str], clock: Clock, reply_seconds: float, silent: set[tuple[str, int]]
    ) -> None:
        self._resolvers = resolvers
        self._port = _endpoint(resolvers[0])[1]
        self._clock = clock
        self._reply_seconds = reply_seconds
        self._silent = silent
        self._deadline = clock.monotonic() + LOOK_SECONDS

    def recursive(self, name: Name) -> list[Answer]:
        """What each recursive resolver says about *name*."""

        def ask(resolver: str) -> Answer:
            try:
                reply = self._ask_recursive(resolver, name, RdataType.TXT)
            except _NoAnswer as problem:
                return Answer(resolver, None, problem.failure)
            texts = [rrset for rrset in reply.answer if rrset.rdtype == RdataType.TXT]
            alias = next((_text(rrset.name) for rrset in texts if rrset.name != name), "")
            cname = reply.get_rrset(reply.answer, name, RdataClass.IN, RdataType.CNAME)
            values = tuple(value for rrset in texts for value in _values(rrset))
            target = _text(cname[0].target) if cname else ""
            zone = None if cname else _zone_of(reply, name)
            return Answer(resolver, values, alias=alias, target=target, zones=(_text(zone),) if zone else ())

        try:
            return side_by_side(ask, self._resolvers, at_once=len(self._resolvers))
        except Interrupted:
            return [Answer(resolver, None, "interrupted") for resolver in self._resolvers]

    def authoritative(self, name: Name, below: Name, aliases: tuple[Name, ...] = ()) -> list[Answer]:
        """
        What each authoritative server says about *name*.

        *name* lies in the zone that holds *below*, or in one delegated from it. *aliases* led to it.
        """
        try:
            zone = self._zone(below)
        except _NoAnswer as problem:
            return [Answer(problem.server, None, problem.failure, _text(name) if aliases else "")]
        return self._answers(zone, name, aliases)

    def _answers(
        self, zone: _Zone, name: Name, aliases: tuple[Name, ...], above: tuple[str, ...] = ()
    ) -> list[Answer]:
        """What the servers of *zone* say about *name*, and those that they point to; *above* delegate it."""
        alias = _text(name) if aliases else ""
        zones = (*above, _text(zone.name))

        def ask(server: Name) -> tuple[str, _Said | _NoAnswer]:
            try:
                return _text(server), self._ask_server(server, zone, name)
            except _NoAnswer as problem:
                return _text(server), problem

        replies: list[tuple[str, _Said | _NoAnswer]]
        try:
            replies = side_by_side(ask, sorted(zone.servers), at_once=len(zone.servers))
        except Interrupted:
            replies = [(_text(server), _NoAnswer("interrupted")) for server in sorted(zone.servers)]
        answers = [
            Answer(
                server,
                said.texts,
                alias=alias,
                zones=(*zones, _text(said.zone)) if said.zone not in (None, zone.name) else zones,
            )
            for server, said in replies
            if isinstance(said, _Values)
        ]
        children = _merged(said for _, said in replies if isinstance(said, _Zone))
        for child in children:
            answers += self._answers(child, name, aliases, zones)
        if not children:  # else these are the parent zone's servers, and one that is silent says nothing
            answers += [
                Answer(server, None, said.failure, alias, zones=zones)
                for server, said in replies
                if isinstance(said, _NoAnswer)
            ]
        for target, server in {said: server for server, said in replies if isinstance(said, Name)}.items():
            followed = self._follow(target, server, (*aliases, name))
            if not aliases:
                followed = [replace(one, target=_text(target), zones=zones) for one in followed]
            answers += followed
        return answers

    def _follow(self, target: Name, server: str, aliases: tuple[Name, ...]) -> list[Answer]:
        """
        What is said about *target* of a CNAME that *server* has, in the zone where that lives.

        An authority answers with the CNAME alone, unless it happens to serve the target too.
        """
        if target in aliases:
            return [Answer(server, (), "CNAME loop", _text(target))]
        if len(aliases) > MAX_ALIASES:
            return [Answer(server, (), "too many CNAMEs", _text(target))]
        if target == dns.name.root:
            return [Answer(server, (), "CNAME to the root", _text(target))]
        return self.authoritative(target, _existing_part(target), aliases)

    def _zone(self, domain: Name) -> _Zone:
        """
        The topmost zone of two or more labels that holds *domain*.

        Topmost, since a sub-domain may not be in DNS yet and then must not be asked for: the
        servers of the zone above know, and refer to others if it is delegated.
        """
        shortest = min(3, len(domain))  # the root counts as a label
        candidates = (domain.split(labels)[1] for labels in range(shortest, len(domain) + 1))
        return _first(
            (partial(self._zone_at, candidate) for candidate in candidates),
            _NoAnswer("no zone", self._resolvers[0]),
        )

    def _zone_at(self, name: Name) -> _Zone:
        reply = self._ask_recursives(name, RdataType.NS)
        records = reply.get_rrset(reply.answer, name, RdataClass.IN, RdataType.NS)
        if not records:
            raise _NoAnswer("no zone", self._resolvers[0])
        return _Zone(name, {record.target: None for record in records})

    def _ask_server(self, server: Name, zone: _Zone, name: Name) -> _Said:
        """What *server* says about *name*, from the first of its addresses that answers."""

        def ask(address: str) -> _Said:
            return _said(self._exchange(address, self._port, name, RdataType.TXT), name, zone)

        given = zone.servers[server]
        addresses = self._addresses(server) if given is None else given
        return _first((partial(ask, address) for address in addresses), _NoAnswer("no address"))

    def _addresses(self, server: Name) -> Iterator[str]:
        """Addresses of *server*, IPv4 first, looked up no sooner than they are needed."""
        for kind in (RdataType.A, RdataType.AAAA):
            try:
                reply = self._ask_recursives(server, kind)
            except _NoAnswer:
                continue
            # Sorted, since servers shuffle: two looks that see the same should say the same.
            yield from sorted(ip.address for rrset in reply.answer if rrset.rdtype == kind for ip in rrset)

    def _ask_recursives(self, name: Name, kind: RdataType) -> Message:
        """The reply of the first recursive resolver that has one."""
        return _first(
            (partial(self._ask_recursive, resolver, name, kind) for resolver in self._resolvers),
            _NoAnswer("no resolver"),
        )

    def _ask_recursive(self, resolver: str, name: Name, kind: RdataType) -> Message:
        """The reply of *resolver*: records, or that there are none."""
        try:
            reply = self._exchange(*_endpoint(resolver), name, kind, Flag.RD)
            _refuse_errors(reply)
        except _NoAnswer as problem:
            raise _NoAnswer(problem.failure, resolver) from None
        return reply

    def _exchange(self, address: str, port: int, name: Name, kind: RdataType, flags: int = 0) -> Message:
        """The reply to one question; who stayed silent in this run is not asked again."""
        if (address, port) in self._silent:
            raise _NoAnswer("silent")
        query = dns.message.make_query(name, kind, use_edns=0, payload=EDNS_PAYLOAD, flags=flags)
        for _ in range(ATTEMPTS):
            try:
                return self._send(query, address, port)
            except dns.exception.Timeout:
                continue
            except OSError:  # no route there, or no IPv6 here
                raise _NoAnswer("unreachable") from None
            except (dns.exception.DNSException, EOFError):
                raise _NoAnswer("garbage") from None
        if self._clock.monotonic() < self._deadline:  # else it was not given its whole time
            self._silent.add((address, port))
        raise _NoAnswer("silent")

    def _send(self, query: Message, address: str, port: int) -> Message:
        """The reply by UDP, or by TCP if it is too long for that."""
        try:
            return dns.query.udp(
                query, address, self._seconds_left(), port, ignore_unexpected=True, raise_on_truncation=True
            )
        except dns.message.Truncated:
            return dns.query.tcp(query, address, self._seconds_left(), port)

    def _seconds_left(self) -> float:
        """How long the next reply may take."""
        if stopping.is_set():
            raise _NoAnswer("interrupted")
        left = min(self._reply_seconds, self._deadline - self._clock.monotonic())
        if left <= 0:
            raise _NoAnswer("no time")
        return left


def _said(reply: Message, name: Name, zone: _Zone) -> _Said:
    """What the *reply* of a server of *zone* says about *name*."""
    _refuse_errors(reply)
    if reply.flags & Flag.AA:
        alias = reply.get_rrset(reply.answer, name, RdataClass.IN, RdataType.CNAME)
        if alias:
            target: Name = alias[0].target
            return target
        found = reply.get_rrset(reply.answer, name, RdataClass.IN, RdataType.TXT) or ()
        return _Values(_values(found), _zone_of(reply, name, zone.name))
    for rrset in reply.authority:
        # Down towards the name only: a lame server may refer to the root, or back to itself.
        down = rrset.name != zone.name and rrset.name.is_subdomain(zone.name)
        if down and rrset.rdtype == RdataType.NS and name.is_subdomain(rrset.name):
            return _Zone(rrset.name, {ns.target: _glue(reply, ns.target, rrset.name) for ns in rrset})
    raise _NoAnswer("lame")


def _zone_of(reply: Message, name: Name, above: Name = dns.name.root) -> Name | None:
    """The zone at or below *above* that holds *name*, by the SOA or NS beside the answer; None without."""
    owners = [rrset.name for rrset in reply.authority if rrset.rdtype in (RdataType.SOA, RdataType.NS)]
    return next((one for one in owners if name.is_subdomain(one) and one.is_subdomain(above)), None)


def _glue(reply: Message, server: Name, zone: Name) -> tuple[str, ...] | None:
    """Addresses that a referral gives for *server*; None if it needs to give none."""
    addresses = tuple(
        record.address
        for kind in (RdataType.A, RdataType.AAAA)
        for record in sorted(reply.get_rrset(reply.additional, server, RdataClass.IN, kind) or ())
    )
    # A server whose own name is in the zone it serves can't be found in any other way.
    return addresses if addresses or server.is_subdomain(zone) else None


def _merged(zones: Iterable[_Zone]) -> list[_Zone]:
    """Each zone once, with all servers that any of the parent's servers names."""
    merged: dict[Name, dict[Name, tuple[str, ...] | None]] = {}
    for zone in zones:
        servers = merged.setdefault(zone.name, {})
        for server, addresses in zone.servers.items():
            servers[server] = servers.get(server) or addresses
    return [_Zone(name, servers) for name, servers in merged.items()]


def _existing_part(name: Name) -> Name:
    """The part of a CNAME's target that can be taken to exist: above the record and all `_labels`."""
    parent = name.parent()
    while any(label.startswith(b"_") for label in parent.labels):
        parent = parent.parent()
    return parent


def _refuse_errors(reply: Message) -> None:
    if reply.rcode() not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        raise _NoAnswer(dns.rcode.to_text(reply.rcode()))


def _values(records: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted(b"".join(record.strings).decode("utf-8", "backslashreplace") for record in records))


def _text(name: Name) -> str:
    return name.canonicalize().to_text(omit_final_dot=True)


def _first(attempts: Iterable[Callable[[], _T]], otherwise: _NoAnswer) -> _T:
    """The result of the first attempt that has one, else the problem of the first attempt."""
    problem: _NoAnswer | None = None
    for attempt in attempts:
        try:
            return attempt()
        except _NoAnswer as failed:
            problem = problem or failed
    raise problem or otherwise


def _endpoint(resolver: str) -> tuple[str, int]:
    """Host and port of `host[:port]`, `[v6]:port` or a bare IPv6 address."""
    if resolver.count(":") > 1 and "[" not in resolver:
        return resolver, 53
    parts = urlsplit(f"//{resolver}")
    return parts.hostname or "", parts.port or 53


def _system_resolvers() -> tuple[str, ...]:
    try:
        return tuple(str(server) for server in dns.resolver.Resolver().nameservers)
    except dns.resolver.NoResolverConfiguration:
        return ()


def resolver_for(
    check: Literal["authoritative", "recursive", "off"],
    resolvers: Sequence[str],
    *,
    silent: set[tuple[str, int]] | None = None,
) -> DnsResolver | None:
    """What looks records up as `dnsCheck` and `dnsResolvers` say, None for `off`; *silent*: see there."""
    return None if check == "off" else DnsResolver(check=check, resolvers=resolvers, silent=silent)
