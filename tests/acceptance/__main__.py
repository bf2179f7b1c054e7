"""
`python -m tests.acceptance`: first contact with SES. docs/reference/real-ses.md says how to use it.

Without `ZONE` it all runs against the sandbox. However a run ends, short of being killed, it cleans up.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Final

from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import safety
from tests.acceptance.errors import Refused, Stop, Unanswered
from tests.acceptance.interrupts import Interrupts
from tests.acceptance.journal import Journal, masking
from tests.acceptance.lab import Lab, Outside, below, plain, run_in, run_of
from tests.acceptance.mailbox import open_mailbox
from tests.acceptance.policy import iam_policy
from tests.acceptance.prober import Report, probe
from tests.acceptance.product import (
    MAIL_OF_PROBER,
    MAIL_OF_RUN,
    PART,
    RealWorld,
    main_job,
    refuse_without_mail,
)
from tests.acceptance.resuming import check_resumed, sources
from tests.acceptance.targets import Where, aws, in_sandbox
from tests.acceptance.texts import forms, gaps, texts
from tests.support.fakes import FakeClock

REGION: Final = "eu-west-1"
ZONE: Final = "lab.example"
ESTIMATE: Final = "the product takes about an hour, the prober six days, of which it works for a few hours"

CODE: Final = re.compile(r"[0-9a-f]{32}")
"""What a run's names and keys follow from."""

PROBES: Final = (texts, forms, gaps)


def say(text: str) -> None:
    """A line for who runs it; a terminal that was closed is no reason to stop."""
    with suppress(OSError):
        print(text, flush=True)


INTERRUPTS: Final = Interrupts(say)


def main() -> int:
    """0 if the product did its job and everything was cleaned up."""
    try:
        if not os.environ.get("ZONE"):
            return against_sandbox()
        if not os.environ.get("REGION"):
            raise Stop("nothing was changed: ZONE= goes with REGION=, also to clean up what a run made there")
        return against_aws(os.environ["ZONE"].rstrip(".").lower(), os.environ["REGION"])
    except (Stop, Refused, Unanswered) as stop:
        say(f"stopped: {stop}")
        return 1


def against_sandbox(sandbox: Sandbox | None = None) -> int:
    """The product, then the prober, each in a sandbox of its own: one needs real time, the other none."""
    code = secrets.token_hex(16)
    with sandbox or Sandbox(switches=Switches(first_check_seconds=1)) as opened:
        say("sandbox: SES checks DNS a second after it gets a key here; the real one takes minutes")
        opened.add_zone(ZONE)
        where = in_sandbox(opened, ZONE, REGION)
        defaults = {"dnsResolvers": [opened.dns_resolver]}
        with cleaned(where, run_of(code)):
            begin(where, run_of(code))
            problems = main_job(
                Lab(where, code),
                opened,
                say=say,
                interrupts=INTERRUPTS,
                mail_seconds=0.5,
                without=(),
                defaults=defaults,
            )
        problems += [f"left over: {names}" for names in safety.left(where).values()]
        verdicts = opened.mail.results
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
        where, code = in_sandbox(sandbox, ZONE, REGION), secrets.token_hex(16)
        with cleaned(where, run_of(code), progress):
            begin(where, run_of(code))
            report = probe(Lab(where, code), more=PROBES, progress=progress)
        if left := safety.left(where):
            raise Stop(f"left over: {left}")
        return report


