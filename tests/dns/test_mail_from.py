"""What is wrong with the two records of a MAIL FROM domain is named, and other spellings are not wrong."""

from byodkim_provider.dns.dmarc import mail_from_mistakes
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.messages.cli import FindingMessages
from tests.support.cases import cases

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
        "other spelling": ([f"5 {MX[3:].upper()}."], ["v=spf1 include:amazonses.com -all", "site=1"], []),
        "silence": (None, None, []),
        "nothing": ([], [], [FindingMessages.NO_MX, FindingMessages.NO_SPF]),
        "both twice": (
            [MX, MX.replace("10", "20")],
            [SPF, "v=spf1 -all"],
            [FindingMessages.TWO_MX, FindingMessages.TWO_SPF],
        ),
        "other Region": (["10 feedback-smtp.us-east-1.amazonses.com"], [SPF], [FindingMessages.OTHER_REGION]),
        "receives too": ([MX, "20 mx.example.net"], [SPF], [FindingMessages.RECEIVES]),
        "taken": (
            ["10 mx.example.net"],
            ["v=spf1 mx -all"],
            [FindingMessages.RECEIVES, FindingMessages.OTHER_SPF],
        ),
        "null MX": (["0 ."], [SPF], [FindingMessages.NO_MX]),
        "not SPF": ([MX], ["v=spf10 include:amazonses.com"], [FindingMessages.NO_SPF]),
    },
)
def test_mistakes(mx, txt, expected):
    """Each mistake has a name of its own."""
    found = mail_from_mistakes(Dns(mx, txt), "example.com", {REGION: NAME})[REGION].values()
    assert [one.code for one in found] == expected
    assert all(NAME in str(one) for one in found)


def test_cname():
    """No other record can stand beside a CNAME."""
    (found,) = mail_from_mistakes(Dns([], [], "elsewhere.test"), "example.com", {REGION: NAME})[
        REGION
    ].values()
    assert str(found) == str(FindingMessages.TAKEN(name=NAME, target="elsewhere.test"))
