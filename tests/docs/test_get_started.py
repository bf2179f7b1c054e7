"""If this fails, who follows *Get started* or SECURITY gets to no verified domain."""

import json

import pytest

from tests.docs.pages import STACK_FILE, block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

DOMAIN = "example.com"


def test_real_account(sandbox, shell, follow):
    """
    Each step works where the one before has left off: `byodkim` is on PATH, `destroy` leaves
    nothing.
    """
    sandbox.add_zone(DOMAIN)
    page = "docs/get-started.md", "With a real AWS account"
    follow(*page, 1)
    shell.paste(STACK_FILE)
    # In one shell, which has the virtual environment from then on.
    between = "command -v byodkim\nbyodkim iam-policy > policy.json\n"
    done = shell.well(block(*page, 3) + between + block(*page, 4))
    assert f"\n{shell.project}/venv/bin/byodkim\n" in done.stdout
    assert json.loads((shell.project / "policy.json").read_text())["Version"] == "2012-10-17"
    assert f"\n{DOMAIN}: well, SUCCESS, " in done.stdout
    assert sandbox.ses.signing_key(DOMAIN, REGION)

    shell.well("pulumi destroy")
    assert sandbox.ses.identities(REGION) == {}
    [zone] = sandbox.aws.zones()
    assert {record_set.type for record_set in zone.record_sets} == {"NS", "SOA"}


def test_keys_of_your_own(sandbox, stack, follow):
    """The commands of the page add the first key, and the second with another number and name."""
    sandbox.add_zone(DOMAIN)
    stack.paste(STACK_FILE)
    follow("docs/reference/settings.md", "A key of your own")
    again = block("docs/reference/settings.md", "A key of your own")
    stack.well(again.replace("keys.1", "keys.2").replace("mail2026", "mail2027") + "pulumi up\n")
    [shown] = json.loads(stack.run(f"byodkim status {DOMAIN} --json").stdout)["domains"]
    assert [(one["generation"], one["role"], one["name"]) for one in shown["records"]] == [
        (1, "signing", f"mail2026._domainkey.{DOMAIN}"),
        (2, "standby", f"mail2027._domainkey.{DOMAIN}"),
    ]
    for record in shown["records"]:
        assert sandbox.dns.txt(record["name"]) == (record["value"],)
    assert f"SES in {REGION} says of {DOMAIN}: " in stack.run(f"byodkim status {DOMAIN}").stdout


def test_kms(shell, follow, kms_alias):
    """
    The state of a stack can be encrypted by a KMS key from the beginning, and by another one later.
    """
    kms_alias("pulumi-prod")
    follow("SECURITY.md", "Who can decrypt")
    assert "pulumi-prod?region=eu-west-1" in shell.stack_file.read_text()
