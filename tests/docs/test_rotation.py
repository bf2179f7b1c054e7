"""The life of a key, followed to the letter: its stack files are what `byodkim rotate` writes."""

import re

import pytest

from byodkim_provider.config import stack_file
from sandbox.mail.client import send
from tests.docs.pages import block
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/rotation.md"
LEAKED = "docs/how-to/leaked-key.md"
DOMAIN = "example.com"


def like(shown):
    """A pattern for text that a page shows, whatever its numbers, selectors and indentation."""
    selectors = re.sub("s[0-9]{8}-[0-9a-f]{8}", "SELECTOR", shown.strip())
    numbers = re.sub("[0-9]+", "NUMBER", selectors)
    lines = [re.escape(line.strip()) for line in numbers.splitlines()]
    return r"\n\s*".join(lines).replace("SELECTOR", "s[0-9]{8}-[0-9a-f]{8}").replace("NUMBER", "[0-9]+")


def domains(text):
    return stack_file.load(text)["config"]["ses-byodkim:domains"]


def counted(what, shown):
    """How many resources the end of a run or preview says that of."""
    return re.search(rf"\+ (\d+) {what}", shown)[1]


def test_life(sandbox, stack, follow):
    """Forward, back, forward again, and a leaked key out of DNS; each file of the page stands there then."""
    sandbox.add_zone(DOMAIN)
    second = block("README.md", "With a real AWS account", 2).replace("generation: 1", "generation: 2")
    stack.paste(second)
    foreseen = follow("docs/reference/performance.md", "Domains in a stack")
    created = stack.well("pulumi up")
    assert counted("to create", foreseen.stdout) == counted("created", created.stdout)
    stack.days_pass(179)
    assert re.search(like(block(PAGE, "The timeline", 2)), follow(PAGE, "The timeline").stdout)
    stack.paste(second.replace("generation: 2", "generation: 4"))
    assert re.search(like(block(PAGE, "What a preview refuses")), stack.run("pulumi preview").stdout)
    stack.paste(second.replace("generation: 2", "generation: 3"))
    stack.days_pass(10)
    follow(PAGE, "Going back", 1)
    assert domains(stack.stack_file.read_text()) == domains(block(PAGE, "Going back", 2))
    stack.well("byodkim rotate example.com")
    stack.days_pass(10)

    page = LEAKED, "A key has leaked"
    follow(*page, 1)
    leaked, _ = sandbox.ses.signing_key(DOMAIN, REGION)
    follow(*page, 2)
    assert domains(stack.stack_file.read_text()) == domains(block(*page, 3))
    gone = stack.run(block(*page, 4), OLD_SELECTOR=leaked)
    assert (gone.exit_code, gone.stdout.partition("\n")[0]) == (1, "prod: 1 domain, 1 due")
    assert sandbox.ses.signing_key(DOMAIN, REGION)[0] != leaked
    assert send(sandbox, DOMAIN, REGION).verdict.result == "pass"
