"""If this fails, a customer pastes a wrong CNAME, or a rotation gives a slot two keys."""

import json
import re
from dataclasses import dataclass, field

import pytest

from byodkim_provider.aws.ses import INSTANCE_TAG, OWNER_TAG
from byodkim_provider.dkim import records
from byodkim_provider.dkim.generations import slot
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.hosts.registry import PANELS
from tests.support.cases import cases
from tests.support.cli_project import CliProject, signing
from tests.support.fakes import REGION, SERVERS, FakeResolver
from tests.support.zones import slots as slots_in

SHOP, KEYS = "shop.example", "keys.example.net"
SLOTS = f"{{provider: route53, zone: {KEYS}, cname: ses}}"
NAMES = [f"ses{number}._domainkey.{SHOP}" for number in (1, 2, 3)]


@dataclass
class Cnames(FakeResolver):
    """DNS in which the names of the domain lead into our zone."""

    cnames: dict[str, str] = field(
        default_factory=lambda: {name: f"{name}.{KEYS}" for name in NAMES}
    )
    proxied: str = ""

    def _answer(self, server, name):
        target = self.cnames.get(name, "")
        values = self.records.get(target or name, ())
        return Answer(server, values, target=target, zones=(SHOP,))

    def look_up(self, name, domain, kind):
        assert kind == "A"
        found = ("192.0.2.1",) if name == self.proxied else ()
        return tuple(Answer(server, found) for server in SERVERS)


@pytest.fixture
def project(tmp_path, world):
    project = CliProject(tmp_path, world)
    world.resolver = Cnames()
    return project


@pytest.fixture
def stack(project, world):
    """Gives the project a stack that signs with a generation, others published beside it."""

    def stack(generation=1, published=None, *, until=None, **declared):
        published = published or tuple(range(max(generation - 1, 1), generation + 2))
        listed = f"\n      published: {list(published)}"
        project.write(f"    {SHOP}:\n      generation: {generation}{listed}\n      dns: {SLOTS}\n")
        values = {one: records.record_value(world.key(one).public_key_der) for one in published}
        slots = {f"ses{slot(one)}": value for one, value in values.items()}
        world.resolver.records |= {
            f"{selector}._domainkey.{SHOP}.{KEYS}": (value,) for selector, value in slots.items()
        }
        given = {"domain": SHOP, "selector": f"ses{slot(generation)}", "published": published}
        given |= {"slots": slots, "zones": (slots_in(KEYS),), **declared}
        project.stored = [signing(world, generation, until=until, **given)]
        return project

    return stack


# What to paste


@pytest.fixture
def new(project):
    """A project with two domains, of which no run has made anything."""
    project.write(
        f"    {SHOP}: {{generation: 1, dns: {SLOTS}}}\n    example.com: {{generation: 1}}\n"
    )
    return project


def printed(project, *arguments):
    result = project.run("records", *arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_right_at_the_first_try(new, world):
    """Whoever types what is printed into the panel's fields has three right CNAMEs."""
    panel = PANELS["godaddy"]
    fields = (panel.name_field, panel.target_field)
    text = printed(new, SHOP, "--panel", "godaddy")
    names, targets = (re.findall(rf"^  {one}: +(\S+)$", text, re.MULTILINE) for one in fields)
    stored = [one.removesuffix(".") if one.endswith(".") else f"{one}.{SHOP}" for one in names]
    world.resolver.cnames = dict(zip(stored, targets, strict=True))
    assert new.run("status", SHOP).stdout.count(": right\n") == 3


# What is wrong


def test_before_the_first_run(new, world):
    """The CNAMEs can be checked before anything is made, and nothing is called wrong."""
    del world.resolver.cnames[NAMES[1]]
    result = new.run("status", SHOP, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)["domains"][0]["records"]
    assert [one["verdict"] for one in found] == ["right", "wrong", "right"]
    assert {(one["generation"], one["role"], one["value"]) for one in found} == {(None, None, "")}
    assert [one["target"] for one in found] == [f"{name}.{KEYS}" for name in NAMES]
    assert "Type:  CNAME\n  Name:  ses2._domainkey\n" in found[1]["instructions"]


def test_wrong(stack, world):
    """A CNAME is fixed in the panel, the record behind it by the stack."""
    project = stack(2)
    world.resolver.cnames[NAMES[0]] = "gone.example"
    del world.resolver.cnames[NAMES[1]]
    world.resolver.proxied = NAMES[1]
    world.resolver.records[f"{NAMES[2]}.{KEYS}"] = ()
    result = project.run("status", SHOP, "--json")
    assert result.exit_code == 2
    elsewhere, proxied, behind = found = json.loads(result.stdout)["domains"][0]["records"]
    assert [one["misconfiguration"] for one in found] == ["wrong-target", "proxied", "no-txt"]
    assert f" of the CNAME record at this name to {NAMES[0]}.{KEYS}" in elsewhere["fix"]
    assert f" {NAMES[0]}.{KEYS}\n" in elsewhere["instructions"]
    assert "proxy" in proxied["fix"]
    assert behind["fix"].startswith("run `pulumi up --refresh`, which writes the record again")
    assert (behind["instructions"], behind["zone"], behind["found_at"]) == (
        "",
        KEYS,
        f"{NAMES[2]}.{KEYS}",
    )


def test_status_of_the_next_slot(stack, world, findings):
    """A CNAME that only a later rotation needs is due while it is missing."""
    project = stack(1)
    [stored] = project.stored
    tags = {OWNER_TAG: stored.declared.owner, INSTANCE_TAG: stored.instance}
    key = world.key(1).pkcs1_base64()
    world.model.put_identity(SHOP, REGION, selector="ses1", private_key=key, tags=tags)
    del world.resolver.cnames[NAMES[2]]
    [(kind, fields)] = [(kind, fields) for kind, code, fields in findings() if code == "SLOT"]
    assert (kind, fields["name"]) == ("due", NAMES[2])
    assert fields["seen"] == f"0 of 2 servers have the CNAME to {NAMES[2]}.{KEYS}"
    project.write(f"    {SHOP}: {{generation: 1, dns: {SLOTS}, retired: true}}\n")
    assert "SLOT" not in [code for _, code, _ in findings()]


# Rotations


@cases(
    ("until", "problem"),
    {
        # Generation 3 has leaked, with `overlapDays: 0`: generation 5 needs the slot of 2.
        "of no use any more": (
            {2: 11, 3: 1},
            "generation 5 has no record yet, and its slot has the key of generation 2",
        ),
        "in use": ({2: 3, 3: 1}, "generation 2 signed until 2026-11-22 12:00 UTC"),
    },
)
def test_slot_is_taken(stack, until, problem):
    """Where no slot may get a key yet, the date is said, or what to publish first."""
    project = stack(4, (2, 4), until=until, overlap_days=0)
    written = f"{{generation: 4, published: [2, 4], overlapDays: 0, dns: {SLOTS}}}"
    project.write(f"    {SHOP}: {written}\n")
    result = project.run("rotate", SHOP, "--yes")
    assert (result.exit_code, problem in result.stderr) == (1, True)
