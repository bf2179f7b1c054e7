"""A sample of the fault matrix on the real engine: calls that fail, and runs that are killed."""

from __future__ import annotations

import gc
import itertools
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import psutil
import pytest
from moto.route53.models import route53_backends

from sandbox.mail.client import send
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from sandbox.pulumi.project import Result
from sandbox.ses.emulator import Fault, Switches
from sandbox.world import Sandbox
from tests.engine.search import leaks
from tests.engine.stack import REGION, Stack
from tests.support.quick_runs import quick_runs

pytestmark = pytest.mark.engine

CREATE: Final = "CreateEmailIdentity"
PUT: Final = "PutEmailIdentityDkimSigningAttributes"

DELETE: Final = "DeleteEmailIdentity"

PUT_MAIL_FROM: Final = "PutEmailIdentityMailFromAttributes"

SEED: Final = int(os.environ["FAULTS_SEED"])
"""Of this run; that of an earlier one, from the environment, repeats it."""

FAULTS: Final = tuple(
    Fault(kind, when, operation=operation)
    for operation in ("GetEmailIdentity", CREATE, PUT)
    for kind in ("throttle", "500", "access_denied", "drop", "garbage")
    for when in ("before", "after")
    if when == "before" or kind in ("drop", "garbage")
)

NUMBERS: Final = itertools.count(1)

PATIENCE_SECONDS: Final = 60
"""For real processes on a busy machine."""


class _Stack(Stack):
    """One whose processes a test can end."""

    def kill(self) -> None:
        """SIGKILL for the CLI."""
        self._signal(signal.SIGKILL)

    def cancel(self) -> None:
        """`pulumi cancel`, once the file that a SIGKILL may have left empty is gone."""
        for file in self._state.rglob("*.attrs"):
            if not file.read_text():
                file.unlink()
        self._stack.cancel()

    def plugins(self) -> list[psutil.Process]:
        """The CLI's plugins for dynamic providers."""
        cli = psutil.Process(int(self._process_file.read_text()))
        return [one for one in cli.children() if "pulumi.dynamic" in " ".join(one.cmdline())]

    def stored(self) -> tuple[dict[str, Any], list[Any]]:
        """Outputs by resource name, and what the engine believes unfinished."""
        deployment = json.loads(self.export_text())["deployment"]
        resources = {
            one["urn"].split("::")[-1]: one.get("outputs", {}) for one in deployment["resources"]
        }
        return resources, deployment.get("pending_operations", [])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with (
        Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0)) as world,
        quick_runs(world),
    ):
        yield world


@pytest.fixture
def stack(sandbox: Sandbox) -> Iterator[_Stack]:
    """Empty; the domain is the test's own. Whatever fails, no secret is shown."""
    with _Stack(sandbox) as opened:
        yield opened
        assert leaks(sandbox, [opened], searched=set()) == []
    sandbox.ses.release()


@pytest.fixture
def domain(sandbox: Sandbox) -> str:
    """A new one, with a zone."""
    name = f"faults-{next(NUMBERS)}.example"
    sandbox.add_zone(name)
    return name


def disturbed(stack: _Stack, reached: Callable[[], bool], disturb: Callable[[], object]) -> Result:
    """What came of an `up` that was disturbed once it had *reached* a point."""
    with ThreadPoolExecutor() as pool:
        run: Future[Result] = pool.submit(stack.up)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert not run.done(), run.result().stdout
            assert time.monotonic() < deadline
            time.sleep(0.02)
        disturb()
        return run.result()


def is_all_else_stored(stack: _Stack) -> bool:
    """
    Whether the verification is made and one step is under way, so that the engine writes no state
    now.
    """
    try:
        stored = json.loads(stack.state_file.read_text())["checkpoint"]["latest"]
    except ValueError:  # half written
        return False
    kinds = [one["type"].rpartition(":")[2] for one in stored.get("resources", ())]
    return "DkimVerification" in kinds and len(stored.get("pending_operations", ())) == 1


