"""
Sends one DNS query to one server, within a time limit.

Silence and errors raise `NoAnswer`. `_replies` reads what a reply says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Final, TypeVar
from urllib.parse import urlsplit

import dns.exception
import dns.message
import dns.query
from dns.flags import Flag
from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType

from byodkim_provider.dns._replies import NoAnswer, refuse_errors
from byodkim_provider.progress import Clock, stopping

ATTEMPTS: Final = 2
"""Attempts per query and address: one datagram may get lost."""

LOOKUP_SECONDS: Final = 15
"""Time limit of one lookup with all its queries, in seconds, whatever servers and delegations do."""

MAX_QUERIES: Final = 300
"""
Most queries of one lookup. Servers that refer to ever new servers, or CNAMEs, would lead to thousands.

Sixteen servers of a zone, of two zones above it, and of a CNAME's target need about 150.
"""

EDNS_PAYLOAD: Final = 1232
"""Octets of UDP reply asked for, which no path has to fragment (DNS Flag Day 2020)."""

_T = TypeVar("_T")


class Questions:
    """The queries of one lookup. A class because they share one deadline."""

    def __init__(
        self, resolvers: Sequence[str], clock: Clock, reply_seconds: float, silent: set[tuple[str, int]]
    ) -> None:
        self.resolvers = resolvers
        self.port = host_and_port(resolvers[0])[1]
        self._clock = clock
        self._reply_seconds = reply_seconds
        self._silent = silent
        self._queries = count(1)
        self._deadline = clock.monotonic() + LOOKUP_SECONDS

    def ask_recursives(self, name: Name, kind: RdataType) -> Message:
        """The reply of the first recursive resolver that answers."""
        return first(
            (partial(self.ask_recursive, resolver, name, kind) for resolver in self.resolvers),
            NoAnswer("no resolver"),
        )

    def ask_recursive(self, resolver: str, name: Name, kind: RdataType) -> Message:
        """The reply of *resolver*, with or without records."""
        try:
            reply = self.exchange(*host_and_port(resolver), name, kind, Flag.RD)
            refuse_errors(reply)
        except NoAnswer as problem:
            raise NoAnswer(problem.failure, resolver) from None
        return reply

    def exchange(self, address: str, port: int, name: Name, kind: RdataType, flags: int = 0) -> Message:
        """The reply to one query. An address that was silent earlier in this run is not queried again."""
        if (address, port) in self._silent:
            raise NoAnswer("silent")
        query = dns.message.make_query(name, kind, use_edns=0, payload=EDNS_PAYLOAD, flags=flags)
        for _ in range(ATTEMPTS):
            if next(self._queries) > MAX_QUERIES:
                raise NoAnswer("no time")
            try:
                return self._send(query, address, port)
            except dns.exception.Timeout:
                continue
            except OSError:  # no route there, or no IPv6 here
                raise NoAnswer("unreachable") from None
            except (dns.exception.DNSException, EOFError):
                raise NoAnswer("garbage") from None
        if self._clock.monotonic() < self._deadline:  # otherwise it did not get its full time
            self._silent.add((address, port))
        raise NoAnswer("silent")

    def _send(self, query: Message, address: str, port: int) -> Message:
        """The reply by UDP, or by TCP if it is too long for that."""
        try:
            # Whoever forges the address of a server sends a datagram before the server's: it is not the last.
            return dns.query.udp(
                query,
                address,
                self._seconds_left(),
                port,
                ignore_unexpected=True,
                ignore_errors=True,
                raise_on_truncation=True,
            )
        except dns.message.Truncated:
            return dns.query.tcp(query, address, self._seconds_left(), port)

    def _seconds_left(self) -> float:
        """Time limit of the next reply."""
        if stopping.is_set():
            raise NoAnswer("interrupted")
        left = min(self._reply_seconds, self._deadline - self._clock.monotonic())
        if left <= 0:
            raise NoAnswer("no time")
        return left


def first(attempts: Iterable[Callable[[], _T]], otherwise: NoAnswer) -> _T:
    """The result of the first attempt that succeeds; if none does, raises the first attempt's error."""
    problem: NoAnswer | None = None
    for attempt in attempts:
        try:
            return attempt()
        except NoAnswer as failed:
            problem = problem or failed
    raise problem or otherwise


def host_and_port(resolver: str) -> tuple[str, int]:
    """Host and port of `host[:port]`, `[v6]:port` or a bare IPv6 address."""
    if resolver.count(":") > 1 and "[" not in resolver:
        return resolver, 53
    parts = urlsplit(f"//{resolver}")
    return parts.hostname or "", parts.port or 53
