"""What has to be true of a name in Route 53 before a supplied key gets its record there."""

from dataclasses import fields
from io import BytesIO

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber
from pulumi.output import Unknown

from byodkim_provider import progress
from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.session import connect_to_route53
from byodkim_provider.aws.settings import AwsSettings
from byodkim_provider.dkim import keys, records
from byodkim_provider.errors import AwsRefused, InvalidSettings, Stopped
from byodkim_provider.resources.record_check import RecordCheckArgs
from byodkim_provider.resources.record_check_provider import RecordCheckProvider

NAME = "s1._domainkey.example.com"
VALUE = records.record_value(keys.generate(2048).public_key_der)
OTHER_VALUE = records.record_value(keys.generate(1024).public_key_der)
INPUTS = {"zone_id": "Z1", "record_name": NAME, "record_value": VALUE}


class Raw(BytesIO):
    """A body as botocore reads it."""

    def __init__(self, text):
        super().__init__(text.encode())

    def stream(self, **_):
        yield self.read()


@pytest.fixture
def client():
    return boto3.client("route53", "eu-west-1", aws_access_key_id="AKIA", aws_secret_access_key="secret")


@pytest.fixture
def route53(client):
    """What Route 53 is asked, and what it answers, in order."""
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def asked(client):
    return Route53Client(client)


@pytest.fixture
def provider(asked):
    return RecordCheckProvider(lambda role: asked)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(progress.stopping, "wait", lambda seconds: False)


def answer(*values, name=f"{NAME}.", kind="TXT"):
    """One page of ListResourceRecordSets; without values the zone ends there."""
    record_set = {
        "Name": name,
        "Type": kind,
        "TTL": 300,
        "ResourceRecords": [{"Value": value} for value in values],
    }
    return {
        "ResourceRecordSets": [record_set] if values else [],
        "IsTruncated": True,
        "MaxItems": "1",
    }


QUESTION = {"HostedZoneId": "Z1", "StartRecordName": NAME, "StartRecordType": "TXT", "MaxItems": "1"}


def reasons(result):
    return [one.reason for one in result.failures]


# -- one name of a zone


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer('"a" "b"', '"c"'), ('"a" "b"', '"c"')),
        (answer('"a"', name="s2._domainkey.example.com."), ()),
        (answer("a.example.net", kind="CNAME"), ()),
        (answer(), ()),
    ],
    ids=["there", "the next name", "another type", "the zone's end"],
)
def test_txt(route53, asked, found, expected):
    """A name is asked for alone, however many records its zone has."""
    route53.add_response("list_resource_record_sets", found, QUESTION)
    assert asked.txt("Z1", NAME) == expected


def test_throttled(route53, asked):
    """Who asks too fast waits and asks again."""
    for _ in range(2):
        route53.add_client_error("list_resource_record_sets", "Throttling", "Rate exceeded", 400)
    route53.add_response("list_resource_record_sets", answer('"a"'), QUESTION)
    assert asked.txt("Z1", NAME) == ('"a"',)


@pytest.mark.parametrize(
    ("code", "text", "hint"),
    [
        ("NoSuchHostedZone", "No hosted zone found with ID: Z1", "nothing was changed"),
        (
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/me is not authorized",
            "nothing was changed; `byodkim iam-policy` prints the policy that these credentials need",
        ),
        (
            "ExpiredToken",
            "The security token included in the request is expired",
            "nothing was changed; renew the credentials until `aws sts get-caller-identity` works",
        ),
    ],
)
def test_refused(route53, asked, code, text, hint):
    """What Route 53 says is one line, and the next step another."""
    route53.add_client_error("list_resource_record_sets", code, text, 403)
    with pytest.raises(AwsRefused) as caught:
        asked.txt("Z1", NAME)
    assert str(caught.value) == f"ListResourceRecordSets for zone 'Z1': {code}: {text}\n  hint: {hint}"


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "Sign in"])
def test_somebody_else_answers(asked, client, body):
    """A page of a proxy is no answer, and no crash."""

    def answer(request, **_):
        return AWSResponse(request.url, 200, {"content-type": "text/html"}, Raw(body))

    client.meta.events.register("before-send.route53", answer)
    with pytest.raises(AwsRefused) as caught:
        asked.txt("Z1", NAME)
    assert str(caught.value) == (
        "ListResourceRecordSets for zone 'Z1': a response that is not Route 53's\n"
        "  hint: nothing was changed; is there a proxy between here and AWS?"
    )


