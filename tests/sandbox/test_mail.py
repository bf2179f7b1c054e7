"""Mail through the emulated SES: with which key it is signed, what a receiver says, at once and later."""

import base64
import email
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.mail.client import send
from sandbox.mail.dns import Cache, Found
from sandbox.mail.sink import MailSink
from sandbox.mail.verdict import Verdict, judge
from sandbox.ses.identity import HeldKey, easy_dkim_keys
from sandbox.ses.model import SesModel
from sandbox.ses.sending import signed
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.sandbox.ses_client import CHECK_SECONDS, DOMAIN, REGION, answer_of, key
from tests.support.cases import cases
from tests.support.fakes import FakeClock

DAY = timedelta(days=1)
ONE, TWO = key("one"), key("two")
PASS_ONE, PASS_TWO = (Verdict("pass", "", DOMAIN, selector) for selector in ("one", "two"))
UNSIGNED = Verdict("unsigned")


class Sender:
    """Somebody who sends from one domain and rotates its key."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.ses = boto3.client(
            "sesv2",
            REGION,
            endpoint_url=sandbox.ses.url,
            aws_access_key_id=sandbox.aws.access_key,
            aws_secret_access_key=sandbox.aws.secret_key,
        )

    def publish(self, key):
        self.sandbox.dns.override(key.record_name, [key.p])

    def remove(self, key):
        self.sandbox.dns.override(key.record_name, [])

    def create(self, key, name=DOMAIN):
        self.ses.create_email_identity(EmailIdentity=name, DkimSigningAttributes=key.sent)

    def put(self, key):
        self.ses.put_email_identity_dkim_signing_attributes(
            EmailIdentity=DOMAIN, SigningAttributesOrigin="EXTERNAL", SigningAttributes=key.sent
        )

    def check(self):
        """SES makes its first check of DNS after a Create or Put."""
        self.sandbox.clock.advance(CHECK_SECONDS)

    def verdict(self, domain=DOMAIN):
        """What the receiver of a message sent now says."""
        return send(self.sandbox, domain, REGION).verdict

    def send(self, **parameters):
        """The message as it arrived, parsed."""
        self.ses.send_email(**parameters)
        return email.message_from_bytes(self.sandbox.mail.messages[-1].content)


@pytest.fixture(scope="module")
def _sandbox():
    with Sandbox() as sandbox:
        sandbox.add_zone(DOMAIN)
        yield sandbox


@pytest.fixture
def sandbox(_sandbox):
    """One for all tests here, with nothing left in it but the zone."""
    _sandbox.ses.switches = Switches(requests_per_second=None, first_check_seconds=CHECK_SECONDS)
    look_up = _sandbox.mail.look_up
    yield _sandbox
    _sandbox.mail.look_up = look_up
    for name in _sandbox.ses.identities(REGION):
        _sandbox.ses.remove(name, REGION)
    for used in (ONE, TWO):
        _sandbox.dns.override(used.record_name, None)
    _sandbox.dns.silence()
    _sandbox.mail.reset()
    _sandbox.clock.advance(DAY)  # whatever a resolver remembers is over


@pytest.fixture
def sender(sandbox):
    """A sender whose domain has been verified with the first key; the second one's record is there too."""
    sender = Sender(sandbox)
    sender.publish(ONE)
    sender.publish(TWO)
    sender.create(ONE)
    sender.check()
    yield sender
    sender.ses.close()


SIMPLE = {
    "FromEmailAddress": f"Jürgen <hello@{DOMAIN}>",
    "Destination": {"ToAddresses": ["to@elsewhere.test"], "BccAddresses": ["bcc@elsewhere.test"]},
    "ReplyToAddresses": [f"answers@{DOMAIN}"],
    "Content": {
        "Simple": {
            "Subject": {"Data": "Schöne Grüße"},
            "Body": {"Text": {"Data": "Ein Gruß\n.\nund " + "noch einer " * 200}, "Html": {"Data": "<p>ß"}},
            "Headers": [{"Name": "X-Campaign", "Value": "spring"}],
        }
    },
}
RAW = f"""From: hello@{DOMAIN}
To: to@elsewhere.test
Bcc: bcc@elsewhere.test
Message-ID: <mine@{DOMAIN}>
Date: Thu, 1 Jan 1970 00:00:00 +0000
Subject: hello

.
and good bye
""".encode()


