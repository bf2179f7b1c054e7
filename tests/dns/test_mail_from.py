"""If this fails, a mistake in a record of a MAIL FROM domain is not seen, or a right one is."""

from byodkim_provider.dns.mail_from import mail_from_mistakes
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.messages.cli import MailFromMessages as F
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
        "other spelling": (
            [f"5 {MX[3:].upper()}."],
            ["v=spf1 include:amazonses.com -all", "site=1"],
            [],
        ),
        "other qualifier": ([MX], ["v=spf1 ?include:amazonses.com ~all"], [F.OTHER_SPF]),
        "by another record": ([MX], ["v=spf1 include:_spf.example.com ~all"], []),
        "silence": (None, None, []),
        "nothing": ([], [], [F.NO_MX, F.NO_SPF]),
        "other Region": (["10 feedback-smtp.us-east-1.amazonses.com"], [SPF], [F.NO_MX]),
        "two Regions": ([MX, "10 feedback-smtp.us-east-1.amazonses.com"], [SPF], [F.NO_MX]),
        "receives too": ([MX, "20 mx.example.net"], [SPF], [F.RECEIVES]),
        "taken": (["10 mx.example.net"], ["v=spf1 mx -all"], [F.RECEIVES, F.OTHER_SPF]),
        "null MX": (["0 ."], [SPF], [F.NO_MX]),
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
