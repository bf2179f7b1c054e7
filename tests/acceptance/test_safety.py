"""What a run refuses, what it deletes, and how it ends where the world turns hostile."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sandbox.ses.switches import Fault, Switches
from sandbox.world import Sandbox
from tests.acceptance import safety
from tests.acceptance.__main__ import PROBES, begin, cleaned, main
from tests.acceptance.direct import ZONE, world
from tests.acceptance.lab import TAG, Lab, Stop, below
from tests.acceptance.prober import probe
from tests.acceptance.targets import in_sandbox
from tests.support.fakes import REGION

CODE = "0a1b2c3d"


@pytest.fixture
def here():
    with world(Switches()) as outside:
        yield outside


def left(outside):
    return sorted(outside.ses.model.identities(REGION)) + sorted(outside.records.values)


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        (ZONE, "MX", f"{ZONE} is in use: {ZONE} MX, it receives mail"),
        (f"_dmarc.{ZONE}", "TXT", f"{ZONE} is in use: _dmarc.{ZONE} TXT, it has a policy for mail"),
        (ZONE, "TXT", f"{ZONE} is in use: {ZONE} TXT"),
        (f"www.{ZONE}", "A", f"{ZONE} is in use: www.{ZONE} A"),
        (f"x.a-12345678.{ZONE}.example", "TXT", f"{ZONE} is in use: x.a-12345678.{ZONE}.example TXT"),
        (f"x.a-1234567.{ZONE}", "TXT", f"{ZONE} is in use: x.a-1234567.{ZONE} TXT"),
    ],
    ids=["MX", "DMARC", "another TXT", "a host", "a similar zone", "a similar name"],
)
def test_zone_in_use(here, name, kind, why):
    """A zone that somebody uses is no place for a run."""
    here.records.others.append((name, kind))
    with pytest.raises(Stop, match="nothing was changed") as caught:
        begin(here)
    assert why in str(caught.value)


def test_region_in_use(here, monkeypatch):
    """Neither is a Region with identities of others, unless one says so; they are left alone then."""
    here.ses.model.put_easy_dkim("theirs.example", REGION)
    with pytest.raises(Stop, match=f"{REGION} has the identity theirs.example"):
        begin(here)
    monkeypatch.setenv("OTHERS", "1")
    begin(here)
    with cleaned(here):
        here.guard()
        Lab(here, CODE).create(Lab(here, CODE).domain())
    assert left(here) == ["theirs.example"]


def test_left_by_an_earlier_run(here):
    """What an earlier run left is cleaned up first, unless it is the run that is resumed."""
    lab = Lab(here, CODE)
    lab.create(lab.domain())
    with pytest.raises(Stop, match=r"an earlier run left .*: make acceptance CLEANUP=1"):
        begin(here)
    begin(here, resumes=lab.run)


def test_only_its_own_is_deleted(here):
    """Without the tag an identity stays, whatever it is called, and so does a record of another type."""
    lab = Lab(here, CODE)
    untagged, tagged = lab.domain(), lab.domain()
    here.ses.model.put_easy_dkim(untagged, REGION)
    here.ses.model.put_identity(
        "other.example", REGION, selector="a", private_key="AAAA", tags={TAG: lab.run}
    )
    lab.create(tagged)
    lab.publish(tagged, lab.key())
    here.records.others.append((f"in.{below(lab.run, ZONE)}", "CNAME"))
    with pytest.raises(Stop, match="not made by a run, so it was left") as caught:
        safety.clean(here)
    assert untagged in str(caught.value)
    assert f"in.{below(lab.run, ZONE)} CNAME" in str(caught.value)
    assert left(here) == [untagged, "other.example"]


def test_clean_twice(here):
    """Cleaning up once more finds nothing and is no error."""
    lab = Lab(here, CODE)
    lab.create(lab.domain())
    assert len(safety.clean(here)) == 1
    assert safety.clean(here) == []


def hostile(here, outcome, *, more=()):
    """A run in that world stops with *outcome*, and leaves nothing."""
    begin(here)
    with pytest.raises(Stop, match=outcome), cleaned(here):
        probe(Lab(here, CODE), more=more)


def test_something_foreign_appears(here):
    """An identity of somebody else that was not there at the beginning ends the run; it is left alone."""
    wait = here.wait

    def and_then(seconds):
        wait(seconds)
        if len(here.ses.model.log) > 30:
            here.ses.model.put_easy_dkim("theirs.example", REGION)

    here.wait = and_then
    hostile(here, "something that is not this run's has appeared: eu-west-1 has the identity theirs.example")
    assert left(here) == ["theirs.example"]


def test_rate_limit(here):
    """Where SES throttles everything, the run gives up; the clean-up comes when SES answers again."""
    wait = here.wait

    def and_then(seconds):
        wait(seconds)
        if len(here.ses.model.log) == 40:
            here.ses.model.inject(Fault("throttle", times=30))

    here.wait = and_then
    hostile(here, "SES throttles")
    assert left(here) == []


class Expiring:
    """A client whose credentials are not taken any more from call *after* on, for *calls* calls."""

    def __init__(self, client, after, calls):
        self.model = client.model
        self._client = client
        self._numbers = iter(range(10**6))
        self._expired = range(after, after + calls)

    def __getattr__(self, action):
        def call(**parameters):
            if next(self._numbers) in self._expired:
                metadata = {"HTTPStatusCode": 403, "HTTPHeaders": {}}
                raise ClientError(
                    {"Error": {"Code": "ExpiredTokenException"}, "ResponseMetadata": metadata}, action
                )
            return getattr(self._client, action)(**parameters)

        return call


def test_expired_credentials(here, capsys):
    """Without credentials a run ends with the command that cleans up later, and that does."""
    client = here.ses
    here.ses = Expiring(client, after=40, calls=10**6)
    hostile(here, "AWS takes these credentials no more")
    assert "once that is over: make acceptance CLEANUP=1" in capsys.readouterr().out
    assert left(here) != []
    here.ses = client
    safety.clean(here)
    assert left(here) == []


@pytest.fixture
def commands(sandbox, monkeypatch, tmp_path):
    """`make acceptance` with that account, from another folder."""
    for name, value in {**environment(sandbox), "ZONE": f"{ZONE}.", "REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return main


def test_commands(commands, sandbox, monkeypatch, capsys):
    """POLICY prints and CLEANUP cleans up, in a Region that is refused for a run."""
    lab = Lab(in_sandbox(sandbox, ZONE, REGION), CODE)
    domain = lab.domain()
    lab.create(domain)
    assert commands() == 1
    assert f"an earlier run left {domain}" in capsys.readouterr().out
    monkeypatch.setenv("POLICY", "1")
    assert commands() == 0
    assert json.loads(capsys.readouterr().out)["Version"] == "2012-10-17"
    monkeypatch.delenv("POLICY")
    monkeypatch.setenv("CLEANUP", "1")
    assert (commands(), commands()) == (0, 0)
    assert capsys.readouterr().out == f"deleted: {domain}\ndeleted: nothing was there\n"
    monkeypatch.setenv("ZONE", "other.example")
    assert commands() == 1
    assert capsys.readouterr().out == (
        "stopped: the account has 0 public zones other.example, there must be one\n"
    )


def test_policy():
    """The printed policy allows what a run calls, on the zone's names alone, and no more."""
    with world(Switches()) as here:
        probe(Lab(here, CODE), more=PROBES)
        safety.clean(here)
        called = {f"ses:{call.operation}" for call in here.ses.model.log}
    policy = safety.iam_policy("Z1", ZONE, "123456789012", REGION)
    allowed = {
        action: statement["Resource"] for statement in policy["Statement"] for action in statement["Action"]
    }
    assert called <= set(allowed)
    # What the product calls besides, and what receives mail.
    others = {one for one in allowed if one.startswith("ses:")} - called
    assert {one for one in others if "Receipt" not in one} == {"ses:UntagResource"}
    assert allowed["ses:CreateEmailIdentity"] == f"arn:aws:ses:{REGION}:123456789012:identity/*.{ZONE}"
    assert json.loads(json.dumps(policy)) == policy


