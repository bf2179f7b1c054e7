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


# Another account, another Region


# Identities


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
