"""
A new stack: what it makes, that it stays as it is, and that it is mended where somebody changed it.
"""

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


@pytest.fixture(scope="module")
def made(sandbox, open_shared_stack):
    """The stack, what its first `up` came to, and what that asked of SES and DNS."""
    sandbox.add_zone(SUPPLIED)
    sandbox.add_zone("generated.example")
    stack = open_shared_stack(
        {
            SUPPLIED: {
                "generation": 1,
                "keys": {"1": {"selector": "s1", "privateKey": OPENSSL_KEY}},
            },
            GENERATED: {"generation": 2, "regions": [REGION, OTHER_REGION]},
        }
    )
    with requests(sandbox) as asked:
        result = stack.up()
    assert result.ok, result.stdout
    return stack, result, asked


@pytest.fixture
def stack(made):
    return made[0]


def test_resources(made):
    """Each domain gets a key and a record for each generation, and an identity for each Region."""
    _, result, _ = made
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


@pytest.mark.parametrize(("domain", "region"), IDENTITIES)
def test_verified(sandbox, made, domain, region):
    """SES has verified the identity, and signs with the generation that the stack file names."""
    _, result, _ = made
    shown = result.outputs["domains"][domain]
    (signing,) = [
        record for record in published_records(result, domain) if record["role"] == "signing"
    ]
    selector, private_key = sandbox.ses.signing_key(domain, region)
    assert shown["regions"][region]["status"] == "SUCCESS"
    assert signing["name"] == f"{selector}._domainkey.{domain}"
    assert sandbox.dns.txt(signing["name"]) == (signing["value"],)
    assert sandbox.ses.identities(region)[domain].status == "SUCCESS"
    if domain == SUPPLIED:
        assert (selector, private_key) == ("s1", keys.load(OPENSSL_KEY).pkcs1_der)


def test_standby_is_published(sandbox, made):
    """The records of all published generations are in DNS, each with another key."""
    _, result, _ = made
    records = published_records(result, GENERATED)
    assert [(record["generation"], record["role"]) for record in records] == [
        (1, "previous"),
        (2, "signing"),
        (3, "standby"),
    ]
    assert [sandbox.dns.txt(record["name"]) for record in records] == [
        (record["value"],) for record in records
    ]
    assert len({record["value"] for record in records}) == 3


def test_one_write_for_a_new_identity(made):
    """
    Each identity is one call, after one List a Region; SES is asked again by the verification
    alone.
    """
    _, _, asked = made
    *made, by_list, by_get = asked.operations
    assert sorted(made) == [
        *["CreateEmailIdentity"] * len(IDENTITIES),
        *["ListEmailIdentities"] * 2,
    ]
    assert (by_list, by_get) == (
        "ListEmailIdentities",  # two identities in one Region
        "GetEmailIdentity",  # the one in the other
    )


def test_unchanged(sandbox, stack):
    """
    Where nothing changed, neither a preview nor an `up` changes anything or asks SES or DNS
    anything.
    """
    with requests(sandbox) as asked:
        preview, up = stack.preview(), stack.up()
    assert (asked.ses, asked.dns) == ([], [])
    assert (preview.ok, steps(preview), up.ok, steps(up)) == (True, [], True, [])


def test_refresh_of_what_is_right(sandbox, stack):
    """A refresh reads each identity once, and finds no change to make."""
    with requests(sandbox) as asked:
        refreshed = stack.refresh()
    assert refreshed.ok
    assert asked.operations == ["GetEmailIdentity"] * len(IDENTITIES)
    with requests(sandbox) as asked:
        preview = stack.preview()
    assert (steps(preview), asked.ses, asked.dns) == ([], [], [])
