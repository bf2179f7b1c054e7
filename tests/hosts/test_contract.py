"""One suite for every backend: what `publish` and `withdraw` do at a host, whatever goes wrong there."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import monotonic

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed, Stopped
from byodkim_provider.hosts.publish import Record, lookup, publish, withdraw
from byodkim_provider.progress import Clock, stopping
from tests.hosts.backends import BACKENDS, opened
from tests.support.fakes import FakeProgress
from tests.support.testdata import key

CALM = {"clock": Clock(), "progress": FakeProgress()}

VALUE = records.record_value(key("rsa2048.pkcs8").public_key_der)
OTHER = records.record_value(key("another").public_key_der)

NEIGHBOUR = 'v=DKIM1; n="a note"; x=back\\slash; p=MIGf'

_numbers = count(1)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request, tmp_path_factory):
    with opened(request.param, tmp_path_factory.mktemp(request.param)) as backend:
        yield backend


@pytest.fixture
def name(backend):
    """A name that no other test has."""
    return f"s{next(_numbers)}._domainkey.{backend.zone}"


def test_long_value(backend, name):
    """A value of 410 characters arrives as it is, and goes without a trace."""
    value = "p=" + "A" * 408
    assert value == publish(backend.host(), Record(name, value, "same key"), **CALM)[0]
    assert [value] == backend.stored(name)
    assert (value,) == lookup(backend.host(), name, **CALM)
    withdraw(backend.host(), name, value, **CALM)
    assert [] == backend.stored(name)


def test_odd_value(backend, name):
    """Quotes, semicolons and backslashes arrive as they are, and the very value is found to be removed."""
    publish(backend.host(), Record(name, NEIGHBOUR, "replace"), **CALM)
    assert [NEIGHBOUR] == backend.stored(name)
    withdraw(backend.host(), name, NEIGHBOUR, **CALM)
    assert [] == backend.stored(name)


def test_repeated(backend, name):
    """What is done already is not done again."""
    publish(backend.host(), Record(name, VALUE, "same key"), **CALM)
    before = backend.written()
    assert VALUE == publish(backend.host(), Record(name, VALUE, "same key"), **CALM)[0]
    assert before == backend.written()
    withdraw(backend.host(), name, VALUE, **CALM)
    before = backend.written()
    withdraw(backend.host(), name, VALUE, **CALM)
    assert before == backend.written()


@pytest.mark.parametrize("foreign", [OTHER, NEIGHBOUR], ids=["another key", "something else"])
def test_foreign_value(backend, name, foreign):
    """At a selector that somebody chose, another value is an error and stays, until somebody removes it."""
    backend.put(name, *records.strings(foreign))
    with pytest.raises(DnsRefused, match="a TXT record with another value is there already"):
        publish(backend.host(), Record(name, VALUE, "same key"), **CALM)
    assert [foreign] == backend.stored(name)
    withdraw(backend.host(), name, foreign, **CALM)
    assert VALUE == publish(backend.host(), Record(name, VALUE, "same key"), **CALM)[0]


def test_replaced(backend, name):
    """At a generated selector, which is nobody else's, whatever is there makes way."""
    backend.put(name, *records.strings(OTHER))
    backend.put(name, "v=spf1 -all")
    assert VALUE == publish(backend.host(), Record(name, VALUE, "replace"), **CALM)[0]
    assert [VALUE] == backend.stored(name)


@pytest.mark.parametrize("existing", ["same key", "replace"])
def test_taken_over(backend, name, existing):
    """A record of this key in another form is taken over as it is."""
    written = f"v=DKIM1; k=rsa; {VALUE}"
    backend.put(name, *records.strings(written))
    assert written == publish(backend.host(), Record(name, VALUE, existing), **CALM)[0]
    assert [written] == backend.stored(name)


def test_exact_removal(backend, name):
    """Only the very value goes: not another one at the name, and not the same one below it."""
    backend.put(name, *records.strings(VALUE))
    backend.put(name, NEIGHBOUR)
    backend.put(f"below.{name}", *records.strings(VALUE))
    withdraw(backend.host(), name, VALUE, **CALM)
    assert [NEIGHBOUR] == backend.stored(name)
    assert [VALUE] == backend.stored(f"below.{name}")


def test_split_elsewhere(backend, name):
    """A value is the same however it is split into strings."""
    backend.put(name, VALUE[:100], VALUE[100:300], VALUE[300:])
    assert VALUE == publish(backend.host(), Record(name, VALUE, "same key"), **CALM)[0]
    withdraw(backend.host(), name, VALUE, **CALM)
    assert [] == backend.stored(name)


