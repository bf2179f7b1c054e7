"""What the provider of identities finds out about zones, and when."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider
from tests.support import identities

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
    first = {
        **inputs,
        "dns": ["route53:Z1", "route53:Z2", "manual"],
        "zone_roles": {"route53:Z2": ROLE},
    }
    first["zone_external_ids"] = {"route53:Z2": "corp-7f3a"}
    stored = checked(provider, inputs, first)
    assert stored["name_servers"] == {"route53:Z1": SERVERS, "route53:Z2": SERVERS}
    assert asked == [(None, None, "Z1"), (ROLE, "corp-7f3a", "Z2")]
    assert checked(provider, stored, first)["name_servers"] == stored["name_servers"]
    assert checked(provider, stored, {**inputs, "dns": ["route53:Z2"]})["name_servers"] == {
        "route53:Z2": SERVERS
    }
    assert len(asked) == 2


def test_given_name_servers(provider, asked, inputs):
    """Name servers that the program knows are taken as they are, whatever they were."""
    news = {
        **inputs,
        "dns": ["cloudflare:c1"],
        "name_servers": {"cloudflare:c1": ["new.example.net"]},
    }
    olds = {**news, "name_servers": {"cloudflare:c1": ["old.example.net"]}}
    assert checked(provider, olds, news)["name_servers"] == {"cloudflare:c1": ["new.example.net"]}
    assert asked == []


def test_what_the_override_lets_go_is_named(world):
    """
    A leftover `overlapDays: 0` is a warning if a generation leaves by it, for all Regions together.
    """
    provider = ByodkimIdentityProvider(lambda declared: world.outside, run=world.run)
    for region in ("eu-west-1", "us-east-1"):
        before = world.declared(2, region=region, overlap_days=0)
        stored = replace(
            identities.stored(before), signed_until={1: world.clock.now() - timedelta(hours=1)}
        )
        left = {**before.to_properties(), "published": [2, 3], "secret_arn": "arn"}
        provider.diff("id", stored.to_outputs(), left)
    (warning,) = world.progress.warnings
    assert "`overlapDays: 0` lets generation 1 leave DNS before " in warning
