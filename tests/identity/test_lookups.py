"""If this fails, a record that verifiers still ask for leaves, or people paste the wrong one."""

from dataclasses import replace

import pytest

from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge, servers_asked
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
GODADDY, BIND, CPANEL = "godaddy:example.com", "rfc2136:example.com", "cpanel:example.com"
AT_GODADDY = frozenset({"ns01.domaincontrol.com", "ns02.domaincontrol.com"})
CLOUDFLARE = "cloudflare:example.com"
AT_CLOUDFLARE = frozenset({"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"})
AT_BIND = frozenset({"ns1.example.com", "ns2.example.com"})

AT_ONCE = "can't be exchanged at once"
ASKED_FOR = "the record is still asked for at"
TEXTS = {
    AT_ONCE: "example.com eu-west-1: dns: {zone} can't be exchanged at once, its records "
    "may still be "
    "asked "
    "for\n  hint: nothing was changed in SES; list both, move the name servers, then drop one",
    ASKED_FOR: "example.com eu-west-1: dns: the record is still asked for at {zone} ({servers})\n"
    "  hint: nothing was changed in SES; list both, move the name servers, and drop the old "
    "one two days "
    "later, when no resolver has the old answer cached",
}


def served(*labels):
    """Zones with the name servers that are known of them."""
    return tuple(zone(one, name_servers=NAME_SERVERS.get(one, ())) for one in labels)


def refusal(world, stored, declared, resolver, gone=()):
    """How a change is refused in this DNS, if it is."""
    run = seeing(world, resolver)
    try:
        refuse_leaving(stored, declared, run, lambda zone: zone.label in gone)
    except InvalidSettings as refused:
        return str(refused)
    return None


@cases(
    ("before", "after", "asked", "problem"),
    {
        "exchange while asked for": ([HERE], [THERE], AT_HERE, ASKED_FOR),
        "exchange unseen": ([HERE], [THERE], frozenset(), AT_ONCE),
        "exchange after the move": ([HERE], [THERE], AT_THERE, None),
        "shrink while asked for": ([HERE, THERE], [THERE], AT_HERE, ASKED_FOR),
        "shrink in the middle of the move": ([HERE, THERE], [THERE], AT_HERE | AT_THERE, ASKED_FOR),
        "shrink after the move": ([HERE, THERE], [THERE], AT_THERE, None),
        "shrink unseen": ([HERE, THERE], [THERE], frozenset(), None),
        "exchange after the move from a host": ([GODADDY], [THERE], AT_THERE, None),
        "exchange of a zone nobody knows": ([BIND], [THERE], AT_THERE, AT_ONCE),
        "shrink while nobody else is asked": ([BIND, THERE], [THERE], AT_BIND, ASKED_FOR),
        "shrink when another one is asked": ([BIND, THERE], [THERE], AT_THERE, None),
        "shrink to the zone nobody knows": ([BIND, THERE], [BIND], AT_BIND, None),
        "shrink while asked for at Cloudflare": (
            [CLOUDFLARE, BIND],
            [BIND],
            AT_CLOUDFLARE,
            ASKED_FOR,
        ),
        "shrink while names of its own are asked": ([CLOUDFLARE, HERE], [HERE], AT_BIND, ASKED_FOR),
        "grown": ([HERE], [THERE, HERE], AT_HERE, None),
    },
)
def test_refuse_leaving(world, before, after, asked, problem):
    """The records that verifiers find don't leave."""
    stored = world.verified(1, zones=served(*before))
    declared = world.declared(1, zones=served(*after))
    servers = ", ".join(sorted({*asked}.difference(*(NAME_SERVERS.get(one, ()) for one in after))))
    text = problem and TEXTS[problem].format(zone=before[0], servers=servers)
    assert refusal(world, stored, declared, Cnames({}, asked)) == text


def test_nothing_to_lose(world):
    """As long as SES was told nothing, no mail was signed and any DNS may take over."""
    waiting = world.create(1, zones=served(HERE))
    declared = world.declared(1, zones=served(THERE))
    assert refusal(world, waiting, declared, Cnames({}, AT_HERE)) is None


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
            return tuple(Answer(server, ("p=",), alias=target) for server in self.servers)
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
    text = refusal(world, stored, declared, Cnames(leads, asked))
    return next((one for one in TEXTS if one in (text or "")), None)


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
        "before the CNAMEs have moved": (MOVING, MOVED, "kkk", ASKED_FOR),
        "that of the standby has not moved": (MOVING, MOVED, "nnk", ASKED_FOR),
        "all have moved": (MOVING, MOVED, "nnn", None),
        "to the zone above": ((*UP, *OLD), UP, "kkk", ASKED_FOR),
        "another name in the same zone": (OLD, MOVED, "kkk", ASKED_FOR),
        "unseen": (OLD, MOVED, "nn-", AT_ONCE),
        "the same": (OLD, OLD, "kkk", None),
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
    assert ASKED_FOR in refusal(world, stored, other_account, in_dns, gone=[HERE])


ELSEWHERE = """
{}: served by {}, but {}: nobody will find the record until the registrar names these, or `dns` \
names who
serves the domain
""".replace("\n", " ").strip()
OF_HERE = "route53:Z1 has ns-1.example.net, ns-2.example.net"


