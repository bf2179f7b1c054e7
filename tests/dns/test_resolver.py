"""If this fails, a record that some server lacks counts as visible, or a lookup hangs."""

import itertools
import threading
from time import monotonic

import dns.resolver
import pytest

from byodkim_provider import progress
from byodkim_provider.dns.resolver import Answer, DnsResolver, system_resolvers
from tests.support.cases import cases
from tests.support.dns_servers import (
    failing,
    forged_first,
    honest,
    lame,
    running,
    silent,
)

DOMAIN, MAIL = "example.com", "mail.example.com"
NAME = f"s1._domainkey.{DOMAIN}"
VALUE = "p=MIGfMA0"
RECORD = f"{NAME}. IN TXT {VALUE}"
LONG = "p=" + "A" * 392  # as long as a 2048-bit key's


def servers(*numbers):
    """What the recursive resolver knows: the zone's name servers, and the address of each."""
    named = "".join(f"example.com. IN NS ns{one}.example.net.\n" for one in numbers)
    return named + "".join(f"ns{one}.example.net. IN A 127.0.0.{one}\n" for one in numbers)


FOUR_SERVERS = servers(2, 3, 4, 5)
TWO_SERVERS = f"{servers(2, 3)}ns4.example.net. IN A 127.0.0.4\n"
ONE_SERVER = servers(2)
RIGHT = (Answer("ns2.example.net", (VALUE,)),)

SHORT = 0.2
"""Seconds to wait for a reply where one server stays silent."""

NO_ROUTE = "127.255.255.255"
"""
An address that the kernel refuses to send to: a broadcast address, without leave to broadcast.
"""


@pytest.fixture(scope="module")
def running_network():
    with running() as network:
        yield network


@pytest.fixture
def network(running_network):
    running_network.reset()
    return running_network


@pytest.fixture
def look(network):
    """Look *name* up as the product does, but wait longer: a busy machine is no silent server."""

    def txt(name=NAME, domain="example.com", **settings):
        settings = {"resolvers": [f"127.0.0.1:{network.port}"], "reply_seconds": 10} | settings
        return DnsResolver(**settings).txt(name, domain)

    return txt


def test_every_authoritative_server_is_asked(network, look):
    """Each server of the zone answers for itself, and is asked once."""
    network[1].knows(FOUR_SERVERS)
    for last in (2, 3, 4):
        network[last].serve("example.com", RECORD)
    network[5].serve("example.com", f"{NAME}. IN TXT p=other")
    same = [Answer(f"ns{number}.example.net", (VALUE,)) for number in (2, 3, 4)]
    assert look() == (*same, Answer("ns5.example.net", ("p=other",)))
    # The zone's name servers, and the address of each of the four.
    assert network.counts() == {1: 5, 2: 1, 3: 1, 4: 1, 5: 1}


def test_servers_are_asked_side_by_side(network, look):
    """No server waits for another's answer: four slow ones take as long as one."""
    together = threading.Barrier(4, timeout=10)

    def answer_when_all_are_asked(answer, over_tcp):
        together.wait()
        return answer

    network[1].knows(FOUR_SERVERS)
    for last in (2, 3, 4, 5):
        network[last].serve("example.com", RECORD, answer_when_all_are_asked)
    assert [(VALUE,)] * 4 == [answer.values for answer in look()]


@cases(
    ("behave", "failure", "questions"),
    {
        "silent": (silent, "silent", 2),
        "lame": (lame, "lame", 1),
        "SERVFAIL": (failing("SERVFAIL"), "SERVFAIL", 1),
    },
)
def test_failing_server(network, look, behave, failure, questions):
    """
    A server that fails is named with its reason, beside the others' answers; only silence is
    retried.
    """
    network[1].knows(TWO_SERVERS)
    network[2].serve("example.com", RECORD)
    network[3].serve("example.com", RECORD, behave)
    assert (Answer("ns2.example.net", (VALUE,)), Answer("ns3.example.net", None, failure)) == look(
        reply_seconds=SHORT if failure == "silent" else 10
    )
    # The zone, the address of each server, and for the one that fails whether it has an IPv6
    # address.
    assert {1: 4, 2: 1, 3: questions} == network.counts()


@cases(
    ("zone", "values"),
    {
        "two strings": (f'{NAME}. IN TXT "{LONG[:255]}" "{LONG[255:]}"', (LONG,)),
        "two records": (f"{NAME}. IN TXT p=two\n{NAME}. IN TXT p=one", ("p=one", "p=two")),
        "quotes in the value": (f'{NAME}. IN TXT "\\"p=x\\""', ('"p=x"',)),
        "not ASCII": (f'{NAME}. IN TXT "p=\\226\\128\\156\\255"', ("p=\u201c\\xff",)),
    },
)
def test_values(network, look, zone, values):
    """
    Values are the strings joined, one for each record, as they stand; no such name is an answer.
    """
    network[1].knows(ONE_SERVER)
    network[2].serve("example.com", zone)
    assert (Answer("ns2.example.net", values),) == look()


