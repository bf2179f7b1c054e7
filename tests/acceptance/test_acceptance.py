"""
`make acceptance` in a sandbox: it finds out how SES was set, touches nothing of others, and cleans
up.
"""

import signal
from contextlib import nullcontext
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from unittest.mock import ANY, Mock

import pytest

from byodkim_provider.dns.resolver import Answer
from sandbox.ses.switches import Fault, Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import questions, safety
from tests.acceptance.__main__ import MAILS, REGION, SWITCHES, ZONE, main, of_emulator, rounds
from tests.acceptance.lab import TAG, below, in_sandbox
from tests.acceptance.questions import NEVER, QUESTIONS, UNKNOWN
from tests.support.cases import cases
from tests.support.fakes import FakeClock
from tests.support.quick_runs import quick_runs
from tests.support.records import change

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "real-ses.md"

SETTINGS = {
    "status_after_put": ("PENDING", "NOT_STARTED", "SUCCESS"),
    "create_answer": ("NOT_STARTED", "as Get"),
    "put_answer": ("NOT_STARTED", "as Get", "before"),
    "same_key_restarts": (True, False),
    "verification_info": ("sticky", "filled", "empty", "stale", "ownership", "frozen"),
    "caches_no_such_name": (False, True),
    "read_lag_seconds": (0, 5, 20),
    "put_lag_seconds": (0, 20, 60),
    "put_enables_signing": (False, True),
    "follows_cname": (True, False),
    "verifies_tagged_records": (True, False),
    "refuses_bad_keys": (False, True),
    "first_check_seconds": (300, 60, 660),
}
"""The values of each switch that the emulators below are set to; the first is the default."""

EMULATORS = [
    Switches(**{name: values[number % len(values)] for name, values in SETTINGS.items()})
    for number in range(max(map(len, SETTINGS.values())))
]
"""Together they have each value of each switch."""


def told(set_to):
    """
    What the questions find: nothing where SES shows no difference. docs/reference/real-ses.md says
    why.
    """
    untold = {
        "caches_no_such_name": set_to.verification_info in ("empty", "stale"),
        "put_answer": {
            "NOT_STARTED": set_to.put_answer != "before" and set_to.same_key_restarts,
            "SUCCESS": set_to.put_answer != "NOT_STARTED",
        }.get(set_to.status_after_put),
        "same_key_restarts": set_to.status_after_put == "SUCCESS",
    }
    told = {name: UNKNOWN if untold.get(name) else getattr(set_to, name) for name in SETTINGS}
    # A read after a Put lags as any other, too.
    return told | {"put_lag_seconds": max(set_to.put_lag_seconds, set_to.read_lag_seconds)}


@pytest.mark.parametrize("switches", EMULATORS, ids=range(len(EMULATORS)))
def test_answers(switches):
    """Each setting of each switch is found, or is unknown where SES shows no difference."""
    report = of_emulator(switches)
    assert report.unanswered == {}
    assert {name: report.switches[name] for name in SETTINGS} == told(switches)


def test_every_switch_is_asked():
    """A new switch has a question, its values in SETTINGS and a row of the page."""
    assert set(SETTINGS) | set(NEVER) == set(SWITCHES), (
        "a question, and a line in SETTINGS or NEVER"
    )
    page = PAGE.read_text()
    for name, default in asdict(Switches()).items():
        assert f"| `{name}` | `{default}` |" in page, "docs/reference/real-ses.md, What is assumed"
    for question in chain(*rounds(with_mail=True)):
        name = question.__name__.replace("_", " ")
        assert f"| `{name}`" in page, "the same page, What it touches"


@pytest.fixture
def opened():
    with Sandbox(clock=FakeClock()) as sandbox:
        sandbox.zone_id = sandbox.add_zone(ZONE)
        yield sandbox


@pytest.fixture
def lab(opened):
    return in_sandbox(opened, ZONE, REGION)


@pytest.fixture
def account(lab, monkeypatch, capsys, tmp_path):
    """
    Runs with these arguments in an account that is a sandbox; returns the status and what was
    printed.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(acceptance, "in_aws", lambda *_: lab)
    monkeypatch.setattr(acceptance, "product", lambda *_, **__: [])
    # Two questions are enough where the answers don't matter.
    monkeypatch.setattr(questions, "QUESTIONS", (questions.same_key,))
    monkeypatch.setattr(acceptance, "of_emulator", lambda _: acceptance.Report())

    def run(*arguments):
        status = main(["--zone", ZONE, "--region", REGION, "--yes", *arguments])
        return status, capsys.readouterr().out

    return run


def left(lab):
    """All identities, and all records but the zone's own."""
    records = [str(each) for each in lab.records() if each.name != ZONE]
    return sorted([*lab.identities(), *records])


@pytest.mark.engine
def test_against_the_sandbox(capsys):
    """Without arguments the product does its job, the defaults are found, and nothing is left."""
    with Sandbox(switches=Switches(first_check_seconds=1)) as sandbox, quick_runs(sandbox):
        assert acceptance.against_sandbox(nullcontext(sandbox)) == 0
        assert left(in_sandbox(sandbox, ZONE, REGION)) == []
    printed = capsys.readouterr().out
    for step in ("up", "rotate", "back", "destroy"):
        assert f"product: {step}: done" in printed
    assert printed.rstrip().endswith("acceptance: passed")


