"""The page on several stacks, followed to the letter."""

import pytest

from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/several-stacks.md"


def test_shared_defaults(sandbox, shell):
    """A stack has the defaults of the project, and domains of its own."""
    for domain in ("dev.example.com", "dev.example.net"):
        sandbox.add_zone(domain)
    ours = f"rotateAfterDays: 90\n      dnsResolvers: ['{sandbox.dns_resolver}']"
    shared = block(PAGE, "Shared defaults", 1).replace("rotateAfterDays: 90", ours)
    project = shell.project / "Pulumi.yaml"
    project.write_text(project.read_text() + shared)
    shell.well("pulumi stack init dev")
    stack_file = shell.project / "stacks" / "Pulumi.dev.yaml"
    left = stack_file.read_text() if stack_file.exists() else ""
    stack_file.write_text(left + block(PAGE, "Shared defaults", 2))
    shell.well("pulumi up --stack dev")
    assert {one.tags["team"] for one in sandbox.ses.identities(REGION).values()} == {"mail"}
    shell.well("byodkim status --all-stacks")
