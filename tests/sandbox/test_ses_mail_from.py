"""The emulator's MAIL FROM: what SES takes, how long it searches, and whose name is in the envelope."""

from datetime import timedelta

import pytest

from sandbox.clock import SandboxClock
from sandbox.ses.model import SesModel
from sandbox.ses.rules import SesError
from sandbox.ses.switches import Switches

REGION, DOMAIN, BOUNCE = "eu-west-1", "example.com", "bounce.example.com"
RIGHT = ("10 feedback-smtp.eu-west-1.amazonses.com",)
PUT = "PutEmailIdentityMailFromAttributes"


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
        self.ses.call(PUT, REGION, {"EmailIdentity": DOMAIN, **sent})

    def seen(self):
        found = self.ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})
        return found["MailFromAttributes"]

    def status(self, after):
        self.clock.advance(after)
        return self.seen()["MailFromDomainStatus"]

    def sender(self):
        body = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}
        sent = {"FromEmailAddress": f"a@{DOMAIN}", "Destination": {"ToAddresses": ["b@c.test"]}}
        self.ses.call("SendEmail", REGION, sent | {"Content": {"Simple": body}})
        return self.senders[-1]


@pytest.fixture
def here():
    return World()


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (
            {"MailFromDomain": "bounce.example.org"},
            "Provided MAIL-FROM domain <bounce.example.org> is not subdomain of the domain of the identity "
            "<example.com>.",
        ),
        (
            {"MailFromDomain": DOMAIN},
            "Provided MAIL-FROM domain <example.com> is not subdomain of the domain of the identity "
            "<example.com>.",
        ),
        ({"EmailIdentity": "other.test"}, "Identity <other.test> does not exist."),
        ({"BehaviorOnMxFailure": "REJECT_MESSAGE"}, "REJECT_MESSAGE needs a MAIL-FROM domain."),
    ],
)
def test_refused(here, sent, text):
    """Only a sub-domain can be the MAIL FROM domain of an identity."""
    with pytest.raises(SesError) as refused:
        here.put(**sent)
    assert (refused.value.code, refused.value.message) == ("BadRequestException", text)


def test_search(here):
    """It is used while SES has found its one MX record, and given up 72 hours after that is gone."""
    here.put(MailFromDomain=BOUNCE)
    assert here.status(120) == "PENDING"
    assert here.sender() == "eu-west-1.amazonses.com"
    here.mx = RIGHT
    assert here.status(timedelta(hours=1)) == "SUCCESS"
    assert here.sender() == BOUNCE
    here.mx = (*RIGHT, "20 mx.example.net")
    assert here.status(timedelta(hours=1)) == "TEMPORARY_FAILURE"
    assert here.sender() == "eu-west-1.amazonses.com"
    assert here.status(timedelta(hours=72)) == "FAILED"
    here.mx = RIGHT
    assert here.status(timedelta(hours=2)) == "FAILED"
    here.put(MailFromDomain=BOUNCE)
    assert here.status(120) == "SUCCESS"
    here.put()
    assert here.seen() == {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}


def test_other_region_and_silence(here):
    """An MX record of another Region is none, and no answer says nothing."""
    here.mx = ("10 feedback-smtp.us-east-1.amazonses.com",)
    here.put(MailFromDomain=BOUNCE)
    assert here.status(120) == "PENDING"
    here.mx = None
    assert here.status(timedelta(hours=2)) == "TEMPORARY_FAILURE"


def test_reject(here):
    """With REJECT_MESSAGE, SES sends nothing until it has found the record."""
    here.put(MailFromDomain=BOUNCE, BehaviorOnMxFailure="REJECT_MESSAGE")
    with pytest.raises(SesError, match="MailFromDomainNotVerified"):
        here.sender()
    here.mx = RIGHT
    assert here.status(120) == "SUCCESS"
    assert here.sender() == BOUNCE
