"""DNS by API, as the page says it, followed by a new user: to a record at GoDaddy's stand-in and at BIND."""

import re
import shutil

import pytest

from sandbox.hosts.godaddy import GoDaddy
from sandbox.mail.client import send
from tests.docs.pages import block
from tests.engine.stack import REGION
from tests.hosts import name_servers
from tests.hosts.name_servers import ADDRESS, SECRET
from tests.hosts.secondaries import Secondaries

pytestmark = pytest.mark.engine

DOMAIN = "example.com"


def with_secret(commands, secret):
    """What is typed when Pulumi asks for the value stands behind the name of the setting."""
    return re.sub(r"(--path '[^']+')$", rf"\1 '{secret}'", commands, flags=re.MULTILINE)


def test_godaddy(sandbox, stack):
    """A stack file, a token, `pulumi up`: the records are there, and mail passes."""
    host = GoDaddy(DOMAIN)
    host.start()
    sandbox.elsewhere.append(host.zones)
    try:
        stack.paste(block("docs/how-to/dns.md", "By API: nobody pastes", 1))
        commands = with_secret(block("docs/how-to/dns.md", "By API: nobody pastes", 2), host.token)
        done = stack.well(commands, GODADDY_BASE_URL=host.url)
        assert len(host.records) == 2
        assert send(sandbox, DOMAIN, REGION).verdict.result == "pass"
        assert host.token not in stack.stack_file.read_text() + done.shown
        stack.well("pulumi destroy", GODADDY_BASE_URL=host.url)
        assert host.records == []
    finally:
        host.stop()


def test_name_server(sandbox, stack, tmp_path):
    """With the right that the page gives the key, and no other, BIND takes the records."""
    if not shutil.which("tsig-keygen", path="/usr/sbin:/usr/bin"):
        pytest.skip("tsig-keygen is not installed (Debian's package bind9)")
    shown = block("docs/how-to/dns.md", "A name server of your own", 2)
    policy = re.search(r"update-policy \{ (.*?) \};", shown)[1]
    directory = tmp_path / "bind"
    directory.mkdir()
    with name_servers.running("BIND", directory, policy=policy) as server:
        sandbox.elsewhere.append(Secondaries(server).zones)
        pasted = block("docs/how-to/dns.md", "A name server of your own", 1)
        stack.paste(pasted.replace("192.0.2.53", f"{ADDRESS}, port: {server.port}"))
        commands = with_secret(block("docs/how-to/dns.md", "A name server of your own", 3), SECRET)
        done = stack.well(f"PATH=$PATH:/usr/sbin\n{commands}")
        assert 'key "byodkim" {' in done.stdout
        assert send(sandbox, DOMAIN, REGION).verdict.result == "pass"
        stack.well("pulumi destroy")
        sandbox.elsewhere.clear()
