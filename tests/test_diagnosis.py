"""One verdict on a record, from what its servers say and what is known of where it was put."""

import pytest

from byodkim_provider import records
from byodkim_provider.diagnosis import Wanted, examine, verdict
from byodkim_provider.panels import PANELS
from byodkim_provider.resolver import Answer

DOMAIN = "mail.example.com"
NAME = f"s1._domainkey.{DOMAIN}"


@pytest.fixture
def key(signing_keys):
    return signing_keys[0].public_key_der


@pytest.fixture
def value(key):
    return records.record_value(key)


class Resolver:
    """Two name servers that say the same; knows who serves the domain."""

    def __init__(self, values=None, servers=("ns1.example.net", "ns2.example.net"), failure=""):
        self.values = values or {}
        self.servers = servers
        self.failure = failure
        self.looked_up = []

    def txt(self, name, domain):
        assert name == domain or name.endswith(f".{domain}")
        self.looked_up.append(name)
        if self.failure:
            return tuple(Answer(server, None, self.failure) for server in self.servers)
        return tuple(Answer(server, self.values.get(name, ())) for server in self.servers)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (None, ["mail.example.com", "example.com"]),
        ("example.com", ["example.com"]),
        ("_domainkey.mail.example.com", ["_domainkey.mail.example.com"]),
    ],
    ids=["not known", "known", "delegated"],
)
def test_zones(zone, expected):
    """A zone that nobody named is the domain, or one above it."""
    assert expected == list(Wanted(selector="s1", domain=DOMAIN, zone=zone).zones())


def test_right_costs_one_look(key, value):
    """Of a record that is right nothing else is looked up."""
    resolver = Resolver({NAME: (value,)})
    seen = examine(resolver, Wanted(selector="s1", domain=DOMAIN, public_key_der=key))
    assert ("right", "", [NAME]) == (seen.verdict, seen.code, resolver.looked_up)
    assert seen.name_servers == ("ns1.example.net", "ns2.example.net")


@pytest.mark.parametrize("failure", ["silent", "SERVFAIL", "no zone", "no resolver"])
def test_no_answer(key, failure):
    """If nobody answers, nothing is said of the record, and nobody is asked for other names."""
    resolver = Resolver(failure=failure)
    seen = examine(resolver, Wanted(selector="s1", domain=DOMAIN, public_key_der=key))
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
    assert "literal-quotes" == seen.code


def test_alias_that_leads_to_the_key(key, value):
    """A CNAME is no mistake if the key is at its end."""
    answers = [Answer("ns9", (value,), alias="key.example.org", target="key.example.org")]
    assert verdict(answers, key).verdict == "right"


ASKED = ("ns51.domaincontrol.com", "ns52.domaincontrol.com")
SERVED = f"the zone is served by {', '.join(ASKED)}"
PLACES = {
    "nothing known": ({}, "no-txt", None),
    "its panel": ({"panel": PANELS["godaddy"]}, "no-txt", None),
    "another panel": ({"panel": PANELS["wix"]}, "wrong-panel", f"{SERVED}, not by Wix"),
    "a panel without known servers": ({"panel": PANELS["other"]}, "no-txt", None),
    "its servers": ({"name_servers": (*ASKED, "ns1.example.net")}, "no-txt", None),
    "other servers": (
        {"name_servers": ("ns-2.example.net", "ns-1.example.net"), "panel": PANELS["godaddy"]},
        "wrong-panel",
        f"{SERVED}, the record was put where ns-1.example.net, ns-2.example.net serve it",
    ),
    "not delegated": (
        {"name_servers": ("ns-1.example.net",), "delegated": True},
        "not-delegated",
        "'_domainkey.mail.example.com' is not delegated to ns-1.example.net yet",
    ),
}


@pytest.mark.parametrize(("known", "code", "text"), PLACES.values(), ids=PLACES)
def test_where_it_was_put(key, known, code, text):
    """A missing record that was put where nobody asks is told from one that is only missing."""
    wanted = Wanted(selector="s1", domain=DOMAIN, public_key_der=key, **known)
    seen = examine(Resolver(servers=ASKED), wanted)
    missing = f"{ASKED[0]} and {ASKED[1]} have no TXT record"
    assert ("wrong", code, text or missing) == (seen.verdict, seen.code, seen.text)


def test_misplaced_goes_first(key, value):
    """A record that is found at a wrong name was put into the right zone."""
    resolver = Resolver({f"{NAME}.example.com": (value,)}, servers=ASKED)
    seen = examine(resolver, Wanted(selector="s1", domain=DOMAIN, public_key_der=key, panel=PANELS["wix"]))
    assert ("zone-doubled", "example.com") == (seen.code, seen.zone)
    assert seen.text == f"the panel added the zone twice ({NAME}.example.com)"


def test_panel_behind_a_cname(key):
    """The servers of a CNAME's target are not those of the zone where it has to be deleted."""

    class WithAlias(Resolver):
        def txt(self, name, domain):
            if name == NAME:
                return (Answer("ns-1.awsdns-01.com", (), alias="key.example.org", target="key.example.org"),)
            return super().txt(name, domain)

    seen = examine(WithAlias(servers=ASKED), Wanted(selector="s1", domain=DOMAIN, public_key_der=key))
    assert ("cname", ASKED) == (seen.code, seen.name_servers)
    assert seen.text == "a CNAME to key.example.org stands at the name of the record"
