"""What a run in an account keeps, shows and goes on from: transcript, report, RESUME and CLEANUP."""

import json
import re
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from byodkim_provider.dns.resolver import Answer
from sandbox.ses.switches import Fault, Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import resuming, safety
from tests.acceptance.account import Account, PowerCut, code_in, literal_in
from tests.acceptance.direct import ZONE, world
from tests.acceptance.errors import Stop
from tests.acceptance.journal import Journal
from tests.acceptance.lab import TAG, Lab, below, run_of
from tests.acceptance.prober import Report
from tests.acceptance.targets import in_sandbox
from tests.acceptance.test_hostile import ExpiredZone
from tests.acceptance.texts import texts
from tests.support.fakes import REGION, FakeClock


@pytest.mark.usefixtures("rare_guard")
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
        assert sandbox.ses.log[calls:] == ()
    assert status == 0
    assert literal_in(printed) == literal_in(again)
    assert code_in(printed) not in transcript.read_text() + transcript.name


@pytest.mark.parametrize("mail", ["yes", "no"])
def test_shown_again(account, monkeypatch, mail):
    """A run that has ended shows its report again, with mail and without; nothing is called for it."""
    send = account.where.send
    monkeypatch.setattr(acceptance, "open_mailbox", lambda *_: send)
    _, printed = account.run(RECEIVE=mail)
    assert ("signs_while_pending='nothing'" in literal_in(printed)) is (mail == "yes")
    calls = len(account.where.ses.model.log)
    status, again = account.run(RECEIVE=mail, RESUME=code_in(printed))
    assert (status, literal_in(again)) == (1, literal_in(printed))
    assert "FAILED: rotate failed:" in again
    assert account.where.ses.model.log[calls:] == ()


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
    status, again = account.run(RESUME=code_in(printed), RECEIVE="yes")
    assert (status, "that run has the settings" in again) == (1, True)
    (transcript,) = tmp_path.glob("acceptance-*.jsonl")
    lines = transcript.read_text().splitlines()
    transcript.write_text("\n".join([*lines[:5], "{", *lines[5:]]) + "\n")
    before = safety.left(account.where)
    status, again = account.run(RESUME=code_in(printed))
    assert (status, "is damaged in line 6" in again) == (1, True)
    assert safety.left(account.where) == before
    assert account.run(CLEANUP=code_in(printed))[0] == 0
    assert safety.left(account.where) == {}


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


def test_asked_again(account, tmp_path):
    """A run that ended with an open question says so; RESUME asks that alone, also if it is cut off in it."""
    # The first of the two is a line in the table of texts, which is a fact like another.
    fault = Fault("access_denied", operation="PutEmailIdentityDkimAttributes", times=2)
    account.where.ses.model.inject(fault)
    _, printed = account.run()
    code, log = code_in(printed), account.where.ses.model.log
    assert f"not known: another key; RESUME={code} asks that again" in printed
    assert "# status_after_put: unknown" in literal_in(printed)
    assert safety.left(account.where) == {}
    account.cut(after=20)
    assert account.run(RESUME=code)[0] is None
    assert safety.left(account.where) != {}
    _, again = account.run(RESUME=code)
    assert "asks that again" not in again
    assert "status_after_put='PENDING'" in literal_in(again)
    assert safety.left(account.where) == {}
    asked = [one.operation for one in account.where.ses.model.log[len(log) :]]
    assert 1 <= asked.count("PutEmailIdentityDkimAttributes") <= 2
    assert asked.count("CreateEmailIdentity") < 6
    calls = len(account.where.ses.model.log)
    _, shown = account.run(RESUME=code)
    assert literal_in(shown) == literal_in(again)
    assert {one.operation for one in account.where.ses.model.log[calls:]} <= {"ListEmailIdentities"}
    assert account.times == 1


