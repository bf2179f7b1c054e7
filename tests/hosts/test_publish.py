"""If this fails, a request to a DNS host is made twice, too soon, or after Ctrl-C."""

import threading
from collections import defaultdict

import pytest

from byodkim_provider.errors import DnsRefused, DnsUnconfirmed, Stopped
from byodkim_provider.hosts.interface import Busy
from byodkim_provider.hosts.publish import PAUSES, RecordAtHost
from byodkim_provider.messages.hosts import HostMessages
from byodkim_provider.progress import stopping
from tests.support.cases import cases
from tests.support.fakes import FakeClock, FakeProgress
from tests.support.memory_host import NAME, Host

LOST = HostMessages.NO_ANSWER(reason="lost")
NO = DnsRefused(HostMessages.FORBIDDEN(said="no", step="do this"))
VALUE = "p=MIIB"
OURS = (VALUE, "same key")


def raising(error):
    def happens():
        raise error

    return happens


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def calm():
    return {"clock": FakeClock(), "progress": FakeProgress(), "turns": defaultdict(threading.Lock)}


def publish(host, record, **calm):
    return RecordAtHost(host, NAME, **calm).publish(*record)


def refused(host, record, calm):
    with pytest.raises(DnsRefused) as caught:
        publish(host, record, **calm)
    return caught.value


def test_listed_late(host, calm):
    """A record that was taken and is not listed yet is waited for, and is not added again."""
    hidden = []
    host.before["values", 2] = [lambda: hidden.extend(host.there), host.there.clear]
    host.before["values", 4] = [lambda: host.there.extend(hidden)]
    assert VALUE == publish(host, OURS, **calm)
    assert 1 == host.requests.count("add")


@cases(
    ("there", "left"),
    {
        "gone": ([], []),
        "beside another": ([VALUE, "p=MIIA"], ["p=MIIA"]),
        "in another form": ([f"k=rsa; {VALUE}"], [f"k=rsa; {VALUE}"]),
    },
)
def test_withdraw(host, calm, there, left):
    """The very value goes, and no other."""
    host.there = there
    RecordAtHost(host, NAME, **calm).withdraw(VALUE)
    assert host.there == left


def test_removal_listed_late(host, calm):
    """A removal whose answer was lost is sent again; one that was accepted is waited for."""
    host.there = [VALUE]
    host.before["remove", 1] = [raising(DnsUnconfirmed(LOST))]
    host.before["values", 3] = [lambda: host.there.append(VALUE)]
    host.before["values", 4] = [lambda: host.there.clear()]
    RecordAtHost(host, NAME, **calm).withdraw(VALUE)
    assert (host.requests.count("remove"), host.there) == (2, [])


@cases(
    ("errors", "hint", "there"),
    {
        "at once": ({("add", 1): NO}, "nothing was changed in DNS; do this", []),
        # A host that was busy has done nothing.
        "after busy": (
            {("add", 1): Busy("", 0), ("add", 2): NO},
            "nothing was changed in DNS; do this",
            [],
        ),
        # A token that ends in the middle: nobody says that nothing was changed.
        "after the change": (
            {("values", 2): NO},
            "the record may have been changed; do this",
            [VALUE],
        ),
    },
)
def test_refusal(host, calm, errors, hint, there):
    """
    What will never work is not tried again; the hint says what was changed, and goes on as the
    host's.
    """
    host.before = {when: [raising(error)] for when, error in errors.items()}
    error = refused(host, OURS, calm)
    assert str(error) == f"{host.label}: {NAME}: no\n  hint: {hint}"
    assert host.there == there
    assert calm["clock"].monotonic() == 0.2 * (len(errors) - 1)


def test_response_of_another_shape(host, calm):
    """A response that is not as the host documents it is asked for again."""
    host.before["values", 1] = [raising(KeyError("result"))]
    assert publish(host, OURS, **calm) == VALUE


def test_a_bug_is_not_called_the_hosts(host, calm):
    """What a host's code raises is named, and a traceback (`BYODKIM_DEBUG`) shows where."""
    for number in range(1, len(PAUSES) + 2):
        host.before["values", number] = [raising(KeyError("result"))]
    with pytest.raises(DnsUnconfirmed, match=r"or a bug here \(KeyError\)") as refused:
        publish(host, OURS, **calm)
    assert isinstance(refused.value.__cause__.__cause__, KeyError)


def test_host_that_is_busy_for_long(host, calm):
    """A host that wants to be left alone for longer than a run waits is, at once."""
    host.before["values", 1] = [raising(Busy("busy", 3600))]
    with pytest.raises(DnsUnconfirmed, match=r"busy \(wait 3600 s\)"):
        publish(host, OURS, **calm)
    assert 0 == calm["clock"].monotonic()


def test_interrupted(host, calm):
    """After Ctrl-C nothing begins; what was done stays for the next run to find."""
    host.before["add", 1] = [stopping.set]
    with pytest.raises(Stopped, match="the record may have been changed; the same command checks"):
        publish(host, OURS, **calm)
    assert (["values", "add"], [VALUE]) == (host.requests, host.there)
    stopping.clear()
    assert VALUE == publish(host, OURS, **calm)
    assert (1, [VALUE]) == (host.requests.count("add"), host.there)
