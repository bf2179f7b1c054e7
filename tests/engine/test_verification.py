"""Waiting for SES's verdict: how it ends at its limit, and what it costs in calls."""

import re
from itertools import pairwise

import pytest

from byodkim_provider.dkim import keys
from byodkim_provider.identity.verification import INTERVALS
from tests.engine.panel import Panel
from tests.engine.results import record_value
from tests.engine.stack import (
    OPENSSL_KEY,
    REGION,
    requests,
    step_lines,
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
    pending = stack.apply()
    (line,) = pending.outputs["pending"]
    assert pending.outputs["verified"] == "0 of 1 domains"
    assert line.startswith(
        f"{domain} {REGION}: PENDING, SES has not found the key yet; SES last checked "
    )
    assert "(HOST_NOT_FOUND: no such name)" in line
    assert "4 of 4 servers show the key; the next `pulumi up` checks again" in line
    assert re.search(rf"warning: {domain} {REGION}: PENDING after \d s: ", pending.stdout)

    with requests(sandbox) as asked:
        looked = stack.up()
    assert step_lines(looked) == ["update verification DkimVerification"]
    assert asked.operations == ["GetEmailIdentity"]

    stack.declare(domains, verification={"timeoutMinutes": 0, "onTimeout": "fail"})
    failed = stack.up()
    assert failed.failed
    assert re.search(f"NotVerified: not verified: {domain} {REGION}: PENDING, ", failed.stdout)

    sandbox.clock.advance(3600)
    verified = stack.apply()
    assert (verified.outputs["pending"], verified.outputs["verified"]) == ([], "1 of 1 domains")


def test_many_identities_cost_one_list_a_look(sandbox, switches, open_stack):
    """Thirty new identities are thirty writes, and then one List call for each look, and no Get."""
    zone = "thirty.example"
    domains = [f"n{number}.{zone}" for number in range(30)]
    panel = Panel(sandbox, zone)
    for domain in domains:
        panel.paste(f"s1._domainkey.{domain}", record_value(OPENSSL_KEY))

    def look_now(line):
        if "0 of 30 verified" in line:
            sandbox.clock.advance(3600)

    switches.first_check_seconds = 1800
    own = {"1": {"selector": "s1", "privateKey": OPENSSL_KEY}}
    by_hand = {"generation": 1, "keys": own, "dns": "manual"}
    stack = open_stack(dict.fromkeys(domains, by_hand))
    with requests(sandbox) as asked:
        result = stack.apply(on_output=look_now)
    assert result.outputs["pending"] == []
    # One List before the first Create: does SES have one of them already?
    assert asked.operations[:31] == ["ListEmailIdentities", *["CreateEmailIdentity"] * 30]
    assert set(asked.operations[31:]) == {"ListEmailIdentities"}
    looks = asked.ses[31:]
    assert len(looks) >= 2
    assert all(
        (after.at - before.at).total_seconds() > INTERVALS[0] / 2
        for before, after in pairwise(looks)
    )
