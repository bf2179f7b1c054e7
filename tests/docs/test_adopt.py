"""The runbook from a scan to the last domain, followed to the letter."""

import json

import pytest

from byodkim_provider.config import stack_file
from byodkim_provider.dkim import keys, records
from sandbox.demo import ZONES
from sandbox.mail.client import send
from sandbox.ses.identity import easy_dkim_keys
from tests.engine.panel import Panel
from tests.engine.stack import OPENSSL_KEY, OTHER_REGION, REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/adopt-an-account.md"
FIRST = ["lists.example.com", "test.example.com"]
DOMAINS = (*FIRST, "a.example.com", "b.example.com")
EASY = "shop.example.net"


@pytest.fixture
def account(sandbox):
    """Four domains with keys that nobody has, one of them in two Regions, and one with Easy DKIM."""
    panel, key = Panel(sandbox, "example.com"), keys.load(OPENSSL_KEY)
    for domain in DOMAINS:
        private_key = key.pkcs1_base64()
        sandbox.ses.put_identity(domain, REGION, selector="old", private_key=private_key)
        panel.paste(f"old._domainkey.{domain}", records.record_value(key.public_key_der))
    sandbox.ses.put_identity("b.example.com", OTHER_REGION, selector="old", private_key=private_key)
    sandbox.ses.change("test.example.com", REGION, signing_enabled=False)
    sandbox.ses.put_easy_dkim(EASY, REGION)
    panel = Panel(sandbox, EASY.partition(".")[2])
    for one in easy_dkim_keys():
        panel.paste(f"{one.selector}._domainkey.{EASY}", f"{one.selector}.dkim.amazonses.com", kind="CNAME")


def signing(sandbox, region=REGION):
    """With which selector each domain signs, and whether a mail server accepts it."""
    found = {}
    for domain in sandbox.ses.identities(region):
        held = sandbox.ses.signing_key(domain, region)
        found[domain] = held and held[0], send(sandbox, domain, region).verdict.result
    return found


def test_populated(sandbox, shell, follow):
    """The sandbox's 30 identities are of every kind: a scan finds how each signs, and where its DNS is."""
    for zone in ZONES:
        sandbox.add_zone(zone)
    shown = follow(PAGE, "Try it in the sandbox").stdout
    assert sum(len(sandbox.ses.identities(region)) for region in (REGION, OTHER_REGION)) == 30
    domains = stack_file.load(shown)["config"]["ses-byodkim:domains"]
    assert {*FIRST, EASY} <= domains.keys(), "the page names them"
    head, _, entries = shown.partition("config:")
    assert "elsewhere.example" in head
    kinds = {
        "byodkim1.example.com": "BYODKIM mail2019: ",
        "easy1.example.net": "Easy DKIM: ",
        "disabled1.example.org": "signing disabled: ",
    }
    for domain, words in kinds.items():
        assert words in entries.partition(f"\n    {domain}:")[0].splitlines()[-1]


def test_runbook(sandbox, account, shell, follow):
    """Each wave takes the next domains; at the end the scan finds nothing, and all mail verifies."""
    before = sandbox.ses.identities(REGION)
    seen = follow(PAGE, "See what there is", 1)
    assert set(DOMAINS) < stack_file.load(seen.stdout)["config"]["ses-byodkim:domains"].keys()
    policy = json.loads((shell.project / "scan-policy.json").read_text())
    assert [one["Resource"] for one in policy["Statement"]] == ["*"]
    assert {call.operation for call in sandbox.ses.log} == {"GetEmailIdentity", "ListEmailIdentities"}

    follow(PAGE, "The first wave", 1)
    assert sandbox.ses.identities(REGION) == before
    follow(PAGE, "The first wave", 3)
    assert json.loads(follow(PAGE, "The first wave", 4).stdout) == []
    now = signing(sandbox)
    assert [domain for domain in DOMAINS if now[domain][0] != "old"] == FIRST

    follow(PAGE, "The next waves", 1)
    follow(PAGE, "The Easy DKIM domains", 1)
    refused = shell.run("pulumi up")
    assert refused.exit_code != 0
    assert "signing with Easy DKIM\n" in refused.stdout
    text = shell.stack_file.read_text()
    assert text.count("# acceptUnsignedWindow: true") == 1
    shell.stack_file.write_text(text.replace("# acceptUnsignedWindow", "acceptUnsignedWindow"))
    shell.well("pulumi up")
    rest = follow(PAGE, "The end", 1)
    assert rest.stdout == ""
    for region in (REGION, OTHER_REGION):
        assert {verdict for _, verdict in signing(sandbox, region).values()} == {"pass"}
        assert "old" not in {selector for selector, _ in signing(sandbox, region).values()}
