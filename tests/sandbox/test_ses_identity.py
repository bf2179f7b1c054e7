"""The emulator's identities over time: when SES checks DNS, what it says, what mail is signed with."""

from datetime import timedelta

import pytest

from tests.sandbox.ses_client import CHECK_SECONDS, DOMAIN, REGION, ec_key, key, world
from tests.support.cases import cases

HOUR = timedelta(hours=1)
ONE, TWO, THREE = key("one"), key("two"), key("three")


@pytest.fixture
def here():
    with world() as running:
        yield running


def create(here, attributes):
    here.client().create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=attributes)


def test_verified_once_the_record_is_there(here):
    """Pending, unsigned and not sending until SES's own check finds the key; then verified and signing."""
    here.publish(ONE)
    create(here, ONE.sent)
    assert (here.status(), here.signs_with()) == ("PENDING", None)
    here.check()
    answer = here.get()
    assert (answer["DkimAttributes"]["Status"], answer["VerificationStatus"]) == ("SUCCESS", "SUCCESS")
    assert answer["VerifiedForSendingStatus"] is True
    assert here.ses.signing_key(DOMAIN, REGION) == ("one", ONE.pkcs1_der)


def test_checks_come_at_growing_gaps(here):
    """After a check that missed, the next one is later each time, and an hour at most."""
    create(here, ONE.sent)
    gaps = []
    for _ in range(8):
        identity = here.ses.identities(REGION)[DOMAIN]
        gaps.append(identity.next_check - (identity.info.checked or identity.changed))
        here.clock.advance(gaps[-1])
    assert gaps[:5] == [timedelta(seconds=seconds) for seconds in (60, 120, 240, 480, 960)]
    assert gaps[-2:] == [HOUR, HOUR]


def test_search_ends_after_72_hours(here):
    """A key that is not found within 72 hours has failed, and a record published later changes nothing."""
    create(here, ONE.sent)
    here.clock.advance(71 * HOUR)
    assert here.status() == "PENDING"
    here.clock.advance(2 * HOUR)
    here.publish(ONE)
    here.clock.advance(2 * HOUR)
    answer = here.get()
    assert (answer["DkimAttributes"]["Status"], answer["VerificationStatus"]) == ("FAILED", "FAILED")
    assert here.signs_with() is None


@cases(
    "attributes",
    {
        "whole PEM": ONE.whole_pem,
        "not RSA": ONE.sent_as(ec_key()),
        "no key": ONE.sent_as(b"no key"),
        "no base64": {**ONE.sent, "DomainSigningPrivateKey": "A"},
        "another key": ONE.sent_as(TWO.pkcs1_der),
        "2056 bits": key("large", 2056).sent,
        "another selector": ONE.sent | {"DomainSigningSelector": "elsewhere"},
    },
)
def test_stored_but_never_verified(here, attributes):
    """SES takes what it cannot sign with, or what is not the record's partner, without a word."""
    here.publish(ONE)
    here.publish(key("large", 2056))
    create(here, attributes)
    here.clock.advance(71 * HOUR)
    assert (here.status(), here.signs_with()) == ("PENDING", None)
    here.clock.advance(2 * HOUR)
    assert here.status() == "FAILED"


def test_no_key_and_no_public_half(here):
    """A revoked record is not the partner of something that is no key."""
    here.publish(ONE, "p=")
    create(here, ONE.whole_pem)
    here.check()
    assert here.status() == "PENDING"


@pytest.mark.parametrize(
    "attributes", [ONE.sent, ONE.pkcs8, key("long", 2048).pkcs8], ids=["PKCS#1", "PKCS#8", "2048 bits"]
)
def test_both_encodings_verify(here, attributes):
    """PKCS#1 and PKCS#8 are both read."""
    here.publish(ONE)
    here.publish(key("long", 2048))
    create(here, attributes)
    here.check()
    assert here.status() == "SUCCESS"


