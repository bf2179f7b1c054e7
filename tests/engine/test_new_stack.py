"""
A new stack: what it makes, that it stays as it is, and that it is mended where somebody changed it.
"""

from collections import Counter

import pytest

from byodkim_provider.dkim import keys
from tests.engine.results import published_records
from tests.engine.stack import (
    OPENSSL_KEY,
    OTHER_REGION,
    REGION,
    lines,
    requests,
    step_lines,
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
    assert step_lines(result) == lines(f"""
        create byodkim StackId
        create {SUPPLIED} ByodkimDomain
        create {SUPPLIED}/s1._domainkey Record
        create {SUPPLIED}/{REGION} ByodkimIdentity
        create {GENERATED} ByodkimDomain
        create {GENERATED}/1 DkimKey
        create {GENERATED}/2 DkimKey
        create {GENERATED}/3 DkimKey
        create {GENERATED}/1 Record
        create {GENERATED}/2 Record
        create {GENERATED}/3 Record
        create {GENERATED}/{REGION} ByodkimIdentity
        create {GENERATED}/{OTHER_REGION} ByodkimIdentity
        create verification DkimVerification
    """)
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
