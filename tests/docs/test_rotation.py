"""The life of a key, followed to the letter: its stack files are what `byodkim rotate` writes."""

import re

import pytest
import yaml

from byodkim_provider.config import stack_file
from sandbox.mail.client import send
from tests.docs.pages import STACK_FILE, block, quoted, shows
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/rotation.md"
LEAKED = "docs/how-to/leaked-key.md"
DOMAIN = "example.com"


def written(stack, page):
    """The entry in the stack file, which stands on the page too."""
    domain = stack_file.load(stack.stack_file.read_text())["config"]["ses-byodkim:domains"][DOMAIN]
    shown = yaml.safe_dump(
        dict(domain), default_flow_style=True, sort_keys=False, width=200
    ).strip()
    assert quoted(page, shown)
    return domain


def counted(what, shown):
    """How many resources the end of a run or preview says that of."""
    return re.search(rf"\+ (\d+) {what}", shown)[1]


def test_life(sandbox, stack, follow):
    """
    Forward, back, forward again, and a leaked key out of DNS; each file of the page stands there
    then.
    """
    sandbox.add_zone(DOMAIN)
    stack.paste(STACK_FILE.replace("generation: 1", "generation: 2"))
    foreseen = follow("docs/reference/performance.md", "Domains in a stack")
    created = stack.well("pulumi up")
    assert counted("to create", foreseen.stdout) == counted("created", created.stdout)
    stack.days_pass(179)
    rotated = follow(PAGE, "The timeline").stdout
    assert shows(rotated, PAGE, "The timeline", 2)
    assert shows(rotated, PAGE, "The timeline", 3)
    stack.paste(STACK_FILE.replace("generation: 1", "generation: 4"))
    assert shows(stack.run("pulumi preview").stdout, PAGE, "What a preview refuses")
    stack.paste(STACK_FILE.replace("generation: 1", "generation: 3"))
    stack.days_pass(10)
    follow(PAGE, "Going back", 1)
    assert written(stack, PAGE) == {"generation": 2, "published": [2, 3, 4]}
    stack.well("byodkim rotate example.com")
    stack.days_pass(10)

    page = LEAKED, "A key has leaked"
    leaked, _ = sandbox.ses.signing_key(DOMAIN, REGION)
    follow(*page)
    assert written(stack, LEAKED) == {"generation": 4, "published": [4, 5], "overlapDays": 0}
    gone = stack.run(block(*page, 2), OLD_SELECTOR=leaked)
    assert (gone.exit_code, gone.stdout.partition("\n")[0]) == (1, "prod: 1 domain, 1 due")
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] != leaked
    assert send(sandbox, DOMAIN, REGION).verdict.result == "pass"
