"""
The product's main job in one domain, by the real engine: up, rotate, back, destroy, while mail is sent.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.pulumi.project import Project, Result
from tests.acceptance.errors import Limited, Lost, Refused, Stop, Unanswered, Unread
from tests.acceptance.interrupts import Interrupts
from tests.acceptance.lab import GUARD_SECONDS, TAG, Lab, Outside, below, selector_of
from tests.acceptance.waiting import until

PART: Final = "product"
"""What the domain is called below the run."""

STAND_INS: Final = ("PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
"""With these set, the engine uses the sandbox's plugins."""

FAILED: Final = "failed"
PASSED: Final = "passed"
UNCHECKED: Final = "not checked"
"""Messages by their signature, as SES writes into `Authentication-Results` of what it receives."""

LOST: Final = "lost"
REFUSED: Final = "refused"
"""Messages that did not arrive, and that SES did not take."""

LIMITED: Final = "over a limit of the account"
UNREAD: Final = "not fetched from S3"
"""Messages that say nothing of SES and the product."""

OUTCOMES: Final = (PASSED, FAILED, UNCHECKED, LOST, REFUSED, LIMITED, UNREAD)

WITHOUT_CONTENT: Final[Mapping[type[Unanswered], str]] = {Lost: LOST, Limited: LIMITED, Unread: UNREAD}
"""All others mean that SES did not take the message."""

VERDICTS: Final = {b"pass": PASSED, b"temperror": UNCHECKED}
"""All others mean that the signature fails; temperror (RFC 8601) says that a lookup did."""

OFTEN, MOST_MAIL = 60, 80
"""Messages in one step, and how many of them at short intervals; then they are six times as long."""

LAST_MAIL: Final = 5
"""How many of them, at most, come after the step, until one passes."""

MAIL_OF_PROBER: Final = 30

MAIL_OF_RUN: Final = 2 * MOST_MAIL + MAIL_OF_PROBER
"""Two steps send mail. An account in SES's own sandbox may send 200 in 24 hours."""

STEPS: Final[Mapping[str, Mapping[str, Any]]] = {
    "up": {"generation": 1},
    "rotate": {"generation": 2},
    "back": {"generation": 1, "published": [1, 2, 3]},
}


@dataclass(frozen=True)
class RealWorld:
    """What `Project` needs to know of a sandbox, for the real AWS."""

    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def main_job(
    lab: Lab,
    world: Any,
    *,
    say: Callable[[str], None],
    interrupts: Interrupts | None = None,
    mail_seconds: float = 10,
    without: Collection[str] = STAND_INS,
    defaults: Mapping[str, Any] | None = None,
) -> list[str]:
    """
    Do it, and say what came of it; problems are returned. Afterwards nothing is left of it.

    *world* is a sandbox, or a `RealWorld`; *without* and *mail_seconds* differ between them. The state is
    in the world's own directory, encrypted with a passphrase that nobody knows afterwards.
    """
    domain = f"{PART}.{below(lab.run, lab.outside.zone)}"
    problems: list[str] = []
    config = {
        "aws:region": lab.outside.region,
        "ses-byodkim:verification": {"timeoutMinutes": 90, "onTimeout": "fail"},
        "ses-byodkim:defaults": {"tags": {TAG: lab.run}, **(defaults or {})},
    }
    options = {"without": without, "within": world.directory, "passphrase": secrets.token_hex(16)}
    with Project(world, config=config, **options) as project:
        try:
            with (interrupts or Interrupts(say)).held(project.interrupt) as is_ended, watched(lab, project):
                for step, wanted in STEPS.items():
                    if is_ended():
                        break
                    project.configure(config | {"ses-byodkim:domains": {domain: dict(wanted)}})
                    with sending_mail(lab, domain if step != "up" else None, mail_seconds) as signed:
                        result = project.up()
                    problems += _judge(step, result, signed)
                    done = "done" if result.ok else "FAILED"
                    say(f"product: {step}: {done}; {mail_in(step, signed)}")
                    if result.failed:
                        break
                    with until(is_ended):
                        problems += [] if signed is None else _unsigned(step, lab, domain, mail_seconds, say)
                        lab.outside.guard()
        finally:
            destroyed = project.destroy()
    say(f"product: destroy: {'done' if destroyed.ok else 'FAILED'}")
    return problems + ([] if destroyed.ok else [_tail("destroy", destroyed)])


