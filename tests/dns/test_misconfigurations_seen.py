"""
Every mistake in a real zone, on BIND and NSD, and what is said of it: if this fails, people mend
the wrong thing.

The zone is real, so what the value looks like has been through a zone file's quoting, a name
server's parser and the wire before anybody judges it.
"""

import json

import pytest

from byodkim_provider.dns import diagnosis
from byodkim_provider.dns.diagnosis import ExpectedRecord
from byodkim_provider.dns.visibility import Diagnosis
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.messages.dkim import FIXES
from tests.dns import name_server, test_cnames
from tests.dns.misconfigurations import (
    ANOTHER,
    CASES,
    ELSEWHERE,
    VALUE,
    doctor,
    domain_of,
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


def test_every_misconfiguration_has_a_case():
    """No fix is left out; those of a CNAME are in `test_cnames`."""
    of_cnames = {"cname", "proxied", "wrong-target"}
    assert of_cnames <= {case.code for case in test_cnames.CASES.values()}
    assert set(FIXES) == of_cnames | {case.code for case in CASES.values()}


@pytest.mark.parametrize("name", CASES)
def test_doctor_names_the_mistake(not_ours, name):
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
    seen = Diagnosis(verdict="wrong", code=case.code, zone=zone, found_at=finding["found_at"])
    expected = ExpectedRecord(selector="s1", domain=domain_of(name))
    assert finding["fix"] == diagnosis.fix(panel, expected, seen, kept=False)
    # A private key was pasted in three cases, and no one value is fit to be repeated.
    assert VALUE[40:200] not in json.dumps(finding | {"instructions": "", "value": ""})
    assert (finding["value"] == "") == (case.code == "private-key")
    exit_code, finding = doctor(not_ours, domain_of(name), "right")
    assert (0, "right", "") == (exit_code, finding["verdict"], finding["misconfiguration"])
    assert finding["instructions"] == ""
