"""
Somebody who does exactly what `byodkim doctor` says, no more and no less, ends with a right record.

The person here understands a few verbs, opens the panel of the zone that is named, and types what
is printed. Whatever stands behind "if" is not so in a fresh zone. A verb that is not understood
fails, and so does advice that leaves two records at a name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.dkim import records
from byodkim_provider.dns import diagnosis
from byodkim_provider.hosts.registry import PANELS
from sandbox.dns.hosting import CHILD_NAME_SERVERS, NAME_SERVERS, HostedZone
from sandbox.dns.server import DnsServer
from sandbox.dns.zone import RecordSet
from tests.dns import test_cnames
from tests.dns.misconfigurations import (
    ANOTHER,
    CASES,
    ELSEWHERE,
    PUBLIC_KEY_FILE,
    TESTDATA,
    VALUE,
    domain_of,
    records_of,
    txt,
    zone_of,
)


@dataclass
class Hosting:
    """Zones that can be changed, and the panels through which people change them."""

    zones: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """Owner (a full name), type and data of all records, by zone."""

    def hosted(self) -> list[HostedZone]:
        return [self._hosted(zone) for zone in self.zones]

    def _hosted(self, zone: str) -> HostedZone:
        below = any(zone.endswith(f".{other}") for other in self.zones)
        servers = CHILD_NAME_SERVERS if below else NAME_SERVERS
        sets: dict[tuple[str, str], list[str]] = {
            (zone, "SOA"): [f"{servers[0]}. hostmaster.example. 1 1800 900 604800 900"],
            (zone, "NS"): [f"{server}." for server in servers],
        }
        for owner, kind, data in self.zones[zone]:
            sets.setdefault((owner, kind), []).append(data)
        return HostedZone(
            zone, servers, tuple(RecordSet(*key, 300, tuple(values)) for key, values in sets.items())
        )

    def at(self, name: str, kind: str) -> list[tuple[str, tuple[str, str, str]]]:
        """The records of a kind at a name, each with its zone; a delegation hides those above it."""
        zone = max((zone for zone in self.zones if f".{name}".endswith(f".{zone}")), key=len)
        return [(zone, one) for one in self.zones[zone] if one[:2] == (name, kind)]

    def delete(self, name: str, kind: str) -> int:
        """How many records were deleted."""
        found = self.at(name, kind)
        for zone, record in found:
            self.zones[zone].remove(record)
        return len(found)

    def add(self, zone: str, name: str, value: str, kind: str = "TXT") -> None:
        data = txt(value).removeprefix("TXT ") if kind == "TXT" else f"{value}."
        self.zones[zone].append((name, kind, data))


@pytest.fixture(scope="module")
def dns():
    """A name server whose zones are those of one test."""
    hosting = Hosting()
    server = DnsServer(hosting.hosted)
    server.start()
    yield server, hosting
    server.stop()


@pytest.fixture
def hosting(dns):
    server, hosting = dns
    hosting.zones.clear()
    yield hosting
    for case in CASES:
        server.override(f"half.{zone_of(case)}", None)
        server.override(records.record_name("s1", zone_of(case)), None)


@dataclass
class Person:
    """Somebody with a panel of every zone."""

    server: DnsServer
    hosting: Hosting
    name: str
    """Of the record that has to be right."""

    def follow(self, finding: dict[str, object]) -> None:
        """Do what *finding* says, to the letter."""
        fix, zone = str(finding["fix"]), str(finding["zone"])
        panel = next(one for one in PANELS.values() if one.title == finding["panel"])
        fields = dict(re.findall(r"^  ([A-Z][^:\n]*): +(.*)$", str(finding["instructions"]), re.MULTILINE))

        def typed_name() -> str:
            """The name as the panel stores it."""
            name = fields[panel.name_field]
            return name.removesuffix(".") if name.endswith(".") else f"{name}.{zone}"

        def typed_value() -> str:
            value = fields[panel.value_field]
            return records.parse_quoted(value) if panel.value_form == "quoted strings" else value

        def add() -> None:
            assert fields["Type"] in ("TXT", "TXT Record")
            self.hosting.add(zone, typed_name(), typed_value())

        if re.match(r"replace '", fix):
            assert f"replace {panel.value_field!r}" in fix
            assert self.hosting.delete(self.name, "TXT") == 1, "one record is to be replaced"
            self.hosting.add(zone, self.name, typed_value())
        elif changed := re.match(r"change '(.*?)' of the record at (\S+): ", fix):
            assert changed[1] == panel.name_field
            ((place, record),) = (
                one for one in self.hosting.at(changed[2], "TXT") if one[1][2] == txt(VALUE)[4:]
            )
            self.hosting.zones[place].remove(record)
            self.hosting.zones[zone].append((typed_name(), *record[1:]))
        elif re.match(r"add (the|a) record ", fix):
            add()
        elif fix.startswith("add the NS records in the zone "):
            for server in re.findall(r"^  Value: (.*)$", str(finding["instructions"]), re.MULTILINE):
                self.hosting.add(zone, typed_name(), server, kind="NS")
        elif fix.startswith("delete every TXT record at this name but one with this key"):
            self.hosting.delete(self.name, "TXT")
            self.hosting.add(zone, self.name, VALUE)
        elif fix.startswith("delete every TXT record at this name, then add one"):
            assert self.hosting.delete(self.name, "TXT") > 1
            add()
        elif fix.startswith("delete the CNAME record at this name, then add the TXT record"):
            assert self.hosting.delete(self.name, "CNAME") == 1
            add()
        elif deleted := re.match(r"delete the record(?: at (\S+))? at once, then make a new key ", fix):
            assert self.hosting.delete(deleted[1] or self.name, "TXT") == 1
            assert finding["instructions"] == ""
        elif fix.startswith("wait some minutes and run this again"):
            self.server.override(self.name, None)
            self.server.override(f"half.{self.name.partition('_domainkey.')[2]}", None)
        else:
            pytest.fail(f"nobody understands {fix!r}")


def doctor(server: DnsServer, domain: str, selector: str, *options: str, key: Path = PUBLIC_KEY_FILE):
    """Exit code and the one finding."""
    arguments = ["doctor", domain, "--selector", selector, "--public-key", str(key), *options]
    result = CliRunner().invoke(
        main,
        [*arguments, "--nameserver", server.resolver, "--json"],
        obj=Environment(ask_pulumi=None, account=None),
        env={"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    )
    (finding,) = json.loads(result.stdout)["domains"][0]["records"]
    return result.exit_code, finding


def set_up(server: DnsServer, hosting: Hosting, name: str) -> None:
    """The zones of a case as somebody got them wrong."""
    case, zone = CASES[name], zone_of(name)
    hosting.zones[ELSEWHERE] = [(f"key.{ELSEWHERE}", *txt(ANOTHER).split(" ", 1))]
    hosting.zones[zone] = []
    for owner, data in records_of(name):
        kind, value = data.split(" ", 1)
        if kind == "CNAME" and not value.endswith("."):
            value = f"{value}.{zone}."
        hosting.zones[zone].append((zone if owner == "@" else f"{owner}.{zone}", kind, value))
    for below, inside in case.zones.items():
        hosting.zones[zone] += [(f"{below}.{zone}", "NS", f"{server}.") for server in CHILD_NAME_SERVERS]
        hosting.zones[f"{below}.{zone}"] = [
            (f"{owner}.{below}.{zone}", *data.split(" ", 1)) for owner, data in inside
        ]
    if case.missing_at_second:
        server.override(f"{case.missing_at_second}.{zone}", (), server="127.0.0.2")


OTHER_PUBLIC_KEY_FILE = TESTDATA / "rsa1024.public.pem"

PANELS_USED = ("", "route53", "hostgator", "namecheap")
"""Of each form of names and values one, and none."""

FIXES = {(case.code, bool(case.sub_domain), len(case.records)): name for name, case in CASES.items()}
"""A case for each code; and for each place that a person has to find."""


@pytest.mark.parametrize("name", FIXES.values())
@pytest.mark.parametrize("panel", PANELS_USED)
def test_followed(dns, hosting, name, panel):
    """Whatever is wrong, one thing done as said is enough; the record of another selector stays right."""
    server, _ = dns
    set_up(server, hosting, name)
    typed_into = ["--panel", panel or CASES[name].typed_into] if panel or CASES[name].typed_into else []
    person = Person(server, hosting, records.record_name("s1", domain_of(name)))

    exit_code, finding = doctor(server, domain_of(name), "s1", *typed_into)
    assert exit_code == 2
    person.follow(finding)

    selector, key = "s1", PUBLIC_KEY_FILE
    if finding["misconfiguration"] == "private-key":
        selector, key = "s2", OTHER_PUBLIC_KEY_FILE
        person.name = records.record_name(selector, domain_of(name))
        _, finding = doctor(server, domain_of(name), selector, *typed_into, key=key)
        assert finding["misconfiguration"] in ("no-txt", "served-elsewhere")
        person.follow(finding)
    exit_code, finding = doctor(server, domain_of(name), selector, *typed_into, key=key)
    assert (0, "") == (exit_code, finding["misconfiguration"]), finding
    assert 0 == doctor(server, domain_of(name), "right")[0]


def test_every_fix_is_followed():
    """No fix is left out: the cases have every misconfiguration, but those of a CNAME (`test_cnames`)."""
    assert {*diagnosis.CODES} - {*test_cnames.FIXES} == {code for code, *_ in FIXES}
