"""The pages on identities that exist, one or many, and on leaving, followed to the letter."""

import json
import re

import pytest

from byodkim_provider.config import stack_file
from byodkim_provider.dkim import keys, records
from sandbox.demo import ZONES
from sandbox.mail.client import send
from sandbox.ses.identity import easy_dkim_keys
from tests.docs.pages import STACK_FILE, block, quoted
from tests.engine.panel import Panel
from tests.engine.stack import OPENSSL_KEY, OTHER_REGION, REGION

pytestmark = pytest.mark.engine

EASY_DKIM = "docs/how-to/from-easy-dkim.md"
EXISTING = "docs/how-to/existing-identities.md"
ACCOUNT = "docs/how-to/adopt-an-account.md"
DOMAIN = "example.com"

FIRST = ["lists.example.com", "test.example.com"]
DOMAINS = (*FIRST, "a.example.com", "b.example.com")
EASY = "shop.example.net"


def paste_easy_dkim(panel, domain):
    """The CNAMEs of Easy DKIM; to where they lead."""
    for key in easy_dkim_keys():
        panel.paste(
            f"{key.selector}._domainkey.{domain}",
            f"{key.selector}.dkim.amazonses.com",
            kind="CNAME",
        )


def test_away_from_easy_dkim(sandbox, stack, follow):
    """A sub-domain with Easy DKIM meanwhile, a downtime, and the way back."""
    panel = Panel(sandbox, DOMAIN)
    sandbox.ses.put_easy_dkim(DOMAIN, REGION)
    paste_easy_dkim(panel, DOMAIN)
    for key in easy_dkim_keys():
        target = f"{key.selector}.dkim.amazonses.com"
        Panel(sandbox, target).paste(target, records.record_value(key.public_der))
    assert quoted(EASY_DKIM, "example.com: {generation: 1, adopt: true}")
    stack.paste(STACK_FILE + "      adopt: true\n")
    first, second = block(EASY_DKIM, "Away from Easy DKIM").splitlines()
    assert stack.run("pulumi preview").exit_code == 0  # else no record would be made
    refused = stack.run(first)
    assert refused.exit_code != 0
    assert "signing with Easy DKIM\n" in refused.stdout
    assert DOMAIN in stack.run(second).stdout

    page = EASY_DKIM, "Round the window: a sub-domain"
    create, get = block(*page).splitlines()
    for token in json.loads(stack.well(create).stdout):
        panel.paste(
            f"{token}._domainkey.mail.{DOMAIN}", f"{token}.dkim.amazonses.com", kind="CNAME"
        )
    sandbox.clock.advance(60)
    assert json.loads(stack.well(get).stdout) == "SUCCESS"
    follow(*page, 2)
    assert list(sandbox.ses.identities(REGION)) == [DOMAIN]

    downtime = EASY_DKIM, "Round the window: a planned downtime"
    stack.paste(block(*downtime, 1))
    follow(*downtime, 2)
    assert f"\n{DOMAIN}: well, SUCCESS" in stack.well("byodkim status").stdout
    assert sandbox.ses.identities(REGION)[DOMAIN].origin == "EXTERNAL"
    stack.well("pulumi destroy")
    follow(*downtime, 3)
    assert sandbox.ses.identities(REGION)[DOMAIN].origin == "AWS_SES"


def test_leaving_another_tool(sandbox, stack, follow):
    """
    The key that SES has already and its record are taken over, and a standby is made beside it.
    """
    key = keys.load(OPENSSL_KEY)
    Panel(sandbox, DOMAIN).paste(
        f"s1._domainkey.{DOMAIN}", records.record_value(key.public_key_der)
    )
    sandbox.ses.put_identity(DOMAIN, REGION, selector="s1", private_key=key.pkcs1_base64())
    before = sandbox.ses.identities(REGION)[DOMAIN].changed
    page = EXISTING, "From Terraform, pulumi-aws or CloudFormation"
    stack.paste(block(*page, 1))
    (stack.project / "key").write_text(key.pkcs1_base64())
    follow(*page, 2)
    assert f"\n{DOMAIN}: well, SUCCESS" in follow(*page, 3).stdout
    assert sandbox.ses.identities(REGION)[DOMAIN].changed == before


def test_leaving(made, follow):
    """One domain alone rotates; a saved plan, and the records of a state that is lost."""
    page = "docs/how-to/leaving.md"
    [zone] = made.sandbox.route53.list_hosted_zones()["HostedZones"]
    first = made.sandbox.ses.signing_key(DOMAIN, REGION)
    made.paste(STACK_FILE.replace("generation: 1", "generation: 2"))
    follow(page, "One domain only, and a saved plan")
    assert made.sandbox.ses.signing_key(DOMAIN, REGION) != first
    follow(page, "One domain only, and a saved plan", 2)
    names = json.loads(
        follow(page, "The state is lost", ZONE_ID=zone["Id"].rpartition("/")[2]).stdout
    )
    assert len(names) == 3


