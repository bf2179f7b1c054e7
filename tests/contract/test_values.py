"""What Pulumi makes of values on their way: checked inputs, numbers, None, unknowns, secrets, changes."""

from __future__ import annotations

from typing import Any

import pytest

from byodkim_provider.dkim import keys
from tests.contract.conftest import REGION, Domain, StartPlugin
from tests.contract.plugin import PROVIDERS, SECRET, UNKNOWN, Plugin, error_of, revealed, secret

GENERATIONS = {"generation": 2, "published": [1, 2, 3], "supplied_keys": {"1": "s0"}}

UNKNOWNS = [
    pytest.param({"private_key": UNKNOWN}, id="private_key"),
    pytest.param({"selector": UNKNOWN, "private_key": UNKNOWN}, id="key not made yet"),
    pytest.param(
        {"selector": UNKNOWN, "private_key": UNKNOWN, "secret_arn": UNKNOWN, "record_value": UNKNOWN},
        id="key not made yet, in whatever store",
    ),
    pytest.param({"account_id": UNKNOWN}, id="account_id"),
    pytest.param({"generation": UNKNOWN}, id="generation"),
    pytest.param({"published": UNKNOWN}, id="published"),
    pytest.param({"published": [1, UNKNOWN, 3]}, id="one of published"),
    pytest.param({"supplied_keys": {"1": UNKNOWN}}, id="one of supplied_keys"),
    pytest.param({"overlap_days": UNKNOWN}, id="overlap_days"),
    pytest.param({"configuration_set": UNKNOWN}, id="configuration_set"),
    pytest.param({"tags": UNKNOWN}, id="tags"),
    pytest.param({"tags": {"team": UNKNOWN}}, id="one of tags"),
    pytest.param({"dns_check": UNKNOWN}, id="dns_check"),
    pytest.param({"dns_resolvers": [UNKNOWN]}, id="one of dns_resolvers"),
    pytest.param({"dns_wait_seconds": UNKNOWN}, id="dns_wait_seconds"),
    pytest.param({"dns": ["route53:Z1", UNKNOWN]}, id="one of dns"),
    pytest.param({"name_servers": {"route53:Z1": [UNKNOWN]}}, id="one of name_servers"),
    pytest.param({"panel": UNKNOWN}, id="panel"),
    pytest.param({"panel_zone": UNKNOWN}, id="panel_zone"),
]
"""Inputs of an identity that a preview may not know, whole or in part."""

UNREACHABLE = "http://127.0.0.1:9"
"""The discard port, where nothing listens: a call there would be an error."""

IDENTITY = [pytest.param({"domain": UNKNOWN}, id="domain"), pytest.param({"region": UNKNOWN}, id="region")]
"""Those that make it another identity."""


@pytest.fixture
def offline(start_plugin: StartPlugin) -> Plugin:
    """A process that reaches nothing of AWS."""
    services = ("ROUTE_53", "SECRETS_MANAGER", "SESV2", "STS")
    return start_plugin(**{f"AWS_ENDPOINT_URL_{service}": UNREACHABLE for service in services})


# Checked inputs and changes


def test_check_is_pure(offline: Plugin, domain: Domain) -> None:
    """Checked inputs depend on the inputs alone, not on the network, the clock or chance, and pass again."""
    inputs = domain.inputs(domain=f"{domain.name.upper()}.", generation=1, published=[1, 2])
    expected = {
        **inputs,
        "domain": domain.name,
        "private_key": secret(domain.key.pkcs1_base64()),
        "__provider": PROVIDERS["ByodkimIdentity"],
    }
    for _ in range(2):
        assert (expected, []) == offline.check("ByodkimIdentity", inputs)
    assert (expected, []) == offline.check("ByodkimIdentity", revealed(expected))
    assert [] == domain.questions() == domain.calls()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (False, [])),
        ({"tags": {"team": "news"}}, (True, [])),
        ({"overlap_days": 3}, (True, [])),
        ({"domain": "test.example.com"}, (True, ["domain"])),
        ({"region": "us-east-1"}, (True, ["region"])),
        ({"owner": "0123456789abcdef/renamed"}, (False, [])),
    ],
    ids=["unchanged", "tags", "overlap_days", "domain", "region", "owner"],
)
def test_changed(plugin: Plugin, domain: Domain, change: dict[str, Any], expected: object) -> None:
    """Another domain or Region is another identity, another owner is none, all else is a change in place."""
    outputs = plugin.create("ByodkimIdentity", domain.inputs(dns_check="off"))
    news = domain.inputs(**{"dns_check": "off", **change})
    assert expected == plugin.diff("ByodkimIdentity", outputs, news)


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, (False, [])), ({"bits": 2048}, (False, [])), ({"domain": "test.example.com"}, (True, ["domain"]))],
    ids=["unchanged", "bits", "domain"],
)
def test_key_changes(plugin: Plugin, domain: Domain, change: dict[str, Any], expected: object) -> None:
    """A key changes only if it is for another domain: then it is another key."""
    inputs = {"domain": domain.name, "bits": 1024}
    olds = revealed(plugin.create("DkimKey", inputs))
    assert expected == plugin.diff("DkimKey", olds, {**inputs, **change})


