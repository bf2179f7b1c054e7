"""What becomes of answers and errors of Secrets Manager, against moto's."""

import boto3
import pytest
from botocore.config import Config

from byodkim_provider.aws.secrets_manager import SecretStore, Value
from byodkim_provider.errors import SecretRefused, Stopped
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import stopping
from tests.support.fakes import REGION
from tests.support.secrets_manager import Trouble

NAME = "byodkim/ses-byodkim/dev/example.com/1"
TEXT = '{"privateKey": "MIIEpAIBAAKCAQEA"}'
TAGS = {"team": "mail"}


@pytest.fixture
def written(secrets_manager):
    """A secret."""
    return secrets_manager.store().create_secret(NAME, text=TEXT, kms_key_id=None, tags=TAGS)


def test_create(secrets_manager):
    """A secret has the text, the KMS key and the tags that it was made with."""
    written = secrets_manager.store().create_secret(NAME, text=TEXT, kms_key_id="alias/mail", tags=TAGS)

    secret = secrets_manager.secret(NAME)
    assert (secret.arn, "alias/mail", [TEXT]) == (
        written.arn,
        secret.kms_key_id,
        [version["secret_string"] for version in secret.versions.values()],
    )
    assert [written.version_id] == list(secret.versions)
    assert TAGS == secrets_manager.tags(NAME)


def test_read(secrets_manager, written):
    """Text and version are read by ARN, in a value that does not show the text."""
    value = secrets_manager.store().get_secret_value(written.arn)

    assert Value(written.arn, written.version_id, TEXT) == value
    assert "MII" not in repr(value)


def test_describe(secrets_manager, written):
    """A secret is described by its tags and the version that is current, by name and by ARN alike."""
    store = secrets_manager.store()
    described = store.describe_secret(written.arn)

    assert described == store.describe_secret(NAME)
    assert (written.arn, TAGS, written.version_id, False) == (
        described.arn,
        described.tags,
        described.version_id,
        described.deleted,
    )


def test_describe_what_is_not_there(secrets_manager):
    """No such secret is an answer, not an error."""
    assert secrets_manager.store().describe_secret(NAME) is None


def test_delete(secrets_manager, written):
    """A deleted secret can be restored for as many days as was said, and is described as deleted."""
    store = secrets_manager.store()
    store.delete_secret(written.arn, recovery_window_days=7)

    assert 7 == secrets_manager.days_to_restore(NAME)
    assert store.describe_secret(written.arn).deleted


def test_tags_and_policy(secrets_manager, written):
    """New tags leave others as they are; a policy is stored as it is given."""
    store = secrets_manager.store()
    store.tag_resource(written.arn, {"byodkim:instance": "i"})
    store.put_resource_policy(written.arn, '{"Statement": []}')

    assert {**TAGS, "byodkim:instance": "i"} == secrets_manager.tags(NAME)
    assert '{"Statement": []}' == secrets_manager.secret(NAME).policy


ACTIONS = {
    "CreateSecret": lambda store: store.create_secret(NAME, text=TEXT, kms_key_id=None, tags=TAGS),
    "DescribeSecret": lambda store: store.describe_secret(NAME),
    "GetSecretValue": lambda store: store.get_secret_value(NAME),
    "PutResourcePolicy": lambda store: store.put_resource_policy(NAME, "{}"),
    "TagResource": lambda store: store.tag_resource(NAME, TAGS),
    "DeleteSecret": lambda store: store.delete_secret(NAME, recovery_window_days=30),
}

UNKNOWN = AwsMessages.SECRET_UNCONFIRMED()
UNCHANGED = AwsMessages.UNCHANGED(service="Secrets Manager")


