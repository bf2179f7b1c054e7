"""
Which misconfiguration is it: one verdict on a record from what all servers say of it.

What a value looks like is decided in `misconfigurations`, how far it is visible in `visibility`;
here these are put in order, with what only shows from outside: a CNAME, a wildcard, servers that
differ, another name, another zone. Lookups are made through a `Resolver`, nothing else is outside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, permutations
from typing import Final, Literal

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import (
    Misplaced,
    holds_private_key,
    in_testing_mode,
    misconfiguration,
    misplaced,
)
from byodkim_provider.dns import fixes, panels, visibility
from byodkim_provider.dns.panels import Panel
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.side_by_side import Interrupted, side_by_side
from byodkim_provider.dns.visibility import Resolver, judge, servers_asked

__all__ = ["Diagnosis", "ExpectedRecord", "examine", "verdict"]

NO_SELECTOR: Final = "no-such-selector"
"""A selector that nobody has: what answers for it is a wildcard."""

TESTING: Final = "the record says t=y: verifiers are asked to treat mail as if it were not signed"

NAMES_AT_ONCE: Final = 8
"""Names that are looked up at the same time for a record that is missing."""

REGISTRY_LABELS: Final = ("ac", "co", "com", "edu", "go", "gov", "ltd", "ne", "net", "or", "org", "plc")
"""
Labels of zones like `co.uk`, in which nobody but a registry adds records.

