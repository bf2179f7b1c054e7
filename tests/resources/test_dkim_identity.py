"""What the provider of identities finds out about zones, and when."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from pulumi.output import Unknown

from byodkim_provider.errors import DnsRefused, InvalidSettings
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support.cases import cases
from tests.support.fakes import REGION
from tests.support.world import DOMAIN
from tests.support.zones import zone, zones

ONE, TWO = ({"provider": "route53", "id": one} for one in ("Z1", "Z2"))
SERVERS = ["ns-1.example.net", "ns-2.example.net"]
ROLE = "arn:aws:iam::123456789012:role/dns"


@pytest.fixture
def asked():
    """Whom Route 53 was asked as, and for which zone."""
    return []


@pytest.fixture
def provider(asked):
    def route53(role, external_id):
        def name_servers(zone_id):
            asked.append((role, external_id, zone_id))
            return tuple(SERVERS)

        return SimpleNamespace(name_servers=name_servers, zones=lambda: {"Z1": None, "Z2": None})

    return ByodkimIdentityProvider(route53=route53)


@pytest.fixture
def inputs(world):
    return world.inputs(dns_check="off")


def checked(provider, olds, news):
    result = provider.check(olds, news)
    assert result.failures == []
    return result.inputs


def test_name_servers_are_asked_for_once(provider, asked, inputs):
    """Route 53 is asked about a zone that is new here, in its account, and never again."""
    of_role = {"role": ROLE, "external_id": "corp-7f3a"}
    first = {**inputs, "zones": [ONE, TWO | of_role, {"provider": "manual"}]}
    stored = checked(provider, inputs, first)
    assert [zone.get("name_servers") for zone in stored["zones"]] == [SERVERS, SERVERS, None]
    assert asked == [(None, None, "Z1"), (ROLE, "corp-7f3a", "Z2")]
    assert checked(provider, stored, first)["zones"] == stored["zones"]
    moved = checked(provider, stored, {**inputs, "zones": [TWO]})["zones"]
    assert moved == [TWO | {"name_servers": SERVERS}]
    assert len(asked) == 2


def test_given_name_servers(provider, asked, inputs):
    """Name servers that the program knows are taken as they are, whatever they were."""
    zone = {"provider": "cloudflare", "name": "c1"}
    news = {**inputs, "zones": [zone | {"name_servers": ["new.example.net"]}]}
    olds = {**inputs, "zones": [zone | {"name_servers": ["old.example.net"]}]}
    assert checked(provider, olds, news)["zones"] == news["zones"]
    assert asked == []


@cases(
    ("listed", "is_refused"),
    {"gone": ([], False), "there": (["Z1"], True), "not to be listed": (None, True)},
)
def test_a_zone_that_is_gone(world, listed, is_refused):
    """A zone may leave at once if Route 53 does not list it, in the account of its role."""
    asked = []

    def route53(*role):
        asked.append(role)
        if listed is None:
            raise DnsRefused(AwsMessages.PROXY())
        return SimpleNamespace(zones=lambda: listed)

    provider = ByodkimIdentityProvider(lambda _: world.outside, run=world.run, route53=route53)
    before = world.verified(zones=(zone("route53:Z1", role=ROLE),))
    left = world.declared(zones=zones("godaddy:example.com")).to_properties()
    with pytest.raises(InvalidSettings) if is_refused else nullcontext():
        provider.diff("id", before.to_outputs(), {**left, "secret_arn": "arn"})
    assert {*asked} == {(ROLE, None)}


def test_a_state_without_an_output_is_updated(world):
    """A preview takes a missing output for unknown, so the verification would change each time."""
    provider = ByodkimIdentityProvider(lambda _: world.outside, run=world.run)
    stored = world.verified().to_outputs()
    news = {**world.declared().to_properties(), "secret_arn": "arn"}
    assert not provider.diff("id", stored, news).changes
    del stored["cname"]
    assert provider.diff("id", stored, news).changes


def test_zone_that_nobody_asks(world):
    """A preview says once, for all Regions, that the registrar names somebody else's servers."""
    provider = ByodkimIdentityProvider(lambda _: world.outside, run=world.run)
    known = [ONE | {"name_servers": SERVERS}]
    for region in ("eu-west-1", "us-east-1"):
        checked(provider, {}, world.inputs(region=region, zones=known))
    (warning,) = world.progress.warnings
    assert "served by ns1.example.net, ns2.example.net, but route53:Z1 has ns-1.ex" in warning


@pytest.mark.parametrize("other", ["private_key", "secret_arn"])
def test_output_that_is_not_there(world, provider, inputs, other):
    """A preview calls an output unknown that is not there; it is no input then."""
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:s1-AbCdEf"
    in_store = inputs | {"secret_arn": arn, "record_value": world.declared().record_value}
    given = inputs if other == "secret_arn" else in_store
    result = checked(provider, inputs, given | {other: Unknown()})
    assert other not in result


def test_replacement_that_was_interrupted(world):
    """
    A later run deletes the old half: not the identity, which the new half has. If the entry is
    gone, both halves go, in any order.
    """
    old = world.verified().to_outputs()
    new = world.create().to_outputs()
    world.next_run()
    provider = ByodkimIdentityProvider(lambda _: world.outside, run=world.run)
    provider.diff("id", new, {**world.declared().to_properties(), "secret_arn": "arn"})
    provider.delete("id", old)
    assert DOMAIN in world.model.identities(REGION)
    world.next_run()
    provider = ByodkimIdentityProvider(lambda _: world.outside, run=world.run)
    provider.delete("id", old)
    provider.delete("id", new)
    assert DOMAIN not in world.model.identities(REGION)