def test_simple(sandbox, sender):
    """A message in parts arrives whole, signed by the domain with the key SES holds."""
    message = sender.send(**SIMPLE)
    (received,) = sandbox.mail.messages
    assert received.verdict == PASS_ONE
    assert received.recipients == ("to@elsewhere.test", "bcc@elsewhere.test")
    assert abs(sandbox.clock.now() - received.at) < timedelta(minutes=1)
    text, html = (part.get_payload(decode=True).decode() for part in message.get_payload())
    assert text.splitlines()[:2] == ["Ein Gruß", "."]
    assert html.startswith("<p>ß")
    assert (message["X-Campaign"], message["Reply-To"]) == ("spring", f"answers@{DOMAIN}")
    assert message["Bcc"] is None


def test_signature_looks_as_that_of_ses(sender):
    """SES signs relaxed/simple, and every header of the message that RFC 6376 advises to sign."""
    message = sender.send(**SIMPLE)
    tags = dict(tag.strip().split("=", 1) for tag in "".join(message["DKIM-Signature"].split()).split(";"))
    assert {"a": "rsa-sha256", "c": "relaxed/simple", "d": DOMAIN, "s": "one"}.items() <= tags.items()
    expected = {"date", "from", "message-id", "mime-version", "reply-to", "subject", "to", "content-type"}
    assert set(tags["h"].split(":")) == expected


def test_raw(sandbox, sender):
    """A raw message keeps its text, gets SES's own Message-ID and Date, and loses Bcc."""
    answer = sender.ses.send_email(Content={"Raw": {"Data": RAW}})
    (received,) = sandbox.mail.messages
    assert received.verdict == PASS_ONE
    assert received.id == answer["MessageId"]
    assert received.recipients == ("to@elsewhere.test", "bcc@elsewhere.test")
    message = email.message_from_bytes(received.content)
    assert message.get_payload() == ".\r\nand good bye\r\n"
    assert message["Message-ID"].strip() == f"<{answer['MessageId']}@{REGION}.amazonses.com>"
    assert "1970" not in message["Date"]
    assert message["Bcc"] is None


def test_log(sandbox, sender):
    """A SendEmail is in the log, under the sender's domain, and has no part in the rate of other actions."""
    sandbox.ses.switches.requests_per_second = 1
    sandbox.clock.advance(1)
    sandbox.ses.reset_log()
    for _ in range(3):
        sender.verdict()
    sender.ses.get_email_identity(EmailIdentity=DOMAIN)
    called = [(call.operation, call.domain, call.status_code) for call in sandbox.ses.log]
    assert called == [("SendEmail", DOMAIN, 200)] * 3 + [("GetEmailIdentity", DOMAIN, 200)]


def without(*names):
    return {name: value for name, value in SIMPLE.items() if name not in names}


NOT_VERIFIED = (
    "Email address is not verified. The following identities failed the check in region EU-WEST-1: "
)


@cases(
    ("parameters", "answer"),
    {
        "sender": (
            SIMPLE | {"FromEmailAddress": "a@example.net"},
            (400, "MessageRejected", NOT_VERIFIED + "a@example.net"),
        ),
        "header and envelope": (
            {
                "FromEmailAddress": "b@example.org",
                "Content": {"Raw": {"Data": RAW.replace(b".com", b".net")}},
            },
            (400, "MessageRejected", NOT_VERIFIED + "hello@example.net, b@example.org"),
        ),
        "no sender": (without("FromEmailAddress"), (400, "BadRequestException")),
        "no recipient": (without("Destination"), (400, "BadRequestException")),
        "template": (
            without("Content") | {"Content": {"Template": {"TemplateName": "t"}}},
            (400, "BadRequestException"),
        ),
        "attachment": (
            SIMPLE
            | {
                "Content": {
                    "Simple": SIMPLE["Content"]["Simple"]
                    | {"Attachments": [{"FileName": "a.txt", "RawContent": b"a"}]}
                }
            },
            (400, "BadRequestException"),
        ),
        "configuration set": (SIMPLE | {"ConfigurationSetName": "none"}, (404, "NotFoundException")),
    },
)
def test_refused(sandbox, sender, parameters, answer):
    """What SES does not send arrives nowhere, and the error says why."""
    assert answer == answer_of(sender.ses.send_email, **parameters)[: len(answer)]
    assert sandbox.mail.messages == ()


