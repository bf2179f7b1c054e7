"""If this fails, one Region gets two clients, whose pace SES refuses, or is asked in vain again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from byodkim_provider.aws.connections import Connections
from byodkim_provider.errors import AwsRefused, InvalidSettings, Stopped, WrongAccount
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import stopping
from sandbox.http_stand_in import Response
from tests.support.http_answer import Answering
from tests.support.machine import Machine


@pytest.fixture
def machine(tmp_path, monkeypatch, aws):
    machine = Machine(tmp_path, monkeypatch, aws)
    machine.sign_in()
    return machine


def test_one_client_for_all_threads(machine):
    """Threads that ask at once share a client, and so its pace; another Region has its own."""
    connections = Connections(machine.settings())
    together = threading.Barrier(8)

    def ask(_):
        together.wait()
        return connections.ses("eu-west-1", None)

    with ThreadPoolExecutor(max_workers=8) as pool:
        clients = set(pool.map(ask, range(8)))
    assert len(clients) == 1
    assert connections.ses("us-east-1", None) not in clients


@pytest.mark.parametrize(("service", "name"), [("ses", "SES"), ("secrets", "Secrets Manager")])
def test_account(machine, aws, service, name):
    """
    Who knows the account and who doesn't share a client; another account is refused each time.
    """
    machine.write(
        credentials=f"[mail]\naws_access_key_id = {aws.access_key}\n"
        f"aws_secret_access_key = {aws.secret_key}\n"
    )
    connected = getattr(Connections(machine.settings(profile="mail")), service)
    for _ in range(2):
        with pytest.raises(WrongAccount) as caught:
            connected("eu-west-1", "210987654321")
        assert connected("eu-west-1", aws.account) is connected("eu-west-1", None)
    assert caught.value.message == AwsMessages.OTHER_ACCOUNT(
        whose="profile 'mail'", service=name, account=aws.account, expected="210987654321"
    )


def test_failure_is_remembered(machine):
    """AWS is not asked again in a run for what it has refused, and no thread waits for ever."""
    with Answering(Response(403)) as sts:
        connections = Connections(machine.settings(endpoints={"sts": sts.url}))
        for _ in range(2):
            with pytest.raises(AwsRefused):
                connections.ses("eu-west-1", None)
    assert len(sts.asked) == 1


def test_no_credentials(tmp_path, monkeypatch, aws):
    """
    Without credentials they are searched for once, whatever Regions are asked for; each is refused.
    """
    machine = Machine(tmp_path, monkeypatch, aws)
    machine.set(AWS_EC2_METADATA_DISABLED="false")
    with Answering(Response(404)) as metadata_service:
        machine.set(AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata_service.url)
        connections = Connections(machine.settings())
        for region in ("eu-west-1", "us-east-1", "eu-central-1"):
            with pytest.raises(InvalidSettings, match="no session with the default credentials"):
                connections.ses(region, None)
    assert 0 < len(metadata_service.asked) <= 2  # a token, then a role


def test_interrupted(machine):
    """After Ctrl-C AWS is not asked any more."""
    with Answering(Response(403)) as sts:
        connections = Connections(machine.settings(endpoints={"sts": sts.url}))
        stopping.set()
        with pytest.raises(Stopped):
            connections.ses("eu-west-1", None)
    assert sts.asked == []