def test_asked_again_and_interrupted(account):
    """A run that is interrupted while it asks again keeps its report, and asks once more by RESUME."""
    fault = Fault("access_denied", operation="PutEmailIdentityDkimAttributes", times=2)
    account.where.ses.model.inject(fault)
    code = code_in(account.run()[1])
    account.where.wait, wait = stopping(account.where.wait, after=30), account.where.wait
    status, printed = account.run(RESUME=code)
    assert (status, "stopped: something" in printed) == (1, True)
    assert "tokens='selector'" in literal_in(printed)
    assert safety.left(account.where) == {}
    account.where.wait, calls = wait, len(account.where.ses.model.log)
    status, again = account.run(RESUME=code)
    assert (status, "asks that again" in again) == (1, False)
    asked = [one.operation for one in account.where.ses.model.log[calls:]]
    assert next(one for one in asked if not one.startswith("List")) == "CreateEmailIdentity"
    assert "status_after_put='PENDING'" in literal_in(again)
    assert (safety.left(account.where), account.times) == ({}, 1)
    calls = len(account.where.ses.model.log)
    assert literal_in(account.run(RESUME=code)[1]) == literal_in(again)
    assert account.where.ses.model.log[calls:] == ()


def test_reopened_without_credentials(account, monkeypatch):
    """A run whose mark could not be made again, nor anything be deleted, is reopened by the next RESUME."""
    fault = Fault("access_denied", operation="PutEmailIdentityDkimAttributes", times=2)
    account.where.ses.model.inject(fault)
    code, records = code_in(account.run()[1]), account.where.records

    def expire(*_, **__):
        account.where.records = ExpiredZone()
        account.where.records.publish()

    with monkeypatch.context() as patch:
        patch.setattr(records, "publish", expire)
        status, printed = account.run(RESUME=code)
    assert (status, "nothing was deleted: Route 53: ExpiredToken" in printed) == (1, True)
    account.where.records = records
    status, again = account.run(RESUME=code)
    assert "status_after_put='PENDING'" in literal_in(again)
    assert safety.left(account.where) == {}


def stopping(wait, *, after):
    """A wait that, after so many, ends the run."""
    left = iter(range(after))

    def waits(seconds):
        if next(left, None) == after - 1:
            raise Stop("something")
        wait(seconds)

    return waits


def test_no_emulator(account, monkeypatch):
    """A report that can't be compared with an emulator is shown all the same."""

    def fails(_):
        raise ValueError

    monkeypatch.setattr(acceptance, "of_emulator", fails)
    with pytest.raises(ValueError):  # noqa: PT011
        account.run()
    assert "tokens='selector'" in literal_in(account.printed())


def test_another_checkout(account, monkeypatch):
    """A run that began with other modules is not gone on with, and only CLEANUP deletes what it made."""
    account.cut(after=60)
    _, printed = account.run()
    code, before = code_in(printed), safety.left(account.where)
    with monkeypatch.context() as patch:
        patch.setattr(resuming, "sources", lambda: {"sources": "others", "commit": "other"})
        status, again = account.run(RESUME=code)
        assert (status, "that run began with commit " in again) == (1, True)
        assert f"make acceptance CLEANUP={run_of(code)} " in again
        assert safety.left(account.where) == before
    assert account.run(RESUME=code)[0] == 1
    assert safety.left(account.where) == {}


def test_not_delegated(account):
    """A zone that DNS does not lead to ends the run before it asks SES anything, and nothing is left."""
    account.where.resolver.txt = lambda *_: [Answer("ns.parent.example", ())]
    status, printed = account.run()
    assert (status, account.times) == (1, 0)
    assert f"stopped: {ZONE} is not delegated to its hosted zone in Route 53: " in printed
    assert safety.left(account.where) == {}


