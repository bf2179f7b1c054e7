"""
The prober: all probes at once, and what they say together, as settings of the emulator.

Facts in, a `Report` out. What is asked of SES is in `probes` and `texts`. A probe that fails keeps no other
from its answer; it is open then, and asked again when the run is resumed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.ses.switches import Switches
from tests.acceptance.errors import Refused, Unanswered
from tests.acceptance.lab import CALM_SECONDS, Lab
from tests.acceptance.observing import UNKNOWN, Findings
from tests.acceptance.probes import LATER, Puts
from tests.acceptance.probes_first import first_key

RATES: Final = (10, 5, 2, 1)
"""Calls a second that are told apart: the next lower one is given, and for fewer than one `UNKNOWN`."""

BURST: Final = 48
"""Calls at once, at most, to use up what SES lets through above its rate."""

SUSTAINED: Final = 12
"""Calls at a rate, after a call that was throttled, that show that SES keeps it up."""

MOST_CALLS: Final = 68
"""To find out the rate; two more are made to find out whether actions share it."""

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
    open: list[str] = field(default_factory=list)
    """The probes that found nothing; `facts` has why."""

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
    again: bool = False,
) -> Report:
    """
    All settings, and what the probes in *more* find besides. *again*: what is open then is asked once more.

    *report* has what was found so far, also where this ends by an exception.
    """
    report = report or Report()
    puts: Puts = []

    def keep(findings: Findings) -> None:
        puts.extend(tuple(one) for one in findings.pop("puts", []))  # type: ignore[misc]
        for name, value in findings.items():
            (report.settings if name in Switches.__dataclass_fields__ else report.facts)[name] = value

    try:
        rounds = ([first_key], [*LATER, *more], *([one] for one in LAST))
        report.open = run_rounds(lab, rounds, progress, keep)
        while report.open and (lab.journal.replays or again):
            again = again and lab.journal.replays
            lab.journal.once(["asked again", report.open], lambda: None)
            for name in report.open:
                report.facts.pop(f"not known: {name}")
            of_open = [[one for one in some if name_of(one) in report.open] for some in rounds]
            report.open = run_rounds(lab, of_open, progress, keep)
    finally:
        report.settings["put_answer"] = put_answer(puts)
        asked = [name for name in Switches.__dataclass_fields__ if name not in NEVER]
        report.settings = {name: report.settings.get(name, UNKNOWN) for name in asked}
        if tried := sum(
            "Tries" in one["answer"] for one in lab.journal.entries if isinstance(one["answer"], dict)
        ):
            report.facts["calls that were made again"] = tried
    return report


def name_of(make: Callable[[Lab], Any]) -> str:
    """What a probe is called."""
    return str(make.__name__).replace("_", " ")


def run_rounds(
    lab: Lab,
    rounds: Sequence[Sequence[Callable[[Lab], Any]]],
    progress: Progress,
    keep: Callable[[Findings], None],
) -> list[str]:
    """One round after the other; the names of the probes that found nothing."""
    return [name for probes in rounds for name in run_all(lab, probes, progress, keep)]


def run_all(
    lab: Lab,
    probes: Sequence[Callable[[Lab], Any]],
    progress: Progress,
    keep: Callable[[Findings], None],
) -> list[str]:
    """
    *keep* gets what each probe found, or why it found nothing; the names of the latter are returned.

    While one waits the others go on. An answer that SES refuses, or of a shape that nobody expected, ends
    one probe and no other.
    """
    running: list[tuple[float, int, Generator[float, None, Findings]]] = []
    for number, make in enumerate(probes):
        running.append((lab.now(), number, make(lab)))
    heapq.heapify(running)
    nothing: list[str] = []
    while running:
        at, number, generator = heapq.heappop(running)
        lab.wait_until(at)
        name = name_of(probes[number])
        ended = f"{len(probes) - len(running)} of {len(probes)}: {name}"
        try:
            seconds = next(generator)
        except StopIteration as found:
            keep(found.value)
            progress(ended)
        except (Refused, Unanswered, LookupError, TypeError, ValueError) as error:
            is_expected = isinstance(error, (Refused, Unanswered))
            why = lab.journal.mask(str(error) if is_expected else f"{type(error).__name__}: {error}")
            nothing.append(name)
            keep({f"not known: {name}": why})
            progress(f"{ended}: not known: {why}")
        else:
            heapq.heappush(running, (lab.now() + seconds, number, generator))
    return nothing


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
    """
    Calls a second that SES keeps up, by reads of an identity that is not there.

    SES may let a burst through above its rate, so calls are made at once until one is throttled; from then on
    each rate is tried without a rest, in which SES could save up for another burst.
    """
    yield CALM_SECONDS
    domain = lab.domain()
    left = iter(range(MOST_CALLS))

    def passed(seconds: float, calls: int) -> tuple[int, bool]:
        """How many were answered, and whether they were made that fast."""
        begun = asked = lab.now()
        for number in range(calls):
            if next(left, None) is None:
                raise Unanswered(f"no rate was kept up in {MOST_CALLS} calls")
            lab.wait_until(asked + seconds if number or seconds else begun)
            asked = lab.now()
            status = lab.unpaced("get_email_identity", EmailIdentity=domain)
            if status == 429:
                return number, True
            if status != 404:
                raise Unanswered(f"a read of what is not there was answered with {status}")
        return calls, asked - begun <= calls * (1.1 * seconds or 1 / RATES[0])

    burst, is_fast = passed(0, BURST)
    found: Findings = {"calls at once before one was throttled": burst if burst < BURST else f"over {BURST}"}
    if burst == BURST:
        return found | {"requests_per_second": None if is_fast else UNKNOWN}
    was_fast = True
    for one in RATES:
        answered, is_fast = passed(1.1 / one, SUSTAINED)
        if answered == SUSTAINED and is_fast:
            return found | {"requests_per_second": one if was_fast else UNKNOWN}
        was_fast = is_fast
    return found | {"requests_per_second": UNKNOWN}


def another_action(lab: Lab) -> Generator[float, None, Findings]:
    """Whether the actions share one rate."""
    yield 3
    begun = lab.now()
    statuses = [
        lab.unpaced("list_email_identities"),
        lab.unpaced("get_email_identity", EmailIdentity=lab.domain()),
    ]
    if statuses[0] != 200 or lab.now() - begun > 1:
        raise Unanswered(f"a list and a read at once took {lab.now() - begun:.1f} s: {statuses}")
    said = {
        429: "throttled: the actions share a rate",
        404: "answered: each action has a rate of its own, or SES allows a burst",
    }
    return {"another action at once": said.get(statuses[1], f"answered: {statuses[1]}")}


LAST: Final = (bad_key, rate, another_action)
"""One after the other, when all others have ended: they find out what SES does when it is asked too much."""
