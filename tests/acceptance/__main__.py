"""
`python -m tests.acceptance`: first contact with SES. docs/reference/real-ses.md says how to use it.

Without `ZONE` it all runs against the sandbox. However a run ends, short of being killed, it cleans up.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import safety
from tests.acceptance.lab import Journal, Lab, Outside, Stop, below
from tests.acceptance.mailbox import open_mailbox
from tests.acceptance.prober import Report, probe
from tests.acceptance.product import RealWorld, main_job
from tests.acceptance.targets import Where, aws, in_sandbox
from tests.acceptance.texts import forms, gaps, texts
from tests.support.fakes import FakeClock

REGION: Final = "eu-west-1"
ZONE: Final = "lab.example"
ESTIMATE: Final = "the product takes about an hour, the prober six days, of which it works for a few hours"

PROBES: Final = (texts, forms, gaps)


def say(text: str) -> None:
    """A line for who runs it."""
    print(text, flush=True)


def main() -> int:
    """0 if the product did its job and everything was cleaned up."""
    try:
        if not os.environ.get("ZONE"):
            return against_sandbox()
        if not os.environ.get("REGION"):
            raise Stop("nothing was changed: ZONE= goes with REGION=, also to clean up what a run made there")
        return against_aws(os.environ["ZONE"].rstrip(".").lower(), os.environ["REGION"])
    except Stop as stop:
        say(f"stopped: {stop}")
        return 1


def against_sandbox() -> int:
    """The product, then the prober, each in a sandbox of its own: one needs real time, the other none."""
    code = secrets.token_hex(16)
    with Sandbox(switches=Switches(first_check_seconds=1)) as sandbox:
        say("sandbox: SES checks DNS a second after it gets a key here; the real one takes minutes")
        sandbox.add_zone(ZONE)
        where = in_sandbox(sandbox, ZONE, REGION)
        defaults = {"dnsResolvers": [sandbox.dns_resolver]}
        with cleaned(where):
            problems = main_job(
                Lab(where, code), sandbox, say=say, mail_seconds=0.5, without=(), defaults=defaults
            )
        problems += [f"left over: {name}" for name in safety.left(where)]
        verdicts = sandbox.mail.results
        problems += [f"mail: {dict(verdicts)}"] if verdicts["fail"] or not verdicts["pass"] else []
    report = of_emulator(Switches(), say)
    if report.switches() != Switches():
        problems.append(f"the prober takes the sandbox for {report.literal()}")
    show(report, report)
    return conclude(problems)


def of_emulator(switches: Switches, progress: Callable[[str], None] = lambda _: None) -> Report:
    """What the prober finds in a sandbox whose time moves only when it waits."""
    with Sandbox(clock=FakeClock(), switches=switches) as sandbox:
        sandbox.add_zone(ZONE)
        where = in_sandbox(sandbox, ZONE, REGION)
        with cleaned(where, progress):
            report = probe(Lab(where, secrets.token_hex(16)), more=PROBES, progress=progress)
        if left := safety.left(where):
            raise Stop(f"left over: {', '.join(left)}")
        return report


def against_aws(zone: str, region: str) -> int:
    """The same where the AWS SDK's variables lead to."""
    where = aws(zone, region, say=say)
    if os.environ.get("POLICY"):
        say(json.dumps(safety.iam_policy(where.zone_id, zone, where.account, region), indent=2))
        return 0
    if os.environ.get("CLEANUP"):
        say(f"deleted: {', '.join(safety.clean(where)) or 'nothing was there'}")
        return 0
    code = os.environ.get("RESUME") or secrets.token_hex(16)
    journal = Journal(Path(f"acceptance-{Lab(where, code).run}.jsonl"))
    lab = Lab(where, code, journal)
    begin(where, resumes=lab.run if os.environ.get("RESUME") else "")
    say(f"account {where.account}, Region {region}, everything below {below(lab.run, zone)}")
    say(f"price: {safety.PRICE}\ntime: {ESTIMATE}")
    say(f"Ctrl-C ends it and cleans up. Ctrl-\\ leaves all as it is, for: make acceptance RESUME={code}")
    problems: list[str] = []
    with cleaned(where):
        if os.environ.get("MAIL") != "no":
            say("waiting for the domain that receives mail to be verified")
            where.send = open_mailbox(Lab(where, code), where.clients)
        if not journal.entries:
            with tempfile.TemporaryDirectory() as directory:
                problems = main_job(Lab(where, code), RealWorld(Path(directory)), say=say)
        report = probe(lab, more=PROBES, progress=say)
    show(report, of_emulator(report.switches()))
    say(f"transcript: {journal.path}")
    return conclude(problems)


def begin(where: Outside, *, resumes: str = "") -> None:
    """Refuse what a run may not touch, and watch for it from now on."""
    others = bool(os.environ.get("OTHERS"))
    problems = safety.refusals(where, others=others, resumes=resumes)
    if problems:
        raise Stop("nothing was changed:\n  " + "\n  ".join(problems))
    where.guard = partial(safety.guard, where, safety.foreign(where))


@contextmanager
def cleaned(where: Where, progress: Callable[[str], None] = say) -> Iterator[None]:
    """However the block ends, what runs have made is deleted."""
    try:
        yield
    finally:
        try:
            deleted = safety.clean(where)
            progress(
                f"cleaned up: {len(deleted)} identities and records"
                if deleted
                else "cleaned up: nothing was left"
            )
        except Stop as stop:
            again = f"make acceptance CLEANUP=1 ZONE={where.zone} REGION={where.region}"
            say(f"not cleaned up: {stop}\n  once that is over: {again}")
            raise


def show(report: Report, emulator: Report) -> None:
    """What was found: the settings, and with a ! where it differs from an emulator with these settings."""
    say(f"\n{report.literal()}\n")
    for what, said in report.facts.items():
        other = emulator.facts.get(what)
        say(f"  {what}: {said}" if said == other else f"! {what}: {said} | emulator: {other}")


def conclude(problems: list[str]) -> int:
    """The end."""
    for problem in problems:
        say(f"FAILED: {problem}")
    say("acceptance: " + ("FAILED" if problems else "passed"))
    return 1 if problems else 0


def clean_up_if_terminated() -> None:
    """SIGTERM ends the run as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


if __name__ == "__main__":
    clean_up_if_terminated()
    sys.exit(main())
