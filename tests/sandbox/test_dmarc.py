"""What the mail sink's DMARC verdict says of a message, by the libraries that judge it."""

from datetime import UTC, datetime

from sandbox.mail.dmarc import DmarcVerdict, judge_dmarc
from sandbox.mail.dns import Found
from sandbox.mail.sink import Message
from sandbox.mail.verdict import Verdict
from tests.support.cases import cases

DOMAIN, BOUNCE, OWN = "example.com", "bounce.example.com", "eu-west-1.amazonses.com"
INCLUDE, ALL = ("v=spf1 include:amazonses.com ~all",), ("v=spf1 ip4:127.0.0.0/8 -all",)
REJECT = ("v=DMARC1; p=reject; adkim=s; aspf=r",)


@cases(
    ("sender", "signed", "policy", "expected"),
    {
        "twice": (BOUNCE, True, REJECT, ("pass", True, True, "none")),
        "unsigned": (BOUNCE, False, REJECT, ("pass", True, False, "none")),
        "neither": (OWN, False, REJECT, ("pass", False, False, "reject")),
        "no policy": (OWN, False, (), ("pass", False, False, "none")),
    },
)
def test_verdict(sender, signed, policy, expected):
    """
    Either alignment is enough, whatever the policy; SPF counts for the envelope's sender alone.
    """
    records = {"_dmarc.example.com": policy, BOUNCE: INCLUDE, "amazonses.com": ALL, OWN: ALL}
    content = f"From: Hello <hello@{DOMAIN}>\r\n\r\nAll is well.\r\n".encode()
    verdict = Verdict("pass", domain=DOMAIN) if signed else Verdict("unsigned")
    message = Message(datetime.now(UTC), f"1@{sender}", content, verdict)
    found = judge_dmarc(message, lambda name: Found(records.get(name, ()), 0))
    assert found == DmarcVerdict(*expected)
