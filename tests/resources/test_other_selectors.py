"""Which selectors of others a delegation would hide, and how they are carried over."""

import socket
from contextlib import suppress
from dataclasses import dataclass, field, fields

import pytest

from byodkim_provider.dns._questions import ATTEMPTS
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.resources.other_selectors import ForeignSelectorsArgs
from byodkim_provider.resources.other_selectors_provider import (
    AT_ONCE,
    KNOWN,
    ForeignSelectorsProvider,
    carried,
    hidden,
)

KEY = "v=DKIM1; k=rsa; p=" + "A" * 300
GOOGLE = "google._domainkey.example.com"
MICROSOFT = "selector1._domainkey.example.com"


@dataclass
class Dns:
    """One server, with TXT values and CNAME targets by name."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    failure: str = ""

    def txt(self, name, domain):
        values = None if self.failure else self.values.get(name, ())
        target = self.targets.get(name, "")
        return (Answer("ns1.example.net", values, self.failure, alias=target, target=target),)


def test_hidden():
    """Each known selector in use is a problem, an alias as much as a key; all are named in the way out."""
    dns = Dns({GOOGLE: (KEY,), "k1._domainkey.example.com": ("v=spf1 -all",)}, {MICROSOFT: "s.example.org"})
    way_out = "`keep: [google, selector1]` carries it over"
    assert hidden("example.com", KNOWN, dns, {}) == [
        f"example.com: a delegated _domainkey would hide '{GOOGLE}'; {way_out}",
        f"example.com: a delegated _domainkey would hide '{MICROSOFT}'; {way_out}",
    ]
    assert hidden("example.com", {*KNOWN} - {"google", "selector1"}, dns, {}) == []


def test_way_out_is_whole():
    """Who writes what the refusal says keeps what is carried over already, too."""
    dns = Dns({GOOGLE: (KEY,)})
    assert hidden("example.com", ["google", "k1"], dns, {"mx": None, "newsvc": KEY}) == [
        f"example.com: a delegated _domainkey would hide '{GOOGLE}'; "
        "`keep: [mx, {newsvc: …}, google]` carries it over"
    ]


def test_hidden_unseen():
    """Where DNS does not answer, nobody can tell what would be hidden."""
    assert hidden("example.com", KNOWN, Dns(failure="silent"), {}) == [
        "example.com: what a delegated _domainkey would hide can't be looked up (ns1.example.net: silent); "
        "`dnsCheck: off` delegates unseen"
    ]


def test_carried():
    """A TXT record is carried over as Route 53 takes it, an alias as an alias."""
    dns = Dns({GOOGLE: (KEY,)}, {MICROSOFT: "s.example.org"})
    assert carried("example.com", ["google", "selector1"], dns, keep={}) == (
        {
            "google": {"type": "TXT", "values": [f'{KEY[:255]}""{KEY[255:]}']},
            "selector1": {"type": "CNAME", "values": ["s.example.org"]},
        },
        [],
    )


@pytest.mark.parametrize(
    ("dns", "delegated", "reason"),
    [
        (Dns(), False, "there is no TXT or CNAME record"),
        (Dns(), True, "there is no TXT or CNAME record, or the delegation hides it"),
        (Dns(failure="silent"), False, "no server answers"),
        (
            Dns({GOOGLE: ('p="',)}),
            False,
            "its value has quotes, backslashes or characters beyond ASCII",
        ),
        (None, False, "it has to be looked up, and `dnsCheck` is off"),
    ],
    ids=["not there", "behind a delegation", "silent", "quotes", "off"],
)
def test_not_carried(dns, delegated, reason):
    """What a lookup can't find or copy is refused with the reason, and with the form that needs none."""
    assert carried("example.com", ["google"], dns, keep={"google": None}, delegated=delegated) == (
        {},
        [
            f"example.com: keep can't carry over '{GOOGLE}': {reason}; "
            "give its value, a key or the target of a CNAME: `keep: [{google: …}]`"
        ],
    )


