"""If this fails, the sandbox's DNS answers as no name server on the Internet would."""

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from sandbox.dns.hosting import CHILD_NAME_SERVERS, NAME_SERVERS, HostedZone
from sandbox.dns.server import DnsServer
from sandbox.dns.zone import RecordSet, apex
from tests.support.cases import cases

LONG_VALUE = " ".join(f'"{"x" * 255}"' for _ in range(6))


def zone(name, *record_sets, name_servers=NAME_SERVERS):
    return HostedZone(name, name_servers, (*apex(name, name_servers, 900), *record_sets))


ZONES = [
    zone(
        "example.com",
        RecordSet("s1._domainkey.example.com.", "TXT", 300, ('"p=abc" "def"',)),
        RecordSet("alias.example.com.", "CNAME", 300, ("s1._domainkey.example.com.",)),
        RecordSet("elsewhere.example.com.", "CNAME", 300, ("key.example.net.",)),
        RecordSet("loop.example.com.", "CNAME", 300, ("loop.example.com.",)),
        RecordSet("long.example.com.", "TXT", 300, (LONG_VALUE,)),
        RecordSet("child.example.com.", "NS", 300, CHILD_NAME_SERVERS),
    ),
    zone("example.net", RecordSet("key.example.net.", "TXT", 300, ('"p=net"',))),
    zone(
        "child.example.com",
        RecordSet("s1.child.example.com.", "TXT", 300, ('"p=child"',)),
        name_servers=CHILD_NAME_SERVERS,
    ),
    zone(
        "orphan.example.com",
        RecordSet("s1.orphan.example.com.", "TXT", 300, ('"p=orphan"',)),
        name_servers=CHILD_NAME_SERVERS,
    ),
]


@pytest.fixture
def server():
    server = DnsServer(lambda: ZONES)
    server.start()
    yield server
    server.stop()


def ask(server, name, kind="TXT", *, at="127.0.0.1", recursion=False, tcp=False, payload=None):
    query = dns.message.make_query(name, kind, use_edns=payload is not None, payload=payload)
    query.flags = dns.flags.RD if recursion else 0
    return (dns.query.tcp if tcp else dns.query.udp)(query, at, port=server.port, timeout=5)


def said(response):
    """Code, whether it is authoritative, and the types in the answer and authority sections."""
    return (
        dns.rcode.to_text(response.rcode()),
        bool(response.flags & dns.flags.AA),
        [dns.rdatatype.to_text(rrset.rdtype) for rrset in response.answer],
        [dns.rdatatype.to_text(rrset.rdtype) for rrset in response.authority],
    )


@cases(
    ("name", "kind", "expected"),
    {
        "record": ("s1._domainkey.example.com", "TXT", ("NOERROR", True, ["TXT"], [])),
        "no such type": ("s1._domainkey.example.com", "A", ("NOERROR", True, [], ["SOA"])),
        "no such name": ("s2._domainkey.example.com", "TXT", ("NXDOMAIN", True, [], ["SOA"])),
        "alias in the zone": ("alias.example.com", "TXT", ("NOERROR", True, ["CNAME", "TXT"], [])),
        "alias out of the zone": ("elsewhere.example.com", "TXT", ("NOERROR", True, ["CNAME"], [])),
        "delegated below": ("s1.child.example.com", "TXT", ("NOERROR", False, [], ["NS"])),
        "not delegated": ("s1.orphan.example.com", "TXT", ("NXDOMAIN", True, [], ["SOA"])),
        "no zone of this server": ("example.org", "TXT", ("REFUSED", False, [], [])),
        "child zone": ("s1.child.example.com", "child's", ("NOERROR", True, ["TXT"], [])),
    },
)
def test_name_server(server, name, kind, expected):
    """A name server answers for its zones as RFC 1034 says, whichever of its addresses is asked."""
    if kind.startswith("child"):
        assert expected == said(ask(server, name, at="127.0.0.5"))
    else:
        assert expected == said(ask(server, name, kind, at="127.0.0.1"))
        assert expected == said(ask(server, name, kind, at="127.0.0.4", recursion=True))


@cases(
    ("name", "kind", "expected"),
    {
        "record": ("s1._domainkey.example.com", "TXT", ["p=abcdef"]),
        "alias into another zone": ("elsewhere.example.com", "TXT", ["p=net"]),
        "delegated": ("s1.child.example.com", "TXT", ["p=child"]),
        "no such name": ("nothing.example.com", "TXT", "NXDOMAIN"),
        "zone without delegation": ("s1.orphan.example.com", "TXT", "NXDOMAIN"),
        "loop": ("loop.example.com", "TXT", "SERVFAIL"),
    },
)
def test_resolver(server, name, kind, expected):
    """The resolver follows aliases and delegations, and says "no such name" for a name alone."""
    response = ask(server, name, kind, recursion=True)
    found = sorted(
        b"".join(rdata.strings).decode() if kind == "TXT" else rdata.to_text()
        for rdata in (response.answer[-1] if isinstance(expected, list) else ())
    )
    assert expected == (found or dns.rcode.to_text(response.rcode()))
    assert response.flags & dns.flags.RA


def test_truncation(server):
    """
    An answer too long for UDP is marked so, and whole over TCP.

    Between 512 and 1232 octets it needs TCP only without EDNS.
    """

    def truncated(name):
        asked = [ask(server, name, payload=payload) for payload in (None, 512, 1232, 4096)]
        return [bool(response.flags & dns.flags.TC) for response in asked]

    assert truncated("long.example.com") == [True] * 4
    assert 6 * 255 == len(b"".join(ask(server, "long.example.com", tcp=True).answer[0][0].strings))
    server.override("s1._domainkey.example.com", ["x" * 800])
    assert truncated("s1._domainkey.example.com") == [True, True, False, False]
