"""What refusals about accounts, credentials and secrets advise, followed against moto."""

import shlex

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from byodkim_provider.aws.connections import Connections
from byodkim_provider.identity.run import Run as ProviderRun
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.resources.dkim_key_provider import DkimKeyProvider
from tests.advice.following import advice, refused
from tests.aws.test_session import NOBODY, Machine, settings
from tests.docs import aws as command_line
from tests.support.secrets_manager import Trouble
from tests.test_key_store import NAME, OWNER, Run

OTHER = "[mail]\naws_access_key_id={0.access_key}\naws_secret_access_key={0.secret_key}\n"


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


def test_no_session(machine, aws):
    """A setting that is corrected, or the variable of the environment, makes a session."""
    machine.write(credentials=OTHER.format(aws))
    assert "`aws:` settings, or AWS_PROFILE" in refused(machine.connect, profile="nope")
    assert machine.connect(profile="mail")[1] == aws.account
    machine.set(AWS_PROFILE="nope")
    refused(machine.connect)
    machine.set(AWS_PROFILE="mail")
    assert machine.connect()[1] == aws.account


def test_no_answer_from_sts(machine):
    """The command that is named fails where this fails, and works where this works."""
    machine.sign_in()
    machine.set(AWS_ENDPOINT_URL_STS=NOBODY)
    (command,) = advice(refused(machine.connect, endpoints={"sts": NOBODY}))
    assert advice(f"hint: {AwsMessages.SIGN_IN()}") == [command]
    assert not typed(command)
    machine.set(AWS_ENDPOINT_URL_STS=machine.aws.url)
    assert typed(command)
    machine.connect()


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


def test_another_version_at_a_refresh(machine, secrets_manager, run):
    """A refresh warns with the same commands as a switch that is refused."""
    machine.set(
        **dict.fromkeys(("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_ROUTE_53"), machine.aws.url)
    )
    made = run.create()
    key = {"domain": "example.com", "selector": "s1", "fingerprint": made.held.key.fingerprint}
    of_secret = {
        "secret_arn": made.arn,
        "secret_version_id": made.version_id,
        "instance": made.instance,
    }
    state = {**key, **of_secret, "key_store": {}}
    provider = DkimKeyProvider(run=ProviderRun(lambda: run.progress))
    provider._connections = Connections(settings())  # not those of another test of this process
    provider.read("s1", state)
    assert run.progress.warnings == []
    secrets_manager.overwrite(NAME, secrets_manager.written[0].replace('"p', '"P'))
    provider.read("s1", state)
    (warning,) = run.progress.warnings
    assert warning.startswith("example.com: ")
    assert advice(warning) == advice(refused(run.read, made))


def test_gone(secrets_manager, run):
    """Another generation has a secret of its own, and its key is read."""
    made = run.create()
    secrets_manager.remove(NAME)
    assert "sign with another generation, and leave this one out" in refused(run.read, made)
    other = run.create(owner=OWNER.replace("/3", "/4"))
    assert run.read(other) == other.held.key


@pytest.mark.parametrize("operation", ["CreateSecret", "PutResourcePolicy"])
@pytest.mark.parametrize(
    ("trouble", "hint"),
    [
        ({"code": "AccessDeniedException"}, "Secrets Manager says: this is said"),
        (
            {"code": "InternalServiceError", "status": 500, "after_the_work": True, "times": 3},
            "finds out",
        ),
        ({"code": "", "status": 200, "foreign": True}, "is there a proxy between here and AWS?"),
    ],
    ids=["refused", "lost", "a proxy"],
)
def test_refused_or_lost(secrets_manager, run, operation, trouble, hint):
    """
    Once it is over, one more run makes the key or goes on with it, and there is no second one.
    """
    policy = '{"Statement": []}'
    secrets_manager.troubles = [Trouble(operation, **trouble)]
    assert hint in refused(run.create, resource_policy=policy)
    made = Run(secrets_manager).create(resource_policy=policy)
    assert run.read(made) == made.held.key
    assert secrets_manager.names() == [NAME]