def test_interrupted(route53, asked, monkeypatch):
    """Ctrl-C is heard while Route 53 wants to be left alone."""
    monkeypatch.setattr(progress.stopping, "wait", lambda seconds: seconds > 0)
    route53.add_client_error("list_resource_record_sets", "Throttling", "Rate exceeded", 400)
    with pytest.raises(Stopped):
        asked.txt("Z1", NAME)


def test_interrupted_in_line(route53, asked, monkeypatch):
    """Of many that wait for their turn, none asks Route 53 once the run is interrupted."""
    monkeypatch.setattr(progress.stopping, "wait", lambda seconds: True)
    with pytest.raises(Stopped):
        asked.txt("Z1", NAME)


def test_role_of_the_zone():
    """The zone of another account is read as the role that writes to it."""
    settings = AwsSettings(
        access_key="AKIA", secret_key="secret", endpoints={"route53": "http://127.0.0.1:1"}
    )
    role = "arn:aws:iam::123456789012:role/dns"
    client = connect_to_route53(settings, region="eu-west-1", role_arn=role)
    assert client._get_credentials().method == "assume-role"  # botocore has no public way
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    own = connect_to_route53(settings, region=None, role_arn=None)
    assert own._get_credentials().method != "assume-role"


def test_no_session():
    """A profile that nobody has is told as for SES."""
    with pytest.raises(InvalidSettings, match=r"^aws: no session with profile 'nobody': "):
        connect_to_route53(AwsSettings(profile="nobody"), region="eu-west-1", role_arn=None)


# -- a key's record


@pytest.mark.parametrize(
    "standing", [(), (records.quoted(VALUE),), (records.quoted(f"v=DKIM1; k=rsa; {VALUE}"),)]
)
def test_new(route53, provider, standing):
    """A record is made where none stands, or taken over if it holds this very key."""
    route53.add_response("list_resource_record_sets", answer(*standing), QUESTION)
    assert reasons(provider.check({}, INPUTS)) == []


@pytest.mark.parametrize(
    "standing",
    [
        (records.quoted(OTHER_VALUE),),
        ('"v=spf1 -all"',),
        (records.quoted(VALUE), records.quoted(OTHER_VALUE)),
        ("no quotes",),
    ],
    ids=["another key", "no key", "two", "broken"],
)
def test_foreign(route53, provider, standing):
    """Somebody's record is not overwritten, and nobody is told to remove it."""
    route53.add_response("list_resource_record_sets", answer(*standing), QUESTION)
    assert reasons(provider.check({}, INPUTS)) == [
        f"'{NAME}' is in Route 53 already, with another value, and a selector never gets a second key\n"
        "  hint: nothing was changed; give the key another selector, since mail may be signed with the one "
        "that stands there"
    ]


def test_stored(route53, provider):
    """A record in the state costs no call, and its selector never gets a second key."""
    assert reasons(provider.check(INPUTS, INPUTS)) == []
    assert reasons(provider.check(INPUTS, INPUTS | {"record_value": f"v=DKIM1; {VALUE}"})) == []
    assert reasons(provider.check(INPUTS, INPUTS | {"record_value": OTHER_VALUE})) == [
        f"'{NAME}': a selector never gets a second key\n"
        "  hint: nothing was changed; a new key needs a new selector and a new generation, since resolvers "
        "keep the old record"
    ]


def test_moved(route53, provider):
    """In another zone the name is a new one."""
    before = INPUTS | {"zone_id": "Z0"}
    route53.add_response("list_resource_record_sets", answer(), QUESTION)
    assert reasons(provider.check(before, INPUTS)) == []
    assert provider.diff("id", before, INPUTS).replaces == ["zone_id"]
    assert not provider.diff("id", INPUTS, INPUTS | {"assume_role": "arn"}).changes


def test_unknown(route53, provider):
    """What a preview can't know is checked in the update."""
    assert reasons(provider.check({}, INPUTS | {"record_value": Unknown()})) == []


def test_what_state_names():
    """The properties stand in users' state for ever."""
    assert {one.name for one in fields(RecordCheckArgs)} == {
        "zone_id",
        "record_name",
        "record_value",
        "assume_role",
    }
