"""
Every mistake in a real zone, on BIND and NSD, and what is said of it; the sandbox answers as they
do.

The zone is real, so what the value looks like has been through a zone file's quoting, a name
server's parser and the wire before anybody judges it.
"""

from __future__ import annotations

import json

import pytest

from byodkim_provider.dkim.records import record_name
from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.resolver import DnsResolver
from byodkim_provider.hosts.registry import PANELS
from sandbox.dns.server import DnsServer
from tests.dns import name_server
from tests.dns.misconfigurations import (
    ANOTHER,
    CASES,
    ELSEWHERE,
    VALUE,
    Hosting,
    doctor,
    domain_of,
    records_of,
    set_up,
    txt,
    zone_of,
)


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
        yield f"{name_server.BIND}:{port}"


@pytest.fixture(scope="module")
def sandbox_dns():
    """The sandbox's name servers, whose names say nothing about a provider."""
    hosting = Hosting()
    server = DnsServer(hosting.hosted)
    for name in CASES:
        set_up(server, hosting, name)
    server.start()
    yield server.resolver
    server.stop()


@pytest.mark.parametrize("name", CASES)
def test_doctor_names_the_mistake(not_ours, sandbox_dns, name):
    """
    The doctor calls the mistake by its name and says how to mend it; the record beside it is right.
    """
    case = CASES[name]
    typed_into = ["--panel", case.typed_into] if case.typed_into else []

    exit_code, finding = doctor(not_ours, domain_of(name), "s1", *typed_into)

    assert (2, "wrong", case.code) == (exit_code, finding["verdict"], finding["misconfiguration"])
    assert case.says in " ".join([finding["text"], *(one["says"] for one in finding["servers"])])
    # Whose panel the target of a CNAME is typed into does not show.
    behind = "CNAME" in str(case.records) and case.code == "servers-differ"
    assert finding["panel"] == (
        "Namecheap" if case.typed_into else "DNS panel" if behind else "GoDaddy"
    )
    panel = next(panel for panel in PANELS.values() if panel.title == finding["panel"])
    zone = f"_domainkey.{zone_of(name)}" if case.zones else zone_of(name)
    assert finding["zone"] == zone
    assert finding["fix"] == diagnosis.fix(
        panel, case.code, zone=zone, found_at=finding["found_at"]
    )
    # A private key was pasted in three cases, and no one value is fit to be repeated.
    assert VALUE[40:200] not in json.dumps(finding | {"instructions": "", "value": ""})
    assert (finding["value"] == "") == (case.code == "private-key")
    exit_code, finding = doctor(not_ours, domain_of(name), "right")
    assert (0, "right", "") == (exit_code, finding["verdict"], finding["misconfiguration"])
    assert finding["instructions"] == ""
    # The sandbox has no wildcards.
    assert "wildcard" in name or ours_and_theirs_agree(not_ours, sandbox_dns, name)


def ours_and_theirs_agree(not_ours, sandbox_dns, name):
    """The sandbox's name servers give every record as BIND and NSD do."""
    answers = []
    for server in (not_ours, sandbox_dns):
        found = DnsResolver(resolvers=[server]).txt(
            record_name("s1", domain_of(name)), domain_of(name)
        )
        answers.append({(answer.values, answer.failure, answer.alias) for answer in found})
    theirs, ours = answers
    return ours <= theirs  # to a CNAME loop, NSD says SERVFAIL instead
