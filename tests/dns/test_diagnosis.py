"""One verdict on a record, from what its servers say and what is known of where it was put."""

from dataclasses import replace

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


@pytest.fixture
def key(signing_keys):
    return signing_keys[0].public_key_der


@pytest.fixture
def value(key):
    return records.record_value(key)


def wanted(key, **known):
    return ExpectedRecord(**{"selector": "s1", "domain": DOMAIN, "public_key_der": key, **known})


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


def test_right_costs_one_look(key, value):
    """Of a record that is right nothing else is looked up."""
    resolver = Resolver({NAME: (value,)})
    seen = examine(resolver, wanted(key))
    assert ("right", "", [NAME]) == (seen.verdict, seen.code, resolver.looked_up)
    assert seen.name_servers == ("ns1.example.net", "ns2.example.net")


@pytest.mark.parametrize("failure", ["silent", "SERVFAIL", "no zone", "no resolver"])
def test_no_answer(key, failure):
    """If nobody answers, nothing is said of the record, and nobody is asked for other names."""
    resolver = Resolver(failure=failure)
    seen = examine(resolver, wanted(key))
    assert ("unknown", "", [NAME]) == (seen.verdict, seen.code, resolver.looked_up)


def test_silent_servers_do_not_count(key, value):
    """The record is right if every server that answers shows it, and missing if none does."""
    silent = Answer("ns2", None, "silent")
    assert verdict([Answer("ns1", (value,)), silent], key).verdict == "right"
    missing = verdict([Answer("ns1", ()), silent], key)
    assert ("wrong", "no-txt") == (missing.verdict, missing.code)
    assert missing.text == "ns1 has no TXT record, ns2 is silent"


def test_old_record_at_one_server(key, value, signing_keys):
    """A server that still has another key is one that differs, whatever it shows."""
    other = records.record_value(signing_keys[1].public_key_der)
    seen = verdict([Answer("ns1", (value,)), Answer("ns2", (other,))], key)
    assert ("wrong", "servers-differ") == (seen.verdict, seen.code)
    assert seen.text.startswith("ns1 shows the key, ns2 answers another key")


def test_servers_differ_without_a_key(value, signing_keys):
    """Two servers with two keys differ, whichever is meant."""
    other = records.record_value(signing_keys[1].public_key_der)
    seen = verdict([Answer("ns1", (value,)), Answer("ns2", (other,))], None)
    assert "servers-differ" == seen.code


def test_mistake_at_a_server_that_has_something(key, value):
    """If one server has nothing yet, the mistake is what the other one has."""
    seen = verdict([Answer("ns1", ()), Answer("ns2", (f'"{value}"',))], key)
    assert "wrong-value" == seen.code


def test_alias_that_leads_to_the_key(key, value):
    """A CNAME is no mistake if the key is at its end."""
    answers = [Answer("ns9", (value,), alias="key.example.org", target="key.example.org")]
    assert verdict(answers, key).verdict == "right"


ASKED = ("ns51.domaincontrol.com", "ns52.domaincontrol.com")
SERVED = f"the zone is served by {', '.join(ASKED)}"
PLACES = {
    "nothing known": ({}, "no-txt", None),
    "its panel": ({"panel": PANELS["godaddy"]}, "no-txt", None),
    "another panel": ({"panel": PANELS["wix"]}, "served-elsewhere", f"{SERVED}, not by Wix"),
    "a panel without known servers": ({"panel": PANELS["other"]}, "no-txt", None),
    "its servers": ({"name_servers": (*ASKED, "ns1.example.net")}, "no-txt", None),
    "other servers": (
        {"name_servers": ("ns-2.example.net", "ns-1.example.net"), "panel": PANELS["godaddy"]},
        "served-elsewhere",
        f"{SERVED}, the record was put where ns-1.example.net, ns-2.example.net serve it",
    ),
}


@pytest.mark.parametrize(("known", "code", "text"), PLACES.values(), ids=PLACES)
def test_where_it_was_put(key, known, code, text):
    """A missing record that was put where nobody asks is told from one that is only missing."""
    record = wanted(key, **known)
    seen = examine(Resolver(servers=ASKED), record)
    missing = f"{ASKED[0]} and {ASKED[1]} have no TXT record"
    assert ("wrong", code, text or missing) == (seen.verdict, seen.code, seen.text)


def test_misplaced_goes_first(key, value):
    """A record that is found at a wrong name was put into the right zone."""
    resolver = Resolver({f"{NAME}.example.com": (value,)}, servers=ASKED)
    seen = examine(resolver, wanted(key, panel=PANELS["wix"]))
    assert ("wrong-name", "example.com") == (seen.code, seen.zone)
    assert seen.text == f"the panel added the zone twice ({NAME}.example.com)"


