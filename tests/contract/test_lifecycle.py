"""What the engine gets back for each call in a resource's life, and what that call touches."""

from __future__ import annotations

from typing import Any

import pytest

from byodkim_provider.dkim import keys
from tests.contract.conftest import REGION, Domain, StartPlugin
from tests.contract.plugin import PROVIDERS, UNKNOWN, Engine, Kind, Plugin, revealed, secret, urn

UNREACHABLE = "http://127.0.0.1:9"
"""The discard port, where nothing listens: a call there would be an error."""


@pytest.fixture
def outputs(plugin: Plugin, domain: Domain) -> dict[str, Any]:
    """Of an identity that SES was told of."""
    domain.publish()
    outputs = plugin.create("ByodkimIdentity", domain.inputs(tags={"team": "mail"}))
    assert ["CreateEmailIdentity"] == domain.calls()
    return outputs


@pytest.fixture
def offline(start_plugin: StartPlugin) -> Plugin:
    """A process that reaches nothing of AWS."""
    services = ("ROUTE_53", "SECRETS_MANAGER", "SESV2", "STS")
    return start_plugin(**{f"AWS_ENDPOINT_URL_{service}": UNREACHABLE for service in services})


# check


def test_check_is_pure(offline: Plugin, domain: Domain) -> None:
    """Checked inputs depend on the inputs alone, not on the network, the clock or chance."""
    inputs = domain.inputs(domain=f"{domain.name.upper()}.", generation=1, published=[1, 2])
    expected = {
        **inputs,
        "domain": domain.name,
        "private_key": secret(domain.key.pkcs1_base64()),
        "__provider": PROVIDERS["ByodkimIdentity"],
    }
    for _ in range(2):
        assert (expected, []) == offline.check("ByodkimIdentity", inputs)
    assert [] == domain.questions() == domain.calls()


def test_check_of_checked(plugin: Plugin, domain: Domain) -> None:
    """To check inputs once more changes nothing."""
    checked, _ = plugin.check("ByodkimIdentity", domain.inputs(domain=f"{domain.name.upper()}."))
    assert (checked, []) == plugin.check("ByodkimIdentity", revealed(checked))


def test_check_of_what_leaves(plugin: Plugin, engine: Engine, domain: Domain) -> None:
    """A preview says of each adopted identity that leaves that it stays in SES, and of no other."""
    adopted, left, own = (f"{name}.{domain.name}" for name in ("adopted", "left", "own"))
    identities = [{"domain": name, "region": REGION, "selector": "s1"} for name in (adopted, left, own)]
    olds = {"identities": identities, "adopted": [f"{adopted} {REGION}", f"{left} {REGION}"]}
    news = {**olds, "identities": identities[:1], "adopted": UNKNOWN}

    assert [] == plugin.check("DkimVerification", news, olds, name=domain.name)[1]

    stays = "leaves the stack and stays in SES, as does the record it signs with: it was adopted"
    assert [f"{left} {REGION}: {stays}"] == [
        line.message for line in engine.lines(urn("DkimVerification", domain.name))
    ]


def test_check_of_identities_that_a_preview_does_not_know(plugin: Plugin) -> None:
    """Where the whole list is unknown nothing is said of it."""
    news = {"identities": UNKNOWN, "adopted": UNKNOWN}
    assert [] == plugin.check("DkimVerification", news, {"adopted": [f"example.com {REGION}"]})[1]


# diff


def test_unchanged(offline: Plugin, domain: Domain, outputs: dict[str, Any]) -> None:
    """An identity whose inputs are the same is no change, and asks nobody."""
    calls, questions = domain.calls(), domain.questions()
    assert (False, []) == offline.diff("ByodkimIdentity", outputs, domain.inputs(tags={"team": "mail"}))
    assert (calls, questions) == (domain.calls(), domain.questions())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tags": {"team": "news"}}, (True, [])),
        ({"overlap_days": 3}, (True, [])),
        ({"domain": "test.example.com"}, (True, ["domain"])),
        ({"region": "us-east-1"}, (True, ["region"])),
        ({"owner": "0123456789abcdef/renamed"}, (False, [])),
    ],
    ids=["tags", "overlap_days", "domain", "region", "owner"],
)
def test_changed(
    offline: Plugin, domain: Domain, outputs: dict[str, Any], change: dict[str, Any], expected: object
) -> None:
    """Another domain or Region is another identity, another owner is none, all else is a change in place."""
    news = domain.inputs(**{"tags": {"team": "mail"}, **change})
    assert expected == offline.diff("ByodkimIdentity", outputs, news)


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


def test_verified_is_unchanged(plugin: Plugin, domain: Domain, outputs: dict[str, Any]) -> None:
    """Once all is verified a verification is no change and asks nobody, whatever its time limit."""
    verification = domain.verification(outputs)
    verified = plugin.create("DkimVerification", verification)
    assert [] == verified["pending"]
    calls, questions = domain.calls(), domain.questions()
    assert (False, []) == plugin.diff("DkimVerification", verified, {**verification, "timeout_minutes": 1})
    assert (calls, questions) == (domain.calls(), domain.questions())


# update


