"""If this fails, people type a record in the wrong form into the panel of their DNS provider."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from byodkim_provider.dkim import records
from byodkim_provider.dns import panels
from byodkim_provider.hosts.registry import PANELS, recognise
from tests.support.cases import cases

VALUE = f"p=MIIB{'A' * 388}"
NAME, ZONE = "s1._domainkey.mail.example.com", "example.com"

every_panel = pytest.mark.parametrize("name", PANELS)


def typed(text: str) -> dict[str, str]:
    """Fields of the instructions, by label."""
    return dict(re.findall(r"^  ([A-Z][^:\n]*): +(.*)$", text, re.MULTILINE))


def instructions(panel: str, **given) -> str:
    given = {"name": NAME, "value": VALUE, "zone": ZONE, **given}
    return panels.instructions(PANELS[panel], **given)


TARGET = f"{NAME}.keys.example.net"


def test_whole_cname():
    """What to look out for comes last: a proxy, and a zone that the panel adds to the target."""
    assert instructions("cloudflare", value=TARGET, kind="CNAME") == (
        "Cloudflare: example.com › DNS › Records › Add record\n"
        "  Type:   CNAME\n"
        "  Name:   s1._domainkey.mail\n"
        f"  Target: {TARGET}\n"
        "  TTL:    Auto\n"
        "  - Name: without the zone at its end, the panel adds that itself\n"
        "  - Target: the whole name; if it is saved as '….example.net.example.com', type a "
        "dot behind it\n"
        "  - the full name is understood too\n"
        "  - Proxy status: DNS only (grey cloud): a proxied CNAME shows no key"
    )


@pytest.mark.parametrize("zone", ["example.org", "ample.com"])
def test_name_outside_the_zone(zone):
    """A record that is not in the panel's zone can't be typed there."""
    with pytest.raises(ValueError, match=rf"^'{NAME}' is not in the zone '{zone}'$"):
        instructions("godaddy", zone=zone)


def test_name_of_the_zone():
    """A record whose name is delegated stands at the top of that zone, which panels call `@`."""
    assert "Name:  @\n" in instructions("godaddy", zone=NAME)


def test_name_too_long():
    """What a panel won't take is said before anybody types it; in a zone of its own it fits."""
    zone = f"{'a' * 47}.{ZONE}"
    name = f"s1._domainkey.{zone}"
    said = "  - the name has 61 characters, at most 60 fit: take a shorter selector, `cname` or "
    assert said in instructions("namecheap", name=name)
    for fits in ({"name": name.replace("s1", "s")}, {"name": name, "zone": zone}):
        assert "at most" not in instructions("namecheap", **fits)


NAME_SERVERS = yaml.safe_load("""
route53: [ns-2048.awsdns-64.com, ns-1.awsdns-00.co.uk]
godaddy: [ns51.domaincontrol.com, ns52.domaincontrol.com]
dreamhost: [ns1.dreamhost.com, ns2.dreamhost.com]
cloudflare: [ada.ns.cloudflare.com, bob.ns.cloudflare.com]
hostgator: [hgns1.hostgator.com, ns8001.hostgator.com, ns1234.websitewelcome.com]
namecheap: [dns1.registrar-servers.com, dns2.registrar-servers.com]
namescouk: [ns0.phase8.net, ns2.phase8.net]
wix: [ns0.wixdns.net, ns9.wixdns.net]
""")


@every_panel
def test_recognise(name):
    """
    A provider is known by any of its name servers; no panel but the one for all others is without.
    """
    assert {*NAME_SERVERS, "other"} == PANELS.keys(), (
        "add examples of its name servers to NAME_SERVERS"
    )
    servers = NAME_SERVERS.get(name, [])
    assert recognise(servers) is (PANELS[name] if servers else None)
    assert bool(PANELS[name].name_servers) == bool(servers)
    for server in servers:
        assert recognise([server, "ns1.example.net"]) is PANELS[name]
        assert panels.serves(PANELS[name], [server])


@cases(
    "name_servers",
    {
        "unknown": ["ns1.example.net"],
        "only alike": [
            "ns1.dreamhost.com.example.net",
            "www.dreamhost.com",
            "evil-domaincontrol.com",
        ],
        "of two providers": ["ns51.domaincontrol.com", "ada.ns.cloudflare.com"],
    },
)
def test_not_recognised(name_servers):
    """Other name servers, and those of two providers at once, tell of no panel."""
    assert recognise(name_servers) is None


values = st.text(st.sampled_from("ABCZaz019+/="), min_size=1, max_size=900).map("p={}".format)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@given(st.sampled_from(sorted(PANELS)), labels, labels, values)
def test_what_is_typed_is_the_record(name, selector, sub_domain, value):
    """Name and value can be read back from what is typed, whatever the panel's form."""
    panel = PANELS[name]
    record_name = f"{selector}._domainkey.{sub_domain}.{ZONE}"
    fields = typed(instructions(name, name=record_name, value=value))
    name_typed, value_typed = fields[panel.name_field], fields[panel.value_field]
    full = name_typed.removesuffix(".") if name_typed.endswith(".") else f"{name_typed}.{ZONE}"
    assert record_name == full
    if panel.value_form == "quoted strings":
        assert value_typed.startswith('"')
        assert all(len(string) <= 255 for string in re.findall('"([^"]*)"', value_typed))
        value_typed = records.unquoted(value_typed)
    assert value == value_typed