# Numbers


def test_number_in_a_problem(plugin: Plugin, domain: Domain) -> None:
    """A number that came as a float is shown as the user wrote it."""
    _, failures = plugin.check("ByodkimIdentity", domain.inputs(generation=4, published=[1, 2]))
    assert ["published: must contain generation 4, which signs"] == [failure.reason for failure in failures]


def test_numbers_in_outputs(plugin: Plugin, domain: Domain) -> None:
    """Generations, which come as floats, are whole numbers where outputs use them as names."""
    domain.publish()
    outputs = plugin.create("ByodkimIdentity", domain.inputs(**GENERATIONS))
    assert {"1"} == set(outputs["signed_until"]) == set(outputs["supplied_keys"])
    assert (False, []) == plugin.diff("ByodkimIdentity", outputs, domain.inputs(**GENERATIONS))


def test_key_size(plugin: Plugin, domain: Domain) -> None:
    """The number of bits, which comes as a float, is the size of the key that is made."""
    outputs = plugin.create("DkimKey", {"domain": domain.name, "bits": 1536})
    assert 1536 == outputs["bits"] == keys.load(outputs["private_key"]["value"]).bits


# None


def test_none_is_dropped(plugin: Plugin, domain: Domain) -> None:
    """An input that is None is as good as left out."""
    left_out, _ = plugin.check("ByodkimIdentity", domain.inputs())
    none = dict.fromkeys(["account_id", "generation", "configuration_set", "tags"])
    assert (left_out, []) == plugin.check("ByodkimIdentity", domain.inputs(**none))


def test_no_none_in_outputs(plugin: Plugin, domain: Domain) -> None:
    """What is not known of an identity yet is absent from its outputs, and can be read back."""
    outputs = plugin.create("ByodkimIdentity", domain.inputs())
    assert "AWAITING_DNS" == outputs["status"]
    assert None not in outputs.values()
    assert not {"key_set_at", "signing_since", "signing_selector"} & set(outputs)
    assert ("id", outputs) == plugin.read("ByodkimIdentity", outputs)


# Unknowns


@pytest.mark.parametrize("unknown", [*UNKNOWNS, *IDENTITY])
def test_check_with_unknown(plugin: Plugin, domain: Domain, unknown: dict[str, Any]) -> None:
    """What a preview can't know is neither refused nor changed."""
    inputs, failures = plugin.check("ByodkimIdentity", domain.inputs(**{**GENERATIONS, **unknown}))
    assert [] == failures
    assert unknown == {name: inputs[name] for name in unknown}


@pytest.mark.parametrize("unknown", UNKNOWNS)
def test_diff_with_unknown(plugin: Plugin, domain: Domain, unknown: dict[str, Any]) -> None:
    """What a preview can't know may change the identity in place."""
    domain.publish()
    outputs = plugin.create("ByodkimIdentity", domain.inputs(**GENERATIONS))
    if "selector" in unknown:  # a key that is not made yet belongs to a new generation
        unknown = {**unknown, "generation": 3, "published": [1, 2, 3, 4]}
    news = domain.inputs(**{**GENERATIONS, **unknown})
    assert (True, []) == plugin.diff("ByodkimIdentity", outputs, news)


