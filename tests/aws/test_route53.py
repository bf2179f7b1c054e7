"""If this fails, somebody else's record is not seen, or Route 53 is asked too much."""

import boto3
import pytest
from botocore.stub import Stubber

from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import stopping
from tests.support.cases import cases

NAME = "s1._domainkey.example.com"


@pytest.fixture
def client():
    return boto3.client(
        "route53", "eu-west-1", aws_access_key_id="AKIA", aws_secret_access_key="secret"
    )


@pytest.fixture
def stub(client):
    """What Route 53 is asked, and what it answers, in order."""
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def route53(client):
    return Route53Client(client)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(stopping, "wait", lambda seconds: stopping.is_set())


def page(*zones, marker=None):
    """One page of ListHostedZones."""
    listed = [
        {
            "Id": f"/hostedzone/{zone_id}",
            "Name": "example.com.",
            "Config": {"PrivateZone": is_private},
        }
        for zone_id, is_private in zones
    ]
    more = {"IsTruncated": bool(marker)} | ({"NextMarker": marker} if marker else {})
    listed = [{"CallerReference": "any", **one} for one in listed]
    return {"HostedZones": listed, "Marker": "", "MaxItems": "100", **more}


def test_zones(stub, route53):
    """All public zones of the account, a call for each page, however often they are asked for."""
    first = page(("Z1", False), marker="more")
    stub.add_response("list_hosted_zones", first, {})
    stub.add_client_error("list_hosted_zones", "Throttling")
    stub.add_response("list_hosted_zones", first, {})
    stub.add_response("list_hosted_zones", page(("Z2", True), ("Z3", False)), {"Marker": "more"})
    public = {"Z1": "example.com", "Z3": "example.com"}
    assert [route53.zones(), route53.zones()] == [public, public]


def test_name_servers(stub, route53):
    """Name servers as everybody else names them, asked for once."""
    answer = {
        "HostedZone": {"Id": "/hostedzone/Z1", "Name": "example.com.", "CallerReference": "Z1"},
        "DelegationSet": {"NameServers": ["ns-2.example.net", "ns-1.example.net."]},
    }
    stub.add_response("get_hosted_zone", answer, {"Id": "Z1"})
    servers = ("ns-1.example.net", "ns-2.example.net")
    assert [route53.name_servers("Z1"), route53.name_servers("Z1")] == [servers, servers]


def test_refused(stub, route53):
    """A call is named in its error, with what Route 53 says and the next step."""
    stub.add_client_error("list_hosted_zones", "AccessDenied", "no", 403)
    with pytest.raises(AwsRefused) as caught:
        route53.zones()
    fields = caught.value.message.fields
    assert (fields["operation"], fields["region"]) == ("ListHostedZones", "Route 53")
    says = AwsMessages.SAYS(service="Route 53", reason="no")
    assert (fields["code"], fields["steps"]) == ("AccessDenied", [says, AwsMessages.POLICY()])


# -- one name of a zone


def answer(*values, name=f"{NAME}.", kind="TXT"):
    """One page of ListResourceRecordSets; without values the zone ends there."""
    found = [{"Value": value} for value in values]
    record_set = {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": found}
    return {
        "ResourceRecordSets": [record_set] if values else [],
        "IsTruncated": False,
        "MaxItems": "300",
    }


QUESTION = {"HostedZoneId": "Z1", "StartRecordName": NAME}

ALIAS = answer('"a"')
ALIAS["ResourceRecordSets"][0]["AliasTarget"] = {
    "HostedZoneId": "Z1",
    "DNSName": "other.example.com.",
    "EvaluateTargetHealth": False,
}


@cases(
    ("kind", "found", "expected"),
    {
        "there": ("TXT", answer('"a" "b"', '"c"'), ('"a" "b"', '"c"')),
        "the next name": ("TXT", answer('"a"', name="s2._domainkey.example.com."), ()),
        "CNAME": ("TXT", answer("a.example.net", kind="CNAME"), ("a.example.net",)),
        "alias": ("TXT", ALIAS, ("alias of other.example.com.",)),
        "another type": ("TXT", answer("10 mx.example.net", kind="MX"), ()),
    },
)
def test_standing(stub, route53, kind, found, expected):
    """A name is asked for, not a zone."""
    stub.add_response("list_resource_record_sets", found, QUESTION)
    assert route53.standing("Z1", NAME, kind) == expected


def test_standing_of_many_record_sets(stub, route53):
    """All record sets of the name are read, and none of another name; nothing is kept."""
    page = answer('"a"')
    for more in (answer('"b"'), answer('"c"', name=f"t.{NAME}.")):
        page["ResourceRecordSets"] += more["ResourceRecordSets"]
    for _ in range(2):
        stub.add_response("list_resource_record_sets", page, QUESTION)
        assert route53.standing("Z1", NAME, "TXT") == ('"a"', '"b"')


def test_standing_in_a_zone_that_is_gone(stub, route53):
    """With its zone went the record."""
    stub.add_client_error(
        "list_resource_record_sets", "NoSuchHostedZone", "No hosted zone found", 404
    )
    assert route53.standing("Z1", NAME, "TXT") == ()


def test_throttled(stub, route53):
    """Who asks too fast waits and asks again."""
    for _ in range(2):
        stub.add_client_error("list_resource_record_sets", "Throttling", "Rate exceeded", 400)
    stub.add_response("list_resource_record_sets", answer('"a"'), QUESTION)
    assert route53.standing("Z1", NAME, "TXT") == ('"a"',)
