"""If this fails, the example for Namecheap is no program that runs."""

import runpy
import sys

import pulumi
import pytest
from pulumi.runtime.settings import reset_options

from tests.docs.pages import ROOT
from tests.examples import pulumi_namecheap
from tests.support.cloud import NAME, VALUE, Cloud

EXAMPLE = ROOT / "examples" / "namecheap"

RECORD = "namecheap:index/dnsRecord:DnsRecord"


@pytest.fixture
def asked(monkeypatch):
    """What the program asked the engine for."""
    cloud = Cloud()
    monkeypatch.setitem(sys.modules, "pulumi_namecheap", pulumi_namecheap)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    pulumi.runtime.set_mocks(cloud, project="byodkim-namecheap", stack="dev", preview=False)
    pulumi.runtime.test(
        lambda: runpy.run_path(str(EXAMPLE / "__main__.py"), run_name="__main__") and None
    )()
    yield cloud.asked
    reset_options()
    sys.modules.pop("namecheap", None)


def test_records(asked):
    """Each published key has one record, its name without the zone and its value in one piece."""
    made = {one.name: one.inputs for one in asked if one.typ == RECORD}
    assert made.keys() == {f"example.com/key{number}/namecheap:example.com" for number in (1, 2)}
    for inputs in made.values():
        assert inputs == {
            "domain": "example.com",
            "hostname": NAME.removesuffix(".example.com"),
            "type": "TXT",
            "address": VALUE,
            "ttl": 1800,
        }


def test_place(asked):
    """The identity knows where its record stands, and that somebody waits for its verification."""
    [identity] = [one.inputs for one in asked if one.typ.endswith("ByodkimIdentity")]
    assert identity["zones"] == [{"provider": "namecheap", "name": "example.com"}]
    assert [one.name for one in asked if one.typ.endswith("DkimVerification")] == ["example.com"]


def test_no_other_resource(asked):
    """Nothing at Route 53 is declared."""
    assert {one.typ.rpartition(":")[2] for one in asked} == {
        "ByodkimDomain",
        "DkimKey",
        "DnsRecord",
        "ByodkimIdentity",
        "DkimVerification",
        "StackId",
    }
