"""
The pages on DNS, MAIL FROM and DMARC, followed to the letter: by API, and by pasting what was
printed.
"""

import re
import shutil

import pytest

from sandbox.mail.client import send
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from tests.docs.pages import block
from tests.engine.panel import Panel
from tests.engine.stack import REGION
from tests.hosts import name_servers
from tests.hosts.name_servers import ADDRESS, SECRET
from tests.hosts.secondaries import Secondaries

pytestmark = pytest.mark.engine

PAGE, TEAM, DMARC = "docs/how-to/dns.md", "docs/how-to/dns-team.md", "docs/how-to/dmarc.md"
DOMAIN = "example.com"


def typed(text, *, name, value):
    """
    What a person types into a panel that adds the zone: names and values, as they were printed.
    """
    found = re.findall(rf"^ *{name}: +(\S+)$\n^ *{value}: +(.+)$", text, re.MULTILINE)
    return [(name, value.strip()) for name, value in dict.fromkeys(found)]


def test_paste_once(sandbox, stack):
    """
    Three CNAMEs are pasted as they are printed; rotations and a step back need no more.
    """
    panel = Panel(sandbox, "shop.example")
    stack.well(block(PAGE, "A zone for the keys"))
    stack.paste(block(PAGE, "`cname`: paste once"))
    printed = stack.run("byodkim records shop.example --panel cloudflare")
    pasted = typed(printed.stdout, name="Name", value="Target")
    assert len(pasted) == 3
    assert stack.run("byodkim status shop.example").stdout.count(": wrong (no-txt)") == 3
    for name, target in pasted:
        panel.paste(f"{name}.shop.example", f"{target}.", kind="CNAME")
    assert stack.run("byodkim status shop.example").stdout.count(": right") == 3
    assert stack.run(block(TEAM, "What to add")).stdout == f"{pasted[0][1]}.\n"
    stack.well("pulumi up")
    assert stack.run("byodkim status shop.example").stdout.count(": right") == 3

    def signs():
        return sandbox.ses.signing_key("shop.example", REGION)[0]

    for way, selector in (("", "ses2"), ("", "ses3"), (" --back", "ses2"), ("", "ses3")):
        stack.days_pass(11)
        stack.well(f"byodkim rotate shop.example{way}")
        assert signs() == selector
    stack.well("byodkim status")


def test_without_pulumi(sandbox, shell):
    """A key file is enough to publish a record and to have it looked at."""
    panel = Panel(sandbox, "example.com")
    commands = block(PAGE, "Without Pulumi")
    missing = shell.run(commands)
    assert missing.exit_code == 2
    [(name, value)] = typed(missing.stdout, name="Name", value="Value")
    panel.paste(f"{name}.example.com", value)
    shell.well(commands.partition("\n")[2])


def with_secret(commands, secret):
    """What is typed when Pulumi asks for the value stands behind the name of the setting."""
    return re.sub(r"(--path '[^']+')$", rf"\1 '{secret}'", commands, flags=re.MULTILINE)


def test_godaddy(sandbox, stack, godaddy):
    """A stack file, a token, `pulumi up`: the records are there, and mail passes."""
    stack.paste(block(PAGE, "By API: nobody pastes", 1))
    done = stack.well(with_secret(block(PAGE, "By API: nobody pastes", 2), godaddy.token))
    assert len(godaddy.records) == 2
    assert send(sandbox, DOMAIN, REGION).verdict.result == "pass"
    assert godaddy.token not in stack.stack_file.read_text() + done.shown
    stack.well("pulumi destroy")
    assert godaddy.records == []


def test_name_server(sandbox, stack, tmp_path):
    """With the right that the page gives the key, and no other, BIND takes the records."""
    if not shutil.which("tsig-keygen", path="/usr/sbin:/usr/bin"):
        pytest.skip("tsig-keygen is not installed (Debian's package bind9)")
    pasted, shown, typed = (
        block(PAGE, "A name server of your own", number) for number in (1, 2, 3)
    )
    policy = re.search(r"update-policy \{ (.*?) \};", shown)[1]
    (directory := tmp_path / "bind").mkdir()
    with name_servers.running("BIND", directory, policy=policy) as server:
        sandbox.elsewhere.append(Secondaries(server).zones)
        stack.paste(pasted.replace("192.0.2.53", f"{ADDRESS}, port: {server.port}"))
        done = stack.well(f"PATH=$PATH:/usr/sbin\n{with_secret(typed, SECRET)}")
        assert 'key "byodkim" {' in done.stdout
        assert send(sandbox, DOMAIN, REGION).verdict.result == "pass"
        stack.well("pulumi destroy")
        sandbox.elsewhere.clear()


def test_from_the_line_to_dmarc(sandbox, stack, follow):
    """
    One line, and mail is aligned twice under the record of the page; `status` says so in its words.
    """
    panel = Panel(sandbox, DOMAIN)
    stack.paste(block(DMARC, "MAIL FROM and DMARC"))
    stack.well("pulumi up")
    for line in block(DMARC, "MAIL FROM and DMARC", 2).splitlines():
        name, kind, value = line.split(maxsplit=2)
        look_up = sandbox.dns.mx if kind == "MX" else sandbox.dns.txt
        assert look_up(name) == (value.strip('"'),)
    assert follow(DMARC, "DNS somewhere else").stdout.count("`pulumi up` writes it") == 4

    name, _, value = block(DMARC, "The DMARC record").split(maxsplit=2)
    panel.paste(name, value.strip().strip('"'))
    verdict = judge_dmarc(
        send(sandbox, DOMAIN, REGION), lambda name: ask(name, sandbox.dns_resolver)
    )
    assert verdict.is_aligned_twice
    assert "MAIL FROM bounce.example.com SUCCESS" in " ".join(
        follow(DMARC, "The DMARC record", 2).stdout.split()
    )