SEED = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))
KILLS = 10

RUN = """
import sys
from tests.acceptance.__main__ import PROBES, Lab, aws, begin, clean_up_if_terminated, cleaned, probe
from tests.support.fakes import FakeClock

clean_up_if_terminated()
clock = FakeClock()
where = aws(sys.argv[1], sys.argv[2], say=print)
where.now, where.wait = clock.monotonic, clock.advance
with cleaned(where):
    begin(where)
    probe(Lab(where, sys.argv[3]), more=PROBES)
"""
"""A run whose time is its own, so that it does not wait."""


@pytest.fixture(scope="module")
def sandbox():
    """AWS and DNS over the wire, which the runs of other processes share."""
    with Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0)) as opened:
        opened.add_zone(ZONE)
        yield opened


PRODUCT = """
import sys
from pathlib import Path
from tests.acceptance.__main__ import Lab, aws, cleaned
from tests.acceptance.product import RealWorld, main_job

where = aws(sys.argv[1], sys.argv[2], say=print)
defaults = {"dnsResolvers": [sys.argv[4]], "keyBits": 1024}
with cleaned(where):
    main_job(Lab(where, sys.argv[3]), RealWorld(Path(sys.argv[5])), say=print, without=(), defaults=defaults)
"""
"""The product's part of a run, by the engine, with the sandbox's plugins."""


