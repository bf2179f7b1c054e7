"""If this fails, SES is told of a key before its record is in DNS."""

import pytest

from byodkim_provider.dkim import keys
from tests.engine.results import record_value
from tests.engine.stack import OPENSSL_KEY, OTHER_OPENSSL_KEY, REGION, lines, requests, step_lines

pytestmark = pytest.mark.engine


def test_new_domains_wait_for_their_records(sandbox, open_stack):
    """
    Without the right record the identity is stored as waiting and SES hears nothing of it.

    Nobody has to paste what the stack publishes, and the next `up` goes on once it is there.
    """
    sandbox.add_zone("waiting.example")
    missing, wrong = "missing.waiting.example", "wrong.waiting.example"
    private_keys = {missing: OPENSSL_KEY, wrong: OTHER_OPENSSL_KEY}
    stack = open_stack(
        {
            domain: {"generation": 1, "keys": {"1": {"selector": "s1", "privateKey": private_key}}}
            for domain, private_key in private_keys.items()
        }
    )
    sandbox.dns.override(f"s1._domainkey.{missing}", ())
    sandbox.dns.override(f"s1._domainkey.{wrong}", (record_value(OPENSSL_KEY),))
    with requests(sandbox) as asked:
        waiting = stack.apply()
    assert asked.operations == ["ListEmailIdentities"]  # whether it has one of them already
    for domain, private_key in private_keys.items():
        assert waiting.outputs["domains"][domain]["regions"][REGION]["status"] == "AWAITING_DNS"
        assert (
            f"{domain} {REGION}: waiting for DNS, the key is not sent to SES yet: 0 of 4 "
            "servers show the key"
        ) in waiting.stdout
        assert record_value(private_key) not in waiting.stdout, (
            "the stack writes the record, nobody pastes it"
        )
    assert waiting.stdout.count("nothing has to be pasted, the stack made the record at ") == 2
    assert waiting.stdout.count("and goes on once DNS shows it") == 2

    # Right at last, and one server that doesn't answer does not count.
    sandbox.dns.override(f"s1._domainkey.{missing}", None)
    sandbox.dns.override(f"s1._domainkey.{wrong}", None)
    sandbox.dns.silence("127.0.0.2")
    try:
        verified = stack.up()
    finally:
        sandbox.dns.silence()
    assert step_lines(verified) == lines(f"""
        update {missing}/{REGION} ByodkimIdentity
        update {wrong}/{REGION} ByodkimIdentity
        update verification DkimVerification
    """)
    for domain, private_key in private_keys.items():
        assert verified.outputs["domains"][domain]["regions"][REGION]["status"] == "SUCCESS"
        assert sandbox.ses.signing_key(domain, REGION) == ("s1", keys.load(private_key).pkcs1_der)