@pytest.mark.parametrize("unknown", IDENTITY)
def test_diff_with_unknown_identity(plugin: Plugin, domain: Domain, unknown: dict[str, Any]) -> None:
    """A domain or Region that a preview can't know is a change."""
    domain.publish()
    outputs = plugin.create("ByodkimIdentity", domain.inputs())
    changes, _ = plugin.diff("ByodkimIdentity", outputs, domain.inputs(**unknown))
    assert changes


def test_problems_beside_unknowns(plugin: Plugin, domain: Domain) -> None:
    """What is known is checked in a preview, too."""
    _, failures = plugin.check("ByodkimIdentity", domain.inputs(domain="example", private_key=UNKNOWN))
    assert ["domain: 'example' is a single label, expected a domain such as 'example.com'"] == [
        failure.reason for failure in failures
    ]


@pytest.mark.parametrize("name", ["key_set_at", "selector", "dns_resolvers"])
def test_verification_with_unknown(plugin: Plugin, domain: Domain, name: str) -> None:
    """A verification of something that a preview can't know is a change."""
    domain.publish()
    news = domain.verification(plugin.create("ByodkimIdentity", domain.inputs()))
    outputs = plugin.create("DkimVerification", news)
    news["identities"][0][name] = UNKNOWN
    checked, failures = plugin.check("DkimVerification", news)
    assert (news["identities"], []) == (checked["identities"], failures)
    assert (True, []) == plugin.diff("DkimVerification", outputs, news)
    assert (True, []) == plugin.diff("DkimVerification", outputs, {"identities": UNKNOWN})
    assert [] == plugin.check("DkimVerification", {"identities": UNKNOWN, "adopted": UNKNOWN}, outputs)[1]


def test_all_regions_exchanged(plugin: Plugin, domain: Domain) -> None:
    """It is refused in the preview, which knows neither the new selector nor when SES will be told."""
    domain.publish()
    before = domain.verification(plugin.create("ByodkimIdentity", domain.inputs()))
    outputs = plugin.create("DkimVerification", before)
    news = {**before["identities"][0], "region": "us-east-1", "selector": UNKNOWN, "key_set_at": UNKNOWN}
    message = error_of(plugin.diff, "DkimVerification", outputs, {"identities": [news]})
    assert f"{domain.name}: us-east-1 can't take the place of {REGION} at once" in message


# Secrets


def test_secrets_arrive_in_plain_text(start_plugin: Any) -> None:
    """The process does not accept secrets, so the engine takes their marks off."""
    assert start_plugin().configure({}).acceptSecrets is False


def test_checked_key_is_secret(plugin: Plugin, domain: Domain) -> None:
    """The private key leaves `check` as a secret, in its normal form."""
    pem = f"-----BEGIN RSA PRIVATE KEY-----\r\n{domain.key.pkcs1_base64()}\r\n-----END RSA PRIVATE KEY-----"
    inputs, failures = plugin.check("ByodkimIdentity", domain.inputs(private_key=pem))
    assert [] == failures
    assert secret(domain.key.pkcs1_base64()) == inputs["private_key"]


def test_refused_key_is_secret(plugin: Plugin, domain: Domain) -> None:
    """A key that is refused is still a secret."""
    inputs, failures = plugin.check("ByodkimIdentity", domain.inputs(private_key="hunter22"))
    assert failures
    assert secret("hunter22") == inputs["private_key"]


def test_generated_key_is_secret(plugin: Plugin, domain: Domain) -> None:
    """A generated key is a secret, and nothing else of it is, whenever its outputs are told."""
    outputs = plugin.create("DkimKey", {"domain": domain.name, "bits": 1024})
    assert ["private_key"] == [name for name, value in outputs.items() if isinstance(value, dict)]
    assert SECRET.items() <= outputs["private_key"].items()
    olds = revealed(outputs)
    assert ("id", outputs) == plugin.read("DkimKey", olds)
    assert outputs == plugin.update("DkimKey", olds, {"domain": domain.name, "bits": 1024})


def test_identity_keeps_no_key(plugin: Plugin, domain: Domain) -> None:
    """The outputs of an identity hold nothing of its private key."""
    domain.publish()
    outputs = plugin.create("ByodkimIdentity", domain.inputs())
    assert outputs["key_set_at"]
    assert not domain.leaks_key(str(outputs))