def test_new_domain_may_not_send(sandbox):
    """A domain sends only once its record was seen, and then from this Region only."""
    sender = Sender(sandbox)
    sender.publish(ONE)
    sender.create(ONE)
    with pytest.raises(ClientError, match="MessageRejected"):
        sender.verdict()
    sender.check()
    assert sender.verdict() == PASS_ONE
    with pytest.raises(ClientError, match="US-EAST-1"):
        send(sandbox, DOMAIN, "us-east-1")
    sender.ses.close()


def test_address_of_another_domain(sandbox, sender):
    """A verified address sends, unsigned where its domain has no identity."""
    sender.ses.create_email_identity(EmailIdentity="hello@example.net")
    sandbox.ses.change("hello@example.net", REGION, verification_status="SUCCESS")
    assert sender.verdict("example.net") == UNSIGNED


def test_easy_dkim(sandbox, sender):
    """An Easy DKIM domain is signed for with SES's own key, which passes if its record is there."""
    sandbox.ses.put_easy_dkim(DOMAIN, REGION)
    easy = easy_dkim_keys()[0]
    assert sender.verdict() == Verdict("fail", "no key record", DOMAIN, easy.selector)
    record = f"p={base64.b64encode(easy.public_der).decode()}"
    sandbox.dns.override(easy.record_name(DOMAIN), [record])
    assert sender.verdict() == Verdict("pass", "", DOMAIN, easy.selector)
    sandbox.dns.override(easy.record_name(DOMAIN), None)


@cases(
    ("switches", "after_put", "after_look"),
    {
        "nothing": ({"signs_while_pending": "nothing"}, UNSIGNED, PASS_TWO),
        "old": ({"signs_while_pending": "old"}, PASS_ONE, PASS_TWO),
        "new": ({"signs_while_pending": "new"}, PASS_TWO, PASS_TWO),
        "old lingers": ({"old_key_lingers_seconds": 5 * CHECK_SECONDS}, PASS_ONE, PASS_ONE),
        "old lingers, then new": (
            {"signs_while_pending": "new", "old_key_lingers_seconds": CHECK_SECONDS / 2},
            PASS_ONE,
            PASS_TWO,
        ),
        "status lies": ({"status_after_put": "SUCCESS"}, UNSIGNED, PASS_TWO),
    },
)
def test_switches(sandbox, sender, switches, after_put, after_look):
    """Mail in the switch-over window is signed as the emulator is told that SES signs it."""
    for name, value in switches.items():
        setattr(sandbox.ses.switches, name, value)
    assert sender.verdict() == PASS_ONE
    sender.put(TWO)
    assert sender.verdict() == after_put
    sender.check()
    assert sender.verdict() == after_look
    sandbox.clock.advance(10 * CHECK_SECONDS)
    assert sender.verdict() == PASS_TWO


def test_late_delivery(sandbox, sender):
    """Mail signed with the old key is good as long as the old record stands, however late it arrives."""
    before = sender.verdict()
    sender.put(TWO)
    sender.check()
    sandbox.clock.advance(3 * DAY)
    after = sender.verdict()
    assert [PASS_ONE, PASS_TWO] == [before, after]
    assert [PASS_ONE, PASS_TWO] == [late.verdict for late in sandbox.mail.verify_again(5 * DAY)]
    sandbox.clock.advance(1 * DAY)
    sender.remove(ONE)
    gone = Verdict("fail", "no key record", DOMAIN, "one")
    assert [gone, PASS_TWO] == [late.verdict for late in sandbox.mail.verify_again(5 * DAY)]
    assert [PASS_TWO] == [late.verdict for late in sandbox.mail.verify_again(2 * DAY)]
    assert [PASS_ONE, PASS_TWO] == [message.verdict for message in sandbox.mail.messages]