def environment(sandbox):
    """With which another process reaches that account, S3 and receipt rules too."""
    more = {f"AWS_ENDPOINT_URL_{service}": sandbox.aws.url for service in ("S3", "SES")}
    return {**sandbox.environment, **more}


def signalled(sandbox, number, *, at, before, run=RUN, more=()):
    """How a run ended that got signal *number* before or after SES did what its call *at* asks."""
    counted, call = iter(range(10**6)), sandbox.ses.call
    child = subprocess.Popen(
        [sys.executable, "-c", run, ZONE, REGION, CODE, *more],
        env={**os.environ, **environment(sandbox)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def counting(*arguments, **options):
        now = next(counted) == at
        if now and before:
            os.kill(child.pid, number)
        try:
            return call(*arguments, **options)
        finally:
            if now and not before:
                os.kill(child.pid, number)

    sandbox.ses.call = counting
    try:
        return child.wait()
    finally:
        sandbox.ses.call = call


def is_empty(sandbox, where):
    kinds = {kind for _, kind in where.records.listed()}
    return sandbox.ses.identities(REGION) == {} and kinds == {"NS", "SOA"}


def test_killed(sandbox):
    """Killed at any moment, a run leaves nothing that cleaning up does not find."""
    print(f"KILL_SEED={SEED}")
    source = random.Random(SEED)
    where = in_sandbox(sandbox, ZONE, REGION)
    left_behind = 0
    for _ in range(KILLS):
        at, before = source.randrange(3, 40), source.choice([True, False])
        assert signalled(sandbox, signal.SIGKILL, at=at, before=before) == -signal.SIGKILL
        left_behind += len(safety.left(where))
        safety.clean(where)
        assert is_empty(sandbox, where)
        assert safety.clean(where) == []
    assert left_behind > 0


@pytest.mark.engine
def test_killed_in_the_product(sandbox, tmp_path):
    """So does a run that is killed while the engine works, once the engine has noticed."""
    print(f"KILL_SEED={SEED}")
    source = random.Random(SEED)
    at, before = source.randrange(1, 5), source.choice([True, False])
    more = (sandbox.dns_resolver, str(tmp_path))
    assert signalled(sandbox, signal.SIGKILL, at=at, before=before, run=PRODUCT, more=more) == -signal.SIGKILL
    until_no_process_has(str(tmp_path))
    where = in_sandbox(sandbox, ZONE, REGION)
    assert safety.clean(where)
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(sandbox, number):
    """Ctrl-C and SIGTERM end a run that cleans up itself."""
    assert signalled(sandbox, number, at=40, before=False) != 0
    assert is_empty(sandbox, in_sandbox(sandbox, ZONE, REGION))


def test_a_zone_needs_its_region(monkeypatch, capsys):
    """Without the Region a clean-up would look for a run's identities in another one, and find none."""
    monkeypatch.setenv("ZONE", "lab.example.org")
    monkeypatch.delenv("REGION", raising=False)
    assert main() == 1
    assert "ZONE= goes with REGION=" in capsys.readouterr().out
