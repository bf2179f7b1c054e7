"""The pages on identities that exist and on leaving, followed to the letter."""

import json

import pytest

from byodkim_provider.dkim import keys, records
from sandbox.ses.identity import easy_dkim_keys
from tests.docs.pages import block
from tests.engine.panel import Panel
from tests.engine.stack import OPENSSL_KEY, REGION

pytestmark = pytest.mark.engine

EASY_DKIM = "docs/how-to/from-easy-dkim.md"
EXISTING = "docs/how-to/existing-identities.md"
DOMAIN = "example.com"


def test_away_from_easy_dkim(sandbox, stack, follow):
    """A sub-domain with Easy DKIM meanwhile, a downtime, and the way back."""
    panel = Panel(sandbox, DOMAIN)
    sandbox.ses.put_easy_dkim(DOMAIN, REGION)
    for key in easy_dkim_keys():
        target = f"{key.selector}.dkim.amazonses.com"
        panel.paste(f"{key.selector}._domainkey.{DOMAIN}", target, kind="CNAME")
        Panel(sandbox, target).paste(target, records.record_value(key.public_der))
    stack.paste(block(EASY_DKIM, "Away from Easy DKIM", 1))
    first, second = block(EASY_DKIM, "Away from Easy DKIM", 2).splitlines()
    assert stack.run("pulumi preview").exit_code == 0  # else no record would be made
    refused = stack.run(first)
    assert refused.exit_code != 0
    assert "signing with Easy DKIM\n" in refused.stdout
    assert DOMAIN in stack.run(second).stdout

    page = EASY_DKIM, "Round the window: a sub-domain"
    tokens = json.loads(follow(*page, 1).stdout)
    for token in tokens:
        panel.paste(f"{token}._domainkey.mail.{DOMAIN}", f"{token}.dkim.amazonses.com", kind="CNAME")
    sandbox.clock.advance(60)
    assert json.loads(follow(*page, 2).stdout) == "SUCCESS"
    follow(*page, 4)
    assert list(sandbox.ses.identities(REGION)) == [DOMAIN]

    downtime = EASY_DKIM, "Round the window: a planned downtime"
    stack.paste(block(*downtime, 1))
    follow(*downtime, 2)
    assert json.loads(follow(*page, 3).stdout) == []
    assert sandbox.ses.identities(REGION)[DOMAIN].origin == "EXTERNAL"
    stack.well("pulumi destroy")
    follow(*downtime, 3)
    assert sandbox.ses.identities(REGION)[DOMAIN].origin == "AWS_SES"


def test_leaving_another_tool(sandbox, stack, follow):
    """The key that SES has already and its record are taken over, and a standby is made beside it."""
    key = keys.load(OPENSSL_KEY)
    Panel(sandbox, DOMAIN).paste(f"s1._domainkey.{DOMAIN}", records.record_value(key.public_key_der))
    sandbox.ses.put_identity(DOMAIN, REGION, selector="s1", private_key=key.pkcs1_base64())
    before = sandbox.ses.identities(REGION)[DOMAIN].changed
    page = EXISTING, "From Terraform, pulumi-aws or CloudFormation"
    stack.paste(block(*page, 1))
    (stack.project / "key").write_text(key.pkcs1_base64())
    follow(*page, 2)
    assert f"\n{DOMAIN}: well\n" in follow(*page, 3).stdout
    assert sandbox.ses.identities(REGION)[DOMAIN].changed == before


def test_leaving(made, follow):
    """For one domain only, by a saved plan: each run ends well."""
    page = "docs/how-to/leaving.md"
    [zone] = made.sandbox.route53.list_hosted_zones()["HostedZones"]
    follow(page, "One domain only")
    follow(page, "A saved plan")
    names = json.loads(follow(page, "The state is lost", 2, ZONE_ID=zone["Id"].rpartition("/")[2]).stdout)
    assert len(names) == 2
