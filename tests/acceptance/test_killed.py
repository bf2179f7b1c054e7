"""How a run ends that is interrupted or killed, and what CLEANUP and RESUME make of it."""

import contextlib
import os
import random
import signal
import stat
import threading
import time
from pathlib import Path

import pytest
from moto.core.responses import BaseResponse

from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import safety
from tests.acceptance.direct import ZONE
from tests.acceptance.interrupts import Interrupts
from tests.acceptance.lab import PREFIX, Lab, below, run_of
from tests.acceptance.mailbox import open_mailbox
from tests.acceptance.runs_to_end import mailbox, prober, product, start
from tests.acceptance.targets import in_sandbox
from tests.support.fakes import REGION
from tests.support.quick_runs import quick_runs

CODE = "0a1b2c3d"
RUN = run_of(CODE)

SEED = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))
KILLS = 10


@pytest.fixture(scope="module")
def sandbox():
    """AWS and DNS over the wire, which the runs of other processes share."""
    with (
        Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0)) as opened,
        quick_runs(opened),
    ):
        opened.add_zone(ZONE)
        yield opened


@pytest.fixture
def where(sandbox):
    where = in_sandbox(sandbox, ZONE, REGION)
    yield where
    was_left = safety.left(where)
    for run in was_left:
        safety.clean(where, run)
    assert was_left == {}


def environment(sandbox):
    """With which another process reaches that account, S3 and receipt rules too."""
    more = {f"AWS_ENDPOINT_URL_{service}": sandbox.aws.url for service in ("S3", "SES")}
    own = {**sandbox.environment, **more}
    del own["XDG_CACHE_HOME"]  # the engine is in that of this machine; without it, it would be built again
    return own


def signalled(sandbox, signals, run, *more, before=False, of=None, action="call"):
    """
    How a run ended that got *signals*, by the number of the call that SES gets then.

    *before*: before SES does what that call asks. *of* is what has the method *action* in place of SES.
    """
    counted, of = iter(range(10**6)), of or sandbox.ses
    call = getattr(of, action)

    def counting(*arguments, **options):
        number = signals.get(next(counted))
        if number and before:
            os.kill(child.pid, number)
        try:
            return call(*arguments, **options)
        finally:
            if number and not before:
                os.kill(child.pid, number)

    setattr(of, action, counting)
    try:
        child = start(run, environment(sandbox), ZONE, REGION, CODE, *more)
        child.join()
        return child.exitcode
    finally:
        setattr(of, action, call)


def is_empty(sandbox, where):
    kinds = {one.kind for one in where.records.listed()}
    return sandbox.ses.identities(REGION) == {} and kinds == {"NS", "SOA"} and safety.left(where) == {}


def test_killed(sandbox, where, monkeypatch):
    """Killed at any moment, a run leaves nothing that CLEANUP= does not find."""
    monkeypatch.setattr(acceptance, "aws", lambda *_, **__: where)
    for name, value in {"ZONE": ZONE, "REGION": REGION, "CLEANUP": RUN}.items():
        monkeypatch.setenv(name, value)
    print(f"KILL_SEED={SEED}")
    source = random.Random(SEED)
    left_behind = 0
    for _ in range(KILLS):
        at, before = source.randrange(3, 40), source.choice([True, False])
        assert signalled(sandbox, {at: signal.SIGKILL}, prober, before=before) == -signal.SIGKILL
        left_behind += len(safety.left(where).get(RUN, ()))
        assert acceptance.main() == 0
        assert is_empty(sandbox, where)
        assert safety.clean(where, RUN) == []
    assert left_behind > 0


def test_killed_in_the_mailbox(sandbox, where):
    """So does a run that is killed while it opens its mailbox; one that goes on opens it then."""
    print(f"KILL_SEED={SEED}")
    source = random.Random(SEED)
    # After the mark of the run, and before the last record: calls of S3, receipt rules, DNS.
    for goes_on in (False, True):
        at = source.randrange(8, 19)
        how = {"of": BaseResponse, "action": "call_action"}
        assert signalled(sandbox, {at: signal.SIGKILL}, mailbox, **how) == -signal.SIGKILL
        assert safety.is_marked(where, RUN)
        if goes_on:
            open_mailbox(Lab(where, CODE, part="mailbox"), where.clients)
            active = where.clients("ses").describe_active_receipt_rule_set()
            assert [rule["Recipients"] for rule in active["Rules"]] == [[f"in.{below(RUN, ZONE)}"]]
            assert f"bucket {PREFIX}{RUN}" in safety.left(where)[RUN]
        safety.clean(where, RUN)
        assert is_empty(sandbox, where)


@pytest.mark.engine
def test_killed_in_the_product(sandbox, where, tmp_path):
    """So does a run that is killed while the engine works, once the engine has noticed."""
    print(f"KILL_SEED={SEED}")
    source = random.Random(SEED)
    at, before = source.randrange(4, 8), source.choice([True, False])
    more = (sandbox.dns_resolver, str(tmp_path))
    assert signalled(sandbox, {at: signal.SIGKILL}, product, *more, before=before) == -signal.SIGKILL
    until_no_process_has(str(tmp_path))
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("byodkim-*")] == [0o700]
    assert safety.clean(where, RUN)
    assert is_empty(sandbox, where)


def until_no_process_has(argument):
    """Wait for the engine and its plugins, which know that folder; they end with their parent."""
    deadline = time.monotonic() + 60
    while any(argument in environment for environment in environments()):
        assert time.monotonic() < deadline, "the engine goes on"
        threading.Event().wait(0.1)


def environments():
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            yield path.read_text(errors="replace")


@pytest.mark.engine
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_interrupted_in_the_product(sandbox, where, number, tmp_path):
    """A closed terminal and SIGTERM end the engine in order, and then the run, in an empty zone."""
    more = (sandbox.dns_resolver, str(tmp_path))
    assert signalled(sandbox, {5: number}, product, *more) == 128 + number
    assert is_empty(sandbox, where)
    assert list(tmp_path.glob("byodkim-*")) == []  # of the state


@pytest.mark.parametrize(
    "signals",
    [
        {40: signal.SIGINT},
        {40: signal.SIGTERM},
        {40: signal.SIGHUP},
        {40: signal.SIGINT, 42: signal.SIGINT, 44: signal.SIGTERM, 45: signal.SIGHUP},
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP", "Ctrl-C again, while it cleans up"],
)
def test_interrupted(sandbox, where, signals):
    """Ctrl-C, SIGTERM and a closed terminal end a run that cleans up itself, whatever else comes."""
    assert signalled(sandbox, signals, prober) != 0
    assert is_empty(sandbox, where)


def test_interrupts(monkeypatch):
    """The first signal ends the run, and others wait while something is held; what is ignored stays so."""
    said, handlers = [], {signal.SIGHUP: signal.SIG_IGN}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(signal, "getsignal", handlers.get)
    interrupts = Interrupts(said.append)
    interrupts.install()
    assert handlers[signal.SIGHUP] is signal.SIG_IGN
    receive, held = handlers[signal.SIGTERM], []

    def hold():
        with interrupts.held(lambda: held.append(1)) as is_ended:
            held.append(is_ended())
            receive(signal.SIGTERM, None)
            held.append(is_ended())

    with pytest.raises(SystemExit) as ended:
        hold()
    assert (ended.value.code, held) == (128 + signal.SIGTERM, [False, 1, True])
    receive(signal.SIGINT, None)  # it ends already
    assert said == ["it ends already, and cleans up"]
    with pytest.raises(KeyboardInterrupt):
        Interrupts(said.append)._receive(signal.SIGINT, None)
