"""If this fails, a record that is wrong counts as right, or its mistake gets the wrong name."""

import re
from functools import partial

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import code_of, misplaced
from byodkim_provider.dns.diagnosis import ExpectedRecord, examine
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.dns.visibility import judge
from byodkim_provider.hosts.registry import PANELS
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


def at(server, *values, **to):
    """What a server says that answers."""
    return Answer(server, values, **to)


def behind(server, *values, failure=""):
    """The same of the target of a CNAME, or why it says nothing."""
    return Answer(server, None if failure else values, failure, alias=TARGET, target=TARGET)


SILENT, NO_ZONE = Answer("ns2", None, "silent"), f"the zone of {TARGET} does not exist"
TWO_KEYS = [at("ns1", VALUE), at("ns2", OTHER)]


@cases(
    ("answers", "expected", "text"),
    {
        # The record is right if every server that answers shows it, and missing if none does.
        "one is silent": ([at("ns1", VALUE), SILENT], "right", "ns1: the key, ns2: silent"),
        "old record at one": (
            TWO_KEYS,
            "servers-differ",
            "ns1: the key, ns2: another key .*",
        ),
        "mistake at one": (
            [at("ns1"), at("ns2", f'"{VALUE}"')],
            "wrong-value",
            ".*: a value that is not this key .*",
        ),
        # A CNAME is no mistake if the key is at its end, and no verdict if nobody can be asked
        # there.
        "CNAME to the key": ([behind("ns9", VALUE)], "right", ""),
        "CNAME to another": ([behind("ns9", OTHER)], "cname", AT_NAME),
        "CNAME to who is silent": (
            [behind("ns8", failure="silent")],
            "unknown",
            rf".* \(CNAME to {TARGET}\)",
        ),
        "CNAME to no zone": ([behind("@", failure="no zone")], "cname", f"{AT_NAME}: {NO_ZONE}"),
        "CNAME, and one shows it": ([behind("ns8", VALUE), behind("ns9")], "servers-differ", ""),
        # A private key in DNS is named, whatever else is wrong or right.
        "private key, another right": ([at("ns1", VALUE), at("ns2", PRIVATE)], "private-key", ""),
    },
)
def test_verdict(answers, expected, text):
    """Each way in which servers may answer has its verdict, and the code of what is wrong."""
    seen = judge(answers, KEY)
    assert (seen.code or seen.verdict, seen.verdict == "wrong") == (expected, bool(seen.code))
    assert re.fullmatch(text or ".*", seen.said)
    assert seen.notes == ()


class Resolver:
    """
    Two name servers that say the same; knows who serves the domain, and which zones lead there.
    """

    def __init__(
        self, values=None, servers=("ns1.example.net", "ns2.example.net"), failure="", **more
    ):
        self.values, self.servers, self.failure = values or {}, servers, failure
        self.zones, self.wildcard = more.get("zones", ()), more.get("wildcard", ())
        self.looked_up = []

    def txt(self, name, domain):
        assert name == domain or name.endswith(f".{domain}")
        self.looked_up.append(name)
        if self.failure:
            return tuple(Answer(server, None, self.failure) for server in self.servers)
        values = self.values.get(name, self.wildcard if "._domainkey." in name else ())
        return tuple(Answer(server, values, zones=self.zones) for server in self.servers)


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
    assert seen.name_servers == (() if failure == "no zone" else resolver.servers)


ASKED = ("ns51.domaincontrol.com", "ns52.domaincontrol.com")
SERVED = f"the zone is served by {', '.join(ASKED)}"
SIGNED_ABOVE, TWICE, BELOW = (
    "s1._domainkey.example.com",
    f"{NAME}.example.com",
    f"_domainkey.{DOMAIN}",
)
ABOVE = ("example.com",)
IS_HIDDEN = "a record in 'example.com' is hidden"
HIDDEN = f"'example.com' delegates '{{}}' to ns1.example.net, ns2.example.net: {IS_HIDDEN}"


