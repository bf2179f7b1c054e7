"""
Looks up TXT or MX records, or addresses, at every authoritative server.

Returns answers; `visibility` decides whether they are good enough. Network errors are answers
too, never exceptions. Recursive resolvers never get a query for the record's name, or for a name
between it and its domain, unless no server of the zone can be reached: they cache "no such name"
for up to the zone's SOA MINIMUM (RFC 2308 section 5; 15 minutes on Route 53), and then for all
names below it too (RFC 8020).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal

import dns.exception
import dns.name
import dns.resolver
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from byodkim_provider.dns._replies import (
    LOOKUP_SECONDS,
    MAX_SERVERS,
    NoAnswer,
    Questions,
    Said,
    Zone,
    existing_part,
    said_in,
    text_of,
    values_of,
    zone_of,
)
from byodkim_provider.progress import Clock, side_by_side
from byodkim_provider.property_types import host_and_port

REPLY_SECONDS: Final = 1.5
"""Time limit of one reply, in seconds: distant servers need 0.3 s."""

MAX_ALIASES: Final = 8
"""Longest chain of CNAMEs that is followed; BIND and Unbound have similar limits."""


@dataclass(frozen=True)
class Answer:
    """One server's answer about one name."""

    server: str
    """Name of the name server, without a final dot; a recursive resolver as it was configured."""

    values: tuple[str, ...] | None
    """
    TXT values, the strings of each joined, or addresses. Empty for "no such name", for a name
    without TXT and for CNAMEs that never end. None if the server gave no usable answer.
    """

    failure: str = ""
    """
    Why there are no values: "silent", "unreachable", "no address", "lame", "garbage", "no zone",
    "no resolver", "no time" (left for this lookup), "interrupted" or a response code ("REFUSED",
    "SERVFAIL" …); with empty values "CNAMEs to nowhere".
    """

    target: str = ""
    """
    Target of the CNAME at the queried name, without a final dot; "" if there is none. The values
    are those at its end.
    """

    zones: tuple[str, ...] = field(default=(), compare=False)
    """
    Zones on the path to the queried name, without final dots: each delegates the next, the last
    one holds the name. Empty if no zone was found. If a zone has the same servers
    as its parent, only an answer without values shows that it exists.
    """

    by_resolver: bool = False
    """Whether *server* is a recursive resolver, as no server of the zone can be reached."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DnsResolver:
    """Looks up records in the real DNS."""

    resolvers: Sequence[str] = ()
    """
    Recursive resolvers, `address[:port]` or `[v6]:port`; by default the system's.

    The port of the first is used for authoritative servers too, because networks that redirect port
    53 affect both.
    """
    clock: Clock = field(default_factory=Clock)
    reply_seconds: float = REPLY_SECONDS
    silent: set[tuple[str, int]] | None = None
    """
    Addresses that did not reply, which are not queried again.

    A run that checks each record once shares one set, so that dead servers don't slow every lookup
    down. A poll that waits until a record is visible passes none, so that a busy server can answer
    later.
    """

    def txt(self, name: str, domain: str) -> tuple[Answer, ...]:
        """
        The answers of all servers about the TXT record *name*, sorted by server; never empty.

        *name* is in *domain*, which exists. If the zone can't be found, the only answer is the
        recursive resolver's, without values. Returns within two seconds once the run is
        interrupted.
        """
        return self.look_up(name, domain, "TXT")

    def look_up(
        self, name: str, domain: str, kind: Literal["A", "MX", "TXT"]
    ) -> tuple[Answer, ...]:
        """
        The answers of all servers, as `txt` has them, about records of a *kind*.

        A value is an IPv4 address, or such as `10 mx.example.com`, without a final dot.
        """
        resolvers = self.resolvers or system_resolvers()
        if not resolvers:
            return (Answer("the system", None, "no resolver"),)
        silent = set() if self.silent is None else self.silent
        deadline = self.clock.monotonic() + LOOKUP_SECONDS
        questions = Questions(
            resolvers, self.clock, self.reply_seconds, silent, RdataType[kind], deadline
        )
        host = dns.name.from_text(name)
        answers = _authoritative(questions, host, dns.name.from_text(domain))
        if all(answer.zones and answer.failure in ("silent", "unreachable") for answer in answers):
            # As in a network that lets only its own resolvers ask others. The servers of the zone
            # stay among the answers: who serves it counts in a move.
            answers += _second_hand(questions, host)
        # A server is queried twice if it serves both a zone and a zone delegated from it.
        return tuple(
            sorted(set(answers), key=lambda answer: (answer.server, answer.target, answer.failure))
        )


def _second_hand(questions: Questions, name: Name) -> list[Answer]:
    """The answer about *name* of the first recursive resolver that has one; else none."""
    try:
        resolver, reply = questions.ask_recursives(name, questions.kind)
        chain = reply.resolve_chaining()
    except (NoAnswer, dns.exception.DNSException):
        return []
    values = values_of(chain.answer or ())
    target = text_of(chain.cnames[0][0].target) if chain.cnames else ""
    zone = None if target else zone_of(reply, name)
    zones = (text_of(zone),) if zone else ()
    return [Answer(resolver, values, target=target, zones=zones, by_resolver=True)]


def _authoritative(
    questions: Questions, name: Name, below: Name, aliases: tuple[Name, ...] = ()
) -> list[Answer]:
    """
    Every authoritative server's answer about *name*.

    *name* is in the zone of *below*, or in a zone delegated from it. *aliases* are the names
    whose CNAMEs led to it.

    The search begins at the topmost zone of two or more labels that holds *below*, because a
    sub-domain that is not in DNS yet must not be queried: the servers of the zone above know it,
    and return a referral if it is delegated.
    """
    failure = ""
    shortest = min(3, len(below))  # the root counts as a label
    for labels in range(shortest, len(below) + 1):
        candidate = below.split(labels)[1]
        try:
            _, reply = questions.ask_recursives(candidate, RdataType.NS)
        except NoAnswer as problem:
            failure = failure or str(problem)
            continue
        records = reply.get_rrset(reply.answer, candidate, RdataClass.IN, RdataType.NS)
        if records:
            zone = Zone(candidate, {record.target for record in records})
            return _answers(questions, zone, name, aliases)
        failure = failure or "no zone"
    return [Answer(questions.resolvers[0], None, failure)]


def _answers(
    questions: Questions,
    zone: Zone,
    name: Name,
    aliases: tuple[Name, ...],
    above: tuple[str, ...] = (),
) -> list[Answer]:
    """Answers about *name* of servers of *zone* and zones below; *above*: its parents."""
    zones = (*above, text_of(zone.name))
    servers = sorted(zone.servers)[:MAX_SERVERS]
    ask = partial(_ask_server, questions, zone, name)
    replies = side_by_side(ask, servers, at_once=MAX_SERVERS)
    if replies is None:
        replies = [NoAnswer("interrupted") for _ in servers]
    children: dict[Name, set[Name]] = {}
    for said in replies:
        if isinstance(said, Zone):
            children.setdefault(said.name, set()).update(said.servers)
    targets: dict[Name, str] = {}
    answers: list[Answer] = []
    for server, said in zip(map(text_of, servers), replies, strict=True):
        if isinstance(said, Name):
            targets[said] = server
        elif isinstance(said, tuple):
            values, holder = said
            below = () if holder in (None, zone.name) else (text_of(holder),)
            answers.append(Answer(server, values, zones=(*zones, *below)))
        # With children these are the parent zone's servers, whose silence means nothing.
        elif isinstance(said, NoAnswer) and not children:
            answers.append(Answer(server, None, str(said), zones=zones))
    for child in children.items():
        answers += _answers(questions, Zone(*child), name, aliases, zones)
    for target, server in targets.items():
        path = (*aliases, name)
        is_endless = target in path or len(path) > MAX_ALIASES
        if is_endless or target == dns.name.root:
            followed = [Answer(server, (), "CNAMEs to nowhere")]
        else:
            # An authoritative server returns only the CNAME, unless it serves the target too.
            followed = _authoritative(questions, target, existing_part(target), path)
        if not aliases:
            followed = [replace(answer, target=text_of(target), zones=zones) for answer in followed]
        answers += followed
    return answers


def _ask_server(questions: Questions, zone: Zone, name: Name, server: Name) -> Said | NoAnswer:
    """The answer of *server* about *name*, from the first of its addresses that replies."""
    # Addresses in a referral are not used: a resolver knows them too, and gives no other zone's.
    port = host_and_port(questions.resolvers[0])[1]
    problem: NoAnswer | None = None
    for address in _addresses(questions, server):
        try:
            reply = questions.exchange(address, port, name, questions.kind)
            return said_in(reply, name, zone, questions.kind)
        except NoAnswer as failed:
            problem = problem or failed
    return problem or NoAnswer("no address")


def _addresses(questions: Questions, server: Name) -> Iterator[str]:
    """Addresses of *server*, IPv4 first, each looked up only when needed."""
    for kind in (RdataType.A, RdataType.AAAA):
        try:
            _, reply = questions.ask_recursives(server, kind)
        except NoAnswer:
            continue
        # Sorted, because servers shuffle: equal lookups must give equal answers.
        yield from sorted(
            ip.address for rrset in reply.answer if rrset.rdtype == kind for ip in rrset
        )


def system_resolvers() -> tuple[str, ...]:
    """Addresses of the recursive resolvers that this system uses; empty if none is configured."""
    try:
        found = map(str, dns.resolver.Resolver().nameservers)
        return tuple(f"[{server}]" if ":" in server else server for server in found)
    except dns.resolver.NoResolverConfiguration:
        return ()


def resolver_for(
    check: str,
    resolvers: Sequence[str],
    *,
    silent: set[tuple[str, int]] | None = None,
) -> DnsResolver | None:
    """
    The resolver for `dnsCheck` and `dnsResolvers`, None for `off`; *silent* as in `DnsResolver`.
    """
    return None if check == "off" else DnsResolver(resolvers=resolvers, silent=silent)
