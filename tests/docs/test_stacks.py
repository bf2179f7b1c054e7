"""The pages on several accounts, on environments and on many domains, followed to the letter."""

import json

import pytest

from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine


def test_several_accounts(shell, follow):
    """A stack for each account."""
    follow("docs/how-to/several-accounts.md", "Identities in several accounts")
    assert {one["name"] for one in json.loads(shell.run("pulumi stack ls --json").stdout)} == {
        "shop",
        "newsletter",
    }


def test_dev_and_prod(sandbox, shell, follow):
    """A stack has the defaults of the project, and domains of its own."""
    page = "docs/how-to/dev-and-prod.md", "Dev and prod with shared defaults"
    sandbox.add_zone("example.com")
    ours = f"rotateAfterDays: 90\n        dnsResolvers: ['{sandbox.dns_resolver}']"
    shared = "\n".join(f"  {line}" for line in block(*page, 1).splitlines()).replace(
        "rotateAfterDays: 90", ours
    )
    project = shell.project / "Pulumi.yaml"
    project.write_text(project.read_text() + shared.replace("\n  ", "\n").strip() + "\n")
    assert shell.run("pulumi stack init dev").exit_code == 0
    stack_file = shell.project / "stacks" / "Pulumi.dev.yaml"
    left = stack_file.read_text() if stack_file.exists() else ""
    stack_file.write_text(left + block(*page, 2))
    made = shell.run("pulumi up --stack dev")
    assert made.exit_code == 0, made.shown
    assert sandbox.ses.identities(REGION)["dev.example.com"].tags["team"] == "mail"
    follow(*page, 4)


def test_many_domains(sandbox, stack, follow):
    """The domains that are due are shown, each with its edit."""
    page = "docs/how-to/many-domains.md", "Many domains"
    for domain in ("example.com", "example.net", "example.org"):
        sandbox.add_zone(domain)
    stack.paste(block(*page, 1))
    made = stack.run("pulumi up")
    assert made.exit_code == 0, made.shown
    stack.days_pass(180)
    shown = follow(*page, 2).stdout
    assert all(domain in shown for domain in ("example.com", "example.net", "example.org"))
