"""
Domains at Cloudflare, GoDaddy, Wix, a cPanel and DreamHost, as docs/how-to/dns.md has them.

Against stand-ins that are as strict as the documents of the real ones.
"""

from __future__ import annotations

import pulumi
import pytest

from sandbox.clock import SandboxClock
from sandbox.hosts.cloudflare import Cloudflare
from sandbox.hosts.cpanel import CPanel
from sandbox.hosts.dreamhost import DreamHost
from sandbox.hosts.godaddy import GoDaddy
from sandbox.hosts.wix import Wix
from sandbox.mail.client import send
from tests.engine.results import published_records
from tests.engine.search import leaks
from tests.engine.stack import REGION, requests

pytestmark = pytest.mark.engine

UNTRIED = "is not yet run against the real service"


@pytest.fixture
def hosts(sandbox):
    """One zone at each host, found by the variables for stand-ins, or by the account's URL."""
    opened = {
        "CLOUDFLARE": Cloudflare("cloudflare.example", clock=SandboxClock()),
        "GODADDY": GoDaddy("godaddy.example", clock=SandboxClock()),
        "DREAMHOST": DreamHost("dreamhost.example", clock=SandboxClock()),
        "WIX": Wix("wix.example"),
        "CPANEL": CPanel("cpanel.example"),
    }
    served = [host.zones for host in opened.values()]
    for name, host in opened.items():
        host.start()
        sandbox.more_environment[f"{name}_BASE_URL"] = host.url
    sandbox.elsewhere += served
    yield opened
    for name, host in opened.items():
        host.stop()
        del sandbox.more_environment[f"{name}_BASE_URL"]
    for zones in served:
        sandbox.elsewhere.remove(zones)


def at(dns, generation=1):
    return {"generation": generation, "dns": dns, "keyBits": 2048}


def wanted(result, domain):
    return sorted((one["name"], one["value"]) for one in published_records(result, domain))


def stored(host):
    return sorted((one.name, one.value) for one in host.records)


def test_life(sandbox, hosts, open_stack):
    """
    Made, unchanged, rotated and gone at four hosts: the records follow, mail passes, neighbours
    stay.
    """
    four = {
        "cloudflare.example": "CLOUDFLARE",
        "godaddy.example": "GODADDY",
        "wix.example": "WIX",
        "cpanel.example": "CPANEL",
    }
    neighbour = "google-site-verification=" + "x" * 43
    for domain, name in four.items():
        hosts[name].put(domain, neighbour)
    credentials = {
        "cloudflare": hosts["CLOUDFLARE"].secrets,
        "godaddy": hosts["GODADDY"].secrets,
        "wix": hosts["WIX"].secrets,
        "office": hosts["CPANEL"].secrets,
    }
    dns = {
        "cloudflare.example": {
            "provider": "cloudflare",
            "zoneId": hosts["CLOUDFLARE"].zone_id,
            "ttl": 60,
        },
        "godaddy.example": "godaddy",
        "wix.example": {"provider": "wix", "ttl": 600},
        "cpanel.example": {"provider": "cpanel", "credentials": "office"},
    }
    declared = {domain: at(dns[domain]) for domain in four}
    declared["godaddy.example"]["mailFrom"] = "bounce"  # whose MX record no host gets
    stack = open_stack(declared, dnsCredentials=credentials)
    preview = stack.preview()
    for provider in ("cloudflare", "godaddy", "wix", "cpanel"):
        assert f"dns: {provider} {UNTRIED}" in preview.stdout
    assert f"bounce.godaddy.example MX 10 feedback-smtp.{REGION}.amazonses.com" in preview.stdout
    first = stack.apply()
    for domain, name in four.items():
        assert stored(hosts[name]) == sorted([*wanted(first, domain), (domain, neighbour)])
        assert send(sandbox, domain, REGION).verdict.result == "pass"

    before = {name: len(host.requests) for name, host in hosts.items()}
    with requests(sandbox) as asked:
        changes = stack.up().changes
    # SES is asked about the MX record alone, which nobody has pasted.
    assert (changes["update"], asked.operations, asked.dns) == (1, ["GetEmailIdentity"], [])
    assert before == {name: len(host.requests) for name, host in hosts.items()}

    stack.declare({domain: at(dns[domain], 2) for domain in four}, dnsCredentials=credentials)
    rotated = stack.apply()
    for domain, name in four.items():
        assert stored(hosts[name]) == sorted([*wanted(rotated, domain), (domain, neighbour)])
        assert send(sandbox, domain, REGION).verdict.result == "pass"

    hosts["GODADDY"].expires = hosts["GODADDY"].clock.now()
    kept = stack.destroy()
    assert kept.failed
    assert "401 Unauthorized : Could not authenticate API token" in kept.stdout
    assert "the token may have expired (after a year at most), lack a scope" in kept.stdout
    assert "GODADDY_PAT" in kept.stdout
    hosts["GODADDY"].expires = None
    gone = stack.destroy()
    assert gone.ok, gone.errors
    for domain, name in four.items():
        assert stored(hosts[name]) == [(domain, neighbour)]


def test_planted_token_of_the_environment(sandbox, open_stack, searched):
    """The search after each test finds a token of the environment, too, if a program shows it."""
    token = sandbox.more_environment["GODADDY_PAT"] = "gd_pat_planted_in_the_environment"
    try:
        stack = open_stack(
            program=lambda: pulumi.export("url", f"https://api.example/?key={token}")
        )
    finally:
        del sandbox.more_environment["GODADDY_PAT"]
    stack.apply()
    found = dict(leaks(sandbox, [stack], searched=searched))
    assert found["stdout of run 1"] == {"GODADDY_PAT"}
    assert any(place.endswith("/stacks/ses-byodkim/dev.json") for place in found)
