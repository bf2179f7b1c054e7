"""If this fails, a record that somebody needs is deleted, or one that nobody needs stays."""

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.resources.dns_record_provider import DnsRecordProvider
from tests.support.fakes import REGION
from tests.support.memory_host import Host
from tests.support.world import DOMAIN

LABEL = f"rfc2136:{DOMAIN}"
NAME = f"s1._domainkey.{DOMAIN}"


@pytest.fixture
def host():
    """The name server that all runs use."""
    return Host()


@pytest.fixture
def inputs(world):
    return {
        "provider": "rfc2136",
        "server": "192.0.2.1",
        "zone": DOMAIN,
        "key_name": "byodkim",
        "name": NAME,
        "value": world.declared(1).record_value,
        "existing": "same key",
        "domain": DOMAIN,
        "regions": [REGION],
    }


def this_run(world, *hosts):
    """
    The provider in the run that is under way; each call of the host is for the next of *hosts*.
    """
    return DnsRecordProvider(
        lambda settings, _: hosts[settings.server != "192.0.2.1"],
        lambda _: world.outside,
        run=world.run,
    )


def made(world, inputs, *hosts):
    """The outputs of a record that an earlier run has made."""
    outputs = this_run(world, *hosts).create(inputs).outs
    world.next_run()
    return outputs


def test_successor(world, host, inputs):
    """A renamed or replaced record leaves what is there to its successor, in the next run, too."""
    old, new = made(world, inputs, host), made(world, inputs, host)
    provider = this_run(world, host)
    provider.check(new, inputs)
    provider.delete("id", old)
    assert (host.there, world.progress.warnings) == ([inputs["value"]], [])
    world.next_run()
    this_run(world, host).delete("id", old)
    assert host.there == []


@pytest.mark.parametrize(
    ("changes", "is_change", "replaces"),
    [
        ({}, False, []),
        ({"ttl": 60}, False, []),
        ({"credentials": "other"}, True, []),
        ({"server": "192.0.2.2", "port": 5353}, True, []),
        ({"value": "p=BBBB"}, True, ["value"]),
        ({"server": "192.0.2.2", "zone": "example.net"}, True, ["zone"]),
    ],
)
def test_diff(world, host, inputs, changes, is_change, replaces):
    """Another name, value or zone is another record; how the host is reached is none of it."""
    outputs = made(world, inputs, host)
    found = this_run(world, host).diff("id", outputs, inputs | changes)
    assert (found.changes, list(found.replaces)) == (is_change, replaces)


def test_another_value_is_no_successor(world, host, inputs):
    """A record that is replaced by one with another value goes."""
    old = made(world, inputs, host)
    provider = this_run(world, host)
    provider.check({**old}, inputs | {"value": world.declared(2).record_value})
    provider.delete("id", old)
    assert host.there == []


def test_who_keeps_it(world, host, inputs):
    """
    What was there stays, and so does what somebody signs with; a zone that has moved is not asked
    for.
    """
    host.there = [inputs["value"]]
    made(world, inputs, host)
    this_run(world, host).delete("id", made(world, inputs, host))
    assert world.progress.warnings == [f"{NAME}: left at {LABEL}, it was there before this stack"]

    world.forget()
    generated = inputs | {"existing": "replace"}
    outputs = made(world, generated, host)
    world.put("s1")
    this_run(world, host).delete("id", outputs)
    assert world.progress.warnings == [f"{NAME}: left at {LABEL}, {DOMAIN} {REGION} signs with it"]

    world.run.zones[DOMAIN].add("manual")
    this_run(world, host).delete("id", outputs)
    assert host.there == []


def test_slot_that_has_another_key(world, host, inputs):
    """
    A refresh says so, and keeps the record in the state: what stands there may have signed mail.
    """
    outputs = made(world, inputs | {"existing": "slot"}, host)
    host.there = [world.declared(2).record_value]
    with pytest.raises(InvalidSettings) as caught:
        this_run(world, host).read("id", outputs)
    assert caught.value.message == DkimMessages.OTHER_STANDS(name=NAME)
    host.there = []
    assert this_run(world, host).read("id", outputs).id is None


@pytest.mark.parametrize("existing", ["slot", "same key", "replace"])
def test_key_in_another_form(world, host, inputs, existing):
    """
    A refresh takes the form in which the host lists the key now, and what deletes it knows that
    form.
    """
    outputs = made(world, inputs | {"existing": existing}, host)
    host.there = [f"v=DKIM1; k=rsa; {inputs['value']}", "managed by ops"]
    read = this_run(world, host).read("id", outputs).outs
    assert (read["present_value"], world.progress.warnings) == (host.there[0], [])
    this_run(world, host).delete("id", read)
    assert host.there == ["managed by ops"]


@pytest.mark.parametrize("was_there", [True, False])
@pytest.mark.parametrize("is_at_the_other", [True, False])
def test_another_server(world, host, inputs, was_there, is_at_the_other):
    """
    What we make at another server of the zone is ours; what we find there may be what we made.
    """
    form = f"v=DKIM1; {records.record_value(world.key(1).public_key_der)}"
    host.there = [form] * was_there
    outputs, other = made(world, inputs, host), Host()
    other.there = [form] * is_at_the_other
    provider = this_run(world, host, other)
    outputs = provider.update("id", outputs, inputs | {"server": "192.0.2.2"}).outs
    assert outputs["found"] == (was_there and is_at_the_other)
    assert [outputs["present_value"]] == other.there
