"""What DMARC makes of a domain's mail is read from its record, or from that of a parent."""

from byodkim_provider.dns import dmarc
from byodkim_provider.dns.dmarc import Policy, lookup
from tests.support.cases import cases
from tests.support.fakes import FakeResolver

DOMAIN = "news.example.com"


PARENT = "example.com"


@cases(
    ("at", "values", "expected"),
    {
        "no record": ("", (), None),
        "another record": (DOMAIN, ("v=spf1 -all",), None),
        "not of a top-level domain": ("com", ("v=DMARC1; p=reject",), None),
        "several count as none": (DOMAIN, ("v=DMARC1; p=reject", "v=DMARC1; p=none"), None),
        "its own": (DOMAIN, ("v=DMARC1; p=reject",), Policy(DOMAIN, "reject", "r", "r")),
        "any spelling": (DOMAIN, ("V = DMARC1;P=Reject;ADKIM=S;aspf=s",), Policy(DOMAIN, "reject", "s", "s")),
        # What somebody pasted into the record is not shown.
        "unknown values": (DOMAIN, ("v=DMARC1; p=MIIEvQ; adkim=MIIE",), Policy(DOMAIN, "none", "r", "r")),
        "of the parent": (PARENT, ("v=DMARC1; p=reject",), Policy(PARENT, "reject", "r", "r")),
        "the parent's for sub-domains": (
            *(PARENT, ("v=DMARC1; p=reject; sp=quarantine",)),
            Policy(PARENT, "quarantine", "r", "r"),
        ),
    },
)
def test_lookup(at, values, expected):
    """The nearest record holds; a parent's has a policy for sub-domains."""
    resolver = FakeResolver()
    resolver.records[f"_dmarc.{at}"] = values
    assert lookup(resolver, DOMAIN) == expected


def policy(adkim="r", aspf="r"):
    return Policy("example.com", "none", adkim, aspf)


@cases(
    ("aspf", "mail_from", "status", "expected"),
    {
        "SES's own": ("r", "", "", "does not fit: MAIL FROM is amazonses.com"),
        "relaxed": ("r", "b.example.com", "SUCCESS", "fits: MAIL FROM is b.example.com, SUCCESS (aspf=r)"),
        "strict": (
            "s",
            "b.example.com",
            "SUCCESS",
            "does not fit: MAIL FROM is b.example.com, not example.com (aspf=s)",
        ),
        "its MX record is missing": (
            "r",
            "b.example.com",
            "FAILED",
            "does not fit: MAIL FROM is to be b.example.com, SES says FAILED",
        ),
    },
)
def test_spf(aspf, mail_from, status, expected):
    """SPF fits if MAIL FROM is a domain of the sender's own, and strictly never."""
    assert expected == dmarc.spf(policy(aspf=aspf), "example.com", mail_from, status)


def test_dkim():
    """A strict policy wants an identity for each sub-domain."""
    assert "example.com and its sub-domains (adkim=r)" in dmarc.dkim_line(policy(), "example.com")
    assert "not from its sub-domains" in dmarc.dkim_line(policy(adkim="s"), "example.com")
