"""
What to type into which field of a provider's DNS panel, for a TXT record or a CNAME.

Data and instructions: no DNS, no AWS. If a provider documents nothing about a field, it is marked
as unknown, never guessed. `records` builds names and values; this module only formats them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
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
    max_value: int | None = None
    """Of a TXT record."""
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


def name_to_type(panel: Panel, *, record_name: str, zone: str) -> str:
    """
    What to type into the panel's name field; raises ValueError for a name that is not in *zone*.

    In most panels `s1._domainkey.mail` for `s1._domainkey.mail.example.com` in the zone
    `example.com`.
    """
    relative = record_name.removesuffix(f".{zone}")
    if relative == record_name:
        raise ValueError(DkimMessages.NOT_IN_ZONE(name=record_name, zone=zone))
    return f"{record_name}." if panel.name_form == "full, final dot" else relative


def value_to_type(panel: Panel, record_value: str, kind: RecordType = "TXT") -> str:
    """What to type into the panel's field for a value or a target, on one line."""
    return (
        quoted(record_value)
        if kind == "TXT" and panel.value_form == "quoted strings"
        else record_value
    )


def problems(
    panel: Panel, *, record_name: str, record_value: str, zone: str, kind: RecordType = "TXT"
) -> tuple[str, ...]:
    """Known reasons why the panel refuses this record."""
    name = name_to_type(panel, record_name=record_name, zone=zone)
    value = value_to_type(panel, record_value, kind)
    max_value = panel.max_value if kind == "TXT" else None
    part = "prefix under `cname`" if kind == "CNAME" else "selector"
    if "._domainkey" not in record_name:
        part = "`mailFrom`"
    way = f"take a shorter {part}, or give the sub-domain a zone of its own, by NS records"
    limits = (
        ("name", name, panel.max_name, way),
        ("value", value, max_value, "take a shorter key"),
    )
    return tuple(
        f"the {field} has {len(text)} characters, at most {most} fit: {fix}"
        for field, text, most, fix in limits
        if most and len(text) > most
    )


def instructions(
    panel: Panel | None,
    *,
    record_name: str,
    record_value: str,
    zone: str,
    edit: bool = False,
    kind: RecordType = "TXT",
) -> str:
    """
    What to type into which field, one field per line, ready to be pasted; None is a panel that is
    not known.

    *record_value* is the target of a CNAME, or priority and mail server. *zone* is the zone in the
    panel. Raises ValueError for a name that is not in it. *edit*: the record is there, a second one
    would do harm.
    """
    if panel is None:
        return f"type:  {kind}\nname:  {record_name}\nvalue: {record_value}"
    lines = form(
        panel,
        record_name=record_name,
        record_value=record_value,
        zone=zone,
        edit=edit,
        kind=kind,
    )
    return "\n".join([*lines, *rules(panel, record_value=record_value, zone=zone, kind=kind)])


def form(
    panel: Panel,
    *,
    record_name: str,
    record_value: str,
    zone: str,
    edit: bool = False,
    kind: RecordType = "TXT",
) -> list[str]:
    """The fields of `instructions`, and what holds for this record alone."""
    value_field = panel.value_field if kind == "TXT" else target_field(panel)
    fields = {
        "Type": panel.type_choice.format(kind=kind),
        panel.name_field: name_to_type(panel, record_name=record_name, zone=zone),
        value_field: value_to_type(panel, record_value, kind),
    }
    if panel.ttl:
        fields["TTL"] = panel.ttl
    width = max(map(len, fields)) + 1
    steps = panel.where.format(zone=zone).split(" › ")
    if kind != "TXT":
        steps = list(takewhile(lambda step: "TXT" not in step, steps))
    if edit:
        steps = list(
            takewhile(lambda step: not step.startswith(("Add ", "Create ", "TXT ")), steps)
        )
    heading = f"{panel.title}: {' › '.join(steps)}" if panel.where else f"{panel.title} of {zone}"
    lines = [f"{heading}, edit the record that is there, add none" if edit else heading]
    lines += [f"  {field + ':':{width}} {text}" for field, text in fields.items()]
    for problem in problems(
        panel, record_name=record_name, record_value=record_value, zone=zone, kind=kind
    ):
        lines.append(f"  - {problem}")
    if panel.name_form == "unknown":
        lines.append(f"  - the whole name is {record_name}.")
    return lines


def rules(
    panel: Panel, *, record_value: str, zone: str, kind: RecordType = "TXT"
) -> tuple[str, ...]:
    """The lines of `instructions` that hold for all records of *kind* in *zone*."""
    value_field = panel.value_field if kind == "TXT" else target_field(panel)
    unknown: tuple[str, ...] = ()
    if panel.target_field is None:
        unknown = (f"what the field {value_field!r} is called for a {kind} is not known to us",)
    quirks = {
        "TXT": panel.txt_quirks,
        "CNAME": panel.cname_quirks or unknown,
        "MX": (*MX_RULES, *unknown),
    }
    rule = value_rule(panel) if kind == "TXT" else target_rule(record_value, zone)
    names = (f"{panel.name_field}: {name_rule(panel)}", f"{value_field}: {rule}")
    return tuple(f"  - {line}" for line in (*names, *panel.quirks, *quirks[kind]))


_NAME_RULES: Final = {
    "relative": "without the zone at its end, the panel adds that itself",
    "full, final dot": (
        "the whole name with a dot behind it, else the panel adds the zone once more"
    ),
    "unknown": "without the zone at its end, which most panels add themselves; "
    "if the saved record lacks it, type the whole name with a dot behind it",
}

_VALUE_RULES: Final = {
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


def name_rule(panel: Panel) -> str:
    """How to type the name in this panel."""
    return _NAME_RULES[panel.name_form]


def value_rule(panel: Panel) -> str:
    """How to type the value in this panel."""
    return _VALUE_RULES[panel.value_form]
