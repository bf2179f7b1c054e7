"""If this fails, mail that DMARC refuses is called well, or a right record wrong."""

from byodkim_provider.dns import dmarc
from byodkim_provider.dns.dmarc import Policy, lookup, mail_from_mistakes
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.messages.cli import MailFromMessages as F
from tests.support.cases import cases
from tests.support.fakes import FakeResolver

DOMAIN, PARENT = "news.example.com", "example.com"


@cases(
    ("at", "values", "expected"),
    {
        "no record": ("", (), None),
        "another record": (DOMAIN, ("v=spf1 -all",), None),
        "not of a top-level domain": ("com", ("v=DMARC1; p=reject",), None),
        "several count as none": (DOMAIN, ("v=DMARC1; p=reject", "v=DMARC1; p=none"), None),
        "its own": (DOMAIN, ("v=DMARC1; p=reject",), Policy(DOMAIN, "reject", "r", "r")),
        "any spelling": (
            DOMAIN,
            ("V = DMARC1;P=Reject;ADKIM=S;aspf=s",),
            Policy(DOMAIN, "reject", "s", "s"),
        ),
        # What somebody pasted into the record is not shown.
        "unknown values": (
            DOMAIN,
            ("v=DMARC1; p=MIIEvQ; adkim=MIIE",),
            Policy(DOMAIN, "none", "r", "r"),
        ),
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


NOT_EXAMPLE, FAILED = "b.example.com, not example.com (aspf=s)", "b.example.com, SES says FAILED"


@cases(
    ("aspf", "mail_from", "status", "expected"),
    {
        "SES's own": ("r", "", "", "does not fit: MAIL FROM is amazonses.com"),
        "relaxed": (
            "r",
            "b.example.com",
            "SUCCESS",
            "fits: MAIL FROM is b.example.com, SUCCESS (aspf=r)",
        ),
        "strict": ("s", "b.example.com", "SUCCESS", f"does not fit: MAIL FROM is {NOT_EXAMPLE}"),
        "no MX record": (
            "r",
            "b.example.com",
            "FAILED",
            f"does not fit: MAIL FROM is to be {FAILED}",
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


# MAIL FROM

NAME, REGION = "b.example.com", "eu-west-1"
MX = "10 feedback-smtp.eu-west-1.amazonses.com"
SPF = "v=spf1 include:amazonses.com ~all"


class Dns:
    """Two servers; the second one is silent."""

    def __init__(self, mx, txt, target=""):
        self.values, self.target = {"MX": mx, "TXT": txt}, target

    def mx(self, name, domain, kind="MX"):
        assert (name, domain) == (NAME, "example.com")
        return Answer("ns1", self.values[kind], target=self.target), Answer("ns2", None, "silent")

    def txt(self, name, domain):
        return self.mx(name, domain, "TXT")


@cases(
    ("mx", "txt", "expected"),
    {
        "right": ([MX], [SPF], []),
        "other spelling": (
            [f"5 {MX[3:].upper()}."],
            ["v=spf1 include:amazonses.com -all", "site=1"],
            [],
        ),
        "other qualifier": ([MX], ["v=spf1 ?include:amazonses.com ~all"], [F.OTHER_SPF]),
        "by another record": ([MX], ["v=spf1 include:_spf.example.com ~all"], []),
        "by redirection": ([MX], ["v=spf1 redirect=_spf.example.com"], []),
        "silence": (None, None, []),
        "nothing": ([], [], [F.NO_MX, F.NO_SPF]),
        "other Region": (["10 feedback-smtp.us-east-1.amazonses.com"], [SPF], [F.OTHER_REGION]),
        "receives too": ([MX, "20 mx.example.net"], [SPF], [F.RECEIVES]),
        "taken": (["10 mx.example.net"], ["v=spf1 mx -all"], [F.RECEIVES, F.OTHER_SPF]),
        "null MX": (["0 ."], [SPF], [F.NO_MX]),
        "not SPF": ([MX], ["v=spf10 include:amazonses.com"], [F.NO_SPF]),
    },
)
def test_mistakes_of_mail_from(mx, txt, expected):
    """Each mistake has a name of its own, and other spellings are none."""
    found = mail_from_mistakes(Dns(mx, txt), "example.com", {REGION: NAME})[REGION].values()
    assert [one.code for one in found] == expected
    assert all(NAME in str(one) for one in found)


def test_cname_at_mail_from():
    """No other record can stand beside a CNAME."""
    found = mail_from_mistakes(Dns([], [], "elsewhere.test"), "example.com", {REGION: NAME})
    (found,) = found[REGION].values()
    assert str(found) == str(F.TAKEN(name=NAME, target="elsewhere.test"))