Not complete, and need not be: a zone that is missing here costs a note that says too much.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRecord:
    """A record as it should be, and what is known of where it was put."""

    selector: str
    domain: str
    public_key_der: bytes | None = None
    """SubjectPublicKeyInfo, DER; None: whichever key is there is right, if it is one."""
    zone: str | None = None
    """The zone that holds the record, if it is known."""
    panel: Panel | None = None
    """Where the record was typed in, if it is known."""
    name_servers: Collection[str] = ()
    """Of the zone where the record was put, without final dots; empty if they are not known."""
    delegated: bool = False
    """Whether that is a zone of its own for `_domainkey`."""
    new_key: str = fixes.NEW_KEY
    """What to do to have another key, should this one have leaked."""

    @property
    def name(self) -> str:
        return records.record_name(self.selector, self.domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is so of one record."""

    verdict: Literal["right", "wrong", "unknown"]
    code: str = ""
    """The misconfiguration, as `fixes.fix` knows it; empty if there is none, or it is not known."""
    text: str
    """What was seen, for people."""
    notes: tuple[str, ...] = ()
    """What else there is to know; it changes nothing about the verdict."""
    answers: tuple[Answer, ...]
    public_key_der: bytes
    """The key that the record was compared with; empty if none was given and none is there."""
    zone: str = ""
    """The zone that holds the record, as far as this lookup tells."""
    found_at: str = ""
    """The name where the record stands instead of its own; empty if it was not found anywhere else."""
    name_servers: tuple[str, ...] = ()
    """Of that zone, without final dots; empty if they were not found."""


def verdict(answers: Sequence[Answer], expected: bytes | None) -> Diagnosis:
    """What *answers* about a record's name tell; *expected* as `ExpectedRecord.public_key_der`."""
    key = expected or _key_shown(answers)
    shown = judge(answers, key)
    seen = Diagnosis(
        verdict="wrong",
        text=visibility.diagnose(answers, key),
        answers=tuple(answers),
        public_key_der=key,
        name_servers=tuple(sorted(servers_asked(answers))),
    )
    heard = [answer for answer in answers if answer.values is not None]
    # Before all else, even a CNAME or servers that differ.
    for answer in heard:
        if any(map(holds_private_key, answer.values or ())):
            return replace(seen, code="private-key", found_at=answer.alias)
    if shown.visible:
        testing = any(in_testing_mode(value) for answer in heard for value in answer.values or ())
        return replace(seen, verdict="right", notes=(TESTING,) if testing else ())
    # A CNAME into a zone that does not exist is wrong whoever is asked; of one whose servers are
    # silent nobody knows.
    dangling = next((one for one in answers if one.target and one.failure == "no zone"), None)
    if not heard and not dangling:
        return replace(seen, verdict="unknown")
    targets = {answer.target for answer in answers if answer.target or answer.values is not None}
    if shown.right or len(targets) > 1:
        return replace(seen, code="servers-differ")
    if alias := targets.pop():
        nowhere = f": the zone of {alias} does not exist" if dangling else ""
        text = f"a CNAME to {alias} stands at the name of the record{nowhere}"
        return replace(seen, code="cname", text=text)
    found = (misconfiguration(answer.values or (), key) for answer in heard)
    codes = (one.code for one in found if one)
    return replace(seen, code=next((code for code in codes if code != "no-txt"), "no-txt"))


def examine(resolver: Resolver, record: ExpectedRecord) -> Diagnosis:
    """
    What is so of a record, looked up now.

    If something else stands at its name, or nothing, it is looked up too whether that is a
    wildcard, and at the names where known misconfigurations put a record.
    """
    answers = resolver.txt(record.name, record.domain)
    seen = verdict(answers, record.public_key_der)
    zones, by_wildcard = _zones(answers), set[str]()
    if seen.code not in ("", "no-txt", "private-key", "servers-differ"):
        beside = resolver.txt(records.record_name(NO_SELECTOR, record.domain), record.domain)
        zones = max(zones, _zones(beside), key=len)
        if seen.code == "cname":  # the servers that were heard last are those of its target
            seen = replace(seen, name_servers=_servers_of(resolver, record.domain, beside))
        if _shown(answers) & _shown(beside):
            seen = replace(seen, code="wildcard", text=f"a wildcard answers for the name: {seen.text}")
            by_wildcard = {value for values, _ in _shown(beside) for value in values}
    seen = replace(seen, zone=zones[-1] if zones else record.zone or record.domain)
    if seen.code not in ("no-txt", "wildcard"):
        return seen
    return (
        _elsewhere(resolver, record, seen, zones, by_wildcard)
        or _hidden(record, seen, zones)
        or _served_elsewhere(record, seen)
        or seen
    )


def _zones(answers: Sequence[Answer]) -> tuple[str, ...]:
    """The zones that led to any of *answers*, those of the deepest one."""
    return max((answer.zones for answer in answers), key=len, default=())


def _shown(answers: Sequence[Answer]) -> set[tuple[tuple[str, ...], str]]:
    """What stands at a name: values, and the target of a CNAME."""
    return {(answer.values or (), answer.target) for answer in answers if answer.values or answer.target}


def _servers_of(resolver: Resolver, domain: str, beside: Sequence[Answer]) -> tuple[str, ...]:
    """The name servers of the zone that holds a CNAME; *beside* are the answers at a name beside it."""
    return tuple(sorted(servers_asked(beside) or servers_asked(resolver.txt(domain, domain))))


def _key_shown(answers: Sequence[Answer]) -> bytes:
    """A key that any server shows, cut into records or in a wrong order too; empty if there is none."""
    for values in (answer.values for answer in answers if answer.values):
        joined = ("".join(order) for order in permutations(values)) if len(values) <= 3 else ()
        swapped = (value[value.find("p=") :] + value[: value.find("p=")] for value in values if "p=" in value)
        for value in chain(values, joined, swapped):
            if key := records.public_key(value):
                return key
    return b""


def _elsewhere(
    resolver: Resolver, record: ExpectedRecord, seen: Diagnosis, zones: Sequence[str], by_wildcard: Set[str]
) -> Diagnosis | None:
    """*seen* with the misconfiguration that put the record at another name; None if it is at none."""
    places: dict[str, tuple[str, Misplaced]] = {}
    for zone in _zones_above(record, zones):
        for place in misplaced(record.selector, record.domain, zone):
            places.setdefault(place.name, (zone, place))

    def values_at(zone_and_place: tuple[str, Misplaced]) -> Set[str]:
        zone, place = zone_and_place
        in_zone = place.name == zone or place.name.endswith(f".{zone}")
        answers = resolver.txt(place.name, zone if in_zone else record.domain)
        return {value for answer in answers for value in answer.values or ()} - by_wildcard

    try:
        found = side_by_side(values_at, list(places.values()), at_once=NAMES_AT_ONCE)
    except Interrupted:
        return None
    for (zone, place), values in zip(places.values(), found, strict=True):
        text = f"{place.text} ({place.name})"
        if any(holds_private_key(value) for value in values):
            text = f"a private key, with which anyone can sign now, stands at {place.name}"
            return replace(seen, code="private-key", text=text, found_at=place.name)
        if any(_is_the_key(value, record.public_key_der) for value in values):
            return replace(seen, code=place.code, text=text, zone=zone, found_at=place.name)
    return None


def _is_the_key(value: str, expected: bytes | None) -> bool:
    """Whether a value at another name is the key, perhaps damaged: not any TXT record, nor another key."""
    other = records.public_key(value)
    return bool(re.search(r"\bp\s*=\s*\"?MI", value)) and (not other or other == (expected or other))


def _zones_above(record: ExpectedRecord, zones: Sequence[str]) -> Iterator[str]:
    """The zones that may hold the record, the likeliest first, some of them twice."""
    yield from reversed(zones)
    if record.zone:
        yield record.zone
    labels = record.domain.split(".")
    yield from (".".join(labels[first:]) for first in range(1 if zones else len(labels) - 1))


def _hidden(record: ExpectedRecord, seen: Diagnosis, zones: Sequence[str]) -> Diagnosis | None:
    """*seen* as hidden by a delegation, if there is one between the record and where it was put."""
    if record.delegated or len(zones) < 2:
        return None
    above, zone = zones[-2:]
    delegated = f"{above!r} delegates {zone!r} to {', '.join(seen.name_servers)}"
    hidden = f"{delegated}: a record in {above!r} is hidden"
    put_above = zone.endswith(f".{record.zone}") if record.zone else zone.endswith(f".{record.domain}")
    if put_above:
        return replace(seen, code="hidden-by-delegation", text=hidden)
    if record.zone or above.partition(".")[0] in REGISTRY_LABELS:
        return None
    return replace(seen, notes=(*seen.notes, hidden))


def _served_elsewhere(record: ExpectedRecord, seen: Diagnosis) -> Diagnosis | None:
    """*seen* if the servers that were asked are not those of the place where the record was put."""
    asked = seen.name_servers
    if not asked:
        return None
    served = f"the zone is served by {', '.join(asked)}"
    if record.name_servers:
        if set(asked) & set(record.name_servers):
            return None
        theirs = ", ".join(sorted(record.name_servers))
        if record.delegated:
            text = f"'_domainkey.{record.domain}' is not delegated to {theirs} yet"
            return replace(seen, code="not-delegated", text=text)
        text = f"{served}, the record was put where {theirs} serve it"
        return replace(seen, code="wrong-panel", text=text)
    if record.panel and record.panel.name_servers and not panels.serves(record.panel, asked):
        return replace(seen, code="wrong-panel", text=f"{served}, not by {record.panel.title}")
    return None
