"""The page on several stacks, followed to the letter."""

import json

import pytest

from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/several-stacks.md"


def test_several_accounts(shell, follow):
    """A stack for each account."""
    follow(PAGE, "Identities in several accounts")
    assert {one["name"] for one in json.loads(shell.run("pulumi stack ls --json").stdout)} == {
        "shop",
        "newsletter",
    }


def test_shared_defaults(sandbox, shell):
    """A stack has the defaults of the project, and domains of its own."""
    for domain in ("dev.example.com", "dev.example.net"):
        sandbox.add_zone(domain)
    ours = f"rotateAfterDays: 90\n      dnsResolvers: ['{sandbox.dns_resolver}']"
    shared = block(PAGE, "Shared defaults", 1).replace("rotateAfterDays: 90", ours)
    project = shell.project / "Pulumi.yaml"
    project.write_text(project.read_text() + shared)
    assert shell.run("pulumi stack init dev").exit_code == 0
    stack_file = shell.project / "stacks" / "Pulumi.dev.yaml"
    left = stack_file.read_text() if stack_file.exists() else ""
    stack_file.write_text(left + block(PAGE, "Shared defaults", 2))
    made = shell.run("pulumi up --stack dev")
    assert made.exit_code == 0, made.shown
    assert {one.tags["team"] for one in sandbox.ses.identities(REGION).values()} == {"mail"}
    assert shell.run("byodkim status --all-stacks").exit_code == 0


def test_many_domains(sandbox, stack, follow):
    """A domain that is due is shown with its edit."""
    sandbox.add_zone("example.com")
    stack.paste(block("README.md", "With a real AWS account", 2))
    made = stack.run("pulumi up")
    assert made.exit_code == 0, made.shown
    stack.days_pass(180)
    assert "+      generation: 2" in follow(PAGE, "Many domains").stdout
