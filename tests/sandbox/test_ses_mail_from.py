"""The emulator's MAIL FROM: what SES takes, how long it searches, and whose name is in the envelope."""

from datetime import timedelta

import pytest

from sandbox.clock import SandboxClock
from sandbox.ses.model import SesModel
from sandbox.ses.rules import SesError
from sandbox.ses.switches import Switches
from tests.support.cases import cases

REGION, DOMAIN, BOUNCE = "eu-west-1", "example.com", "bounce.example.com"
RIGHT = ("10 feedback-smtp.eu-west-1.amazonses.com",)
OWN = "eu-west-1.amazonses.com"
HOUR = timedelta(hours=1)


class World:
    """An account with one verified identity, its DNS, and who sent the mail that arrived."""

    def __init__(self):
        self.mx, self.senders, self.clock = (), [], SandboxClock()
        self.ses = SesModel(
            look_up_txt=lambda _: (),
            look_up_mx=lambda _: self.mx,
            clock=self.clock,
            switches=Switches(requests_per_second=None, first_check_seconds=60),
            deliver=lambda sender, *_: self.senders.append(sender.partition("@")[2]),
        )
        self.ses.put_easy_dkim(DOMAIN, REGION)

    def put(self, **sent):
        self.ses.call("PutEmailIdentityMailFromAttributes", REGION, {"EmailIdentity": DOMAIN, **sent})

    def seen(self):
        found = self.ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})
        return found["MailFromAttributes"]

    def sender(self):
        body = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}
        sent = {"FromEmailAddress": f"a@{DOMAIN}", "Destination": {"ToAddresses": ["b@c.test"]}}
        self.ses.call("SendEmail", REGION, sent | {"Content": {"Simple": body}})
        return self.senders[-1]

    def after(self, mx, time):
        """Status, and whose name is in the envelope, some *time* after DNS has *mx*."""
        self.mx = mx
        self.clock.advance(time)
        return self.seen()["MailFromDomainStatus"], self.sender()


@pytest.fixture
def here():
    return World()


NO_SUB_DOMAIN = "Provided MAIL-FROM domain <{}> is not subdomain of the domain of the identity <example.com>."


@cases(
    ("sent", "text"),
    {
        "other domain": ({"MailFromDomain": "b.example.org"}, NO_SUB_DOMAIN.format("b.example.org")),
        "its own": ({"MailFromDomain": DOMAIN}, NO_SUB_DOMAIN.format(DOMAIN)),
        "no identity": ({"EmailIdentity": "other.test"}, "Identity <other.test> does not exist."),
        "reject alone": (
            {"BehaviorOnMxFailure": "REJECT_MESSAGE"},
            "REJECT_MESSAGE needs a MAIL-FROM domain.",
        ),
    },
)
def test_refused(here, sent, text):
    """Only a sub-domain can be the MAIL FROM domain of an identity."""
    with pytest.raises(SesError) as refused:
        here.put(**sent)
    assert (refused.value.code, refused.value.message) == ("BadRequestException", text)


def test_search(here):
    """It is used while SES has found its one MX record, and given up 72 hours after that is gone."""
    here.put(MailFromDomain=BOUNCE)
    assert here.after((), 120) == ("PENDING", OWN)
    assert here.after(("10 feedback-smtp.us-east-1.amazonses.com",), HOUR) == ("PENDING", OWN)
    assert here.after(RIGHT, HOUR) == ("SUCCESS", BOUNCE)
    assert here.after((*RIGHT, "20 mx.example.net"), HOUR) == ("TEMPORARY_FAILURE", OWN)
    assert here.after((), 72 * HOUR) == ("FAILED", OWN)
    assert here.after(RIGHT, 2 * HOUR) == ("FAILED", OWN)
    here.put(MailFromDomain=BOUNCE)
    assert here.after(None, 120) == ("TEMPORARY_FAILURE", OWN)
    assert here.after(RIGHT, HOUR) == ("SUCCESS", BOUNCE)
    here.put()
    assert here.seen() == {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}


def test_reject(here):
    """With REJECT_MESSAGE, SES sends nothing until it has found the record."""
    here.put(MailFromDomain=BOUNCE, BehaviorOnMxFailure="REJECT_MESSAGE")
    with pytest.raises(SesError, match="MailFromDomainNotVerified"):
        here.sender()
    assert here.after(RIGHT, 120) == ("SUCCESS", BOUNCE)
