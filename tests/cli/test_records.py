"""
If this fails, people paste a record that verifies no mail, or one of another key.

That name servers read a printed zone file is in `dns/test_judges.py`.
"""

import json

import pytest

from byodkim_provider.dns import panels
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.messages.cli import CliMessages
from tests.support.cases import cases
from tests.support.cli_project import CliProject
from tests.support.world import DOMAIN

NAME = "s1._domainkey.example.com"


@pytest.fixture
def project(tmp_path, world):
    """Two domains; people publish the second one's records at Wix."""
    project = CliProject(tmp_path, world)
    wix = "{provider: manual, panel: wix, zone: example.net}"
    project.write(
        "    example.com: {generation: 2, mailFrom: bounce}\n"
        f"    mail.example.net: {{generation: 1, dns: {wix}}}\n"
    )
    project.stored = [world.verified(2), world.verified(1, domain="mail.example.net")]
    return project


def listed(project, *arguments):
    result = project.run("records", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


SECOND = [f"s{number}._domainkey.mail.example.net" for number in (1, 2)]
BOUNCE = "bounce.example.com"


def test_stack(project, world):
    """Every record of the stack is printed, sorted by domain and generation."""
    shown = {
        record["name"]: record["value"] for record in listed(project) if record["name"] != BOUNCE
    }
    declared = [world.declared(generation) for generation in (1, 2, 3)]
    declared += [world.declared(number, domain="mail.example.net") for number in (1, 2)]
    assert [*shown.items()] == [(one.record_name, one.record_value) for one in declared]
    typed = project.run("records", "mail.example.net").stdout
    value = declared[3].record_value
    assert (
        panels.instructions(PANELS["wix"], name=SECOND[0], value=value, zone="example.net") in typed
    )


@pytest.mark.parametrize("dns", ["route53", "[route53, cloudflare]"])
def test_nothing_to_type(project, dns):
    """Of a record that `pulumi up` writes there is nothing to type, unless somebody wants to."""
    project.write(f"    mail.example.net: {{generation: 1, dns: {dns}}}\n")
    arguments = ("records", "mail.example.net")
    said = [f"{name}: nothing to type, `pulumi up` writes it\n" for name in SECOND]
    assert project.run(*arguments).stdout == "\n".join(said)
    assert project.run(*arguments, "--panel", "route53").stdout.count("  Value: ") == 2
    apart = "{label: b, zone: b.mail.example.net}"
    project.write(f"    mail.example.net: {{generation: 1, dns: {dns}, mailFrom: {apart}}}\n")
    assert "nothing" not in project.run(*arguments, "--panel", "route53").stdout
    project.write("    mail.example.net: {generation: 1, dns: [route53, manual]}\n")
    assert project.run(*arguments).stderr.startswith("byodkim: assumed ")


def test_ttl_of_the_stack_file(project):
    """The TTL is the one with which the stack publishes, at MAIL FROM too."""
    project.write(f"    {DOMAIN}: {{generation: 2, mailFrom: bounce, dns: {{ttl: 60}}}}\n")
    assert {record["ttl"] for record in listed(project, DOMAIN)} == {60}
    lines = project.run("records", DOMAIN, "--format", "zone").stdout.splitlines()
    assert len(lines) == len([line for line in lines if ". 60 IN " in line]) == 5


@pytest.mark.parametrize(
    ("dns", "ttl"),
    [("godaddy", 600), ("cpanel", 14400), ("{provider: wix, ttl: 60}", 60), ("dreamhost", None)],
)
def test_ttl_of_a_host(project, dns, ttl):
    """Without a setting it is that of the host, and DreamHost's records have none."""
    project.write(f"    {DOMAIN}: {{generation: 1, dns: {dns}}}\n")
    assert {record["ttl"] for record in listed(project, DOMAIN)} == {ttl}
    line = project.run("records", DOMAIN, "--format", "zone").stdout
    assert line.startswith(f"{NAME}. {ttl} IN " if ttl else f"{NAME}. IN ")


@pytest.mark.parametrize(
    ("zone", "names"),
    [
        ("_domainkey.example.com", [f"s{number}._domainkey.example.com" for number in (1, 2, 3)]),
        ("example.net", SECOND),
    ],
)
def test_those_of_a_zone(project, zone, names):
    """Of records in several zones those in the zone that is named are printed."""
    assert [one["name"] for one in listed(project, "--zone", zone)] == names


def unknown(domain, meant):
    return CliMessages.OTHER_DOMAIN(domain=domain, stack="dev", meant=meant).with_hint()


NEW = "    example.com: {generation: 2}\n    new.example: {generation: 1}\n"


@cases(
    ("argument", "said"),
    {
        "alike": ("example.org", unknown("example.org", ", did you mean 'example.com'?")),
        "not made yet": ("new.example", CliMessages.NO_RECORD(subject="new.example").with_hint()),
        "of another zone": ("--zone=example.org", f"'example.org' does not hold '{NAME}'"),
    },
)
def test_not_of_the_stack(project, argument, said):
    """What the stack does not have, or does not fit to it, is an error, with the way on."""
    project.write(NEW)
    result = project.run("records", argument)
    assert (result.exit_code, result.stdout, said in result.stderr) == (2, "", True)
