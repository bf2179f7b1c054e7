"""Waiting for SES's verdict: how it ends at its limit, and what it costs in calls."""

import re

import pytest

from byodkim_provider.dkim import keys
from tests.engine.stack import (
    OPENSSL_KEY,
    REGION,
    VERIFICATION,
    requests,
    steps,
)

pytestmark = pytest.mark.engine


def test_limit(sandbox, switches, open_stack):
    """
    At the limit `up` says why SES has not verified the domain, and goes on without it.

    The next one looks once; with `onTimeout: fail` it fails instead.
    """
    domain = "slow.example"
    sandbox.add_zone(domain)
    # Somebody told SES too early, so its resolver remembers for 15 minutes that there is no such
    # name.
    switches.caches_no_such_name = True
    early = {
        "DomainSigningSelector": "s1",
        "DomainSigningPrivateKey": keys.load(OPENSSL_KEY).pkcs1_base64(),
    }
    sandbox.ses.call(
        "CreateEmailIdentity", REGION, {"EmailIdentity": domain, "DkimSigningAttributes": early}
    )
    sandbox.ses.catch_up()
    sandbox.ses.remove(domain, REGION)

    domains = {
        domain: {"generation": 1, "keys": {"1": {"selector": "s1", "privateKey": OPENSSL_KEY}}}
    }
    stack = open_stack(domains, verification={"timeoutMinutes": 0})
    pending = stack.up()
    assert pending.ok
    (line,) = pending.outputs["pending"]
    assert pending.outputs["verified"] == "0 of 1 domains"
    assert line.startswith(
        f"{domain} {REGION}: PENDING, SES has not found the key yet; SES last checked "
    )
    assert "(HOST_NOT_FOUND: no such name)" in line
    servers = "ns-1.sandbox.test, ns-2.sandbox.test, ns-3.sandbox.test and ns-4.sandbox.test"
    assert f"{servers} show the key; the next `pulumi up` checks again" in line
    assert re.search(rf"warning: {domain} {REGION}: PENDING after \d s: ", pending.stdout)

    with requests(sandbox) as asked:
        looked = stack.up()
    assert steps(looked) == [("update", "verification", VERIFICATION)]
    assert asked.operations == ["GetEmailIdentity"]

    stack.declare(domains, verification={"timeoutMinutes": 0, "onTimeout": "fail"})
    failed = stack.up()
    assert failed.failed
    assert re.search(
        rf"NotVerified: not verified after \d s: {domain} {REGION}: PENDING, ", failed.stdout
    )

    sandbox.clock.advance(3600)
    verified = stack.up()
    assert verified.ok
    assert (verified.outputs["pending"], verified.outputs["verified"]) == ([], "1 of 1 domains")
