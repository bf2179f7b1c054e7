"""If this fails, a record at one of the hosts is lost, doubled, or somebody else's is removed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import monotonic

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, Stopped
from byodkim_provider.progress import stopping
from tests.hosts.backends import (
    BACKENDS,
    OTHER,
    VALUE,
    hasty,
    lookup,
    opened,
    published,
    withdraw,
)
from tests.support.cases import cases

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


@cases("value", {"long": "p=" + "A" * 408, "odd": NEIGHBOUR})
def test_value(backend, name, value):
    """
    A long value, or one with quotes and backslashes, arrives as it is, and goes without a trace.
    """
    assert published(backend.host(), name, value, "replace") == value
    assert backend.stored(name) == [value]
    assert lookup(backend.host(), name) == (value,)
    withdraw(backend.host(), name, value)
    assert backend.stored(name) == []


def test_exact_removal(backend, name):
    """Only the very value goes: not another one at the name, and not the same one below it."""
    backend.put(name, *records.strings(VALUE))
    backend.put(name, NEIGHBOUR)
    backend.put(f"below.{name}", *records.strings(VALUE))
    withdraw(backend.host(), name)
    assert backend.stored(name) == [NEIGHBOUR]
    assert backend.stored(f"below.{name}") == [VALUE]


def test_parallel(backend, name):
    """
    Sixteen records of one zone at once are sixteen records, and none after they are withdrawn.
    """
    names = [f"n{number}.{name}" for number in range(16)]
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda each: published(backend.host(), each), names))
        assert (made, [backend.stored(each) for each in names]) == ([VALUE] * 16, [[VALUE]] * 16)
        list(threads.map(lambda each: withdraw(backend.host(), each), names))
    assert [backend.stored(each) for each in names] == [[]] * 16


@pytest.mark.parametrize("trouble", ["lost before", "lost after", "garbage", "hang"])
def test_answer_lost(backend, name, trouble):
    """
    A response that does not come, or is none, changes nothing of the end, and nothing is done
    twice.
    """
    host = backend.host(timeout_seconds=2 if trouble == "hang" else 10)
    before = backend.written()
    backend.trouble(trouble)
    assert published(host, name, **hasty()) == VALUE
    assert backend.stored(name) == [VALUE]
    backend.trouble(trouble)
    withdraw(host, name, **hasty())
    assert (backend.stored(name), backend.written() - before) == ([], 2)


@pytest.mark.parametrize("trouble", ["lost before", "lost after", "garbage"])
def test_read_lost(backend, name, trouble):
    """A read whose response does not come is made again, before the change and after it."""
    before = backend.written()
    backend.trouble_on_reads(trouble)
    assert published(backend.host(), name, **hasty()) == VALUE
    backend.trouble_on_reads(trouble, trouble)
    assert lookup(backend.host(), name, **hasty()) == (VALUE,)
    backend.trouble_on_reads(trouble)
    withdraw(backend.host(), name, **hasty())
    assert (backend.stored(name), backend.written() - before) == ([], 2)


@cases("wildcard", {"another key": OTHER, "the same key": VALUE})
def test_wildcard(backend, name, wildcard):
    """A wildcard answers for names without a record, and is no record at any of them."""
    below = f"s1.{name}"
    backend.put(f"*.{name}", *records.strings(wildcard))
    assert lookup(backend.host(), below) == ()
    assert published(backend.host(), below) == VALUE
    assert backend.stored(below) == [VALUE]
    withdraw(backend.host(), below)
    assert lookup(backend.host(), below) == ()
    assert backend.stored(f"*.{name}") == [wildcard]


def test_wrong_secret(backend, name):
    """
    A secret that opens nothing is refused at once, with the place for the right one, and is not
    shown.
    """
    host = backend.wrong_secret()
    with pytest.raises(DnsRefused) as refused:
        published(host, name)
    assert "'dnsCredentials." in refused.value.hint
    assert "d3Jvbmc=" not in str(refused.value) + repr(host)
    assert backend.stored(name) == []


def test_interrupted(backend, name):
    """After Ctrl-C a request that hangs ends within its time, and nothing begins after it."""
    host = backend.host(timeout_seconds=1)
    backend.trouble("hang")
    threading.Timer(0.2, stopping.set).start()
    began = monotonic()
    for _ in range(2):
        with pytest.raises(Stopped):
            published(host, name)
    assert monotonic() - began < 5
    assert backend.stored(name) == []
