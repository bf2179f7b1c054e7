"""What a run in an account keeps, shows and goes on from: transcript, report, RESUME and CLEANUP."""

import dataclasses
import json
import re

import pytest

from sandbox.ses.switches import Fault, Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import safety
from tests.acceptance.direct import ZONE, world
from tests.acceptance.errors import Stop
from tests.acceptance.journal import Journal, masking
from tests.acceptance.lab import Lab, below, run_of
from tests.acceptance.prober import Report
from tests.acceptance.targets import Where, in_sandbox
from tests.support.fakes import REGION, FakeClock


class PowerCut(BaseException):
    """The machine has no power any more."""


class Account:
    """`make acceptance` in an account, in this process. Attributes are what a test changes."""

    def __init__(self, where, monkeypatch, capsys):
        self.where = where
        self.product = lambda _: ["rotate failed:\nwith details"]
        self.is_cut = False
        self.times = 0
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr(acceptance, "aws", lambda *_, **__: where)
        monkeypatch.setattr(acceptance, "main_job", self._main_job)
        self._say_cleaned = acceptance.say_cleaned
        monkeypatch.setattr(acceptance, "say_cleaned", self._cleaned_unless_cut)

    def run(self, **settings):
        """Status, and what was printed."""
        with self._monkeypatch.context() as patch:
            for name, value in ({"ZONE": f"{ZONE}.", "REGION": REGION, "MAIL": "no"} | settings).items():
                patch.setenv(name, value)
            try:
                status = acceptance.main()
            except PowerCut:
                status = None
        return status, self._capsys.readouterr().out

    def cut(self, *, after):
        """No power after that many waits."""
        wait, left = self.where.wait, iter(range(after))

        def waits(seconds):
            if next(left, None) is None:
                self.is_cut, self.where.wait = True, wait
                raise PowerCut
            wait(seconds)

        self.where.wait = waits

    def _main_job(self, lab, *_, **__):
        self.times += 1
        return self.product(lab)

    def _cleaned_unless_cut(self, *arguments):
        if not self.is_cut:
            self._say_cleaned(*arguments)
        self.is_cut = False


