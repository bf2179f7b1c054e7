"""
If this fails, the emulator contradicts what others have seen of the real SES.

The letters are the sources in docs/reference/real-ses.md, where those facts are too that two
sources dispute.
"""

import pytest

from sandbox.ses.rules import SesError
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.sandbox.ses_client import DOMAIN, REGION, key
from tests.support.cases import cases
from tests.support.records import change

ONE = key("one")
KEY = ONE.sent
HOUR = 3600
ELSEWHERE = "us-east-1"
THEIRS = {"ResourceArn": f"arn:aws:ses:{ELSEWHERE}:123456789012:identity/{DOMAIN}"}
CREATE, PUT, ENABLE, CONFIGURE, TAG = (
    "CreateEmailIdentity",
    "PutEmailIdentityDkimSigningAttributes",
    "PutEmailIdentityDkimAttributes",
    "PutEmailIdentityConfigurationSetAttributes",
    "TagResource",
)
EASY = {"SigningAttributesOrigin": "AWS_SES"}
SHORT = {"NextSigningKeyLength": "RSA_1024_BIT"}
NO_SET, BAD_TAG = {"ConfigurationSetName": "none"}, {"Tags": [{"Key": "*", "Value": ""}]}
INCOMPLETE = "Invalid identity configuration. please ensure to provide the required Attributes."
STALE = "HOST_NOT_FOUND"
"""The error that stays beside SUCCESS, and means nothing."""


def named(name, attributes=None, **more):
    given = {"DkimSigningAttributes": attributes} if attributes else {}
    return {"EmailIdentity": name, **given, **more}


@pytest.mark.parametrize(
    ("action", "sent", "status", "text"),
    [
        # C
        (CREATE, named("a.test", {"DomainSigningSelector": "a"}), 400, INCOMPLETE),
        # F
        (PUT, named("a.test") | EASY, 404, "Email identity a.test does not exist."),
        # J
        (
            CREATE,
            named(DOMAIN) | NO_SET | BAD_TAG,
            400,
            "Email identity example.com already exist.",
        ),
        (CREATE, named("a.test") | NO_SET | BAD_TAG, 400, "The tag key '*' is invalid."),
        (CREATE, named("a.test") | NO_SET, 404, "Configuration set <none> does not exist."),
        (CONFIGURE, named("a.test") | NO_SET, 404, "Identity <a.test> does not exist."),
        (TAG, THEIRS | {"Tags": [{"Key": "a", "Value": "b"}]}, 400, "Failed to tag resource"),
        (ENABLE, named("a.test"), 400, "Domain a.test is not verified for DKIM signing."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refusals(here, action, sent, status, text):
    """
    Each refusal has the status, the text and the place in the order of checks that others saw.
    """
    here.ses.put_easy_dkim(DOMAIN, REGION)
    with pytest.raises(SesError) as refused:
        here.call(action, **sent)
    assert (status, text) == (refused.value.status_code, refused.value.message)


def test_easy_dkim(here):
    """T, W, F: Easy DKIM begins pending, with three tokens."""
    here.verified(ONE)
    put = here.call(PUT, EmailIdentity=DOMAIN, **EASY, SigningAttributes=SHORT)
    read = here.get()
    assert {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"} == read["MailFromAttributes"]
    dkim = read["DkimAttributes"]
    assert put["DkimTokens"] == dkim["Tokens"]
    assert len(dkim["Tokens"]) == 3
    assert (dkim["Status"], dkim["SigningAttributesOrigin"]) == ("PENDING", "AWS_SES")


@cases("as_get", {"as reported": False, "the other way": True})
def test_answers_before_the_first_check(here, as_get):
    """
    H, G: Create and Put answer NOT_STARTED; the very next read says PENDING.
    """
    if as_get:
        here.switch(create_answer="as Get", put_answer="as Get")
    status = "PENDING" if as_get else "NOT_STARTED"
    created = here.call(CREATE, **named("Example.COM", KEY))
    origin = {"SigningAttributesOrigin": "EXTERNAL", "SigningEnabled": True}
    shown = origin | {"Status": status, "Tokens": ["one"]}
    assert (created["DkimAttributes"], created["VerifiedForSendingStatus"]) == (shown, False)
    assert here.get()["DkimAttributes"] == shown | {"Status": "PENDING"}
    assert here.put(key("two"))["DkimStatus"] == status
    assert (here.status(), here.get()["DkimAttributes"]["Tokens"]) == ("PENDING", ["two"])


def test_read_after_put(here):
    """
    J: the very next read after a Put shows the identity as before; 20 s later it is SUCCESS.

    The same key restarts the search of an identity that has FAILED.
    """
    here.switch(put_lag_seconds=15, first_check_seconds=20)
    here.create(KEY)
    here.clock.advance(75 * HOUR)
    here.publish(ONE)
    before = here.get()["DkimAttributes"]
    assert before["Status"] == "FAILED"
    assert here.put(ONE)["DkimStatus"] == "NOT_STARTED"
    assert here.get()["DkimAttributes"] == before
    here.clock.advance(15)
    assert here.status() == "PENDING"
    here.clock.advance(5)
    assert here.status() == "SUCCESS"


@cases("more", {"as reported": {}, "the other way": {"verification_info": "filled"}})
def test_verification_info(more):
    """
    W, L, B, J: SES says which zone it saw, and that the success came a moment after its check.

    An old error stays beside SUCCESS.
    """
    with Sandbox(switches=Switches(requests_per_second=None, **more)) as sandbox:
        zone = sandbox.add_zone(DOMAIN)
        change(sandbox, zone, "CREATE", ONE.record_name, f'"{ONE.p}"')
        sandbox.ses.call(CREATE, REGION, named(DOMAIN, KEY))
        sandbox.clock.advance(Switches().first_check_seconds)
        read = sandbox.ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})
    info = read["VerificationInfo"]
    assert read["DkimAttributes"]["Status"] == "SUCCESS"
    assert info["SOARecord"] == {"PrimaryNameServer": "ns-1.sandbox.test"}
    assert info["LastSuccessTimestamp"] > info["LastCheckedTimestamp"]
    assert info.get("ErrorType") == (None if more else STALE)