def assert_sound(sandbox: Sandbox, stack: _Stack, domain: str) -> None:
    """
    After two runs at most SES signs with the key in state, its record is in DNS, nothing is left to
    do.
    """
    result = stack.up()
    if result.failed:
        result = stack.up()
    assert result.ok, result.errors
    assert stack.preview().steps == []
    outputs, unfinished = stack.stored()
    identity = outputs[f"{domain}/{REGION}"]
    held = sandbox.ses.identities(REGION)[domain]
    assert unfinished == []
    assert (held.selector, held.fingerprint) == (identity["selector"], identity["fingerprint"])
    assert held.confirmed
    assert sandbox.dns.txt(identity["record_name"]) == (identity["record_value"],)


@pytest.mark.parametrize("fault", random.Random(SEED).sample(FAULTS, 3), ids=str)
def test_faults(sandbox: Sandbox, stack: _Stack, domain: str, fault: Fault) -> None:
    """Whatever SES's answer, the domain is made and switched in two further runs at most."""
    print(f"FAULTS_SEED={SEED}")
    for generation in (1, 2):
        stack.declare({domain: {"generation": generation}})
        sandbox.ses.inject(replace(fault, domain=domain))
        stack.up()
        sandbox.clock.advance(4000)  # for SES's next look
        assert_sound(sandbox, stack, domain)


# The program of a killed CLI is a coroutine in this process that nobody ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("victim", ["CLI", "plugin", "Ctrl-C twice"])
def test_killed(sandbox: Sandbox, stack: _Stack, domain: str, victim: str) -> None:
    """
    Killed when SES has made the identity and nobody knows yet: the next runs find it, it stays one.
    """
    stack.declare({domain: {"generation": 1}})
    sandbox.ses.inject(Fault("timeout", "after", operation=CREATE, domain=domain))
    plugins: list[psutil.Process] = []

    def reached() -> bool:
        return any(call.domain == domain for call in sandbox.ses.calls(CREATE, answered=None))

    def kill() -> None:
        plugins.extend(stack.plugins())
        match victim:
            case "CLI":
                stack.kill()
            case "plugin":
                for one in plugins:
                    one.kill()
            case _:
                stack.interrupt()
                time.sleep(0.5)
                stack.interrupt()

    result = disturbed(stack, reached, kill)
    assert result.failed
    assert plugins
    for one in plugins:  # what outlived the CLI
        with suppress(psutil.NoSuchProcess):
            one.kill()
    if victim == "CLI":
        stack.cancel()
    stack.refresh(clear_pending_creates=True)
    sandbox.clock.advance(60)
    assert_sound(sandbox, stack, domain)
    made = [
        call
        for call in sandbox.ses.calls(CREATE, answered=None)
        if call.domain == domain and not call.error
    ]
    assert len(made) == 1
    gc.collect()


