"""
Answers of DNS servers: malformed, huge, endless; and values of TXT records that may be anything.
"""

import functools
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import dns.message
import dns.query
import dns.rrset
from dns.message import Message
from hypothesis import strategies as st

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import misconfiguration
from byodkim_provider.dns import visibility
from byodkim_provider.dns.resolver import DnsResolver
from tests.fuzz.target import Target
from tests.fuzz.values import mutated_text, texts
from tests.support.fakes import FakeClock
from tests.support.testdata import key

NAME: Final = "s1._domainkey.mail.example.com"
DOMAIN: Final = "mail.example.com"

RECORDS: Final = f"""
{NAME}. 60 IN TXT "p=MIIB" "rest"
{NAME}. 60 IN TXT ""
{NAME}. 0 IN TXT "a" "b"
{NAME}. 60 IN CNAME {NAME}.
{NAME}. 60 IN CNAME a.example.net.
{NAME}. 60 IN CNAME .
{NAME}. 60 CH TXT "p=x"
a.example.net. 60 IN CNAME b.example.net.
b.example.net. 60 IN CNAME a.example.net.
example.com. 60 IN NS ns1.example.com.
mail.example.com. 60 IN NS ns1.example.com.
com. 60 IN NS ns1.example.net.
. 60 IN NS ns1.example.net.
example.net. 60 IN NS ns1.example.net.
_domainkey.mail.example.com. 60 IN NS .
. 60 IN A 0.0.0.0
ns1.example.com. 60 IN AAAA ::1
ns1.example.com. 60 IN A 127.0.0.1
ns1.example.net. 60 IN A 127.0.0.2
example.com. 60 IN SOA ns1.example.com. h.example.com. 1 2 3 4 5
""".strip().splitlines()

LOOP: Final = b"\xc0\x0c"
"""A compression pointer to the question's name: put into that name it leads to itself."""


@dataclass(frozen=True)
class Reply:
    """What a server makes of a question."""

    flags: int
    """AA, TC and RA among them."""
    rcode: int
    answer: tuple[str, ...]
    authority: tuple[str, ...]
    additional: tuple[str, ...]
    changes: tuple[tuple[int, bytes], ...]
    """Octets written over what would be right, by position."""
    cut: int | None
    huge: int
    """Octets of a TXT record on top."""
    silent: bool

    def wire(self, query: Message) -> bytes:
        reply = dns.message.make_response(query)
        reply.flags |= self.flags
        reply.set_rcode(self.rcode)
        for section in ("answer", "authority", "additional"):
            getattr(reply, section).extend(map(_rrset, getattr(self, section)))
        if self.huge:
            strings = " ".join(['"' + "x" * 255 + '"'] * (self.huge // 256))
            reply.answer.append(_rrset(f"{NAME}. 60 IN TXT {strings}"))
        wire = bytearray(reply.to_wire(max_size=65535))
        for position, octets in self.changes:
            # Behind the id, or it would be an answer to something else, which is waited for.
            at = 2 + position % (len(wire) - 2)
            wire[at : at + len(octets)] = octets
        return bytes(wire[: self.cut])


@functools.cache
def _rrset(text: str) -> dns.rrset.RRset:
    name, ttl, rdclass, rdtype, value = text.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), rdclass, rdtype, value)


some = st.lists(st.sampled_from(RECORDS), max_size=3).map(tuple)

replies = st.builds(
    Reply,
    flags=st.sampled_from([0x0400, 0x0400, 0x0400, 0, 0x0600, 0x8480, 0xFFFF & ~0x7800]),
    rcode=st.sampled_from([0, 0, 0, 0, 3, 2, 5, 15]),
    answer=some,
    authority=some,
    additional=some,
    changes=st.lists(
        st.tuples(st.integers(0, 600), st.one_of(st.binary(max_size=4), st.just(LOOP))), max_size=3
    ).map(tuple),
    cut=st.one_of(st.none(), st.none(), st.none(), st.integers(0, 60)),
    huge=st.sampled_from([0, 0, 0, 0, 0, 2000, 60000]),
    silent=st.sampled_from([False, False, False, False, True]),
)


def put(in_turn: list[Reply]) -> None:
    """
    One look at a name, whose every question gets the next of the replies, and what is said of it.
    """
    clock, asked = FakeClock(), 0

    def exchange(query: Message, *_options: Any, refuses_cut: bool = False) -> Message:
        """As dnspython reads what it gets."""
        nonlocal asked
        reply = in_turn[asked % len(in_turn)]
        asked += 1
        clock.wait(0.1)
        if reply.silent:
            raise dns.exception.Timeout
        parsed = dns.message.from_wire(reply.wire(query), raise_on_truncation=refuses_cut)
        if not query.is_response(parsed):
            raise dns.query.BadResponse
        return parsed

    udp = partial(exchange, refuses_cut=True)
    with patch.object(dns.query, "udp", udp), patch.object(dns.query, "tcp", exchange):
        resolver = DnsResolver(resolvers=["127.0.0.1:53"], clock=clock)
        answers = resolver.txt(NAME, DOMAIN)
    assert answers
    said = visibility.judge(answers, public_key()).summary()
    assert said.isprintable(), "a terminal would obey it"
    assert len(said) < 5000


@functools.cache
def public_key() -> bytes:
    return key("rsa1024.pkcs8").public_key_der


VALUES = tuple(
    form.format(records.record_value(public_key()))
    for form in ("{}", "v=DKIM1; k=rsa; {}", '"{}"', "h=sha1; {};;")
)


def put_values(values: list[str]) -> None:
    """What stands at a record's name is judged, whatever it is."""
    for value in values:
        records.public_key(value)
    problem = misconfiguration(tuple(values), public_key())
    said = str(problem or "")
    assert said.isprintable(), "a terminal would obey it"
    assert len(said) < 300


def put_name(text: str) -> None:
    """A name is normal after it was made so, or is refused in words."""
    try:
        said = records.normalise_domain(text)
    except ValueError as error:
        said = str(error)
    else:
        assert said == records.normalise_domain(said), "what is normal is not normal"
    assert said.isprintable(), "a terminal would obey it"


TARGETS = (
    Target(
        "answers of DNS servers",
        st.lists(replies, min_size=1, max_size=6),
        put,
        weight=3,
    ),
    Target("TXT values", st.lists(mutated_text(VALUES) | texts, max_size=4), put_values, weight=8),
    Target(
        "domain names",
        st.one_of(
            mutated_text(["example.com", "mail.bücher.example.", "xn--bcher-kva.example"]), texts
        ),
        put_name,
        weight=8,
    ),
)
