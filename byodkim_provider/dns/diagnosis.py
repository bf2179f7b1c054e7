"""
Diagnoses a record: what is wrong with it, and how to fix that.

`misconfigurations` recognises wrong values, and `visibility` judges the answers of all servers.
This module adds what only further lookups show: a wildcard, a wrong name, a wrong zone. All go
through a `DnsResolver`.

A CNAME that people paste is wrong by itself (missing, at another name, proxied, with another
target), or it is right and the record that it leads to is wrong, which a stack keeps.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import code_of, holds_private_key, misplaced
from byodkim_provider.dns import panels
from byodkim_provider.dns.panels import NAME_RULES, VALUE_RULES, Panel, target_rule
from byodkim_provider.dns.resolver import Answer, DnsResolver
from byodkim_provider.dns.visibility import Diagnosis, judge, servers_asked
from byodkim_provider.messages import Message
from byodkim_provider.messages.dkim import FIXES, KEPT_FIXES
from byodkim_provider.progress import side_by_side

ADDED: Final = (
    "cname",
    "no-txt",
    "served-elsewhere",
    "several-wrong-records",
    "sub-domain-missing",
)
"""Misconfigurations whose fix is a new record; of the others a record has to be edited."""

NOTHING_TO_TYPE: Final = ("private-key", "servers-differ")
"""Misconfigurations without a value to type: the key has leaked, or DNS has the record already."""

NEW_KEY: Final = "make a new key with a new selector"
"""How to get another key without a stack that makes one."""


_WILDCARD: Final = "a wildcard answers for the name"


@dataclass(frozen=True, kw_only=True)
class ExpectedRecord:
    """A record as it should be, and what is known about its zone and panel."""

    selector: str
    domain: str
    public_key_der: bytes | None = None
    """SubjectPublicKeyInfo, DER; None: any valid key is right."""
    zone: str | None = None
    """The zone that holds the record, if it is known."""
    panel: Panel | None = None
    """The panel in which the record was entered, if it is known."""
    name_servers: Collection[str] = ()
    """Name servers of the zone that has the record, without final dots; empty if not known."""
    kept: bool = False
    """Whether a stack keeps the record, so that nobody types it in."""
    new_key: str = NEW_KEY
    """How to get another key, if this key has leaked."""
    target: str = ""
    """Where a CNAME of the domain has to lead, if the record stands in another zone."""

    @property
    def name(self) -> str:
        return records.record_name(self.selector, self.domain)

    @property
    def beside(self) -> str:
        """A sibling name that nobody uses: if DNS has it, there is a wildcard."""
        return records.record_name("no-such-selector", self.domain)


def fix(panel: Panel, record: ExpectedRecord, seen: Diagnosis, *, kept: bool) -> str:
    """
    How to fix the misconfiguration of *record* that is *seen*, in the words of this panel.

    *kept*: a stack keeps what is wrong, so that nobody types it in.
    """
    fixes = KEPT_FIXES if kept else FIXES
    return fixes[seen.code].format(
        name=panel.name_field,
        value=panel.value_field,
        name_rule=NAME_RULES[panel.name_form],
        value_rule=VALUE_RULES[panel.value_form],
        zone=seen.zone,
        there=f" at {seen.found_at}" if seen.found_at else "",
        new_key=record.new_key,
        kind="CNAME" if record.target else "TXT",
        other="TXT" if record.target else "CNAME",
        target=record.target,
        target_field=panel.target_field,
        target_rule=target_rule(record.target, seen.zone),
    )


def examine(resolver: DnsResolver, record: ExpectedRecord) -> Diagnosis:
    """
    Look up a record, or a CNAME to it, and diagnose it.

    If its name has no record, or a wrong one, this also checks for a wildcard, and looks for the
    record at the names where known misconfigurations put it.
    """
    answers = resolver.txt(record.name, record.domain)
    seen = judge(answers, record.public_key_der, record.target)
    zones = _zones_of(answers)
    if record.target:
        return _of_cname(resolver, record, replace(seen, zone=_zone_of(record, zones)), zones)
    if seen.code not in ("", "no-txt", "private-key", "servers-differ"):
        beside = resolver.txt(record.beside, record.domain)
        zones = max(zones, _zones_of(beside), key=len)
        if seen.code == "cname":  # the answers come from the servers of its target
            seen = replace(seen, name_servers=_servers_of_domain(resolver, record))
        if _shown(answers) & _shown(beside):
            seen = replace(seen, code="no-txt", text=_WILDCARD)
    seen = replace(seen, zone=_zone_of(record, zones))
    if seen.code == "no-txt":
        return _elsewhere(resolver, record, seen, zones)
    elsewhere = _served_elsewhere(record, seen.name_servers)
    return replace(seen, notes=(*seen.notes, elsewhere)) if seen.code and elsewhere else seen


def _zones_of(answers: Sequence[Answer]) -> tuple[str, ...]:
    """The longest chain of zones that led to one of *answers*."""
    return max((answer.zones for answer in answers), key=len, default=())


def _zone_of(record: ExpectedRecord, zones: Sequence[str]) -> str:
    """The zone that holds *record*, as far as is known."""
    return zones[-1] if zones else record.zone or record.domain


def _shown(answers: Sequence[Answer]) -> set[tuple[tuple[str, ...], str]]:
    """The contents of a name: values, and the target of a CNAME."""
    return {
        (answer.values or (), answer.target) for answer in answers if answer.values or answer.target
    }


def _servers_of_domain(resolver: DnsResolver, record: ExpectedRecord) -> tuple[str, ...]:
    """The name servers of the zone that holds a CNAME, which are not those of its target."""
    return tuple(sorted(servers_asked(resolver.txt(record.domain, record.domain))))


def _elsewhere(
    resolver: DnsResolver, record: ExpectedRecord, missing: Diagnosis, zones: Sequence[str]
) -> Diagnosis:
    """*missing* with the misconfiguration that put the record at another name, or hides it."""
    for place, answers in _at_other_names(resolver, record, missing, zones):
        values = {value for answer in answers for value in answer.values or ()}
        if any(holds_private_key(value) for value in values):
            text = f"a private key, with which anyone can sign now, stands at {place.found_at}"
            return replace(place, code="private-key", text=text, zone=missing.zone)
        if record.target:
            is_there = any(f"{each.target}.".startswith(f"{record.target}.") for each in answers)
        else:
            is_there = any(_is_the_key(value, record.public_key_der) for value in values)
        if is_there:
            return place
    text = _served_elsewhere(record, missing.name_servers)
    if len(zones) > 1 and zones[-1].endswith(f".{record.zone or record.domain}"):
        above, zone = zones[-2:]
        servers = ", ".join(missing.name_servers)
        text = f"{above!r} delegates {zone!r} to {servers}: a record in {above!r} is hidden"
    return replace(missing, code="served-elsewhere", text=text) if text else missing


def _at_other_names(
    resolver: DnsResolver, record: ExpectedRecord, seen: Diagnosis, zones: Sequence[str]
) -> list[tuple[Diagnosis, tuple[Answer, ...]]]:
    """
    Wherever known misconfigurations put a record: what *seen* is if it stands there, and the
    answers; none if interrupted.
    """
    places: dict[str, tuple[str, Message]] = {}
    may_hold = [*reversed(zones), record.zone or record.domain, record.domain]
    if not zones:
        labels = record.domain.split(".")
        may_hold += [".".join(labels[first:]) for first in range(1, len(labels) - 1)]
    for zone in may_hold:  # the likeliest first
        for name, what in misplaced(record.selector, record.domain, zone).items():
            places.setdefault(name, (zone, what))

    def asked(name: str) -> tuple[Diagnosis, tuple[Answer, ...]]:
        zone, what = places[name]
        answers = resolver.txt(name, zone if records.is_in(name, zone) else record.domain)
        text = f"{what} ({name})"
        return replace(seen, code=code_of(what), text=text, zone=zone, found_at=name), answers

    return side_by_side(asked, list(places), at_once=8) or []


def _is_the_key(value: str, expected: bytes | None) -> bool:
    """
    Whether a value at another name is this key, perhaps damaged, not another key or TXT record.
    """
    other = records.public_key(value)
    return bool(re.search(r"\bp\s*=\s*\"?MI", value)) and (
        not other or other == (expected or other)
    )


def _served_elsewhere(record: ExpectedRecord, asked: Sequence[str]) -> str:
    """
    What to say if *asked*, the servers of the zone, are not those where the record was put; else
    empty.
    """
    served = f"the zone is served by {', '.join(asked)}"
    if not asked or set(asked) & set(record.name_servers):
        return ""
    if record.name_servers and not record.target:
        theirs = ", ".join(sorted(record.name_servers))
        return f"{served}, the record was put where {theirs} serve it"
    if record.panel and record.panel.name_servers and not panels.serves(record.panel, asked):
        return f"{served}, not by {record.panel.title}"
    return ""


# --- a CNAME that people paste: it leads from the domain's DNS to a record in another zone


def _of_cname(
    resolver: DnsResolver, record: ExpectedRecord, seen: Diagnosis, zones: Sequence[str]
) -> Diagnosis:
    """
    The diagnosis of the CNAME to `record.target`, and of the record that it leads to, which a stack
    keeps.

    Without a key in *record* the target need not exist. `found_at` is the target if it is the
    record there that is wrong.
    """
    targets = seen.targets
    if seen.code == "private-key" or not targets:
        return seen
    if seen.verdict == "right" and "" not in targets:
        return seen
    if targets == {record.target}:
        return _behind(record, seen)
    seen = replace(seen, verdict="wrong", name_servers=_servers_of_domain(resolver, record))
    if len(targets) > 1:
        return replace(seen, code="servers-differ")
    (target,) = targets
    is_wildcard = _shown(seen.answers) & _shown(resolver.txt(record.beside, record.domain))
    if is_wildcard:
        seen = replace(seen, text=_WILDCARD)
    elif target:
        text = f"the CNAME leads to {target}, not to {record.target}"
        return replace(seen, code="wrong-target", text=text)
    elif any(answer.values for answer in seen.answers):
        text = f"a TXT record stands at the name, where a CNAME to {record.target} is expected"
        return replace(seen, code="cname", text=text)
    elif _addresses(resolver, record.name, record) - _addresses(resolver, record.beside, record):
        text = "the name has addresses, and no CNAME is to be seen: a proxy answers in its place"
        return replace(seen, code="proxied", text=text)
    return _elsewhere(resolver, record, replace(seen, code="no-txt"), zones)


def _behind(record: ExpectedRecord, seen: Diagnosis) -> Diagnosis:
    """*seen* of a CNAME that is right, by what stands at its target."""
    answers = seen.answers
    zone = record.target.removeprefix(f"{record.name}.")
    servers = ", ".join(sorted(record.name_servers))
    asked = {answer.server for answer in answers if answer.target and answer.failure != "no zone"}
    at_target = judge([replace(answer, target="") for answer in answers], record.public_key_der)
    at_target = replace(at_target, answers=answers, name_servers=())
    # Before the first run nobody knows the servers of the zone.
    is_elsewhere = bool(servers) and asked.isdisjoint(record.name_servers)
    is_second_hand = any(answer.by_resolver for answer in answers)
    is_missing = at_target.code == "no-txt" and not is_second_hand
    if not asked or (is_elsewhere and is_missing):
        whose = f", which {servers} serve" if servers else ""
        text = f"the CNAME is right, but nothing delegates to the zone {zone}{whose}"
        at_target = replace(seen, verdict="wrong", code="served-elsewhere", text=text)
        return replace(at_target, zone=zone, found_at=record.target)
    if record.public_key_der is None:
        return replace(seen, verdict="right", code="", text=at_target.text)
    found_at = record.target if at_target.code else ""
    return replace(at_target, target=record.target, zone=zone, found_at=found_at)


def _addresses(resolver: DnsResolver, name: str, record: ExpectedRecord) -> set[str]:
    """The addresses at *name* itself, not those at the end of a CNAME."""
    answers = resolver.look_up(name, record.domain, "A")
    return {value for answer in answers if not answer.target for value in answer.values or ()}