def against_aws(zone: str, region: str) -> int:
    """The same where the AWS SDK's variables lead to."""
    resumed = os.environ.get("RESUME", "")
    if resumed and not CODE.fullmatch(resumed):
        raise Stop(
            "nothing was changed: RESUME= takes the code of 32 digits that was printed at the beginning"
        )
    if os.environ.get("RECEIVE", "yes") not in ("yes", "no"):
        raise Stop("nothing was changed: RECEIVE= is yes or no")
    run = run_of(code := resumed or secrets.token_hex(16))
    where = aws(zone, region, say=say)
    if os.environ.get("POLICY"):
        say(json.dumps(iam_policy(where.zone_id, zone, where.account, region), indent=2))
        return 0
    if os.environ.get("CLEANUP"):
        return clean_up(where, os.environ["CLEANUP"])
    has_mail = os.environ.get("RECEIVE") != "no"
    settings = {"zone": zone, "region": region, "mail": has_mail}
    journal = Journal(transcript_of(run), masking(where.account, partial(is_ours, zone)))
    if resumed:
        check_resumed(journal, settings, run)
    is_reopened = "cleaned" in journal.events and bool(journal.events.get("probed"))  # for open questions
    if "cleaning" in journal.events and not is_reopened:
        where.send = nothing if has_mail else None  # all of it is in the journal
        return max(concluded(where, code, journal), is_left(where, run, journal))
    refuse(where, run, resumes=bool(resumed) and not is_reopened)
    if has_mail:
        refuse_without_mail(where, MAIL_OF_PROBER if "product" in journal.events else MAIL_OF_RUN)
    where.guard = safety.guard(where, run, say)  # if that fails, a run that is resumed is not cleaned up
    with journal.claimed():
        if not resumed:
            journal.record("run", settings | sources())
        is_new = is_reopened or not resumed
        return work(where, code, journal, is_new=is_new, has_mail=has_mail, asks_again=bool(resumed))


def work(where: Where, code: str, journal: Journal, *, is_new: bool, has_mail: bool, asks_again: bool) -> int:
    """All parts of a run, or what is left of them."""
    run = run_of(code)
    say(f"account {where.account}, Region {where.region}, everything below {below(run, where.zone)}")
    say(f"price: {safety.PRICE}\ntime: {ESTIMATE}")
    if not is_new:
        try:
            where.send = mailbox_of(where, code) if has_mail else None
        except (Stop, Refused) as stop:
            raise Stop(f"nothing was deleted, RESUME goes on later: {stop}") from None
    say(f"Ctrl-C ends it and cleans up. Ctrl-\\ leaves all as it is, for: make acceptance RESUME={code}")
    say("all keys of the run follow from that code: keep it, and a log with it, as secret as a key")
    with cleaned(where, run, journal=journal):
        if is_new:
            safety.mark(where, run)
            if "cleaned" in journal.events:
                journal.record("reopened")
            safety.refuse_undelegated(where, run, where.resolver, say)
            where.send = mailbox_of(where, code) if has_mail else None
        if "product" not in journal.events:
            try_product(where, code, journal)
        return concluded(where, code, journal, asks_again=asks_again)


def mailbox_of(where: Where, code: str) -> Callable[[str], bytes]:
    """How the run sends mail, and gets it as it arrives."""
    say("waiting for the domain that receives mail to be verified")
    return open_mailbox(Lab(where, code, part="mailbox"), where.clients)


def is_ours(zone: str, name: str) -> bool:
    """A run may publish that name: it is the zone's, or below it a run's."""
    return plain(name) == zone or bool(run_in(name, zone))


def is_left(where: Where, run: str, journal: Journal) -> bool:
    """Whether a run that has ended could not be cleaned up; it is said how to do that."""
    if "cleaned" in journal.events:
        return False
    say(f"not all of it was cleaned up: {safety.clean_up_command(run, where.zone, where.region)}")
    return True


def nothing(_: str) -> bytes:
    """A message that nobody reads."""
    return b""


def try_product(where: Where, code: str, journal: Journal) -> None:
    """The product's part; what an earlier attempt left of it is deleted first."""
    run = run_of(code)
    safety.clean(where, run, part=PART)
    folder = folder_of(run)
    folder.mkdir(mode=0o700, exist_ok=True)
    problems = main_job(Lab(where, code), RealWorld(folder.absolute()), say=say, interrupts=INTERRUPTS)
    for problem in problems:
        say(f"product: {problem}")
    journal.record("product", [problem.partition("\n")[0] for problem in problems])


def concluded(where: Where, code: str, journal: Journal, *, asks_again: bool = False) -> int:
    """
    The prober's part, and the verdict over both. What was found is shown however this ends.

    *asks_again*: what is open is asked once more.
    """
    report = Report()
    try:
        probe(Lab(where, code, journal), more=PROBES, progress=say, report=report, again=asks_again)
        if "cleaning" not in journal.events:
            journal.record("probed", report.open)
        emulator = of_emulator(report.switches())
    except BaseException:
        say("\nthe prober was ended early; what it found until then:")
        show(report, report)
        raise
    finally:
        say(f"transcript: {journal.path}")
    show(report, emulator)
    if not where.send:
        say("no mail was sent, so nothing is known of signatures: RECEIVE=no")
    if report.open:
        say(f"not known: {', '.join(report.open)}; RESUME={code} asks that again")
    return conclude(journal.events["product"])


