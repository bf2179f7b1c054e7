"""
Keys in Secrets Manager, through the real plugin process: what comes back, and what it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.world import Sandbox
from tests.contract.conftest import REGION, Domain, StartPlugin
from tests.contract.plugin import UNKNOWN, Plugin, error_of, revealed
from tests.support.secrets_manager import SecretsManager

OTHER_REGION = "us-east-1"


@pytest.fixture
def secrets_manager(sandbox: Sandbox) -> Iterator[SecretsManager]:
    with SecretsManager.watched(sandbox.aws) as watched:
        yield watched


def key_inputs(domain: Domain, **store: Any) -> dict[str, Any]:
    """Of a key that goes to Secrets Manager."""
    return {
        "domain": domain.name,
        "bits": 1024,
        "secret_name": f"byodkim/ses-byodkim/dev/{domain.name}/1",
        "owner": f"0123456789abcdef/{domain.name}/1",
        "key_store": {
            "region": REGION,
            "account_id": domain.sandbox.account,
            "recovery_window_days": 30,
            **store,
        },
    }


def identity_inputs(domain: Domain, key: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Of an identity that signs with a key that has the outputs *key*."""
    inputs = domain.inputs(
        selector=key["selector"],
        secret_arn=key["secret_arn"],
        record_value=key["record_value"],
        **changes,
    )
    del inputs["private_key"]
    return inputs


@pytest.fixture
def key(plugin: Plugin, domain: Domain, secrets_manager: SecretsManager) -> dict[str, Any]:
    """Outputs of a key, whose record is in DNS."""
    outputs = plugin.create("DkimKey", key_inputs(domain))
    (made,) = secrets_manager.signing_keys()
    domain.publish(made, selector=outputs["selector"])
    return outputs


# Keys


def test_whole_life(
    plugin: Plugin, domain: Domain, secrets_manager: SecretsManager, key: dict[str, Any]
) -> None:
    """
    A key is made, read and deleted; numbers that come as floats are whole where AWS wants them so.
    """
    (made,) = secrets_manager.signing_keys()
    name = f"byodkim/ses-byodkim/dev/{domain.name}/1"
    assert (made.fingerprint, 1024) == (key["fingerprint"], key["bits"])
    assert (False, []) == plugin.diff("DkimKey", key, key_inputs(domain, recovery_window_days=9))
    assert ("id", key) == plugin.read("DkimKey", key)
    plugin.delete("DkimKey", {**key, "key_store": {**key["key_store"], "recovery_window_days": 8}})
    assert 8 == secrets_manager.days_to_restore(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "bücher",
            "'byodkim/ses-byodkim/dev/bücher' can't be the name of a secret: 'ü' is not allowed",
        ),
        ("x" * 240, "the name of the resource must have at most 239 characters, not 240"),
    ],
    ids=["letter", "length"],
)
def test_name_of_a_secret(plugin: Plugin, domain: Domain, name: str, problem: str) -> None:
    """
    A program may name a domain's resource as it likes: a preview refuses what Secrets Manager
    would.
    """
    inputs = {
        **key_inputs(domain),
        "secret_name": f"byodkim/ses-byodkim/dev/{name}",
        "owner": UNKNOWN,
    }
    _, failures = plugin.check("DkimKey", inputs)
    assert [f"secret_name: {problem}"] == [failure.reason for failure in failures]


def test_default_tags(
    start_plugin: StartPlugin, domain: Domain, secrets_manager: SecretsManager
) -> None:
    """Secrets have the tags of `aws:defaultTags`, as what pulumi-aws makes has."""
    plugin = start_plugin()
    plugin.configure({"aws:defaultTags": json.dumps({"tags": {"team": "mail", "stage": "dev"}})})
    _, [failure] = plugin.check(
        "DkimKey", key_inputs(domain, tags={f"t{n}": "" for n in range(46)})
    )
    assert failure.reason == "tags: must be at most 47 with those of aws:defaultTags, not 48"
    plugin.create("DkimKey", key_inputs(domain, tags={"stage": "prod"}))
    tags = secrets_manager.tags(f"byodkim/ses-byodkim/dev/{domain.name}/1")
    assert {"team": "mail", "stage": "prod"} == {
        name: value for name, value in tags.items() if not name.startswith("byodkim:")
    }


# Another account, another Region


