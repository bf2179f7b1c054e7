"""
The emulator's MAIL FROM: what SES takes, how long it searches, and whose name is in the envelope.
"""

from datetime import timedelta

import pytest

from sandbox.ses.rules import SesError
from tests.sandbox.ses_client import DOMAIN, REGION

BOUNCE, OWN = "bounce.example.com", "eu-west-1.amazonses.com"
RIGHT = ("10 feedback-smtp.eu-west-1.amazonses.com",)
HOUR = timedelta(hours=1)


class Sender:
    """Somebody who sends from one verified identity."""

    def __init__(self, here):
        self.here = here
        here.ses.put_easy_dkim(DOMAIN, REGION)

    def put(self, **sent):
        self.here.ses.call(
            "PutEmailIdentityMailFromAttributes", REGION, {"EmailIdentity": DOMAIN, **sent}
        )

    def sender(self):
        """Whose name is in the envelope of a message sent now."""
        body = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}
        sent = {"FromEmailAddress": f"a@{DOMAIN}", "Destination": {"ToAddresses": ["b@c.test"]}}
        self.here.ses.call("SendEmail", REGION, sent | {"Content": {"Simple": body}})
        return self.here.senders[-1]

    def after(self, mx, time):
        """Status and envelope some *time* after DNS has *mx*."""
        self.here.mx = mx
        self.here.clock.advance(time)
        return self.here.get()["MailFromAttributes"]["MailFromDomainStatus"], self.sender()


@pytest.fixture
def sender(here):
    return Sender(here)


def test_search(sender):
    """
    It is used while SES has found its one MX record, and given up 72 hours after that is gone.
    """
    sender.put(MailFromDomain=BOUNCE)
    assert sender.after((), 120) == ("PENDING", OWN)
    assert sender.after(("10 feedback-smtp.us-east-1.amazonses.com",), HOUR) == ("PENDING", OWN)
    assert sender.after(RIGHT, HOUR) == ("SUCCESS", BOUNCE)
    assert sender.after((*RIGHT, "20 mx.example.net"), HOUR) == ("TEMPORARY_FAILURE", OWN)
    assert sender.after((), 72 * HOUR) == ("FAILED", OWN)
    assert sender.after(RIGHT, 2 * HOUR) == ("FAILED", OWN)
    sender.put(MailFromDomain=BOUNCE)
    assert sender.after(None, 120) == ("TEMPORARY_FAILURE", OWN)
    assert sender.after(RIGHT, HOUR) == ("SUCCESS", BOUNCE)
    sender.put()
    assert sender.here.get()["MailFromAttributes"] == {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}


def test_reject(sender):
    """With REJECT_MESSAGE, SES sends nothing until it has found the record."""
    sender.put(MailFromDomain=BOUNCE, BehaviorOnMxFailure="REJECT_MESSAGE")
    with pytest.raises(SesError, match="MailFromDomainNotVerified"):
        sender.sender()
    assert sender.after(RIGHT, 120) == ("SUCCESS", BOUNCE)
