"""The page on DNS somewhere else, followed to the letter: whoever has the panel pastes what was printed."""

import re

import pytest

from tests.docs.pages import block
from tests.engine.panel import Panel
from tests.engine.stack import REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/dns.md"
TEAM = "docs/how-to/dns-team.md"
GOOGLE = "v=DKIM1; k=rsa; p=" + "A" * 392


def typed(text, *, name, value):
    """What a person types into a panel that adds the zone: names and values, as they were printed."""
    found = re.findall(rf"^ *{name}: +(\S+)$\n^ *{value}: +(.+)$", text, re.MULTILINE)
    return [(name, value.strip()) for name, value in dict.fromkeys(found)]


def test_manual(sandbox, stack):
    """One `up` prints all that is needed until after the first rotation, which prints the next."""
    panel = Panel(sandbox, "example.com")
    stack.paste(block(PAGE, "Manual: paste each record"))
    first = stack.well("pulumi up")
    printed = typed(first.stdout, name="Name", value="Value")
    assert len(printed) == 2
    for name, value in printed:
        panel.paste(f"{name}.example.com", value)
    right = stack.run("byodkim doctor mail.example.com")
    assert (right.exit_code, right.stdout.count(": right\n")) == (0, 2)
    stack.well("pulumi up")
    stack.days_pass(10)
    rotated = stack.well("byodkim rotate mail.example.com")
    assert sandbox.ses.signing_key("mail.example.com", REGION)[0] == printed[1][0].partition(".")[0]
    [(name, value)] = typed(rotated.stdout, name="Name", value="Value")
    panel.paste(f"{name}.example.com", value)
    # Whoever has the stack can have them printed again, and nothing else.
    again = stack.run("byodkim records mail.example.com")
    assert typed(again.stdout, name="Name", value="Value") == [*printed, (name, value)]


def test_paste_once(sandbox, stack):
    """Three CNAMEs are pasted as they are printed; rotations, a step back and a leaked key need no more."""
    panel = Panel(sandbox, "shop.example")
    stack.well(block(PAGE, "A zone for the keys"))
    stack.paste(block(PAGE, "`cname`: paste once"))
    printed = stack.run("byodkim records shop.example --panel cloudflare")
    pasted = typed(printed.stdout, name="Name", value="Target")
    assert len(pasted) == 3
    assert stack.run("byodkim doctor shop.example").stdout.count(": wrong (no-txt)") == 3
    for name, target in pasted:
        panel.paste(f"{name}.shop.example", f"{target}.", kind="CNAME")
    assert stack.run("byodkim doctor shop.example").stdout.count(": right\n") == 3
    assert stack.run(block(TEAM, "What to add")).stdout == f"{pasted[0][1]}.\n"
    stack.well("pulumi up")
    assert stack.run("byodkim doctor shop.example").stdout.count(": right\n") == 3

    def signs():
        return sandbox.ses.signing_key("shop.example", REGION)[0]

    for way, selector in (("", "ses2"), ("", "ses3"), (" --back", "ses2"), ("", "ses3")):
        stack.days_pass(11)
        stack.well(f"byodkim rotate shop.example{way}")
        assert signs() == selector
    leaked = sandbox.dns.txt(pasted[2][1])
    assert leaked
    stack.well("byodkim rotate shop.example --compromised")
    assert (signs(), sandbox.dns.txt(pasted[2][1])) == ("ses1", ())
    # The previous one has signed a moment ago, and has the slot of the next one.
    refused = stack.run("byodkim rotate shop.example")
    assert refused.exit_code == 1
    stack.days_pass(11)
    published = re.search(r"set `published: (.*?)` and leave `generation: 4`", refused.stderr)[1]
    text = stack.stack_file.read_text()
    stack.stack_file.write_text(re.sub(r"published: .*", f"published: {published}", text))
    stack.well("pulumi up")
    stack.well("byodkim rotate shop.example")
    assert signs() == "ses2"
    stack.well("byodkim status")


def test_without_pulumi(sandbox, shell):
    """A key file is enough to publish a record and to have it looked at."""
    panel = Panel(sandbox, "example.com")
    commands = block(PAGE, "Without Pulumi").splitlines()
    made = shell.well("\n".join(commands[:2]))
    assert shell.run(commands[2]).exit_code == 2
    [(name, value)] = typed(made.stdout, name="Host", value="Value")
    panel.paste(f"{name}.example.com", value)
    shell.well(block(PAGE, "Without Pulumi").replace(commands[0], ""))
