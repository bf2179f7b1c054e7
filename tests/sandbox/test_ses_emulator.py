"""If this fails, the emulator answers as SES does not, and tests prove nothing."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sandbox.ses.emulator import Fault
from tests.sandbox.ses_client import DOMAIN, REGION, key
from tests.support.cases import cases

ARN = f"arn:aws:ses:{REGION}:123456789012:identity/{DOMAIN}"


SESSION = boto3.Session(aws_access_key_id="AKIDSANDBOX", aws_secret_access_key="secret")


def client(here, region=REGION, **config):
    """A client that tries once."""
    settings = Config(retries={"total_max_attempts": 1}, **config)
    return SESSION.client("sesv2", region, endpoint_url=here.ses.url, config=settings)


def answer_of(call, **parameters):
    """HTTP status, code and text of the error that *call* gets."""
    try:
        call(**parameters)
    except ClientError as error:
        status, problem = (
            error.response["ResponseMetadata"]["HTTPStatusCode"],
            error.response["Error"],
        )
        return status, problem["Code"], problem["Message"]
    return 200, "", ""


def test_list_tells_the_identity_not_dkim(here):
    """After a change of key List still says SUCCESS, while Get says PENDING."""
    here.verified(key("one"))
    here.put(key("two"))
    (row,) = client(here).list_email_identities()["EmailIdentities"]
    assert row == {
        "IdentityType": "DOMAIN",
        "IdentityName": DOMAIN,
        "SendingEnabled": True,
        "VerificationStatus": "SUCCESS",
    }
    assert here.status() == "PENDING"


def test_rate_limit(here):
    """Each Region has its own rate; the next one is throttled and does nothing."""
    here.create(key("one").sent)
    ses = client(here)
    here.switch(requests_per_second=1 / 60)  # else a slow machine would keep to it
    here.clock.advance(60)
    ses.list_email_identities()
    client(here, "us-east-1").list_email_identities()
    here.clock.advance(45)
    throttled = answer_of(ses.delete_email_identity, EmailIdentity=DOMAIN)
    assert throttled == (429, "TooManyRequestsException", "Rate exceeded")
    here.clock.advance(60)
    ses.delete_email_identity(EmailIdentity=DOMAIN)
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
    create = client(here, read_timeout=0.5 if kind == "timeout" else 60).create_email_identity
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
