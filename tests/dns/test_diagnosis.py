"""One verdict on a record, from what its servers say and what is known of where it was put."""

import pytest

from byodkim_provider.dkim import records
from byodkim_provider.dkim.misconfigurations import misplaced
from byodkim_provider.dns.diagnosis import ExpectedRecord, examine, verdict
from byodkim_provider.dns.resolver import Answer
from byodkim_provider.hosts.registry import PANELS
from byodkim_provider.progress import stopping
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


SILENT = Answer("ns2", None, "silent")


@cases(
    ("answers", "expected", "text"),
    {
        # The record is right if every server that answers shows it, and missing if none does.
        "one is silent": ([at("ns1", VALUE), SILENT], "right", "ns1 shows the key, ns2 is silent"),
        "none has it": ([at("ns1"), SILENT], "no-txt", "ns1 has no TXT record, ns2 is silent"),
        "old record at one": (
            *([at("ns1", VALUE), at("ns2", OTHER)], "servers-differ"),
            "ns1 shows the key, ns2 answers another key",
        ),
        "mistake at one": ([at("ns1"), at("ns2", f'"{VALUE}"')], "wrong-value", "a value with quotes"),
        "testing mode": ([at("ns1", f"v=DKIM1; t=y; {VALUE}")], "right, and a note", ""),
        # A CNAME is no mistake if the key is at its end, and no verdict if nobody can be asked there.
        "CNAME to the key": ([behind("ns9", VALUE)], "right", ""),
        "CNAME to another": ([behind("ns9", OTHER)], "cname", AT_NAME),
        **{
            f"CNAME to who is {why}": (
                *([behind("ns8", failure=why), behind("ns9", failure="silent")], "unknown"),
                f"(CNAME to {TARGET})",
            )
            for why in ("silent", "SERVFAIL", "no address", "unreachable")
        },
        "CNAME to no zone": (
            *([behind("127.0.0.1", failure="no zone")], "cname"),
            f"{AT_NAME}: the zone of {TARGET} does not exist",
        ),
        "CNAME, and one shows it": ([behind("ns8", VALUE), behind("ns9")], "servers-differ", ""),
        "CNAME at one": ([at("ns1"), behind("ns9")], "servers-differ", ""),
        "CNAME at one, silent": ([at("ns1"), behind("ns9", failure="silent")], "servers-differ", ""),
        # A private key in DNS is named, whatever else is wrong or right.
        "private key": ([at("ns1", PRIVATE)], "private-key", ""),
        "private key behind a CNAME": ([behind("ns1", PRIVATE)], "private-key", ""),
        "private key at one": ([at("ns1"), at("ns2", PRIVATE)], "private-key", ""),
        "private key, another right": ([at("ns1", VALUE), at("ns2", PRIVATE)], "private-key", ""),
        "private key beside ours": ([at("ns1", VALUE), at("ns2", VALUE, PRIVATE)], "private-key", ""),
    },
)
def test_verdict(answers, expected, text):
    """Each way in which servers may answer has its verdict, and the code of what is wrong."""
    seen = verdict(answers, KEY)
    said = seen.code or f"{seen.verdict}{', and a note' * len(seen.notes)}"
    assert (said, seen.verdict == "wrong") == (expected, bool(seen.code))
    assert text in seen.text


def test_servers_differ_without_a_key():
    """Two servers with two keys differ, whichever is meant."""
    assert verdict([at("ns1", VALUE), at("ns2", OTHER)], None).code == "servers-differ"


class Resolver:
    """Two name servers that say the same; knows who serves the domain, and which zones lead there."""

    def __init__(
        self, values=None, servers=("ns1.example.net", "ns2.example.net"), failure="", zones=(), wildcard=()
    ):
        self.values = values or {}
        self.servers = servers
        self.failure = failure
        self.zones = zones
        self.wildcard = wildcard
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


@pytest.mark.parametrize("failure", ["", "silent", "SERVFAIL", "no zone", "no resolver"])
def test_one_look(failure):
    """Of a record that is right nothing else is looked up, nor if nobody answers, who says nothing of it."""
    resolver = Resolver({NAME: (VALUE,)}, failure=failure)
    seen = examined(resolver)
    assert (seen.verdict, seen.code) == ("unknown" if failure else "right", "")
    assert resolver.looked_up == [NAME]
    assert seen.name_servers == (() if failure == "no zone" else resolver.servers)


ASKED = ("ns51.domaincontrol.com", "ns52.domaincontrol.com")
SERVED = f"the zone is served by {', '.join(ASKED)}"
THEIRS = ("ns-2.example.net", "ns-1.example.net")
IN_ZONE, BELOW = {"zones": ("example.com",)}, {"zones": ("example.com", DOMAIN)}
SIGNED_ABOVE, TWICE = "s1._domainkey.example.com", f"{NAME}.example.com"
DELEGATED = {"zones": ("example.com", f"_domainkey.{DOMAIN}")}
HIDDEN = (
    "'example.com' delegates '{}' to ns1.example.net, ns2.example.net: a record in 'example.com' is hidden"
)


