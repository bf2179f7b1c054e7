"""If this fails, who does what a refusal of AWS says does not get on."""

import shlex

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from byodkim_provider.aws.connections import Connections
from tests.advice.following import advice, refused
from tests.docs import aws as command_line
from tests.support.machine import Machine
from tests.support.secret_run import NAME, Run


@pytest.fixture
def machine(tmp_path, monkeypatch, aws):
    """Without any credentials."""
    machine = Machine(tmp_path, monkeypatch, aws)
    machine.set(AWS_REGION="eu-west-1")
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore, before it asks again
    return machine


def typed(command):
    """Whether a command of AWS's own command line succeeds on this machine."""
    program, *arguments = shlex.split(command)
    assert program == "aws"
    try:
        command_line.main(*arguments)
    except (BotoCoreError, ClientError):
        return False
    return True


def test_wrong_account(machine, aws):
    """With the profile of the account that Route 53 is in, SES is called there too."""
    other = aws.add_account()
    machine.sign_in()
    role = f"[profile dns]\nrole_arn=arn:aws:iam::{other}:role/dns\ncredential_source=Environment\n"
    machine.write(config=role)
    machine.set(AWS_ENDPOINT_URL_STS=aws.url)

    def ses(**given):
        return Connections(machine.settings(**given)).ses("eu-west-1", other)

    profile, *_ = advice(refused(ses))
    assert profile == "aws:profile"
    ses(profile="dns")
    machine.set(AWS_PROFILE="dns")
    ses(profile="dns")


# Secrets


@pytest.fixture
def run(machine, secrets_manager):
    """A run of the plugin process, on a machine whose command line reaches the same secrets."""
    machine.sign_in()
    machine.set(AWS_ENDPOINT_URL_SECRETS_MANAGER=secrets_manager.aws.url)
    return Run(secrets_manager)


def test_scheduled_for_deletion(secrets_manager, run):
    """The command that is printed keeps the secret, and its key is read again."""
    made = run.create()
    secrets_manager.schedule(NAME)
    (command,) = advice(refused(run.read, made))
    assert typed(command)
    assert run.read(made) == made.held.key


def test_another_version(secrets_manager, run):
    """With the label back at the version that the state names, the key is read again."""
    made = run.create()
    secrets_manager.overwrite(NAME, secrets_manager.written[0].replace('"p', '"P'))
    versions, moves = advice(refused(run.read, made))
    assert typed(versions)
    assert typed(moves.replace("NOW", "b" * 32).replace("BEFORE", made.version_id))
    # moto moves the label and goes on reading the version that had it.
    secret = secrets_manager.secret(NAME)
    (secret.default_version_id,) = (
        number
        for number, version in secret.versions.items()
        if "AWSCURRENT" in version["version_stages"]
    )
    assert run.read(made) == made.held.key
