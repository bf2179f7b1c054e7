"""The tutorial, followed to the letter in a sandbox."""

import pytest

from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

PAGE = "docs/tutorial/first-domain.md"
DOMAIN = "example.com"


def test_tutorial(sandbox, shell, follow):
    """Each step shows what the page says; a record that was broken is found and repaired."""
    sandbox.add_zone(DOMAIN)
    follow(PAGE, "The first domain", 1)
    assert follow(PAGE, "The first domain", 2).stdout.count(block(PAGE, "The first domain", 3).strip()) == 1
    first, _ = sandbox.ses.signing_key(DOMAIN, REGION)
    follow(PAGE, "A rotation")
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] != first
    follow(PAGE, "A broken record", 1)
    wrong = shell.run(block(PAGE, "A broken record", 2))
    assert wrong.exit_code == 1
    assert block(PAGE, "A broken record", 3).strip() in wrong.stdout
    repaired = follow(PAGE, "A broken record", 4)
    assert repaired.stdout.count(": right\n") == 3
    follow(PAGE, "Take it all back")
    assert sandbox.ses.identities(REGION) == {}
