"""
`python -m tests.acceptance ZONE REGION`: first contact with SES.

It runs in the AWS account that the AWS SDK's own variables lead to: it refuses what it has no
business with, says what it will make and cost, asks, works, prints its answers, and deletes what it
has made, however it ends.
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
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from sandbox.pulumi.project import Project
from sandbox.ses.switches import Switches
from tests.acceptance import questions, safety
from tests.acceptance.lab import TAG, Lab, Refused, Stop, Unanswered, below, in_aws, say

SANDBOX_ONLY: Final = ("PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
"""With these set, the engine uses the sandbox's plugins."""

Question = Callable[[Lab], questions.Question]


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the product did its job and everything was deleted."""
    parser = argparse.ArgumentParser("tests.acceptance", description="First contact with SES.")
    parser.add_argument("zone", help="a public hosted zone in Route 53 that nobody uses")
    parser.add_argument("region", help="a Region of SES without identities")
    parser.add_argument(
        "--mail-to", metavar="ADDRESS", default="", help="your address: you read signatures"
    )
    parser.add_argument(
        "--clean", action="store_true", help="delete what earlier runs have left, and end"
    )
    options = parser.parse_args(arguments)
    try:
        lab = in_aws(options.zone.rstrip(".").lower(), options.region)
        lab.mail_to = options.mail_to
        return clean(lab) if options.clean else first_contact(lab)
    except (Stop, Refused) as stop:
        say(f"stopped: {stop}")
    except (KeyboardInterrupt, EOFError):
        say("stopped")
    return 1


def first_contact(lab: Lab) -> int:
    """Say what will happen, ask, and run."""
    safety.refuse(lab)
    asked = list(questions.QUESTIONS)
    mail = ""
    if lab.mail_to:
        asked.append(questions.mail_while_pending)
        mail = f"; {len(questions.MAIL_AFTER)} messages to {lab.mail_to}"
    say(
        f"account {lab.account}, Region {lab.region}: up to 20 SES identities, tagged "
        f"{TAG}={lab.run}\n"
        f"zone {lab.zone}: up to 20 TXT records and one CNAME record{mail}\n"
        f"every name is or ends with {below(lab.run, lab.zone)}; everything is deleted at the end\n"
        "price: under 1 US dollar\n"
        "time: the product an hour, the questions a day, two at most\n"
        f"after a kill or a power cut: {lab.clean_command}"
    )
    confirm("go on", lab.zone)
    problems = ["the run did not reach its end"]
    try:
        safety.begin(lab)
        with tempfile.TemporaryDirectory(prefix="byodkim-acceptance-") as directory:
            aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
            world = SimpleNamespace(directory=Path(directory), environment=aws)
            problems += product(lab, world)
        ask(lab, [questions.first_key])
        ask(lab, asked)
        problems.pop(0)
    finally:
        problems += clean_up(lab, lab.run)
        for problem in problems:
            say(lab.masked(f"FAILED: {problem}"))
    return 1 if problems else 0


def clean(lab: Lab) -> int:
    """Delete what earlier runs have left, after it was named."""
    runs = safety.runs_here(lab)
    if not runs:
        say("no run has left anything")
        return 0
    for run in runs:
        say(f"everything below {below(run, lab.zone)} in {lab.region}")
    confirm("delete it", lab.zone)
    return 1 if clean_up(lab, *runs) else 0


def clean_up(lab: Lab, *runs: str) -> list[str]:
    """Delete what *runs* have made; what is left is said and returned."""
    say("cleaning up; Ctrl-C does not end it")
    left: list[str] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    for run in runs:
        try:
            say(f"deleted: {', '.join(safety.clean(lab, run)) or 'nothing'}")
        except (Stop, Refused) as error:
            say(lab.masked(f"not cleaned up: {error}\n  once that is over: {lab.clean_command}"))
            left.append(f"not cleaned up: run {run}")
    signal.signal(signal.SIGINT, before)
    return left


def confirm(what: str, zone: str) -> None:
    """A person types the zone's name."""
    if input(f"To {what}, type the name of the zone: ").strip() != zone:
        raise Stop("nothing was changed")


def product(
    lab: Lab,
    world: Any,
    *,
    without: Collection[str] = SANDBOX_ONLY,
    defaults: Mapping[str, Any] = {},
) -> list[str]:
    """
    `pulumi up`, a rotation, the way back, `pulumi destroy` of one domain by the engine; returns
    problems.

    The state is in a private folder that is removed, encrypted with a passphrase that is written
    nowhere.
    """
    domain = f"product.{below(lab.run, lab.zone)}"
    problems: list[str] = []
    steps: dict[str, dict[str, Any]] = {
        "up": {"generation": 1},
        "rotate": {"generation": 2},
        "back": {"generation": 1, "published": [1, 2, 3]},
    }
    config = {
        "aws:region": lab.region,
        "ses-byodkim:verification": {"timeoutMinutes": 90, "onTimeout": "fail"},
        "ses-byodkim:defaults": {"tags": {TAG: lab.run}, **defaults},
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
            for step, declared in steps.items():
                project.configure(config | {"ses-byodkim:domains": {domain: declared}})
                result = project.up()
                if not done(step, result):
                    break
                if result.outputs["pending"]:
                    problems.append(f"{step}: pending: {result.outputs['pending']}")
        finally:
            done("destroy", project.destroy())
    return problems


def ask(lab: Lab, asked: Sequence[Question]) -> dict[str, Any]:
    """
    Ask all questions at once: while one waits the others go on. Print the answers, and return them.

    What SES refuses, or answers in a shape that nobody expected, ends one question and no other.
    """
    answers: dict[str, Any] = {}
    running = [(lab.now(), number, question(lab)) for number, question in enumerate(asked)]
    while running:
        at, number, generator = heapq.heappop(running)
        name = asked[number].__name__.replace("_", " ")
        lab.sleep(max(at - lab.now(), 0))
        try:
            seconds = next(generator)
        except StopIteration as end:
            say(f"{name}:")
            for what, answer in end.value.items():
                assumed = asdict(Switches()).get(what)
                more = "" if assumed is None else f" (the emulator: {assumed})"
                say(lab.masked(f"  {what}: {answer}{more}"))
            answers |= end.value
        except (Refused, Unanswered, LookupError, TypeError, ValueError) as error:
            say(lab.masked(f"{name}: not answered: {type(error).__name__}: {error}"))
        else:
            heapq.heappush(running, (lab.now() + seconds, number, generator))
    return answers


if __name__ == "__main__":
    sys.exit(main())