@cases(
    ("value", "status"),
    {
        "bare": (ONE.p, "SUCCESS"),
        "tagged": (f"v=DKIM1; k=rsa; {ONE.p}", "SUCCESS"),
        "final semicolon": (f"{ONE.p};", "SUCCESS"),
        "blank": (f"{ONE.p[:40]} {ONE.p[40:]}", "SUCCESS"),
        "quotes": (f'"{ONE.p}"', "PENDING"),
        "version": (f"v=DKIM2; {ONE.p}", "PENDING"),
        "key type": (f"k=ed25519; {ONE.p}", "PENDING"),
        "other key": (TWO.p, "PENDING"),
        "cut": (ONE.p[:200], "PENDING"),
        "no p": (ONE.p[2:], "PENDING"),
        "placeholder": ("p=customerProvidedPublicKey", "PENDING"),
        "revoked": ("p=", "PENDING"),
    },
)
def test_record_values(here, value, status):
    """A record verifies if the key it holds is ours, however it is written."""
    here.publish(ONE, value)
    create(here, ONE.sent)
    here.check()
    assert here.status() == status


@pytest.mark.parametrize(
    ("answer", "error"),
    [((), "HOST_NOT_FOUND"), (("v=spf1",), "INVALID_VALUE"), (None, "DNS_SERVER_ERROR")],
    ids=["no such name", "another value", "no answer"],
)
def test_verification_info(here, answer, error):
    """A check that missed tells when it was and why; one that found says when."""
    here.dns[ONE.record_name] = answer
    create(here, ONE.sent)
    here.check()
    info = here.get()["VerificationInfo"]
    assert (info["ErrorType"], "LastSuccessTimestamp" in info) == (error, False)
    created = here.ses.log[0].at
    assert info["LastCheckedTimestamp"] - created <= timedelta(seconds=CHECK_SECONDS)
    here.publish(ONE)
    here.clock.advance(HOUR)
    info = here.get()["VerificationInfo"]
    assert info["LastSuccessTimestamp"] > info["LastCheckedTimestamp"] > created
    assert "ErrorType" not in info


def test_record_gone_and_back(here):
    """A verified record that goes means unsigned mail; back within five days it signs again."""
    here.switch(signs_while_pending="new")  # which this is not
    here.verified(ONE)
    here.dns.clear()
    here.clock.advance(HOUR)
    assert (here.status(), here.signs_with()) == ("TEMPORARY_FAILURE", None)
    assert here.get()["VerifiedForSendingStatus"] is True
    here.clock.advance(4 * 24 * HOUR)
    assert here.status() == "TEMPORARY_FAILURE"
    here.publish(ONE)
    here.clock.advance(HOUR)
    assert (here.status(), here.signs_with()) == ("SUCCESS", "one")


def test_record_gone_for_good(here):
    """After five days without its record a verified key has failed, and a Put starts again."""
    here.verified(ONE)
    here.dns.clear()
    here.clock.advance(6 * 24 * HOUR)
    assert here.status() == "FAILED"
    here.publish(ONE)
    here.clock.advance(HOUR)
    assert here.status() == "FAILED"
    here.put(ONE)
    here.check()
    assert (here.status(), here.signs_with()) == ("SUCCESS", "one")


def test_silent_server_proves_nothing(here):
    """A verified key stays verified while no DNS server answers."""
    here.verified(ONE)
    here.dns[ONE.record_name] = None
    here.clock.advance(10 * 24 * HOUR)
    assert (here.status(), here.signs_with()) == ("SUCCESS", "one")
    assert here.get()["VerificationInfo"]["ErrorType"] == "DNS_SERVER_ERROR"


def test_change_of_key(here):
    """A new key is checked like the first one, while the identity itself stays verified."""
    here.verified(ONE)
    here.publish(TWO)
    assert here.put(TWO)["DkimTokens"] == ["two"]
    answer = here.get()
    assert (answer["DkimAttributes"]["Status"], answer["VerificationStatus"]) == ("PENDING", "SUCCESS")
    here.check()
    assert (here.status(), here.signs_with()) == ("SUCCESS", "two")


