"""If this fails, a record that verifiers still ask for leaves, or people paste the wrong one."""

from dataclasses import replace

import pytest

from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity import lookups
from byodkim_provider.identity.lookups import (
    not_visible,
    refuse_leaving,
    served_elsewhere,
    waiting_for_dns,
    what_to_paste,
)
from byodkim_provider.messages.identity import IdentityMessages
from tests.support.cases import cases
from tests.support.zones import slots, zone, zones

HERE, THERE = "route53:Z1", "own:z1"
NAME_SERVERS = {
    HERE: ("ns-1.example.net", "ns-2.example.net"),
    THERE: ("a.ns.example.org", "b.ns.example.org"),
}
AT_HERE, AT_THERE = frozenset(NAME_SERVERS[HERE]), frozenset(NAME_SERVERS[THERE])
GODADDY, BIND = "godaddy:example.com", "rfc2136:example.com"
AT_GODADDY = frozenset({"ns01.domaincontrol.com", "ns02.domaincontrol.com"})
CLOUDFLARE = "cloudflare:example.com"
AT_BIND = frozenset({"ns1.example.com", "ns2.example.com"})

AT_ONCE, ASKED_FOR = IdentityMessages.EXCHANGED, IdentityMessages.ASKED_FOR


def served(*labels):
    """Zones with the name servers that are known of them."""
    return tuple(zone(one, name_servers=NAME_SERVERS.get(one, ())) for one in labels)


def refusal(world, stored, declared, resolver, gone=()):
    """The message with which a change is refused in this DNS, if it is."""
    run = seeing(world, resolver)
    try:
        refuse_leaving(stored, declared, run, lambda zone: zone.label in gone)
    except InvalidSettings as refused:
        return refused.message
    return None


@cases(
    ("before", "after", "asked", "problem"),
    {
        "exchange while asked for": ([HERE], [THERE], AT_HERE, ASKED_FOR),
        "exchange unseen": ([HERE], [THERE], frozenset(), AT_ONCE),
        "shrink after the move": ([HERE, THERE], [THERE], AT_THERE, None),
        "exchange after the move from a host": ([GODADDY], [THERE], AT_THERE, None),
        "exchange of a zone nobody knows": ([BIND], [THERE], AT_THERE, AT_ONCE),
        "shrink while nobody else is asked": ([BIND, THERE], [THERE], AT_BIND, ASKED_FOR),
        "shrink to the zone nobody knows": ([BIND, THERE], [BIND], AT_BIND, None),
        "shrink while names of its own are asked": ([CLOUDFLARE, HERE], [HERE], AT_BIND, ASKED_FOR),
    },
)
def test_refuse_leaving(world, before, after, asked, problem):
    """The records that verifiers find don't leave."""
    stored = world.verified(1, zones=served(*before))
    declared = world.declared(1, zones=served(*after))
    message = refusal(world, stored, declared, Cnames({}, asked))
    assert problem == (message and message.code)
    if problem == ASKED_FOR:
        servers = {*asked}.difference(*(NAME_SERVERS.get(one, ()) for one in after))
        assert ", ".join(sorted(servers)) == message.fields["servers"]


KEYS, NEW = "keys.example.net", "new.example.net"
ZONES = {"k": KEYS, "n": NEW, "e": "example.net", "-": None}


def in_slots(name=KEYS, *labels):
    """The zone called *name*, at each of these providers."""
    listed = labels or [HERE]
    return tuple(slots(name, one, name_servers=NAME_SERVERS[one]) for one in listed)


class Cnames:
    """
    DNS in which some names of the domain lead elsewhere; the others are asked for at *servers*.
    """

    def __init__(self, targets, servers):
        self.targets, self.servers = targets, sorted(servers)

    def txt(self, name, domain):
        if target := self.targets.get(name.partition(".")[0]):
            return tuple(Answer(server, ("p=",), target=target) for server in self.servers)
        return tuple(Answer(server, ()) for server in self.servers)


def seeing(world, resolver):
    """The run, in this DNS."""
    return replace(world.run, resolver=lambda *_: resolver)


def move(world, signs, before, after, targets, asked, published=(1, 2, 3)):
    """
    How a change from zones to zones is refused, if it is.

    *targets*: the zones to which the CNAMEs of the slots from *signs* - 1 on lead, "-" for no
    CNAME.
    """
    names = {number: ZONES[one] for number, one in enumerate(targets, signs - 1)}
    leads = {
        f"ses{number}": f"ses{number}._domainkey.example.com.{name}"
        for number, name in names.items()
        if name
    }
    stored = world.verified(signs, zones=before, published=(1, 2, 3))
    declared = world.declared(signs, zones=after, published=published)
    message = refusal(world, stored, declared, Cnames(leads, asked))
    return message and message.code


