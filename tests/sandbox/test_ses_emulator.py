"""The emulator's API as a real boto3 client sees it: answers, errors, limits, faults, the log."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from sandbox.clock import SandboxClock
from sandbox.ses.emulator import Fault, SesEmulator
from sandbox.ses.rules import SesError, service_model
from tests.sandbox.ses_client import DOMAIN, REGION, answer_of, key, send
from tests.support.cases import cases

ARN = f"arn:aws:ses:{REGION}:123456789012:identity/{DOMAIN}"
CREATE, PUT = "create_email_identity", "put_email_identity_dkim_signing_attributes"
BYODKIM = {"EmailIdentity": DOMAIN, "SigningAttributesOrigin": "EXTERNAL"}
EASY = BYODKIM | {"SigningAttributesOrigin": "AWS_SES"}
KEY = key("a").sent
PATTERN = service_model().shape_for("Selector").metadata["pattern"]


@pytest.fixture
def existing(here):
    ses = here.client()
    ses.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=key("one").sent)
    return ses


def test_create(here):
    """A new BYODKIM identity cannot send yet, and names its selector; a name is in lower case."""
    create = here.client().create_email_identity
    answer = create(EmailIdentity="Example.COM", DkimSigningAttributes=key("one").sent)
    assert (answer["IdentityType"], answer["VerifiedForSendingStatus"]) == ("DOMAIN", False)
    assert answer["DkimAttributes"] == {
        "SigningEnabled": True,
        "Status": "NOT_STARTED",
        "SigningAttributesOrigin": "EXTERNAL",
        "Tokens": ["one"],
    }
    assert list(here.ses.identities(REGION)) == [DOMAIN]


def test_settings(here):
    """A Put without a name takes the configuration set away; signatures can be disabled and enabled."""
    ses = here.verified(key("one"))
    here.ses.add_configuration_set(REGION, "news")
    for name in ("news", None):
        sent = {"ConfigurationSetName": name} if name else {}
        ses.put_email_identity_configuration_set_attributes(EmailIdentity=DOMAIN, **sent)
        assert here.get().get("ConfigurationSetName") == name
    for enabled, selector in ((False, None), (True, "one")):
        ses.put_email_identity_dkim_attributes(EmailIdentity=DOMAIN, SigningEnabled=enabled)
        assert (here.get()["DkimAttributes"]["SigningEnabled"], here.signs_with()) == (enabled, selector)


def test_put_easy_dkim(here):
    """A Put of AWS_SES goes from BYODKIM to Easy DKIM, which begins pending."""
    answer = here.verified(key("one")).put_email_identity_dkim_signing_attributes(**EASY)
    read = here.get()["DkimAttributes"]
    shown = (len(answer["DkimTokens"]), read["Status"], read["SigningAttributesOrigin"])
    assert shown == (3, "PENDING", "AWS_SES")


def test_date_header_and_request_id(here, existing):
    """Every answer has SES's own time, which is the sandbox's, and a request id of its own."""
    here.clock.advance(timedelta(days=400))
    first, second = (here.get()["ResponseMetadata"] for _ in range(2))
    assert str(here.clock.now().year) in first["HTTPHeaders"]["date"]
    assert first["RequestId"] != second["RequestId"]


@pytest.mark.parametrize(
    ("action", "parameters", "status", "text"),
    [
        ("put_email_identity_configuration_set_attributes", {"ConfigurationSetName": "none"}, 404,
         "Configuration set <none> does not exist."),
        (PUT, BYODKIM, 400,
         "Invalid identity configuration. please ensure to provide the required Attributes."),
        (PUT, BYODKIM | {"SigningAttributes": {**KEY, "DomainSigningAttributesOrigin": "EXTERNAL"}}, 400,
         "DomainSigningAttributesOrigin is not possible here."),
        (PUT, EASY | {"SigningAttributes": KEY}, 400, "There is a key, which AWS_SES makes itself."),
        ("tag_resource", {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}, 400,
         "A resource can have at most 50 tags."),
        ("tag_resource", {"Tags": [{"Key": "owner", "Value": "v" * 257}]}, 400,
         "The value of tag 'owner' is invalid."),
        ("list_email_identities", {"NextToken": "9"}, 400, "The value of NextToken is invalid."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_errors(existing, action, parameters, status, text):
    """Refusals that nobody has reported have status and text too; test_ses_facts has the others."""
    about = {"tag_resource": {"ResourceArn": ARN}, "list_email_identities": {}}
    got = answer_of(getattr(existing, action), **about.get(action, {"EmailIdentity": DOMAIN}) | parameters)
    assert (status, text) == (got[0], got[2])


@cases(
    ("attributes", "problem"),
    {
        "newline": ({"DomainSigningSelector": "ab\n"}, f"satisfy regular expression pattern: {PATTERN}"),
        "long selector": ({"DomainSigningSelector": "a" * 64}, "have length less than or equal to 63"),
        "PEM line": ({"DomainSigningPrivateKey": "-----BEGIN"}, "satisfy regular expression pattern"),
        "enumeration": (
            {"NextSigningKeyLength": "4096"},
            "satisfy enum value set: [RSA_1024_BIT, RSA_2048_BIT]",
        ),
    },
)
def test_validation(here, attributes, problem):
    """The service model's lengths and patterns hold, for the whole value; what is refused makes nothing."""
    sent = {"EmailIdentity": DOMAIN, "DkimSigningAttributes": {**KEY, **attributes}}
    status, code, text = answer_of(here.client().create_email_identity, **sent)
    assert (status, code) == (400, "BadRequestException")
    assert text.startswith("1 validation error detected: Value at 'dkimSigningAttributes.")
    assert f"failed to satisfy constraint: Member must {problem}" in text
    assert here.ses.identities(REGION) == {}


