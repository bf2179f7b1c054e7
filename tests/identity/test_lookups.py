"""How often DNS is asked for one record, by a preview and the update after it."""

from dataclasses import replace

import pytest

from byodkim_provider.errors import RecordNotVisible
from byodkim_provider.identity import lookups
from tests.support.fakes import SERVERS


def announced(world):
    """An identity whose switch to the published generation 2 a preview has just announced."""
    stored = world.verified()
    world.publish(2)
    world.forget()
    lookups.planned_switch(stored, world.declared(2), world.resolver, world.run.recent)
    return stored


@pytest.mark.parametrize(("seconds", "asked"), [(0, 1), (60, 1), (61, 2)])
def test_a_record_just_seen_is_not_looked_up_again(world, seconds, asked):
    """A rotation asks DNS once for what its own preview saw at most a minute ago."""
    stored = announced(world)
    world.clock.advance(seconds)
    world.update(stored, 2)
    assert (asked, "s2") == (len(world.resolver.looked_up), world.identity().selector)


def test_a_silent_server_is_asked_again(world):
    """What one server did not say in the preview, it may say now: then a wrong record stops the switch."""
    stored = world.verified()
    world.publish(2)
    world.resolver.failures[SERVERS[1]] = "silent"
    said = lookups.planned_switch(stored, world.declared(2), world.resolver, world.run.recent)
    assert said.endswith("visible at 1 of 2 servers")
    world.resolver.failures.clear()
    world.resolver.records.clear()
    with pytest.raises(RecordNotVisible):
        world.update(stored, 2)


def test_a_missing_record_is_asked_for_again(world):
    """A record that the preview did not see may be there now."""
    stored = world.verified()
    lookups.planned_switch(stored, world.declared(2), world.resolver, world.run.recent)
    world.publish(2)
    world.update(stored, 2)
    assert "s2" == world.identity().selector


@pytest.mark.parametrize(
    "change",
    [
        {"selector": "s3"},
        {"record_value": "p="},
        {"dns_check": "recursive"},
        {"dns_resolvers": ("192.0.2.1",)},
    ],
    ids=str,
)
def test_another_lookup_says_nothing(world, change):
    """Another name, another value and other servers have each a lookup of their own."""
    announced(world)
    world.run.recent.check(replace(world.declared(2), **change), world.resolver)
    assert 2 == len(world.resolver.looked_up)
