"""A host with an API has its line in every table, so that a forgotten one is named before a user meets it."""

import pytest

from byodkim_provider.config._dns import _OPTIONS
from byodkim_provider.dns.panels import PANELS, of_label
from byodkim_provider.hosts.interface import HostSettings
from byodkim_provider.hosts.registry import PROVIDERS, REQUIRED, SECRETS, TTLS, credentials, open_host
from tests.docs.pages import ROOT

every_host = pytest.mark.parametrize("host", PROVIDERS)


@every_host
def test_every_table_has_it(host):
    """The secrets, the options, the required ones, and the bounds of the TTL if it has one."""
    tables = {"SECRETS": SECRETS, "REQUIRED": REQUIRED, "config/_dns.py _OPTIONS": _OPTIONS}
    missing = [name for name, table in tables.items() if host not in table]
    assert not missing, f"{host} has no line there"
    assert ("ttl" in _OPTIONS[host]) == (host in TTLS), f"{host}: `ttl` of _OPTIONS and hosts.TTLS disagree"


@every_host
def test_label(host):
    """The label begins with the name in the stack file, and tells the panel of the same name."""
    settings = HostSettings(provider=host, zone="example.com", server="192.0.2.1", key_name="k")
    label = open_host(settings, credentials(host, None, None, {})).label
    assert label == f"{host}:example.com"
    panel = PANELS.get(host)
    assert of_label(label) is panel, "set `serves_all` of its panel (dns/panels.py), or except it here"


@every_host
def test_page(host):
    """The page lists its credentials and its options: it has a row in both tables."""
    page = (ROOT / "docs" / "how-to" / "dns.md").read_text(encoding="utf-8")
    assert page.count(f"\n| `{host}` | ") == 2, "the page, By API: a row for credentials, one for options"


@pytest.mark.parametrize("label", ["godaddy", "route53:Z1", "cloudflare:0", "other:x", "nobody:x", "manual"])
def test_no_panel(label):
    """A label tells no panel without a zone, or where the name servers of a zone may be any."""
    assert of_label(label) is None
