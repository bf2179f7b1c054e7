"""
A domain on a BIND of one's own: the whole life of its keys, by dynamic updates, with mail judged.
"""

import json
from contextlib import contextmanager

import dns.query
import dns.update
import dns.zone
import pytest

from sandbox.mail.client import send
from tests.engine.receivers import Receivers, paste
from tests.engine.results import published_records, selectors, verdicts
from tests.engine.stack import IDENTITY, REGION, VERIFICATION, requests, steps
from tests.engine.stack import KEY as DKIM_KEY
from tests.engine.state import days_pass
from tests.hosts import name_servers
from tests.hosts.name_servers import ADDRESS, KEY, SECRET
from tests.hosts.proxy import proxied
from tests.hosts.secondaries import Secondaries

pytestmark = pytest.mark.engine

RECORD = "pulumi-python:dynamic/byodkim:DnsRecord"
ZONE = "bind.example"
CREDENTIALS = {"rfc2136": {"secret": SECRET}}


@pytest.fixture(scope="module")
def bind(tmp_path_factory):
    with name_servers.running("BIND", tmp_path_factory.mktemp("bind"), ZONE) as server:
        yield server


@pytest.fixture(scope="module")
def secondaries(sandbox, bind):
    served = Secondaries(bind)
    sandbox.elsewhere.append(served.zones)
    yield served
    sandbox.elsewhere.remove(served.zones)


def declared(bind, domain, **settings):
    dns = {
        "provider": "rfc2136",
        "server": ADDRESS,
        "port": bind.port,
        "zone": ZONE,
        "keyName": KEY,
    }
    return {domain: {"generation": 1, "dns": dns, "keyBits": 2048, **settings}}


PLACE = f"rfc2136:{ZONE}"


def made(domain, generation):
    record = f"{domain}/key{generation}/{PLACE}"
    return [("create", f"{domain}/{generation}", DKIM_KEY), ("create", record, RECORD)]


def removed(domain, generation):
    return [("delete", name, kind) for _, name, kind in reversed(made(domain, generation))]


def kept_records(stack):
    """How many records the state has; none of them may be left unfinished."""
    deployment = json.loads(stack.export_text())["deployment"]
    assert deployment.get("pending_operations", []) == []
    return sum(each["type"] == RECORD for each in deployment["resources"])


def in_zone(bind, domain):
    """Names and values of the DKIM records of *domain*, as BIND has them."""
    zone = bind.zone
    xfr = dns.query.xfr(ADDRESS, zone, port=bind.port, relativize=False, timeout=5)
    zone = dns.zone.from_xfr(xfr, relativize=False)
    return {
        name.to_text(omit_final_dot=True): [b"".join(rdata.strings).decode() for rdata in rdataset]
        for name, rdataset in zone.iterate_rdatasets("TXT")
        if name.to_text().endswith(f"._domainkey.{domain}.")
    }


def wanted(result, domain):
    return {one["name"]: [one["value"]] for one in published_records(result, domain)}


def test_life(sandbox, bind, secondaries, open_stack):
    """
    New, unchanged, mended, forward, back, gone: the records follow, mail passes, the neighbours
    stay.
    """
    domain = f"life.{ZONE}"
    neighbours = bind.wire(ZONE)
    stack = open_stack(declared(bind, domain), dnsCredentials=CREDENTIALS)
    first = stack.apply()
    assert in_zone(bind, domain) == wanted(first, domain)
    assert len(in_zone(bind, domain)) == 2
    known = selectors(first, domain)
    assert send(sandbox, domain, REGION).verdict.result == "pass"

    serial = bind.wire_soa(ZONE)
    with requests(sandbox) as asked:
        assert set(stack.up().changes) == {"same"}
    assert (asked.ses, asked.dns, bind.wire_soa(ZONE)) == ([], [], serial)

    # A record that somebody deleted is missed by a refresh, and made again.
    standby = published_records(first, domain)[1]["name"]
    update = dns.update.UpdateMessage(ZONE)
    update.delete(f"{standby}.")
    bind.host()._exchange(update)
    assert stack.refresh().ok
    again = stack.up()
    assert [step for step in again.steps if step[2] == RECORD] == [
        ("create", f"{domain}/key2/{PLACE}", RECORD)
    ]
    assert in_zone(bind, domain) == wanted(first, domain)

    days_pass(stack, 11)
    stack.declare(declared(bind, domain, generation=2), dnsCredentials=CREDENTIALS)
    preview, forward = stack.preview(), stack.up()
    switched = [
        ("update", f"{domain}/{REGION}", IDENTITY),
        ("update", "verification", VERIFICATION),
    ]
    for run in preview, forward:
        assert run.ok, run.errors
        assert sorted(steps(run)) == sorted([*made(domain, 3), *switched])
    known |= selectors(forward, domain)
    assert in_zone(bind, domain) == wanted(forward, domain)
    assert send(sandbox, domain, REGION).verdict.result == "pass"

    back = {"generation": 1, "published": [1, 2, 3]}
    stack.declare(declared(bind, domain, **back), dnsCredentials=CREDENTIALS)
    returned = stack.up()
    assert sorted(steps(returned)) == sorted(switched)
    assert send(sandbox, domain, REGION).verdict.result == "pass"

    days_pass(stack, 11)
    left = back | {"published": [1, 2]}
    stack.declare(declared(bind, domain, **left), dnsCredentials=CREDENTIALS)
    assert steps(stack.up())[-2:] == removed(domain, 3)
    names = {f"{known[number]}._domainkey.{domain}" for number in (1, 2)}
    assert in_zone(bind, domain).keys() == names
    assert verdicts(sandbox, domain) == {(known[1], "pass"): 2, (known[2], "pass"): 1}

    assert stack.destroy().ok
    assert in_zone(bind, domain) == {}
    assert bind.wire(ZONE) == neighbours


