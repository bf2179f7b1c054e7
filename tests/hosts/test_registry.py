"""If this fails, a part of a new host was forgotten, and a user meets it first."""

import subprocess
import sys

import pytest

from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.hosts.interface import HostSettings
from byodkim_provider.hosts.registry import SPECS, credentials, open_host
from byodkim_provider.hosts.zones import Zone

every_host = pytest.mark.parametrize("host", SPECS)


@every_host
def test_opens(host):
    """A host is made from its name; its label tells the zone, and the panel of the same name."""
    settings = HostSettings(provider=host, zone="example.com", server="192.0.2.1", key_name="k")
    label = open_host(settings, credentials(host, None, None, {})).label
    assert label == f"{host}:example.com"
    zone = Zone(provider=host, name="example.com")
    assert (zone.label, zone.host_panel) == (label, SPECS[host].panels.get(host))


@pytest.mark.parametrize("written", ["[" * 60000, "token", "[]", None])
def test_no_credentials(written):
    """What is no map, or the JSON of one, has no credentials in it."""
    assert credentials("godaddy", None, written, {}).missing() == [*SPECS["godaddy"].secrets]


@every_host
def test_options(host):
    """
    Every option of a host is one of `DnsSettings` and one of `HostSettings`; so is what is
    required.
    """
    spec = SPECS[host]
    assert spec.all_options <= DnsSettings.model_fields.keys()
    assert {*spec.options} <= set(HostSettings.__dataclass_fields__)
    assert {*spec.required} <= {*spec.options}


def test_imports():
    """Settings are checked without an HTTP client, a DNS library or Pulumi."""
    code = "import sys, byodkim_provider.config.settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"urllib3", "dns", "pulumi"} & {*done.stdout.split()} == set()
