"""
Which mistake is it: one verdict on a record from what all servers say of it.

What a value looks like is decided in `records`, how far it is visible in `propagation`; here
these are put in order, with what only shows from outside: a CNAME, servers that differ, a zone
that is served elsewhere. Looks are made through a `Resolver`, nothing else is outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, permutations
from typing import Literal

from byodkim_provider import panels, propagation, records
from byodkim_provider.dns_moves import servers_asked
from byodkim_provider.panels import Panel
from byodkim_provider.propagation import Resolver, judge
from byodkim_provider.resolver import Answer

__all__ = ["Diagnosis", "Wanted", "examine", "verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
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

    @property
    def name(self) -> str:
        return records.record_name(self.selector, self.domain)

    def zones(self) -> Iterator[str]:
        """The zones that may hold the record, the likeliest first."""
        if self.zone:
            yield self.zone
            return
        labels = self.domain.split(".")
        for first in range(len(labels) - 1):
            yield ".".join(labels[first:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is so of one record."""

    verdict: Literal["right", "wrong", "unknown"]
    code: str = ""
    """The mistake, as `panels.mending` knows it; empty if there is none, or it can't be told."""
    text: str
    """What was seen, for people."""
    answers: tuple[Answer, ...]
    public_key_der: bytes
    """The key that the record was compared with; empty if none was given and none is there."""
    zone: str = ""
    """The zone that holds the record, as far as this look tells."""
    name_servers: tuple[str, ...] = ()
    """Of that zone, without final dots; empty if they were not found."""


def verdict(answers: Sequence[Answer], expected: bytes | None) -> Diagnosis:
    """What *answers* about a record's name tell; *expected* as `Wanted.public_key_der`."""
    key = expected or _key_shown(answers)
    look = judge(answers, key)
    seen = Diagnosis(
        verdict="wrong",
        text=propagation.diagnose(answers, key),
        answers=tuple(answers),
        public_key_der=key,
        name_servers=tuple(sorted(servers_asked(answers))),
    )
    alias = next((answer.target for answer in answers if answer.target), "")
    if look.visible:
        return replace(seen, verdict="right")
    if alias:
        return replace(seen, code="cname", text=f"a CNAME to {alias} stands at the name of the record")
    if all(answer.values is None for answer in answers):
        return replace(seen, verdict="unknown")
    if look.right:
        return replace(seen, code="servers-differ")
    slips = (records.mistake(answer.values, key) for answer in answers if answer.values)
    slip = next((slip for slip in slips if slip), None)
    return replace(seen, code=slip.code if slip else "no-txt")


def examine(resolver: Resolver, wanted: Wanted) -> Diagnosis:
    """What is so of a record, looked up now, and at the places where known slips lead to if it is missing."""
    seen = verdict(resolver.txt(wanted.name, wanted.domain), wanted.public_key_der)
    seen = replace(seen, zone=wanted.zone or wanted.domain)
    if seen.code == "cname":  # the servers that were heard last are those of its target
        servers = servers_asked(resolver.txt(wanted.domain, wanted.domain))
        return replace(seen, name_servers=tuple(sorted(servers)))
    if seen.code not in ("no-txt", "not-dkim"):  # a wildcard may answer where the record is missing
        return seen
    for zone in wanted.zones():
        text = propagation.look_for_mistakes(resolver, wanted.selector, wanted.domain, zone)
        if text:
            names = records.misplaced_names(wanted.selector, wanted.domain, zone)
            code = next(code for code, name in names.items() if text.endswith(f"({name})"))
            return replace(seen, code=code, text=text, zone=zone)
    elsewhere = _served_elsewhere(wanted, seen.name_servers)
    return replace(seen, code=elsewhere[0], text=elsewhere[1]) if elsewhere else seen


def _key_shown(answers: Sequence[Answer]) -> bytes:
    """A key that any server shows, cut into records or in a wrong order too; empty if there is none."""
    for values in (answer.values for answer in answers if answer.values):
        joined = ("".join(order) for order in permutations(values)) if len(values) <= 3 else ()
        swapped = (value[value.find("p=") :] + value[: value.find("p=")] for value in values if "p=" in value)
        for value in chain(values, joined, swapped):
            if key := records.public_key(value):
                return key
    return b""


def _served_elsewhere(wanted: Wanted, asked: Sequence[str]) -> tuple[str, str] | None:
    """Code and text if the servers that were asked are not those of the place where the record was put."""
    if not asked:
        return None
    served = f"the zone is served by {', '.join(asked)}"
    if wanted.name_servers:
        if set(asked) & set(wanted.name_servers):
            return None
        theirs = ", ".join(sorted(wanted.name_servers))
        if wanted.delegated:
            return "not-delegated", f"'_domainkey.{wanted.domain}' is not delegated to {theirs} yet"
        return "wrong-panel", f"{served}, the record was put where {theirs} serve it"
    if wanted.panel and wanted.panel.name_servers and not panels.serves(wanted.panel, asked):
        return "wrong-panel", f"{served}, not by {wanted.panel.title}"
    return None
