"""
Every call of every scenario × everything that can go wrong with it: what comes of it.

A cell is one scenario with one trouble, and then plain `pulumi up` until all is well. It is
sound if that takes two runs at most and ends where the run without trouble did, and if on the
way nothing was lost, left behind, made twice or taken from others.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from byodkim_provider.aws.ses import OWNER_TAG
from byodkim_provider.dkim import records
from sandbox.ses.identity import Identity, MailFrom
from tests.faults.scenarios import (
    LIKELY,
    NEIGHBOUR,
    OTHER_REGION,
    PROFILES,
    SCENARIOS,
    Scenario,
    prepared,
)
from tests.faults.stack import IDENTITY, REPLACED, Stack
from tests.faults.trouble import Point, Trouble, troubles
from tests.support.fakes import REGION
from tests.support.simulation import DOMAIN, STACK_ID

FURTHER_RUNS: Final = 2
"""How many plain `up`s may be needed."""

UNFINISHED: Final = ("CLI killed", "Ctrl-C twice")
"""
What leaves the engine with an operation that it believes unfinished, until `pulumi refresh` clears
it.
"""

BETWEEN_RUNS: Final = timedelta(minutes=70)
"""
How long somebody waits before the next one: longer than SES between two looks at a verified key.

When the answer of a switch was lost, only SES's next look tells that SUCCESS is about the new key.
"""


@dataclass(frozen=True)
class Cell:
    """One scenario, one behaviour of SES, one trouble. *call* is the call that it happens at."""

    scenario: str
    profile: str
    call: str
    trouble: Trouble

    def __str__(self) -> str:
        where = f"{self.scenario} ({self.profile}), call {self.trouble.at}: {self.call}"
        return f"{where}: {self.trouble.column}"


@dataclass(frozen=True)
class _Start:
    """A scenario before its run, and the run without trouble."""

    scenario: Scenario
    saved: bytes
    log: list[Point]
    end: dict[str, Any]


def cells(
    profiles: Iterable[str] = tuple(PROFILES), scenarios: Sequence[Scenario] = SCENARIOS
) -> Iterator[Cell]:
    """
    The whole grid, unless some *scenarios* are wanted only.

    It grows by itself: the calls are those that a run without trouble makes.

    How SES behaves changes nothing of other services' calls, so they have one profile.
    """
    for profile in profiles:
        for scenario in scenarios:
            if scenario.only and profile != LIKELY:
                continue
            log = _start(scenario.name, profile).log
            for trouble in troubles(log):
                call = log[trouble.at].name
                if call.startswith(scenario.only if profile == LIKELY else "SES"):
                    yield Cell(scenario.name, profile, call, trouble)


def problems(cell: Cell) -> list[str]:
    """What comes of a cell that should not; nothing if it is sound."""
    start = _start(cell.scenario, cell.profile)
    stack = Stack.load(start.saved)
    written = start.scenario.written()
    watch = _Watch(stack, start.scenario)
    outcome = start.scenario.run(stack, written, cell.trouble)
    watch.look()
    said = [f"{error}" for error in stack.engine.errors]
    if outcome == "killed" and cell.trouble.kind in UNFINISHED:
        stack.refresh()  # to clear the pending operation that the engine was left with
    stack.outside.clock.advance(BETWEEN_RUNS)
    for _ in range(FURTHER_RUNS):
        if outcome == "done" and not stack.planned(written):
            break
        outcome = start.scenario.again(stack, written, None)
        watch.look()
        said += [f"{error}" for error in stack.engine.errors]
        stack.outside.clock.advance(BETWEEN_RUNS)
    left = stack.planned(written)
    if outcome != "done" or left:
        watch.problems.append(f"does not converge: {outcome}, still to do: {left}; said: {said}")
    watch.problems += _differences(start.end, _end(stack))
    return list(dict.fromkeys(watch.problems))


@functools.cache
def _start(scenario_name: str, profile: str) -> _Start:
    scenario = next(one for one in SCENARIOS if one.name == scenario_name)
    stack = prepared(scenario, PROFILES[profile])
    saved = stack.save()
    stack = Stack.load(saved)
    written = scenario.written()
    outcome = scenario.run(stack, written, None)
    assert outcome == "done", (scenario_name, profile, outcome, stack.engine.errors)
    log = stack.outside.calls.log
    for _ in range(FURTHER_RUNS):
        stack.outside.clock.advance(BETWEEN_RUNS)
        if stack.planned(written):
            stack.up(written)
    assert stack.planned(written) == [], (scenario_name, profile, stack.planned(written))
    before = Stack.load(saved)
    left = before.records() & {name for name, _ in stack.outside.zone.record_sets} - stack.records()
    assert bool(left) == scenario.record_stays, (scenario_name, profile, left)
    return _Start(scenario, saved, log, _end(stack))


class _Watch:
    """What must hold after every run. A class for what it remembers from before the first."""

    def __init__(self, stack: Stack, scenario: Scenario) -> None:
        self._stack, self._scenario = stack, scenario
        self._before = self._identities()
        self._theirs = dict(stack.outside.zone.record_sets)
        for name in stack.records():
            for kind in ("TXT", "MX"):
                self._theirs.pop((name, kind), None)
        self.problems: list[str] = []

    def look(self) -> None:
        """Once more, and keep what is wrong."""
        now, zone = self._identities(), self._stack.outside.zone.record_sets
        identity, before = now.get(DOMAIN), self._before.get(DOMAIN)
        if before and not identity and not self._scenario.identity_goes:
            self.problems.append("lost: the identity")
        if identity and identity.origin == "EXTERNAL":
            self._look_for("signing key", identity)
        if before and before.origin == "EXTERNAL" and not self._scenario.is_leak and identity:
            self._look_for("key that signed before", before)
        mail_from = identity.mail_from if identity else MailFrom()
        if mail_from.on_mx_failure == "REJECT_MESSAGE" and mail_from.status != "SUCCESS":
            self.problems.append("refused: all mail, until SES finds the MX record")
        for kind in ("MX", "TXT") if mail_from.status == "SUCCESS" else ():
            if (f"{mail_from.domain}.", kind) not in zone:
                self.problems.append(f"lost: the {kind} record of {mail_from.domain}")
        if now.keys() - {DOMAIN, NEIGHBOUR}:
            self.problems.append(f"made twice: {sorted(now)}")
        if now.get(NEIGHBOUR) != self._before[NEIGHBOUR]:
            self.problems.append("touched: another stack's identity")
        if any(zone.get(key) != record_set for key, record_set in self._theirs.items()):
            self.problems.append("touched: somebody else's record")
        theirs = {k: v for k, v in (before.tags if before else {}).items() if k == "team"}
        if (
            identity
            and self._scenario.name.startswith("adopt")
            and not theirs.items() <= identity.tags.items()
        ):
            self.problems.append("touched: somebody else's tags")

    def _look_for(self, what: str, identity: Identity) -> None:
        assert identity.key
        name = records.record_name(identity.selector, DOMAIN)
        found = self._stack.outside.zone.record_sets.get(
            (f"{self._stack.outside.zone.alias(name) or name}.", "TXT")
        )
        values = map(records.unquoted, found.values if found else ())
        if not any(identity.key.is_in(value, tagged=True) for value in values):
            self.problems.append(f"lost: the record of the {what}, {name}")

    def _identities(self) -> dict[str, Identity]:
        return self._stack.outside.ses.identities(REGION)


def _end(stack: Stack) -> dict[str, Any]:
    """How things stand, without what depends on when and in how many runs they came so."""
    outside, state = stack.outside, stack.engine.state
    facts: dict[str, Any] = {"keys made": outside.keys_made, "in state": sorted(state)}
    identities = outside.ses.identities(REGION)
    stack_id = state[STACK_ID].id if STACK_ID in state else None
    for name, identity in identities.items():
        facts[f"identity {name}"] = {
            "origin": identity.origin,
            "key": (identity.selector, identity.fingerprint),
            "signs": identity.signing_enabled and identity.confirmed,
            "configuration set": identity.configuration_set,
            "MAIL FROM": (identity.mail_from.domain, identity.mail_from.on_mx_failure),
            "tags": {k: v for k, v in identity.tags.items() if k != OWNER_TAG},
            "is ours": identity.tags.get(OWNER_TAG, "").partition("/")[0] == stack_id,
        }
    elsewhere = outside.ses.identities(OTHER_REGION).get(DOMAIN)
    facts["key elsewhere"] = elsewhere and (
        elsewhere.selector,
        elsewhere.fingerprint,
        elsewhere.confirmed,
    )
    for (name, kind), record_set in outside.zone.record_sets.items():
        facts[f"{kind} record {name}"] = record_set
    stored = state.get(IDENTITY)
    if stored:
        outputs = stored.outputs
        facts["stored identity"] = {
            "declared": (outputs["selector"], outputs["fingerprint"], outputs.get("generation")),
            "adopted": outputs["adopted"],
            "told": "key_set_at" in outputs,
            "signed until": sorted(outputs["signed_until"]),
        }
    if "verification" in state:
        # Whether SES's times tell which key SUCCESS is about depends on when it is asked.
        facts["pending"] = state["verification"].outputs["pending"]
    facts["waits for deletion"] = [name for name in state if name.endswith(REPLACED)]
    return facts


def _differences(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return [
        f"{'left behind or made twice' if name not in wanted else 'ends elsewhere'}: {name}: "
        f"{found.get(name)}, not {wanted.get(name)}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]
