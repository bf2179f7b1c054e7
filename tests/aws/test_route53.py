"""What Route 53 is asked about zones, and how often."""

import boto3
import pytest
from botocore.stub import Stubber

from byodkim_provider.aws.route53 import Route53Client, Zone
from byodkim_provider.errors import AwsRefused


@pytest.fixture
def client():
    return boto3.client("route53", "eu-west-1", aws_access_key_id="AKIA", aws_secret_access_key="secret")


@pytest.fixture
def stub(client):
    """What Route 53 is asked, and what it answers, in order."""
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def route53(client):
    return Route53Client(client)


def page(*zones, marker=None):
    """One page of ListHostedZones."""
    listed = [
        {
            "Id": f"/hostedzone/{zone_id}",
            "Name": f"{name}.",
            "CallerReference": zone_id,
            "Config": {"PrivateZone": is_private},
        }
        for zone_id, name, is_private in zones
    ]
    more = {"IsTruncated": True, "NextMarker": marker} if marker else {"IsTruncated": False}
    return {"HostedZones": listed, "Marker": "", "MaxItems": "100", **more}


def test_zones(stub, route53):
    """All zones of the account, with a call for each page, however often they are asked for."""
    stub.add_response("list_hosted_zones", page(("Z1", "example.com", False), marker="more"), {})
    stub.add_response("list_hosted_zones", page(("Z2", "example.com", True)), {"Marker": "more"})
    zones = (Zone("Z1", "example.com", False), Zone("Z2", "example.com", True))
    assert [route53.zones(), route53.zones()] == [zones, zones]


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
    """Each call is named in its error, with the next step."""
    stub.add_client_error("list_hosted_zones", "AccessDenied", "not authorized", 403)
    stub.add_client_error("get_hosted_zone", "NoSuchHostedZone", "No hosted zone found with ID: Z1", 404)
    with pytest.raises(AwsRefused) as listed:
        route53.zones()
    with pytest.raises(AwsRefused) as read:
        route53.name_servers("Z1")
    assert [str(error.value).partition("\n")[0] for error in (listed, read)] == [
        "ListHostedZones for the account: AccessDenied: not authorized",
        "GetHostedZone for zone 'Z1': NoSuchHostedZone: No hosted zone found with ID: Z1",
    ]
