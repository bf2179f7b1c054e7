"""
Which zone holds a domain, and which name servers serve the zone: where its DNS is.

Recursive resolvers are asked for NS records at domains that exist, never for a record's name.
Failures are values, never exceptions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dns.name
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from byodkim_provider.dns._questions import Questions
from byodkim_provider.dns._replies import MAX_SERVERS, NoAnswer, text_of, zone_of
from byodkim_provider.dns.resolver import REPLY_SECONDS, system_resolvers
from byodkim_provider.progress import Clock


@dataclass(frozen=True, slots=True)
class ZoneInDns:
    """The longest zone that holds a domain, as DNS has it."""

    name: str = ""
    """Without a final dot; "" if no zone was found."""
    name_servers: tuple[str, ...] = ()
    """Without final dots, sorted."""
    failure: str = ""
    """Why there is no zone, as in `resolver.Answer`: "no zone" if DNS says that there is none."""


HostingLookup = Callable[[str], ZoneInDns]
"""The zone of a domain. Any thread may call it."""


def hosting_lookup(resolvers: Sequence[str] = (), *, clock: Clock | None = None) -> HostingLookup:
    """A lookup by the recursive *resolvers*, `address[:port]`; by default the system's."""
    return _Lookup(tuple(resolvers) or system_resolvers(), clock or Clock()).zone


class _Lookup:
    """
    Lookups of many domains.

    A class so that a zone that holds several domains is looked up once, and a resolver that
    does not answer is not asked again.
    """

    def __init__(self, resolvers: tuple[str, ...], clock: Clock) -> None:
        self._resolvers = resolvers
        self._clock = clock
        self._silent: set[tuple[str, int]] = set()
        self._known: dict[Name, ZoneInDns | Name] = {}
        """By name: the zone with this name, or a name above it at which to go on."""
        self._lock = threading.Lock()

    def zone(self, domain: str) -> ZoneInDns:
        if not self._resolvers:
            return ZoneInDns(failure="no resolver")
        questions = Questions(self._resolvers, self._clock, REPLY_SECONDS, self._silent)
        name = dns.name.from_text(domain)
        while len(name) > 2:  # the root counts as a label: no domain is in the zone of a top-level one
            with self._lock:
                known = self._known.get(name)
            if known is None:
                try:
                    known = _at(name, questions)
                except NoAnswer as problem:
                    return ZoneInDns(failure=problem.failure)
                with self._lock:
                    self._known[name] = known
            if isinstance(known, ZoneInDns):
                return known
            name = known
        return ZoneInDns(failure="no zone")


def _at(name: Name, questions: Questions) -> ZoneInDns | Name:
    """The zone called *name*, or else the name at which to go on: the next zone above, if DNS names it."""
    reply = questions.ask_recursives(name, RdataType.NS)
    found = reply.get_rrset(reply.answer, name, RdataClass.IN, RdataType.NS)
    if found:
        return ZoneInDns(
            text_of(name), tuple(sorted(text_of(record.target) for record in found)[:MAX_SERVERS])
        )
    above = zone_of(reply, name)
    return above if above and above != name else name.parent()
