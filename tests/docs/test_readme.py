"""README and SECURITY, followed to the letter: from nothing to a domain that is verified, and back."""

import json

import pytest

from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

DOMAIN = "example.com"


def test_real_account(sandbox, shell, follow, kms_alias):
    """Each step works where the one before has left off: `byodkim` is on PATH, `destroy` leaves nothing."""
    sandbox.add_zone(DOMAIN)
    kms_alias("pulumi")
    page = "README.md", "With a real AWS account"
    follow(*page, 1)
    shell.paste(block(*page, 2))
    # In one shell, which has the virtual environment from then on.
    steps = "\n".join(
        (block(*page, 3), "command -v byodkim", "byodkim iam-policy > policy.json", block(*page, 4))
    )
    done = shell.well(steps)
    assert f"\n{shell.project}/venv/bin/byodkim\n" in done.stdout
    assert json.loads((shell.project / "policy.json").read_text())["Version"] == "2012-10-17"
    assert f"\n{DOMAIN}: well\n" in done.stdout
    assert sandbox.ses.signing_key(DOMAIN, REGION)

    shell.well("pulumi destroy")
    assert sandbox.ses.identities(REGION) == {}
    [zone] = sandbox.aws.zones()
    assert {record_set.type for record_set in zone.record_sets} == {"NS", "SOA"}


def test_keys_of_your_own(sandbox, stack, follow):
    """The keys that the pages on settings and on rotation add have names of their own."""
    sandbox.add_zone(DOMAIN)
    stack.paste(block("README.md", "With a real AWS account", 2))
    follow("docs/reference/settings.md", "A key of your own")
    follow("docs/how-to/rotation.md", "With keys of your own")
    [shown] = json.loads(stack.run("pulumi stack output domains").stdout).values()
    assert [(one["generation"], one["role"], one["name"]) for one in shown["records"]] == [
        (1, "signing", f"mail2026._domainkey.{DOMAIN}"),
        (2, "standby", f"mail2027._domainkey.{DOMAIN}"),
    ]
    for record in shown["records"]:
        assert sandbox.dns.txt(record["name"]) == (record["value"],)
    assert stack.run(f"byodkim doctor {DOMAIN}").stdout.endswith(f"DMARC of {DOMAIN}: no record found\n")


def test_kms(shell, follow, kms_alias):
    """The state of a stack can be encrypted by a KMS key from the beginning, and by another one later."""
    kms_alias("pulumi-prod")
    follow("SECURITY.md", "Who can decrypt")
    assert "pulumi-prod?region=eu-west-1" in shell.stack_file.read_text()


def test_policies(stack, follow):
    """One policy for the credentials that `pulumi` starts with, one for the role that they assume."""
    role = "arn:aws:iam::123456789012:role/dns"
    pasted = block("README.md", "With a real AWS account", 2)
    stack.paste(f"{pasted}      dns: {{provider: route53, assumeRole: '{role}'}}\n")
    follow("docs/reference/permissions.md", "Permissions")
    policies = [json.loads((stack.project / name).read_text()) for name in ("policy.json", "dns-policy.json")]
    actions = [{action for one in policy["Statement"] for action in one["Action"]} for policy in policies]
    assert "sts:AssumeRole" in actions[0]
    assert "route53:ChangeResourceRecordSets" in actions[1] - actions[0]
