"""If this fails, the sandbox calls mail signed that no receiver would, and tests prove nothing."""

import email
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from sandbox.mail.client import send
from sandbox.mail.dns import Found
from sandbox.mail.verdict import Verdict, judge
from sandbox.ses.identity import HeldKey
from sandbox.ses.sending import signed
from sandbox.ses.switches import Switches
from tests.sandbox.ses_client import CHECK_SECONDS, DOMAIN, REGION, key
from tests.support.cases import cases

ONE, TWO = key("one"), key("two")
PASS_ONE, UNSIGNED = Verdict("pass", "", DOMAIN, "one"), Verdict("unsigned")


class Sender:
    """Somebody who sends from one domain."""

    def __init__(self, sandbox):
        self.sandbox = sandbox

    def call(self, operation, parameters):
        return self.sandbox.ses.call(operation, REGION, parameters)

    def check(self):
        """SES makes its first check of DNS after a Create or Put."""
        self.sandbox.clock.advance(CHECK_SECONDS)

    def verdict(self, domain=DOMAIN):
        """What the receiver of a message sent now says."""
        return send(self.sandbox, domain, REGION).verdict


@pytest.fixture
def sender(sandbox):
    """A sender whose key has a record."""
    sandbox.add_zone(DOMAIN)
    sandbox.ses.switches = Switches(requests_per_second=None, first_check_seconds=CHECK_SECONDS)
    sandbox.dns.override(ONE.record_name, [ONE.p])
    sender = Sender(sandbox)
    key = {"DkimSigningAttributes": ONE.sent}
    sender.call("CreateEmailIdentity", {"EmailIdentity": DOMAIN, **key})
    return sender


PARTS = {
    "Subject": {"Data": "Schöne Grüße"},
    "Body": {"Text": {"Data": "Ein Gruß\n.\nund " + "noch einer " * 200}},
}
SIMPLE = {
    "FromEmailAddress": f"Jürgen <hello@{DOMAIN}>",
    "Destination": {"ToAddresses": ["to@elsewhere.test"]},
    "Content": {"Simple": PARTS},
}


def test_message(sandbox, sender):
    """
    A message arrives whole, signed by the domain with the key SES holds.

    SES signs relaxed/simple, and every header of the message that RFC 6376 advises to sign.
    """
    sender.check()
    answer = sender.call("SendEmail", SIMPLE)
    (received,) = sandbox.mail.messages
    message = email.message_from_bytes(received.content)
    assert (received.verdict, received.id) == (PASS_ONE, answer["MessageId"])
    assert abs(sandbox.clock.now() - received.at) < timedelta(minutes=1)
    text = message.get_payload(decode=True).decode()
    assert text.splitlines()[:2] == ["Ein Gruß", "."]
    tags = dict(
        tag.strip().split("=", 1) for tag in "".join(message["DKIM-Signature"].split()).split(";")
    )
    signature = {"a": "rsa-sha256", "c": "relaxed/simple", "d": DOMAIN, "s": "one"}
    assert signature.items() <= tags.items()
    signed_headers = (
        "date from message-id mime-version subject to content-type content-transfer-encoding"
    )
    assert set(tags["h"].split(":")) == set(signed_headers.split())


def test_who_may_send(sandbox, sender):
    """
    A domain sends once its record was seen, from this Region only; a verified address does,
    unsigned.
    """
    with pytest.raises(ClientError, match="MessageRejected"):
        sender.verdict()
    sender.check()
    assert sender.verdict() == PASS_ONE
    with pytest.raises(ClientError, match="US-EAST-1"):
        send(sandbox, DOMAIN, "us-east-1")
    sender.call("CreateEmailIdentity", {"EmailIdentity": "hello@example.net"})
    sandbox.ses.change("hello@example.net", REGION, verification_status="SUCCESS")
    assert sender.verdict("example.net") == UNSIGNED


CONTENT = b"From: a@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
SIGNED = signed(CONTENT, HeldKey.of("one", ONE.sent["DomainSigningPrivateKey"]), domain=DOMAIN)


@cases(
    ("content", "values", "verdict"),
    {
        "good": (SIGNED, [ONE.p], PASS_ONE),
        "unsigned": (CONTENT, [ONE.p], UNSIGNED),
        "body changed": (SIGNED.replace(b"\r\nhello", b"\r\nhallo"), [ONE.p], "bad signature"),
        "another key": (SIGNED, [TWO.p], "bad signature"),
        "no record": (SIGNED, [], "no key record"),
        "no answer": (SIGNED, None, "DNS does not answer"),
        "two records": (SIGNED, [ONE.p, TWO.p], "several key records"),
        "revoked": (SIGNED, ["p="], "no key in the record"),
    },
)
def test_verdict(content, values, verdict):
    """A message passes only as it was signed, and a failure has its reason."""
    found = Found(None if values is None else tuple(values))
    got = judge(content, lambda name: found if name == ONE.record_name else Found(()))
    assert verdict == (got if isinstance(verdict, Verdict) else got.reason)
    assert (got.result == "fail") == bool(got.reason)
