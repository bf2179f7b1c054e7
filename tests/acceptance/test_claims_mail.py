"""Bursts, and mail, before a SES that is awkward: neither is taken for what it is not."""

import pytest
from botocore.exceptions import ClientError

from sandbox.ses.switches import Fault, Switches
from tests.acceptance.direct import world
from tests.acceptance.errors import Unanswered
from tests.acceptance.observing import HOUR, UNKNOWN
from tests.acceptance.prober import BURST, MOST_CALLS, another_action, rate
from tests.acceptance.probes_first import first_key
from tests.acceptance.probes_mail import mail_while_pending
from tests.acceptance.product import MAIL_OF_PROBER
from tests.acceptance.test_claims import PUT, found_by


class Bucket:
    """A service that saves up *size* calls, and throttles above *rate* calls a second."""

    def __init__(self, outside, size, rate):
        self.now, self.size, self.rate = outside.now, size, rate
        self.calls, self.left, self.at = 0, size, outside.now()

    def __call__(self, action, _, call):
        self.calls += 1
        now = self.now()
        self.left, self.at = min(self.size, self.left + (now - self.at) * self.rate), now
        if self.left < 1:
            metadata = {"HTTPStatusCode": 429}
            raise ClientError({"Error": {"Code": "x"}, "ResponseMetadata": metadata}, action)
        self.left -= 1
        return call()


@pytest.mark.parametrize("per_second", [1, 2, 5, 10])
@pytest.mark.parametrize("size", [1, 4, 7, 25, 45])
def test_rate_with_a_burst(per_second, size):
    """What SES lets through in a burst is no rate; few calls are enough to tell."""
    with world(Switches(requests_per_second=None)) as outside:
        bucket = Bucket(outside, size, per_second)
        found = found_by(outside, rate, another_action, change=bucket)
    assert found["requests_per_second"] == per_second
    assert found["calls at once before one was throttled"] == size
    assert bucket.calls <= MOST_CALLS + 2 == 70


def test_rate_with_a_slow_connection():
    """Calls that could not be made fast enough show no rate."""
    with world(Switches(requests_per_second=None)) as outside:

        def change(_, __, call):
            outside.wait(0.3)
            return call()

        found = found_by(outside, rate, change=change)
    assert found["requests_per_second"] == UNKNOWN
    assert found["calls at once before one was throttled"] == f"over {BURST}"


@pytest.mark.parametrize(("at_first", "then"), [("nothing", "old"), ("new", "nothing"), ("nothing", "new")])
@pytest.mark.parametrize("lingers", [0, 60])
def test_signatures_that_change(at_first, then, lingers):
    """Mail is signed in one way while the key is pending, or it is not known how."""
    switches = Switches(signs_while_pending=at_first, old_key_lingers_seconds=lingers)
    with world(switches) as outside:
        put = []

        def change(action, _, call):
            put.extend([outside.now()] if action == PUT else [])
            if put and outside.now() > put[0] + 700:
                switches.signs_while_pending = then
            return call()

        send = lambda domain: change("", {}, lambda: outside_send(domain))  # noqa: E731
        outside_send, outside.send = outside.send, send
        found = found_by(outside, mail_while_pending, change=change)
    assert set(found.values()) == {UNKNOWN}


def test_old_key_for_hours():
    """A key that lingers for hours is not taken for the one that signs while another is pending."""
    with world(Switches(old_key_lingers_seconds=3 * HOUR)) as outside:
        found = found_by(outside, mail_while_pending)
    assert found == {
        "signs_while_pending": "nothing",
        "old_key_lingers_seconds": UNKNOWN,
        "seconds that the old key lingers": "at least 7200, at most 86402",
    }


def test_old_key_beside_the_new_one():
    """How long the old key lingers counts from the Put, not from the first message after it."""
    with world(Switches(signs_while_pending="old", old_key_lingers_seconds=765)) as outside:
        found = found_by(outside, first_key, mail_while_pending)
    assert (found["signs_while_pending"], found["old_key_lingers_seconds"]) == ("old", 900)


@pytest.mark.parametrize("seconds", [50, 800, 5000])
def test_mail_that_bounces(seconds):
    """Once a message is lost no more are sent, and nothing is claimed of signatures."""
    with world(Switches(old_key_lingers_seconds=60)) as outside:
        send, put, lost = outside.send, [], []

        def change(action, _, call):
            put.extend([outside.now()] if action == PUT else [])
            return call()

        def bounce(domain):
            if put and outside.now() > put[0] + seconds:
                lost.append(domain)
                raise Unanswered("it did not arrive")
            return send(domain)

        outside.send = bounce
        found = found_by(outside, mail_while_pending, change=change)
    assert list(found) == ["not known: mail while pending"]
    assert len(lost) == 1


def test_put_that_is_sent_again():
    """A Put whose response is lost has its effect before the one that is answered."""
    with world(Switches(old_key_lingers_seconds=60)) as outside:
        fault = Fault("drop", "after", "PutEmailIdentityDkimSigningAttributes", times=6)
        outside.ses.model.inject(fault)
        found = found_by(outside, mail_while_pending)
    assert found == {
        "signs_while_pending": "nothing",
        "old_key_lingers_seconds": UNKNOWN,
        "seconds that the old key lingers": "at least 54, at most 130",
    }


def test_not_too_much_mail():
    """The prober sends no more messages than it asks the account's quota for."""
    with world(Switches(signs_while_pending="old", old_key_lingers_seconds=600)) as outside:
        sent, send = [], outside.send
        outside.send = lambda domain: sent.append(domain) or send(domain)
        found_by(outside, first_key, mail_while_pending)
    assert MAIL_OF_PROBER / 2 < len(sent) <= MAIL_OF_PROBER
