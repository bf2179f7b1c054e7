"""If this fails, a secret is made twice, or a refusal is taken for success."""

import pytest

from byodkim_provider.aws.secrets_manager import Secret
from byodkim_provider.messages.aws import AwsMessages
from tests.support.errors import raises
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
    written = secrets_manager.store().create_secret(
        NAME, text=TEXT, kms_key_id="alias/mail", tags=TAGS
    )
    secret = secrets_manager.secret(NAME)
    texts = {number: version["secret_string"] for number, version in secret.versions.items()}
    assert (secret.arn, secret.kms_key_id) == (written.arn, "alias/mail")
    assert (texts, secrets_manager.tags(NAME)) == ({written.version_id: TEXT}, TAGS)


def test_life(secrets_manager, written):
    """A secret is read by ARN, described by ARN and name, tagged, and deleted for some days."""
    store = secrets_manager.store()
    value = store.get_secret_value(written.arn)
    assert value == Secret(written.arn, written.version_id, TEXT)
    assert "MII" not in repr(value)
    described = store.describe_secret(written.arn)
    assert (
        described
        == store.describe_secret(NAME)
        == Secret(written.arn, written.version_id, tags=TAGS)
    )

    store.tag_resource(written.arn, {"byodkim:instance": "i"})
    assert secrets_manager.tags(NAME) == {**TAGS, "byodkim:instance": "i"}

    store.delete_secret(written.arn)
    assert secrets_manager.days_to_restore(NAME) == 30
    assert store.describe_secret(written.arn).deleted
    assert store.describe_secret("another") is None


ACTIONS = {
    "CreateSecret": lambda store: store.create_secret(NAME, text=TEXT, kms_key_id=None, tags=TAGS),
    "DescribeSecret": lambda store: store.describe_secret(NAME),
    "GetSecretValue": lambda store: store.get_secret_value(NAME),
    "TagResource": lambda store: store.tag_resource(NAME, TAGS),
    "DeleteSecret": lambda store: store.delete_secret(NAME),
}


@pytest.fixture
def no_sleep(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore, before it asks again


def refusal(act, *arguments):
    with raises("SecretRefused") as caught:
        act(*arguments)
    return caught.value


def seen(error):
    return error.code, error.message.fields["steps"]


UNKNOWN = AwsMessages.SECRET_UNCONFIRMED()
UNCHANGED = AwsMessages.UNCHANGED(service="Secrets Manager")


@pytest.mark.parametrize("operation", ACTIONS)
def test_errors(secrets_manager, no_sleep, operation):
    """
    Each action says what was refused and what state things are in, and a quoted key is cut out.
    """
    store, act = secrets_manager.store(), ACTIONS[operation]
    key = "MIIEpAIBAAKCAQEA" * 8
    trouble = Trouble(operation, "AccessDeniedException", message=f"not authorized\n{key} {key}")
    secrets_manager.troubles = [trouble, Trouble(operation, "InternalServiceError", 500, times=3)]
    denied, lost = refusal(act, store), refusal(act, store)
    says = AwsMessages.SAYS(service="Secrets Manager", reason="not authorized")
    steps, unanswered = [UNCHANGED, says, AwsMessages.POLICY()], UNKNOWN
    if operation in ("DescribeSecret", "GetSecretValue"):
        steps, unanswered = steps[1:], AwsMessages.TRY_AGAIN()
    assert seen(denied) == ("AccessDeniedException", steps)
    assert denied.__suppress_context__
    assert seen(lost) == ("InternalServiceError", [unanswered])
    assert secrets_manager.calls == [operation] * 4


@pytest.mark.parametrize("operation", ACTIONS)
def test_passing_errors(secrets_manager, no_sleep, operation):
    """
    An error that passes is not seen, and what was done before its answer got lost is not done
    twice.
    """
    if operation != "CreateSecret":
        ACTIONS["CreateSecret"](secrets_manager.store())
    secrets_manager.troubles = [
        Trouble(operation, "InternalServiceError", 500, after_the_work=True, times=2)
    ]
    ACTIONS[operation](secrets_manager.store())
    assert secrets_manager.names() == [NAME]
    assert len(secrets_manager.secret(NAME).versions) == 1


def test_answer_of_a_proxy(secrets_manager, written):
    """A page of somebody else's is not taken for an answer, so nothing passes for deleted."""
    store = secrets_manager.store()
    secrets_manager.troubles = [Trouble("DeleteSecret", "", 200, foreign=True)]
    code, steps = "a response that is not Secrets Manager's", [UNKNOWN, AwsMessages.PROXY()]
    assert seen(refusal(ACTIONS["DeleteSecret"], store)) == (code, steps)
