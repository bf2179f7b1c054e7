"""If this fails, Route 53 or pulumi-aws do something else in the sandbox than on AWS."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from sandbox.pulumi.aws_resources import Record
from tests.support.cases import cases
from tests.support.records import change

STRING = "x" * 255
NAME = "s1._domainkey.example.com"


@pytest.fixture
def zone_id(sandbox):
    return sandbox.add_zone("example.com")


@pytest.fixture
def record(sandbox):
    return Record(SimpleNamespace(route53=sandbox.route53))  # without the limit on requests


def inputs(zone_id, *, name=NAME, value="p=abc", **more):
    return {
        "name": name,
        "type": "TXT",
        "zoneId": zone_id,
        "ttl": 300.0,
        "records": [value],
        **more,
    }


TRIED = "Tried to {} resource record set [name='{}.example.com.', type='TXT'] but {}"
EXISTS = TRIED.format("create", "there", "it already exists")
CONFLICT = (
    "RRSet of type CNAME with DNS name there.example.com. is not permitted as it conflicts "
    "with other "
    "records with the same DNS name in zone example.com."
)
NOT_PERMITTED = "RRSet with DNS name s1.{}. is not permitted in zone example.com."
NO_QUOTES = "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with"


@cases(
    ("action", "name", "values", "problem"),
    {
        "exists": ("CREATE", "there.example.com", ['"b"'], EXISTS),
        "alias beside": ("UPSERT CNAME", "there.example.com", ["example.net"], CONFLICT),
        "other zone": ("CREATE", "s1.example.org", ['"a"'], NOT_PERMITTED.format("example.org")),
        "no quotes": ("CREATE", "new.example.com", ["a"], f"{NO_QUOTES} 'a'"),
        "string of 256": ("CREATE", "new.example.com", [f'"{STRING}y"'], "CharacterStringTooLong"),
    },
)
def test_route53_refuses(sandbox, zone_id, action, name, values, problem):
    """Route 53 refuses what breaks its rules, in its words, and changes nothing."""
    change(sandbox, zone_id, "CREATE", "there.example.com", '"a"')
    action, _, kind = action.partition(" ")
    with pytest.raises(ClientError, match=r"InvalidChangeBatch|InvalidInput") as refused:
        change(sandbox, zone_id, action, name, *values, kind=kind or "TXT")
    assert problem in str(refused.value)
    assert (("a",), ()) == (
        sandbox.dns.txt("there.example.com"),
        sandbox.dns.txt("new.example.com"),
    )


def test_record_value_gets_one_pair_of_quotes(sandbox, zone_id, record):
    """Two quotes in a value join strings; a value with outer quotes of its own is refused."""
    made = record.create(inputs(zone_id, value=f'{STRING}""rest'))
    assert (STRING + "rest",) == sandbox.dns.txt(NAME)
    assert made[1] == record.read(*made)
    with pytest.raises(ClientError, match="should be enclosed in quotation marks"):
        record.update(*made, inputs(zone_id, value='"p=abc"'))
    with pytest.raises(ClientError, match="CharacterStringTooLong"):
        record.update(*made, inputs(zone_id, value=f"{STRING}rest"))


def test_record_of_another_type(sandbox, zone_id, record):
    """The type changes in place: one batch removes the old record and makes the new one."""
    made = record.create(inputs(zone_id) | {"records": ["p=b", "p=a"]})
    assert (made[1]["records"], made[1]) == (
        ["p=a", "p=b"],
        record.read(*made),
    )  # a set, as in Terraform
    assert record.changed(made[1], inputs(zone_id) | {"records": ["p=b", "p=a"]}) == set()
    alias = inputs(zone_id, value="s1.example.net") | {"type": "CNAME"}
    assert record.changed(made[1], alias) == {"type", "records"}
    assert not record.replacing & {"type", "records"}
    outputs = record.update(*made, alias)
    listed = sandbox.route53.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    assert [one["Type"] for one in listed if one["Name"].startswith("s1.")] == ["CNAME"]
    assert outputs == record.read(made[0], outputs)