@pytest.mark.parametrize("call", ["read", "delete"])
def test_state_of_another_account(
    plugin: Plugin, key: dict[str, Any], secrets_manager: SecretsManager, domain: Domain, call: str
) -> None:
    """With credentials of another account than the secret's, it is neither missed nor deleted."""
    other = domain.sandbox.aws.add_account()
    moved = {**key, "secret_arn": key["secret_arn"].replace(domain.sandbox.account, other)}
    calls = len(secrets_manager.calls)
    text = error_of(getattr(plugin, call), "DkimKey", moved)
    assert text.startswith("WrongAccount: ")
    assert calls == len(secrets_manager.calls)


def test_another_region(plugin: Plugin, domain: Domain, secrets_manager: SecretsManager) -> None:
    """A secret is read where its ARN says, wherever the identity is."""
    key = plugin.create("DkimKey", key_inputs(domain, region=OTHER_REGION))
    (made,) = secrets_manager.signing_keys()
    domain.publish(made, selector=key["selector"])
    assert [] == [name for name in secrets_manager.names() if domain.name in name]
    plugin.create("ByodkimIdentity", identity_inputs(domain, key))
    assert domain.sandbox.ses.signing_key(domain.name, REGION) == (key["selector"], made.pkcs1_der)
    plugin.delete("DkimKey", key)
    (name,) = [name for name in secrets_manager.names(OTHER_REGION) if domain.name in name]
    assert secrets_manager.secret(name, OTHER_REGION).is_deleted()


# Identities


def test_identity(
    plugin: Plugin, domain: Domain, secrets_manager: SecretsManager, key: dict[str, Any]
) -> None:
    """SES gets the key from the secret; neither inputs nor outputs hold it, and it is read once."""
    checked, failures = plugin.check("ByodkimIdentity", identity_inputs(domain, key))
    outputs = plugin.create("ByodkimIdentity", checked)
    (made,) = secrets_manager.signing_keys()
    assert [] == failures
    assert domain.sandbox.ses.signing_key(domain.name, REGION) == (key["selector"], made.pkcs1_der)
    assert (key["fingerprint"], key["record_value"]) == (
        outputs["fingerprint"],
        outputs["record_value"],
    )
    assert made.pkcs1_base64()[200:] not in str([checked, outputs])
    assert ["CreateSecret", "GetSecretValue"] == secrets_manager.calls
    assert (False, []) == plugin.diff("ByodkimIdentity", outputs, checked)


@pytest.mark.parametrize(
    ("store", "unknown"),
    [("state", {"secret_arn": UNKNOWN}), ("secrets manager", {"private_key": UNKNOWN})],
    ids=["key in the state", "key in Secrets Manager"],
)
def test_output_that_is_not_there(
    plugin: Plugin, domain: Domain, key: dict[str, Any], store: str, unknown: dict[str, Any]
) -> None:
    """A preview calls an output unknown that is not there; it is no change."""
    inputs = domain.inputs() if store == "state" else identity_inputs(domain, key)
    domain.publish()
    outputs = plugin.create("ByodkimIdentity", inputs)
    checked, failures = plugin.check("ByodkimIdentity", {**inputs, **unknown})
    assert [] == failures
    assert not unknown.keys() & checked.keys()
    assert (False, []) == plugin.diff("ByodkimIdentity", outputs, revealed(checked))


def test_none(plugin: Plugin, domain: Domain, key: dict[str, Any]) -> None:
    """An update is told None of what is not there, which is the same as nothing."""
    inputs = identity_inputs(domain, key)
    checked, failures = plugin.check("ByodkimIdentity", {**inputs, "private_key": None})
    assert [] == failures
    assert {**inputs, "__provider": checked["__provider"]} == checked


def test_same_key_in_another_store(
    plugin: Plugin, domain: Domain, secrets_manager: SecretsManager, key: dict[str, Any]
) -> None:
    """Where a key is makes no difference to the identity: the same key is no change."""
    outputs = plugin.create("ByodkimIdentity", identity_inputs(domain, key))
    (made,) = secrets_manager.signing_keys()
    news = domain.inputs(selector=key["selector"], private_key=made.pkcs1_base64())
    assert (False, []) == plugin.diff("ByodkimIdentity", outputs, news)


def test_check_of_an_identity(plugin: Plugin, domain: Domain, key: dict[str, Any]) -> None:
    """What can't be a key in Secrets Manager is refused; what a preview can't know is not."""
    inputs = identity_inputs(domain, key)
    _, [failure] = plugin.check("ByodkimIdentity", {**inputs, "private_key": "c2VjcmV0"})
    assert "private_key, secret_arn: give one, not both" == failure.reason
    unknown = {"secret_arn": UNKNOWN, "record_value": UNKNOWN}
    assert [] == plugin.check("ByodkimIdentity", {**inputs, **unknown})[1]
