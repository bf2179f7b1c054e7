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
from tests.acceptance.errors import Stop, Unanswered
from tests.acceptance.interrupts import Interrupts
from tests.acceptance.lab import GUARD_SECONDS, TAG, Lab, below, selector_of

PART: Final = "product"
"""What the domain is called below the run."""

STAND_INS: Final = ("PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
"""With these set, the engine uses the sandbox's plugins."""

FAILED: Final = "failed"
"""Messages whose signature is bad, as SES writes into `Authentication-Results` of what it receives."""

LOST: Final = "lost"
"""Messages that did not arrive."""

OFTEN, MOST_MAIL = 60, 90
"""
Messages in one step, and how many of them at short intervals; then they are six times as long.

An account in SES's own sandbox may send 200 a day: two steps with mail, and the prober's twenty.
"""

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
                    failed, lost = signed.pop(FAILED, 0), signed.pop(LOST, 0)
                    problems += _judge(step, result)
                    problems += [f"{step}: {failed} messages with a signature that fails"] if failed else []
                    problems += [f"{step}: {lost} messages that did not arrive"] if lost else []
                    done = "done" if result.ok else "FAILED"
                    say(f"product: {step}: {done}; mail signed with {dict(signed)}")
                    if result.failed:
                        break
                    lab.outside.guard()
        finally:
            destroyed = project.destroy()
    say(f"product: destroy: {'done' if destroyed.ok else 'FAILED'}")
    return problems + ([] if destroyed.ok else [_tail("destroy", destroyed)])


@contextmanager
def watched(lab: Lab, project: Project) -> Iterator[None]:
    """The engine is interrupted when something foreign appears, and the block ends in that `Stop`."""
    over, found = threading.Event(), []

    def watch() -> None:
        while not over.wait(GUARD_SECONDS):
            try:
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


def _judge(step: str, result: Result) -> list[str]:
    if result.failed:
        return [_tail(step, result)]
    return [f"{step}: pending: {result.outputs['pending']}"] if result.outputs["pending"] else []


def _tail(step: str, result: Result) -> str:
    return f"{step} failed:\n{result.stdout[-3000:]}\n{result.stderr[-1000:]}"


@contextmanager
def sending_mail(lab: Lab, domain: str | None, seconds: float) -> Iterator[Counter[str]]:
    """By selector, or "nothing", how many messages were signed with it; and `FAILED`, `LOST`."""
    signed: Counter[str] = Counter()
    send = lab.outside.send
    if domain is None or not send:
        yield signed
        return
    over, failed = threading.Event(), []

    def keep_sending() -> None:
        try:
            for number in range(MOST_MAIL):
                begun = time.monotonic()
                try:
                    content = send(domain)
                except Unanswered:
                    signed[LOST] += 1
                else:
                    signed[selector_of(content, domain) or "nothing"] += 1
                    failure = rb"dkim=fail[^;]*" + re.escape(domain.encode())
                    signed[FAILED] += bool(re.search(failure, content))
                pause = seconds if number < OFTEN else 6 * seconds
                if over.wait(max(begun + pause - time.monotonic(), 0)):
                    return
        except Exception as error:  # noqa: BLE001 # whatever it is, the run has to know
            failed.append(error)

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        yield signed
    finally:
        over.set()
        sender.join()
    if failed:
        raise Stop(f"mail could not be sent: {failed[0]}")
