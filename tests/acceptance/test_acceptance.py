"""
If this fails, the first contact with SES answers wrongly, touches what others own, or leaves
something behind. The account is a sandbox.
"""

import re
import signal
from dataclasses import asdict
from pathlib import Path
from unittest.mock import Mock

import boto3
import pytest

from byodkim_provider.dns.resolver import Answer, DnsResolver
from sandbox.ses.switches import Fault, Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import questions, safety
from tests.acceptance.__main__ import ask, main, product
from tests.acceptance.lab import TAG, below, opened
from tests.acceptance.questions import NEVER, QUESTIONS, UNKNOWN
from tests.support.cases import cases
from tests.support.fakes import FakeClock
from tests.support.quick_runs import quick_runs
from tests.support.records import change

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "real-ses.md"

ZONE, REGION = "lab.example", "eu-west-1"

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


def lab_in(sandbox):
    """A run in *sandbox*, whose clock moves only when the run waits."""
    return opened(
        boto3.Session(sandbox.aws.access_key, sandbox.aws.secret_key, region_name=REGION),
        ZONE,
        {"sesv2": sandbox.ses.url, "sts": sandbox.aws.url, "route53": sandbox.aws.url},
        now=sandbox.clock.monotonic,
        sleep=sandbox.clock.advance,
        look_up=DnsResolver(resolvers=[sandbox.dns_resolver]).txt,
    )


@pytest.mark.parametrize("switches", EMULATORS, ids=range(len(EMULATORS)))
def test_answers(switches):
    """Each setting is found, or is unknown where SES shows no difference: real-ses.md says why."""
    with Sandbox(clock=FakeClock(), switches=switches) as sandbox:
        sandbox.add_zone(ZONE)
        lab = lab_in(sandbox)
        answers = ask(lab, [questions.first_key]) | ask(lab, QUESTIONS)

    expected = {name: getattr(switches, name) for name in SETTINGS}
    # A read after a Put lags as any other, too.
    expected["put_lag_seconds"] = max(switches.put_lag_seconds, switches.read_lag_seconds)
    for name in ("read_lag_seconds", "put_lag_seconds", "first_check_seconds"):
        low, high = map(int, answers[name].split(" to "))
        assert low <= expected.pop(name) <= high <= 1.1 * low + 10
    if switches.verification_info in ("empty", "stale"):
        expected["caches_no_such_name"] = UNKNOWN
    if switches.status_after_put == "SUCCESS":
        expected["same_key_restarts"] = UNKNOWN
    ambiguous = {"NOT_STARTED": ("NOT_STARTED", "as Get"), "SUCCESS": ("as Get", "before")}
    if switches.put_answer in ambiguous.get(switches.status_after_put, ()):
        expected["put_answer"] = UNKNOWN
    assert {name: answers[name] for name in expected} == expected


def test_every_switch_is_asked():
    """A new switch has a question, its values in SETTINGS and a row of the page."""
    assert set(SETTINGS) | set(NEVER) == set(Switches.__dataclass_fields__), (
        "a question, and a line in SETTINGS or NEVER"
    )
    page = PAGE.read_text()
    for name, default in asdict(Switches()).items():
        assert f"| `{name}` | `{default}` |" in page, "docs/reference/real-ses.md, What is assumed"
    for question in (questions.first_key, questions.mail_while_pending, *QUESTIONS):
        name = question.__name__.replace("_", " ")
        assert f"| `{name}`" in page, "the same page, What it touches"


@pytest.fixture
def sandbox():
    with Sandbox(clock=FakeClock()) as world:
        world.zone_id = world.add_zone(ZONE)
        yield world


@pytest.fixture
def lab(sandbox):
    return lab_in(sandbox)


@pytest.fixture
def account(lab, monkeypatch, capsys):
    """
    Runs in an account that is a sandbox, without the product, for a person who types *typed*;
    returns the status and what was printed.
    """
    monkeypatch.setattr(acceptance, "in_aws", lambda *_: lab)
    monkeypatch.setattr(acceptance, "product", lambda *_: [])

    def run(*arguments, typed=ZONE):
        monkeypatch.setattr("builtins.input", Mock(side_effect=[typed]))
        status = main([ZONE, REGION, *arguments])
        return status, capsys.readouterr().out

    return run