def refuse_without_mail(outside: Outside, needed: int) -> None:
    """`Stop` if the account may not send *needed* messages today. SES counts those of others too."""
    try:
        account = Lab(outside, "quota").call("get_account")
    except Refused as refused:
        raise Stop(f"nothing was changed: GetAccount: {refused}; RECEIVE=no runs without mail") from None
    most, sent = (account["SendQuota"][one] for one in ("Max24HourSend", "SentLast24Hours"))
    if 0 <= most < sent + needed:  # -1 where there is no limit
        raise Stop(
            f"nothing was changed: SES allows {most:.0f} messages in 24 hours, {sent:.0f} were sent, and "
            f"{needed} are to come; wait, or RECEIVE=no runs without mail"
        )


@contextmanager
def watched(lab: Lab, project: Project) -> Iterator[None]:
    """The engine is interrupted when something foreign appears, and the block ends in that `Stop`."""
    over, found = threading.Event(), []

    def watch() -> None:
        while not over.wait(GUARD_SECONDS):
            try:
                with until(over.is_set):
                    lab.outside.guard()
            except Exception as error:  # noqa: BLE001 # whatever it is, the run has to know
                found.append(error)
                project.interrupt()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    if found:
        raise found[0]


def mail_in(step: str, signed: Mapping[str, int] | None) -> str:
    """What mail a step had, in words."""
    if signed is None:
        return "no mail"
    outcomes = {one: signed[one] for one in OUTCOMES if signed[one]}
    return f"mail signed with { ({one: n for one, n in signed.items() if one not in OUTCOMES}) }: {outcomes}"


def _judge(step: str, result: Result, mail: Mapping[str, int] | None) -> list[str]:
    """
    What went wrong. Without mail (None) nothing is said of it.

    A message that is lost, or whose signature could not be checked, is no fault of the product's.
    """
    problems = []
    if result.failed:
        problems.append(_tail(step, result))
    elif result.outputs["pending"]:
        problems.append(f"{step}: pending: {result.outputs['pending']}")
    if mail is None:
        return problems
    if mail[FAILED]:
        problems.append(f"{step}: {mail[FAILED]} messages with a signature that fails")
    if mail[REFUSED]:
        problems.append(f"{step}: {mail[REFUSED]} messages that SES did not take")
    return problems


def _unsigned(step: str, lab: Lab, domain: str, seconds: float, say: Callable[[str], None]) -> list[str]:
    """That no message passes, although SES has verified the key; senders may know that some seconds later."""
    mail: Counter[str] = Counter()
    for _ in range(LAST_MAIL):
        count(mail, lab.outside.send, domain)  # type: ignore[arg-type]
        if mail[PASSED] or mail[FAILED]:
            break
        lab.outside.wait(seconds)
    if (mail[LIMITED] or mail[UNREAD]) and not (mail[PASSED] or mail[FAILED]):
        say(f"product: {step}: whether mail passes at its end is not known: {mail_in(step, mail)}")
        return []
    why = f"SES has verified the key, and no mail passes: {mail_in(step, mail)}"
    return [] if mail[PASSED] else [f"{step}: {why}"]


def _tail(step: str, result: Result) -> str:
    return f"{step} failed:\n{result.stdout[-3000:]}\n{result.stderr[-1000:]}"


@contextmanager
def sending_mail(lab: Lab, domain: str | None, seconds: float) -> Iterator[Counter[str] | None]:
    """By selector, or "nothing", how many messages were signed with it; and `OUTCOMES`. None without mail."""
    send = lab.outside.send
    if domain is None or not send:
        yield None
        return
    signed: Counter[str] = Counter()
    over, failed = threading.Event(), []

    def keep_sending() -> None:
        try:
            with until(over.is_set):
                for number in range(MOST_MAIL - LAST_MAIL):
                    begun = time.monotonic()
                    count(signed, send, domain)
                    pause = seconds if number < OFTEN else 6 * seconds
                    if over.wait(max(begun + pause - time.monotonic(), 0)):
                        return
        except Exception as error:  # noqa: BLE001 # whatever it is, the run has to know
            failed.append(error)

    sender = threading.Thread(target=keep_sending, daemon=True)
    sender.start()
    try:
        yield signed
    finally:
        over.set()
        sender.join()
    if failed:
        raise Stop(f"mail could not be sent: {failed[0]}")


def count(signed: Counter[str], send: Callable[[str], bytes], domain: str) -> None:
    """One more message."""
    try:
        content = send(domain)
    except Unanswered as why:
        signed[WITHOUT_CONTENT.get(type(why), REFUSED)] += 1
        return
    signed[selector_of(content, domain) or "nothing"] += 1
    headers = content.partition(b"\r\n\r\n")[0]
    verdict = re.search(rb"dkim=(\w+)[^;]*@" + re.escape(domain.encode()), headers)
    if verdict and verdict[1] != b"none":
        signed[VERDICTS.get(verdict[1], FAILED)] += 1