OLD, MOVED, UP, MOVING = (
    in_slots(),
    in_slots(NEW),
    in_slots("example.net"),
    (*in_slots(NEW), *in_slots()),
)
TWO_HOSTS = in_slots(KEYS, HERE, THERE)


@cases(
    ("before", "after", "targets", "problem"),
    {
        "that of the standby has not moved": (MOVING, MOVED, "nnk", ASKED_FOR),
        "to the zone above": ((*UP, *OLD), UP, "kkk", ASKED_FOR),
        "unseen": (OLD, MOVED, "nn-", AT_ONCE),
        "to another host, which nobody asks": (TWO_HOSTS, in_slots(KEYS, THERE), "kkk", ASKED_FOR),
        "from a host that nobody asks": (TWO_HOSTS, OLD, "kkk", None),
    },
)
def test_slots(world, before, after, targets, problem):
    """A slot's record leaves a zone once the CNAME of its own selector leads elsewhere."""
    assert move(world, 2, before, after, targets, AT_HERE) == problem


def test_a_rotation_moves_nothing(world):
    """The record that leaves is that of a generation that leaves."""
    assert move(world, 2, OLD, OLD, "kkk", AT_HERE, published=(2, 3, 4)) is None


def test_a_zone_that_is_gone(world):
    """A zone that Route 53 does not list any more has nothing to lose; another account's may."""
    stored, there = world.verified(1, zones=served(HERE)), world.declared(1, zones=served(THERE))
    in_dns = Cnames({}, AT_HERE)
    assert refusal(world, stored, there, in_dns, gone=[HERE]) is None
    other_account = replace(there, account_id="210987654321")
    assert refusal(world, stored, other_account, in_dns, gone=[HERE]).code == ASKED_FOR


@cases(
    ("dns", "asked", "is_said"),
    {
        "elsewhere": ([HERE], AT_GODADDY, True),
        "unseen": ([HERE], frozenset(), False),
        "not at the host either": ([GODADDY, HERE], AT_BIND, True),
        "nobody knows": ([BIND], AT_GODADDY, False),
    },
)
def test_served_elsewhere(world, dns, asked, is_said):
    """
    A zone that the registrar does not delegate to is named, with who serves the domain instead.
    """
    said = served_elsewhere(world.declared(zones=served(*dns)), asked)
    assert said.startswith(f"example.com: served by {', '.join(sorted(asked))}, but ") == is_said


def test_what_to_paste(world):
    """What a person has to type, in the words of that panel."""
    anywhere = world.declared(1)
    assert f"  name:  {anywhere.record_name}\n" in what_to_paste(anywhere)
    panel = what_to_paste(world.declared(1, zones=zones("manual", panel="wix")))
    assert "    Host Name: s1._domainkey\n" in panel


MISSING = [Answer(server, ()) for server in ("ns1.shop.example", "ns2.shop.example")]
TARGET = "ses1._domainkey.example.com.keys.example.org"
PASTE = f"  type:  CNAME\n  name:  ses1._domainkey.example.com\n  value: {TARGET}"


def through_cname(server, values, failure="", target=TARGET):
    return Answer(server, values, failure, target=target)


@cases(
    ("answers", "step"),
    {
        "missing": (MISSING, PASTE),
        "to elsewhere": ([through_cname("ns.gone.example", (), target="gone.example")], PASTE),
        "no zone": ([through_cname("192.0.2.53", None, "no zone")], IdentityMessages.NO_ZONE),
        "no record": ([through_cname("ns-1.example.net", ())], IdentityMessages.MADE_AGAIN),
    },
)
def test_waiting_for_a_cname(world, answers, step):
    """
    The CNAMEs are to be pasted while that of the key is wrong; then it is its zone, or the record.
    """
    declared = world.declared(selector="ses1", zones=in_slots("keys.example.org"))
    assert declared.cnames[declared.record_name] == TARGET
    seen = judge(answers, b"key", TARGET)
    said = step if step == PASTE else str(step())
    assert said in not_visible(declared, seen, 120, still="it waits").message.with_hint()
    assert said in waiting_for_dns(declared, seen)


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
    lookups.planned_switch(stored, world.declared(2), world.run)
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
        assert lookups.look_up(declared, world.run).visible
    assert world.progress.infos == [str(IdentityMessages.RESOLVERS_ASKED(domain=declared.domain))]
