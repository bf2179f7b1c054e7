"""
If this fails, thousands of identities are called too fast: a Region has room for ten thousand.

The real client with its pace, and the sandbox's SES with its limit of one call a second, which
refuses the first calls of a run alone. Time passes where somebody waits, and while a call is on its
way.
"""

import itertools
import threading
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

from byodkim_provider.aws.ses import SECONDS_PER_CALL, SesClient
from byodkim_provider.cli.terminal import AT_ONCE, ask_all
from byodkim_provider.identity.state import PUT
from byodkim_provider.identity.verification import INTERVALS
from sandbox.ses.model import OPERATIONS
from sandbox.ses.rules import SesError
from tests.support.fakes import REGION, FakeClock
from tests.support.world import World

NUMBER = 1_100
DOMAINS = [f"d{number}.example" for number in range(NUMBER)]
PAGES = 2
"""Of a List of them all: a thousand is one."""

ON_THE_WAY = (*[0.02] * 25, 0.05, *[0.02] * 24)
"""
Seconds from leaving to arriving, of one call after the other; again from the first after the last.
"""

START_SECONDS = 1
"""That a process needs until its first call, at least."""

AT_PACE = SECONDS_PER_CALL * (NUMBER + 10)
"""Seconds that a call for each identity may take."""

FIRST_CHECK_SECONDS = 60
"""From a Create to SES's first check of DNS: long enough for several polls."""

CALLS_TO_WAIT = {(10, 300): 14, (100, 300): 3, (300, 300): 1, (300, 660): 2.1}
"""
Calls an identity until a rotation is verified, by identities and by seconds from a Put to SES's
check.

SES usually takes 20 seconds to 11 minutes (`verification.USUAL`).
"""

NOTICED_SECONDS = 30
"""From SES's last check until the run knows of it."""


class StandingClock(FakeClock):
    """
    Stands still for all other threads from the end of a wait until the call that follows has
    arrived.

    So no call is late because this machine is busy.
    """

    def __init__(self):
        super().__init__()
        self._turn = threading.Lock()
        self._holder = None

    def wait(self, seconds):
        self.hold()
        return super().wait(seconds)

    def hold(self):
        """The time is this thread's alone, until `release`."""
        if self._holder != threading.get_ident():
            assert self._turn.acquire(timeout=60), (
                "a call was refused, and is repeated beside others"
            )
            self._holder = threading.get_ident()

    def release(self):
        """The thread's call has arrived."""
        if self._holder == threading.get_ident():
            self._holder = None
            self._turn.release()


class DirectClient:
    """boto3's client for SES with its events, on the sandbox's model and without HTTP."""

    def __init__(self, model, clock):
        self._model = model
        self._clock = clock
        self._on_the_way = itertools.cycle(ON_THE_WAY)
        self.meta = SimpleNamespace(
            events=HierarchicalEmitter(),
            method_to_api_mapping={xform_name(one): one for one in OPERATIONS},
            partition="aws",
            region_name=REGION,
        )

    def __getattr__(self, name):
        operation = self.meta.method_to_api_mapping[name]

        def call(**parameters):
            self._clock.hold()
            try:
                return self._call(operation, parameters)
            finally:
                self._clock.release()

        call.__name__ = name
        self.__dict__[name] = call
        return call

    def _call(self, operation, parameters):
        """As `botocore.endpoint.Endpoint` does: the pace hangs on its events."""
        emit = self.meta.events.emit
        emit(
            f"before-send.sesv2.{operation}",
            request=SimpleNamespace(url=f"https://ses/{operation}"),
        )
        self._clock.advance(next(self._on_the_way))
        try:
            status_code, parsed = 200, self._model.call(operation, REGION, parameters)
        except SesError as error:
            status_code = error.status_code
            parsed = {"Error": {"Code": error.code, "Message": error.message}}
        parsed = {**parsed, "ResponseMetadata": {"HTTPStatusCode": status_code}}
        emit(
            f"response-received.sesv2.{operation}",
            response_dict={"headers": {}, "status_code": status_code, "body": b""},
            parsed_response=parsed,
            context={},
            exception=None,
        )
        if "Error" in parsed:
            raise ClientError(parsed, operation)
        return parsed