def test_forged_datagram(network, look):
    """A datagram that is no answer to the question does not keep the server's own answer out."""
    network[1].knows(ONE_SERVER, forged_first)
    network[2].serve("example.com", RECORD, forged_first)
    assert RIGHT == look()


def test_recursive_resolver_hears_no_new_name(network, look):
    """
    A resolver is asked for zones from the top, so that it never learns "no such name" of a new one.
    """
    network[1].knows(ONE_SERVER.replace("example.com.", "b.example.com."))
    name = "s1._domainkey.a.b.example.com"
    network[2].serve("b.example.com", f"{name}. IN TXT {VALUE}")
    assert RIGHT == look(name, "a.b.example.com")
    assert {"example.com", "b.example.com", "ns2.example.net"} == network[1].names()


@pytest.mark.parametrize("cut", [f"_domainkey.{DOMAIN}", MAIL])
@pytest.mark.parametrize("has_glue", [True, False], ids=["glue", "no glue"])
def test_delegated(network, look, cut, has_glue):
    """A delegated part of the zone is asked for where it was delegated to."""
    server = f"ns4.{cut}" if has_glue else "ns4.example.net"
    domain = MAIL if cut.endswith(MAIL) else DOMAIN
    glue = f"{server}. IN A 127.0.0.4\n" if has_glue else ""
    network[1].knows(TWO_SERVERS + glue)
    for last in (2, 3):
        network[last].serve(DOMAIN, f"{cut}. IN NS {server}.\n{glue}")
    network[4].serve(cut, f"s1._domainkey.{domain}. IN TXT {VALUE}")
    assert (Answer(server, (VALUE,)),) == look(f"s1._domainkey.{domain}", domain)
    assert {1: 4, 2: 1, 3: 1, 4: 1} == network.counts()
    assert network[1].names() == {DOMAIN, "ns2.example.net", "ns3.example.net", server}


CUT = "_domainkey.example.com"
TO_NS4 = f"{CUT}. IN NS ns4.example.net."


@cases(
    ("second", "third", "answers"),
    {
        # A verifier may ask the server that does not refer yet.
        "half delegated": (
            {"example.com": TO_NS4},
            {"example.com": ""},
            [("ns3.example.net", ()), ("ns4.example.net", (VALUE,))],
        ),
        "named by one": (
            {"example.com": TO_NS4},
            {"example.com": f"{CUT}. IN NS ns9.example.net."},
            [("ns4.example.net", (VALUE,)), ("ns9.example.net", None, "no address")],
        ),
        # No server of the record.
        "silent parent": ({"example.com": TO_NS4}, {}, [("ns4.example.net", (VALUE,))]),
    },
)
def test_delegated_in_part(network, look, second, third, answers):
    """
    Where the servers of the zone above differ, whoever answers, or is named by one of them, counts.
    """
    network[1].knows(TWO_SERVERS)
    for number, zones in ((2, second), (3, third), (4, {CUT: RECORD})):
        for origin, text in zones.items():
            network[number].serve(origin, text)
    assert look(reply_seconds=10 if third else SHORT) == tuple(Answer(*one) for one in answers)


def to(*targets):
    """A chain of CNAMEs from the record's name on."""
    return "".join(
        f"{name}. IN CNAME {target}.\n" for name, target in itertools.pairwise([NAME, *targets])
    )


def chain(length):
    """*length* CNAMEs, and the record at their end."""
    return (
        f"{to(*(f'c{hop}.example.com' for hop in range(1, length + 1)))}c{length}.example.com. IN "
        f"TXT {VALUE}"
    )


@cases(
    ("zone", "alias", "values", "failure"),
    {
        "nine": (chain(9), "c1.example.com", (), "CNAMEs to nowhere"),
        "to the root": (f"{NAME}. IN CNAME .", ".", (), "CNAMEs to nowhere"),
        "to no zone": (to("k1.nowhere.test"), "k1.nowhere.test", None, "no zone"),
    },
)
def test_alias_chain(network, look, zone, alias, values, failure):
    """
    Eight CNAMEs are followed; what goes on, round in circles or nowhere is named, and asked of
    nobody.
    """
    network[1].knows(f"{ONE_SERVER}nowhere.test. IN A 127.0.0.9")
    network[2].serve("example.com", zone)
    server = f"127.0.0.1:{network.port}" if values is None else "ns2.example.net"
    assert look() == (Answer(server, values, failure, alias),)
    assert not [name for name in network[1].names() if name == alias or "_domainkey" in name]


