"""
`python -m tests.acceptance`: first contact with SES, from the first line of `run` to its last.

Without arguments everything runs against the sandbox. With --zone and --region it runs in the AWS
account that the AWS SDK's own variables lead to: it refuses what it has no business with, prints
what it will make and cost, asks, works, prints its report, and deletes what it has made, however it
ends.
"""

from __future__ import annotations

import argparse
import heapq
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import ClientError

from sandbox.pulumi.project import Project
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import questions, safety
from tests.acceptance.lab import TAG, Lab, Refused, Stop, Unanswered, below, in_aws, in_sandbox, say
from tests.acceptance.questions import NEVER, UNKNOWN
from tests.support.fakes import FakeClock

ZONE, REGION = "lab.example", "eu-west-1"
"""In the sandbox."""

MAILS: Final = len(questions.MAIL_AFTER)
"""At most."""

SWITCHES: Final = tuple(Switches.__dataclass_fields__)

SANDBOX_ONLY: Final = ("PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
"""With these set, the engine uses the sandbox's plugins."""

Question = Callable[[Lab], questions.Question]


@dataclass
class Report:
    """What a run has found out."""

    switches: dict[str, Any] = field(default_factory=dict)
    """Answers by switch; `UNKNOWN` where SES shows no difference."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Everything else, by what it is about."""
    unanswered: dict[str, str] = field(default_factory=dict)
    """Why a question has no answer, by question."""

    def known(self) -> dict[str, Any]:
        return {name: value for name, value in self.switches.items() if value != UNKNOWN}

    def text(self, emulator: Report) -> str:
        """
        To be pasted: the emulator's settings as Python, and each fact, with ! where *emulator*
        differs.
        """
        lines = ["Switches("]
        for name in SWITCHES:
            value = self.switches.get(name, UNKNOWN)
            why = f": {NEVER[name]}" if name in NEVER else ""
            lines.append(
                f"    # {name}: unknown{why}" if value == UNKNOWN else f"    {name}={value!r},"
            )
        lines.append(")")
        for what, value in self.facts.items():
            other = emulator.facts.get(what)
            lines.append(
                f"  {what}: {value}" if value == other else f"! {what}: {value} | emulator: {other}"
            )
        return "\n".join([*lines, *(f"? {what}: {why}" for what, why in self.unanswered.items())])


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the product did its job and everything was deleted."""
    options = parsed(arguments)
    try:
        if not options.zone:
            return against_sandbox()
        lab = in_aws(options.zone.rstrip(".").lower(), options.region, options.mail_to)
        return clean(lab, ask=not options.yes) if options.clean else against_aws(lab, options)
    except (Stop, Refused, ClientError) as stop:
        say(f"stopped: {stop}")
    except (KeyboardInterrupt, EOFError):
        say("stopped")
    return 1


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.acceptance", description="First contact with SES.")
    parser.add_argument(
        "--zone", default="", help="a public hosted zone in Route 53 that nobody uses"
    )
    parser.add_argument(
        "--region", default="", help="a Region of SES without identities; needed with --zone"
    )
    parser.add_argument(
        "--mail-to", default="", metavar="ADDRESS", help="your address: you read signatures"
    )
    for name, text in {
        "yes": "do not ask before anything is made or deleted",
        "clean": "delete what earlier runs have left, and end",
    }.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    options = parser.parse_args(arguments)
    if options != parser.parse_args([]) and not (options.zone and options.region):
        parser.error("nothing was changed: every option needs --zone and --region")
    return options


# The run


def against_aws(lab: Lab, options: argparse.Namespace) -> int:
    """Say what will happen, ask, and run."""
    safety.refuse(lab)
    mail = f"; up to {MAILS} messages to {options.mail_to}" if options.mail_to else ""
    say(
        f"account {lab.account}, Region {lab.region}: up to 20 SES identities, tagged "
        f"{TAG}={lab.run}\n"
        f"zone {lab.zone}: up to 20 TXT records and one CNAME record{mail}\n"
        f"every name is or ends with {below(lab.run, lab.zone)}; everything is deleted at the end\n"
        f"price: {safety.PRICE}\n"
        "time: the product an hour, the questions a day, two at most\n"
        f"after a kill or a power cut: {lab.clean_command}"
    )
    asked = rounds(with_mail=bool(options.mail_to))
    for question in chain(*asked):
        say(f"  asks: {question.__doc__}")
    confirm("go on", lab.zone, ask=not options.yes)
    with tempfile.TemporaryDirectory(prefix="byodkim-acceptance-") as directory:
        ours = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        world = SimpleNamespace(
            directory=Path(directory), environment=ours
        )  # what `Project` needs to know
        return conclude(run(lab, world, asked))


def against_sandbox(sandbox: Sandbox | None = None) -> int:
    """The same in a sandbox. The product needs real time there; the questions need none."""
    with sandbox or Sandbox(switches=Switches(first_check_seconds=1)) as opened:
        opened.add_zone(ZONE)
        lab = in_sandbox(opened, ZONE, REGION)
        defaults = {"dnsResolvers": [opened.dns_resolver]}
        problems = run(lab, opened, without=(), defaults=defaults)
    report = of_emulator(Switches())
    say(report.text(report))
    found = {
        name: value for name, value in report.known().items() if value != getattr(Switches(), name)
    }
    return conclude(
        [*problems, *(f"{name}={value!r} is not the default" for name, value in found.items())]
    )


def rounds(*, with_mail: bool = False) -> list[list[Question]]:
    """The questions, in the order in which they are asked; all of a round at once."""
    mail = [questions.mail_while_pending] if with_mail else []
    return [[questions.first_key], [*questions.QUESTIONS, *mail]]


def run(
    lab: Lab,
    world: Any,
    asked: Sequence[Sequence[Question]] = (),
    **options: Any,
) -> list[str]:
    """The product, the questions, the comparison, the report; at the end everything is deleted."""
    report = Report()
    problems: list[str] = []
    try:
        safety.begin(lab)
        problems += map(lab.masked, product(lab, world, **options))
        for each in asked:
            ask(lab, each, report)
    except BaseException:
        conclude([*problems, "the run did not reach its end"])
        raise
    finally:
        try:
            if asked:
                show(report)
        finally:
            problems += clean_up(lab, lab.run)
    return problems


def conclude(problems: Sequence[str]) -> int:
    """Say how the run ended; the exit code."""
    for problem in problems:
        say(f"FAILED: {problem}")
    say("acceptance: " + ("FAILED" if problems else "passed"))
    return 1 if problems else 0


def show(report: Report) -> None:
    """The report beside an emulator with the same switches."""
    say("\n" + report.text(of_emulator(Switches(**report.known()))))


def clean(lab: Lab, *, ask: bool) -> int:
    """Delete what earlier runs have left, after it was named."""
    if not (runs := safety.runs_here(lab)):
        say("no run has left anything")
        return 0
    say("\n".join(f"everything below {below(run, lab.zone)} in {lab.region}" for run in runs))
    confirm("delete it", lab.zone, ask=ask)
    return 1 if clean_up(lab, *runs) else 0


def clean_up(lab: Lab, *runs: str) -> list[str]:
    """Delete what *runs* have made; what is left is said and returned."""
    say("cleaning up; Ctrl-C does not end it")
    left: list[str] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    for run in runs:
        try:
            say(f"deleted: {', '.join(safety.clean(lab, run)) or 'nothing'}")
        except (Stop, Refused, ClientError) as error:
            say(f"not cleaned up: {error}\n  once that is over: {lab.clean_command}")
            left.append(f"not cleaned up: run {run}")
    signal.signal(signal.SIGINT, before)
    return left


def confirm(what: str, zone: str, *, ask: bool) -> None:
    """A person types the zone's name."""
    if ask and input(f"To {what}, type the name of the zone: ").strip() != zone:
        raise Stop("nothing was changed")


# The product


def product(
    lab: Lab,
    world: Any,
    *,
    without: Collection[str] = SANDBOX_ONLY,
    defaults: Mapping[str, Any] | None = None,
) -> list[str]:
    """
    `pulumi up`, a rotation, the way back, `pulumi destroy` of one domain by the engine; returns
    problems.

    The state is in a private folder that is removed, encrypted with a passphrase that is written
    nowhere.
    """
    domain, problems = f"product.{below(lab.run, lab.zone)}", []
    steps: dict[str, dict[str, Any]] = {
        "up": {"generation": 1},
        "rotate": {"generation": 2},
        "back": {"generation": 1, "published": [1, 2, 3]},
    }
    config = {
        "aws:region": lab.region,
        "ses-byodkim:verification": {"timeoutMinutes": 90, "onTimeout": "fail"},
        "ses-byodkim:defaults": {"tags": {TAG: lab.run}, **(defaults or {})},
    }

    def done(step: str, result: Any) -> bool:
        say(f"product: {step}: {'FAILED' if result.failed else 'done'}")
        if result.failed:
            problems.append(f"{step} failed:\n{result.stdout[-3000:]}\n{result.stderr[-1000:]}")
        return not result.failed

    with Project(
        world, config=config, without=without, passphrase=secrets.token_hex(16)
    ) as project:
        try:
            for step, wanted in steps.items():
                project.configure(config | {"ses-byodkim:domains": {domain: wanted}})
                result = project.up()
                if not done(step, result):
                    break
                if result.outputs["pending"]:
                    problems.append(f"{step}: pending: {result.outputs['pending']}")
        finally:
            done("destroy", project.destroy())
    return problems


# The questions


def ask(lab: Lab, round_: Sequence[Question], report: Report) -> None:
    """
    All questions of a round at once; while one waits the others go on.

    What SES refuses, or answers in a shape that nobody expected, ends one question and no other.
    """
    running = [(lab.now(), number, question(lab)) for number, question in enumerate(round_)]
    heapq.heapify(running)
    while running:
        at, number, generator = heapq.heappop(running)
        lab.sleep(max(at - lab.now(), 0))
        name = round_[number].__name__.replace("_", " ")
        try:
            seconds = next(generator)
        except StopIteration as found:
            answers = {each: found.value.pop(each) for each in SWITCHES if each in found.value}
            report.facts |= found.value
            report.switches |= answers | {"put_answer": questions.put_answer(lab)}
            say(f"{name}: {round_[number].__doc__} {answers or 'see the report'}")
        except (Refused, Unanswered, LookupError, TypeError, ValueError) as error:
            expected = isinstance(error, (Refused, Unanswered))
            report.unanswered[name] = lab.masked(
                f"{'' if expected else type(error).__name__ + ': '}{error}"
            )
            say(f"{name}: not answered: {report.unanswered[name]}")
        else:
            heapq.heappush(running, (lab.now() + seconds, number, generator))


def of_emulator(switches: Switches) -> Report:
    """What the questions find in a sandbox whose time moves only when it waits."""
    report = Report()
    with Sandbox(clock=FakeClock(), switches=switches) as sandbox:
        sandbox.add_zone(ZONE)
        lab = in_sandbox(sandbox, ZONE, REGION)
        for each in rounds():
            ask(lab, each, report)
    return report


if __name__ == "__main__":
    sys.exit(main())
