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
from tests.support.zones import zone

NAME = f"s9._domainkey.{DOMAIN}"
THIRD = f"s3._domainkey.{DOMAIN}"
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


# One record


def test_right(one, world):
    """What is right is said in a word, with who said so and which key it is."""
    world.forget()
    result = one(value=VALUE)
    assert (result.exit_code, result.stderr) == (0, "")
    assert world.calls() == [], "without a stack SES is not asked"
    right = f"{NAME}: right\n  2 of 2 servers show the key\n  the right key has 2048 bits, "
    assert result.stdout.startswith(f"example.com: 1 record, 1 right\n\n{right}{FINGERPRINT}")


def instructions(panel, **options):
    return panels.instructions(PANELS[panel], name=NAME, value=VALUE, zone=DOMAIN, **options)


def test_wrong(one):
    """What is wrong has a name, is said of each server, and comes with what to type instead."""
    lines = one("--panel", "godaddy", value=f'"{VALUE}"').stdout.splitlines()
    assert lines[:3] == ["example.com: 1 record, 1 wrong", "", f"{NAME}: wrong (wrong-value)"]
    said = f"{SeenMessages.OTHER_VALUE()}"
    assert lines[3:5] == [f"  ns1.example.net: {said}", f"  ns2.example.net: {said}"]
    assert lines[7].startswith("  to fix it: replace 'Value' as a whole with a copy of the right")
    typed = instructions("godaddy", edit=True).splitlines()
    assert lines[8:] == [f"  {line}" for line in typed]


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
        "no domain": (THIS[1:], "--selector needs DOMAIN, and takes no --stack."),
        "no selector": ((DOMAIN, *KEY), "A stack has keys, panels and resolvers of its own."),
        "empty selector": ((DOMAIN, "--selector", ""), "for --selector: '' must be"),
    },
)
def test_refused(project, arguments, problem):
    """
    What does not go together, or is no key, is refused by the option's name, and nothing printed.
    """
    result = project.run("doctor", *arguments)
    assert (result.exit_code, result.stdout, problem in result.stderr) == (3, "", True)


# Those of a stack


def test_stack(project, world):
    """
    Every record, of the stack or of a domain, is looked at, and SES asked; its problems are said.
    """
    project.stored.append(world.created(1, domain="example.org"))
    world.ses().put_email_identity_dkim_attributes(DOMAIN, signing_enabled=False)
    world.forget()
    result = project.run("doctor", DOMAIN)
    assert (0, "") == (result.exit_code, result.stderr)
    assert "example.org" not in result.stdout + "".join(world.resolver.looked_up)
    summary, _, *lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert summary == "dev: 3 records, 3 right"
    roles = ("generation 1, previous", "generation 2, signing", "generation 3, standby")
    assert lines[:3] == [
        f"s{number}._domainkey.{DOMAIN}: right, {role}" for number, role in enumerate(roles, 1)
    ]
    assert lines[3].startswith(f"SES in eu-west-1 says of {DOMAIN}: SUCCESS, origin EXTERNAL, ")
    assert "\n  DKIM signatures are disabled: run `pulumi up --refresh`\n" in result.stdout
    assert project.run("doctor").stdout.startswith("dev: 5 records, ")


def test_dns_check_off(project):
    """Where the stack says that DNS can't be seen, nobody is asked unless a server is named."""
    project.write(f"    {DOMAIN}: {{generation: 2, dnsCheck: off}}\n")
    result = project.run("doctor")
    off = "  `dnsCheck: off`: `byodkim doctor DOMAIN --selector S` asks DNS\n"
    assert (result.exit_code, "  DNS is not checked\n" in result.stdout) == (3, True)
    assert off in result.stdout
    assert project.run("doctor", "--nameserver", "127.0.0.1").exit_code == 3


MANUAL = zone("manual", panel="hostgator")
AWS = zone("route53:Z1", name_servers=("ns-1.awsdns-1.com",))


@cases(
    ("listed", "code", "title"),
    {
        # The name servers are nobody's that is known, so they are not HostGator's nor GoDaddy's.
        "panel": ([MANUAL], "served-elsewhere", "HostGator"),
        "host with name servers": ([zone(f"godaddy:{DOMAIN}")], "served-elsewhere", "GoDaddy"),
        # Only if the servers of all its zones are known and asked, a record may be where nobody
        # asks.
        "one zone": ([AWS], "served-elsewhere", None),
        "one of two zones": ([AWS, zone("manual")], "no-txt", None),
    },
)
def test_where_a_record_is_missing(project, world, domains, declare, listed, code, title):
    """What the stack knows of the panel and the zone is in the advice."""
    declare(zones=tuple(listed))
    world.resolver.records[THIRD] = ()
    shown = project.run("doctor").stdout
    assert f"{THIRD}: wrong ({code})" in shown
    assert re.findall(r"not by (HostGator|GoDaddy)", shown)[:1] == ([title] if title else [])


@pytest.mark.parametrize(
    ("leaked", "step"),
    [
        # `rotate` knows what signed lately, and refuses if there is no standby.
        (2, f"run `byodkim rotate {DOMAIN} --compromised`"),
        (3, "set `published` to the other generations and `overlapDays: 0`, and run `pulumi up`"),
    ],
)
def test_private_key_of_a_stack(project, world, leaked, step):
    """What the stack needs to have another key is said."""
    name = f"s{leaked}._domainkey.{DOMAIN}"
    world.resolver.records[name] = (f"p={world.key(leaked).pkcs1_base64()}",)
    assert f"then {step}: " in project.run("doctor").stdout


@pytest.mark.parametrize(
    ("failures", "said", "note"),
    [
        (("no zone", "silent"), (": no zone for this name", ": silent"), []),
        (("no zone", "no zone"), (": no zone for this name",) * 2, [f"  {UNSEEN_ZONE}"]),
    ],
)
def test_could_not_tell(one, world, failures, said, note):
    """No answer is neither right nor wrong; if no zone is found, another resolver can be named."""
    servers = ("ns1.example.net", "ns2.example.net")
    world.resolver.failures = dict(zip(servers, failures, strict=True))
    result = one()
    assert result.exit_code == 3
    lines = [line for line in result.stdout.splitlines()[2:] if "the right key" not in line]
    answers = [f"  {server}{one}" for server, one in zip(servers, said, strict=True)]
    assert lines == [f"{NAME}: unknown", *answers, *note]


def test_nameserver(project):
    """The servers that are named are asked instead of the system's; what is none is refused."""
    named = ("127.0.0.1:5353", "[::1]")
    given = [part for server in named for part in ("--nameserver", server)]
    project.run("doctor", *THIS, *given)
    assert project.resolvers == [named]
