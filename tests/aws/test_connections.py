"""One client a Region in a process, whoever asks and however many at once."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from byodkim_provider.aws import connections as module
from byodkim_provider.aws.connections import Connections, connections
from byodkim_provider.aws.ses import Listed, SesClient
from byodkim_provider.aws.settings import AwsSettings, regions_with_ses
from byodkim_provider.errors import InvalidSettings, SesRefused, Stopped, WrongAccount
from byodkim_provider.progress import stopping
from tests.support.fakes import ses_refused


def _client(region):
    return boto3.client("sesv2", region, aws_access_key_id="AKIA", aws_secret_access_key="secret")


@pytest.fixture
def asked(monkeypatch):
    """Regions in which AWS was asked; each answers once all threads of a test are waiting."""
    asked = []

    def connect(settings, service, *, session, region, expected_account):
        if service == "secretsmanager":
            asked.append((region, expected_account))
            return boto3.client(service, region, aws_access_key_id="AKIA", aws_secret_access_key="secret"), ""
        asked.append(region)
        if region == "nowhere-1":
            raise InvalidSettings(["aws: no response from STS"])
        if region == "broken-1":
            raise ZeroDivisionError
        return _client(region), "123456789012"

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

    assert 1 == len(clients)
    assert made.ses("us-east-1", None) not in clients
    assert ["eu-west-1", "us-east-1"] == asked


def test_one_client_whoever_names_the_account(asked):
    """Who knows the account and who doesn't share a client, and so the pace that SES's one rate asks for."""
    made = Connections(AwsSettings())

    assert made.ses("eu-west-1", None) is made.ses("eu-west-1", "123456789012")
    assert ["eu-west-1"] == asked


def test_wrong_account(asked):
    """Another account than the client's is refused each time, and the client stays for the others."""
    made = Connections(AwsSettings(profile="mail"))
    first = made.ses("eu-west-1", None)
    for _ in range(2):
        with pytest.raises(WrongAccount, match="with profile 'mail'"):
            made.ses("eu-west-1", "210987654321")
    assert made.ses("eu-west-1", "123456789012") is first


def test_names_are_listed_once(asked, monkeypatch):
    """What SES has is listed once a Region, whoever names the account; that it is refused is remembered."""
    made, lists = Connections(AwsSettings()), []

    def list_email_identities(client):
        lists.append(client)
        if client is made.ses("us-east-1", None):
            raise ses_refused("ListEmailIdentities", "*", "us-east-1", "AccessDeniedException")
        yield (Listed("example.com", "SUCCESS"), Listed("example.net", "PENDING"))
        yield (Listed("example.org", "SUCCESS"),)

    monkeypatch.setattr(SesClient, "list_email_identities", list_email_identities)

    for account in (None, "123456789012"):
        assert {"example.com", "example.net", "example.org"} == made.names("eu-west-1", account)
        with pytest.raises(SesRefused):
            made.names("us-east-1", account)
    with pytest.raises(WrongAccount):
        made.names("eu-west-1", "210987654321")
    assert 2 == len(lists)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", {"example.net"}),
        ("UnrecognizedClientException", set()),
        ("AccessDeniedException", None),
        ("EndpointConnectionError", None),
        ("a response that is not SES's", None),
    ],
)
def test_names_elsewhere(asked, monkeypatch, code, expected):
    """All other Regions of the partition are asked once, at the same time; silence is no list of names."""
    made, threads = Connections(AwsSettings()), set()
    others = {*regions_with_ses("aws")} - {"eu-west-1", "us-east-1"}
    together = threading.Barrier(len(others))

    def list_email_identities(ses):
        threads.add(threading.get_ident())
        together.wait(10)
        if code and ses._region == "me-south-1":
            raise ses_refused("ListEmailIdentities", "*", ses._region, code)
        yield (Listed("example.net", "SUCCESS"),)

    monkeypatch.setattr(
        module, "make_client", lambda _session, _name, _settings, _config, region: _client(region)
    )
    monkeypatch.setattr(SesClient, "list_email_identities", list_email_identities)
    for _ in range(2):
        names = made.names_elsewhere(["eu-west-1", "us-east-1"], "123456789012")
        assert names == {one: {"example.net"} for one in others} | {"me-south-1": expected}
    assert len(threads) == len(others)
    with pytest.raises(WrongAccount):
        made.names_elsewhere(["eu-west-1"], "210987654321")


def test_one_store_for_all_threads(asked):
    """Secrets Manager has a client of its own, made once a Region as well."""
    made = Connections(AwsSettings())
    made.ses("eu-west-1", "123456789012")

    assert made.secrets("eu-west-1", "123456789012") is made.secrets("eu-west-1", "123456789012")
    assert made.secrets("eu-west-1", "123456789012") is not made.secrets("us-east-1", "123456789012")
    assert ["eu-west-1", ("eu-west-1", "123456789012"), ("us-east-1", "123456789012")] == asked


def test_failure_is_remembered(asked):
    """AWS is not asked again in a run for what it has refused."""
    made = Connections(AwsSettings())
    for _ in range(2):
        with pytest.raises(InvalidSettings, match="no response from STS"):
            made.ses("nowhere-1", None)

    assert ["nowhere-1"] == asked


def test_no_credentials(monkeypatch, tmp_path):
    """Without credentials they are searched for once, whatever Regions are asked for; each is refused."""
    searched = []

    class MetadataService(BaseHTTPRequestHandler):
        def do_PUT(self):
            searched.append(self.path)
            self.send_error(404)

        def do_GET(self):
            self.do_PUT()

        def log_message(self, *_):
            pass

    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with ThreadingHTTPServer(("127.0.0.1", 0), MetadataService) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        made = Connections(AwsSettings())
        for region in ("eu-west-1", "us-east-1", "eu-central-1"):
            with pytest.raises(InvalidSettings, match="no session with the default credentials: Unable to"):
                made.ses(region, None)
        server.shutdown()
    assert 0 < len(searched) <= 2  # a token, then a role


def test_bug(asked):
    """Whatever goes wrong, no thread waits for ever for a connection that is not made."""
    made = Connections(AwsSettings())
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            made.ses("broken-1", None)


def test_providers_share(asked):
    """Two providers with the same settings have the same connections, others have others."""
    assert connections(AwsSettings(profile="a")) is connections(AwsSettings(profile="a"))
    assert connections(AwsSettings(profile="a")) is not connections(AwsSettings(profile="b"))


def test_interrupted(asked):
    """After Ctrl-C AWS is not asked any more."""
    stopping.set()
    with pytest.raises(Stopped):
        Connections(AwsSettings()).ses("eu-west-1", None)

    assert [] == asked
