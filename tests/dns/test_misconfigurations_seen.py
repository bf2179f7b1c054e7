"""
Every mistake in a real zone, on BIND and NSD, and what is said of it; the sandbox answers as they do.

The zone is real, so what the value looks like has been through a zone file's quoting, a name
server's parser and the wire before anybody judges it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import dns.name
import dns.rdata
import pytest
from click.testing import CliRunner

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.dkim.records import record_name
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.hosts.registry import PANELS
from sandbox.dns.hosting import CHILD_NAME_SERVERS, NAME_SERVERS, HostedZone
from sandbox.dns.server import DnsServer
from sandbox.dns.zone import RecordSet
from tests.dns import name_server
from tests.dns.misconfigurations import (
    ANOTHER,
    CASES,
    ELSEWHERE,
    PUBLIC_KEY_FILE,
    VALUE,
    domain_of,
    records_of,
    txt,
    zone_of,
)


@dataclass
class Server:
    """A name server with the zones of all cases."""

    address: str
    case: str = ""
    """Of which a test is about to ask."""

    def doctor(self, *arguments):
        """Exit code and the one finding of `byodkim doctor`."""
        result = CliRunner().invoke(
            main,
            [
                "doctor",
                *arguments,
                "--public-key",
                str(PUBLIC_KEY_FILE),
                "--nameserver",
                self.address,
                "--json",
            ],
            obj=Environment(ask_pulumi=None, account=None),
            env={"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
        )
        assert result.stderr == "", result.output
        (finding,) = json.loads(result.stdout)["domains"][0]["records"]
        return result.exit_code, finding


def zone_files(second: bool) -> dict[str, str]:
    """Every zone as the first or the *second* of its name servers has it."""
    files = {
        "domaincontrol.com": "ns1 IN A 127.0.0.1\nns2 IN A 127.0.0.2",
        "registrar-servers.com": "ns1 IN A 127.0.0.1\nns2 IN A 127.0.0.2",
        ELSEWHERE: f"key IN {txt(ANOTHER)}",
    }
    files = {zone: name_server.zone_text(text) for zone, text in files.items()}
    for name, case in CASES.items():
        records = records_of(name)
        if second:
            records = [(owner, data) for owner, data in records if owner != case.missing_at_second]
        lines = [f"{owner} IN {data}" for owner, data in records]
        for below, inside in case.zones.items():
            lines += [f"{below} IN NS ns1.{case.provider}.", f"{below} IN NS ns2.{case.provider}."]
            text = "\n".join(f"{owner} IN {data}" for owner, data in inside)
            files[f"{below}.{zone_of(name)}"] = name_server.zone_text(text, provider=case.provider)
        files[zone_of(name)] = name_server.zone_text("\n".join(lines), provider=case.provider)
    return files


@pytest.fixture(scope="module")
def not_ours(tmp_path_factory):
    """BIND and NSD, which are not ours; they are called as GoDaddy's servers are."""
    directory = tmp_path_factory.mktemp("name-servers")
    with name_server.running(directory, zone_files(second=False), zone_files(second=True)) as port:
        yield Server(f"{name_server.BIND}:{port}")


def record_sets(zone: str, records, servers) -> tuple[RecordSet, ...]:
    sets: dict[tuple[str, str], list[str]] = {
        (zone, "SOA"): [f"{servers[0]}. hostmaster.example. 1 1800 900 604800 900"],
        (zone, "NS"): [f"{server}." for server in servers],
    }
    for owner, data in records:
        kind, value = data.split(" ", 1)
        if kind == "CNAME" and not value.endswith("."):
            value = f"{value}.{zone}."
        sets.setdefault((zone if owner == "@" else f"{owner}.{zone}", kind), []).append(value)
    return tuple(RecordSet(owner, kind, 300, tuple(values)) for (owner, kind), values in sets.items())


def hosted(name: str) -> list[HostedZone]:
    """The zones of a case, as the sandbox serves them."""
    records = records_of(name)
    children = []
    for below, inside in CASES[name].zones.items():
        child = f"{below}.{zone_of(name)}"
        children.append(HostedZone(child, CHILD_NAME_SERVERS, record_sets(child, inside, CHILD_NAME_SERVERS)))
        records += [(below, f"NS {server}.") for server in CHILD_NAME_SERVERS]
    zones = {zone_of(name): records, ELSEWHERE: [("key", txt(ANOTHER))]}
    return children + [
        HostedZone(zone, NAME_SERVERS, record_sets(zone, inside, NAME_SERVERS))
        for zone, inside in zones.items()
    ]


@pytest.fixture(scope="module")
def sandbox_dns():
    """The sandbox's name servers, whose names say nothing about a provider."""
    zones = {name: hosted(name) for name in CASES}
    dns_server = DnsServer(lambda: zones.get(server.case, []))
    for name, case in CASES.items():
        if case.missing_at_second:
            dns_server.override(f"{case.missing_at_second}.{zone_of(name)}", (), server="127.0.0.2")
    dns_server.start()
    server = Server(dns_server.resolver)
    yield server
    dns_server.stop()


@pytest.mark.parametrize("name", CASES)
def test_doctor_names_the_mistake(not_ours, sandbox_dns, name):
    """The doctor calls the mistake by its name and says how to mend it; the record beside it is right."""
    case = CASES[name]
    typed_into = ["--panel", case.typed_into] if case.typed_into else []

    exit_code, finding = not_ours.doctor(domain_of(name), "--selector", "s1", *typed_into)

    assert (2, "wrong", case.code) == (exit_code, finding["verdict"], finding["misconfiguration"])
    assert case.says in finding["seen"]
    # Whose panel the target of a CNAME is typed into does not show.
    behind = "CNAME" in str(case.records) and case.code in ("private-key", "servers-differ")
    assert finding["panel"] == ("Namecheap" if case.typed_into else "DNS panel" if behind else "GoDaddy")
    panel = next(panel for panel in PANELS.values() if panel.title == finding["panel"])
    zone = f"_domainkey.{zone_of(name)}" if case.zones else zone_of(name)
    assert finding["zone"] == zone
    assert finding["fix"] == diagnosis.fix(panel, case.code, zone=zone, found_at=finding["found_at"])
    # A private key was pasted in three cases, and no one value is fit to be repeated.
    assert VALUE[40:200] not in json.dumps(finding | {"instructions": "", "value": ""})
    assert (finding["value"] == "") == (case.code == "private-key")
    exit_code, finding = not_ours.doctor(domain_of(name), "--selector", "right")
    assert (0, "right", "") == (exit_code, finding["verdict"], finding["misconfiguration"])
    assert finding["instructions"] == ""
    assert ours_and_theirs_agree(not_ours, sandbox_dns, name)


def ours_and_theirs_agree(not_ours, sandbox_dns, name):
    """The sandbox's name servers give every record as BIND and NSD do."""
    answers = []
    for server in (not_ours, sandbox_dns):
        server.case = name
        found = DnsResolver(resolvers=[server.address]).txt(
            record_name("s1", domain_of(name)), domain_of(name)
        )
        answers.append({(answer.values, answer.failure, answer.alias) for answer in found})
    theirs, ours = answers
    return ours <= theirs  # to a CNAME loop, NSD says SERVFAIL instead


def test_zone_files_are_read_alike():
    """The table's data is what dnspython, which the sandbox uses, reads too."""
    for name in CASES:
        origin = dns.name.from_text(zone_of(name))
        for _, data in records_of(name):
            kind, value = data.split(" ", 1)
            assert dns.rdata.from_text("IN", kind, value, origin=origin)