@pytest.mark.parametrize(
    ("operation", "refused", "unanswered"),
    [
        ("CreateSecret", [UNCHANGED], UNKNOWN),
        ("DescribeSecret", [], AwsMessages.RUN_AGAIN()),
        ("GetSecretValue", [], AwsMessages.RUN_AGAIN()),
        ("PutResourcePolicy", [AwsMessages.SECRET_MADE()], UNKNOWN),
        ("TagResource", [AwsMessages.SECRET_MADE()], UNKNOWN),
        ("DeleteSecret", [UNCHANGED], UNKNOWN),
    ],
)
def test_errors(secrets_manager, monkeypatch, operation, refused, unanswered):
    """Each action says what was refused and what state things are in, and a quoted key is cut out."""
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore, before it asks again
    store, act = secrets_manager.store(), ACTIONS[operation]
    key = "MIIEpAIBAAKCAQEA" * 8
    trouble = Trouble(operation, "AccessDeniedException", message=f"not authorized\n{key} {key}")
    secrets_manager.troubles = [trouble, Trouble(operation, "InternalServiceError", 500, times=3)]

    with pytest.raises(SecretRefused) as denied:
        act(store)
    with pytest.raises(SecretRefused) as lost:
        act(store)

    says = AwsMessages.SAYS(service="Secrets Manager", reason="not authorized")
    assert denied.value.message == AwsMessages.REFUSED(
        operation=operation,
        subject=NAME,
        region=REGION,
        code="AccessDeniedException",
        request=" (request 5f3c)",
        steps=[*refused, says, AwsMessages.POLICY()],
    )
    assert ("InternalServiceError", [unanswered]) == (lost.value.code, lost.value.message.fields["steps"])
    assert [operation] * 4 == secrets_manager.calls
    assert denied.value.__suppress_context__


@pytest.mark.parametrize("operation", ACTIONS)
def test_passing_errors(secrets_manager, monkeypatch, operation):
    """An error that passes is not seen, and what was done before its answer got lost is not done twice."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    if operation != "CreateSecret":
        ACTIONS["CreateSecret"](secrets_manager.store())
    secrets_manager.troubles = [Trouble(operation, "InternalServiceError", 500, after_the_work=True, times=2)]

    ACTIONS[operation](secrets_manager.store())

    assert [NAME] == secrets_manager.names()
    assert 1 == len(secrets_manager.secret(NAME).versions)


def test_nobody_answers():
    """Where nobody answers, that is said; botocore's text is not needed."""
    client = boto3.client(
        "secretsmanager",
        region_name=REGION,
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="AKIA",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(SecretRefused) as caught:
        SecretStore(client).delete_secret(NAME, recovery_window_days=30)
    assert ("EndpointConnectionError", [UNKNOWN]) == (caught.value.code, caught.value.message.fields["steps"])


def test_no_credentials(monkeypatch, secrets_manager):
    """Without credentials nothing was asked, and nothing changed."""
    store = secrets_manager.store()
    monkeypatch.setattr(store._client._request_signer, "_credentials", None)
    with pytest.raises(SecretRefused) as caught:
        store.get_secret_value(NAME)
    assert "NoCredentialsError" == caught.value.code
    assert [AwsMessages.NOT_CALLED(service="Secrets Manager")] == caught.value.message.fields["steps"]
    assert [] == secrets_manager.calls


def test_answer_of_a_proxy(secrets_manager, written):
    """A page of somebody else's is not taken for an answer, so nothing passes for deleted."""
    store = secrets_manager.store()
    secrets_manager.troubles = [Trouble("DeleteSecret", "", 200, foreign=True)]
    with pytest.raises(SecretRefused) as caught:
        store.delete_secret(NAME, recovery_window_days=30)
    assert "a response that is not Secrets Manager's" == caught.value.code
    assert [UNKNOWN, AwsMessages.PROXY()] == caught.value.message.fields["steps"]


def test_interrupted(secrets_manager):
    """After Ctrl-C Secrets Manager is not asked any more."""
    stopping.set()
    with pytest.raises(Stopped):
        secrets_manager.store().describe_secret(NAME)
    assert [] == secrets_manager.calls
