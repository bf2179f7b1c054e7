"""MAIL FROM in the life of an identity: what SES is sent, and what becomes of a failure."""

from dataclasses import replace
from datetime import timedelta

import pytest

from byodkim_provider.messages.aws import AwsMessages
from sandbox.ses.switches import Fault
from tests.support.errors import raises
from tests.support.fakes import ATTEMPTS, REGION
from tests.support.world import DOMAIN

BOUNCE = f"bounce.{DOMAIN}"
MX = (f"10 feedback-smtp.{REGION}.amazonses.com",)
REJECT = {"mail_from_domain": BOUNCE, "on_mx_failure": "reject"}
DEFAULT = REJECT | {"on_mx_failure": "useDefault"}
GET, PUT = "GetEmailIdentity", "PutEmailIdentityMailFromAttributes"
HOUR = timedelta(hours=1)


@pytest.fixture
def world(world):
    """One in whose DNS SES looks for MX records."""
    world.model._look_up_mx = lambda name: world.resolver.mx_records.get(name, ())
    return world


def in_ses(world):
    mail_from = world.identity().mail_from
    return mail_from.domain, mail_from.status, mail_from.on_mx_failure


def next_up(world, stored, **changes):
    """The calls of the next run, and what is stored then."""
    world.forget()
    world.next_run()
    stored = world.update(stored, 1, **changes)
    return world.calls(), stored


def test_refused_after_the_create(world):
    """The error says what SES has done before it, and never that nothing was changed."""
    world.publish(1)
    world.model.inject(Fault("access_denied", operation=PUT, times=ATTEMPTS))
    with raises("SesRefused") as caught:
        world.create(**REJECT)
    steps = caught.value.message.fields["steps"]
    assert steps == [AwsMessages.DONE_BEFORE(operations="CreateEmailIdentity")]


@pytest.mark.parametrize(
    "change",
    [
        {"domain": "", "status": "PENDING"},
        {"on_mx_failure": "REJECT_MESSAGE"},
        {"status": "FAILED"},
    ],
)
def test_drift(world, change):
    """A refresh says what somebody has changed, and the next run mends it."""
    world.resolver.mx_records[BOUNCE] = MX
    stored = world.created(**DEFAULT)
    world.clock.advance(HOUR)
    _, stored = next_up(world, stored, **DEFAULT)
    world.change(mail_from=replace(world.identity().mail_from, **change))
    drifted = world.read(stored)
    [warning] = world.progress.warnings
    assert BOUNCE in warning
    calls, _ = next_up(world, drifted, **DEFAULT)
    assert calls == [GET, PUT]
    world.clock.advance(HOUR)
    assert in_ses(world) == (BOUNCE, "SUCCESS", "USE_DEFAULT_VALUE")


def test_replaced_while_its_record_is_not_visible(world):
    """An identity that is replaced then keeps its MAIL FROM, and so does the one that follows."""
    world.resolver.mx_records[BOUNCE] = MX
    old = world.created(**REJECT)
    world.clock.advance(HOUR)
    _, old = next_up(world, old, **REJECT)
    records, world.resolver.records = world.resolver.records, {}
    waiting = world.create(**REJECT)
    world.delete(old)
    assert (waiting.key, in_ses(world)) == (None, (BOUNCE, "SUCCESS", "REJECT_MESSAGE"))
    world.resolver.records = records
    calls, stored = next_up(world, waiting, **REJECT)
    assert PUT not in calls
    assert (stored.mail_from_status, in_ses(world)[0]) == ("SUCCESS", BOUNCE)