def test_parallel(backend, name):
    """Sixteen records of one zone at once are sixteen records, and none after they are withdrawn."""
    names = [f"n{number}.{name}" for number in range(16)]
    with ThreadPoolExecutor(16) as threads:
        made = [
            threads.submit(publish, backend.host(), Record(each, VALUE, "same key"), **CALM) for each in names
        ]
        assert {VALUE} == {each.result()[0] for each in made}
        assert [[VALUE]] * 16 == [backend.stored(each) for each in names]
        for gone in [threads.submit(withdraw, backend.host(), each, VALUE, **CALM) for each in names]:
            gone.result()
    assert [[]] * 16 == [backend.stored(each) for each in names]


@pytest.mark.parametrize("trouble", ["lost before", "lost after", "garbage", "hang"])
def test_answer_lost(backend, name, trouble):
    """A response that does not come, or is none, changes nothing of the end, and nothing is done twice."""
    host = backend.host(timeout_seconds=1 if trouble == "hang" else 10)
    before = backend.written()
    backend.trouble(trouble)
    assert VALUE == publish(host, Record(name, VALUE, "same key"), **hasty())[0]
    assert [VALUE] == backend.stored(name)
    backend.trouble(trouble)
    withdraw(host, name, VALUE, **hasty())
    assert [] == backend.stored(name)
    assert 2 == backend.written() - before


@pytest.mark.parametrize("trouble", ["lost before", "lost after", "garbage"])
def test_read_lost(backend, name, trouble):
    """A read whose response does not come is made again, before the change and after it."""
    before = backend.written()
    backend.trouble_on_reads(trouble)
    assert VALUE == publish(backend.host(), Record(name, VALUE, "same key"), **hasty())[0]
    backend.trouble_on_reads(trouble, trouble)
    assert (VALUE,) == lookup(backend.host(), name, **hasty())
    backend.trouble_on_reads(trouble)
    withdraw(backend.host(), name, VALUE, **hasty())
    assert [] == backend.stored(name)
    assert 2 == backend.written() - before


@pytest.mark.parametrize("existing", ["same key", "replace"])
@pytest.mark.parametrize("wildcard", [OTHER, VALUE], ids=["another key", "the same key"])
def test_wildcard(backend, name, existing, wildcard):
    """A wildcard answers for names without a record, and is no record at any of them."""
    below = f"s1.{name}"
    backend.put(f"*.{name}", *records.strings(wildcard))
    assert () == lookup(backend.host(), below, **CALM)
    assert VALUE == publish(backend.host(), Record(below, VALUE, existing), **CALM)[0]
    assert [VALUE] == backend.stored(below)
    withdraw(backend.host(), below, VALUE, **CALM)
    assert () == lookup(backend.host(), below, **CALM)
    assert [wildcard] == backend.stored(f"*.{name}")


def test_wrong_secret(backend, name):
    """A secret that opens nothing is refused at once, with the place for the right one, and is not shown."""
    host = backend.wrong_secret()
    with pytest.raises(DnsRefused) as refused:
        publish(host, Record(name, VALUE, "same key"), **CALM)
    assert "'dnsCredentials." in refused.value.hint
    assert "d3Jvbmc=" not in str(refused.value) + repr(host)
    assert [] == backend.stored(name)


def test_interrupted(backend, name):
    """Ctrl-C ends a request that hangs, and nothing begins after it."""
    host = backend.host(timeout_seconds=20)
    backend.trouble("hang")
    threading.Timer(0.5, stopping.set).start()
    began = monotonic()
    with pytest.raises(Stopped):
        publish(host, Record(name, VALUE, "same key"), **CALM)
    assert monotonic() - began < 5
    with pytest.raises(Stopped):
        publish(host, Record(name, VALUE, "same key"), **CALM)
    assert [] == backend.stored(name)


def test_too_slow(backend, name):
    """A host that does not do it in time is given up, and the next run goes on from there."""
    host = backend.host()
    hurried = hasty()
    backend.trouble(*["lost after"], *["lost before"] * 40)
    try:
        assert VALUE == publish(host, Record(name, VALUE, "same key"), **hurried)[0]
        with pytest.raises(DnsUnconfirmed, match="no answer"):
            withdraw(host, name, VALUE, **hurried)
    finally:
        backend.clear()
    withdraw(host, name, VALUE, **CALM)
    assert [] == backend.stored(name)


class _Fast(Clock):
    """A clock on which every wait takes a minute's share of no time."""

    def __init__(self, least: float) -> None:
        self._ahead = 0.0
        self._least = least

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def wait(self, seconds: float) -> bool:
        self._ahead += max(seconds, self._least)
        return stopping.is_set()


def hasty(least=0.0):
    """What `publish` is given so that a minute is over at once; no wait is shorter than *least* seconds."""
    return {"clock": _Fast(least), "progress": FakeProgress()}
