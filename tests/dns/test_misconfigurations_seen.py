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
    set_up,
    txt,
    zone_files,
    zone_of,
)


@pytest.fixture(scope="module")
def not_ours(tmp_path_factory):
    """BIND and NSD, which are not ours; they are called as GoDaddy's servers are."""
    directory = tmp_path_factory.mktemp("name-servers")
    elsewhere = {ELSEWHERE: f"key IN {txt(ANOTHER)}"}
    files = [zone_files(CASES, elsewhere, second=second) for second in (False, True)]
    with name_server.running(directory, *files) as port:
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
    assert case.says in finding["seen"]
    assert finding["panel"] == ("Namecheap" if case.typed_into else "GoDaddy")
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
        answers.append({(answer.values, answer.failure, answer.target) for answer in found})
    theirs, ours = answers
    return ours <= theirs  # to a CNAME loop, NSD says SERVFAIL instead