class WithAlias(Resolver):
    """A CNAME stands at the record's name; *behind* is what is said of its target."""

    behind: tuple[Answer, ...] = ()

    def txt(self, name, domain):
        return self.behind if name == NAME else super().txt(name, domain)


def test_panel_behind_a_cname(key):
    """The servers of a CNAME's target are not those of the zone where it has to be deleted."""
    resolver = WithAlias(servers=ASKED)
    resolver.behind = (Answer("ns-1.awsdns-01.com", (), alias=TARGET, target=TARGET, zones=("example.com",)),)
    seen = examine(resolver, wanted(key))
    assert ("cname", ASKED, "example.com") == (seen.code, seen.name_servers, seen.zone)
    assert seen.text == f"a CNAME to {TARGET} stands at the name of the record"


TARGET = "key.example.org"


def behind(server, values, failure="", target=TARGET):
    return Answer(server, values, failure, alias=target, target=target)


def test_cname_whose_target_cannot_be_asked(key):
    """Nobody knows whether a CNAME is wrong whose target's servers are silent."""
    for failure in ("silent", "SERVFAIL", "no address", "unreachable"):
        seen = verdict([behind("ns8", None, failure), behind("ns9", None, "silent")], key)
        assert ("unknown", "") == (seen.verdict, seen.code)
        assert f"(CNAME to {TARGET})" in seen.text


def test_cname_to_no_zone(key):
    """A CNAME into a zone that does not exist is wrong."""
    seen = verdict([behind("127.0.0.1", None, "no zone")], key)
    assert ("wrong", "cname") == (seen.verdict, seen.code)
    at_name = f"a CNAME to {TARGET} stands at the name of the record"
    assert seen.text == f"{at_name}: the zone of {TARGET} does not exist"


def test_servers_differ_behind_a_cname(key, value):
    """Servers of the target of which some show the key are servers that differ: the CNAME is right."""
    seen = verdict([behind("ns8", (value,)), behind("ns9", ())], key)
    assert ("wrong", "servers-differ") == (seen.verdict, seen.code)


@pytest.mark.parametrize("said", [(), None], ids=["no key", "silent"])
def test_cname_at_one_server_only(key, said):
    """A CNAME that not every server of the zone has is servers that differ."""
    seen = verdict([Answer("ns1", ()), behind("ns9", said, "" if said == () else "silent")], key)
    assert ("wrong", "servers-differ") == (seen.verdict, seen.code)


PRIVATE = testdata.key("rsa1024.pkcs8").pkcs1_base64()


@cases(
    "answers",
    {
        "alone": [Answer("ns1", (PRIVATE,))],
        "behind a CNAME": [behind("ns1", (PRIVATE,))],
        "at one server": [Answer("ns1", ()), Answer("ns2", (PRIVATE,))],
        "another shows the key": [Answer("ns1", ("right",)), Answer("ns2", (PRIVATE,))],
        "beside the key": [Answer("ns1", ("right",)), Answer("ns2", ("right", PRIVATE))],
    },
)
def test_private_key_comes_before_all_else(key, value, answers):
    """A private key in DNS is named, whatever else is wrong or right."""
    answers = [
        replace(one, values=tuple(value if text == "right" else text for text in one.values))
        for one in answers
    ]
    assert ("wrong", "private-key") == (verdict(answers, key).verdict, verdict(answers, key).code)


def test_private_key_at_another_name(key):
    """A private key is found where known misconfigurations put records, too."""
    resolver = Resolver({f"{NAME}.example.com": (f"p={PRIVATE}",)}, zones=("example.com",))
    seen = examine(resolver, wanted(key))
    assert ("private-key", f"{NAME}.example.com") == (seen.code, seen.found_at)
    assert seen.text.endswith(f"stands at {NAME}.example.com")


@pytest.mark.parametrize("wildcard", [("v=spf1 -all",), ("p=MIGfMA0",), ("a", "b")])
def test_wildcard(key, wildcard):
    """What stands at every name stands at none: the record is missing."""
    resolver = Resolver(wildcard=wildcard)
    seen = examine(resolver, wanted(key))
    assert ("wrong", "wildcard") == (seen.verdict, seen.code)
    assert seen.text == "a wildcard answers for the name"


def test_no_wildcard(key):
    """A record for something else at the very name is no wildcard."""
    seen = examine(
        Resolver({NAME: ("v=spf1 -all",)}, wildcard=("v=spf1 ~all",)),
        wanted(key),
    )
    assert "not-dkim" == seen.code


