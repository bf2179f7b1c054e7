"""If this fails, a mistake in a record of a MAIL FROM domain is not seen, or a right one is."""

from byodkim_provider.dns.mail_from import mail_from_misconfigurations
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.messages.mail_from import MailFromMessages as F
from tests.support.cases import cases, written_out

NAME, REGION = "b.example.com", "eu-west-1"


class Dns:
    """Two servers; the second one is silent."""

    def __init__(self, mx, txt, target=""):
        self.values, self.target = {"MX": mx, "TXT": txt}, target

    def look_up(self, name, domain, kind):
        assert (name, domain) == (NAME, "example.com")
        return Answer("ns1", self.values[kind], target=self.target), Answer("ns2", None, "silent")


MISTAKES = """
mx: [10 feedback-smtp.eu-west-1.amazonses.com], txt: [v=spf1 include:amazonses.com ~all]
mx: [5 FEEDBACK-SMTP.EU-WEST-1.AMAZONSES.COM.], txt: [v=spf1 include:amazonses.com -all, site=1]
mx: [10 feedback-smtp.eu-west-1.amazonses.com], txt: ['v=spf1 ?include:amazonses.com ~all']
  OTHER_SPF
mx: [10 feedback-smtp.eu-west-1.amazonses.com], txt: [v=spf1 include:_spf.example.com ~all]
mx: null, txt: null
mx: [], txt: []
  NO_MX
  NO_SPF
mx: [10 feedback-smtp.us-east-1.amazonses.com], txt: [v=spf1 include:amazonses.com ~all]
  NO_MX
mx: [10 feedback-smtp.eu-west-1.amazonses.com, 10 feedback-smtp.us-east-1.amazonses.com],
    txt: [v=spf1 include:amazonses.com ~all]
  NO_MX
mx: [10 feedback-smtp.eu-west-1.amazonses.com, 20 mx.example.net],
    txt: [v=spf1 include:amazonses.com ~all]
  RECEIVES
mx: [10 mx.example.net], txt: [v=spf1 mx -all]
  RECEIVES
  OTHER_SPF
mx: [0 .], txt: [v=spf1 include:amazonses.com ~all]
  NO_MX
"""


@cases(("records", "expected"), written_out(MISTAKES))
def test_misconfigurations(records, expected):
    """Each mistake has a name of its own, and other spellings are none."""
    by_region = mail_from_misconfigurations(Dns(**records), "example.com", {REGION: NAME})
    found = by_region[REGION].values()
    assert [one.code.name for one in found] == expected
    assert all(NAME in str(one) for one in found)


def test_cname_at_mail_from():
    """No other record can stand beside a CNAME."""
    found = mail_from_misconfigurations(
        Dns([], [], "elsewhere.test"), "example.com", {REGION: NAME}
    )
    (found,) = found[REGION].values()
    assert str(found) == str(F.TAKEN(name=NAME, target="elsewhere.test"))