def test_in_an_account(account, lab, tmp_path, monkeypatch):
    """
    A run answers, compares and deletes all it has made; no private key is printed.
    """
    monkeypatch.setattr(questions, "QUESTIONS", QUESTIONS)
    monkeypatch.setattr(acceptance, "of_emulator", of_emulator)
    made = []

    def record(model, **_):
        made.append(model.name)

    for client in (lab.ses, lab.route53):
        client.meta.events.register("provide-client-params", record)
    keys, key = [], type(lab).key
    monkeypatch.setattr(type(lab), "key", lambda *a, **b: keys.append(key(*a, **b)) or keys[-1])
    status, printed = account()
    assert 10 < made.count("CreateEmailIdentity") <= 30
    assert made.count("ChangeResourceRecordSets") <= 2 * 50
    assert (status, left(lab)) == (0, [])
    assert [line for line in printed.splitlines() if line.startswith(("!", "?"))] == []
    assert lab.account not in printed.partition("\n")[2]
    assert len(keys) > 10
    assert not [each for each in keys if each.encoded()[:40] in printed]


def host(opened, _):
    change(opened, opened.zone_id, "CREATE", f"www.{ZONE}", "192.0.2.1", kind="A")


def identity(_, lab):
    lab.ses.create_email_identity(EmailIdentity="theirs.example")


def no_delegation(_, lab):
    lab.look_up = lambda *_: [Answer("ns1.example", ())]


@cases(
    ("use", "printed"),
    {
        "host": (host, f"{ZONE} is in use: www.{ZONE} A"),
        "identity": (identity, f"{REGION} has the identity theirs.example"),
        "no delegation": (
            no_delegation,
            f"{ZONE} is not delegated to its hosted zone: byodkim-acceptance-",
        ),
    },
)
def test_refused(account, opened, lab, use, printed):
    """
    What somebody uses is refused and never deleted: a zone with any record but NS and SOA, and a
    Region.

    SES asks the DNS, so a zone that is not delegated to Route 53 is refused too.
    """
    use(opened, lab)
    before = left(lab)
    status, shown = account()
    assert (status, printed in shown) == (1, True)
    account("--clean")
    assert left(lab) == before


@pytest.mark.parametrize("arguments", ["--zone a.b", "--clean"])
def test_arguments(arguments, capsys, monkeypatch):
    """
    Who gives an option means an account: without zone and Region nothing runs, not even the
    sandbox.
    """
    monkeypatch.setattr(acceptance, "against_sandbox", lambda: 0)
    with pytest.raises(SystemExit):
        main(arguments.split())
    assert "nothing was changed: every option needs --zone and --region" in capsys.readouterr().err


@cases(("answer", "status"), {"yes": ("yes", 1), "zone": (ZONE, 0), "end of input": (EOFError, 1)})
def test_asks(account, lab, monkeypatch, capsys, answer, status):
    """
    Before anything is made, the run says what and at what price, and a person types the zone's
    name.
    """
    monkeypatch.setattr("builtins.input", Mock(side_effect=[answer]))
    assert main(["--zone", ZONE, "--region", REGION, "--mail-to", "you@example.com"]) == status
    assert left(lab) == []
    assert f"one CNAME record; up to {MAILS} messages to you@example.com" in capsys.readouterr().out


def not_deleted(opened):
    opened.ses.inject(Fault("access_denied", operation="DeleteEmailIdentity", times=100))


LATER = (
    f"once that is over: venv/bin/python -m tests.acceptance --clean --zone {ZONE} --region "
    f"{REGION}"
)


@cases(
    ("do", "printed", "stays"),
    {
        "not cleaned up": (not_deleted, ["not cleaned up: left: ", LATER], True),
        "kill": (
            lambda _: signal.raise_signal(signal.SIGINT),
            ["read_lag_seconds=", "FAILED: the run did not reach its end"],
            False,
        ),
    },
)
def test_ends(account, opened, lab, do, printed, stays):
    """
    A signal ends a run, which prints its report so far. Nothing of it is left, or that is named
    with the command for later.
    """
    sleep, done = lab.sleep, []

    def then(seconds):
        sleep(seconds)
        if len(opened.ses.log) > 20 and not done:
            done.append(None)
            do(opened)

    lab.sleep = then
    status, shown = account()
    assert (status, [each for each in printed if each not in shown]) == (1, [])
    assert bool(left(lab)) == stays


def test_killed(account, lab):
    """
    After a kill the next run refuses, and --clean deletes exactly what the killed one has made.
    """
    safety.begin(lab)
    domain, key = lab.published()
    lab.create(domain, key)
    untagged = f"d1.{below(lab.run, ZONE)}"
    lab.call("create_email_identity", EmailIdentity=untagged)
    assert "an earlier run was not cleaned up" in account()[1]
    status, printed = account("--clean")
    assert status == 1
    assert f"{untagged}: does not have the tag {TAG}={lab.run}" in printed
    assert left(lab) == [untagged]
    lab.delete(untagged)
    assert account("--clean") == (0, "no run has left anything\n")


def test_patience(opened, lab):
    """A call that SES throttles or fails at is repeated; what ends one question ends no other."""
    for kind in ("throttle", "500"):
        opened.ses.inject(Fault(kind, times=4))
    assert lab.get(f"a.{ZONE}") == {}

    def strange(lab):
        yield 0
        return {}["DkimAttributes"]

    def refused(lab):
        yield 1
        lab.put(f"a.{ZONE}", lab.key())

    report = acceptance.Report()
    acceptance.ask(lab, [strange, refused, questions.first_key], report)
    assert report.unanswered == {"strange": "KeyError: 'DkimAttributes'", "refused": ANY}
    assert "404 NotFoundException" in report.unanswered["refused"]
    assert "response to a Create" in report.facts
