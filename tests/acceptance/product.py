"""
The product's main job in one domain, by the real engine: up, rotate, back, destroy, while mail is sent.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.pulumi.project import Project, Result
from tests.acceptance.lab import TAG, Lab, Stop, below, selector_of

__all__ = ["FAILED", "RealWorld", "main_job", "sending_mail"]

STAND_INS: Final = ("PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
"""With these set, the engine uses the sandbox's plugins."""

FAILED: Final = "failed"
"""Messages whose signature is bad, as SES writes into `Authentication-Results` of what it receives."""

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
    mail_seconds: float = 30,
    without: Collection[str] = STAND_INS,
    defaults: Mapping[str, Any] | None = None,
) -> list[str]:
    """
    Do it, and say what came of it; problems are returned. Afterwards nothing is left of it.

    *world* is a sandbox, or a `RealWorld`; *without* and *mail_seconds* differ between them.
    """
    domain = f"product.{below(lab.run, lab.outside.zone)}"
    problems: list[str] = []
    config = {
        "aws:region": lab.outside.region,
        "ses-byodkim:verification": {"timeoutMinutes": 90, "onTimeout": "fail"},
        "ses-byodkim:defaults": {"tags": {TAG: lab.run}, **(defaults or {})},
    }
    with Project(world, config=config, without=without) as project:
        try:
            for step, wanted in STEPS.items():
                project.configure(config | {"ses-byodkim:domains": {domain: dict(wanted)}})
                with sending_mail(lab, domain if step != "up" else None, mail_seconds) as signed:
                    result = project.up()
                failed = signed.pop(FAILED, 0)
                problems += _judge(step, result)
                problems += [f"{step}: {failed} messages with a signature that fails"] if failed else []
                say(f"product: {step}: {'done' if result.ok else 'FAILED'}; mail signed with {dict(signed)}")
                if result.failed:
                    break
        finally:
            destroyed = project.destroy()
    say(f"product: destroy: {'done' if destroyed.ok else 'FAILED'}")
    return problems + ([] if destroyed.ok else [_tail("destroy", destroyed)])


def _judge(step: str, result: Result) -> list[str]:
    if result.failed:
        return [_tail(step, result)]
    return [f"{step}: pending: {result.outputs['pending']}"] if result.outputs["pending"] else []


def _tail(step: str, result: Result) -> str:
    return f"{step} failed:\n{result.stdout[-3000:]}\n{result.stderr[-1000:]}"


@contextmanager
def sending_mail(lab: Lab, domain: str | None, seconds: float) -> Iterator[Counter[str]]:
    """By selector, or "nothing", how many messages were signed with it in this block; and `FAILED`."""
    signed: Counter[str] = Counter()
    send = lab.outside.send
    if domain is None or not send:
        yield signed
        return
    over, failed = threading.Event(), []

    def keep_sending() -> None:
        try:
            while not over.is_set():
                content = send(domain)
                signed[selector_of(content, domain) or "nothing"] += 1
                signed[FAILED] += bool(re.search(rb"dkim=fail[^;]*" + re.escape(domain.encode()), content))
                over.wait(seconds)
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
