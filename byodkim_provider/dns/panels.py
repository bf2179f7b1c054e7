"""
What to type into which field of a provider's DNS panel, for a TXT record or a CNAME.

Data and instructions: no DNS, no AWS. If a provider documents nothing about a field, it is marked
as unknown, never guessed. `records` builds names and values; this module only formats them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from byodkim_provider.dkim.records import quoted
from byodkim_provider.messages.dkim import DkimMessages

RecordType = Literal["TXT", "CNAME", "MX"]
"""A type of DNS records that people type in."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One provider's panel for DNS records, as the user sees it."""

    title: str
    where: str
    """Menu path to the form for a new record in `{zone}`; empty if not known."""
    name_field: str
    value_field: str
    target_field: str = "Value"
    """The field for the target of a CNAME, by a usual name if it is not known."""
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
    """Whether one of these name servers, as a lookup names them, is of this panel's provider."""
    return any(
        re.fullmatch(pattern, server) for server in name_servers for pattern in panel.name_servers
    )


def instructions(
    panel: Panel | None,
    *,
    name: str,
    value: str,
    zone: str,
    kind: RecordType = "TXT",
    edit: bool = False,
) -> str:
    """
    What to type into which field for a record in *zone*, one field per line, ready to be pasted;
    None is a panel that is not known.

    *value* is the target of a CNAME, or priority and mail server. *edit*: the record is there, a
    second one would do harm. Raises ValueError for a name that is not in the zone.
    """
    if panel is None:
        return f"type:  {kind}\nname:  {name}\nvalue: {value}"
    typed_name = "@" if name == zone else name.removesuffix(f".{zone}")
    if typed_name == name:
        raise ValueError(DkimMessages.NOT_IN_ZONE(name=name, zone=zone))
    if panel.name_form == "full, final dot":
        typed_name = f"{name}."
    typed_value, field, rule = value, panel.target_field, target_rule(value, zone)
    quirks = MX_RULES if kind == "MX" else panel.cname_quirks
    if kind == "TXT":
        field, rule, quirks = panel.value_field, VALUE_RULES[panel.value_form], panel.txt_quirks
        if panel.value_form == "quoted strings":
            typed_value = quoted(value)
    fields = {
        "Type": panel.type_choice.format(kind=kind),
        panel.name_field: typed_name,
        field: typed_value,
    }
    if panel.ttl:
        fields["TTL"] = panel.ttl
    heading = f"{panel.title} of {zone}"
    if edit:
        heading += ", edit the record that is there, add none"
    elif panel.where:
        heading = f"{panel.title}: {panel.where.format(zone=zone)}"
    if kind != "TXT":
        heading = re.sub(" › [^›]*TXT.*", "", heading)
    notes = []
    if panel.max_name and len(typed_name) > panel.max_name:
        notes.append(
            f"the name has {len(typed_name)} characters, at most {panel.max_name} fit: take a "
            "shorter selector, `cname` or `mailFrom`, or give the sub-domain a zone of its own, "
            "by NS records"
        )
    if panel.name_form == "unknown":
        notes.append(f"the whole name is {name}.")
    notes += [f"{panel.name_field}: {NAME_RULES[panel.name_form]}", f"{field}: {rule}"]
    notes += [*panel.quirks, *quirks]
    width = max(map(len, fields)) + 1
    lines = [f"  {label + ':':{width}} {text}" for label, text in fields.items()]
    return "\n".join([heading, *lines, *(f"  - {note}" for note in notes)])


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
