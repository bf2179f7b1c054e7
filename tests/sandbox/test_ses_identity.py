"""
The emulator's identities over time: when SES checks DNS, what it says, what mail is signed with.
"""

from datetime import timedelta

from tests.sandbox.ses_client import DOMAIN, REGION, key, sent
from tests.support.cases import cases

HOUR = timedelta(hours=1)
ONE, TWO, THREE = key("one"), key("two"), key("three")
LONG = key("long", 2048)


def state(here):
    """SES's status and the selector under mail sent now."""
    return here.status(), here.signs_with()


@cases(
    "attributes",
    {
        "the right key": ONE.sent,
        "no key": sent("one", b"no key"),
        "another selector": ONE.sent | {"DomainSigningSelector": "elsewhere"},
    },
)
def test_search_ends_after_72_hours(here, attributes):
    """
    SES takes what it cannot sign with, or what is not the record's partner, without a word.

    A key that is not found within 72 hours has failed, and a record published later changes
    nothing.
    """
    if attributes != ONE.sent:
        here.publish(ONE)
    here.create(attributes)
    here.clock.advance(71 * HOUR)
    assert state(here) == ("PENDING", None)
    here.clock.advance(2 * HOUR)
    here.publish(ONE)
    here.clock.advance(2 * HOUR)
    assert (*state(here), here.get()["VerificationStatus"]) == ("FAILED", None, "FAILED")


@cases(
    ("attributes", "value", "status"),
    {
        "PKCS#1": (ONE.sent, ONE.p, "SUCCESS"),
        "2048 bits": (LONG.sent | {"DomainSigningSelector": "one"}, LONG.p, "SUCCESS"),
        "tagged": (ONE.sent, f"v=DKIM1; k=rsa; {ONE.p}", "SUCCESS"),
        "key type": (ONE.sent, f"k=ed25519; {ONE.p}", "PENDING"),
        "other key": (ONE.sent, TWO.p, "PENDING"),
        "revoked": (ONE.sent, "p=", "PENDING"),
    },
)
def test_record_values(here, attributes, value, status):
    """A record verifies if the key it holds is ours, however key and record are written."""
    here.publish(ONE, value)
    here.create(attributes)
    here.check()
    assert here.status() == status


def test_record_gone_and_back(here):
    """
    A verified record that goes means unsigned mail; back within five days it signs again.

    After that the key has failed, and only a Put starts again.
    """
    here.switch(signs_while_pending="new")  # which this is not
    here.verified(ONE)
    here.dns.clear()
    here.clock.advance(HOUR)
    assert (*state(here), here.get()["VerifiedForSendingStatus"]) == (
        "TEMPORARY_FAILURE",
        None,
        True,
    )
    here.clock.advance(4 * 24 * HOUR)
    assert here.status() == "TEMPORARY_FAILURE"
    here.publish(ONE)
    here.clock.advance(HOUR)
    assert state(here) == ("SUCCESS", "one")
    here.dns.clear()
    here.clock.advance(6 * 24 * HOUR)
    assert here.status() == "FAILED"
    here.publish(ONE)
    here.clock.advance(HOUR)
    assert here.status() == "FAILED"
    here.put(ONE)
    here.check()
    assert state(here) == ("SUCCESS", "one")


def test_change_of_key_that_fails(here):
    """
    A new key that is not found in 72 hours leaves the identity unsigned, whatever signed meanwhile.

    After two Puts without a success the old key is the one before both.
    """
    here.switch(signs_while_pending="old")
    here.verified(ONE)
    here.put(TWO)
    here.put(THREE)
    assert here.signs_with() == "one"
    here.clock.advance(73 * HOUR)
    assert state(here) == ("FAILED", None)
    here.put(TWO)
    assert state(here) == ("PENDING", None)


def test_sub_domain_inherits(here):
    """A sub-domain signs with its nearest parent's key, until it has an identity of its own."""
    here.verified(ONE)
    assert [here.signs_with(name) for name in (f"a.b.{DOMAIN}", "other.example")] == ["one", None]
    sent = {"selector": "two", "private_key": TWO.sent["DomainSigningPrivateKey"]}
    here.ses.put_identity(f"b.{DOMAIN}", REGION, **sent, status="PENDING")
    assert [here.signs_with(f"{name}.{DOMAIN}") for name in ("a.b", "c")] == [None, "one"]