def begin(where: Outside, run: str) -> None:
    """A run begins here, or is refused."""
    refuse(where, run)
    where.guard = safety.guard(where, run, say)
    safety.mark(where, run)


def refuse(where: Outside, run: str, *, resumes: bool = False) -> None:
    """Refuse what a run may not touch."""
    others = os.environ.get("OTHERS") == "1"
    problems = safety.refusals(where, others=others, resumes=run if resumes else "")
    if problems:
        raise Stop("nothing was changed:\n  " + "\n  ".join(problems))
    if resumes and not safety.is_marked(where, run):
        in_part = f"in part; delete the rest of it: {safety.way_out(where, run)}"
        why = in_part if safety.marked_in(where, run) else "to its end; start a new one"
        raise Stop(f"nothing was changed: that run was cleaned up {why}")


@contextmanager
def cleaned(
    where: Where, run: str, progress: Callable[[str], None] = say, journal: Journal | None = None
) -> Iterator[None]:
    """However the block ends, what the run has made is deleted."""
    try:
        yield
    finally:
        with INTERRUPTS.cleaning():
            say_cleaned(where, run, progress, journal)


def say_cleaned(where: Where, run: str, progress: Callable[[str], None], journal: Journal | None) -> None:
    """Delete what the run has made, and say so, or say how to do that later."""
    try:
        deleted = safety.clean(where, run, begins=partial(note, journal, "cleaning"))
    except (Stop, Refused) as stop:
        command = safety.clean_up_command(run, where.zone, where.region)
        say(f"not cleaned up: {stop}\n  once that is over: {command}")
        if journal and "cleaning" not in journal.events:
            say("  or RESUME, as nothing was deleted")
        raise
    note(journal, "cleaned")
    shutil.rmtree(folder_of(run), ignore_errors=True)
    progress(f"cleaned up: {len(deleted)} things" if deleted else "cleaned up: nothing was left")


def note(journal: Journal | None, event: str) -> None:
    """*event* is in the journal; a disk that is full is no reason to leave anything in the account."""
    try:
        if journal:
            journal.record(event)
    except OSError as error:
        say(f"the transcript can't be written ({error}): do not RESUME this run")


def folder_of(run: str) -> Path:
    """The private folder of a run, with the state of the product's part."""
    return Path(f"acceptance-{run}")


def transcript_of(run: str) -> Path:
    """What a run keeps."""
    return Path(f"acceptance-{run}.jsonl")


def clean_up(where: Where, named: str) -> int:
    """Delete what the run of that code or name has made; without one, say which runs have left something."""
    run = run_of(named) if CODE.fullmatch(named) else named
    if not re.fullmatch(r"[0-9a-f]{8}", run):
        return list_left(where)
    path = transcript_of(run)
    journal = Journal(path) if path.exists() else None
    settings = journal.events.get("run", {}) if journal else {}
    wanted = {"zone": where.zone, "region": where.region}
    if settings and not wanted.items() <= settings.items():
        there = safety.clean_up_command(run, settings["zone"], settings["region"])
        raise Stop(f"nothing was deleted: that run is elsewhere: {there}")
    with journal.claimed() if journal else nullcontext(), INTERRUPTS.cleaning():
        begins = partial(note, journal, "cleaning")
        deleted = safety.clean(where, run, is_known=bool(settings), begins=begins)
        note(journal, "cleaned")
    shutil.rmtree(folder_of(run), ignore_errors=True)
    say(f"deleted: {', '.join(deleted) or 'nothing was there'}")
    return 0


def list_left(where: Where) -> int:
    """Say which runs have left something, and what deletes that."""
    found = safety.left(where)
    for run, names in found.items():
        say(f"run {run} has left {', '.join(names)}\n  to delete that: {safety.way_out(where, run, names)}")
    say("nothing was deleted" if found else "no run has left anything")
    return 1 if found else 0


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


if __name__ == "__main__":
    INTERRUPTS.install()
    sys.exit(main())
