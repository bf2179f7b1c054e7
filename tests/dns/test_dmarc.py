"""What DMARC makes of a domain's mail is read from its record, or from that of a parent."""

from byodkim_provider.dns import dmarc
from byodkim_provider.dns.dmarc import Policy, lookup, parse
from tests.support.cases import cases
from tests.support.fakes import FakeResolver

DOMAIN = "news.example.com"


@cases(
    ("records", "expected"),
    {
        "no record": ({}, None),
        "another record": ({f"_dmarc.{DOMAIN}": ("v=spf1 -all",)}, None),
        "not of a top-level domain": ({"_dmarc.com": ("v=DMARC1; p=reject",)}, None),
        "several count as none": ({f"_dmarc.{DOMAIN}": ("v=DMARC1; p=reject", "v=DMARC1; p=none")}, None),
        "its own": ({f"_dmarc.{DOMAIN}": ("v=DMARC1; p=reject",)}, Policy(DOMAIN, "reject", "r", "r")),
        "any spelling": (
            {f"_dmarc.{DOMAIN}": ("V = DMARC1;P=Reject;ADKIM=S;aspf=s",)},
            Policy(DOMAIN, "reject", "s", "s"),
        ),
        "unknown values": (
            {f"_dmarc.{DOMAIN}": ("v=DMARC1; p=later; adkim=x",)},
            Policy(DOMAIN, "none", "r", "r"),
        ),
        "of the parent": (
            {"_dmarc.example.com": ("v=DMARC1; p=reject",)},
            Policy("example.com", "reject", "r", "r"),
        ),
        "the parent's for sub-domains": (
            {"_dmarc.example.com": ("v=DMARC1; p=reject; sp=quarantine",)},
            Policy("example.com", "quarantine", "r", "r"),
        ),
    },
)
def test_lookup(records, expected):
    """The nearest record holds; a parent's has a policy for sub-domains."""
    resolver = FakeResolver()
    resolver.records.update(records)
    assert expected == lookup(resolver, DOMAIN)


def policy(**modes):
    return Policy("example.com", "none", modes.get("adkim", "r"), modes.get("aspf", "r"))


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


def test_nothing_quoted():
    """What somebody pasted into the record is not shown."""
    pasted = parse("v=DMARC1; p=MIIEvQIBADANBgkq; adkim=MIIE", at=DOMAIN, domain=DOMAIN)
    assert Policy(DOMAIN, "none", "r", "r") == pasted
