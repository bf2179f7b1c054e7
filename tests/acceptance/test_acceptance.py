"""`make acceptance` without an account: the product by the real engine, then the prober, over the wire."""

import threading
from dataclasses import asdict
from datetime import timedelta

import pytest

from sandbox.clock import SandboxClock
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance.direct import ZONE, world
from tests.acceptance.errors import Unanswered
from tests.acceptance.lab import Lab
from tests.acceptance.prober import Report
from tests.acceptance.product import FAILED, LOST, MOST_MAIL, sending_mail


class Clock(SandboxClock):
    """SES's and the sandbox's time; the machine's own clock is *behind* it by that many seconds."""

    def __init__(self, behind):
        super().__init__()
        self._behind = timedelta(seconds=behind)

    def now(self):
        return super().now() + self._behind


@pytest.mark.engine
@pytest.mark.parametrize("behind", [0, 60, -60], ids=["right", "a minute slow", "a minute fast"])
def test_against_the_sandbox(capsys, monkeypatch, behind):
    """Whatever the machine's clock says, it passes, knows the sandbox, and leaves account and zone empty."""
    monkeypatch.delenv("ZONE", raising=False)
    if behind:  # the prober's own times are compared with SES's in test_prober
        monkeypatch.setattr(acceptance, "of_emulator", lambda *_: Report(asdict(Switches())))
    switches = Switches(first_check_seconds=1)
    assert acceptance.against_sandbox(Sandbox(clock=Clock(behind), switches=switches)) == 0
    printed = capsys.readouterr().out
    for step in ("up", "rotate", "back", "destroy"):
        assert f"product: {step}: done" in printed
    wrong = [line for line in printed.splitlines() if line.startswith(("FAILED", "!", "stopped", "not"))]
    assert wrong == []
    assert printed.rstrip().endswith("acceptance: passed")


@pytest.mark.parametrize(("said", "failed"), [("dkim=fail", True), ("dkim=pass", False)])
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
    assert bool(signed[FAILED]) is failed
    assert signed["nothing"] >= 2


def test_mail_that_does_not_arrive():
    """One message that is lost is counted, and the next one is sent all the same."""
    lost, twice = [Unanswered("lost")], threading.Event()

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
            while len(sent) < MOST_MAIL:
                threading.Event().wait(0.01)
            threading.Event().wait(0.1)
    assert len(sent) == MOST_MAIL
    assert 2 * MOST_MAIL + 20 <= 200
