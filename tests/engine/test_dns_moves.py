"""A domain with records at two DNS providers, and on its way from one to the other."""

import pytest

from sandbox.hosts.cloudflare import Cloudflare
from tests.engine.panel import Panel
from tests.engine.results import published_records
from tests.engine.stack import requests, step_lines

pytestmark = pytest.mark.engine

DOMAIN = "moving.example"


def declared(dns):
    return {DOMAIN: {"generation": 1, "dns": dns}}


def signing_record(result):
    records = published_records(result, DOMAIN)
    return next(record for record in records if record["role"] == "signing")


@pytest.fixture
def cloudflare(sandbox):
    """A zone at Cloudflare, which the registrar does not name yet."""
    host = Cloudflare(DOMAIN)
    host.start()
    variables = {"CLOUDFLARE_BASE_URL": host.url, "CLOUDFLARE_API_TOKEN": host.token}
    sandbox.more_environment |= variables
    yield host
    host.stop()
    for name in variables:
        del sandbox.more_environment[name]


def test_from_route53_to_cloudflare(sandbox, cloudflare, open_stack):
    """Both have the records until the name servers have moved; no shorter way loses a record."""
    route53 = sandbox.add_zone(DOMAIN)
    stack = open_stack(declared("route53"))
    record = signing_record(stack.up())

    stack.declare(declared("cloudflare"))
    at_once = stack.preview()
    assert not at_once.ok
    assert (
        f"{DOMAIN} eu-west-1: dns: the record is still asked for at route53:{route53} "
        "(ns-1.sandbox.test, ns-2.sandbox.test, ns-3.sandbox.test, ns-4.sandbox.test)"
        in at_once.stdout
    )

    both = stack.apply(declared(["cloudflare", "route53"]))
    assert [line for line in step_lines(both) if line.endswith("Record")] == [
        f"create {DOMAIN}/key1/cloudflare:{DOMAIN} DnsRecord",
        f"create {DOMAIN}/key2/cloudflare:{DOMAIN} DnsRecord",
    ]

    stack.declare(declared("cloudflare"))
    too_early = stack.up()
    assert not too_early.ok
    assert (
        "list both, move the name servers, and drop the old one two days later" in too_early.stdout
    )
    assert sandbox.dns.txt(record["name"]) == (record["value"],)

    sandbox.elsewhere.append(cloudflare.zones)
    moved = stack.apply()
    assert [line for line in step_lines(moved) if line.endswith("Record")] == [
        f"delete {DOMAIN}/1 Record",
        f"delete {DOMAIN}/2 Record",
    ]
    assert sandbox.dns.txt(record["name"]) == (record["value"],)
    assert sandbox.ses.signing_key(DOMAIN, "eu-west-1")[0] == record["name"].partition(".")[0]

    with requests(sandbox) as asked:
        unchanged = stack.up()
    assert set(unchanged.changes) == {"same"}
    assert (asked.ses, asked.dns) == ([], [])


def test_zone_that_was_made_again(sandbox, open_stack):
    """
    A zone that is gone from Route 53 holds no record that could be lost: the next run publishes in
    the zone of that name that took its place.
    """
    domain = "made-again.example"
    old = Panel(sandbox, domain)
    stack = open_stack({domain: {"generation": 1}})
    stack.apply()
    for name in old.names():
        values = sandbox.dns.txt(name)
        old.paste(name, *values)  # as the panel spells it, which else finds no such record
        old.remove(name, *values)
    sandbox.route53.delete_hosted_zone(Id=old.zone_id)
    new = sandbox.add_zone(domain)
    assert new != old.zone_id
    stack.apply()
    selector, _ = sandbox.ses.signing_key(domain, "eu-west-1")
    assert len(sandbox.dns.txt(f"{selector}._domainkey.{domain}")) == 1
    with requests(sandbox) as asked:
        assert set(stack.up().changes) == {"same"}
    assert (asked.ses, asked.dns) == ([], [])
