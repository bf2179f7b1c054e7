"""
If this fails, a domain at a DNS host with an API has no record, or its neighbours go with it.

The stand-ins are as strict as the documents of the real hosts.
"""

import pulumi
import pytest

from byodkim_provider.hosts.registry import SPECS
from sandbox.mail.client import send
from tests.engine.results import published_records
from tests.engine.search import leaks
from tests.engine.stack import REGION, requests
from tests.hosts.backends import HTTP

pytestmark = pytest.mark.engine

UNTRIED = "is not yet run against the real service"


@pytest.fixture
def hosts(sandbox):
    """
    One zone at each host whose records show at once, by the zone's name. They are found by the
    variables for stand-ins, or by the account's URL.
    """
    opened = {
        f"{provider}.example": stand_in(f"{provider}.example")
        for provider, stand_in in HTTP.items()
        if not SPECS[provider].hours_to_show
    }
    served = [host.zones for host in opened.values()]
    urls = {}
    for domain, host in opened.items():
        host.start()
        urls[f"{provider_of(domain).upper()}_BASE_URL"] = host.url
    sandbox.more_environment |= urls
    sandbox.elsewhere += served
    yield opened
    for host in opened.values():
        host.stop()
    for variable in urls:
        del sandbox.more_environment[variable]
    for zones in served:
        sandbox.elsewhere.remove(zones)


def provider_of(domain):
    return domain.removesuffix(".example")


def at(dns, generation=1):
    return {"generation": generation, "dns": dns, "keyBits": 2048}


def wanted(result, domain):
    return sorted((one["name"], one["value"]) for one in published_records(result, domain))


def stored(host):
    return sorted((one.name, one.value) for one in host.records)


def test_life(sandbox, hosts, open_stack):
    """
    Made, unchanged, rotated and gone at all hosts: the records follow, mail passes, neighbours
    stay.
    """
    neighbour = "google-site-verification=" + "x" * 43
    for domain, host in hosts.items():
        host.put(domain, neighbour)
    credentials = {provider_of(domain): host.secrets for domain, host in hosts.items()}
    credentials["office"] = credentials.pop("cpanel")
    dns = {domain: provider_of(domain) for domain in hosts} | {
        "cloudflare.example": {
            "provider": "cloudflare",
            "zoneId": hosts["cloudflare.example"].zone_id,
            "ttl": 60,
        },
        "wix.example": {"provider": "wix", "ttl": 600},
        "cpanel.example": {"provider": "cpanel", "credentials": "office"},
    }
    declared = {domain: at(dns[domain]) for domain in hosts}
    declared["godaddy.example"]["mailFrom"] = "bounce"  # whose MX record no host gets
    stack = open_stack(declared, dnsCredentials=credentials)
    preview = stack.preview()
    for domain in hosts:
        assert f"dns: {provider_of(domain)} {UNTRIED}" in preview.stdout
    assert f"bounce.godaddy.example MX 10 feedback-smtp.{REGION}.amazonses.com" in preview.stdout
    first = stack.apply()
    for domain, host in hosts.items():
        assert stored(host) == sorted([*wanted(first, domain), (domain, neighbour)])
        assert send(sandbox, domain, REGION).verdict.result == "pass"

    before = [len(host.requests) for host in hosts.values()]
    with requests(sandbox) as asked:
        changes = stack.up().changes
    # SES is asked about the MX record alone, which nobody has pasted.
    assert (changes["update"], asked.operations, asked.dns) == (1, ["GetEmailIdentity"], [])
    assert before == [len(host.requests) for host in hosts.values()]

    stack.declare({domain: at(dns[domain], 2) for domain in hosts}, dnsCredentials=credentials)
    rotated = stack.apply()
    for domain, host in hosts.items():
        assert stored(host) == sorted([*wanted(rotated, domain), (domain, neighbour)])
        assert send(sandbox, domain, REGION).verdict.result == "pass"

    godaddy = hosts["godaddy.example"]
    godaddy.expires = godaddy.clock.now()
    kept = stack.destroy()
    assert kept.failed
    assert "401 Unauthorized : Could not authenticate API token" in kept.stdout
    assert "the token may have expired (after a year at most), lack a scope" in kept.stdout
    assert "GODADDY_PAT" in kept.stdout
    godaddy.expires = None
    gone = stack.destroy()
    assert gone.ok, gone.errors
    for domain, host in hosts.items():
        assert stored(host) == [(domain, neighbour)]


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