def test_slots(sandbox, bind, secondaries, open_stack):
    """
    The domain's CNAMEs lead to BIND; a rotation replaces one value there, mail passes at every
    step.
    """
    domain = "slots.example"
    paste(sandbox, domain, ZONE)

    def declare(generation):
        settings = declared(bind, domain, generation=generation)
        settings[domain]["dns"]["cname"] = "ses"
        stack.declare(settings, dnsCredentials=CREDENTIALS)

    def slots():
        return in_zone(bind, f"{domain}.{ZONE}")

    stack = open_stack({})
    declare(2)
    first = stack.up()
    assert first.outputs["domains"][domain]["regions"][REGION]["status"] == "SUCCESS", first.stdout
    stood = slots()
    assert sorted(stood) == [f"ses{slot}._domainkey.{domain}.{ZONE}" for slot in (1, 2, 3)]
    receivers = Receivers(sandbox, domain)
    receivers.days_pass(11)
    days_pass(stack, 11)
    declare(3)
    receivers()
    up = stack.up(on_output=receivers)
    assert up.outputs["domains"][domain]["regions"][REGION]["status"] == "SUCCESS", up.stdout
    replaced = [("update", f"{domain}/ses1/{ZONE}/{PLACE}", RECORD)]
    assert [step for step in steps(up) if step[2] == RECORD] == replaced
    changed, after = f"ses1._domainkey.{domain}.{ZONE}", slots()
    assert {name for name in after if after[name] != stood[name]} == {changed}
    assert len(after[changed]) == 1
    assert receivers.failed == []
    gone = stack.destroy()
    assert gone.ok, gone.errors
    assert slots() == {}


def test_secret_changed(sandbox, bind, secondaries, open_stack):
    """
    A server's new secret reaches a run in each way of the hint: the variable, `--run-program`,
    `up`.

    The engine keeps the configuration of the last `up`, and runs without the program have that.
    """
    domain = f"changed.{ZONE}"
    old = {"rfc2136": {"secret": "YW5vdGhlciBzZWNyZXQgdGhhdCBvcGVucyBub3RoaW5n"}}
    stack = open_stack(declared(bind, domain), dnsCredentials=CREDENTIALS)
    first = stack.apply()

    stack.declare(declared(bind, domain), dnsCredentials=old)
    assert set(stack.up().changes) == {"same"}
    stack.declare(declared(bind, domain), dnsCredentials=CREDENTIALS)
    with_the_old = stack.refresh()
    assert with_the_old.failed
    assert f"the TSIG key '{KEY}', has another secret for it, or " in with_the_old.stdout
    assert (
        "set the secret by the environment variable RFC2136_TSIG_SECRET, which wins, or by "
        "`pulumi config set --secret --path 'dnsCredentials.rfc2136.secret'`, and run the same "
        "command again; `pulumi refresh` and `pulumi destroy` read the configuration with "
        "`--run-program` only: without it, and without the variable, they use the secret of "
        "the last `pulumi up`"
    ) in with_the_old.stdout
    with variable(stack, RFC2136_TSIG_SECRET=SECRET):
        assert stack.refresh().ok
    assert stack.refresh(run_program=True).ok

    with variable(stack, RFC2136_TSIG_SECRET=old["rfc2136"]["secret"]):
        kept = stack.destroy(run_program=True)
    assert kept.failed
    assert (
        "set the secret by the environment variable RFC2136_TSIG_SECRET, which wins" in kept.stdout
    )
    assert in_zone(bind, domain) == wanted(first, domain)
    stack.apply()  # makes again what `destroy` has removed from SES
    assert stack.destroy().ok
    assert in_zone(bind, domain) == {}


@contextmanager
def variable(stack, **variables):
    """Environment variables of the stack's runs."""
    stack._environment.update(variables)
    yield
    for name in variables:
        del stack._environment[name]


def test_away_for_a_while(sandbox, bind, secondaries, open_stack):
    """
    A server that is away is waited for; after Ctrl-C the state has the records, the next run goes
    on.
    """
    domain = f"away.{ZONE}"
    with proxied(bind.port) as proxy:
        there, away = bind.port, name_servers.free_port()
        stack = open_stack(declared(proxy, domain), dnsCredentials=CREDENTIALS)

        def comes_back(line):
            if "no answer from" in line:
                proxy.target = there

        proxy.target = away
        first = stack.apply(on_output=comes_back)
        assert f"no answer from {ADDRESS} port {proxy.port}: " in first.stdout
        assert in_zone(bind, domain) == wanted(first, domain)

        pressed = []  # once: a second Ctrl-C ends the engine at once

        def interrupts(line):
            if "no answer from" in line and not pressed:
                pressed.append(line)
                stack.interrupt()

        proxy.target = away
        kept = stack.destroy(on_output=interrupts)
        assert kept.failed
        assert in_zone(bind, domain) == wanted(first, domain)
        assert kept_records(stack) == 2

        proxy.target = there
        assert stack.destroy().ok
        assert in_zone(bind, domain) == {}
