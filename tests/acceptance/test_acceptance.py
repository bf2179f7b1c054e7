"""`make acceptance` without an account: the product by the real engine, then the prober, over the wire."""

import signal
import threading
from contextlib import nullcontext
from dataclasses import asdict
from datetime import timedelta
from types import SimpleNamespace
from typing import ClassVar

import pytest

from sandbox.clock import SandboxClock
from sandbox.pulumi.project import Result
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import product, targets
from tests.acceptance.direct import ZONE, world
from tests.acceptance.errors import Limited, Lost, Stop, Unanswered, Unread
from tests.acceptance.interrupts import Interrupts
from tests.acceptance.lab import Lab
from tests.acceptance.prober import Report
from tests.acceptance.product import (
    FAILED,
    LAST_MAIL,
    LOST,
    MAIL_OF_PROBER,
    MAIL_OF_RUN,
    MOST_MAIL,
    PASSED,
    sending_mail,
)
from tests.support.fakes import REGION
from tests.support.quick_runs import quick_runs


class Clock(SandboxClock):
    """SES's and the sandbox's time; the machine's own clock is *behind* it by that many seconds."""

    def __init__(self, behind):
        super().__init__()
        self._behind = timedelta(seconds=behind)

    def now(self):
        return super().now() + self._behind


@pytest.mark.engine
@pytest.mark.usefixtures("rare_guard")
@pytest.mark.parametrize("behind", [0, 60, -60], ids=["right", "a minute slow", "a minute fast"])
def test_against_the_sandbox(capsys, monkeypatch, behind):
    """Whatever the machine's clock says, it passes, knows the sandbox, and leaves account and zone empty."""
    monkeypatch.delenv("ZONE", raising=False)
    if behind:  # the prober's own times are compared with SES's in test_prober
        monkeypatch.setattr(acceptance, "of_emulator", lambda *_: Report(asdict(Switches())))
    switches = Switches(first_check_seconds=1)
    with Sandbox(clock=Clock(behind), switches=switches) as sandbox, quick_runs(sandbox):
        assert acceptance.against_sandbox(nullcontext(sandbox)) == 0
    printed = capsys.readouterr().out
    for step in ("up", "rotate", "back", "destroy"):
        assert f"product: {step}: done" in printed
    wrong = [line for line in printed.splitlines() if line.startswith(("FAILED", "!", "stopped", "not"))]
    assert wrong == []
    assert printed.rstrip().endswith("acceptance: passed")


@pytest.mark.parametrize(
    ("said", "failed"),
    [("dkim=fail", True), ("dkim=permerror (no key for signature)", True), ("dkim=pass", False)],
)
def test_mail_that_fails(said, failed):
    """What the receiver says of a signature counts."""
    domain = f"d.{ZONE}"
    content = f"Authentication-Results: amazonses.com; {said} header.i=@{domain}\r\n\r\n".encode()
    contents, twice = [b"", content], threading.Event()

    def send(_):
        if len(contents) == 1:
            twice.set()
        return contents.pop() if contents else b""

    with world(Switches()) as outside:
        outside.send = send
        with sending_mail(Lab(outside, "0a1b2c3d"), domain, 0) as signed:
            assert twice.wait(60)
    assert (bool(signed[FAILED]), bool(signed[PASSED])) == (failed, not failed)
    assert signed["nothing"] >= 2


def test_mail_that_does_not_arrive():
    """One message that is lost is counted, and the next one is sent all the same."""
    lost, twice = [Lost("lost")], threading.Event()

    def send(_):
        if lost:
            raise lost.pop()
        twice.set()
        return b""

    with world(Switches()) as outside:
        outside.send = send
        with sending_mail(Lab(outside, "0a1b2c3d"), f"d.{ZONE}", 0) as signed:
            assert twice.wait(60)
    assert signed[LOST] == 1


def test_not_too_much_mail():
    """Both steps with mail and the prober stay below the 200 messages a day of SES's own sandbox."""
    sent = []
    with world(Switches()) as outside:
        outside.send = lambda domain: sent.append(domain) or b""
        with sending_mail(Lab(outside, "0a1b2c3d"), f"d.{ZONE}", 0):
            while len(sent) < MOST_MAIL - LAST_MAIL:
                threading.Event().wait(0.01)
            threading.Event().wait(0.1)
    assert len(sent) == MOST_MAIL - LAST_MAIL
    assert MAIL_OF_RUN <= 200


def test_mail_without_a_signature(projects, tmp_path):
    """Mail of which nothing is signed fails the product's part, as SES has verified the key after a step."""
    problems = problems_with([b"Subject: unsigned\r\n\r\n"], tmp_path)
    why = "SES has verified the key, and no mail passes: mail signed with {'nothing': 5}: {}"
    assert problems == [f"rotate: {why}", f"back: {why}"]


@pytest.mark.parametrize(
    ("mail", "problem"),
    [
        ([b"", "pass"], ""),
        ([Lost("lost"), "pass"], ""),
        (["temperror (timeout)", "pass"], ""),
        (["fail", "pass"], "1 messages with a signature that fails"),
        ([Unanswered("MessageRejected"), "pass"], "1 messages that SES did not take"),
        (["fail"], "no mail passes"),
        ([Lost("lost")], "no mail passes"),
        ([Limited("TooManyRequestsException"), "pass"], ""),
        ([Limited("TooManyRequestsException")], ""),
        ([Limited("TooManyRequestsException"), "fail"], "no mail passes"),
        ([Unread("GetObject: AccessDenied")], ""),
        (["temperror"], "no mail passes"),
    ],
    ids=[
        "unsigned until it is verified",
        "lost",
        "not checked",
        "fails",
        "refused",
        *["only " + one for one in ("failing", "lost")],
        "too many",
        "only too many",
        "too many, then failing",
        "only not fetched",
        "only not checked",
    ],
)
def test_what_is_the_products_fault(projects, tmp_path, mail, problem):
    """A lost message and a lookup that failed are no fault of the product's, as long as mail passes then."""
    problems = problems_with(mail, tmp_path)
    assert problem in "\n".join(problems)
    assert bool(problems) is bool(problem)


