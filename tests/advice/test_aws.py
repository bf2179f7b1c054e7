"""If this fails, who does what a refusal of AWS says does not get on."""

import shlex

import pytest
from botocore.exceptions import BotoCoreError, ClientError

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
