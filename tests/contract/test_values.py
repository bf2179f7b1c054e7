"""If this fails, Pulumi hands over other values than we think: numbers, unknowns, secrets."""

from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.world import Sandbox
from tests.contract.conftest import Domain, StartPlugin
from tests.contract.plugin import PROVIDERS, SECRET, UNKNOWN, Plugin, revealed, secret

GENERATIONS = {"generation": 2, "published": [1, 2, 3], "supplied_keys": {"1": "s0"}}

UNKNOWNS: dict[str, dict[str, Any]] = {
    "private_key": {"private_key": UNKNOWN},
    "key not made yet": {"selector": UNKNOWN, "private_key": UNKNOWN},
    "one of tags": {"tags": {"team": UNKNOWN}},
    "a name server": {"zones": [{"provider": "own", "name_servers": [UNKNOWN]}]},
    "a text": {"configuration_set": UNKNOWN},
}
"""Inputs of an identity that a preview may not know, whole or in part."""

UNREACHABLE = "http://127.0.0.1:9"
"""The discard port, where nothing listens: a call there would be an error."""


@dataclass(frozen=True)
class Made:
    """An identity of generation 2 that SES has: its domain, and its outputs."""

    domain: Domain
    outputs: dict[str, Any]

    def diff(self, plugin: Plugin, changes: dict[str, Any]) -> tuple[bool, list[str]]:
        return plugin.diff(
            "ByodkimIdentity", self.outputs, self.domain.inputs(**{**GENERATIONS, **changes})
        )


@pytest.fixture(scope="module")
def made(plugin: Plugin, sandbox: Sandbox) -> Made:
    """For all tests that only compare: SES takes a second to make one."""
    domain = Domain(sandbox)
    domain.publish()
    return Made(domain, plugin.create("ByodkimIdentity", domain.inputs(**GENERATIONS)))


def test_check_is_pure(start_plugin: StartPlugin, domain: Domain) -> None:
    """
    Checked inputs depend on the inputs alone, not on the network, the clock or chance, and pass
    again.
    """
    services = ("ROUTE_53", "SECRETS_MANAGER", "SESV2", "STS")
    offline = start_plugin(**{f"AWS_ENDPOINT_URL_{service}": UNREACHABLE for service in services})
    inputs = domain.inputs()
    expected = {
        **{name: value for name, value in inputs.items() if name != "record_value"},
        "private_key": secret(domain.key.pkcs1_base64()),
        "__provider": PROVIDERS["ByodkimIdentity"],
    }
    for _ in range(2):
        assert (expected, []) == offline.check("ByodkimIdentity", inputs)
    assert (expected, []) == offline.check("ByodkimIdentity", revealed(expected))
    assert [] == domain.questions() == domain.calls()


def test_no_none_in_outputs(plugin: Plugin, domain: Domain) -> None:
    """What is not known of an identity yet is absent from its outputs, and can be read back."""
    outputs = plugin.create("ByodkimIdentity", domain.inputs())
    assert "AWAITING_DNS" == outputs["status"]
    assert None not in outputs.values()
    assert not {"key_set_at", "signing_since", "signing_selector"} & set(outputs)
    assert ("id", outputs) == plugin.read("ByodkimIdentity", outputs)


@pytest.mark.parametrize("unknown", UNKNOWNS.values(), ids=UNKNOWNS)
def test_unknown(plugin: Plugin, made: Made, unknown: dict[str, Any]) -> None:
    """
    What a preview can't know is neither refused nor changed, and may change the identity in place.
    """
    inputs, failures = plugin.check(
        "ByodkimIdentity", made.domain.inputs(**{**GENERATIONS, **unknown})
    )
    assert [] == failures
    assert unknown == {name: inputs[name] for name in unknown}
    if "selector" in unknown:  # a key that is not made yet belongs to a new generation
        unknown = {**unknown, "generation": 3, "published": [1, 2, 3, 4]}
    assert (True, []) == made.diff(plugin, unknown)


def test_verification_with_unknown(plugin: Plugin, made: Made) -> None:
    """A verification of something that a preview can't know is a change."""
    news = made.domain.verification(made.outputs)
    verified = plugin.create("DkimVerification", news)
    news["identities"][0]["key_set_at"] = UNKNOWN
    checked, failures = plugin.check("DkimVerification", news)
    assert (news["identities"], []) == (checked["identities"], failures)
    assert (True, []) == plugin.diff("DkimVerification", verified, news)
    assert (True, []) == plugin.diff("DkimVerification", verified, {"identities": UNKNOWN})


def test_secrets_arrive_in_plain_text(start_plugin: Any) -> None:
    """The process does not accept secrets, so the engine takes their marks off."""
    assert start_plugin().configure({}).acceptSecrets is False


def test_generated_key_is_secret(plugin: Plugin, domain: Domain) -> None:
    """A generated key is a secret, and nothing else of it is, whenever its outputs are told."""
    outputs = plugin.create("DkimKey", {"domain": domain.name, "bits": 1024})
    assert ["private_key"] == [name for name, value in outputs.items() if isinstance(value, dict)]
    assert SECRET.items() <= outputs["private_key"].items()
    olds = revealed(outputs)
    assert ("id", outputs) == plugin.read("DkimKey", olds)
    assert outputs == plugin.update("DkimKey", olds, {"domain": domain.name, "bits": 1024})


def test_identity_keeps_no_key(made: Made) -> None:
    """The outputs of an identity hold nothing of its private key."""
    assert made.outputs["key_set_at"]
    assert not made.domain.leaks_key(str(made.outputs))
