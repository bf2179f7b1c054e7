"""
Which name servers verifiers ask for a domain's records, and which change of DNS providers would lose one.

Zones are labels (`route53:Z0123456789ABC`), name servers are names without final dots. Values
in, values or a refusal out: no lookup here, no Pulumi.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from textwrap import indent
from typing import NamedTuple

from byodkim_provider.dkim import generations, records
from byodkim_provider.dns import panels
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.panels import PANELS, of_label
from byodkim_provider.hosts.registry import hours_to_show
from byodkim_provider.identity.state import MANUAL, Declared, Stored
from byodkim_provider.messages.identity import IdentityNote, IdentityProblem


def leaving(before: Declared, after: Declared) -> tuple[str, ...]:
    """Zones whose records a change would delete. Records that people pasted always stay."""
    if not after.dns:
        return ()
    staying = set(before.published) & set(after.published)  # the others leave when `generations` lets them
    held = {label for one in staying for label in _holding(before, one)} if staying else {*before.dns}
    return tuple(
        label for label in before.dns if label in held and label not in after.dns and label != MANUAL
    )


def _holding(declared: Declared, generation: int) -> list[str]:
    """Labels of the zones that hold the record of a generation."""
    begins = declared.dns_from or {}
    zones = [_Begins(label, begins.get(label, 1)) for label in declared.dns]
    return [zone.label for zone in generations.holding(zones, generation)]


class _Begins(NamedTuple):
    label: str
    from_generation: int


def refuse_leaving(stored: Stored, declared: Declared, labels: Sequence[str], asked: Set[str]) -> None:
    """
    Raise `InvalidSettings` if the records at *labels* are those that verifiers find.

    *asked* are the name servers that serve the record now, or what the domain's CNAME leads to; empty if that
    can't be seen.
    """
    before = stored.declared
    if stored.key is None:
        return  # SES never had a key, so no mail was signed
    subject = f"{before.domain} {before.region}"
    moves = "CNAMEs" if before.cname else "name servers"
    for label in labels:
        named: Set[str] | None
        if before.cname:
            named = {alias for alias in asked if not alias.endswith(f".{declared.cname}")}
        else:
            named = _serving(label, before, asked)
        if named is None and asked and _none_of(declared, asked):
            named = set(asked)  # of two zones it must be this one
        if named:
            servers = ", ".join(sorted(named))
            raise InvalidSettings(
                IdentityProblem.ASKED_FOR(name=subject, zone=label, servers=servers, moves=moves)
            )
        exchanged = not set(before.dns) & set(declared.dns)
        if exchanged and (named is None or not asked):
            raise InvalidSettings(IdentityProblem.EXCHANGED(name=subject, zone=label, moves=moves))


def _serving(label: str, declared: Declared, asked: Set[str]) -> set[str] | None:
    """Servers among *asked* that serve the zone *label*; None if its name servers are not known."""
    if names := declared.name_servers.get(label):
        return set(asked) & set(names)
    panel = of_label(label)
    served = {server for server in asked if panel and panels.serves(panel, [server])}
    # A zone may have name servers under other names than most at its host.
    return served if served or (panel and panel.serves_all) else None


def _none_of(declared: Declared, asked: Set[str]) -> bool:
    """Whether none of *asked* serves any zone of the record, and all zones' name servers are known."""
    return bool(declared.dns) and all(_serving(label, declared, asked) == set() for label in declared.dns)


def served_elsewhere(declared: Declared, asked: Set[str]) -> str:
    """
    The message if the name servers are not those of any zone of the record, else "".

    Also "" if that can't be determined, or is intended: people publish where they are asked to.
    """
    if declared.cname or not asked or not _none_of(declared, asked):
        return ""
    names = {label: ", ".join(declared.name_servers.get(label, ())) for label in declared.dns}
    zones = [f"{label} has {of if of else 'none of them'}" for label, of in names.items()]
    servers = ", ".join(sorted(asked))
    return str(IdentityNote.ELSEWHERE(domain=declared.domain, servers=servers, zones=" and ".join(zones)))


def what_to_paste(declared: Declared) -> str:
    """The records that have to be there before SES gets the key, each field on a line of its own."""
    if declared.cname:
        cnames = records.cnames(declared.selector[:-1], declared.domain, declared.cname)
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
