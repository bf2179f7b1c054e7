"""The recipe of the page on MAIL FROM and DMARC, run as it stands."""

import dns.message
import dns.query
import pytest

from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

DOMAIN, MAIL_FROM = "example.com", "bounce.example.com"


def asked(sandbox, kind):
    host, _, port = sandbox.dns_resolver.rpartition(":")
    answer = dns.query.tcp(dns.message.make_query(MAIL_FROM, kind), host, port=int(port), timeout=5)
    return [str(one) for records in answer.answer for one in records]


def test_recipe(sandbox, open_stack):
    """One `up` makes all; a second one changes nothing, and `destroy` leaves nothing."""
    zone_id = sandbox.add_zone(DOMAIN)
    recipe = block("docs/how-to/dmarc.md", "The recipe")
    here = recipe.replace("regions=[REGION]", f"regions=[REGION], dns_resolvers=['{sandbox.dns_resolver}']")
    assert here != recipe
    stack = open_stack(program=lambda: exec(here, {}))
    assert not stack.up().failed
    identity = sandbox.ses.identities(REGION)[DOMAIN]
    assert (identity.mail_from, bool(identity.selector)) == (MAIL_FROM, True)
    assert asked(sandbox, "MX") == [f"10 feedback-smtp.{REGION}.amazonses.com."]
    assert asked(sandbox, "TXT") == ['"v=spf1 include:amazonses.com ~all"']
    assert set(stack.up().changes) == {"same"}
    assert not stack.destroy().failed
    assert DOMAIN not in sandbox.ses.identities(REGION)
    sandbox.route53.delete_hosted_zone(Id=zone_id)  # other pages have this domain too
