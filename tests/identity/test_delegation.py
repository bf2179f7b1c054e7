"""If this fails, a record that verifiers still ask for leaves, or nobody hears that none do."""

from dataclasses import replace

from byodkim_provider.dns.resolver import Answer
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity.delegation import refuse_leaving, served_elsewhere
from byodkim_provider.messages.identity import IdentityMessages
from tests.support.cases import cases
from tests.support.zones import slots, zone

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
    run = replace(world.run, resolver=lambda *_: resolver)
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
ZONES = {"k": KEYS, "n": NEW}


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


def move(world, before, after, targets, published=(1, 2, 3)):
    """
    How a change from zones to zones is refused while generation 2 signs, if it is.

    *targets*: the zones to which the CNAMEs of the slots lead, "-" for no CNAME.
    """
    leads = {
        f"ses{number}": f"ses{number}._domainkey.example.com.{ZONES[one]}"
        for number, one in enumerate(targets, 1)
        if one in ZONES
    }
    stored = world.verified(2, zones=before, published=(1, 2, 3))
    declared = world.declared(2, zones=after, published=published)
    message = refusal(world, stored, declared, Cnames(leads, AT_HERE))
    return message and message.code


OLD, MOVED, UP = in_slots(), in_slots(NEW), in_slots("example.net")
TWO_HOSTS = in_slots(KEYS, HERE, THERE)


@cases(
    ("before", "after", "targets", "problem"),
    {
        "that of the standby has not moved": ((*MOVED, *OLD), MOVED, "nnk", ASKED_FOR),
        "to the zone above": ((*UP, *OLD), UP, "kkk", ASKED_FOR),
        "unseen": (OLD, MOVED, "nn-", AT_ONCE),
        "to another host, which nobody asks": (TWO_HOSTS, in_slots(KEYS, THERE), "kkk", ASKED_FOR),
        "from a host that nobody asks": (TWO_HOSTS, OLD, "kkk", None),
    },
)
def test_slots(world, before, after, targets, problem):
    """A slot's record leaves a zone once the CNAME of its own selector leads elsewhere."""
    assert move(world, before, after, targets) == problem


def test_a_rotation_moves_nothing(world):
    """The record that leaves is that of a generation that leaves."""
    assert move(world, OLD, OLD, "kkk", published=(2, 3, 4)) is None


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
