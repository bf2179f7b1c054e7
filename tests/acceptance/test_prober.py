"""The prober, held against the emulator: it finds out how the emulator was set, whatever that was."""

import dataclasses
import os
import random
from pathlib import Path

import pytest

from byodkim_provider.dkim import keys
from sandbox.ses.switches import Fault, Switches
from tests.acceptance.direct import world
from tests.acceptance.errors import Stop
from tests.acceptance.journal import Journal
from tests.acceptance.keys import make_key
from tests.acceptance.lab import Lab
from tests.acceptance.observing import UNKNOWN
from tests.acceptance.prober import NEVER, Report, probe, put_answer

SETTINGS = {
    "tokens": ["selector", "empty"],
    "status_after_put": ["PENDING", "NOT_STARTED", "SUCCESS"],
    "put_answer": ["as Get", "NOT_STARTED", "before"],
    "failed_check_keeps_success": [False, True],
    "lost_record_takes_back_verification": [False, True],
    "signs_while_pending": ["nothing", "old", "new"],
    "old_key_lingers_seconds": [0, 60, 600],
    "same_key_restarts": [True, False],
    "failed_restarts": [True, False],
    "verification_info": ["filled", "empty", "stale", "ownership", "frozen", "sticky"],
    "caches_no_such_name": [False, True],
    "read_lag_seconds": [0, 5, 30],
    "put_enables_signing": [False, True],
    "verifies_tagged_records": [True, False],
    "refuses_bad_keys": [False, True],
    "requests_per_second": [1, 5, None],
    "first_check_seconds": [300, 60, 660],
}
ALONE = {f"{name}: {value}": {name: value} for name, values in SETTINGS.items() for value in values[1:]}

SEED = int(os.environ.get("PROBER_SEED") or random.SystemRandom().randrange(2**32))
COMBINATIONS = 20


def mixture(number):
    source = random.Random(SEED + number)
    return {name: source.choice(values) for name, values in SETTINGS.items()}


UNTOLD = {
    "caches_no_such_name": lambda set_to: set_to.verification_info in ("empty", "stale"),
    "failed_check_keeps_success": lambda set_to: (
        set_to.failed_check_keeps_success and set_to.verification_info not in ("filled", "sticky")
    ),
    "put_answer": lambda set_to: (
        set_to.status_after_put == "NOT_STARTED"
        and set_to.put_answer != "before"
        and set_to.same_key_restarts
        and set_to.failed_restarts
    ),
    "old_key_lingers_seconds": lambda set_to: (
        set_to.signs_while_pending == "old"
        and (
            set_to.old_key_lingers_seconds <= set_to.first_check_seconds + 30
            or (set_to.status_after_put == "SUCCESS" and set_to.verification_info in ("empty", "frozen"))
        )
    ),
}
"""Where no difference shows: the prober must not claim to know it. docs/reference/real-ses.md says why."""


def check(set_to):
    with world(set_to) as outside:
        found = probe(Lab(outside, "0a1b2c3d")).settings
    expected = {
        name: UNKNOWN if name in UNTOLD and UNTOLD[name](set_to) else getattr(set_to, name)
        for name in SETTINGS
    }
    assert expected == {name: found[name] for name in SETTINGS}
    assert outside.ses.model.identities(outside.region) == {}


def test_default():
    """The emulator's defaults are found, every one."""
    check(Switches())


@pytest.mark.parametrize("changed", ALONE.values(), ids=ALONE)
def test_alone(changed):
    """Each setting of each switch is found."""
    check(Switches(**changed))


@pytest.mark.parametrize("number", range(COMBINATIONS))
def test_together(number):
    """So are settings that come together by chance."""
    print(f"PROBER_SEED={SEED}")
    check(Switches(**mixture(number)))


class PowerCut(Exception):
    """The machine has no power any more."""


@pytest.mark.parametrize("waits", [3, 40, 150])
def test_resumed(tmp_path, waits):
    """A run that was cut off goes on from its journal, which holds no private key, to the same result."""
    journal = tmp_path / "journal"
    set_to = Switches(verification_info="frozen", read_lag_seconds=5, same_key_restarts=False)
    with world(set_to) as outside:
        left = iter(range(waits))

        def cut(seconds):
            if next(left, None) is None:
                raise PowerCut
            outside.wait(seconds)

        with pytest.raises(PowerCut):
            probe(Lab(dataclasses.replace(outside, wait=cut), "0a1b2c3d", Journal(journal)))
        with journal.open("a") as file:
            file.write('{"asked": ["get_em')
        before = len(outside.ses.model.log)
        resumed = probe(Lab(outside, "0a1b2c3d", Journal(journal)))
        in_one_go = probe(Lab(outside, "ffffffff"))
    assert resumed.settings == in_one_go.settings
    assert before > 0
    written = journal.read_text()
    assert len(written.splitlines()) > len(outside.ses.model.log) / 2
    lab = Lab(outside, "0a1b2c3d")
    assert lab.key().encoded()[:64] not in written
    assert "(a key)" in written


def test_clock_of_the_machine():
    """It does not matter that the machine's clock is off: SES's times are compared with SES's own."""
    with world(Switches()) as outside:
        now = outside.now
        found = probe(Lab(dataclasses.replace(outside, now=lambda: now() - 60), "0a1b2c3d")).settings
    assert found["verification_info"] == "filled"


def test_throttled_now_and_then():
    """A call that SES throttles is made again; without an end to it the run stops and says so."""
    with world(Switches()) as outside:
        outside.ses.model.inject(Fault("throttle", times=15))
        lab = Lab(outside, "0a1b2c3d")
        assert lab.get("a.lab.example") is None
        outside.ses.model.inject(Fault("throttle", times=1000))
        with pytest.raises(Stop, match="something else calls it"):
            lab.get("a.lab.example")


def test_literal():
    """What was found is printed as Python that makes an emulator like it."""
    report = Report({"tokens": "empty", "put_answer": UNKNOWN})
    assert report.literal() == "Switches(\n    tokens='empty',\n    # put_answer: unknown\n)"
    assert report.switches() == Switches(tokens="empty")
    assert eval(report.literal()) == Switches(tokens="empty")


def test_put_answer():
    """One Put that only one way explains is enough; without a difference nothing is claimed."""
    assert put_answer([("SUCCESS", "NOT_STARTED", "PENDING")]) == "NOT_STARTED"
    assert put_answer([("SUCCESS", "NOT_STARTED", "NOT_STARTED")]) == UNKNOWN
    assert put_answer([]) == UNKNOWN


def test_keys():
    """A key follows from the code of the run, and is one that RSA can work with."""
    one, again, other = (make_key(seed, "s") for seed in ("a", "a", "b"))
    assert one.encoded() == again.encoded() != other.encoded()
    assert keys.load(one.encoded()).bits == 1024


def test_page():
    """The page lists every switch with its default, and those that can't always be told apart."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "real-ses.md").read_text()
    for name, default in dataclasses.asdict(Switches()).items():
        row = f"| `{name}` | `{default}` |"
        assert row in page, f"docs/reference/real-ses.md, What is assumed: add the row {row} …"
    for name in UNTOLD:
        assert f"- `{name}`" in page


def test_all_switches():
    """Every switch is asked about, or is listed with the reason."""
    known = set(SETTINGS) | set(NEVER)
    new = {field.name for field in dataclasses.fields(Switches)} - known
    assert not new, "add its answers to SETTINGS here and a probe to probes.py, or the reason to prober.NEVER"
    assert not known - set(Switches.__dataclass_fields__), "is no switch any more"