@pytest.fixture
def account(sandbox):
    """
    Four domains with keys that nobody has, one of them in two Regions, and one with Easy DKIM.
    """
    panel, key = Panel(sandbox, "example.com"), keys.load(OPENSSL_KEY)
    for domain in DOMAINS:
        private_key = key.pkcs1_base64()
        sandbox.ses.put_identity(domain, REGION, selector="old", private_key=private_key)
        panel.paste(f"old._domainkey.{domain}", records.record_value(key.public_key_der))
    sandbox.ses.put_identity("b.example.com", OTHER_REGION, selector="old", private_key=private_key)
    sandbox.ses.change("test.example.com", REGION, signing_enabled=False)
    sandbox.ses.put_easy_dkim(EASY, REGION)
    paste_easy_dkim(Panel(sandbox, EASY.partition(".")[2]), EASY)


def signing(sandbox, region=REGION):
    """With which selector each domain signs, and whether a mail server accepts it."""
    found = {}
    for domain in sandbox.ses.identities(region):
        held = sandbox.ses.signing_key(domain, region)
        found[domain] = held and held[0], send(sandbox, domain, region).verdict.result
    return found


def test_populated(sandbox, shell, follow):
    """
    The sandbox's 30 identities are of every kind, and a scan finds how each signs.
    """
    for zone in ZONES:
        sandbox.add_zone(zone)
    shown = follow(ACCOUNT, "Try it in the sandbox").stdout
    assert sum(len(sandbox.ses.identities(region)) for region in (REGION, OTHER_REGION)) == 30
    domains = stack_file.load(shown)["config"]["ses-byodkim:domains"]
    assert {*FIRST, EASY} <= domains.keys(), "the page names them"
    for words in ("BYODKIM mail2019: ", "Easy DKIM: ", "signing disabled: "):
        assert words in shown


DOMAINS_KEY = "  ses-byodkim:domains:\n"


def resolve(shell):
    """The stack asks the sandbox's resolver, as a real one asks the system's."""
    text = shell.stack_file.read_text()
    setting = f"  ses-byodkim:defaults: {{dnsResolvers: ['{shell.sandbox.dns_resolver}']}}\n"
    shell.stack_file.write_text(text.replace(DOMAINS_KEY, setting + DOMAINS_KEY))


def paste(shell, *, without=""):
    """The entries of `wave.yaml` below those of the stack file, but that of one domain."""
    entries = (shell.project / "wave.yaml").read_text().partition(DOMAINS_KEY)[2]
    if without:
        entries = "".join(
            entry
            for entry in re.split("(?=^    # )", entries, flags=re.MULTILINE)
            if f"    {without}:" not in entry
        )
    text = shell.stack_file.read_text()
    shell.stack_file.write_text(text.replace(DOMAINS_KEY, DOMAINS_KEY + entries))


def test_runbook(sandbox, account, shell, follow):
    """
    Each wave takes the next domains; at the end the scan finds nothing, and all mail verifies.
    """
    before = sandbox.ses.identities(REGION)
    seen = follow(ACCOUNT, "See what there is", 1)
    assert set(DOMAINS) < stack_file.load(seen.stdout)["config"]["ses-byodkim:domains"].keys()
    assert {call.operation for call in sandbox.ses.log} == {
        "GetEmailIdentity",
        "ListEmailIdentities",
    }

    follow(ACCOUNT, "The first wave", 1)
    assert sandbox.ses.identities(REGION) == before
    resolve(shell)
    assert follow(ACCOUNT, "The first wave", 3).stdout.endswith("\n[]\n")
    now = signing(sandbox)
    assert [domain for domain in DOMAINS if now[domain][0] != "old"] == FIRST

    follow(ACCOUNT, "The next waves", 1)
    paste(shell, without=EASY)
    shell.well("pulumi up")
    follow(ACCOUNT, "The Easy DKIM domains", 1)
    paste(shell)
    refused = shell.run("pulumi up")
    assert refused.exit_code != 0
    assert "signing with Easy DKIM\n" in refused.stdout
    text = shell.stack_file.read_text()
    assert text.count("# acceptUnsignedWindow: true") == 1
    shell.stack_file.write_text(text.replace("# acceptUnsignedWindow", "acceptUnsignedWindow"))
    shell.well("pulumi up")
    assert shell.well(quoted(ACCOUNT, "byodkim scan --stack prod")).stdout == ""
    for region in (REGION, OTHER_REGION):
        assert {verdict for _, verdict in signing(sandbox, region).values()} == {"pass"}
        assert "old" not in {selector for selector, _ in signing(sandbox, region).values()}
