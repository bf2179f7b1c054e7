"""
Which name servers verifiers ask for a domain's records, and which change of DNS providers would lose one.

Zones are labels (`route53:Z0123456789ABC`), name servers are names without final dots. Values
in, values or a refusal out: no lookup here, no Pulumi.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from textwrap import indent

from byodkim_provider.dns import panels
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.registry import PANELS, hours_to_show, of_label
from byodkim_provider.identity.state import MANUAL, Declared, Stored
from byodkim_provider.messages.identity import IdentityMessages


def leaving(before: Declared, after: Declared) -> tuple[str, ...]:
    """Places that generations which stay would leave. Records that people pasted always stay."""
    if not after.dns:
        return ()
    gone = [
        place
        for one in _staying(before, after)
        for place in before.places_of(one)
        if place not in after.places_of(one) and place != MANUAL
    ]
    return tuple(dict.fromkeys(gone))


def _staying(before: Declared, after: Declared) -> list[int]:
    """Generations in DNS before and after a change. The others leave when `generations` lets them."""
    return sorted({*before.published} & {*after.published}) or [0]  # 0: wherever there is a record


def parts(place: str) -> tuple[str, str]:
    """The zone's label, and the record's name there if the domain's own leads to it by a CNAME, else ""."""
    name, _, label = place.partition("@")
    return (label, name) if "._domainkey." in name else (place, "")


def refuse_leaving(stored: Stored, declared: Declared, places: Sequence[str], asked: Set[str]) -> None:
    """
    Raise `InvalidSettings` if the records at *places* are those that verifiers find.

    *asked* are the name servers that are asked for them now, and what the CNAMEs of slots lead to; empty if
    that can't be seen.
    """
    before = stored.declared
    if stored.key is None:
        return  # SES never had a key, so no mail was signed
    subject = f"{before.domain} {before.region}"
    for place in places:
        label, name = parts(place)
        moved = [one for one in _staying(before, declared) if place in before.places_of(one)]
        after = dict(parts(new) for one in moved for new in declared.places_of(one))
        by_cname = bool(name) and name not in after.values()
        moves = "CNAMEs" if by_cname else "name servers"
        named = {name} & asked if by_cname else _serving(label, before, asked)
        if named is None and asked and _none_of(after, declared, asked):
            named = set(asked)  # of two zones it must be this one
        if named:
            servers = ", ".join(sorted(named))
            raise InvalidSettings(
                IdentityMessages.ASKED_FOR(name=subject, zone=label, servers=servers, moves=moves)
            )
        exchanged = any({*before.places_of(one)}.isdisjoint(declared.places_of(one)) for one in moved)
        if exchanged and (named is None or not asked):
            raise InvalidSettings(IdentityMessages.EXCHANGED(name=subject, zone=label, moves=moves))


def _serving(label: str, declared: Declared, asked: Set[str]) -> set[str] | None:
    """Servers among *asked* that serve the zone *label*; None if its name servers are not known."""
    if names := declared.name_servers.get(label):
        return set(asked) & set(names)
    panel = of_label(label)
    served = {server for server in asked if panel and panels.serves(panel, [server])}
    # A zone may have name servers under other names than most at its host.
    return served if served or (panel and panel.serves_all) else None


def _none_of(labels: Collection[str], declared: Declared, asked: Set[str]) -> bool:
    """Whether none of *asked* serves any zone of *labels*, and all zones' name servers are known."""
    return bool(labels) and all(_serving(label, declared, asked) == set() for label in labels)


def served_elsewhere(declared: Declared, asked: Set[str]) -> str:
    """
    The message if the name servers, with `cname` those of the target, are not of any zone of the record.

    Else "", also if that can't be determined, or is intended: people publish where they are asked to.
    """
    is_known = declared.dns_check == "authoritative" and asked
    if not is_known or not _none_of(declared.dns, declared, asked):
        return ""
    names = {label: ", ".join(declared.name_servers.get(label, ())) for label in declared.dns}
    zones = [f"{label} has {of if of else 'none of them'}" for label, of in names.items()]
    servers = ", ".join(sorted(asked))
    domain = declared.cname or declared.domain
    return str(IdentityMessages.ELSEWHERE(domain=domain, servers=servers, zones=" and ".join(zones)))


def what_to_paste(declared: Declared) -> str:
    """The records that have to be there before SES gets the key, each field on a line of its own."""
    if declared.cname:
        cnames = declared.cnames.items()
        lines = [f"  type:  CNAME\n  name:  {name}\n  value: {target}" for name, target in cnames]
        return "\n".join(lines)
    slow = next((label for label in declared.dns if hours_to_show(label)), None)
    if slow and MANUAL not in declared.dns:
        hours = hours_to_show(slow)
        return f"  it is at {slow}, which may take {hours} hours to show it: nothing has to be pasted"
    return record_to_paste(
        declared.record_name,
        declared.record_value,
        panel=declared.panel,
        zone=declared.panel_zone or declared.domain,
    )


def record_to_paste(name: str, value: str, *, panel: str | None, zone: str) -> str:
    """One TXT record, each field on a line of its own, as the *panel* of *zone* names them."""
    if panel is None:
        return f"  type:  TXT\n  name:  {name}\n  value: {value}"
    text = panels.instructions(PANELS[panel], record_name=name, record_value=value, zone=zone)
    return indent(text, "  ")