@cases(
    ("dns", "known", "expected"),
    {
        # A missing record that was put where nobody asks is told from one that is only missing.
        "nothing known": (
            *({"servers": ASKED}, {}),
            {"code": "no-txt", "text": f"{ASKED[0]} and {ASKED[1]} have no TXT record"},
        ),
        "its panel": ({"servers": ASKED}, {"panel": PANELS["godaddy"]}, {"code": "no-txt"}),
        "another panel": (
            *({"servers": ASKED}, {"panel": PANELS["wix"]}),
            {"code": "served-elsewhere", "text": f"{SERVED}, not by Wix"},
        ),
        "a panel without known servers": ({"servers": ASKED}, {"panel": PANELS["other"]}, {"code": "no-txt"}),
        "its servers": (
            {"servers": ASKED},
            {"name_servers": (*ASKED, "ns1.example.net")},
            {"code": "no-txt"},
        ),
        "other servers": (
            *({"servers": ASKED}, {"name_servers": THEIRS, "panel": PANELS["godaddy"]}),
            {
                "code": "served-elsewhere",
                "text": f"{SERVED}, the record was put where {THEIRS[1]}, {THEIRS[0]} serve it",
            },
        ),
        # A record that is found at a wrong name was put into the right zone.
        "misplaced goes first": (
            *({"values": {TWICE: (VALUE,)}, "servers": ASKED}, {"panel": PANELS["wix"]}),
            {
                "code": "wrong-name",
                "zone": "example.com",
                "text": f"the panel added the zone twice ({TWICE})",
            },
        ),
        "private key at another name": (
            *({"values": {TWICE: (f"p={PRIVATE}",)}, **IN_ZONE}, {}),
            {"code": "private-key", "found_at": TWICE},
        ),
        # What stands at every name stands at none.
        **{
            f"wildcard {values}": (
                *({"wildcard": values}, {}),
                {"verdict": "wrong", "code": "wildcard", "text": "a wildcard answers for the name"},
            )
            for values in (("v=spf1 -all",), ("p=MIGfMA0",), ("a", "b"))
        },
        "no wildcard": (
            *({"values": {NAME: ("v=spf1 -all",)}, "wildcard": ("v=spf1 ~all",)}, {}),
            {"code": "not-dkim"},
        ),
        # The zone is the one that was found, else the one that was given, else the domain.
        "zone": (IN_ZONE, {}, {"code": "no-txt", "zone": "example.com"}),
        "another zone": (IN_ZONE, {"zone": DOMAIN}, {"code": "no-txt", "zone": "example.com"}),
        "zone of a damaged record": (
            *({"values": {NAME: (f'"{VALUE}"',)}, **IN_ZONE}, {"zone": DOMAIN}),
            {"code": "wrong-value", "zone": "example.com"},
        ),
        "zone not seen": ({}, {}, {"zone": DOMAIN}),
        "zone not seen, but given": ({}, {"zone": "example.com"}, {"zone": "example.com"}),
        # A record in a zone above a delegation is hidden.
        "_domainkey is delegated": (
            *(DELEGATED, {}),
            {"code": "served-elsewhere", "text": HIDDEN.format(f"_domainkey.{DOMAIN}"), "notes": ()},
        ),
        "put into _domainkey": (DELEGATED, {"zone": f"_domainkey.{DOMAIN}"}, {"code": "no-txt", "notes": ()}),
        "put above": (
            *(BELOW, {"zone": "example.com"}),
            {"code": "served-elsewhere", "text": HIDDEN.format(DOMAIN), "notes": (), "zone": DOMAIN},
        ),
        "perhaps put above": (BELOW, {}, {"code": "no-txt", "notes": (HIDDEN.format(DOMAIN),)}),
        "put below": (BELOW, {"zone": DOMAIN}, {"code": "no-txt", "notes": ()}),
        "in a registry": (
            *({"zones": ("co.uk", "example.co.uk")}, {"domain": "example.co.uk"}),
            {"notes": ()},
        ),
        # Another key, or another record, at a name where ours might stand is somebody else's.
        "another key above": ({"values": {SIGNED_ABOVE: (OTHER,)}, **IN_ZONE}, {}, {"code": "no-txt"}),
        "any key above": (
            *({"values": {SIGNED_ABOVE: (OTHER,)}, **IN_ZONE}, {"public_key_der": None}),
            {"code": "sub-domain-missing"},
        ),
        **{
            f"{text} elsewhere": (
                *({"values": {f"_domainkey.{DOMAIN}": (text,), "example.com": (text,)}}, {}),
                {"code": "no-txt"},
            )
            for text in ("v=spf1 exp=MIA.example.com -all", "v=DMARC1; p=none", "o=~")
        },
    },
)
def test_examine(dns, known, expected):
    """Where the name has no record, or a wrong one, what else DNS has tells why."""
    seen = examined(Resolver(**dns), **known)
    assert {name: getattr(seen, name) for name in expected} == expected


def test_panel_behind_a_cname():
    """The servers of a CNAME's target are not those of the zone where it has to be deleted."""

    class WithAlias(Resolver):
        def txt(self, name, domain):
            aliased = Answer("ns-1.awsdns-01.com", (), alias=TARGET, target=TARGET, zones=("example.com",))
            return (aliased,) if name == NAME else super().txt(name, domain)

    seen = examined(WithAlias(servers=ASKED))
    assert (seen.code, seen.name_servers, seen.zone) == ("cname", ASKED, "example.com")
    assert seen.text == AT_NAME


@cases(("name", "what"), {name: (name, one) for name, one in misplaced("s1", DOMAIN, "example.com").items()})
def test_misplaced(name, what):
    """A record at another name is found, damaged too, and its name is told."""
    for text in (VALUE, f'"{VALUE}"', VALUE[:200]):
        seen = examined(Resolver({name: (text,)}, **IN_ZONE))
        assert (seen.code, seen.found_at) == (what.code, name)
        assert seen.text == f"{what.text} ({name})"


def test_interrupted():
    """An interrupted run looks for the record nowhere else."""

    class Interrupting(Resolver):
        def txt(self, name, domain):
            if self.looked_up:
                stopping.set()
                return (Answer("ns1", None, "interrupted"),)
            return super().txt(name, domain)

    assert examined(Interrupting()).code == "no-txt"
