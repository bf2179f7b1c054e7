"""
Mail through the real engine, plugin process, SES over HTTP and DNS over the wire: none of it fails.
"""

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import pytest

from sandbox.mail.client import send
from sandbox.pulumi.project import Project
from sandbox.ses.emulator import Fault, Switches
from sandbox.world import Sandbox
from tests.engine.search import leaks
from tests.engine.stack import OTHER_REGION, REGION, Stack
from tests.support.quick_runs import quick_runs

pytestmark = pytest.mark.engine

DOMAIN: Final = "continuity.example"
REGIONS: Final = (REGION, OTHER_REGION)
SEED: Final = int(os.environ.get("CONTINUITY_SEED", "1"))
"""Another one is another order of rotations, ways back and faults."""

SECONDS_BETWEEN: Final = 0.2
"""Between two messages: to sign and to judge them takes the processor that the engine needs too."""

MINUTE: Final = timedelta(minutes=1)
"""By so much the sandbox's time moves on from one message to the next, so that hours pass."""

SWITCHES: Final = Switches(requests_per_second=None, first_check_seconds=150)
"""SES signs with nothing for the time of two or three messages after each switch."""

UNTIL_SIGNED: Final = 5
"""
Messages until one is signed with a key that SES just got; one may be on its way when it gets it.
"""

PUT: Final = "PutEmailIdentityDkimSigningAttributes"

FAULTS: Final = (
    Fault("drop", "after", operation=PUT),
    Fault("500", "before", operation=PUT),
    Fault("access_denied", "before", operation="GetEmailIdentity"),
)
"""Each ends a run after its first key is made: none is tried again."""


@contextmanager
def mail_all_the_time(sandbox: Sandbox) -> Iterator[Callable[[], None]]:
    """
    In both Regions one message after the other, as long as the block runs.

    Yields a function that returns when the key that SES has now has signed one: the machine may be
    so busy that the next run would be over before that.
    """
    over = threading.Event()
    sent = threading.Semaphore(0)
    problems: list[Exception] = []

    def run() -> None:
        try:
            while not over.wait(SECONDS_BETWEEN):
                sandbox.clock.advance(MINUTE)
                for region in REGIONS:
                    send(sandbox, DOMAIN, region)
                sent.release()
        except Exception as problem:  # noqa: BLE001 # raised below, in the test's own thread
            problems.append(problem)

    def until_signed() -> None:
        while sent.acquire(blocking=False):
            pass  # sent before
        for _ in range(UNTIL_SIGNED):
            assert sent.acquire(timeout=60), problems

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield until_signed
    finally:
        over.set()
        thread.join()
    assert problems == []


def up(project: Project, *, fails: bool = False) -> None:
    """Run `pulumi up`, which succeeds, or else *fails*."""
    result = project.up()
    assert result.failed == fails, result.stdout


def test_no_message_fails() -> None:
    """
    Whatever the order of rotations, ways back and faults, mail verifies when it arrives and days
    later.
    """
    chance = random.Random(SEED)
    with Sandbox(switches=SWITCHES) as sandbox, quick_runs(sandbox), Stack(sandbox) as stack:
        sandbox.add_zone(DOMAIN)
        written: dict[str, object] = {"generation": 1, "regions": REGIONS, "keyBits": 1024}
        stack.declare({DOMAIN: written}, verification={"timeoutMinutes": 0})
        up(stack)
        sandbox.clock.advance(timedelta(hours=1))
        published = {1, 2}
        signing = [1]
        with mail_all_the_time(sandbox) as until_signed:
            for fault in chance.sample([*chance.sample(FAULTS, 2), None], 3):
                generation = chance.choice(sorted(published - {signing[-1]}))
                published |= {generation + 1}
                signing.append(generation)
                stack.declare(
                    {DOMAIN: written | {"generation": generation, "published": sorted(published)}},
                    verification={"timeoutMinutes": 0},
                )
                if fault:
                    sandbox.ses.inject(fault)
                    up(stack, fails=True)
                up(stack)
                until_signed()
        messages = sandbox.mail.messages
        assert [one for one in messages if one.verdict.result == "fail"] == []
        assert len({one.verdict.selector for one in messages} - {""}) == len(set(signing))
        for days in (1, 4, 4):
            sandbox.clock.advance(timedelta(days=days))
            later = sandbox.mail.verify_again(younger_than=timedelta(days=10))
            assert [one for one in later if one.verdict.result == "fail"] == []
            assert len(later) == len(messages)
        assert leaks(sandbox, [stack], searched=set()) == []
