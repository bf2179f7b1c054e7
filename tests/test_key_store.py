"""If this fails, a key in Secrets Manager is lost, made twice, or another one is used."""

import json
from dataclasses import replace

import pytest

from byodkim_provider.dkim.key_secret import KeySecret
from byodkim_provider.messages.aws import AwsMessages
from tests.support.cases import cases
from tests.support.errors import raises
from tests.support.secret_run import NAME, OWNER, Run
from tests.support.secrets_manager import Trouble
from tests.support.testdata import key


@pytest.fixture
def run(secrets_manager):
    """One run of the plugin process."""
    return Run(secrets_manager)


UNCHANGED = AwsMessages.UNCHANGED(service="SES")


# Create


def test_create(secrets_manager, run):
    """
    A key is one call: its secret bears the name and the tags of the resource, and holds all there
    is.
    """
    made = run.create()
    assert ["CreateSecret"] == secrets_manager.calls
    assert [NAME] == secrets_manager.names()
    assert {"team": "mail", "byodkim:owner": OWNER, "byodkim:instance": made.instance} == (
        secrets_manager.tags(NAME)
    )
    (key,) = secrets_manager.signing_keys()
    selector = f"s20261125-{key.fingerprint[:8]}"
    assert KeySecret("example.com", selector, "2026-11-25T12:00:00Z", key) == made.held
    assert key == run.read(made)


@pytest.fixture
def _no_sleep_in_botocore(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.mark.usefixtures("_no_sleep_in_botocore")
def test_lost_answer(secrets_manager, run):
    """The key of a create whose answer was lost is found again and used: there is no second key."""
    lost = Trouble("CreateSecret", "InternalServiceError", 500, after_the_work=True, times=3)
    secrets_manager.troubles = [lost]
    with raises("SecretRefused"):
        run.create()

    again = Run(secrets_manager)
    made = again.create()

    assert [NAME] == secrets_manager.names()
    assert secrets_manager.signing_keys()[0] == made.held.key == again.read(made)
    assert made.instance == secrets_manager.tags(NAME)["byodkim:instance"]
    assert again.problem(made) is None
    (line,) = again.progress.warnings
    assert line == (
        f"example.com: {made.held.selector} is in Secrets Manager already ({NAME}), no other "
        "key is made"
    )


def test_scheduled_for_deletion(secrets_manager, run):
    """
    A key that was removed is not brought back, however often: a new one gets the next free name.
    """
    first = run.create()
    run.delete(first)
    second = run.create()
    run.delete(second)
    third = run.create()
    assert [NAME, f"{NAME}-2", f"{NAME}-3"] == secrets_manager.names()
    assert 3 == len({made.held.key.fingerprint for made in (first, second, third)})
    assert [30, 30, None] == [
        secrets_manager.days_to_restore(name) for name in secrets_manager.names()
    ]
    assert [] == run.progress.warnings


def test_scheduled_for_deletion_as_aws_says_it(secrets_manager, run):
    """AWS refuses the name of a deleted secret in other words than moto."""
    run.delete(run.create())
    secrets_manager.troubles = [Trouble("CreateSecret", "InvalidRequestException")]
    run.create()
    assert [NAME, f"{NAME}-2"] == secrets_manager.names()


def changed(**fields):
    """Something that puts other *fields* into the secret."""
    return lambda secrets: secrets.overwrite(
        NAME, json.dumps(json.loads(secrets.written[0]) | fields)
    )


def overwritten(text):
    """Something that writes another *text* in the place of the secret's."""
    return lambda secrets: secrets.overwrite(NAME, text)


def tagged(*tags):
    return lambda secrets: setattr(secrets.secret(NAME), "tags", list(tags))


@cases(
    "meddle",
    {
        "other selector": changed(selector="google"),
        "other key": changed(privateKey=key("another").pkcs1_base64()),
        "other domain": changed(domain="example.org"),
        "other owner": tagged({"Key": "byodkim:owner", "Value": "ses-byodkim/prod/x"}),
        "no key": overwritten("something else"),
    },
)
def test_name_is_taken(secrets_manager, run, meddle):
    """What is not a key of this resource is left as it is."""
    run.create()
    meddle(secrets_manager)
    before = secrets_manager.secret(NAME).to_dict()
    made = run.create()
    assert [NAME, f"{NAME}-2"] == secrets_manager.names()
    assert secrets_manager.secret(f"{NAME}-2").arn == made.arn
    assert before == secrets_manager.secret(NAME).to_dict()


def test_key_of_a_slot(secrets_manager, run):
    """A key with the selector of a slot is used by the next run for that slot, and for no other."""
    made = run.create(slot="ses1")
    assert run.create(slot="ses1").held == made.held
    assert [NAME] == secrets_manager.names()
    for other in ("ses2", None):
        assert run.create(slot=other).held.key != made.held.key
    assert 3 == len(secrets_manager.names())


def test_read_lags_behind(secrets_manager, run):
    """A secret that is there and not shown yet stops the run: the next one finds it."""
    run.create()
    secrets_manager.troubles = [Trouble("DescribeSecret", "ResourceNotFoundException")]
    with raises("SecretRefused", match="ResourceExistsException"):
        run.create()
    assert [NAME] == secrets_manager.names()


# Read


@pytest.mark.parametrize("other", ["another key", "text", "PEM"])
def test_changed(secrets_manager, run, other, signing_keys):
    """A secret that somebody changed is never used, and its content not shown."""
    made, [another, *_] = run.create(), signing_keys
    text, found = {
        "another key": (
            replace(made.held, key=another).to_text(),
            f"another key ({another.fingerprint})",
        ),
        "text": ("hunter2", "something else"),
        "PEM": (f"-----BEGIN RSA PRIVATE KEY-----\n{another.pkcs1_base64()}\n", "something else"),
    }[other]
    secrets_manager.overwrite(NAME, text)
    with raises("SecretChanged") as caught:
        run.read(made)
    changed = AwsMessages.OTHER_KEY(arn=made.arn, expected=made.held.key.fingerprint, found=found)
    assert caught.value.message == run.problem(made) == changed


def test_restored(secrets_manager, run):
    """
    Another version with the same key, as from a backup, is no problem; one that nobody lets us read
    is.
    """
    made = run.create()
    secrets_manager.overwrite(NAME, made.held.to_text())
    assert run.problem(made) is None
    secrets_manager.troubles = [Trouble("GetSecretValue", "AccessDeniedException")]
    assert "AccessDeniedException" in str(run.problem(made))


# Delete


def test_delete(secrets_manager, run):
    """A secret goes with the longest recovery window, once."""
    made = run.create()
    run.delete(made)
    calls = len(secrets_manager.calls)
    run.delete(made)
    assert 30 == secrets_manager.days_to_restore(NAME)
    assert ["DescribeSecret"] == secrets_manager.calls[calls:]


@pytest.mark.parametrize("lag", [False, True], ids=["tags are new", "tags lag behind"])
def test_replacement(secrets_manager, run, lag):
    """The deletion half of a replacement leaves the secret to the half that took it over."""
    old = run.create()
    new = Run(secrets_manager)
    made = new.create()
    if lag:
        secrets_manager.secret(NAME).tags[-1]["Value"] = old.instance
    new.delete(old)
    assert secrets_manager.days_to_restore(NAME) is None
    assert str(AwsMessages.LEFT(arn=old.arn)) in new.progress.infos
    assert old.held == made.held
