"""Which requests are made in which order, at a host in memory that helps with nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed, Stopped
from byodkim_provider.hosts.interface import Busy, Refused, Unknown
from byodkim_provider.hosts.publish import Record, _turns, publish, withdraw
from byodkim_provider.messages.hosts import HostMessages
from byodkim_provider.progress import stopping
from tests.support.fakes import FakeClock, FakeProgress

LOST = HostMessages.NO_ANSWER(reason="lost")
BUSY = HostMessages.BUSY(said="busy")
NAME = "s1._domainkey.example.com"
VALUE = "p=MIIB"
OURS = Record(NAME, VALUE, "same key")
OLD = "p=MIIA"
SLOT = Record(NAME, VALUE, "slot", before=OLD)


class Host:
    """Does what it is told, unless *before* a request something else happens."""

    label = "memory:example.com"

    def __init__(self):
        self.there = []
        self.requests = []
        self.before = {}
        self.at_a_time = 0
        self._under_way = 0
        self._lock = threading.Lock()

    def _request(self, kind):
        with self._lock:
            self._under_way += 1
            self.at_a_time = max(self.at_a_time, self._under_way)
        try:
            self.requests.append(kind)
            threading.Event().wait(0.002)  # so that others would come in between, if they could
            for happens in self.before.pop((kind, self.requests.count(kind)), ()):
                happens()
        finally:
            with self._lock:
                self._under_way -= 1

    def values(self, name):
        self._request("values")
        return tuple(self.there)

    def add(self, name, value):
        self._request("add")
        self.there.append(value)

    def remove(self, name, value):
        self._request("remove")
        self.there = [one for one in self.there if one != value]


def raising(error):
    def happens():
        raise error

    return happens


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def calm():
    return {"clock": FakeClock(), "progress": FakeProgress()}


def test_order(host, calm):
    """Read, act, read again; and not more than that."""
    publish(host, OURS, **calm)
    withdraw(host, NAME, VALUE, **calm)
    assert ["values", "add", "values", "values", "remove", "values"] == host.requests


def test_race(host, calm):
    """Who puts a value there meanwhile was first: ours goes again, his stays."""
    host.before["add", 1] = [lambda: host.there.append("theirs")]
    with pytest.raises(DnsRefused, match="another value is there already"):
        publish(host, OURS, **calm)
    assert ["theirs"] == host.there


def test_race_and_lost_answer(host, calm):
    """The same if the response to our addition was lost: ours goes again, and nothing was changed."""
    host.before["values", 2] = [lambda: host.there.append("theirs")]
    add = host.add

    def lost(name, value):
        add(name, value)
        raise Unknown(LOST)

    host.add = lost
    with pytest.raises(DnsRefused, match="another value is there already") as refused:
        publish(host, OURS, **calm)
    assert ["theirs"] == host.there
    assert "nothing was changed in DNS; remove it, or give the key another selector" == refused.value.hint


def test_race_while_not_listed(host, calm):
    """A record that was taken and is not listed yet may still appear beside another value."""
    host.add = lambda name, value: host.requests.append("add")
    host.before["values", 3] = [lambda: host.there.append("theirs")]
    with pytest.raises(DnsRefused, match="another value is there already") as refused:
        publish(host, OURS, **calm)
    assert refused.value.hint.startswith("the record may have been changed; ")


def test_race_that_was_there_before(host, calm):
    """Our value beside another one is not ours to remove if somebody else wrote both."""
    host.there = [VALUE, "theirs"]
    with pytest.raises(DnsRefused, match="another value is there already"):
        publish(host, OURS, **calm)
    assert [VALUE, "theirs"] == host.there


def test_listed_late(host, calm):
    """A record that was taken and is not listed yet is waited for, and is not added again."""
    hidden = []
    host.before["values", 2] = [lambda: hidden.extend(host.there), host.there.clear]
    host.before["values", 4] = [lambda: host.there.extend(hidden)]
    assert VALUE == publish(host, OURS, **calm)[0]
    assert 1 == host.requests.count("add")


def test_never_listed(host, calm):
    """If it is never listed the run does not call it done."""
    host.add = lambda name, value: host.requests.append("add")
    with pytest.raises(DnsUnconfirmed, match="the host took the record and does not list it yet"):
        publish(host, OURS, **calm)
    assert 1 == host.requests.count("add")
    assert 50 < calm["clock"].monotonic() <= 60


def test_never_gone(host, calm):
    """If a removed record is still listed the run does not call it gone."""
    host.there = [VALUE]
    host.remove = lambda name, value: None
    with pytest.raises(DnsUnconfirmed, match="the host removed the record and still lists it"):
        withdraw(host, NAME, VALUE, **calm)


@pytest.mark.parametrize("kind", ["values", "add", "values again"])
@pytest.mark.parametrize(
    "error", [Busy(BUSY, retry_after=7), Busy(BUSY, retry_after=0), Busy(BUSY), Unknown(LOST)], ids=repr
)
def test_errors_that_pass(host, calm, kind, error):
    """Whichever request it hits, one that passes is tried again, and the record is there once."""
    host.before[kind.split()[0], 2 if kind.endswith("again") else 1] = [raising(error)]
    assert VALUE == publish(host, OURS, **calm)[0]
    assert [VALUE] == host.there
    assert calm["clock"].monotonic() == (getattr(error, "retry_after", None) or 0.2)


def test_refusal(host, calm):
    """What will never work is not tried again; the hint is the host's."""
    host.before["add", 1] = [raising(Refused(HostMessages.FORBIDDEN(said="no", step="do this")))]
    with pytest.raises(DnsRefused) as refused:
        publish(host, OURS, **calm)
    assert f"{host.label}: {NAME}: no\n  hint: nothing was changed in DNS; do this" == str(refused.value)
    assert 0 == calm["clock"].monotonic()