def test_silent_dns(sandbox, sender):
    """Servers that do not answer are told from a record that is gone."""
    sandbox.dns.silence("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
    assert sender.verdict() == Verdict("fail", "DNS does not answer", DOMAIN, "one")


def test_long_record_comes_by_tcp(sandbox, sender):
    """A receiver without EDNS gets a 2048-bit key under a long name all the same."""
    long, name = key("x" * 63, bits=2048), f"a-long-name.{DOMAIN}"
    sandbox.dns.override(f"{long.selector}._domainkey.{name}", [long.p])
    sender.create(long, name)
    sender.check()
    sandbox.dns.reset()
    assert sender.verdict(name) == Verdict("pass", "", name, long.selector)
    assert [False, True] == [query.tcp for query in sandbox.dns.queries]
    assert all(query.recursion_desired for query in sandbox.dns.queries)


@pytest.mark.parametrize("caching", [True, False])
def test_resolver_that_remembers_a_record(sandbox, sender, caching):
    """A removed record is good for as long as its TTL where a resolver remembers it."""
    if caching:
        sandbox.mail.look_up = Cache(sandbox.mail.look_up, sandbox.clock)
    sender.verdict()
    sender.remove(ONE)
    sandbox.clock.advance(299)
    assert sender.verdict().result == ("pass" if caching else "fail")
    sandbox.clock.advance(2)
    assert sender.verdict().reason == "no key record"


@pytest.mark.parametrize("caching", [True, False])
def test_resolver_that_remembers_no_record(sandbox, sender, caching):
    """A record that comes after a question for it stays unseen for the negative TTL, 15 minutes."""
    if caching:
        sandbox.mail.look_up = Cache(sandbox.mail.look_up, sandbox.clock)
    sender.remove(ONE)
    sender.verdict()
    sender.publish(ONE)
    (message,) = sandbox.mail.messages
    sandbox.clock.advance(899)
    assert sandbox.mail.verify_again(DAY)[0].verdict.result == ("fail" if caching else "pass")
    sandbox.clock.advance(2)
    assert sandbox.mail.verify_again(DAY)[0].verdict == PASS_ONE
    assert message.verdict.reason == "no key record"


CONTENT = b"From: a@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
SIGNED = signed(CONTENT, HeldKey.of("one", ONE.sent["DomainSigningPrivateKey"]), domain=DOMAIN)


@cases(
    ("content", "values", "verdict"),
    {
        "good": (SIGNED, [ONE.p], PASS_ONE),
        "tagged record": (SIGNED, [f"v=DKIM1; k=rsa; {ONE.p}"], PASS_ONE),
        "unsigned": (CONTENT, [ONE.p], UNSIGNED),
        "body changed": (SIGNED.replace(b"\r\nhello", b"\r\nhallo"), [ONE.p], "bad signature"),
        "header changed": (SIGNED.replace(b"Subject: hello", b"Subject: hallo"), [ONE.p], "bad signature"),
        "header added": (b"From: b@example.com\r\n" + SIGNED, [ONE.p], "bad signature"),
        "another key": (SIGNED, [TWO.p], "bad signature"),
        "no record": (SIGNED, [], "no key record"),
        "no answer": (SIGNED, None, "DNS does not answer"),
        "two records": (SIGNED, [ONE.p, TWO.p], "several key records"),
        "revoked": (SIGNED, ["p="], "no key in the record"),
        "another text": (SIGNED, ["hello"], "no key in the record"),
        "cut short": (SIGNED, [ONE.p[:-20]], "no key in the record"),
        "quoted": (SIGNED, [f'"{ONE.p}"'], "no key in the record"),
        "no selector": (SIGNED.replace(b"s=one", b"x=one"), [ONE.p], "bad syntax"),
        "no canonicalization": (SIGNED.replace(b"relaxed/simple", b"other/simple"), [ONE.p], "bad signature"),
    },
)
def test_verdict(content, values, verdict):
    """A message passes only as it was signed, and a failure has its reason."""
    found = Found(None if values is None else tuple(values))
    got = judge(content, lambda name: found if name == ONE.record_name else Found(()))
    assert verdict == (got if isinstance(verdict, Verdict) else got.reason)
    assert (got.result == "fail") == bool(got.reason)


def test_without_sockets():
    """Sender, SES and receiver can all be in one process, on a clock that only a test moves."""
    clock, records = FakeClock(), {ONE.record_name: (ONE.p,)}
    sink = MailSink(look_up=lambda name: Found(records.get(name, ())), clock=clock)
    ses = SesModel(look_up_txt=lambda name: records.get(name, ()), clock=clock, deliver=sink.receive)
    ses.call("CreateEmailIdentity", REGION, {"EmailIdentity": DOMAIN, "DkimSigningAttributes": ONE.sent})
    clock.advance(Switches().first_check_seconds)
    ses.call("SendEmail", REGION, SIMPLE)
    records.clear()
    clock.advance(DAY)
    assert [PASS_ONE] == [message.verdict for message in sink.messages]
    assert ["no key record"] == [message.verdict.reason for message in sink.verify_again(DAY)]
