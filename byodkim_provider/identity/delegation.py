"""
Which name servers verifiers ask for a domain's records, and what follows: a warning if these serve
none of its zones, and a refusal to take a record from a zone that they serve.

A move to another DNS provider is over once the registrar names its servers, or, with `cname`, once
the CNAMEs lead to its zone.
"""

import functools
from collections.abc import Callable, Collection, Set

from byodkim_provider.dkim import records
from byodkim_provider.dns import panels
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.dns.visibility import servers_asked
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.zones import MANUAL, Zone
from byodkim_provider.identity.run import Run
from byodkim_provider.identity.state import Declared, Stored
from byodkim_provider.messages import Message
from byodkim_provider.messages.identity import IdentityMessages


def refuse_leaving(
    stored: Stored, declared: Declared, run: Run, is_gone: Callable[[Zone], bool]
) -> None:
    """
    Raise `InvalidSettings` if a change would take a record from where verifiers find it.

    A zone that *is_gone* holds no record that could be lost.
    """
    before = stored.declared
    is_listed = before.account_id == declared.account_id  # another account lists other zones
    if stored.key is None:
        return  # SES never had a key, so no mail was signed
    resolver = run.resolver(declared.dns_check, declared.dns_resolvers)
    asked_for = functools.cache(functools.partial(_asked_for, before, resolver))
    for generation in sorted({*before.published} & {*declared.published}):
        for zone in before.zones_of(generation):
            if _loses(zone, generation, declared) and not (is_listed and is_gone(zone)):
                asked = asked_for(zone.slot_name(generation, before.domain))
                problem = _problem(zone, generation, before, declared, asked)
                if problem:
                    raise InvalidSettings(problem)


def _loses(zone: Zone, generation: int, declared: Declared) -> bool:
    """Whether *declared* has no record of *generation* in *zone*; what people pasted stays."""
    after = [one.path for one in declared.zones_of(generation)]
    return zone.provider != MANUAL and zone.path not in after


def _problem(
    zone: Zone, generation: int, before: Declared, declared: Declared, asked: Set[str]
) -> Message | None:
    """
    Why *zone* must not lose the record of *generation* yet; None if it may.

    It may if nothing of *asked* leads verifiers there, and if that can't be seen, it may as long as
    one of the zones of today keeps the record. *asked* are the name servers that are asked for it
    now, and what the CNAME of a slot leads to; empty if that can't be seen.
    """
    after = declared.zones_of(generation)
    slot = zone.slot_name(generation, before.domain)
    moves = "name servers"
    leading = _serving(zone, asked)  # None if that can't be seen
    if slot and slot not in [one.slot_name(generation, before.domain) for one in after]:
        moves = "CNAMEs"  # to the slot in another zone
        leading = asked & {slot} if asked else None
    elif leading is None and _none_of(after, asked):
        leading = asked  # they serve none of the zones that stay, so they serve this one
    name, label = str(before), zone.label
    if leading:
        servers = ", ".join(sorted(leading))
        return IdentityMessages.ASKED_FOR(name=name, zone=label, servers=servers, moves=moves)
    is_exchanged = all(_loses(one, generation, declared) for one in before.zones_of(generation))
    if leading is None and is_exchanged:
        return IdentityMessages.EXCHANGED(name=name, zone=label, moves=moves)
    return None


def _asked_for(declared: Declared, resolver: DnsResolver | None, slot_name: str | None) -> Set[str]:
    """
    The name servers that are asked for a record now; of a slot also what its CNAME leads to.

    Empty if that can't be seen.
    """
    if resolver is None:
        return frozenset()
    if slot_name:
        name = records.record_name(records.split_name(slot_name)[0], declared.domain)
        answers = resolver.txt(name, declared.domain)
        aliases = {one.target for one in answers if one.target}
        return aliases | {one.server for one in answers if one.target == slot_name}
    # If the key that signs has a slot, its CNAME says nothing of the records that have none.
    name = f"_domainkey.{declared.domain}" if declared.cname else declared.record_name
    return servers_asked(resolver.txt(name, declared.domain))


def _serving(zone: Zone, asked: Set[str]) -> Set[str] | None:
    """The servers among *asked* that serve *zone*; None if that can't be told."""
    if asked and zone.name_servers:
        return asked & {*zone.name_servers}
    panel = zone.host_panel
    if not asked or panel is None:
        return None
    served = {server for server in asked if panels.serves(panel, [server])}
    # A zone may have name servers under other names than most at its host.
    return served if served or panel.serves_all else None


def _none_of(zones: Collection[Zone], asked: Set[str]) -> bool:
    """Whether surely none of *asked* serves any of *zones*."""
    return bool(zones) and all(_serving(zone, asked) == set() for zone in zones)


def served_by(declared: Declared, run: Run) -> Set[str]:
    """
    The name servers that are asked for the records of a new identity; empty if that can't be seen
    yet.
    """
    resolver = run.resolver(declared.dns_check, declared.dns_resolvers)
    if resolver is None or declared.cname:
        return frozenset()
    # The record's own name is not looked up: a preview may not know it, and a recursive resolver
    # would keep "no such name" for it.
    answers = resolver.txt(f"_domainkey.{declared.domain}", declared.domain)
    return servers_asked([answer for answer in answers if answer.values is not None])


def served_elsewhere(declared: Declared, asked: Set[str]) -> str:
    """
    A message if the name servers serve no zone of the record.

    "" if they do, or if we can't tell, as with `cname`, whose target has other servers.
    """
    zones = declared.signing_zones
    if declared.cname or not _none_of(zones, asked):
        return ""
    known = [(zone.label, ", ".join(zone.name_servers) or "none of them") for zone in zones]
    served = " and ".join(f"{label} has {servers}" for label, servers in known)
    servers = ", ".join(sorted(asked))
    return str(IdentityMessages.ELSEWHERE(domain=declared.domain, servers=servers, zones=served))
