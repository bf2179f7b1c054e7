"""What the mail sink's DMARC verdict says of a message, by the libraries that judge it."""

from datetime import UTC, datetime

from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import Found
from sandbox.mail.sink import Message
from sandbox.mail.verdict import Verdict
from tests.support.cases import cases

DOMAIN, BOUNCE = "example.com", "bounce.example.com"
INCLUDE = "v=spf1 include:amazonses.com ~all"
SIGNED, UNSIGNED = Verdict("pass", domain=DOMAIN), Verdict("unsigned")


def judged(sender, verdict, *, policy=(), spf=(INCLUDE,)):
    records = {
        "_dmarc.example.com": policy,
        BOUNCE: spf,
        "amazonses.com": ("v=spf1 ip4:127.0.0.0/8 -all",),
        "eu-west-1.amazonses.com": ("v=spf1 ip4:127.0.0.0/8 -all",),
    }
    content = f"From: Hello <hello@{DOMAIN}>\r\n\r\nAll is well.\r\n".encode()
    message = Message(datetime.now(UTC), sender, ("a@b.test",), content, verdict)
    found = judge_dmarc(message, lambda name: Found(records.get(name, ()), 0))
    return found.spf, found.spf_aligned, found.dkim_aligned, found.disposition


REJECT = ("v=DMARC1; p=reject; adkim=s; aspf=r",)


@cases(
    ("sender", "verdict", "records", "expected"),
    {
        "twice": (f"1@{BOUNCE}", SIGNED, {"policy": REJECT}, ("pass", True, True, "none")),
        "unsigned": (f"1@{BOUNCE}", UNSIGNED, {"policy": REJECT}, ("pass", True, False, "none")),
        "SES's own": ("1@eu-west-1.amazonses.com", SIGNED, {"policy": REJECT}, ("pass", False, True, "none")),
        "neither": (
            "1@eu-west-1.amazonses.com",
            UNSIGNED,
            {"policy": REJECT},
            ("pass", False, False, "reject"),
        ),
        "strict": (
            f"1@{BOUNCE}",
            UNSIGNED,
            {"policy": ("v=DMARC1; p=quarantine; aspf=s",)},
            ("pass", False, False, "quarantine"),
        ),
        "no SPF": (f"1@{BOUNCE}", UNSIGNED, {"policy": REJECT, "spf": ()}, ("none", False, False, "reject")),
        "SPF twice": (
            f"1@{BOUNCE}",
            UNSIGNED,
            {"policy": REJECT, "spf": (INCLUDE, INCLUDE)},
            ("permerror", False, False, "reject"),
        ),
        "silence": (
            f"1@{BOUNCE}",
            UNSIGNED,
            {"policy": REJECT, "spf": None},
            ("temperror", False, False, "reject"),
        ),
        "no policy": ("1@eu-west-1.amazonses.com", UNSIGNED, {}, ("pass", False, False, "none")),
    },
)
def test_verdict(sender, verdict, records, expected):
    """Either alignment is enough, whatever the policy; SPF counts for the envelope's sender alone."""
    assert judged(sender, verdict, **records) == expected
