"""
If this fails, who does exactly what `byodkim doctor` says still has a wrong record.

The person here understands a few verbs, opens the panel of the zone that is named, and types what
is printed. Whatever stands behind "if" is not so in a fresh zone. A verb that is not understood
fails, and so does advice that leaves two records at a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.dns import diagnosis
from byodkim_provider.hosts.registry import PANELS
from sandbox.dns.server import DnsServer
from tests.dns import test_cnames
from tests.dns.misconfigurations import (
    CASES,
    PUBLIC_KEY_FILE,
    TESTDATA,
    VALUE,
    Hosting,
    doctor,
    domain_of,
    set_up,
    txt,
    zone_of,
)


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
        fields = dict(
            re.findall(r"^  ([A-Z][^:\n]*): +(.*)$", str(finding["instructions"]), re.MULTILINE)
        )

        def typed_name() -> str:
            """The name as the panel stores it."""
            name = fields[panel.name_field]
            return name.removesuffix(".") if name.endswith(".") else f"{name}.{zone}"

        def typed_value() -> str:
            value = fields[panel.value_field]
            if panel.value_form != "quoted strings":
                return value
            assert value.startswith('"')
            return records.unquoted(value)

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
        elif fix.startswith("delete every TXT record at this name but one with this key"):
            self.hosting.delete(self.name, "TXT")
            self.hosting.add(zone, self.name, VALUE)
        elif fix.startswith("delete every TXT record at this name, then add one"):
            assert self.hosting.delete(self.name, "TXT") > 1
            add()
        elif fix.startswith("delete the CNAME record at this name, then add the TXT record"):
            assert self.hosting.delete(self.name, "CNAME") == 1
            add()
        elif deleted := re.match(
            r"delete the record(?: at (\S+))? at once, then make a new key ", fix
        ):
            assert self.hosting.delete(deleted[1] or self.name, "TXT") == 1
            assert finding["instructions"] == ""
        elif fix.startswith("wait some minutes and run this again"):
            self.server.override(self.name, None)
        else:
            pytest.fail(f"nobody understands {fix!r}")


OTHER_PUBLIC_KEY_FILE = TESTDATA / "rsa1024.public.pem"

PANELS_USED = ("route53", "hostgator", "namecheap")
"""Of each form of names and values one."""

FIXES = {
    (case.code, bool(case.sub_domain), len(case.records)): name for name, case in CASES.items()
}
"""A case for each code; and for each place that a person has to find."""


@pytest.mark.parametrize(
    ("name", "panel"),
    [
        (name, panel)
        for number, name in enumerate(FIXES.values())
        for panel in ("", PANELS_USED[number % len(PANELS_USED)])
    ],
)
def test_followed(dns, hosting, name, panel):
    """
    Whatever is wrong, one thing done as said is enough; the record of another selector stays right.
    """
    server, _ = dns
    set_up(server, hosting, name)
    typed_into = (
        ["--panel", panel or CASES[name].typed_into] if panel or CASES[name].typed_into else []
    )
    person = Person(server, hosting, records.record_name("s1", domain_of(name)))

    exit_code, finding = doctor(server.resolver, domain_of(name), "s1", *typed_into)
    assert exit_code == 2
    person.follow(finding)

    selector, key = "s1", PUBLIC_KEY_FILE
    if finding["misconfiguration"] == "private-key":
        selector, key = "s2", OTHER_PUBLIC_KEY_FILE
        person.name = records.record_name(selector, domain_of(name))
        _, finding = doctor(server.resolver, domain_of(name), selector, *typed_into, key=key)
        assert finding["misconfiguration"] in ("no-txt", "served-elsewhere")
        person.follow(finding)
    exit_code, finding = doctor(server.resolver, domain_of(name), selector, *typed_into, key=key)
    assert (0, "") == (exit_code, finding["misconfiguration"]), finding
    assert 0 == doctor(server.resolver, domain_of(name), "right")[0]


def test_every_fix_is_followed():
    """
    No fix is left out: the cases have every misconfiguration, but those of a CNAME (`test_cnames`).
    """
    of_cnames = {"cname", "proxied", "wrong-target"}
    assert of_cnames <= {case.code for case in test_cnames.CASES.values()}
    assert {*diagnosis.CODES} == of_cnames | {code for code, *_ in FIXES}