@pytest.fixture
def account(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(acceptance, "of_emulator", lambda *_: Report())
    with world(Switches()) as outside:
        fields = {field.name: getattr(outside, field.name) for field in dataclasses.fields(outside)}
        yield Account(Where(**fields, zone_id="Z1", clients=None), monkeypatch, capsys)


def code_in(printed):
    return re.search(r"RESUME=([0-9a-f]{32})", printed)[1]


def literal_in(printed):
    return re.search(r"Switches\(.*?\n\)", printed, re.DOTALL)[0]


def test_over_the_wire(monkeypatch, capsys, tmp_path):
    """It says what it costs and how it is resumed, and after its end it shows the same, without a call."""
    monkeypatch.chdir(tmp_path)
    with Sandbox(clock=FakeClock()) as sandbox:
        sandbox.add_zone(ZONE)
        account = Account(in_sandbox(sandbox, ZONE, REGION), monkeypatch, capsys)
        account.product = lambda _: []
        status, printed = account.run()
        assert status == 0
        assert "price: under 2 US dollars" in printed
        (transcript,) = tmp_path.glob("acceptance-*.jsonl")
        assert f"transcript: {transcript.name}" in printed
        assert not [line for line in printed.splitlines() if line.startswith("!")]
        assert safety.left(account.where) == {}
        calls = len(sandbox.ses.log)
        monkeypatch.setattr(acceptance, "of_emulator", lambda *_: Report())
        status, again = account.run(RESUME=code_in(printed))
        # To know whose names to mask.
        assert {call.operation for call in sandbox.ses.log[calls:]} == {"ListEmailIdentities"}
    assert status == 0
    assert literal_in(printed) == literal_in(again)
    assert code_in(printed) not in transcript.read_text() + transcript.name


@pytest.mark.parametrize("mail", ["yes", "no"])
def test_shown_again(account, monkeypatch, mail):
    """A run that has ended shows its report again, with mail and without; nothing is called for it."""
    send = account.where.send
    monkeypatch.setattr(acceptance, "open_mailbox", lambda *_: send)
    _, printed = account.run(MAIL=mail)
    assert ("signs_while_pending='nothing'" in literal_in(printed)) is (mail == "yes")
    calls = len(account.where.ses.model.log)
    status, again = account.run(MAIL=mail, RESUME=code_in(printed))
    assert (status, literal_in(again)) == (1, literal_in(printed))
    assert "FAILED: rotate failed:" in again
    assert {one.operation for one in account.where.ses.model.log[calls:]} == {"ListEmailIdentities"}


@pytest.mark.parametrize("after", [20, 60, 300])
def test_cut_in_the_prober(account, after):
    """A run that was cut off goes on; the product's verdict is that of then, and it is not made again."""
    account.cut(after=after)
    status, printed = account.run()
    assert status is None
    status, again = account.run(RESUME=code_in(printed))
    assert (status, account.times) == (1, 1)
    assert "FAILED: rotate failed:" in again
    assert literal_in(again) == literal_in(account.run()[1])
    assert safety.left(account.where) == {}


def test_cut_in_the_product(account):
    """What the product left is deleted first, and its part is made again, from its beginning."""
    seen = []

    def product(lab):
        domain = f"product.{below(lab.run, ZONE)}"
        seen.append((lab.get(domain), domain in "".join(account.where.records.values)))
        lab.create(domain)
        lab.publish(domain, lab.key())
        if len(seen) == 1:
            account.is_cut = True
            raise PowerCut
        lab.delete(domain)
        return []

    account.product = product
    status, printed = account.run()
    assert status is None
    status, _ = account.run(RESUME=code_in(printed))
    assert status == 0
    assert seen == [(None, False), (None, False)]


def test_cleaned_up_meanwhile(account, tmp_path, monkeypatch):
    """What was cleaned up can't be resumed, from this folder or another one, and a new run begins."""
    for folder in (tmp_path, tmp_path / "another"):
        account.cut(after=60)
        _, printed = account.run()
        code = code_in(printed)
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        status, cleaned = account.run(CLEANUP=code)
        assert (status, cleaned.count(below(run_of(code), ZONE)) > 3) == (0, True)
        monkeypatch.chdir(tmp_path)
        status, again = account.run(RESUME=code)
        assert (status, "that run was cleaned up" in again) == (1, True)
        assert "nothing was changed" in again
    assert safety.left(account.where) == {}


def test_interrupted(account):
    """A run that ends early shows what it found, cleans up, and can't be resumed."""
    account.cut(after=300)
    account.where.wait = until_stopped = account.where.wait

    def stops(seconds):
        try:
            until_stopped(seconds)
        except PowerCut:
            account.is_cut = False
            raise Stop("something") from None

    account.where.wait = stops
    status, printed = account.run()
    assert status == 1
    assert "the prober was ended early; what it found until then:" in printed
    assert "tokens='selector'" in literal_in(printed)
    assert "# failed_restarts: unknown" in literal_in(printed)
    assert safety.left(account.where) == {}
    assert "start a new one" in account.run(RESUME=code_in(printed))[1]


def test_nothing_to_resume(account, tmp_path):
    """RESUME needs the transcript, of the same zone and Region, and with mail or without as it was."""
    status, printed = account.run(RESUME="0" * 32)
    assert (status, "there is no transcript acceptance-" in printed) == (1, True)
    account.cut(after=60)
    _, printed = account.run()
    status, again = account.run(RESUME=code_in(printed), MAIL="yes")
    assert (status, "that run has the settings" in again) == (1, True)
    (transcript,) = tmp_path.glob("acceptance-*.jsonl")
    lines = transcript.read_text().splitlines()
    transcript.write_text("\n".join([*lines[:5], "{", *lines[5:]]) + "\n")
    status, again = account.run(RESUME=code_in(printed))
    assert (status, "is damaged in line 6" in again) == (1, True)


def test_cleanup_names_the_run(account):
    """Without the name of a run CLEANUP deletes nothing; it says what there is, and the command for it."""
    account.cut(after=60)
    _, printed = account.run()
    run = run_of(code_in(printed))
    before = safety.left(account.where)
    status, printed = account.run(CLEANUP="1")
    assert status == 1
    assert f"make acceptance CLEANUP={run} ZONE={ZONE} REGION={REGION}" in printed
    assert safety.left(account.where) == before
    assert account.run(CLEANUP=run)[0] == 0
    assert account.run(CLEANUP="1") == (0, "no run has left anything\n")
    assert account.run(CLEANUP=run) == (0, "deleted: nothing was there\n")


def test_network(account):
    """A network that is away for hours, and an SES that fails, only make the run longer."""
    model = account.where.ses.model
    wait = account.where.wait

    def and_then(seconds):
        wait(seconds)
        if account.where.now() > 3600 and faults:
            model.inject(faults.pop())

    faults = [Fault(kind, operation="GetEmailIdentity", times=3) for kind in ("drop", "500", "garbage")]
    account.where.wait = and_then
    status, printed = account.run()
    assert (status, faults) == (1, [])
    assert "calls that were made again: " in printed
    assert "stopped:" not in printed
    assert safety.left(account.where) == {}


def test_no_network_for_days(account):
    """Then the run ends, and says what it found, what is left and how to go on."""
    model = account.where.ses.model
    account.cut(after=200)
    until = account.where.wait

    def and_then(seconds):
        try:
            until(seconds)
        except PowerCut:
            account.is_cut = False
            model.inject(Fault("drop", times=1000))

    account.where.wait = and_then
    status, printed = account.run()
    assert status == 1
    assert re.search(r"stopped: .*ConnectionClosedError, tried for \d+ min", printed)
    assert "tokens='selector'" in literal_in(printed)
    assert "once that is over: make acceptance CLEANUP=" in printed


@pytest.mark.parametrize("action", ["PutEmailIdentityDkimAttributes", "CreateEmailIdentity", "TagResource"])
def test_not_allowed(account, action):
    """What the credentials may not do is a fact; what can be found out without it is found out."""
    account.where.ses.model.inject(Fault("access_denied", operation=action, times=10**6))
    _, printed = account.run()
    assert "403 AccessDeniedException: User: (a principal) is not authorized to perform" in printed
    known = "# tokens: unknown" if action == "CreateEmailIdentity" else "failed_restarts=True"
    assert known in literal_in(printed)
    assert safety.left(account.where) == {}


def test_nothing_of_others(account, tmp_path):
    """With OTHERS=1 the transcript has no name of theirs, and never an account or who runs it."""
    account.where.ses.model.put_easy_dkim("theirs.example", REGION)
    account.where.ses.model.inject(Fault("access_denied", operation="TagResource", times=10**6))
    account.product = lambda _: [f"up failed: arn:aws:sts::{account.where.account}:assumed-role/Admin/me"]
    account.run(OTHERS="1")
    (transcript,) = tmp_path.glob("acceptance-*.jsonl")
    written = transcript.read_text()
    assert "list_email_identities" in written
    for secret in ("theirs", account.where.account, "assumed-role", "user/sandbox"):
        assert secret not in written
    assert "(a principal)" in written


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("arn:aws:ses:eu-west-1:123456789012:identity/x", "arn:aws:ses:eu-west-1:(account):identity/x"),
        ("arn:aws-cn:ses:a:210987654321:identity/x", "arn:aws-cn:ses:a:(account):identity/x"),
        ("User: arn:aws:iam::123456789012:user/alice may not", "User: (a principal) may not"),
        ("account 123456789012.", "account (account)."),
        ("Theirs.example and sub.theirs.example", "(a name) and (a name)"),
        ("nottheirs.example", "nottheirs.example"),
        ("mail of me@corp.example", "mail of (an address)"),
        (f"a@d.{ZONE} stays", f"a@d.{ZONE} stays"),
        ("at 1764146871.25", "at 1764146871.25"),
    ],
)
def test_masking(text, masked):
    """What says something of the account or of others is gone, and all else stays."""
    mask = masking("123456789012", ZONE, ["theirs.example"])
    assert mask(text) == masked
    assert json.loads(mask(json.dumps([text]))) == [masked]