def held_at(
    kind: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> tuple[threading.Event, threading.Event]:
    """
    Route 53 makes each change of a record of that *kind*, and answers late.

    The events: a change is made, and the answer may come.
    """
    reached, go_on = threading.Event(), threading.Event()
    backend = route53_backends[sandbox.account]["aws"]
    change = backend.change_resource_record_sets

    def held(zone_id: str, changes: list[dict[str, Any]]) -> None:
        change(zone_id, changes)
        if any(one["ResourceRecordSet"]["Type"] == kind for one in changes):
            reached.set()
            go_on.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(backend, "change_resource_record_sets", held)
    return reached, go_on


def kill_in(
    operation: str, sandbox: Sandbox, stack: _Stack, domain: str, reached: threading.Event
) -> None:
    """Kill an `up` in a call of *operation* about the domain, or once *reached* is set."""

    def is_reached() -> bool:
        calls = sandbox.ses.calls(operation, answered=None)
        is_called = any(call.domain == domain for call in calls)
        return (is_called or reached.is_set()) and is_all_else_stored(stack)

    result = disturbed(stack, is_reached, stack.kill)
    assert result.failed


def let_go(sandbox: Sandbox, stack: _Stack, go_on: threading.Event) -> None:
    """Answer what is held, and end the lock of the killed run."""
    go_on.set()
    sandbox.ses.release()
    stack.cancel()


# As above.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("change", ["DNS move", "rotation", "removal"])
def test_killed_in_a_change(
    sandbox: Sandbox, stack: _Stack, domain: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when AWS has made the change and nobody knows: one plain run mends it."""
    zones = [sandbox.route53.list_hosted_zones_by_name(DNSName=domain)["HostedZones"][0]["Id"]]
    zones.append(sandbox.add_zone(domain))
    both = [{"provider": "route53", "zoneId": zone.split("/")[-1]} for zone in zones]
    before = {"generation": 1, "published": [1], "dns": both[:1]}
    after: dict[str, Any] = {}
    if change == "DNS move":
        after = {domain: before | {"dns": both}}
    if change == "rotation":
        before = before | {"published": [1, 2]}
        after = {domain: before | {"generation": 2}}
    stack.declare({domain: before})
    assert stack.up().ok
    stack.declare(after)
    operation = PUT if change == "rotation" else DELETE
    sandbox.ses.inject(Fault("timeout", "after", operation=operation, domain=domain))
    reached = go_on = threading.Event()
    if change == "DNS move":
        reached, go_on = held_at("TXT", sandbox, monkeypatch)

    kill_in(operation, sandbox, stack, domain, reached)
    monkeypatch.undo()
    let_go(sandbox, stack, go_on)
    sandbox.clock.advance(60)
    result = stack.up()
    assert result.ok, result.errors
    assert stack.preview().steps == []
    assert stack.refresh(clear_pending_creates=True).ok
    if change == "removal":
        assert domain not in sandbox.ses.identities(REGION)
    else:
        assert_sound(sandbox, stack, domain)
    gc.collect()


# As above.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("made", ["MX record", "setting"])
def test_killed_in_mail_from(
    sandbox: Sandbox, stack: _Stack, domain: str, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Killed when AWS has made one part and nobody knows: the next `up` makes the rest, and it all
    goes.
    """
    stack.declare({domain: {"generation": 1}})
    assert stack.up().ok
    stack.declare({domain: {"generation": 1, "mailFrom": "bounce"}})
    reached = go_on = threading.Event()
    if made == "setting":
        sandbox.ses.inject(Fault("timeout", "after", operation=PUT_MAIL_FROM, domain=domain))
    else:
        reached, go_on = held_at("MX", sandbox, monkeypatch)

    # SES gets the setting once the records are made.
    kill_in(PUT_MAIL_FROM, sandbox, stack, domain, reached)
    monkeypatch.undo()
    let_go(sandbox, stack, go_on)
    assert sandbox.dns.mx(f"bounce.{domain}") == (f"10 feedback-smtp.{REGION}.amazonses.com",)
    held_by_ses = sandbox.ses.identities(REGION)[domain].mail_from.domain
    assert held_by_ses == (f"bounce.{domain}" if made == "setting" else "")

    result = stack.up()
    assert result.ok, result.errors
    verdict = judge_dmarc(
        send(sandbox, domain, REGION), lambda name: ask(name, sandbox.dns_resolver)
    )
    assert verdict.is_aligned_twice
    assert stack.refresh(clear_pending_creates=True).ok
    sandbox.clock.advance(4000)  # for SES's next look
    assert stack.up().ok
    assert stack.preview().steps == []
    assert stack.destroy().ok
    assert domain not in sandbox.ses.identities(REGION)
    (zone,) = [one for one in sandbox.aws.zones() if one.name.rstrip(".") == domain]
    assert {one.type for one in zone.record_sets} == {"NS", "SOA"}
    gc.collect()