def test_no_mailbox(account, monkeypatch):
    """A mailbox that can't be opened by RESUME leaves the run as it is."""
    send = account.where.send
    monkeypatch.setattr(acceptance, "open_mailbox", lambda *_: send)
    account.cut(after=60)
    _, printed = account.run(RECEIVE="yes")
    before = safety.left(account.where)

    def fails(*_):
        raise Stop("mail: AccessDenied")

    with monkeypatch.context() as patch:
        patch.setattr(acceptance, "open_mailbox", fails)
        status, again = account.run(RECEIVE="yes", RESUME=code_in(printed))
    assert (status, "nothing was deleted, RESUME goes on later: mail: AccessDenied" in again) == (1, True)
    assert safety.left(account.where) == before
    status, again = account.run(RECEIVE="yes", RESUME=code_in(printed))
    assert "signs_while_pending='nothing'" in literal_in(again)
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


def test_resumed_beside_others(account):
    """An identity of others above the zone, which comes between kill and RESUME, changes nothing."""
    account.cut(after=60)
    _, printed = account.run(OTHERS="1")
    account.where.ses.model.put_easy_dkim(ZONE.partition(".")[2], REGION)
    status, again = account.run(OTHERS="1", RESUME=code_in(printed))
    assert (status, account.times) == (1, 1)
    assert "tokens='selector'" in literal_in(again)


def test_created_before_it_was_killed():
    """A Create that worked, and whose response a kill took, is no "already exists" in the table of texts."""
    with world(Switches()) as outside:
        expected = run_to_its_end(texts(Lab(outside, "a")))
        lab = Lab(outside, "b")
        names = Lab(outside, "b")
        _, gone = names.domain(), names.domain()
        for name in (gone.upper(), f"a b.{gone}"):
            with suppress(ClientError):
                outside.ses.create_email_identity(EmailIdentity=name, Tags=[{"Key": TAG, "Value": lab.run}])
        assert run_to_its_end(texts(lab)) == expected


def run_to_its_end(probe):
    while True:
        try:
            next(probe)
        except StopIteration as ended:
            return ended.value


def test_policy_is_printed(account):
    """POLICY=1 changes nothing, and prints JSON."""
    status, printed = account.run(POLICY="1")
    assert (status, json.loads(printed)["Version"]) == (0, "2012-10-17")
    assert account.where.ses.model.log == ()


def test_lab_parts():
    """The mailbox, which is not in the journal, does not use up the names and keys of the prober."""
    with world(Switches()) as outside:
        assert Lab(outside, "a").domain() != Lab(outside, "a", part="mailbox").domain()


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"RESUME": "0a1b2c3d"}, "the code of 32 digits"), ({"RECEIVE": "none"}, "RECEIVE= is yes or no")],
    ids=["the name of a run", "RECEIVE"],
)
def test_settings(account, settings, why):
    """What is meant otherwise than it is taken is refused."""
    status, printed = account.run(**settings)
    assert (status, why in printed, account.where.ses.model.log) == (1, True, ())


def test_mail_of_the_machine(account):
    """`MAIL`, the path of a user's mailbox on some systems, is no setting."""
    assert account.run(MAIL="/var/spool/mail/root", CLEANUP="1") == (0, "no run has left anything\n")


@pytest.mark.parametrize("how", ["RESUME", "CLEANUP"])
def test_two_at_once(account, tmp_path, how):
    """A run that another process works on is neither resumed nor cleaned up."""
    account.cut(after=60)
    _, printed = account.run()
    (transcript,) = tmp_path.glob("acceptance-*.jsonl")
    before = safety.left(account.where)
    with Journal(transcript).claimed():
        status, again = account.run(**{how: code_in(printed)})
    assert (status, "another process works on the run" in again) == (1, True)
    assert safety.left(account.where) == before
    assert account.run(CLEANUP=code_in(printed))[0] == 0


def test_resumed_while_ses_fails(account):
    """Then the run is not gone on with, and not cleaned up either."""
    account.cut(after=60)
    _, printed = account.run()
    before = safety.left(account.where)
    account.where.ses.model.inject(Fault("500", operation="ListEmailIdentities", times=30))
    status, again = account.run(RESUME=code_in(printed))
    assert (status, "clean" in again) == (1, False)
    account.where.ses.model._faults.clear()
    assert safety.left(account.where) == before
