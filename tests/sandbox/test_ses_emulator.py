"""If this fails, the emulator answers as SES does not, and tests prove nothing."""

from datetime import timedelta

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from sandbox.ses.emulator import Fault
from sandbox.ses.rules import SesError, service_model
from tests.sandbox.ses_client import DOMAIN, REGION, answer_of, key
from tests.support.cases import cases

ARN = f"arn:aws:ses:{REGION}:123456789012:identity/{DOMAIN}"
KEY = key("a").sent


@pytest.fixture
def existing(here):
    ses = here.client()
    ses.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=key("one").sent)
    return ses


def test_settings(here):
    """
    A Put without a name takes the configuration set away; signatures can be disabled and enabled.
    """
    ses = here.verified(key("one"))
    here.ses.add_configuration_set(REGION, "news")
    for name in ("news", None):
        sent = {"ConfigurationSetName": name} if name else {}
        ses.put_email_identity_configuration_set_attributes(EmailIdentity=DOMAIN, **sent)
        assert here.get().get("ConfigurationSetName") == name
    for enabled, selector in ((False, None), (True, "one")):
        ses.put_email_identity_dkim_attributes(EmailIdentity=DOMAIN, SigningEnabled=enabled)
        assert (here.get()["DkimAttributes"]["SigningEnabled"], here.signs_with()) == (
            enabled,
            selector,
        )


def test_date_header_and_request_id(here, existing):
    """Every answer has SES's own time, which is the sandbox's, and a request id of its own."""
    here.clock.advance(timedelta(days=400))
    first, second = (here.get()["ResponseMetadata"] for _ in range(2))
    assert str(here.clock.now().year) in first["HTTPHeaders"]["date"]
    assert first["RequestId"] != second["RequestId"]


def test_validation(here):
    """One answer names every problem that the service model knows, and nothing is made."""
    patterns = (
        service_model().shape_for(name).metadata["pattern"] for name in ("Selector", "PrivateKey")
    )
    of_selector, of_key = (f"satisfy regular expression pattern: {pattern}" for pattern in patterns)
    length, lengths = (
        "dkimSigningAttributes.domainSigningSelector",
        "have length {} than or equal to {}",
    )
    problems = {
        "emailIdentity": lengths.format("greater", 1),
        "tags.1.member.value": "not be null",
        length: of_selector,  # of the whole value
        "dkimSigningAttributes.domainSigningPrivateKey": of_key,
        "dkimSigningAttributes.nextSigningKeyLength": "satisfy enum value set: "
        "[RSA_1024_BIT, RSA_2048_BIT]",
    }
    key = {"DomainSigningSelector": "ab\n", "DomainSigningPrivateKey": "-----BEGIN"}
    signing = {"DkimSigningAttributes": key | {"NextSigningKeyLength": "4096"}}
    wrong = {"EmailIdentity": "", "Tags": [{"Key": "a"}], **signing}
    long = {
        "EmailIdentity": DOMAIN,
        "DkimSigningAttributes": KEY | {"DomainSigningSelector": "a" * 64},
    }
    for sent, expected in ((wrong, problems), (long, {length: lengths.format("less", 63)})):
        with pytest.raises(SesError) as caught:
            here.ses.call("CreateEmailIdentity", REGION, sent)
        start = "failed to satisfy constraint: Member must"
        texts = [f"Value at '{at}' {start} {what}" for at, what in expected.items()]
        count = f"{len(texts)} validation error{'s' if len(texts) > 1 else ''} detected"
        message = f"{count}: {'; '.join(texts)}"
        assert (caught.value.code, caught.value.message) == ("BadRequestException", message)
    assert here.ses.identities(REGION) == {}


def test_list_pages(here):
    """
    1,001 identities come in two pages of a thousand, each identity once.
    """
    for number in range(1001):
        here.ses.put_identity(f"d{number}.example", REGION, selector="a", private_key="AAAA")
    listed = here.client().list_email_identities
    first = listed(PageSize=1000)
    second = listed(PageSize=1000, NextToken=first["NextToken"])
    rows = first["EmailIdentities"] + second["EmailIdentities"]
    assert (len(first["EmailIdentities"]), "NextToken" in second) == (1000, False)
    assert len({row["IdentityName"] for row in rows}) == 1001


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


def test_log(here, existing):
    """
    The log says who asked what about which identity, with the key's fingerprint and nothing
    private.
    """
    (call,) = here.ses.calls("CreateEmailIdentity")
    assert (call.region, call.domain, call.status_code, call.error) == (REGION, DOMAIN, 200, "")
    assert call.fingerprint == here.ses.identities(REGION)[DOMAIN].fingerprint
    existing.tag_resource(ResourceArn=ARN, Tags=[{"Key": "a", "Value": ""}])
    tagged = here.ses.log[-1]
    assert (tagged.domain, tagged.fingerprint) == (DOMAIN, "")
    private_key = key("one").sent["DomainSigningPrivateKey"]
    assert private_key not in repr(here.ses.log) + repr(here.ses.identities(REGION))
    here.ses.reset_log()
    assert here.ses.log == ()