@pytest.mark.parametrize(
    "change",
    [{}, {"tags": {"team": "news"}}, {"selector": "s2"}],
    ids=["unchanged", "tags", "another key"],
)
def test_update_returns_all(
    plugin: Plugin, domain: Domain, outputs: dict[str, Any], change: dict[str, Any]
) -> None:
    """An update gives every output there was, with the new inputs in their places."""
    other = keys.generate(keys.MIN_BITS)
    domain.publish(other, selector="s2")
    key = other if "selector" in change else domain.key
    expected = {"selector": "s1", "tags": {"team": "mail"}, **change}
    news = domain.inputs(**expected, private_key=key.pkcs1_base64())
    updated = plugin.update("ByodkimIdentity", outputs, news)
    assert set(outputs) == set(updated)
    assert expected == {name: updated[name] for name in expected}
    assert key.fingerprint == updated["fingerprint"]


def test_update_of_verification(plugin: Plugin, domain: Domain, outputs: dict[str, Any]) -> None:
    """A verification that looks again gives every output there was."""
    domain.remove()
    verification = {**domain.verification(outputs), "timeout_minutes": 0}
    pending = plugin.create("DkimVerification", verification)
    assert [False] == [one["verified"] for one in pending["results"]]
    assert (True, []) == plugin.diff("DkimVerification", pending, verification)
    domain.publish()
    domain.sandbox.ses.change(domain.name, REGION, status="SUCCESS")
    updated = plugin.update("DkimVerification", pending, verification)
    assert set(pending) == set(updated)
    assert ([True], []) == ([one["verified"] for one in updated["results"]], updated["pending"])


# read


def test_read(plugin: Plugin, domain: Domain, outputs: dict[str, Any]) -> None:
    """A refresh gives every output there was, with what SES says now."""
    seen = {**outputs, "status": "SUCCESS", "was_verified": True}
    assert ("id", seen) == plugin.read("ByodkimIdentity", outputs)


def test_drift(start_plugin: StartPlugin, engine: Engine, domain: Domain, outputs: dict[str, Any]) -> None:
    """A refresh warns of drift in one line; the preview that follows, another process, names it too."""
    domain.sandbox.ses.change(domain.name, REGION, signing_enabled=False)
    row = urn("ByodkimIdentity", domain.name)
    refresh, preview = start_plugin(), start_plugin()

    _, seen = refresh.read("ByodkimIdentity", outputs, name=domain.name)
    inputs = domain.inputs(tags={"team": "mail"})
    assert (True, []) == refresh.diff("ByodkimIdentity", seen, inputs, name=domain.name)
    assert [
        f"{domain.name} {REGION}: DKIM signatures are disabled; `pulumi up` repairs that, or says what to do"
    ] == [line.message for line in engine.lines(row)]
    assert ["DKIM signatures are disabled"] == seen["drift"]

    assert (True, []) == preview.diff("ByodkimIdentity", seen, inputs, name=domain.name)
    assert (
        f"{domain.name} {REGION}: when it was last read from SES: DKIM signatures are disabled"
    ) == engine.lines(row)[-1].message
    assert [] == preview.update("ByodkimIdentity", seen, inputs)["drift"]


def test_read_of_what_is_gone(plugin: Plugin, domain: Domain, outputs: dict[str, Any]) -> None:
    """An identity that somebody deleted is kept with what it signed, and the next `up` makes it again."""
    domain.sandbox.ses.remove(domain.name, REGION)
    id_, gone = plugin.read("ByodkimIdentity", outputs)
    assert ("id", "GONE", outputs["key_set_at"]) == (id_, gone["status"], gone["key_set_at"])
    assert ["gone from SES"] == gone["drift"]
    assert (True, []) == plugin.diff("ByodkimIdentity", gone, domain.inputs())


def test_read_while_awaiting_dns(plugin: Plugin, domain: Domain) -> None:
    """An identity that SES was not told of yet is not gone, and SES is not asked."""
    waiting = plugin.create("ByodkimIdentity", domain.inputs())
    assert ("id", waiting) == plugin.read("ByodkimIdentity", waiting)
    assert [] == domain.calls()


# delete


def test_delete(plugin: Plugin, domain: Domain, outputs: dict[str, Any]) -> None:
    """The identity is gone, and its deletion once more succeeds."""
    plugin.delete("ByodkimIdentity", outputs)
    assert domain.name not in domain.sandbox.ses.identities(REGION)
    plugin.delete("ByodkimIdentity", outputs)
    assert 1 == domain.calls().count("DeleteEmailIdentity")


def test_delete_while_awaiting_dns(plugin: Plugin, domain: Domain) -> None:
    """An identity that SES was not told of yet can go."""
    plugin.delete("ByodkimIdentity", plugin.create("ByodkimIdentity", domain.inputs()))
    assert "DeleteEmailIdentity" not in domain.calls()


@pytest.mark.parametrize("kind", ["DkimKey", "DkimVerification"])
def test_delete_of_what_is_only_in_state(plugin: Plugin, domain: Domain, kind: Kind) -> None:
    """A key and a verification go with their state, nobody else is told."""
    inputs = {"domain": domain.name, "bits": 1024, "identities": []}
    plugin.delete(kind, revealed(plugin.create(kind, inputs)))
    assert [] == domain.calls() == domain.questions()
