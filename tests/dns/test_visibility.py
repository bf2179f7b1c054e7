"""Whether a record is visible enough, how long it is waited for, and what is said about it."""

from __future__ import annotations

import base64

import pytest

from byodkim_provider.dkim.misconfigurations import misconfiguration
from byodkim_provider.dns.resolver import Answer, DnsResolver
from byodkim_provider.dns.visibility import DnsWait, Visibility, diagnose, judge, wait_until_visible
from byodkim_provider.progress import stopping
from tests.support.cases import cases
from tests.support.dns_servers import running
from tests.support.fakes import FakeClock, FakeProgress
from tests.support.testdata import key

KEY, OTHER_KEY = (key(name).public_key_der for name in ("rsa1024.pkcs8", "another"))
RIGHT, OTHER = (f"p={base64.b64encode(key).decode()}" for key in (KEY, OTHER_KEY))


def answers(*said: tuple[str, ...] | str | None) -> tuple[Answer, ...]:
    """Answers of ns1, ns2 …: values, or why there are none."""
    return tuple(
        Answer(f"ns{number}", None, what) if isinstance(what, str) else Answer(f"ns{number}", what)
        for number, what in enumerate(said, start=1)
    )


def slip(*values: str) -> str:
    """What is said of ns1 if it gives *values*; what is wrong with them is decided elsewhere."""
    return f"ns1 answers {misconfiguration(tuple(values), KEY).text}"


@cases(
    ("said", "visible", "summary"),
    {
        "all": (answers((RIGHT,), (RIGHT,)), True, "2 of 2 servers show the key"),
        "written in another way": (
            answers((f"v=DKIM1; k=rsa; {RIGHT};",)),
            True,
            "1 of 1 servers show the key",
        ),
        "one silent": (answers((RIGHT,), "silent"), True, "1 of 2 servers show the key, ns2 is silent"),
        "most fail": (
            answers((RIGHT,), "silent", "REFUSED", "silent"),
            True,
            "1 of 4 servers show the key, ns2 and ns4 are silent, ns3 answers REFUSED",
        ),
        "all silent": (
            answers("silent", "silent", "silent"),
            False,
            "0 of 3 servers show the key, ns1, ns2 and ns3 are silent",
        ),
        "one has none": (answers((RIGHT,), ()), False, "1 of 2 servers show the key, ns2 has no TXT record"),
        "one has another key": (
            answers((OTHER,), (RIGHT,), (RIGHT,), (RIGHT,)),
            False,
            f"3 of 4 servers show the key, {slip(OTHER)}",
        ),
        "two records": (
            answers((RIGHT, "v=spf1 -all")),
            False,
            f"0 of 1 servers show the key, {slip(RIGHT, 'v=spf1 -all')}",
        ),
        "the same record twice": (
            answers((RIGHT, RIGHT)),
            False,
            f"0 of 1 servers show the key, {slip(RIGHT, RIGHT)}",
        ),
        "quotes": (answers((f'"{RIGHT}"',)), False, f"0 of 1 servers show the key, {slip(chr(34) + RIGHT)}"),
        "alias to nothing": (
            (Answer("ns1", (RIGHT,), alias="k1.example.org"), Answer("ns2", (), alias="k2.example.org")),
            False,
            "1 of 2 servers show the key, ns2 has no TXT record (CNAME to k2.example.org)",
        ),
        "alias to itself": (
            (Answer("ns1", (RIGHT,)), Answer("ns2", (), "CNAME loop", "k2.example.org")),
            False,
            "1 of 2 servers show the key, ns2 has a CNAME loop (CNAME to k2.example.org)",
        ),
    },
)
def test_judge(said, visible, summary):
    """Visible is: every server that answers has this key and nothing beside it, and at least one answers."""
    judgement = judge(said, KEY)

    assert (visible, summary) == (judgement.visible, judgement.summary())
    assert (len(said), said) == (judgement.asked, judgement.answers)


@pytest.mark.parametrize(
    ("failure", "phrase", "phrase_of_two"),
    [
        ("silent", "ns1 is silent", "ns1 and ns2 are silent"),
        ("unreachable", "ns1 is unreachable", "ns1 and ns2 are unreachable"),
        ("lame", "ns1 is not authoritative for the zone", "ns1 and ns2 are not authoritative for the zone"),
        ("garbage", "ns1 answers garbage", "ns1 and ns2 answer garbage"),
        ("SERVFAIL", "ns1 answers SERVFAIL", "ns1 and ns2 answer SERVFAIL"),
        ("no address", "ns1 has no address", "ns1 and ns2 have no address"),
        ("no zone", "ns1 finds no zone for this name", "ns1 and ns2 find no zone for this name"),
        ("no resolver", "ns1 has no recursive resolver", "ns1 and ns2 have no recursive resolver"),
        (
            "no time",
            "ns1 is not queried, the lookup took too long",
            "ns1 and ns2 are not queried, the lookup took too long",
        ),
        (
            "interrupted",
            "ns1 is not queried, the run was interrupted",
            "ns1 and ns2 are not queried, the run was interrupted",
        ),
    ],
)
def test_phrases(failure, phrase, phrase_of_two):
    """Servers that say the same share one phrase."""
    assert (phrase,) == judge(answers(failure), KEY).phrases()
    assert (phrase_of_two,) == judge(answers(failure, failure), KEY).phrases()


def test_nothing_wrong_has_no_phrase():
    """Servers that show the key are no evidence against it."""
    assert () == judge(answers((RIGHT,)), KEY).phrases()


def test_diagnose():
    """A diagnosis names every server, the right ones too."""
    assert "ns1 and ns3 show the key, ns2 and ns5 have no TXT record, ns4 is silent" == (
        diagnose(answers((RIGHT,), (), (RIGHT,), "silent", ()), KEY)
    )


