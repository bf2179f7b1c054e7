"""If this fails, a domain's name servers can keep a run busy for ever."""

import itertools
import threading

import dns.message
import dns.query
import dns.rrset
import pytest
from dns.name import Name
from dns.rdatatype import RdataType

from byodkim_provider.dns._replies import MAX_QUERIES, MAX_SERVERS
from byodkim_provider.dns.resolver import DnsResolver
from tests.support.cases import cases
from tests.support.fakes import FakeClock

DOMAIN = "example.com"
NAME = f"a.b.c.d.e._domainkey.{DOMAIN}"


@pytest.fixture
def ask(monkeypatch):
    """
    Makes a zone have some servers, and what each answers never the same; how often they were asked.
    """

    def ask(servers, *, aliases=False, referrals=False):
        count = itertools.count()

        def exchange(query, *_, **__):
            most.append(threading.active_count())
            return reply(query, next(count), servers, aliases=aliases, referrals=referrals)

        monkeypatch.setattr(dns.query, "udp", exchange)
        return most

    most = []
    return ask


def reply(query, number, servers, *, aliases, referrals):
    reply, question = dns.message.make_response(query), query.question[0]
    names = [f"ns{one}.{number}.example.net." for one in range(servers)]
    refers = referrals and number % 2
    reply.flags |= 0 if refers and question.rdtype == RdataType.TXT else dns.flags.AA

    def has(section, name, kind, *values):
        section.append(dns.rrset.from_text(name, 60, "IN", kind, *values))

    match question.rdtype:
        case RdataType.NS:
            has(reply.answer, question.name, "NS", *names)
        case RdataType.A:
            has(reply.answer, question.name, "A", f"127.0.{number // 256}.{number % 256}")
        case RdataType.TXT if refers:
            has(reply.authority, Name(question.name.labels[number % 7 :]), "NS", *names)
        case RdataType.TXT if aliases:
            has(
                reply.answer, question.name, "CNAME", f"{number}.k._domainkey.{number}.example.net."
            )
    return dns.message.from_wire(reply.to_wire(max_size=65535))


@cases(
    ("servers", "options", "answers"),
    {
        "many": (600, {}, MAX_SERVERS),
        "both": (16, {"aliases": True, "referrals": True}, None),
    },
)
def test_lookup(ask, servers, options, answers):
    """A zone's first sixteen servers are asked, and no lookup makes more than 300 queries."""
    before, asked = threading.active_count(), ask(servers, **options)
    found = DnsResolver(resolvers=["127.0.0.1:53"], clock=FakeClock()).txt(NAME, DOMAIN)
    assert answers in (None, len(found))
    assert len(asked) <= MAX_QUERIES
    assert max(asked) <= before + MAX_SERVERS