def test_refusal_after_busy(host, calm):
    """A host that was busy has done nothing."""
    host.before["add", 1] = [raising(Busy(BUSY))]
    host.before["add", 2] = [raising(Refused(HostMessages.FORBIDDEN(said="no", step="do this")))]
    with pytest.raises(DnsRefused) as refused:
        publish(host, OURS, **calm)
    assert "nothing was changed in DNS; do this" == refused.value.hint


def test_refusal_after_the_change(host, calm):
    """A token that ends in the middle: the record may be there, and nobody says that nothing was changed."""
    host.before["values", 2] = [raising(Refused(HostMessages.FORBIDDEN(said="expired", step="do this")))]
    with pytest.raises(DnsRefused) as refused:
        publish(host, OURS, **calm)
    assert ("the record may have been changed; do this", [VALUE]) == (refused.value.hint, host.there)


def test_host_that_is_busy_for_long(host, calm):
    """A host that wants to be left alone for longer than a run waits is, at once."""
    host.before["values", 1] = [raising(Busy(BUSY, retry_after=3600))]
    with pytest.raises(DnsUnconfirmed, match="busy, and wants to be asked again in 3600 s"):
        publish(host, OURS, **calm)
    assert 0 == calm["clock"].monotonic()


def test_lost_after_busy(host, calm):
    """The wait for a busy host leaves a lost response all its time."""
    host.before["values", 1] = [raising(Busy(BUSY, retry_after=300))]
    host.before["values", 2] = [raising(Unknown(LOST))]
    assert VALUE == publish(host, OURS, **calm)[0]


def test_lost_after_a_long_queue(host, calm):
    """So does the wait for one's turn among the records of the zone."""
    turn = _turns[host.label]
    turn.acquire()

    def others_are_done():
        calm["clock"].wait(300)
        turn.release()

    threading.Timer(0.2, others_are_done).start()
    host.before["values", 1] = [raising(Unknown(LOST))]
    assert VALUE == publish(host, OURS, **calm)[0]


def test_interrupted(host, calm):
    """After Ctrl-C nothing begins; what was done stays for the next run to find."""
    host.before["add", 1] = [stopping.set]
    with pytest.raises(Stopped):
        publish(host, OURS, **calm)
    assert (["values", "add"], [VALUE]) == (host.requests, host.there)
    stopping.clear()
    assert VALUE == publish(host, OURS, **calm)[0]
    assert (1, [VALUE]) == (host.requests.count("add"), host.there)


def test_endless_response(host, calm, monkeypatch):
    """A response that never ends is given up, and the zone is free for others."""
    monkeypatch.setattr("byodkim_provider.hosts.publish.REQUEST_SECONDS", 0.3)
    ends = threading.Event()
    host.before["add", 1] = [ends.wait, raising(Unknown(LOST))]
    assert VALUE == publish(host, OURS, **calm)[0]
    assert [VALUE] == host.there
    ends.set()


def test_one_at_a_time(host, calm):
    """One request at a time in a zone, whatever runs beside it."""
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        for _ in range(5):
            publish(host, OURS, **calm)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert 1 == host.at_a_time


def test_slot(host, calm):
    """The key that the stack had there makes way for the next one, never both at a time."""
    host.there = [OLD]
    assert (VALUE, False) == publish(host, SLOT, **calm)
    assert (["values", "remove", "add", "values"], [VALUE]) == (host.requests, host.there)
    assert (VALUE, False) == publish(host, SLOT, **calm)
    assert 1 == host.requests.count("add")


@pytest.mark.parametrize("there", [["theirs"], [OLD, "theirs"], [VALUE, "theirs"]], ids=repr)
@pytest.mark.parametrize("before", [OLD, None])
def test_slot_with_another_value(host, calm, there, before):
    """Somebody else's value in a slot is neither removed nor joined, whether ours is there too or not."""
    host.there = [*there]
    with pytest.raises(DnsRefused, match="another key stands in the slot already"):
        publish(host, Record(NAME, VALUE, "slot", before), **calm)
    assert (["values"], there) == (host.requests, host.there)


def test_slot_taken_meanwhile(host, calm):
    """Who puts a value there between the two requests was first: ours goes again, his stays."""
    host.there = [OLD]
    host.before["add", 1] = [lambda: host.there.append("theirs")]
    with pytest.raises(DnsRefused, match="another key stands in the slot already") as refused:
        publish(host, SLOT, **calm)
    assert ["theirs"] == host.there
    assert refused.value.hint.startswith("the record may have been changed; ")  # the stack's own key is gone


@pytest.mark.parametrize("kind", ["remove", "add"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_slot_with_a_lost_response(host, calm, kind, done):
    """Whether the host did it or not, the next key stands there alone in the end."""
    host.there = [OLD]
    change = getattr(host, kind)

    def lost(name, value):
        setattr(host, kind, change)
        if done:
            change(name, value)
        raise Unknown(LOST)

    setattr(host, kind, lost)
    assert VALUE == publish(host, SLOT, **calm)[0]
    assert ([VALUE], 1) == (host.there, host.requests.count("add"))


@pytest.mark.parametrize("kind", ["remove", "add"])
def test_slot_after_a_crash(host, calm, kind):
    """The run ends after one of its requests, before the state knows: the next one does the rest."""
    host.there = [OLD]
    host.before[kind, 1] = [stopping.set]
    with pytest.raises(Stopped):
        publish(host, SLOT, **calm)
    assert host.there == ([] if kind == "remove" else [VALUE])
    stopping.clear()
    assert VALUE == publish(host, SLOT, **calm)[0]
    assert ([VALUE], 1) == (host.there, host.requests.count("add"))