@cases(
    ("addresses", "failure", "questions"),
    {
        "second answers": (["127.0.0.3", "127.0.0.4"], "", {3: 1, 4: 1}),
        "the first one's reason": (["127.0.0.3", "127.0.0.5"], "REFUSED", {3: 1, 5: 2}),
        "no address": ([], "no address", {}),
    },
)
def test_addresses(network, look, addresses, failure, questions):
    """Of several addresses the first that answers counts; if none does, the first one's failure."""
    lines = [f"ns.example.net. IN A {address}" for address in addresses]
    network[1].knows("\n".join(["example.com. IN NS ns.example.net.", *lines]))
    network[3].serve("example.com", RECORD, failing("REFUSED"))
    network[4].serve("example.com", RECORD)
    answer = Answer("ns.example.net", None if failure else (VALUE,), failure)
    assert (answer,) == look(reply_seconds=SHORT if "127.0.0.5" in addresses else 10)
    assert questions == {last: count for last, count in network.counts().items() if last != 1}


@cases(
    ("knows", "behave", "failure"),
    {
        "no such domain": ("example.org. IN NS ns2.example.net.", honest, "no zone"),
        "silent": (ONE_SERVER, silent, "silent"),
        "SERVFAIL": (ONE_SERVER, failing("SERVFAIL"), "SERVFAIL"),
    },
)
def test_zone_not_found(network, look, knows, behave, failure):
    """If not even the zone can be found, the recursive resolver's failure is the one answer."""
    network[1].knows(knows, behave)
    assert (Answer(f"127.0.0.1:{network.port}", None, failure),) == look(
        reply_seconds=SHORT if failure == "silent" else 10
    )


def test_next_recursive_resolver(network, look):
    """A recursive resolver that fails is made good by the next one."""
    network[1].knows(ONE_SERVER, failing("SERVFAIL"))
    network[3].knows(ONE_SERVER)
    network[2].serve("example.com", RECORD)
    answers = look(resolvers=[f"127.0.0.1:{network.port}", f"127.0.0.3:{network.port}"])
    assert RIGHT == answers


def test_no_server_can_be_reached(network, look):
    """As in a network that lets its own resolvers out alone: these are asked, which is said."""
    network[1].knows(f"{ONE_SERVER}{RECORD}")
    resolver = f"127.0.0.1:{network.port}"
    assert look(reply_seconds=SHORT) == (
        Answer(resolver, (VALUE,), by_resolver=True),
        Answer("ns2.example.net", None, "silent"),
    )


def test_nobody_can_be_reached(network, look):
    """If no resolver answers about the record either, the silence is that of the zone's servers."""

    def fails_for_txt(answer, over_tcp):
        is_txt = answer.question[0].rdtype == dns.rdatatype.TXT
        return failing("SERVFAIL")(answer, over_tcp) if is_txt else answer

    network[1].knows(ONE_SERVER, fails_for_txt)
    assert look(reply_seconds=SHORT) == (Answer("ns2.example.net", None, "silent"),)


def test_interrupted_while_waiting_for_a_server(network, look):
    """
    An interruption ends the lookup at once, however long a server may take, and nobody is asked
    again.
    """

    def interrupt(answer, over_tcp):
        progress.stopping.set()

    network[1].knows(ONE_SERVER)
    network[2].serve("example.com", RECORD, interrupt)
    start = monotonic()
    assert (Answer("ns2.example.net", None, "interrupted"),) == look(reply_seconds=60)
    assert monotonic() - start < 10
    assert {1: 2, 2: 1} == network.counts()


def test_silent_server_is_asked_once_a_run(network, look):
    """Lookups of one run share which servers stayed silent, and ask those no second time."""
    network[1].knows(TWO_SERVERS)
    network[2].serve("example.com", RECORD)
    network[3].serve("example.com", RECORD, silent)
    silent_ones = set()
    both = (Answer("ns2.example.net", (VALUE,)), Answer("ns3.example.net", None, "silent"))
    for _ in range(3):
        assert both == look(reply_seconds=SHORT, silent=silent_ones)
    # One question and its repetition to the silent server, one question each time to the other.
    assert (3, 2) == (network.counts()[2], network.counts()[3])


def test_one_look_is_bounded(network, look):
    """A look that has taken too long asks nobody any more, whatever there is left to follow."""

    class Clock(progress.Clock):
        """Four seconds pass with each question."""

        seconds = 0.0

        def monotonic(self):
            self.seconds += 4
            return self.seconds

    network[1].knows(ONE_SERVER)
    network[2].serve("example.com", chain(8))
    assert (Answer(f"127.0.0.1:{network.port}", None, "no time", target="c1.example.com"),) == look(
        clock=Clock()
    )
    assert {1: 2, 2: 1} == network.counts()


def test_system_resolvers(look, monkeypatch):
    """
    Without `resolvers` those of the system are asked, at port 53; it writes IPv6 without brackets.
    """
    configured = dns.resolver.Resolver(configure=False)
    configured.nameservers = [NO_ROUTE]
    monkeypatch.setattr(dns.resolver, "Resolver", lambda: configured)
    assert (Answer(NO_ROUTE, None, "unreachable"),) == look(resolvers=())
    configured.nameservers = ["fe80::1%eth0", NO_ROUTE]
    assert ("[fe80::1%eth0]", NO_ROUTE) == system_resolvers()
