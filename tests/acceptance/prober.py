"""
The prober: all probes at once, and what they say together, as settings of the emulator.

Facts in, a `Report` out. What is asked of SES is in `probes` and `texts`; what is printed is in `report`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.ses.switches import Switches
from tests.acceptance.lab import Lab, Refused
from tests.acceptance.probes import FIRST, LATER, UNKNOWN, Findings, Puts

__all__ = ["NEVER", "Report", "probe", "run_all"]

RATES: Final = (10, 5, 2, 1)
"""Calls a second that are told apart; fewer than one is `UNKNOWN`."""

NEVER: Final = {"identity_limit": "nobody makes 10,000 identities to find out"}
"""Switches that no probe asks about, and why."""

GUARD_SECONDS: Final = 600.0
"""How often it is checked that nothing of others has appeared."""

Progress = Callable[[str], None]


@dataclass
class Report:
    """What was found out about one SES."""

    settings: dict[str, Any] = field(default_factory=dict)
    """By switch; `UNKNOWN` where SES shows no difference."""
    facts: dict[str, Any] = field(default_factory=dict)
    """All else, by what it is about."""

    def literal(self) -> str:
        """The emulator's settings as Python, with what is not known as comments."""
        lines = [f"    {name}={value!r}," for name, value in self.settings.items() if value != UNKNOWN]
        lines += [f"    # {name}: unknown" for name, value in self.settings.items() if value == UNKNOWN]
        return "\n".join(["Switches(", *lines, ")"])

    def switches(self) -> Switches:
        """An emulator like this SES, with the defaults for what is not known."""
        return Switches(**{name: value for name, value in self.settings.items() if value != UNKNOWN})


def probe(
    lab: Lab, *, more: Sequence[Callable[[Lab], Any]] = (), progress: Progress = lambda _: None
) -> Report:
    """All settings, and what the probes in *more* find besides."""
    found = run_all(lab, [FIRST], progress)
    found += run_all(lab, [*LATER, *more], progress)
    settings: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    puts: Puts = []
    for findings in found:
        puts += [tuple(one) for one in findings.pop("puts", [])]  # type: ignore[misc]
        for name, value in findings.items():
            (settings if name in Switches.__dataclass_fields__ else facts)[name] = value
    settings["put_answer"] = put_answer(puts)
    settings["refuses_bad_keys"] = _refuses_bad_keys(lab)
    settings["requests_per_second"] = _rate(lab)
    facts["another action at once"] = _another_action(lab)
    order = [name for name in Switches.__dataclass_fields__ if name in settings]
    return Report({name: settings[name] for name in order}, facts)


def run_all(lab: Lab, probes: Sequence[Callable[[Lab], Any]], progress: Progress) -> list[Findings]:
    """What each probe found, in their order. While one waits the others go on."""
    running: list[tuple[float, int, Generator[float, None, Findings]]] = []
    for number, make in enumerate(probes):
        running.append((lab.now(), number, make(lab)))
    heapq.heapify(running)
    found: dict[int, Findings] = {}
    guarded = lab.now()
    while running:
        at, number, generator = heapq.heappop(running)
        lab.wait_until(at)
        if lab.now() - guarded >= GUARD_SECONDS and not lab.journal.replays:
            lab.outside.guard()
            guarded = lab.outside.now()
        try:
            seconds = next(generator)
        except StopIteration as ended:
            found[number] = ended.value
            progress(f"{len(found)} of {len(probes)}: {probes[number].__name__.replace('_', ' ')}")
        else:
            heapq.heappush(running, (lab.now() + seconds, number, generator))
    return [found[number] for number in range(len(probes))]


def put_answer(puts: Puts) -> str:
    """The one way to answer a Put that fits all of *puts*, if they tell it from the other ways."""
    fits = {
        "as Get": all(answer == after for _, answer, after in puts),
        "NOT_STARTED": all(answer == "NOT_STARTED" for _, answer, _ in puts),
        "before": all(answer == before for before, answer, _ in puts),
    }
    found = [way for way, all_fit in fits.items() if all_fit]
    return found[0] if puts and len(found) == 1 else UNKNOWN


def _refuses_bad_keys(lab: Lab) -> bool:
    domain = lab.domain()
    junk = {"DomainSigningSelector": "junk", "DomainSigningPrivateKey": "bm8ga2V5"}
    try:
        lab.create(domain, DkimSigningAttributes=junk)
    except Refused:
        return True
    lab.delete(domain)
    return False


def _rate(lab: Lab) -> Any:
    """Calls a second, by reads of an identity that is not there; 23 calls at most."""
    domain = lab.domain()

    def allowed(seconds: float, calls: int) -> bool:
        lab.wait_until(lab.now() + 3)
        for _ in range(calls):
            if lab.unpaced("get_email_identity", EmailIdentity=domain) == 429:
                return False
            lab.wait_until(lab.now() + seconds)
        return True

    if allowed(0, 7):
        return None
    return next((rate for rate in RATES if allowed(1.02 / rate, 4)), UNKNOWN)


def _another_action(lab: Lab) -> str:
    """Whether the actions share one rate."""
    lab.wait_until(lab.now() + 3)
    lab.unpaced("list_email_identities")
    status = lab.unpaced("get_email_identity", EmailIdentity=lab.domain())
    return "throttled: the actions share a rate" if status == 429 else f"answered: {status}"
