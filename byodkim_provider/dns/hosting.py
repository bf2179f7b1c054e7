"""
Which zone holds a domain, and which name servers serve the zone: where its DNS is.

Recursive resolvers are asked for NS records at domains that exist, never for a record's name.
Failures are values, never exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import dns.name
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
    # One set for all lookups: a resolver that did not answer is not asked again.
    return partial(_zone, tuple(resolvers) or system_resolvers(), clock or Clock(), set())


def _zone(resolvers: tuple[str, ...], clock: Clock, silent: set[tuple[str, int]], domain: str) -> ZoneInDns:
    if not resolvers:
        return ZoneInDns(failure="no resolver")
    questions = Questions(resolvers, clock, REPLY_SECONDS, silent)
    name = dns.name.from_text(domain)
    while len(name) > 2:  # the root counts as a label: no domain is in the zone of a top-level one
        try:
            reply = questions.ask_recursives(name, RdataType.NS)
        except NoAnswer as problem:
            return ZoneInDns(failure=problem.failure)
        if found := reply.get_rrset(reply.answer, name, RdataClass.IN, RdataType.NS):
            servers = sorted(text_of(record.target) for record in found)
            return ZoneInDns(text_of(name), tuple(servers[:MAX_SERVERS]))
        above = zone_of(reply, name)
        name = above if above and above != name else name.parent()
    return ZoneInDns(failure="no zone")