@cases(
    ("dns", "asked", "said"),
    {
        "elsewhere": ([HERE], AT_GODADDY, OF_HERE),
        "here": ([HERE], AT_HERE, ""),
        "unseen": ([HERE], frozenset(), ""),
        "not at the host either": (
            [GODADDY, HERE],
            AT_BIND,
            f"{GODADDY} has none of them and {OF_HERE}",
        ),
        "nobody knows": ([BIND], AT_GODADDY, ""),
    },
)
def test_served_elsewhere(world, dns, asked, said):
    """
    A zone that the registrar does not delegate to is named, with who serves the domain instead.
    """
    text = ELSEWHERE.format("example.com", ", ".join(sorted(asked)), said) if said else ""
    assert served_elsewhere(world.declared(zones=served(*dns)), asked) == text


@pytest.mark.parametrize("changes", [{"dns_check": "off"}, {"zones": (slots(),)}], ids=str)
def test_nobody_is_asked_who_serves(world, changes):
    """With `off` nobody is asked; with `cname` the domain's own servers do not count."""
    assert (set(), []) == (
        lookups.served_by(world.declared(**changes), world.run),
        world.resolver.looked_up,
    )


def test_servers_asked():
    """
    Who serves the record itself: not what it is an alias of, nor a resolver that found no zone.
    """
    answers = [
        Answer("ns-1.example.net", ()),
        Answer("ns-2.example.net", None, "silent"),
        Answer("ns.other.example", ("p=",), alias="s1.other.example"),
        Answer("192.0.2.53", None, "no zone"),
    ]
    assert servers_asked(answers) == {"ns-1.example.net", "ns-2.example.net"}


@cases(
    ("changes", "lines"),
    {
        "anywhere": (
            {},
            ["  type:  TXT", "  name:  s1._domainkey.example.com", "  value: {value}"],
        ),
        "panel": (
            {"zones": zones("manual", panel="wix")},
            [
                "  Wix: Domains › example.com › Manage DNS Records › TXT (Text) › Add Record",
                "    Type:      TXT",
                "    Host Name: s1._domainkey",
                "    Value:     {value}",
            ],
        ),
    },
)
def test_what_to_paste(world, changes, lines):
    """What a person has to type, in the words of that panel."""
    declared = world.declared(1, **changes)
    expected = "\n".join(lines).format(value=declared.record_value)
    assert what_to_paste(declared).startswith(expected)


MISSING = [Answer(server, ()) for server in ("ns1.shop.example", "ns2.shop.example")]
SHOW = "servers show the key"
TARGET = "ses1._domainkey.example.com.keys.example.org"
PASTE = ["  type:  CNAME", "  name:  ses1._domainkey.example.com", f"  value: {TARGET}"]
NO_ZONE = [
    f"  nothing has to be pasted, the stack made the record at {HERE}",
    "  this run's resolver does not see the zone: have the registrar name its servers, or, if "
    "only a "
    "resolver of your own network sees the zone, set `dnsResolvers`; then run `pulumi up`",
]

MADE_AGAIN = [NO_ZONE[0], f"  {IdentityMessages.MADE_AGAIN()}"]


def through_cname(server, values, failure="", target=TARGET):
    return Answer(server, values, failure, alias=target, target=target)


@cases(
    ("answers", "why", "step"),
    {
        "missing": (
            MISSING,
            f"0 of 2 {SHOW}, ns1.shop.example and ns2.shop.example: no CNAME to {TARGET}",
            PASTE,
        ),
        "to elsewhere": (
            [through_cname("ns.gone.example", (), target="gone.example")],
            (
                f"0 of 1 {SHOW}, ns.gone.example: no TXT record (CNAME to gone.example, not to "
                f"{TARGET})"
            ),
            PASTE,
        ),
        "no zone": (
            [through_cname("192.0.2.53", None, "no zone")],
            f"0 of 1 {SHOW}, 192.0.2.53: no zone for this name (CNAME to {TARGET})",
            NO_ZONE,
        ),
        "no record": (
            [through_cname("ns-1.example.net", ())],
            f"0 of 1 {SHOW}, ns-1.example.net: no TXT record (CNAME to {TARGET})",
            MADE_AGAIN,
        ),
    },
)
def test_waiting_for_a_cname(world, answers, why, step):
    """
    The CNAMEs are to be pasted while that of the key is wrong; then it is its zone, or the record.
    """
    declared = world.declared(selector="ses1", zones=in_slots("keys.example.org"))
    assert declared.cnames[declared.record_name] == TARGET
    seen = judge(answers, b"key", TARGET)
    first, *lines = waiting_for_dns(declared, seen).split("\n")
    assert first == f"example.com eu-west-1: waiting for DNS, the key is not sent to SES yet: {why}"
    assert lines[: len(step)] == step
    by_hand = not_visible(declared, seen, 120, still="it waits").message.with_hint()
    assert (PASTE[0] in by_hand) == (step == PASTE)


def test_nobody_waits_for_a_person(world):
    """Without its record a pasted key costs one look, at once; SES hears nothing."""
    waiting = world.create(1, zones=zones("manual"))
    again = world.update(waiting, 1, zones=zones("manual"))
    assert (waiting.status, again.status, world.calls()) == ("AWAITING_DNS", "AWAITING_DNS", [])
    assert (world.resolver.looked_up, world.clock.monotonic()) == (
        ["s1._domainkey.example.com"] * 2,
        0,
    )


def announced(world):
    """An identity whose switch to the published generation 2 a preview has just announced."""
    stored = world.verified(standby=True)
    world.forget()
    lookups.planned_switch(stored, world.declared(2), world.run)
    return stored


@pytest.mark.parametrize(("seconds", "asked"), [(0, 1), (60, 1), (61, 2)])
def test_a_record_just_seen_is_not_looked_up_again(world, seconds, asked):
    """A rotation asks DNS once for what its own preview saw at most a minute ago."""
    stored = announced(world)
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
