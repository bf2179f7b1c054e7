"""If this fails, the emulator answers as SES does not, and tests prove nothing."""

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from sandbox.ses.emulator import Fault
from tests.sandbox.ses_client import DOMAIN, REGION, answer_of, key
from tests.support.cases import cases

ARN = f"arn:aws:ses:{REGION}:123456789012:identity/{DOMAIN}"


@pytest.fixture
def existing(here):
    ses = here.client()
    ses.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=key("one").sent)
    return ses


def test_list_tells_the_identity_not_dkim(here):
    """After a change of key List still says SUCCESS, while Get says PENDING."""
    ses = here.verified(key("one"))
    here.put(key("two"))
    (row,) = ses.list_email_identities()["EmailIdentities"]
    assert row == {
        "IdentityType": "DOMAIN",
        "IdentityName": DOMAIN,
        "SendingEnabled": True,
        "VerificationStatus": "SUCCESS",
    }
    assert here.status() == "PENDING"


def test_rate_limit(here, existing):
    """Each Region has its own rate; the next one is throttled and does nothing."""
    here.switch(requests_per_second=1 / 60)  # else a slow machine would keep to it
    here.clock.advance(60)
    existing.list_email_identities()
    here.client("us-east-1").list_email_identities()
    here.clock.advance(45)
    throttled = answer_of(existing.delete_email_identity, EmailIdentity=DOMAIN)
    assert throttled == (429, "TooManyRequestsException", "Rate exceeded")
    here.clock.advance(60)
    existing.delete_email_identity(EmailIdentity=DOMAIN)
    calls = here.ses.calls("DeleteEmailIdentity", answered=None)
    assert [call.error for call in calls] == ["TooManyRequestsException", ""]
    assert [call.status_code for call in here.ses.calls("DeleteEmailIdentity")] == [200]


DENIED = (
    "User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: "
    "ses:CreateEmailIdentity on"
)


@cases(
    ("kind", "answer"),
    {
        "throttle": ("throttle", (429, "TooManyRequestsException", "Rate exceeded")),
        "500": ("500", (500, "InternalServiceErrorException", "Internal failure")),
        "access denied": (
            "access_denied",
            (403, "AccessDeniedException", f"{DENIED} resource: {ARN}"),
        ),
        "drop": ("drop", ConnectionClosedError),
        "timeout": ("timeout", ReadTimeoutError),
        "garbage": ("garbage", (200, "", "")),
    },
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_faults(here, kind, when, answer):
    """A fault spoils the answer; the work is done if it came after, and not if it came before."""
    create = here.client(**{"read_timeout": 0.5} if kind == "timeout" else {}).create_email_identity
    here.ses.inject(Fault(kind, when, operation="CreateEmailIdentity", domain=DOMAIN))
    create(EmailIdentity="other.example")
    if isinstance(answer, tuple):
        assert answer == answer_of(create, EmailIdentity=DOMAIN)
    else:
        with pytest.raises(answer):
            create(EmailIdentity=DOMAIN)
    assert (DOMAIN in here.ses.identities(REGION)) is (when == "after")
    (call,) = here.ses.calls(answered=False)
    assert (call.domain, call.fault.kind, call.fault.when) == (DOMAIN, kind, when)
