"""If this fails, a key in Secrets Manager does not reach SES through the plugin process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.world import Sandbox
from tests.contract.conftest import REGION, Domain
from tests.contract.plugin import UNKNOWN, Plugin, revealed
from tests.support.secrets_manager import SecretsManager


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
    """A key is made, read and deleted."""
    (made,) = secrets_manager.signing_keys()
    name = f"byodkim/ses-byodkim/dev/{domain.name}/1"
    assert (made.fingerprint, 1024) == (key["fingerprint"], key["bits"])
    assert (False, []) == plugin.diff("DkimKey", key, key_inputs(domain, kms_key_id="alias/other"))
    assert ("id", key) == plugin.read("DkimKey", key)
    plugin.delete("DkimKey", key)
    assert 30 == secrets_manager.days_to_restore(name)


# Another account, another Region


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
