"""
Diagnoses a CNAME that people paste: it leads from the domain's DNS to a record in another zone.

A CNAME is wrong by itself (missing, at another name, proxied, with another target), or it is right and
the record that it leads to is wrong, which a stack keeps. The slot that comes next has no record yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from byodkim_provider.dns.diagnosis import (
    WILDCARD,
    Diagnosis,
    ExpectedRecord,
    at_other_names,
    beside_name,
    beside_of,
    servers_beside,
    shown,
    verdict,
    where_nobody_asks,
    zones_of,
)
from byodkim_provider.dns.resolver import Answer, DnsResolver
from byodkim_provider.dns.side_by_side import Interrupted


def examine(resolver: DnsResolver, record: ExpectedRecord) -> Diagnosis:
    """
    Look up the CNAME to `record.target` and the record that it leads to, and diagnose both.

    Without a key in *record* the target need not exist. `found_at` is the target if it is the record there
    that is wrong.
    """
    answers = resolver.txt(record.name, record.domain)
    zones = zones_of(answers)
    zone = zones[-1] if zones else record.zone or record.domain
    seen = replace(verdict(answers, record.public_key_der, record.target), zone=zone)
    targets = {one.target for one in answers if one.target or one.values is not None}
    if seen.code == "private-key" or not targets:
        return seen
    if seen.verdict == "right" and "" not in targets:
        notes = [f"the CNAME leads to {one}, not to {record.target}" for one in targets - {record.target}]
        return replace(seen, notes=(*seen.notes, *sorted(notes)))
    if targets == {record.target}:
        return _behind(record, answers, seen)
    beside = beside_of(resolver, record)
    seen = replace(seen, verdict="wrong", name_servers=servers_beside(resolver, record, beside))
    if len(targets) > 1:
        return replace(seen, code="servers-differ")
    (target,) = targets
    if shown(answers) & shown(beside):
        return _elsewhere(resolver, record, zones, replace(seen, code="wildcard", text=WILDCARD))
    if target:
        doubled = target == f"{record.target}.{seen.zone}"
        why = ": the panel added the zone to it" if doubled else f", not to {record.target}"
        return replace(seen, code="wrong-target", text=f"the CNAME leads to {target}{why}")
    if any(one.values for one in answers):
        text = f"a TXT record stands at the name, where a CNAME to {record.target} is expected"
        return replace(seen, code="not-cname", text=text)
    return _elsewhere(resolver, record, zones, replace(seen, code="no-txt"))


def _behind(record: ExpectedRecord, answers: Sequence[Answer], seen: Diagnosis) -> Diagnosis:
    """*seen* of a CNAME that is right, by what stands at its target."""
    zone, servers = record.target.removeprefix(f"{record.name}."), ", ".join(sorted(record.name_servers))
    asked = {one.server for one in answers if one.target and one.failure != "no zone"}
    at_target = verdict([replace(one, target="") for one in answers], record.public_key_der)
    if not asked or (at_target.code == "no-txt" and servers and asked.isdisjoint(record.name_servers)):
        whose = f", which {servers} serve" if servers else ""
        text = f"the CNAME is right, but nothing delegates to the zone {zone}{whose}"
        seen = replace(seen, verdict="wrong", code="served-elsewhere", text=text)
        return replace(seen, zone=zone, found_at=record.target)
    if record.public_key_der is None:
        return replace(seen, verdict="right", code="", text=at_target.text)
    return replace(at_target, zone=zone, found_at=record.target if at_target.code else "")


def _elsewhere(
    resolver: DnsResolver, record: ExpectedRecord, zones: Sequence[str], missing: Diagnosis
) -> Diagnosis:
    """*missing* with the misconfiguration that put the CNAME at another name, or hides it."""
    if _addresses(resolver, record.name, record) - _addresses(resolver, beside_name(record), record):
        text = "the name has addresses, and no CNAME is to be seen: a proxy answers in its place"
        return replace(missing, code="proxied", text=text)
    try:
        found = at_other_names(resolver, record, zones)
    except Interrupted:
        return missing
    for zone, candidate, answers in found:
        if any(f"{one.target}.".startswith(f"{record.target}.") for one in answers):
            text = f"{candidate.text} ({candidate.name})"
            return replace(missing, code=candidate.code, text=text, zone=zone, found_at=candidate.name)
    return where_nobody_asks(replace(record, name_servers=()), missing, zones)


def _addresses(resolver: DnsResolver, name: str, record: ExpectedRecord) -> set[str]:
    """The addresses at *name* itself, not those at the end of a CNAME."""
    answers = resolver.addresses(name, record.domain)
    return {value for one in answers if not one.target for value in one.values or ()}
