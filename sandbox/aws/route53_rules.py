"""
What Route 53 refuses in a change batch, in its own words; moto accepts nearly all of it.

Limits: the service model of Route 53 and "DNS record types" in its developer guide.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from sandbox.dns.zone import RecordSet

STRING_LIMIT: Final = 255
"""Octets of one string of a TXT value."""

_STRING: Final = re.compile(r'"((?:[^"\\]|\\[0-7]{3}|\\.)*)"\s*')
_ESCAPED: Final = re.compile(r"\\([0-7]{3}|.)")


class Change(NamedTuple):
    """One change of a batch: CREATE, UPSERT or DELETE. Names end with a dot."""

    action: str
    record_set: RecordSet


def problems(zone: str, standing: Iterable[RecordSet], changes: Iterable[Change]) -> list[str]:
    """
    Why Route 53 refuses *changes* to *zone*, which contains *standing*; empty if it accepts them.

    A batch is a transaction: each change meets what the changes before it have left.
    """
    by_key = {(record_set.name, record_set.type): record_set for record_set in standing}
    found: list[str] = []
    for change in changes:
        found += _problems(zone, by_key, change)
        key = (change.record_set.name, change.record_set.type)
        by_key.pop(key, None)
        if change.action != "DELETE":
            by_key[key] = change.record_set
    return found


def _problems(
    zone: str, standing: Mapping[tuple[str, str], RecordSet], change: Change
) -> Iterator[str]:
    name, kind, _, values = change.record_set
    which = f"resource record set [name='{name}', type='{kind}']"
    present = standing.get((name, kind))
    if name != zone and not name.endswith("." + zone):
        yield f"RRSet with DNS name {name} is not permitted in zone {zone}"
        return
    if change.action == "DELETE":
        if present is None:
            yield f"Tried to delete {which} but it was not found"
        elif present != change.record_set:
            yield f"Tried to delete {which} but the values provided do not match the current values"
        return
    if change.action == "CREATE" and present:
        yield f"Tried to create {which} but it already exists"
    if any(
        there == name and "CNAME" in (kind, other) and kind != other for there, other in standing
    ):
        conflict = (
            "is not permitted as it conflicts with other records with the same DNS name in zone"
        )
        yield f"RRSet of type {kind} with DNS name {name} {conflict} {zone}"
    if kind == "TXT":
        for value in values:
            if fault := _text_fault(value):
                problem = f"FATAL problem: {fault} encountered with '{value}'"
                yield f"Invalid Resource Record: '{problem}'"


def _text_fault(value: str) -> str | None:
    """What is wrong with a TXT value: one or more quoted strings."""
    if not value.isascii():
        return "InvalidCharacterString (Value contains unescaped characters outside of ASCII)"
    end = 0
    for match in _STRING.finditer(value):
        if match.start() != end:
            break
        end = match.end()
        if len(_ESCAPED.sub("x", match[1])) > STRING_LIMIT:
            return "CharacterStringTooLong (Value is too long)"
    if end != len(value) or not value:
        return "InvalidCharacterString (Value should be enclosed in quotation marks)"
    return None
