"""If this fails, one Region gets two clients, whose pace SES refuses, or is asked in vain again."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from byodkim_provider.aws import connections as module
from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.ses import Listed, SesClient
from byodkim_provider.aws.settings import AwsSettings, regions_with_ses
from byodkim_provider.errors import InvalidSettings, Stopped, WrongAccount
from byodkim_provider.progress import stopping
from sandbox.http_stand_in import Response
from tests.support.cases import cases
from tests.support.errors import raises
from tests.support.fakes import ses_refused
from tests.support.http_answer import Answering

ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"


def client_of(service, region):
    return boto3.client(service, region, aws_access_key_id="AKIA", aws_secret_access_key="secret")


@pytest.fixture
def asked(monkeypatch):
    """Services and Regions in which AWS was asked."""
    asked = []

    def connect(settings, service, *, session, region):
        asked.append((service, region))
        if region == "nowhere-1":
            raise InvalidSettings(["aws: no response from STS"])
        if region == "broken-1":
            raise ZeroDivisionError
        return client_of(service, region), ACCOUNT

    monkeypatch.setattr(module, "connect", connect)
    monkeypatch.setattr(module, "open_session", lambda _, **__: None)
    return asked


def test_one_client_for_all_threads(asked):
    """Threads that ask at once share a client, and so its pace; another Region has its own."""
    made = Connections(AwsSettings())
    together = threading.Barrier(8)

    def ask(_):
        together.wait()
        return made.ses("eu-west-1", None)

    with ThreadPoolExecutor(max_workers=8) as pool:
        clients = set(pool.map(ask, range(8)))
    assert len(clients) == 1
    assert made.ses("us-east-1", None) not in clients
    assert asked == [("sesv2", "eu-west-1"), ("sesv2", "us-east-1")]


@pytest.mark.parametrize("service", ["ses", "secrets"])
def test_account(asked, service):
    """
    Who knows the account and who doesn't share a client; another account is refused each time.
    """
    connected = getattr(Connections(AwsSettings(profile="mail")), service)
    for _ in range(2):
        with pytest.raises(WrongAccount, match="with profile 'mail'"):
            connected("eu-west-1", OTHER_ACCOUNT)
        assert connected("eu-west-1", ACCOUNT) is connected("eu-west-1", None)
    assert asked == [({"ses": "sesv2", "secrets": "secretsmanager"}[service], "eu-west-1")]


def test_names_are_listed_once(asked, monkeypatch):
    """
    What SES has is listed once a Region, whoever names the account; that it is refused is
    remembered.
    """
    made, lists = Connections(AwsSettings()), []

    def list_email_identities(client):
        lists.append(client)
        if client is made.ses("us-east-1", None):
            raise ses_refused("ListEmailIdentities", "*", "us-east-1", "AccessDeniedException")
        yield (Listed("example.com", "SUCCESS"), Listed("example.net", "PENDING"))
        yield (Listed("example.org", "SUCCESS"),)

    monkeypatch.setattr(SesClient, "list_email_identities", list_email_identities)

    for account in (None, ACCOUNT):
        assert {"example.com", "example.net", "example.org"} == made.names("eu-west-1", account)
        with raises("SesRefused"):
            made.names("us-east-1", account)
    with pytest.raises(WrongAccount):
        made.names("eu-west-1", OTHER_ACCOUNT)
    assert 2 == len(lists)


@cases(
    ("code", "expected"),
    {
        "listed": ("", {"example.net"}),
        "not enabled": ("UnrecognizedClientException", set()),
        "not allowed": ("AccessDeniedException", None),
        "silent": ("EndpointConnectionError", None),
        "a proxy": ("a response that is not SES's", None),
    },
)
def test_names_elsewhere(asked, monkeypatch, code, expected):
    """Many Regions are asked once, at the same time; silence is no list of names."""
    made, threads = Connections(AwsSettings()), set()
    others = {*regions_with_ses("aws")} - {"eu-west-1", "us-east-1"}
    together = threading.Barrier(len(others))

    def list_email_identities(ses):
        threads.add(threading.get_ident())
        together.wait(10)
        if code and ses._region == "me-south-1":
            raise ses_refused("ListEmailIdentities", "*", ses._region, code)
        yield (Listed("example.net", "SUCCESS"),)

    client = client_of(
        "sesv2", "eu-west-1"
    )  # one for all: to make thirty takes longer than the test
    monkeypatch.setattr(module, "make_client", lambda *_: client)
    monkeypatch.setattr(SesClient, "list_email_identities", list_email_identities)
    for _ in range(2):
        names = made.names_elsewhere("eu-west-1", sorted(others), ACCOUNT)
        assert names == {one: {"example.net"} for one in others} | {"me-south-1": expected}
    assert len(threads) == len(others)
    with pytest.raises(WrongAccount):
        made.names_elsewhere("eu-west-1", sorted(others), OTHER_ACCOUNT)


@cases(
    ("region", "error"),
    {"refused": ("nowhere-1", InvalidSettings), "a bug": ("broken-1", ZeroDivisionError)},
)
def test_failure_is_remembered(asked, region, error):
    """
    AWS is not asked again in a run for what it has refused, and no thread waits for ever for a bug.
    """
    made = Connections(AwsSettings())
    for _ in range(2):
        with pytest.raises(error):
            made.ses(region, None)
    assert asked == [("sesv2", region)]


def test_no_credentials(monkeypatch, tmp_path):
    """
    Without credentials they are searched for once, whatever Regions are asked for; each is refused.
    """
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with Answering(Response(404)) as metadata_service:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata_service.url)
        made = Connections(AwsSettings())
        for region in ("eu-west-1", "us-east-1", "eu-central-1"):
            with pytest.raises(
                InvalidSettings, match="no session with the default credentials: Unable to"
            ):
                made.ses(region, None)
    assert 0 < len(metadata_service.asked) <= 2  # a token, then a role


def test_interrupted(asked):
    """After Ctrl-C AWS is not asked any more."""
    stopping.set()
    with pytest.raises(Stopped):
        Connections(AwsSettings()).ses("eu-west-1", None)

    assert [] == asked
