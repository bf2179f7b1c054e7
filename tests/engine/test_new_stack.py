"""
A new stack: what it makes, that it stays as it is, and that it is mended where somebody changed it.
"""

from collections import Counter

import pytest

from byodkim_provider.dkim import keys
from tests.engine.results import published_records
from tests.engine.stack import (
    DOMAIN,
    IDENTITY,
    KEY,
    OPENSSL_KEY,
    OTHER_REGION,
    RECORD,
    REGION,
    STACK_ID,
    VERIFICATION,
    requests,
    steps,
)

pytestmark = pytest.mark.engine

SUPPLIED = "supplied.example"
GENERATED = "mail.generated.example"
"""Has no zone of its own: it is in `generated.example`."""

IDENTITIES = [(SUPPLIED, REGION), (GENERATED, REGION), (GENERATED, OTHER_REGION)]


def test_new_stack(sandbox, open_stack):
    """
    Each domain gets a key and a record for each generation, and an identity for each Region, which
    is one call. What is right costs an `up` no call, and a refresh one for each identity.
    """
    sandbox.add_zone(SUPPLIED)
    sandbox.add_zone("generated.example")
    own = {"1": {"selector": "s1", "privateKey": OPENSSL_KEY}}
    both = {"generation": 2, "regions": [REGION, OTHER_REGION], "keyBits": 2048}
    stack = open_stack({SUPPLIED: {"generation": 1, "keys": own}, GENERATED: both})
    with requests(sandbox) as asked:
        result = stack.apply()
    assert sorted(steps(result)) == sorted(
        [
            ("create", "byodkim", STACK_ID),
            ("create", SUPPLIED, DOMAIN),
            ("create", f"{SUPPLIED}/s1._domainkey", RECORD),
            ("create", f"{SUPPLIED}/{REGION}", IDENTITY),
            ("create", GENERATED, DOMAIN),
            *[("create", f"{GENERATED}/{generation}", KEY) for generation in (1, 2, 3)],
            *[("create", f"{GENERATED}/{generation}", RECORD) for generation in (1, 2, 3)],
            *[("create", f"{GENERATED}/{region}", IDENTITY) for region in (REGION, OTHER_REGION)],
            ("create", "verification", VERIFICATION),
        ]
    )
    *made, by_list, by_get = asked.operations
    assert Counter(made) == {"CreateEmailIdentity": 3, "ListEmailIdentities": 2}
    # Two identities in one Region, one in the other.
    assert (by_list, by_get) == ("ListEmailIdentities", "GetEmailIdentity")
    for domain, region in IDENTITIES:
        records = {one["role"]: one for one in published_records(result, domain)}
        selector, private_key = sandbox.ses.signing_key(domain, region)
        assert records["signing"]["name"] == f"{selector}._domainkey.{domain}"
        assert sandbox.ses.identities(region)[domain].status == "SUCCESS"
        for record in records.values():
            assert sandbox.dns.txt(record["name"]) == (record["value"],)
        if domain == SUPPLIED:
            assert (selector, private_key) == ("s1", keys.load(OPENSSL_KEY).pkcs1_der)
        else:
            assert len({record["value"] for record in records.values()}) == 3

    with requests(sandbox) as asked:
        preview, up = stack.preview(), stack.up()
    assert (steps(preview), steps(up), asked.ses, asked.dns) == ([], [], [], [])
    with requests(sandbox) as asked:
        assert stack.refresh().ok
    assert asked.operations == ["GetEmailIdentity"] * len(IDENTITIES)
    with requests(sandbox) as asked:
        assert steps(stack.preview()) == []
    assert (asked.ses, asked.dns) == ([], [])
