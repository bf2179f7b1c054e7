"""`make acceptance` without an account: the product by the real engine, then the prober, over the wire."""

import re
import threading

import pytest

from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import safety
from tests.acceptance.direct import ZONE, world
from tests.acceptance.lab import Lab
from tests.acceptance.product import FAILED, sending_mail
from tests.acceptance.targets import in_sandbox
from tests.support.fakes import REGION, FakeClock


@pytest.mark.engine
def test_against_the_sandbox(capsys, monkeypatch):
    """It passes, knows the sandbox for what it is, and leaves account and zone empty."""
    monkeypatch.delenv("ZONE", raising=False)
    assert acceptance.main() == 0
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


def test_in_an_account(capsys, monkeypatch, tmp_path):
    """With a zone it says what it costs and how it is resumed; resumed at its end, it says the same again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(acceptance, "main_job", lambda *_, **__: [])  # the test above has the product
    for name, value in {"ZONE": ZONE, "REGION": REGION, "MAIL": "no"}.items():
        monkeypatch.setenv(name, value)
    with Sandbox(clock=FakeClock()) as sandbox:
        sandbox.add_zone(ZONE)
        monkeypatch.setattr(acceptance, "aws", lambda zone, region, **_: in_sandbox(sandbox, zone, region))
        assert acceptance.main() == 0
        printed = capsys.readouterr().out
        assert "price: under 2 US dollars" in printed
        (transcript,) = tmp_path.glob("acceptance-*.jsonl")
        calls = len(sandbox.ses.log)
        monkeypatch.setenv("RESUME", re.search(r"RESUME=([0-9a-f]{32})", printed)[1])
        assert acceptance.main() == 0
        again = capsys.readouterr().out
        assert len(sandbox.ses.log) - calls < 10  # to see that nothing is in the way, and nothing left
        assert safety.left(in_sandbox(sandbox, ZONE, REGION)) == []
    assert f"transcript: {transcript.name}" in printed
    literal = re.search(r"Switches\(.*?\n\)", printed, re.DOTALL)[0]
    assert literal in again
    assert re.search(r"RESUME=([0-9a-f]{32})", printed)[1] not in transcript.read_text() + transcript.name
