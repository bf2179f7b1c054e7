"""
Decides whether a record is visible, and says what is wrong where it is not.

Answers in, judgement out: `resolver` queries servers, `misconfigurations` recognises wrong values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, Literal

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import code_of, holds_private_key, misconfiguration
from byodkim_provider.dns.resolver import Answer

_FAILURES: Final = {
    "interrupted": "not queried, the run was interrupted",
    "no time": "not queried, the lookup took too long",
    "lame": "not authoritative for the zone",
    "no zone": "no zone for this name",
}
"""What is shown of these failures of an `Answer`. Any other failure is shown as it is."""

_NOTHING_SAID: Final = ("silent", "unreachable", "interrupted", "no time", "no resolver")
"""Failures without a word from a server, of which the reader's own network may be the cause."""

BY_RESOLVERS: Final = (
    "no name server of the zone can be reached, so resolvers were asked, which may be late"
)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The state of one record in DNS."""

    verdict: Literal["right", "wrong", "unknown"]
    """
    Right: every server that answers gives the right key, and at least one does. Unknown: none
    answers.
    """
    code: str = ""
    """
    The misconfiguration: a key of `FIXES`, such as "no-txt"; those with the same fix share a code.
    Empty if there is none, or it is not known.
    """
    text: str = ""
    """What was seen beside the answers, for people; empty if they say everything."""
    notes: tuple[str, ...] = ()
    """Further remarks; they don't affect the verdict."""
    answers: tuple[Answer, ...] = ()
    public_key_der: bytes = field(default=b"", repr=False)
    """The key that the record was compared with; empty if none was given and DNS shows none."""
    target: str = ""
    """Where the CNAME at the name has to lead; empty if the record stands there itself."""
    zone: str = ""
    """The zone that holds the record, as far as this lookup shows."""
    found_at: str = ""
    """The wrong name at which the record was found; empty if it was found at none."""
    name_servers: tuple[str, ...] = ()
    """Name servers of the zone, without final dots; empty if not found."""

    @property
    def visible(self) -> bool:
        return self.verdict == "right"

    @property
    def right(self) -> int:
        """Number of servers that show the right key and no other record."""
        return sum(map(self._is_right, self.answers))

    @property
    def targets(self) -> frozenset[str]:
        """Targets of the CNAMEs at the name; "" if a server that answers has none."""
        return frozenset(
            answer.target for answer in self.answers if answer.target or answer.values is not None
        )

    def phrases(self) -> tuple[str, ...]:
        """
        What is wrong, such as "ns-4.example.net: silent"; one for all servers with equal answers,
        with the misconfiguration that these match.
        """
        servers: dict[str, list[str]] = {}
        for answer in self.answers:
            if not self._is_right(answer):
                servers.setdefault(self._answered(answer), []).append(answer.server)
        return tuple(f"{_listed(names)}: {what}" for what, names in servers.items())

    def summary(self) -> str:
        """Such as "3 of 4 servers show the key, ns-4.example.net: silent"."""
        return ", ".join([self.count(), *self.phrases()])

    def count(self) -> str:
        return f"{self.right} of {len(self.answers)} servers show the key"

    def _is_right(self, answer: Answer) -> bool:
        """Whether a server shows the key, and no other record beside it."""
        return answer.values is not None and not misconfiguration(
            answer.values, self.public_key_der
        )

    def _answered(self, answer: Answer) -> str:
        """What the server shows, or why it shows nothing."""
        wrong = f", not to {self.target}" if self.target not in ("", answer.target) else ""
        via = f" (CNAME to {answer.target}{wrong})" if answer.target else ""
        if answer.failure:
            return _FAILURES.get(answer.failure, answer.failure) + via
        if not answer.values and self.target and not via:
            return f"no CNAME to {self.target}"
        found = misconfiguration(answer.values or (), self.public_key_der)
        return f"{found or 'the key'}{via}"


def servers_asked(answers: Sequence[Answer]) -> frozenset[str]:
    """The name servers that a lookup queried; empty if the zone was not found."""
    return frozenset(
        answer.server
        for answer in answers
        if answer.failure != "no zone" and not answer.target and not answer.by_resolver
    )


def zone_not_found(answers: Sequence[Answer]) -> bool:
    """Whether the recursive resolver finds no zone for the name; another resolver may see one."""
    return all(answer.failure == "no zone" and not answer.target for answer in answers)


def nobody_answers(answers: Sequence[Answer]) -> bool:
    """
    Whether every server, or the resolver, is silent or out of reach: nothing is known of the name.
    """
    return all(answer.failure in _NOTHING_SAID for answer in answers)


def judge(answers: Sequence[Answer], expected: bytes | None, target: str = "") -> Diagnosis:
    """
    The diagnosis from *answers* about the name of a record, with *target* through a CNAME.

    *expected* is its key (SubjectPublicKeyInfo, DER); with None any key is right that a server
    shows.
    """
    key = expected
    if key is None:
        values = chain.from_iterable(answer.values or () for answer in answers)
        key = next(filter(None, map(records.public_key, values)), b"")
    seen = Diagnosis(
        verdict="wrong",
        answers=tuple(answers),
        public_key_der=key,
        target=target,
        name_servers=tuple(sorted(servers_asked(answers))),
        notes=(BY_RESOLVERS,) if any(answer.by_resolver for answer in answers) else (),
    )
    answered = [answer for answer in answers if answer.values is not None]
    # Most urgent, even before a CNAME or servers that differ.
    for answer in answered:
        if any(map(holds_private_key, answer.values or ())):
            return replace(seen, code="private-key", found_at=answer.target)
    if 0 < seen.right == len(answered):
        return replace(seen, verdict="right")
    # A CNAME into a zone that does not exist is wrong, whichever server answers. If the servers of
    # the target's zone are silent, the verdict is unknown.
    dangling = any(answer.target and answer.failure == "no zone" for answer in answers)
    if not answered and not dangling:
        return replace(seen, verdict="unknown")
    if seen.right or len(seen.targets) > 1:
        return replace(seen, code="servers-differ")
    (alias,) = seen.targets
    if alias:
        nowhere = f": the zone of {alias} does not exist" if dangling else ""
        text = f"a CNAME to {alias} stands at the name of the record{nowhere}"
        return replace(seen, code="cname", text=text)
    for answer in answered:
        wrong = misconfiguration(answer.values or (), key)
        if wrong and code_of(wrong) != "no-txt":
            return replace(seen, code=code_of(wrong))
    return replace(seen, code="no-txt")


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