def watch(clock: FakeClock, *changes: tuple[float, tuple[Answer, ...]]):
    """A look that sees each of *changes* from its second on, and the list of times it looked at."""
    looked: list[float] = []

    def look() -> Visibility:
        looked.append(clock.monotonic())
        return judge([said for since, said in changes if since <= clock.monotonic()][-1], KEY)

    return look, looked


def wait(look, clock, seconds, *, shared=None, progress=None):
    """What is seen last in a wait of that many seconds at most."""
    return wait_until_visible(
        look,
        wait=shared or DnsWait(clock),
        seconds=seconds,
        subject="example.net",
        clock=clock,
        progress=progress or FakeProgress(),
    )


NOWHERE, EVERYWHERE = answers((), ()), answers((RIGHT,), (RIGHT,))


@cases(
    ("changes", "seconds", "looks", "visible"),
    {
        "there already": ([(0, EVERYWHERE)], 120, [0], True),
        "one look only": ([(0, NOWHERE)], 0, [0], False),
        "shorter than a pause": ([(0, NOWHERE)], 1, [0, 1], False),
        "never": ([(0, NOWHERE)], 40, [0, 2, 5, 10, 18, 28, 38, 40], False),
        "after a while": ([(0, NOWHERE), (6, EVERYWHERE)], 120, [0, 2, 5, 10], True),
        "at the last look": ([(0, NOWHERE), (39, EVERYWHERE)], 40, [0, 2, 5, 10, 18, 28, 38, 40], True),
    },
)
def test_when_it_looks(changes, seconds, looks, visible):
    """It looks at once, then less and less often, and a last time at the end."""
    clock = FakeClock()
    look, looked = watch(clock, *changes)

    judgement = wait(look, clock, seconds)

    assert (looks, visible) == (looked, judgement.visible)


def test_a_shared_wait():
    """What one identity has waited, the next one of the run can't; it waits for what is left."""
    clock, progress = FakeClock(), FakeProgress()
    shared = DnsWait(clock)
    never, _ = watch(clock, (0, NOWHERE))
    wait(never, clock, 116, shared=shared)
    look, looked = watch(clock, (0, NOWHERE))

    wait(look, clock, 120, shared=shared, progress=progress)

    assert [116, 118, 120] == looked
    assert [
        "example.net: 0 of 2 servers show the key after 0 s of at most 4 s, ns1 and ns2 have no TXT record"
    ] == progress.updates


@cases(
    ("changes", "seconds", "waited"),
    {
        "visible at once": ([(0, EVERYWHERE)], 120, 0),
        "one look only": ([(0, NOWHERE)], 0, 0),
        "visible after a while": ([(0, NOWHERE), (6, EVERYWHERE)], 120, 10),
    },
)
def test_time_in_which_nobody_waits(changes, seconds, waited):
    """It uses up nothing of a shared wait, however late in the run the next one begins."""
    clock = FakeClock()
    shared = DnsWait(clock)
    first, _ = watch(clock, *changes)
    wait(first, clock, seconds, shared=shared)
    clock.advance(1000)
    look, looked = watch(clock, (0, NOWHERE))

    wait(look, clock, 120, shared=shared)

    assert 120 - waited == looked[-1] - looked[0]


def test_time_in_which_two_wait():
    """It counts once: both waits end when a single one would have."""
    clock = FakeClock()
    shared = DnsWait(clock)

    with shared.within(120) as end:
        clock.advance(50)
        with shared.within(120) as end_of_second:
            clock.advance(20)
        clock.advance(10)
    with shared.within(120) as end_of_third:
        pass

    assert (120, 120, 80 + 40) == (end, end_of_second, end_of_third)


def test_interrupted():
    """An interruption ends the wait without another look."""
    clock = FakeClock()
    clock.after(7, stopping.set)
    look, looked = watch(clock, (0, NOWHERE))

    judgement = wait(look, clock, 120)

    assert ([0, 2, 5], False, 7) == (looked, judgement.visible, clock.monotonic())


def test_progress():
    """There is a line for each change, with time and limit, and none for what stays the same."""
    clock = FakeClock()
    look, _ = watch(clock, (0, NOWHERE), (5, answers((RIGHT,), ())), (28, EVERYWHERE))
    progress = FakeProgress()

    wait(look, clock, 120, progress=progress)

    assert [
        "example.net: 0 of 2 servers show the key after 0 s of at most 120 s, ns1 and ns2 have no TXT record",
        "example.net: 1 of 2 servers show the key after 5 s of at most 120 s, ns2 has no TXT record",
        "example.net: 2 of 2 servers show the key after 28 s of at most 120 s",
    ] == progress.updates


@pytest.mark.parametrize(
    "changes", [[(0, EVERYWHERE)], [(0, NOWHERE)]], ids=["there already", "one look that sees nothing"]
)
def test_no_progress_without_a_wait(changes):
    """Nothing is said about a wait that does not happen."""
    clock = FakeClock()
    look, _ = watch(clock, *changes)
    progress = FakeProgress()

    wait(look, clock, 0, progress=progress)

    assert [] == progress.updates


def test_real_look():
    """The answers of the real resolver can be judged."""
    with running() as network:
        network[1].knows("example.com. IN NS ns2.example.net.\nns2.example.net. IN A 127.0.0.2")
        network[2].serve("example.com", f"s1._domainkey.example.com. IN TXT {RIGHT}")
        resolver = DnsResolver(resolvers=[f"127.0.0.1:{network.port}"])

        judgement = judge(resolver.txt("s1._domainkey.example.com", "example.com"), KEY)

    assert "1 of 1 servers show the key" == judgement.summary()