def test_the_zone_is_the_one_that_was_found(key, value):
    """What is typed depends on the zone that holds the name, whatever somebody took for it."""
    for zone in (None, "mail.example.com"):
        record = wanted(key, zone=zone)
        missing = examine(Resolver(zones=("example.com",)), record)
        assert ("no-txt", "example.com") == (missing.code, missing.zone)
        damaged = examine(Resolver({NAME: (f'"{value}"',)}, zones=("example.com",)), record)
        assert ("wrong-value", "example.com") == (damaged.code, damaged.zone)


def test_zone_that_is_not_seen(key):
    """Where no answer names a zone, it is the one that was given, or the domain."""
    record = wanted(key)
    assert DOMAIN == examine(Resolver(), record).zone
    assert "example.com" == examine(Resolver(), replace(record, zone="example.com")).zone


HIDDEN = (
    "'example.com' delegates '{zone}' to ns1.example.net, ns2.example.net: "
    "a record in 'example.com' is hidden"
)


@cases(
    ("known", "zones", "code", "noted"),
    {
        "_domainkey is delegated": ({}, ("example.com", f"_domainkey.{DOMAIN}"), "served-elsewhere", False),
        "put into the zone above": (
            {"zone": "example.com"},
            ("example.com", DOMAIN),
            "served-elsewhere",
            False,
        ),
        "perhaps put into the zone above": ({}, ("example.com", DOMAIN), "no-txt", True),
        "put into the zone below": ({"zone": DOMAIN}, ("example.com", DOMAIN), "no-txt", False),
        "put into _domainkey": (
            {"zone": f"_domainkey.{DOMAIN}"},
            ("example.com", f"_domainkey.{DOMAIN}"),
            "no-txt",
            False,
        ),
        "no delegation": ({}, ("example.com",), "no-txt", False),
    },
)
def test_hidden_by_delegation(key, known, zones, code, noted):
    """A record in a zone above a delegation is hidden, and that is said."""
    record = wanted(key, **known)
    seen = examine(Resolver(zones=zones), record)
    hidden = HIDDEN.format(zone=zones[-1])
    assert (code, zones[-1]) == (seen.code, seen.zone)
    assert ((hidden,) if noted else ()) == seen.notes
    assert (code == "served-elsewhere") == (seen.text == hidden)


def test_nobody_adds_records_in_a_registry(key):
    """That a registry delegates a domain hides nothing."""
    record = wanted(key, domain="example.co.uk")
    assert () == examine(Resolver(zones=("co.uk", "example.co.uk")), record).notes


def test_another_key_is_not_misplaced(key, signing_keys):
    """Another key at a name where ours might stand is somebody else's record."""
    other = records.record_value(signing_keys[1].public_key_der)
    resolver = Resolver({"s1._domainkey.example.com": (other,)}, zones=("example.com",))
    assert "no-txt" == examine(resolver, wanted(key)).code
    seen = examine(resolver, wanted(None))
    assert "sub-domain-missing" == seen.code, "without a key nobody knows"


@pytest.mark.parametrize("text", ["v=spf1 exp=MIA.example.com -all", "v=DMARC1; p=none", "o=~"])
def test_other_records_are_not_misplaced(key, text):
    """Other TXT records at those names are no keys."""
    resolver = Resolver({"_domainkey.mail.example.com": (text,), "example.com": (text,)})
    assert "no-txt" == examine(resolver, wanted(key)).code


@pytest.mark.parametrize("place", misplaced("s1", DOMAIN, "example.com"), ids=lambda place: place.name)
def test_misplaced(key, value, place):
    """A record at another name is found, damaged too, and its name is told."""
    for text in (value, f'"{value}"', value[:200]):
        resolver = Resolver({place.name: (text,)}, zones=("example.com",))
        seen = examine(resolver, wanted(key))
        assert (place.code, place.name) == (seen.code, seen.found_at)
        assert f"{place.text} ({place.name})" == seen.text


def test_testing_mode_is_noted(key, value):
    """A right record that asks verifiers not to count the signature is right, and that is said."""
    seen = verdict([Answer("ns1", (f"v=DKIM1; t=y; {value}",))], key)
    assert ("right", 1) == (seen.verdict, len(seen.notes))
    assert () == verdict([Answer("ns1", (value,))], key).notes


def test_interrupted(key):
    """An interrupted run looks for the record nowhere else."""

    class Interrupting(Resolver):
        def txt(self, name, domain):
            if self.looked_up:
                stopping.set()
                return (Answer("ns1", None, "interrupted"),)
            return super().txt(name, domain)

    assert "no-txt" == examine(Interrupting(), wanted(key)).code
