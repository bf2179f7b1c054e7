"""
If this fails, `byodkim doctor` calls a wrong record right, or names another mistake.

That it names each mistake in a real zone is in `dns/test_misconfigurations_seen.py`.
"""

import re

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from byodkim_provider.cli.record_now import UNSEEN_ZONE
from byodkim_provider.dkim import keys, records
from byodkim_provider.dns import panels
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.messages.dkim import SeenMessages
from tests.support import testdata
from tests.support.cases import cases
from tests.support.leaks import KeySearch
from tests.support.testdata import TESTDATA
from tests.support.world import DOMAIN

NAME = f"s9._domainkey.{DOMAIN}"
VALUE = "p=" + "".join(testdata.pem("rsa2048.public").splitlines()[1:-1])
FINGERPRINT = f"fingerprint {keys.fingerprint(records.public_key(VALUE))}"
THIS = (DOMAIN, "--selector", "s9")
KEY = ("--key", str(TESTDATA / "rsa2048.public.pem"))


@pytest.fixture
def one(project, world):
    """Looks at one record without the stack; its value, if any, is what DNS has."""

    def run(*arguments, value=None, key=KEY):
        if value is not None:
            world.resolver.records[NAME] = (value,)
        return project.run("doctor", *THIS, *key, *arguments)

    return run


def test_right(one, world):
    """What is right is said in a word, with who said so and which key it is."""
    world.forget()
    result = one(value=VALUE)
    assert (result.exit_code, result.stderr) == (0, "")
    assert world.calls() == [], "without a stack SES is not asked"
    right = f"{NAME}: right\n  2 of 2 servers show the key\n  the right key has 2048 bits, "
    assert result.stdout.startswith(f"{right}{FINGERPRINT}")


def test_wrong(one):
    """What is wrong has a name, is said of each server, and comes with what to type instead."""
    lines = one("--panel", "godaddy", value=f'"{VALUE}"').stdout.splitlines()
    assert lines[0] == f"{NAME}: wrong (wrong-value)"
    servers = "ns1.example.net and ns2.example.net"
    said = f"0 of 2 servers show the key, {servers}: {SeenMessages.OTHER_VALUE()}"
    assert lines[1] == f"  {said}"
    assert lines[4].startswith("  to fix it: replace 'Value' as a whole with a copy of the right")
    typed = panels.instructions(
        PANELS["godaddy"], name=NAME, value=VALUE, zone=DOMAIN, edit=True
    ).splitlines()
    assert lines[5:] == [f"  {line}" for line in typed]


def test_without_a_key(one):
    """
    Without a key it says which one is there; of what is none, nobody knows what should be there.
    """
    result = one(value=f"v=DKIM1; k=rsa; {VALUE}", key=())
    assert result.exit_code == 0
    assert f"the key there has 2048 bits, {FINGERPRINT}" in result.stdout
    result = one(value="p=customerProvidedPublicKey", key=())
    assert (result.exit_code, "(wrong-value)" in result.stdout) == (2, True)
    assert not re.search("Type:|fingerprint", result.stdout)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_private_key_in_dns_is_not_repeated(one, options):
    """A private key that somebody pasted is not shown again, nor its public half to publish."""
    pem = testdata.pem("rsa2048.pkcs8")
    result = one(*options, value=pem)
    assert (result.exit_code, "private-key" in result.stdout) == (2, True)
    assert not any(line in result.output for line in [*pem.splitlines()[1:-1], VALUE[:60]])


def test_private_key(one):
    """A private key is looked for by its public half, and there is no trace of itself."""
    file = TESTDATA / "rsa2048.pkcs8.pem"
    key = load_pem_private_key(file.read_bytes(), password=None)
    for form in ((), ("--json",)):
        printed = one(*form, value="p=").stdout
        assert VALUE in printed
        found = one(*form, key=("--key", str(file))).stdout
        assert not KeySearch([key]).found_in(found)
        assert VALUE in found


@cases(
    ("arguments", "problem"),
    {
        "no selector": ((DOMAIN, *KEY), f"Give --selector, or run `byodkim status {DOMAIN}`"),
        "empty selector": ((DOMAIN, "--selector", ""), "for --selector: '' must be"),
    },
)
def test_refused(project, arguments, problem):
    """
    What does not go together, or is no key, is refused by the option's name, and nothing printed.
    """
    result = project.run("doctor", *arguments)
    assert (result.exit_code, result.stdout, problem in result.stderr) == (3, "", True)


@pytest.mark.parametrize(
    ("failures", "said", "note"),
    [
        (("no zone", "silent"), "{}: no zone for this name, {}: silent", []),
        (("no zone", "no zone"), "{} and {}: no zone for this name", [f"  {UNSEEN_ZONE}"]),
    ],
)
def test_could_not_tell(one, world, failures, said, note):
    """No answer is neither right nor wrong; if no zone is found, another resolver can be named."""
    servers = ("ns1.example.net", "ns2.example.net")
    world.resolver.failures = dict(zip(servers, failures, strict=True))
    result = one()
    assert result.exit_code == 3
    lines = [line for line in result.stdout.splitlines() if "the right key" not in line]
    answers = f"  0 of 2 servers show the key, {said.format(*servers)}"
    assert lines == [f"{NAME}: unknown", answers, *note]


def test_nameserver(project):
    """The servers that are named are asked instead of the system's; what is none is refused."""
    named = ("127.0.0.1:5353", "[::1]")
    given = [part for server in named for part in ("--nameserver", server)]
    project.run("doctor", *THIS, *given)
    assert project.resolvers == [named]