def test_events(tmp_path):
    """What a run has behind it is kept beside the answers, and an answer is masked once and for all."""
    journal = Journal(tmp_path / "journal", lambda text: text.replace("secret", "masked"))
    assert journal.once(["a secret"], lambda: {"is": "secret"}) == {"is": "masked"}
    journal.record("product", ["secret"])
    again = Journal(tmp_path / "journal", lambda text: text.replace("secret", "masked"))
    assert again.events == {"product": ["masked"]}
    assert again.once(["a secret"], lambda: None) == {"is": "masked"}
    assert not again.replays
    assert "secret" not in (tmp_path / "journal").read_text()


def test_a_zone_needs_its_region(monkeypatch, capsys):
    """Without the Region a clean-up would look for a run's identities in another one, and find none."""
    monkeypatch.setenv("ZONE", "lab.example.org")
    monkeypatch.delenv("REGION", raising=False)
    assert acceptance.main() == 1
    assert "ZONE= goes with REGION=" in capsys.readouterr().out


def test_policy_is_printed(account):
    """POLICY=1 changes nothing, and prints JSON."""
    status, printed = account.run(POLICY="1")
    assert (status, json.loads(printed)["Version"]) == (0, "2012-10-17")
    assert account.where.ses.model.log == ()


def test_lab_parts():
    """The mailbox, which is not in the journal, does not use up the names and keys of the prober."""
    with world(Switches()) as outside:
        assert Lab(outside, "a").domain() != Lab(outside, "a", part="mailbox").domain()