def test_change_of_key_that_fails(here):
    """A new key that is not found in 72 hours leaves the identity unsigned, whatever signed meanwhile."""
    here.switch(signs_while_pending="old")
    here.verified(ONE)
    here.put(TWO)
    here.clock.advance(73 * HOUR)
    assert (here.status(), here.signs_with()) == ("FAILED", None)
    here.put(TWO)
    assert (here.status(), here.signs_with()) == ("PENDING", None)


def test_only_a_success_stays_success(here):
    """With nothing verified there is no SUCCESS that a Put could leave."""
    here.switch(status_after_put="SUCCESS")
    create(here, ONE.sent)
    here.put(TWO)
    assert here.status() == "PENDING"


def test_old_is_the_last_verified_key(here):
    """After two Puts without a success the old key is the one before both."""
    here.switch(signs_while_pending="old")
    here.verified(ONE)
    here.put(TWO)
    here.put(THREE)
    assert here.signs_with() == "one"


@pytest.mark.parametrize("which", ["nothing", "old", "new"])
def test_unusable_key_signs_nothing(here, which):
    """What is no key signs nothing, whatever the switch."""
    here.switch(signs_while_pending=which)
    create(here, ONE.whole_pem)
    assert here.signs_with() is None


def test_frozen_until_owned(here):
    """What never moves later tells of the checks before the identity itself is verified."""
    here.switch(verification_info="frozen")
    create(here, ONE.sent)
    here.check()
    assert here.get()["VerificationInfo"]["ErrorType"] == "HOST_NOT_FOUND"
    here.publish(ONE)
    here.clock.advance(HOUR)
    told = here.get()["VerificationInfo"]
    here.clock.advance(5 * HOUR)
    assert here.get()["VerificationInfo"] == told
    assert "ErrorType" not in told


def test_sub_domain_inherits(here):
    """A sub-domain signs with its nearest parent's key, until it has an identity of its own."""
    here.verified(ONE)
    assert here.signs_with(f"a.b.{DOMAIN}") == "one"
    assert here.signs_with("other.example") is None
    here.ses.put_identity(
        f"b.{DOMAIN}",
        REGION,
        selector="two",
        private_key=TWO.sent["DomainSigningPrivateKey"],
        status="PENDING",
    )
    assert here.signs_with(f"a.b.{DOMAIN}") is None
    assert here.signs_with(f"c.{DOMAIN}") == "one"


def test_made_by_others(here):
    """Identities made elsewhere appear without a call; Easy DKIM's sign with a key of SES's own."""
    here.ses.put_easy_dkim("easy.example", REGION)
    here.ses.put_easy_dkim("new.example", REGION, verified=False)
    private_key = TWO.sent["DomainSigningPrivateKey"]
    here.ses.put_identity(DOMAIN, REGION, selector="two", private_key=private_key, tags={"a": "b"})
    assert here.ses.log == ()
    attributes = here.client().get_email_identity(EmailIdentity="easy.example")["DkimAttributes"]
    assert (attributes["SigningAttributesOrigin"], attributes["Status"]) == ("AWS_SES", "SUCCESS")
    assert here.signs_with("easy.example") == attributes["Tokens"][0]
    assert here.signs_with("new.example") is None
    assert here.get()["Tags"] == [{"Key": "a", "Value": "b"}]
    assert here.signs_with() == "two"


def test_changed_by_others(here):
    """What somebody does in the console shows at the next read, and holds until a Put."""
    here.verified(ONE)
    here.ses.change(DOMAIN, REGION, status="FAILED")
    here.clock.advance(5 * HOUR)
    assert (here.status(), here.signs_with()) == ("FAILED", None)
    here.put(ONE)
    here.check()
    assert here.signs_with() == "one"
    here.ses.change(DOMAIN, REGION, signing_enabled=False, tags={"a": "b"})
    assert (here.get()["Tags"], here.signs_with()) == ([{"Key": "a", "Value": "b"}], None)
    here.ses.remove(DOMAIN, REGION)
    assert here.ses.identities(REGION) == {}
