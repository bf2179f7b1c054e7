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
from tests.acceptance.errors import Refused, Unanswered
from tests.acceptance.lab import CALM_SECONDS, Lab
from tests.acceptance.probes import FIRST, LATER, UNKNOWN, Findings, Puts

RATES: Final = (10, 5, 2, 1)
"""Calls a second that are told apart; fewer than one is `UNKNOWN`."""

NEVER: Final = {"identity_limit": "nobody makes 10,000 identities to find out"}
"""Switches that no probe asks about, and why."""

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
    lab: Lab,
    *,
    more: Sequence[Callable[[Lab], Any]] = (),
    progress: Progress = lambda _: None,
    report: Report | None = None,
) -> Report:
    """
    All settings, and what the probes in *more* find besides.

    *report* has what was found so far, also where this ends by an exception.
    """
    report = report or Report()
    puts: Puts = []

    def keep(findings: Findings) -> None:
        puts.extend(tuple(one) for one in findings.pop("puts", []))  # type: ignore[misc]
        for name, value in findings.items():
            (report.settings if name in Switches.__dataclass_fields__ else report.facts)[name] = value

    try:
        if run_all(lab, [FIRST], progress, keep):
            run_all(lab, [*LATER, *more], progress, keep)
            for one in LAST:
                run_all(lab, [one], progress, keep)
    finally:
        report.settings["put_answer"] = put_answer(puts)
        asked = [name for name in Switches.__dataclass_fields__ if name not in NEVER]
        report.settings = {name: report.settings.get(name, UNKNOWN) for name in asked}
        if again := sum(
            "Tries" in one["answer"] for one in lab.journal.entries if isinstance(one["answer"], dict)
        ):
            report.facts["calls that were made again"] = again
    return report


def run_all(
    lab: Lab,
    probes: Sequence[Callable[[Lab], Any]],
    progress: Progress,
    keep: Callable[[Findings], None],
) -> bool:
    """
    *keep* gets what each probe found. While one waits the others go on.

    A probe that SES refuses something ends, and no other; False if there was one.
    """
    running: list[tuple[float, int, Generator[float, None, Findings]]] = []
    for number, make in enumerate(probes):
        running.append((lab.now(), number, make(lab)))
    heapq.heapify(running)
    all_found = True
    while running:
        at, number, generator = heapq.heappop(running)
        lab.wait_until(at)
        name = probes[number].__name__.replace("_", " ")
        try:
            seconds = next(generator)
        except StopIteration as ended:
            keep(ended.value)
            progress(f"{len(probes) - len(running)} of {len(probes)}: {name}")
        except (Refused, Unanswered) as stopped:
            all_found = False
            keep({f"stopped: {name}": lab.journal.mask(str(stopped))})
            progress(f"{len(probes) - len(running)} of {len(probes)}: {name}: stopped: {stopped}")
        else:
            heapq.heappush(running, (lab.now() + seconds, number, generator))
    return all_found


def put_answer(puts: Puts) -> str:
    """The one way to answer a Put that fits all of *puts*, if they tell it from the other ways."""
    fits = {
        "as Get": all(answer == after for _, answer, after in puts),
        "NOT_STARTED": all(answer == "NOT_STARTED" for _, answer, _ in puts),
        "before": all(answer == before for before, answer, _ in puts),
    }
    found = [way for way, all_fit in fits.items() if all_fit]
    return found[0] if puts and len(found) == 1 else UNKNOWN


def bad_key(lab: Lab) -> Generator[float, None, Findings]:
    """Whether base64 that is no key is refused."""
    domain = lab.domain()
    junk = {"DomainSigningSelector": "junk", "DomainSigningPrivateKey": "bm8ga2V5"}
    yield 0
    try:
        lab.create(domain, DkimSigningAttributes=junk)
    except Refused as refused:
        if refused.code != "BadRequestException":
            raise
        return {"refuses_bad_keys": True}
    lab.delete(domain)
    return {"refuses_bad_keys": False}


def rate(lab: Lab) -> Generator[float, None, Findings]:
    """Calls a second, by reads of an identity that is not there; 23 calls at most."""
    domain = lab.domain()
    yield CALM_SECONDS

    def allowed(seconds: float, calls: int) -> bool:
        lab.wait_until(lab.now() + 3)
        for _ in range(calls):
            status = lab.unpaced("get_email_identity", EmailIdentity=domain)
            if status == 429:
                return False
            if status != 404:
                raise Unanswered(f"a read of what is not there was answered with {status}")
            lab.wait_until(lab.now() + seconds)
        return True

    if allowed(0, 7):
        return {"requests_per_second": None}
    return {"requests_per_second": next((one for one in RATES if allowed(1.02 / one, 4)), UNKNOWN)}


def another_action(lab: Lab) -> Generator[float, None, Findings]:
    """Whether the actions share one rate."""
    yield 3
    lab.unpaced("list_email_identities")
    status = lab.unpaced("get_email_identity", EmailIdentity=lab.domain())
    said = "throttled: the actions share a rate" if status == 429 else f"answered: {status}"
    return {"another action at once": said}


LAST: Final = (bad_key, rate, another_action)
"""One after the other, when all others have ended: they find out what SES does when it is asked too much."""
