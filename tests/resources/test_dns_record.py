"""If this fails, a record is overwritten, or stays when it has left the stack."""

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.resources.dns_record_provider import DnsRecordProvider
from byodkim_provider.resources.records import in_message
from tests.support.cases import cases, written_out
from tests.support.memory_host import Host
from tests.support.world import DOMAIN

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
    }


def this_run(world, *hosts):
    """
    The provider in the run that is under way; each call of the host is for the next of *hosts*.
    """
    return DnsRecordProvider(
        lambda settings, _: hosts[settings.server != "192.0.2.1"],
        run=world.run,
    )


def made(world, inputs, *hosts):
    """The outputs of a record that an earlier run has made."""
    outputs = this_run(world, *hosts).create(inputs).outs
    world.next_run()
    return outputs


CHANGES = """
ttl: 60
credentials: other
  updated
server: 192.0.2.2, port: 5353
  updated
value: p=BBBB
  updated
  value
server: 192.0.2.2, zone: example.net
  updated
  zone
"""


@cases(("changes", "said"), written_out(CHANGES))
def test_diff(world, host, inputs, changes, said):
    """Another name, value or zone is another record; how the host is reached is none of it."""
    outputs = made(world, inputs, host)
    found = this_run(world, host).diff("id", outputs, inputs | changes)
    assert ["updated"] * found.changes + list(found.replaces) == said


@pytest.mark.parametrize(
    ("existing", "problem"),
    [
        ("same key", DkimMessages.OTHER_VALUE),
        ("slot", DkimMessages.OTHER_KEY),
        ("free slot", None),
        ("replace", None),
    ],
)
def test_second_key(world, host, inputs, existing, problem):
    """Only a free slot gets another key, in place; a generated selector is that of one key."""
    old = made(world, inputs | {"existing": existing}, host)
    news = inputs | {"existing": existing, "value": world.declared(2).record_value}
    found = this_run(world, host).check(old, news).failures
    said = [problem(name=NAME, found=in_message([old["value"]])).with_hint()] if problem else []
    assert [one.reason for one in found] == said
    replaces = list(this_run(world, host).diff("id", old, news).replaces)
    assert replaces == ([] if existing == "free slot" else ["value"])


def test_no_secret(world, host, inputs, monkeypatch):
    """A preview refuses a new record while the secret of its host is nowhere to be found."""
    monkeypatch.delenv("RFC2136_TSIG_SECRET", raising=False)
    (failure,) = this_run(world, host).check({}, inputs).failures
    assert "'dnsCredentials.rfc2136.secret'" in failure.reason


def test_refresh_of_another_key(world, host, inputs):
    """The record is gone, so the next run makes it again, and finds the other key in its way."""
    outputs = made(world, inputs | {"existing": "slot"}, host)
    host.there = [world.declared(2).record_value]
    assert this_run(world, host).read("id", outputs).id is None
    with pytest.raises(DnsRefused):
        this_run(world, host).create(inputs | {"existing": "slot"})


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


@pytest.mark.parametrize("is_at_the_other", [True, False])
def test_another_server(world, host, inputs, is_at_the_other):
    """At another server of the zone the record is made, or taken over in its form."""
    form = f"v=DKIM1; {records.record_value(world.key(1).public_key_der)}"
    outputs, other = made(world, inputs, host), Host()
    other.there = [form] * is_at_the_other
    provider = this_run(world, host, other)
    outputs = provider.update("id", outputs, inputs | {"server": "192.0.2.2"}).outs
    assert (
        [outputs["present_value"]] == other.there == [form if is_at_the_other else inputs["value"]]
    )