def test_not_carried_beside_others():
    """The form that is offered keeps what was kept so far: left out, a record of others would go."""
    keep = {"google": None, "newsvc": None, "k1": "k1.dkim.example.net", "k2": None}
    _, problems = carried("example.com", ["newsvc", "k2"], Dns(), keep=keep, delegated=True)
    assert [problem.rpartition(": `")[2] for problem in problems] == [
        "keep: [google, {newsvc: …}, {k1: …}, {k2: …}]`"
    ] * 2


def test_servers_disagree():
    """Of two answers nobody knows which one is right."""

    class Torn:
        def txt(self, name, domain):
            return Answer("ns1.example.net", (KEY,)), Answer("ns2.example.net", (f"{KEY}B",))

    assert carried("example.com", ["google"], Torn(), keep={"google": None})[1] == [
        "example.com: keep can't carry over 'google._domainkey.example.com': the servers disagree; "
        "give its value, a key or the target of a CNAME: `keep: [{google: …}]`"
    ]


def test_silent_servers_are_asked_once():
    """A server that does not answer delays the preview once, not for each of the selectors."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        host, port = server.getsockname()
        inputs = {"domain": "example.com", "dns_resolvers": [f"{host}:{port}"]}
        result = ForeignSelectorsProvider().check({}, inputs)
        server.setblocking(False)
        asked = 0
        with suppress(BlockingIOError):
            while server.recv(512):
                asked += 1
    assert "can't be looked up" in result.failures[0].reason
    assert asked <= AT_ONCE * ATTEMPTS


def test_values_are_not_looked_up():
    """A live delegation hides what the parent zone has, so that a value is taken as it is written."""
    # Nothing is at this address: a look-up would be a failure.
    before = {"domain": "example.com", "keep": ["google"], "dns_resolvers": ["127.0.0.1:1"]}
    stored = before | {"carried": {"google": {"type": "TXT", "values": ["v"]}}}
    values = {"newsvc": KEY, "k1": "K1.dkim.example.net."}
    extended = before | {"keep": ["google", "newsvc", "k1"], "values": values}
    provider = ForeignSelectorsProvider()
    result = provider.check(stored, extended)
    assert (result.inputs["carried"], result.failures) == (
        {
            "google": {"type": "TXT", "values": ["v"]},
            "newsvc": {"type": "TXT", "values": [f'{KEY[:255]}""{KEY[255:]}']},
            "k1": {"type": "CNAME", "values": ["k1.dkim.example.net"]},
        },
        [],
    )
    assert provider.diff("example.com", stored, result.inputs).changes
    replaced = provider.check(result.inputs, extended | {"values": values | {"google": "p=AAAA"}})
    assert replaced.inputs["carried"]["google"] == {"type": "TXT", "values": ["p=AAAA"]}


def test_value_that_is_none():
    """A program of one's own is told, too, what is no value of a record."""
    inputs = {"domain": "example.com", "keep": ["newsvc"], "values": {"newsvc": "v=DKIM1"}}
    result = ForeignSelectorsProvider().check(inputs, inputs)
    assert [one.reason for one in result.failures] == [
        "example.com: keep: newsvc: must be a key like 'v=DKIM1; k=rsa; p=…', "
        "or the target of a CNAME, not 'v=DKIM1'"
    ]


def test_only_what_is_new_is_looked_up():
    """What is stored is not looked up again, and what is not kept any more is let go."""
    provider = ForeignSelectorsProvider()
    stored = {"google": {"type": "TXT", "values": ["v"]}, "k1": {"type": "TXT", "values": ["w"]}}
    # Nothing is at this address: a look-up would be a failure.
    inputs = {"domain": "example.com", "keep": ["google"], "dns_resolvers": ["127.0.0.1:1"]}
    before = {**inputs, "keep": ["google", "k1"], "carried": stored}
    result = provider.check(before, inputs)
    assert (result.inputs["carried"], result.failures) == ({"google": stored["google"]}, [])
    assert provider.diff("example.com", before, result.inputs).changes
    assert not provider.diff("example.com", result.inputs, result.inputs).changes


def test_what_state_names():
    """The properties stand in users' state for ever."""
    assert {one.name for one in fields(ForeignSelectorsArgs)} == {
        "domain",
        "keep",
        "values",
        "own",
        "regions",
        "dns_check",
        "dns_resolvers",
        "release",
    }
