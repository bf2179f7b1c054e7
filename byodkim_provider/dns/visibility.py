"""
Decides whether a record is visible, and says what is wrong where it is not.

Answers in, judgement out: `resolver` queries servers, `misconfigurations` recognises wrong values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from byodkim_provider.dkim.misconfigurations import holds_private_key, misconfiguration
from byodkim_provider.dns.resolver import Answer

_FAILURES: Final = {
    "silent": ("is", "silent"),
    "unreachable": ("is", "unreachable"),
    "interrupted": ("is", "not queried, the run was interrupted"),
    "no time": ("is", "not queried, the lookup took too long"),
    "lame": ("is", "not authoritative for the zone"),
    "garbage": ("answers", "garbage"),
    "no address": ("has", "no address"),
    "no resolver": ("has", "no recursive resolver"),
    "no zone": ("finds", "no zone for this name"),
    "CNAME loop": ("has", "a CNAME loop"),
    "too many CNAMEs": ("has", "too many CNAMEs in a row"),
    "CNAME to the root": ("has", "a CNAME to the root of DNS"),
}
"""Verb and object for each failure of an `Answer`; any other is a response code."""

_NOTHING_SAID: Final = ("silent", "unreachable", "interrupted", "no time", "no resolver")
"""Failures that may be those of the own network; after all others a server has said something."""

_PLURALS: Final = {"is": "are", "has": "have", "answers": "answer", "finds": "find", "shows": "show"}


@dataclass(frozen=True, slots=True)
class Visibility:
    """How far a record is visible, with the evidence."""

    visible: bool
    """Every server that answers gives the right key, and at least one does."""
    right: int
    """Number of servers that show the right key and no other record."""
    asked: int
    answers: tuple[Answer, ...]
    public_key_der: bytes = field(default=b"", repr=False)
    target: str = ""
    """Where the CNAME at the name has to lead; empty if the record stands there itself."""

    @property
    def leaked(self) -> bool:
        """Whether DNS shows a private key: its public half must not be published any more."""
        values = chain.from_iterable(answer.values or () for answer in self.answers)
        return any(map(holds_private_key, values))

    @property
    def has_cname(self) -> bool:
        """Whether every server that answers has the CNAME to `target`."""
        shown = {answer.target for answer in self.answers if answer.target or answer.values is not None}
        return shown == {self.target} and bool(self.target)

    def phrases(self) -> tuple[str, ...]:
        """What is wrong, such as "ns-4.example.net is silent"; one for all servers with equal answers."""
        wrong = [answer for answer in self.answers if not is_right(answer, self.public_key_der)]
        return _phrases(wrong, self.public_key_der, self.target)

    def summary(self) -> str:
        """Such as "3 of 4 servers show the key, ns-4.example.net is silent"."""
        return ", ".join([self.count(), *self.phrases()])

    def count(self) -> str:
        return f"{self.right} of {self.asked} servers show the key"


def servers_asked(answers: Sequence[Answer]) -> frozenset[str]:
    """The name servers that a lookup queried; empty if the zone was not found."""
    return frozenset(answer.server for answer in answers if answer.failure != "no zone" and not answer.alias)


def zone_not_found(answers: Sequence[Answer]) -> bool:
    """Whether the recursive resolver finds no zone for the name; another resolver may see one."""
    return all(answer.failure == "no zone" and not answer.alias for answer in answers)


def nobody_answers(answers: Sequence[Answer]) -> bool:
    """Whether every server, or the resolver, is silent or out of reach: nothing is known of the name."""
    return all(answer.failure in _NOTHING_SAID for answer in answers)


def judge(answers: Sequence[Answer], public_key_der: bytes, target: str = "") -> Visibility:
    """How far the record of a key (SubjectPublicKeyInfo, DER) is visible, with *target* through a CNAME."""
    answering = [answer for answer in answers if answer.values is not None]
    right = sum(is_right(answer, public_key_der) for answer in answering)
    return Visibility(
        visible=0 < right == len(answering),
        right=right,
        asked=len(answers),
        answers=tuple(answers),
        public_key_der=public_key_der,
        target=target,
    )


def diagnose(answers: Sequence[Answer], public_key_der: bytes, target: str = "") -> str:
    """
    Every server's answer, in one line, with the misconfiguration that it matches.

    Such as "ns1.example.net shows the key, ns2.example.net answers a value with quotes in it".
    """
    return ", ".join(_phrases(answers, public_key_der, target))


def is_right(answer: Answer, public_key_der: bytes) -> bool:
    """Whether a server shows the key, and no other record beside it."""
    return answer.values is not None and misconfiguration(answer.values, public_key_der) is None


def _phrases(answers: Sequence[Answer], public_key_der: bytes, target: str) -> tuple[str, ...]:
    """One phrase for all servers with equal answers."""
    servers: dict[tuple[str, str], list[str]] = {}
    for answer in answers:
        servers.setdefault(_predicate(answer, public_key_der, target), []).append(answer.server)
    return tuple(
        f"{_listed(names)} {verb if len(names) == 1 else _PLURALS[verb]} {what}"
        for (verb, what), names in servers.items()
    )


def _predicate(answer: Answer, public_key_der: bytes, target: str) -> tuple[str, str]:
    """The server's answer: a verb in the singular, and the rest of the phrase."""
    wrong = f", not to {target}" if answer.target not in ("", target) and target else ""
    via = f" (CNAME to {answer.alias}{wrong})" if answer.alias else ""
    if answer.failure:
        verb, what = _FAILURES.get(answer.failure, ("answers", answer.failure))
    elif not (found := misconfiguration(answer.values or (), public_key_der)):
        verb, what = "shows", "the key"
    elif found.code == "no-txt":
        verb, what = "has", f"no CNAME to {target}" if target and not via else found.text
    else:
        verb, what = "answers", found.text
    return verb, what + via


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
