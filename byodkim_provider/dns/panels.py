"""
What to type into which field of a provider's DNS panel, for a TXT record or a CNAME.

Data and instructions: no DNS, no AWS. If a provider documents nothing about a field, it is marked
as unknown, never guessed. `records` builds names and values; this module only formats them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from byodkim_provider.dkim.records import quoted
from byodkim_provider.messages.dkim import DkimMessages

RecordType = Literal["TXT", "CNAME", "MX"]
"""A type of DNS records that people type in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One provider's panel for DNS records, as the user sees it."""

    title: str
    where: str
    """Menu path to the form for a new record in `{zone}`; empty if not known."""
    name_field: str
    value_field: str
    target_field: str | None = None
    """The field for the target of a CNAME; None if its name is not known."""
    type_choice: str = "{kind}"
    """What to choose in the field for the type."""
    name_form: Literal["relative", "full, final dot", "unknown"] = "relative"
    """"relative": without the zone, which the panel adds; or the full name with a final dot."""
    value_form: Literal["one piece", "quoted strings", "unknown"] = "one piece"
    """Unchanged (the panel splits it), or as quoted strings of at most 255 octets."""
    ttl: str
    """What to choose as TTL; empty if the panel has no such field."""
    max_name: int | None = None
    """
    Longest name in the field, in characters; None if DNS's limit is lower, or if it is not known.
    """
    quirks: tuple[str, ...] = ()
    txt_quirks: tuple[str, ...] = ()
    cname_quirks: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()
    """
    Patterns that match the names of its name servers, without a final dot; empty if not known.
    """
    serves_all: bool = False
    """Whether no other name servers serve a zone at this provider."""


def serves(panel: Panel, name_servers: Iterable[str]) -> bool:
    """Whether one of these name servers belongs to this panel's provider."""
    return any(
        re.fullmatch(pattern, server.lower().removesuffix("."))
        for server in name_servers
        for pattern in panel.name_servers
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record that is typed into the panel of its zone."""

    record_name: str
    record_value: str
    """The target of a CNAME, or priority and mail server."""
    zone: str
    """In the panel."""
    kind: RecordType = "TXT"


def name_to_type(panel: Panel, entry: Entry) -> str:
    """
    What to type into the panel's name field; raises ValueError for a name that is not in the zone.

    In most panels `s1._domainkey.mail` for `s1._domainkey.mail.example.com` in the zone
    `example.com`.
    """
    name = entry.record_name
    relative = name.removesuffix(f".{entry.zone}")
    if relative == name:
        raise ValueError(DkimMessages.NOT_IN_ZONE(name=name, zone=entry.zone))
    return f"{name}." if panel.name_form == "full, final dot" else relative


def value_to_type(panel: Panel, entry: Entry) -> str:
    """What to type into the panel's field for a value or a target, on one line."""
    is_quoted = entry.kind == "TXT" and panel.value_form == "quoted strings"
    return quoted(entry.record_value) if is_quoted else entry.record_value


def problems(panel: Panel, entry: Entry) -> tuple[str, ...]:
    """Known reasons why the panel refuses this record."""
    length, most = len(name_to_type(panel, entry)), panel.max_name
    if most is None or length <= most:
        return ()
    return (
        f"the name has {length} characters, at most {most} fit: take a shorter selector, `cname` "
        "or `mailFrom`, or give the sub-domain a zone of its own, by NS records",
    )


def instructions(panel: Panel | None, entry: Entry, *, edit: bool = False) -> str:
    """
    What to type into which field, one field per line, ready to be pasted; None is a panel that is
    not known.

    Raises ValueError for a name that is not in the zone. *edit*: the record is there, a second one
    would do harm.
    """
    if panel is None:
        return f"type:  {entry.kind}\nname:  {entry.record_name}\nvalue: {entry.record_value}"
    return "\n".join([*form(panel, entry, edit=edit), *rules(panel, entry)])


def form(panel: Panel, entry: Entry, *, edit: bool = False) -> list[str]:
    """The fields of `instructions`, and what holds for this record alone."""
    fields = {
        "Type": panel.type_choice.format(kind=entry.kind),
        panel.name_field: name_to_type(panel, entry),
        value_field(panel, entry.kind): value_to_type(panel, entry),
    }
    if panel.ttl:
        fields["TTL"] = panel.ttl
    width = max(map(len, fields)) + 1
    heading = f"{panel.title} of {entry.zone}"
    if edit:
        heading += ", edit the record that is there, add none"
    elif panel.where:
        heading = f"{panel.title}: {panel.where.format(zone=entry.zone)}"
    if entry.kind != "TXT":
        heading = re.sub(" › [^›]*TXT.*", "", heading)
    lines = [heading]
    lines += [f"  {field + ':':{width}} {text}" for field, text in fields.items()]
    lines += [f"  - {problem}" for problem in problems(panel, entry)]
    if panel.name_form == "unknown":
        lines.append(f"  - the whole name is {entry.record_name}.")
    return lines


def rules(panel: Panel, entry: Entry) -> tuple[str, ...]:
    """The lines of `instructions` that hold for all records of a kind in a zone."""
    field, kind = value_field(panel, entry.kind), entry.kind
    unknown: tuple[str, ...] = ()
    if panel.target_field is None:
        unknown = (f"what the field {field!r} is called for a {kind} is not known to us",)
    quirks = {
        "TXT": panel.txt_quirks,
        "CNAME": panel.cname_quirks or unknown,
        "MX": (*MX_RULES, *unknown),
    }
    target = target_rule(entry.record_value, entry.zone)
    rule = VALUE_RULES[panel.value_form] if kind == "TXT" else target
    names = (f"{panel.name_field}: {NAME_RULES[panel.name_form]}", f"{field}: {rule}")
    return tuple(f"  - {line}" for line in (*names, *panel.quirks, *quirks[kind]))


def value_field(panel: Panel, kind: RecordType) -> str:
    """The field for a value or a target, by a usual name if the panel's is not known."""
    return panel.value_field if kind == "TXT" else target_field(panel)


NAME_RULES: Final = {
    "relative": "without the zone at its end, the panel adds that itself",
    "full, final dot": (
        "the whole name with a dot behind it, else the panel adds the zone once more"
    ),
    "unknown": "without the zone at its end, which most panels add themselves; "
    "if the saved record lacks it, type the whole name with a dot behind it",
}

VALUE_RULES: Final = {
    "one piece": "in one piece, on one line, without quotes",
    "quoted strings": "on one line, quotes and the blanks between them included",
    "unknown": "in one piece, on one line, without quotes; "
    'if the panel refuses it, two strings in quotes, "first 255" "rest"',
}

MX_RULES: Final = ("a form with a field for the priority takes the number there",)


def target_rule(target: str, zone: str) -> str:
    """How to type the target of a CNAME in *zone*: at no panel does more than a final dot help."""
    end = ".".join(target.split(".")[-2:])
    return f"the whole name; if it is saved as '….{end}.{zone}', type a dot behind it"


def target_field(panel: Panel) -> str:
    """The field for the target of a CNAME, by a usual name if the panel's is not known."""
    return panel.target_field or "Value"
