"""
Ten thousand identities, as many as SES has room for in a Region, without an engine.

The real client with its pace, and the sandbox's SES with its limit of one call a second; time passes
only where somebody waits.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from types import SimpleNamespace

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.aws.ses_calls import SECONDS_PER_CALL
from byodkim_provider.cli.asking import ask_all
from byodkim_provider.identity import lifecycle
from byodkim_provider.identity.verification import INTERVALS
from sandbox.ses.model import OPERATIONS
from sandbox.ses.rules import SesError
from tests.support.fakes import REGION
from tests.support.world import World

NUMBER = 10_000
DOMAINS = [f"d{number}.example" for number in range(NUMBER)]
PAGES = NUMBER // 1000
"""Of a List of them all."""

MOST_REFUSED = 1
"""Calls that SES refuses: from the first 429 on the client keeps the pace."""

FIRST_CHECK_SECONDS = 60
"""From a Create to SES's first check of DNS: long enough for several polls."""


class DirectClient:
    """boto3's client for SES, on the sandbox's model and without HTTP."""

    meta = SimpleNamespace(
        events=SimpleNamespace(register=lambda *_: None),
        method_to_api_mapping={xform_name(one): one for one in OPERATIONS},
        partition="aws",
        region_name=REGION,
    )

    def __init__(self, model):
        self._model = model

    def __getattr__(self, name):
        operation = self.meta.method_to_api_mapping[name]

        def call(**parameters):
            try:
                return self._model.call(operation, REGION, parameters)
            except SesError as error:
                response = {
                    "Error": {"Code": error.code, "Message": error.message},
                    "ResponseMetadata": {"HTTPStatusCode": error.status_code},
                }
                raise ClientError(response, operation) from None

        call.__name__ = name
        self.__dict__[name] = call
        return call


class LimitedWorld(World):
    """A world whose SES allows one call a second, and is called by the real client."""

    def __post_init__(self):
        super().__post_init__()
        self.switch(requests_per_second=1)

    def next_run(self):
        super().next_run()
        self._client = None

    def ses(self, region=REGION):
        """The client of this run: a run is one process, with one pace."""
        if self._client is None:
            self._client = SesClient(
                DirectClient(self.model), region=region, account_id="123456789012", clock=self.clock
            )
        return self._client

    def counted(self, act):
        """What *act* returns, the calls of it by action, those that SES refused, and the seconds it took."""
        self.next_run()
        self.model.reset_log()
        began = self.clock.monotonic()
        returned = act()
        calls = Counter(call.operation for call in self.model.calls())
        refused = len(self.model.calls(answered=False))
        return returned, dict(calls), refused, self.clock.monotonic() - began


@pytest.fixture(scope="module")
def made(signing_keys):
    """All identities, which one run has just made; SES has not checked DNS for the last ones yet."""
    world = LimitedWorld(signing_keys)
    world.switch(first_check_seconds=FIRST_CHECK_SECONDS)
    for domain in DOMAINS:
        world.publish(1, domain=domain)
    return world, world.counted(lambda: [world.create(domain=domain) for domain in DOMAINS])


def test_creating(made):
    """Each identity is one call, and the calls come one after the other as fast as SES allows."""
    _, (stored, calls, refused, seconds) = made
    assert all(one.key_set_at for one in stored)
    assert calls == {"CreateEmailIdentity": NUMBER}
    assert refused <= MOST_REFUSED
    assert seconds <= SECONDS_PER_CALL * (NUMBER + 10)


def test_waiting(made):
    """Until all are verified, SES is asked by Lists, and by a Get for each of the last ones."""
    world, (stored, *_) = made
    verdicts, calls, refused, seconds = world.counted(lambda: world.verify(*stored))
    assert all(verdict.verified for verdict in verdicts)
    assert calls["ListEmailIdentities"] <= seconds / SECONDS_PER_CALL + 1
    assert calls.get("GetEmailIdentity", 0) <= PAGES
    assert refused <= MOST_REFUSED
    assert seconds <= FIRST_CHECK_SECONDS + INTERVALS[-1] + SECONDS_PER_CALL * 2 * PAGES


def test_reading(made):
    """A refresh reads each identity once, at SES's pace: so many take three hours."""
    world, (stored, *_) = made
    _, calls, refused, seconds = world.counted(lambda: [lifecycle.read(one, world.outside) for one in stored])
    assert calls == {"GetEmailIdentity": NUMBER}
    assert refused <= MOST_REFUSED
    assert seconds <= SECONDS_PER_CALL * (NUMBER + 10)


def test_status(made):
    """`byodkim status` reads each identity once, side by side, and all keep one pace."""
    world, _ = made

    def read_all():
        ses = world.ses()
        questions = [(domain, partial(ses.get_email_identity, domain)) for domain in DOMAINS]
        return ask_all(questions, report=lambda text: None)

    seen, calls, refused, _ = world.counted(read_all)
    assert all(identity.dkim_status == "SUCCESS" for identity in seen)
    assert calls == {"GetEmailIdentity": NUMBER}
    assert refused <= MOST_REFUSED