def test_all_validation_problems_at_once(here):
    """One answer names every problem, what is missing too."""
    with pytest.raises(SesError, match="2 validation errors") as caught:
        here.ses.call("TagResource", REGION, {"Tags": [{"Key": "a"}], "ResourceArn": ""})
    assert caught.value.message == (
        "2 validation errors detected: Value at 'resourceArn' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1; Value at 'tags.1.member.value' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_list_pages(here):
    """1,001 identities come in two pages of a thousand, each identity once, in both forms of the call."""
    for number in range(1001):
        here.ses.put_identity(f"d{number}.example", REGION, selector="a", private_key="AAAA")
    listed = here.client().list_email_identities
    first = listed(PageSize=1000)
    second = listed(PageSize=1000, NextToken=first["NextToken"])
    rows = first["EmailIdentities"] + second["EmailIdentities"]
    assert (len(first["EmailIdentities"]), "NextToken" in second) == (1000, False)
    assert len({row["IdentityName"] for row in rows}) == 1001
    old = send(here, "GET", "/v2/email/identities?PageSize=1&NextToken=" + first["NextToken"])[1]
    assert old == {"EmailIdentities": second["EmailIdentities"]}


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


@pytest.mark.parametrize(
    ("method", "path", "region", "answer"),
    [
        ("GET", f"/v2/email/identities/{DOMAIN}", None, (403, "MissingAuthenticationTokenException")),
        ("GET", "/v2/email/dedicated-ips", REGION, (404, "UnknownOperationException")),
        ("POST", f"/v2/email/identities/{DOMAIN}", REGION, (404, "UnknownOperationException")),
        ("GET", "/", REGION, (404, "UnknownOperationException")),
    ],
    ids=["unsigned", "other action", "other method", "no action"],
)
def test_unknown_operation(here, method, path, region, answer):
    """What is none of its actions is refused and logged; without a signature there is no Region."""
    status, _, error = send(here, method, path, region=region)
    assert (status, error) == answer
    assert [call.operation for call in here.ses.calls()] == ([f"{method} {path}"] if region else [])


DENIED = (
    "User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: ses:CreateEmailIdentity on "
    f"resource: {ARN}"
)


@cases(
    ("kind", "answer"),
    {
        "throttle": ("throttle", (429, "TooManyRequestsException", "Rate exceeded")),
        "500": ("500", (500, "InternalServiceErrorException", "Internal failure")),
        "access denied": ("access_denied", (403, "AccessDeniedException", DENIED)),
        "drop": ("drop", ConnectionClosedError),
        "timeout": ("timeout", ReadTimeoutError),
        "garbage": ("garbage", (200, "", "")),
    },
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_faults(here, kind, when, answer):
    """A fault spoils the answer; the work is done if it came after, and not if it came before."""
    ses = here.client()
    spoiled = here.client(read_timeout=0.5) if kind == "timeout" else ses
    here.ses.inject(Fault(kind, when, operation="CreateEmailIdentity", domain=DOMAIN))
    ses.create_email_identity(EmailIdentity="other.example")
    if isinstance(answer, tuple):
        assert answer == answer_of(spoiled.create_email_identity, EmailIdentity=DOMAIN)
    else:
        with pytest.raises(answer):
            spoiled.create_email_identity(EmailIdentity=DOMAIN)
    assert (DOMAIN in here.ses.identities(REGION)) is (when == "after")
    (call,) = here.ses.calls(answered=False)
    assert (call.domain, call.fault.kind, call.fault.when) == (DOMAIN, kind, when)


@pytest.mark.parametrize("end", ["release", "stop"])
def test_held_connection_ends(here, end):
    """A connection held open ends as soon as it is released or the emulator stops, not after a minute."""
    here.ses.inject(Fault("timeout", hold_seconds=60))
    with ThreadPoolExecutor() as pool:
        call = pool.submit(here.client().list_email_identities)
        while not wait([call], timeout=0.01).done:
            if here.ses.log:
                getattr(here.ses, end)()
    assert isinstance(call.exception(), ConnectionClosedError)


def test_log(here, existing):
    """The log says who asked what about which identity, with the key's fingerprint and nothing private."""
    (call,) = here.ses.calls("CreateEmailIdentity")
    assert (call.region, call.domain, call.status_code, call.error) == (REGION, DOMAIN, 200, "")
    assert call.access_key == "AKIDSANDBOX"
    assert call.fingerprint == here.ses.identities(REGION)[DOMAIN].fingerprint
    existing.tag_resource(ResourceArn=ARN, Tags=[{"Key": "a", "Value": ""}])
    tagged = here.ses.log[-1]
    assert (tagged.domain, tagged.fingerprint) == (DOMAIN, "")
    private_key = key("one").sent["DomainSigningPrivateKey"]
    assert private_key not in repr(here.ses.log) + repr(here.ses.identities(REGION))
    here.ses.reset_log()
    assert here.ses.log == ()


def test_stopped_and_started_again():
    """After `stop` there is no thread and no address to call; started, it has the identities it had."""
    before = threading.active_count()
    ses = SesEmulator(look_up_txt=lambda name: (), clock=SandboxClock())
    ses.put_easy_dkim(DOMAIN, REGION)
    for _ in range(2):
        with ses:
            assert list(ses.identities(REGION)) == [DOMAIN]
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="not running"):
        _ = ses.url


def test_clock_never_goes_back():
    """Time moves on by what is asked for, and only on."""
    clock = SandboxClock()
    now, monotonic = clock.now(), clock.monotonic()
    clock.advance(timedelta(hours=72))
    assert clock.now() - now >= timedelta(hours=72)
    assert clock.monotonic() - monotonic >= 72 * 3600
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_check_within_a_call(here, monkeypatch):
    """A check that comes with the Put itself is not before the `Date` of the response, however slow."""
    here.verified(key("one"))
    here.publish(key("two"))
    here.switch(first_check_seconds=0)
    start = here.clock.now()
    times = (start + timedelta(seconds=0.4 * step) for step in itertools.count())
    monkeypatch.setattr(here.clock, "now", lambda: next(times))
    response = here.put(key("two"))["ResponseMetadata"]["HTTPHeaders"]["date"]
    checked = here.get()["VerificationInfo"]["LastCheckedTimestamp"]
    assert start <= checked
    assert parsedate_to_datetime(response) <= checked