def problems_with(mail, folder):
    """What a run says of that *mail*, of which the last comes again and again."""
    left = list(mail)

    def send(domain):
        said = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(said, Exception):
            raise said
        if isinstance(said, bytes):
            return said
        return f"Authentication-Results: amazonses.com; dkim={said} header.i=@{domain}\r\n\r\n".encode()

    with world(Switches()) as outside:
        outside.send = send
        return product.main_job(Lab(outside, "0a1b2c3d"), product.RealWorld(folder), say=print)


def test_mail_of_a_day():
    """A run that would send more than the account may in 24 hours does not begin, or go on."""
    with world(Switches()) as outside:
        lab = Lab(outside, "0a1b2c3d")
        domain, key = lab.domain(), lab.key()
        lab.publish(domain, key)
        lab.create(domain, key)
        outside.wait(3600)
        product.refuse_without_mail(outside, MAIL_OF_RUN)
        for _ in range(30):
            outside.send(domain)
        product.refuse_without_mail(outside, MAIL_OF_PROBER)
        with pytest.raises(Stop, match="200 messages in 24 hours, 30 were sent, and 190 are to come; wait"):
            product.refuse_without_mail(outside, MAIL_OF_RUN)
        outside.wait(25 * 3600)
        product.refuse_without_mail(outside, MAIL_OF_RUN)


def test_waits_end_with_the_run(monkeypatch, projects, tmp_path):
    """A message that waits for the network, for hours, ends with its step; so does the guard with Ctrl-C."""
    monkeypatch.setattr(targets, "_where", lambda *_, **given: SimpleNamespace(**given))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a")
    wait = targets.aws(ZONE, REGION, say=print).wait
    waits, interrupts = threading.Event(), Interrupts(print)

    def send(_):
        waits.set()
        wait(12 * 3600)

    def guard():
        interrupts._receive(signal.SIGTERM, None)
        wait(12 * 3600)

    with world(Switches()) as outside:
        outside.send, outside.guard = send, guard
        with sending_mail(Lab(outside, "0a1b2c3d"), f"d.{ZONE}", 0):
            assert waits.wait(60)
        outside.send = None
        with pytest.raises(SystemExit):
            product.main_job(
                Lab(outside, "0a1b2c3d"), product.RealWorld(tmp_path), say=print, interrupts=interrupts
            )


class ProjectAsList:
    """What was asked of the engine."""

    made: ClassVar[list["ProjectAsList"]] = []

    def __init__(self, world, *, config, without, within, passphrase):
        self.within, self.passphrase = within, passphrase
        self.runs, self.interrupted = [], threading.Event()
        ProjectAsList.made.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def configure(self, config):
        pass

    def interrupt(self):
        self.interrupted.set()

    def up(self):
        self.runs.append("up")
        return Result(False, "", "", [], {"pending": []})

    def destroy(self):
        self.runs.append("destroy")
        return Result(False, "", "", [], {})


@pytest.fixture
def projects(monkeypatch):
    monkeypatch.setattr(product, "Project", ProjectAsList)
    monkeypatch.setattr(ProjectAsList, "made", [])
    return ProjectAsList.made


def test_guard_between_steps(projects, tmp_path):
    """Something foreign that appears while the product works ends its part before the next step."""

    def guard():
        raise Stop("foreign")

    with world(Switches()) as outside:
        outside.guard = guard
        with pytest.raises(Stop, match="foreign"):
            product.main_job(Lab(outside, "0a1b2c3d"), product.RealWorld(tmp_path), say=print)
    assert projects[0].runs == ["up", "destroy"]


def test_guard_within_a_step(monkeypatch):
    """A step may take an hour: the engine is interrupted then, and the run stops."""
    monkeypatch.setattr(product, "GUARD_SECONDS", 0.01)

    def guard():
        raise Stop("foreign")

    project = ProjectAsList(None, config={}, without=(), within=None, passphrase="")
    with world(Switches()) as outside:
        outside.guard = guard
        with pytest.raises(Stop, match="foreign"), product.watched(Lab(outside, "0a1b2c3d"), project):
            assert project.interrupted.wait(60)


def test_state_of_the_product(projects, tmp_path):
    """It is in the run's own folder, under another passphrase each time."""
    with world(Switches()) as outside:
        outside.send = None
        for _ in range(2):
            world_ = product.RealWorld(tmp_path)
            assert product.main_job(Lab(outside, "0a1b2c3d"), world_, say=print) == []
    assert [one.within for one in projects] == [tmp_path, tmp_path]
    first, second = (one.passphrase for one in projects)
    assert len(first) == len(second) == 32
    assert first != second


def test_interrupted_between_steps(projects, tmp_path):
    """A signal that comes between two steps ends the part too, after it has destroyed what there is."""
    interrupts = Interrupts(print)
    with world(Switches()) as outside:
        outside.guard = lambda: interrupts._receive(signal.SIGTERM, None)
        world_ = product.RealWorld(tmp_path)
        with pytest.raises(SystemExit):
            product.main_job(Lab(outside, "0a1b2c3d"), world_, say=print, interrupts=interrupts)
    assert projects[0].runs == ["up", "destroy"]
