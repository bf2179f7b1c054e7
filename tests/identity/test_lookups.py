"""If this fails, a run waits for DNS too long, asks too often, or is silent meanwhile."""

import pytest

from byodkim_provider.dns.resolver import Answer
from byodkim_provider.identity.lookups import look_up, planned_switch, wait_until_visible
from byodkim_provider.messages.identity import IdentityMessages
from byodkim_provider.progress import stopping
from tests.support.cases import cases
from tests.support.zones import zones

NOWHERE, HALF, EVERYWHERE = ("", ""), ("key", ""), ("key", "key")
"""What ns1 and ns2 show."""


class Changing:
    """DNS that shows each of *changes* from its second on, and when it was asked."""

    def __init__(self, world, *changes):
        self.world, self.changes, self.asked = world, changes, []

    def txt(self, name, domain):
        now = self.world.clock.monotonic()
        self.asked.append(now)
        shown = [said for since, said in self.changes if since <= now][-1]
        value = self.world.declared().record_value
        return [
            Answer(f"ns{number}", (value,) if one else ()) for number, one in enumerate(shown, 1)
        ]


def wait(world, seconds, *changes):
    """What is seen last in a wait of that many seconds at most, and when DNS was asked."""
    dns = Changing(world, *changes)
    world.run.resolver = lambda *_: dns
    declared = world.declared(domain="example.net", dns_wait_seconds=seconds)
    return wait_until_visible(declared, world.run, shared=True), dns.asked


@cases(
    ("visible_from", "seconds", "asked"),
    {
        "one lookup only": (99, 0, [0]),
        "shorter than a pause": (99, 1, [0, 1]),
        "at the last lookup": (39, 40, [0, 2, 5, 10, 18, 28, 38, 40]),
    },
)
def test_when_it_is_looked_up(world, visible_from, seconds, asked):
    """At once, then less and less often, and a last time at the end."""
    seen, when = wait(world, seconds, (0, NOWHERE), (visible_from, EVERYWHERE))
    assert (asked, visible_from <= seconds) == (when, seen.visible)


def test_a_shared_wait(world):
    """What one identity has waited, the next one of the run can't; it waits for what is left."""
    wait(world, 116, (0, NOWHERE))
    _, asked = wait(world, 120, (0, NOWHERE))
    assert [116, 118, 120] == asked
    assert "after 0 s of at most 4 s" in world.progress.updates[-1]


def test_time_in_which_nobody_waits(world):
    """It uses up nothing of a shared wait, however late in the run the next one begins."""
    wait(world, 120, (0, NOWHERE), (6, EVERYWHERE))
    world.clock.advance(1000)
    _, asked = wait(world, 120, (0, NOWHERE))
    assert 110 == asked[-1] - asked[0]


def test_interrupted(world):
    """An interruption ends the wait without another lookup."""
    world.clock.after(7, stopping.set)
    seen, asked = wait(world, 120, (0, NOWHERE))
    assert ([0, 2, 5], False, 7) == (asked, seen.visible, world.clock.monotonic())


def test_progress(world):
    """There is a line for each change, with time and limit, and none for what stays the same."""
    wait(world, 120, (0, NOWHERE), (5, HALF), (28, EVERYWHERE))
    first, second, third = world.progress.updates
    assert "0 of 2 servers show the key after 0 s of at most 120 s, ns1 and ns2: no" in first
    assert "1 of 2 servers show the key after 5 s of at most 120 s, ns2: no" in second
    assert third.endswith("2 of 2 servers show the key after 28 s of at most 120 s")


def test_nobody_waits_for_a_person(world):
    """Without its record a pasted key costs one look, at once; SES hears nothing."""
    waiting = world.create(1, zones=zones("manual"))
    again = world.update(waiting, 1, zones=zones("manual"))
    assert (waiting.status, again.status, world.calls()) == ("AWAITING_DNS", "AWAITING_DNS", [])
    assert (world.resolver.looked_up, world.clock.monotonic()) == (
        ["s1._domainkey.example.com"] * 2,
        0,
    )


@pytest.mark.parametrize(("seconds", "asked"), [(0, 1), (60, 1), (61, 2)])
def test_a_record_just_seen_is_not_looked_up_again(world, seconds, asked):
    """A rotation asks DNS once for what its own preview saw at most a minute ago."""
    stored = world.verified(standby=True)
    world.forget()
    planned_switch(stored, world.declared(2), world.run)
    world.clock.advance(seconds)
    world.update(stored, 2)
    assert (asked, "s2") == (len(world.resolver.looked_up), world.identity().selector)


def test_second_hand(world):
    """A run says once that only the resolvers can be asked, and goes on by what they say."""
    declared = world.declared()
    seen = (Answer("192.0.2.53", (declared.record_value,), by_resolver=True),)
    world.resolver.txt = lambda name, domain: seen
    for _ in range(2):
        world.run.complete.clear()
        assert look_up(declared, world.run).visible
    assert world.progress.infos == [str(IdentityMessages.RESOLVERS_ASKED(domain=declared.domain))]