def row(code, text=None, notes=None, *, found_at=None, in_zone=None, **given):
    """
    What is *given* to `Resolver` and `ExpectedRecord`, and what is seen, if the case is about it.
    """
    dns = {
        name: given.pop(name)
        for name in ("values", "servers", "zones", "wildcard")
        if name in given
    }
    seen = {"code": code, "text": text, "notes": notes, "found_at": found_at, "zone": in_zone}
    return dns, given, {name: value for name, value in seen.items() if value is not None}


missing, elsewhere = partial(row, "no-txt"), partial(row, "served-elsewhere")
GODADDY, WIX, THEIR_SERVERS = PANELS["godaddy"], PANELS["wix"], ("ns2.x", "ns1.x")
PUT_ELSEWHERE = f"{SERVED}, the record was put where ns1.x, ns2.x serve it"
DOUBLED, QUOTED, THEIRS = {TWICE: (VALUE,)}, {NAME: (f'"{VALUE}"',)}, {SIGNED_ABOVE: (OTHER,)}
IN_DOMAIN, IN_BELOW = (*ABOVE, DOMAIN), (*ABOVE, BELOW)


@cases(
    ("dns", "known", "expected"),
    {
        # A missing record that was put where nobody asks is told from one that is only missing.
        "its panel": missing(servers=ASKED, panel=GODADDY),
        "another panel": elsewhere(text=f"{SERVED}, not by Wix", servers=ASKED, panel=WIX),
        "its servers": missing(servers=ASKED, name_servers=(*ASKED, "ns1.example.net")),
        "others": elsewhere(
            text=PUT_ELSEWHERE, servers=ASKED, name_servers=THEIR_SERVERS, panel=GODADDY
        ),
        # A record that is found at a wrong name was put into the right zone.
        "misplaced goes first": row(
            *("wrong-name", f"the panel added the zone twice ({TWICE})"),
            in_zone="example.com",
            values=DOUBLED,
            servers=ASKED,
            panel=WIX,
        ),
        "private key": row(
            "private-key", found_at=TWICE, values={TWICE: (f"p={PRIVATE}",)}, zones=ABOVE
        ),
        # What stands at every name stands at none.
        "wildcard": row("no-txt", "a wildcard answers for the name", wildcard=("v=spf1 -all",)),
        "no wildcard": row(
            "another-key", values={NAME: ("v=spf1 -all",)}, wildcard=("v=spf1 ~all",)
        ),
        # The zone is the one that was found, else the one that was given, else the domain.
        "damaged": row(
            "wrong-value", in_zone="example.com", values=QUOTED, zones=ABOVE, zone=DOMAIN
        ),
        "zone not seen": missing(in_zone=DOMAIN),
        # A record in a zone above a delegation is hidden.
        "_domainkey is delegated": elsewhere(text=HIDDEN.format(BELOW), notes=(), zones=IN_BELOW),
        "put into _domainkey": missing(notes=(), zones=IN_BELOW, zone=BELOW),
        "put above": elsewhere(
            *(HIDDEN.format(DOMAIN), ()), in_zone=DOMAIN, zones=IN_DOMAIN, zone="example.com"
        ),
        "put below": missing(notes=(), zones=IN_DOMAIN, zone=DOMAIN),
        # Another key, or another record, at a name where ours might stand is somebody else's.
        "another key above": missing(values=THEIRS, zones=ABOVE),
        "any key above": row("sub-domain-missing", values=THEIRS, zones=ABOVE, public_key_der=None),
        "SPF above": missing(values={"example.com": ("v=spf1 exp=MIA.example.com -all",)}),
    },
)
def test_examine(dns, known, expected):
    """Where the name has no record, or a wrong one, what else DNS has tells why."""
    seen = examined(Resolver(**dns), **known)
    assert {name: getattr(seen, name) for name in expected} == expected
    assert seen.verdict == "wrong"


@cases(
    ("name", "what"),
    {name: (name, one) for name, one in misplaced("s1", DOMAIN, "example.com").items()},
)
def test_misplaced(name, what):
    """A record at another name is found, damaged too, and its name is told."""
    for text in (VALUE, f'"{VALUE}"', VALUE[:200]):
        seen = examined(Resolver({name: (text,)}, zones=ABOVE))
        assert (seen.code, seen.found_at) == (code_of(what), name)
        assert seen.text == f"{what} ({name})"