class LimitedWorld(World):
    """A world whose SES allows one call a second, and is called by the real client."""

    def __post_init__(self):
        self.clock = StandingClock()
        super().__post_init__()
        self.switch(requests_per_second=1)

    def next_run(self):
        super().next_run()
        self._client = None
        self.clock.advance(START_SECONDS)

    def ses(self, region=REGION):
        """The client of this run: a run is one process, with one pace."""
        if self._client is None:
            self._client = SesClient(
                DirectClient(self.model, self.clock),
                account_id="123456789012",
                clock=self.clock,
            )
        return self._client

    def counted(self, act):
        """
        What *act* returns, the calls of it by action, those that SES refused, and the seconds it
        took.
        """
        self.next_run()
        self.clock.release()
        self.model.reset_log()
        began = self.clock.monotonic()
        returned = act()
        calls = Counter(call.operation for call in self.model.calls())
        refused = len(self.model.calls(answered=False))
        return returned, dict(calls), refused, self.clock.monotonic() - began


@pytest.fixture(scope="module")
def made(signing_keys):
    """
    All identities, which one run has just made; SES has not checked DNS for the last ones yet.
    """
    world = LimitedWorld(signing_keys)
    world.switch(first_check_seconds=FIRST_CHECK_SECONDS)
    for domain in DOMAINS:
        world.publish(1, domain=domain)
    return world, world.counted(lambda: [world.create(domain=domain) for domain in DOMAINS])


def test_creating(made):
    """Each identity is one call, and after the first 429 they come as fast as SES allows."""
    _, (stored, calls, refused, seconds) = made
    assert all(one.key for one in stored)
    assert calls == {"CreateEmailIdentity": NUMBER}
    assert refused == 1
    assert seconds <= AT_PACE


def test_waiting(made):
    """Until all are verified, SES is asked by Lists, and by a Get for each of the last ones."""
    world, (stored, *_) = made
    verdicts, calls, refused, seconds = world.counted(lambda: world.verify(*stored))
    assert all(verdict.verified for verdict in verdicts)
    assert calls["ListEmailIdentities"] <= seconds / SECONDS_PER_CALL + 1
    assert calls.get("GetEmailIdentity", 0) <= PAGES
    assert refused <= 1
    assert seconds <= FIRST_CHECK_SECONDS + INTERVALS[-1] + SECONDS_PER_CALL * 2 * PAGES


def test_status(made):
    """`byodkim status` reads each identity once, side by side; its first calls are too early."""
    world, _ = made

    def read_all():
        return ask_all(world.ses().get_email_identity, DOMAINS).values()

    seen, calls, refused, _ = world.counted(read_all)
    assert all(identity.dkim_status == "SUCCESS" for identity in seen)
    assert calls == {"GetEmailIdentity": NUMBER}
    assert 0 < refused <= AT_ONCE


@pytest.mark.parametrize(("number", "check_seconds"), CALLS_TO_WAIT)
def test_rotating(signing_keys, number, check_seconds):
    """
    While SES looks for the new keys, which takes minutes, it is asked seldom, and yet soon after.
    """
    world = LimitedWorld(signing_keys)
    domains = DOMAINS[:number]
    for domain in domains:
        world.publish(1, 2, domain=domain)
    made = [world.create(domain=domain) for domain in domains]
    world.clock.advance(timedelta(hours=1))
    world.next_run()
    world.switch(first_check_seconds=check_seconds)
    rotated = [world.update(one, 2, domain=one.declared.domain) for one in made]
    assert {one.key.key_set_by for one in rotated} == {PUT}
    verdicts, calls, refused, seconds = world.counted(lambda: world.verify(*rotated))
    assert all(verdict.verified for verdict in verdicts)
    assert sum(calls.values()) <= number * CALLS_TO_WAIT[number, check_seconds]
    assert refused <= 1
    assert seconds <= check_seconds + NOTICED_SECONDS
