"""If this fails, people paste a record that verifies no mail, or one of another key."""

import json
import re
from pathlib import Path

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.cli.records import Record, as_zone_file
from byodkim_provider.dkim import records
from byodkim_provider.dns import panels
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.messages.cli import CliMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.leaks import KeySearch
from tests.support.testdata import TESTDATA, pem
from tests.support.world import DOMAIN

PUBLIC = "".join(pem("rsa2048.public").splitlines()[1:-1])
VALUE = f"p={PUBLIC}"
NAME = "s1._domainkey.example.com"
PUBLIC_KEY = ("--public-key", str(TESTDATA / "rsa2048.public.pem"))
ONE = (DOMAIN, "--selector", "s1", *PUBLIC_KEY)


@pytest.fixture(autouse=True)
def _no_line_is_wrapped(monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")


def run(*arguments, stdin=None):
    """`byodkim records` where there is no project, no Pulumi and no AWS."""
    nothing = Environment(directory=Path("/"), ask_pulumi=None, account=None, resolver=None)
    return CliRunner().invoke(main, ["records", *arguments], obj=nothing, input=stdin)


def printed(*arguments):
    result = run(*arguments)
    assert 0 == result.exit_code, result.stderr
    return result.stdout


# One record, from a key file


@pytest.mark.parametrize("file", ["rsa2048.pkcs1", "rsa2048.pkcs8"])
def test_private_key(file):
    """A private key, as openssl writes it in any version, gives the record of its public half."""
    path = TESTDATA / f"{file}.pem"
    text = printed(DOMAIN, "--selector", "s1", "--private-key", str(path), "--format", "json")
    assert json.loads(text) == [
        {
            "name": NAME,
            "type": "TXT",
            "ttl": 300,
            "value": VALUE,
            "strings": [VALUE[:255], VALUE[255:]],
        }
    ]
    assert text == printed(*ONE, "--format", "json")


def test_panel():
    """
    By default it is what a person types, in the panel that was named; a zone above shortens it.
    """
    text = printed(*ONE, "--panel", "hostgator")
    entry = panels.Entry(record_name=NAME, record_value=VALUE, zone=DOMAIN)
    typed = panels.instructions(PANELS["hostgator"], entry)
    assert text == f"example.com: 1 record, 1 to type in\n\n{typed}\n"
    assert "\n\nDNS panel of example.com\n" in printed(*ONE)
    above = ("mail.example.com", *ONE[1:], "--panel", "godaddy", "--zone", "Example.com.")
    assert "  Name:  s1._domainkey.mail\n" in printed(*above)


THIS, PRIVATE = (DOMAIN, "--selector", "s1"), str(TESTDATA / "rsa2048.pkcs8.pem")
EXPECTED = "expected an RSA public key, as `openssl rsa -in KEY -pubout` writes it"
EXPECTED_PRIVATE = "expected an RSA private key (PKCS#1 or PKCS#8), as PEM or as base64 of its DER"
EMPTY = "'' must be 1 to 63 letters, digits and hyphens, with no hyphen at either end"
ADDRESS = (
    "Invalid value for '[DOMAIN]': 'a@example.com' is an e-mail address, which inherits the "
    "DKIM of its "
    "domain, expected a domain such as 'example.com'"
)
BLANK = (
    "Invalid value for '--zone': 'a b' has a blank or a line break, expected a domain such as "
    "'example.com'"
)
REFUSED = {
    "no key": (THIS, "Give --private-key or --public-key."),
    "both keys": (
        (*ONE, "--private-key", PRIVATE),
        "Give --private-key or --public-key, not both.",
    ),
    "no domain": (("--selector", "s1", *PUBLIC_KEY), "--selector needs DOMAIN."),
    "no selector": (
        (DOMAIN, *PUBLIC_KEY),
        "--private-key and --public-key need DOMAIN and --selector.",
    ),
    "a stack too": ((*ONE, "--stack", "dev"), "Give --stack or --selector, not both."),
    "no such file": (
        (*THIS, "--public-key", "/no/such/file"),
        "Invalid value for '--public-key': /no/such/file: No such file or directory",
    ),
    "no content": (
        (*THIS, "--private-key", "/proc/self/mem"),
        "Invalid value for '--private-key': /proc/self/mem: Input/output error",
    ),
    "private as public": (
        (*THIS, "--public-key", PRIVATE),
        f"Invalid value for '--public-key': {PRIVATE} is a private key, {EXPECTED}",
    ),
    "public as private": (
        (*THIS, "--private-key", PUBLIC_KEY[1]),
        f"Invalid value for '--private-key': {PUBLIC_KEY[1]} is a public key, {EXPECTED_PRIVATE}",
    ),
    "empty selector": (
        (DOMAIN, "--selector", "", *PUBLIC_KEY),
        f"Invalid value for --selector: {EMPTY}",
    ),
    "e-mail address": (("a@example.com", *THIS[1:], *PUBLIC_KEY), ADDRESS),
    "another zone": (
        (*ONE, "--zone", "example.org"),
        f"Invalid value for --zone: 'example.org' does not hold '{NAME}'",
    ),
    "no zone": ((*ONE, "--zone", "a b"), BLANK),
}


@cases(("arguments", "problem"), REFUSED)
def test_refused(arguments, problem):
    """
    What does not go together, or is no key, is refused by the option's name, and nothing is
    printed.
    """
    result = run(*arguments)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.splitlines()[-1] == f"Error: {problem}"


@pytest.mark.parametrize(
    ("options", "assumed"),
    [
        ((), True),
        (("--format", "text"), True),
        (("--zone", DOMAIN), False),
        (("--zone", DOMAIN, "--format", "text"), False),
        (("--format", "zone"), False),
        (("--format", "json"), False),
    ],
)
def test_assumed_zone(options, assumed):
    """That the zone of a sub-domain is assumed is said in what is passed on to people."""
    result = run(f"mail.{DOMAIN}", *ONE[1:], *options)
    assert "" == result.stderr
    assert ("assumed" in result.stdout.partition("\n\n")[0]) == assumed
    assert "assumed" not in printed(*ONE, *options), "the zone of example.com is obvious"


# Those of a stack


@pytest.fixture
def project(tmp_path, world):
    """Two domains with three generations each; people publish the second one's records at Wix."""
    project = CliProject(tmp_path, world)
    project.write(
        "    example.com: {generation: 2}\n"
        "    mail.example.net: {generation: 1, dns: {provider: manual, panel: wix, zone: "
        "example.net}}\n"
    )
    project.stored = [world.verified(2), world.verified(1, domain="mail.example.net")]
    return project


def test_stack(project, world):
    """Every record of the stack is printed, sorted by domain and generation."""
    result = project.run("records", "--format", "json")
    assert (0, "") == (result.exit_code, result.stderr)
    expected = [(generation, DOMAIN) for generation in (1, 2, 3)]
    expected += [(generation, "mail.example.net") for generation in (1, 2)]
    declared = [world.declared(generation, domain=domain) for generation, domain in expected]
    assert [(one["name"], one["value"]) for one in json.loads(result.stdout)] == [
        (one.record_name, one.record_value) for one in declared
    ]


@pytest.mark.parametrize(
    ("dns", "where"),
    [("route53", "Route 53"), ("[route53, cloudflare]", "Route 53 and Cloudflare")],
)
def test_nothing_to_type(project, dns, where):
    """Of a record that `pulumi up` writes there is nothing to type, unless somebody wants to."""
    project.write(f"    mail.example.net: {{generation: 1, dns: {dns}}}\n")
    result = project.run("records", "mail.example.net")
    said = [
        (
            f"s{number}._domainkey.mail.example.net: nothing to type, `pulumi up` writes it at "
            f"{where}\n"
        )
        for number in (1, 2)
    ]
    assert result.stdout == "dev: 2 records, 2 written by `pulumi up`\n\n" + "\n".join(said)
    assert result.stderr == ""
    assert (
        project.run("records", "mail.example.net", "--panel", "route53").stdout.count("  Value: ")
        == 2
    )
    project.write("    mail.example.net: {generation: 1, dns: [route53, manual]}\n")
    shown = project.run("records", "mail.example.net").stdout
    assert shown.startswith("dev: 2 records, 2 to type in\nassumed ")


@pytest.mark.parametrize(
    ("written", "ttl"),
    [("", 300), (", dns: {ttl: 60}", 60), (", dns: {provider: cloudflare, ttl: 1}", 1)],
    ids=["default", "set", "left to Cloudflare"],
)
def test_ttl_of_the_stack_file(project, written, ttl):
    """
    The TTL is the one with which the stack publishes, in every form that has one, at MAIL FROM too.
    """
    project.write(f"    {DOMAIN}: {{generation: 2{written}}}\n")
    del project.stored[1:]

    def printed(form):
        return project.run("records", DOMAIN, "--format", form).stdout

    assert {ttl} == {one["ttl"] for one in json.loads(printed("json"))}
    assert all(f". {ttl} IN TXT " in line for line in printed("zone").splitlines())
    project.write(f"    {DOMAIN}: {{generation: 2, mailFrom: bounce{written}}}\n")
    assert {ttl} == {one["ttl"] for one in json.loads(printed("json"))}


@pytest.mark.parametrize("form", ["zone", "json", "text"])
@pytest.mark.parametrize(
    ("zone", "names"),
    [
        ("_domainkey.example.com", [f"s{one}._domainkey.example.com" for one in (1, 2, 3)]),
        ("example.net", [f"s{one}._domainkey.mail.example.net" for one in (1, 2)]),
    ],
)
def test_those_of_a_zone(project, zone, names, form):
    """
    Of records in several zones, of one DOMAIN too, each form has those of the zone that is named.
    """
    below = (
        "{generation: 2, mailFrom: bounce, dns: {provider: manual, zone: _domainkey.example.com}}"
    )
    named = "{generation: 1, dns: {provider: manual, zone: example.net}}"
    project.write(f"    example.com: {below}\n    mail.example.net: {named}\n")
    result = project.run("records", "--zone", zone, "--format", form)
    assert (0, "") == (result.exit_code, result.stderr)
    there = r'^([a-z][\w.]+)\. 300 IN|"[nN]ame": "([a-z][\w.]+?)\.?"'
    assert ["".join(found) for found in re.findall(there, result.stdout, re.MULTILINE)] == names


def test_zone_that_nobody_has_named(project):
    """
    It is that of all records which it holds and the stack file leaves open; those of other zones
    go.
    """
    project.write(
        "    example.com: {generation: 2, mailFrom: bounce}\n    mail.example.net: "
        "{generation: 1}\n"
    )
    names = [
        one["name"]
        for one in json.loads(project.run("records", "--json", "--zone", "example.net").stdout)
    ]
    assert names == [f"s{one}._domainkey.mail.example.net" for one in (1, 2)]
    shown = project.run(
        "records", DOMAIN, "--zone", f"_domainkey.{DOMAIN}", "--panel", "godaddy"
    ).stdout
    assert (shown.count("  Name:  s"), "bounce" in shown) == (3, False)


def test_topmost_domain(project, world):
    """Of several domains of the stack that hold a record, its zone is that of the topmost one."""
    names = ("a.b.example.org", "b.example.org", "example.org")
    dns = "{generation: 1, dns: manual}"
    project.write("".join(f"    {name}: {dns}\n" for name in names))
    project.stored = [world.verified(1, domain=name) for name in names]
    shown = project.run("records", names[0], "--panel", "godaddy").stdout
    assert "  Name:  s1._domainkey.a.b\n" in shown


def unknown(domain, known):
    problem = CliMessages.OTHER_DOMAIN(domain=domain, stack="dev", known=known)
    return f"byodkim: {problem.with_hint()}\n"


NEW = "    example.com: {generation: 2}\n    new.example: {generation: 1}\n"
MORE = [f"d{number:02}.example" for number in range(11)]
NO_RECORD = f"byodkim: {CliMessages.NO_RECORD(subject='new.example').with_hint()}\n"


@cases(
    ("written", "arguments", "said"),
    {
        "unknown": ("", ["example.org"], unknown("example.org", ", did you mean 'example.com'?")),
        "not alike": (
            "",
            ["a.test"],
            unknown("a.test", ", which has example.com, mail.example.net"),
        ),
        "not alike any of many": (
            "".join(f"    {name}: {{generation: 1}}\n" for name in MORE),
            ["zzz.test"],
            unknown("zzz.test", f", which has {', '.join(MORE[:10])} and 3 more"),
        ),
        "not made yet": (NEW, ["new.example"], NO_RECORD),
        "of another zone": (
            "",
            ["--zone", "example.org"],
            "'example.org' does not hold 's1._domainkey.example.com'",
        ),
    },
)
def test_not_of_the_stack(project, written, arguments, said):
    """What the stack does not have, or does not fit to it, is an error, with the way on."""
    if written:
        project.write(written)
    result = project.run("records", *arguments)
    assert (2, "") == (result.exit_code, result.stdout)
    assert said in result.stderr


# Every form can be read back

octets = st.binary(min_size=1, max_size=700)
labels = st.text("az09-", max_size=20).map(lambda text: f"a{text}0")
wanted = st.builds(
    lambda selector, label, key, panel: Record(
        name=records.record_name(selector, f"{label}.example.com"),
        value=records.record_value(key),
        domain=f"{label}.example.com",
        panel=PANELS[panel],
        zone="example.com",
    ),
    labels,
    labels,
    octets,
    st.sampled_from(sorted(PANELS)),
)
lists = st.lists(wanted, min_size=1, max_size=4, unique_by=lambda record: record.name)


def plain(listed):
    return {record.name: record.value for record in listed}


@given(lists)
def test_zone_file_is_read_back(listed):
    """dnspython reads each line as one record, no string over 255, with the same value."""
    soa = "example.com. 60 IN SOA ns. root. 1 2 3 4 5\nexample.com. 60 IN NS ns.\n"
    zone = dns.zone.from_text(soa + as_zone_file(listed), origin="example.com.", relativize=False)
    read = {}
    for name, rdataset in zone.iterate_rdatasets(dns.rdatatype.TXT):
        (record,) = rdataset
        assert all(len(string) <= 255 for string in record.strings)
        read[name.to_text(omit_final_dot=True)] = b"".join(record.strings).decode()
    assert plain(listed) == read


def test_no_private_key_is_printed():
    """In no form is there a trace of the private key that was given."""
    path = TESTDATA / "rsa2048.pkcs8.pem"
    search = KeySearch([load_pem_private_key(path.read_bytes(), password=None)])
    for form in ("panel", "text", "zone", "json"):
        text = printed(DOMAIN, "--selector", "s1", "--private-key", str(path), "--format", form)
        assert not search.found_in(text)
