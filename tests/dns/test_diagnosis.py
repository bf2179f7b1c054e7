"""If this fails, a record that is wrong counts as right, or its mistake gets the wrong name."""

import re

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import code_of, misplaced
from byodkim_provider.dns.diagnosis import ExpectedRecord, examine
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import BY_RESOLVERS, judge
from tests.support import testdata
from tests.support.cases import cases

DOMAIN = "mail.example.com"
NAME = f"s1._domainkey.{DOMAIN}"
KEY = testdata.key("rsa1024.pkcs8").public_key_der
VALUE = records.record_value(KEY)
OTHER = records.record_value(testdata.key("another").public_key_der)
PRIVATE = testdata.key("rsa1024.pkcs8").pkcs1_base64()
TARGET = "key.example.org"
AT_NAME = f"a CNAME to {TARGET} stands at the name of the record"


def at(server, *values, failure=""):
    """What a server says, or why it says nothing."""
    return Answer(server, None if failure else values, failure)


def behind(*values, failure=""):
    """The same of the target of a CNAME."""
    return Answer("ns9", None if failure else values, failure, target=TARGET)


SILENT, REFUSED = at("ns2", failure="silent"), at("ns3", failure="REFUSED")


@cases(
    ("answers", "expected", "text"),
    {
        # The record is right if every server that answers shows it, and missing if none does.
        "some fail": (
            [at("ns1", VALUE), SILENT, REFUSED, at("ns4", failure="silent")],
            "right",
            "ns2 and ns4: silent, ns3: REFUSED",
        ),
        "all silent": ([SILENT], "unknown", "ns2: silent"),
        "old record at one": (
            [at("ns1", VALUE), at("ns2", OTHER)],
            "servers-differ",
            "ns2: another key .*",
        ),
        # A CNAME is no mistake if the key is at its end, and no verdict if nobody can be asked
        # there.
        "CNAME to the key": ([behind(VALUE)], "right", ""),
        "CNAME to another": ([behind(OTHER)], "cname", AT_NAME),
        "CNAME to who is silent": (
            [behind(failure="silent")],
            "unknown",
            rf".* \(CNAME to {TARGET}\)",
        ),
        "CNAME to no zone": (
            [behind(failure="no zone")],
            "cname",
            f"{AT_NAME}: the zone of {TARGET} does not exist",
        ),
        # A private key in DNS is named, whatever else is wrong or right.
        "private key, another right": ([at("ns1", VALUE), at("ns2", PRIVATE)], "private-key", ""),
    },
)
def test_verdict(answers, expected, text):
    """Each way in which servers may answer has its verdict, and the code of what is wrong."""
    seen = judge(answers, KEY)
    assert (seen.code or seen.verdict, seen.verdict == "wrong") == (expected, bool(seen.code))
    assert re.fullmatch(text or ".*", seen.text or ", ".join(seen.phrases()))
    assert seen.notes == ()


def test_second_hand():
    """What only resolvers say counts, with a word; nothing follows from it of the name servers."""
    seen = judge([Answer("192.0.2.53", (VALUE,), by_resolver=True)], KEY)
    assert (seen.visible, seen.notes, seen.name_servers) == (True, (BY_RESOLVERS,), ())


ASKED = ("ns51.domaincontrol.com", "ns52.domaincontrol.com")
SERVED = f"the zone is served by {', '.join(ASKED)}"


class Resolver:
    """Two name servers that say the same; knows which zones lead there."""

    def __init__(self, values=None, *, failure="", zones=(), wildcard=()):
        self.values, self.failure = values or {}, failure
        self.zones, self.wildcard = zones, wildcard
        self.looked_up = []

    def txt(self, name, domain):
        assert name == domain or name.endswith(f".{domain}")
        self.looked_up.append(name)
        if self.failure:
            return tuple(Answer(server, None, self.failure) for server in ASKED)
        values = self.values.get(name, self.wildcard if "._domainkey." in name else ())
        return tuple(Answer(server, values, zones=self.zones) for server in ASKED)


def examined(resolver, **known):
    expected = {"selector": "s1", "domain": DOMAIN, "public_key_der": KEY, **known}
    return examine(resolver, ExpectedRecord(**expected))


@pytest.mark.parametrize("failure", ["", "silent", "no zone"])
def test_one_look(failure):
    """
    Of a record that is right nothing else is looked up, nor if nobody answers, who says nothing of
    it.
    """
    resolver = Resolver({NAME: (VALUE,)}, failure=failure)
    seen = examined(resolver)
    assert (seen.verdict, seen.code) == ("unknown" if failure else "right", "")
    assert resolver.looked_up == [NAME]
    assert seen.name_servers == (() if failure == "no zone" else ASKED)


BELOW = f"_domainkey.{DOMAIN}"
ABOVE = {"zones": ("example.com",)}
IN_DOMAIN, IN_BELOW = {"zones": ("example.com", DOMAIN)}, {"zones": ("example.com", BELOW)}
THEIRS = {"values": {"s1._domainkey.example.com": (OTHER,)}, **ABOVE}
SPF = {"values": {NAME: ("v=spf1 -all",)}, "wildcard": ("v=spf1 ~all",)}


@cases(
    ("dns", "known", "code", "text", "zone"),
    {
        # A missing record that was put where nobody asks is told from one that is only missing.
        "others": (
            {},
            {"name_servers": ("ns2.x", "ns1.x")},
            "served-elsewhere",
            f"{SERVED}, the record was put where ns1.x, ns2.x serve it",
            DOMAIN,
        ),
        # What stands at every name stands at none, and something else does.
        "no wildcard": (SPF, {}, "another-key", "", DOMAIN),
        # The zone is the one that was found, else the one that was given, else the domain.
        "damaged": (
            *({"values": {NAME: (f'"{VALUE}"',)}, **ABOVE}, {"zone": DOMAIN}),
            *("wrong-value", "", "example.com"),
        ),
        # A record in a zone above a delegation is hidden.
        "put into _domainkey": (IN_BELOW, {"zone": BELOW}, "no-txt", "", BELOW),
        "put below": (IN_DOMAIN, {"zone": DOMAIN}, "no-txt", "", DOMAIN),
        # Another key, or another record, at a name where ours might stand is somebody else's.
        "another key above": (THEIRS, {}, "no-txt", "", "example.com"),
        "SPF above": (
            *({"values": {"example.com": ("v=spf1 exp=MIA.example.com -all",)}}, {}),
            *("no-txt", "", DOMAIN),
        ),
    },
)
def test_examine(dns, known, code, text, zone):
    """Where the name has no record, or a wrong one, what else DNS has tells why."""
    seen = examined(Resolver(**dns), **known)
    assert (seen.verdict, seen.code, seen.text, seen.zone) == ("wrong", code, text, zone)


def test_any_key_above():
    """Whoever does not know the key finds any one where ours might stand."""
    assert examined(Resolver(**THEIRS), public_key_der=None).code == "sub-domain-missing"


@cases(
    ("name", "what"),
    {name: (name, what) for name, what in misplaced("s1", DOMAIN, "example.com").items()},
)
def test_misplaced(name, what):
    """A record at another name is found, damaged too, and its name is told."""
    for text in (VALUE, f'"{VALUE}"', VALUE[:200]):
        seen = examined(Resolver({name: (text,)}, **ABOVE))
        assert (seen.code, seen.found_at) == (code_of(what), name)
        assert seen.text == f"{what} ({name})"