def left(lab):
    """All identities, and all records but the zone's own."""
    records = [record["Name"] for record in lab.records() if record["Name"] != f"{ZONE}."]
    return sorted([*lab.identities(), *records])


@pytest.mark.engine
def test_product():
    """The product does its job in a new account, and what it made is deleted."""
    with Sandbox(switches=Switches(first_check_seconds=1)) as sandbox, quick_runs(sandbox):
        sandbox.add_zone(ZONE)
        lab = lab_in(sandbox)
        defaults = {"dnsResolvers": [sandbox.dns_resolver]}
        assert product(lab, sandbox, without=(), defaults=defaults) == []
        assert left(lab) == []


def test_in_an_account(account, lab, monkeypatch):
    """A run answers, and deletes all that it made; no private key is printed."""
    keys, key = [], type(lab).key
    monkeypatch.setattr(type(lab), "key", lambda *a: keys.append(key(*a)) or keys[-1])
    status, printed = account("--mail-to", "you@example.com")
    assert (status, left(lab)) == (0, [])
    assert "follows_cname: True (the emulator: True)" in printed
    assert "one CNAME record; 8 messages to you@example.com" in printed
    assert "not answered" not in printed
    assert lab.account not in printed.partition("\n")[2]
    assert 10 < len(keys) <= 30
    assert not [each for each in keys if each.encoded()[:40] in printed]


def host(sandbox, _):
    change(sandbox, sandbox.zone_id, "CREATE", f"www.{ZONE}", "192.0.2.1", kind="A")


def identity(_, lab):
    lab.ses.create_email_identity(EmailIdentity="theirs.example")


def no_delegation(_, lab):
    lab.look_up = lambda *_: [Answer("ns1.example", ())]


@cases(
    ("use", "printed"),
    {
        "host": (host, f"{ZONE} is in use: www.{ZONE} A"),
        "identity": (identity, f"{REGION} has the identity theirs.example"),
        "no delegation": (no_delegation, f"{ZONE} is not delegated to its hosted zone"),
    },
)
def test_refused(account, sandbox, lab, use, printed):
    """
    What somebody uses is refused and never deleted: a zone with any record but NS and SOA, and a
    Region.

    SES asks the DNS, so a zone that is not delegated to Route 53 is refused too.
    """
    use(sandbox, lab)
    before = left(lab)
    status, shown = account()
    assert (status, printed in shown) == (1, True)
    account("--clean")
    assert left(lab) == before


@pytest.mark.parametrize("typed", ["yes", EOFError])
def test_asks(account, sandbox, lab, typed):
    """Nothing is made before a person types the zone's name."""
    assert account(typed=typed)[0] == 1
    assert left(lab) == []
    assert "CreateEmailIdentity" not in str(sandbox.ses.log)


def not_deleted(sandbox):
    sandbox.ses.inject(Fault("access_denied", operation="DeleteEmailIdentity", times=100))


@cases(
    ("do", "printed", "stays"),
    {
        "not cleaned up": (
            not_deleted,
            rf"(?s)not cleaned up: left: .*-m tests.acceptance {ZONE} {REGION} --clean",
            True,
        ),
        "kill": (
            lambda _: signal.raise_signal(signal.SIGINT),
            "(?s)read_lag_seconds: .*FAILED: the run did not reach its end",
            False,
        ),
    },
)
def test_ends(account, sandbox, lab, do, printed, stays):
    """
    A signal ends a run, which has printed its answers so far. Nothing of it is left, or that is
    named with the command for later.
    """
    sleep, done = lab.sleep, []

    def then(seconds):
        sleep(seconds)
        if len(sandbox.ses.log) > 50 and not done:
            done.append(None)
            do(sandbox)

    lab.sleep = then
    status, shown = account()
    assert status == 1
    assert re.search(printed, shown)
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


def test_strange(lab, capsys):
    """What ends one question ends no other."""

    def strange(lab):
        yield 0
        return {}["DkimAttributes"]

    def refused(lab):
        yield 1
        lab.put(f"a.{ZONE}", lab.key())

    answers = ask(lab, [strange, refused, questions.first_key])
    printed = capsys.readouterr().out
    assert "not answered: KeyError: 'DkimAttributes'" in printed
    assert "not answered: Refused: 404 NotFoundException" in printed
    assert "response to a Create" in answers
