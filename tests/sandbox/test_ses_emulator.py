"""The emulator's API as a real boto3 client sees it: answers, errors, limits, faults, the log."""

import itertools
import threading
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from sandbox.clock import SandboxClock
from sandbox.ses.emulator import Fault, SesEmulator
from sandbox.ses.model import NoAnswerError, SesModel
from sandbox.ses.rules import SesError, service_model
from tests.sandbox.ses_client import DOMAIN, REGION, answer_of, key, send, world
from tests.support.cases import cases

ARN = f"arn:aws:ses:{REGION}:123456789012:identity/{DOMAIN}"
ONE = "1 validation error detected: Value at"
PATTERN = service_model().shape_for("Selector").metadata["pattern"]


@pytest.fixture
def here():
    with world() as running:
        yield running


@pytest.fixture
def ses(here):
    return here.client()


@pytest.fixture
def existing(ses):
    ses.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=key("one").sent)
    return ses


def test_create(here, ses):
    """A new BYODKIM identity cannot send yet, and names its selector."""
    answer = ses.create_email_identity(EmailIdentity="Example.COM", DkimSigningAttributes=key("one").sent)
    assert answer["IdentityType"] == "DOMAIN"
    assert answer["VerifiedForSendingStatus"] is False
    assert answer["DkimAttributes"] == {
        "SigningEnabled": True,
        "Status": "NOT_STARTED",
        "SigningAttributesOrigin": "EXTERNAL",
        "Tokens": ["one"],
    }
    assert list(here.ses.identities(REGION)) == [DOMAIN]


def test_create_email_address(ses):
    """An e-mail address has no DKIM of its own."""
    answer = ses.create_email_identity(EmailIdentity=f"me@{DOMAIN}")
    assert answer["IdentityType"] == "EMAIL_ADDRESS"
    assert "DkimAttributes" not in answer


def test_configuration_set_taken_away(here, ses):
    """A Put without a name takes the configuration set away."""
    here.ses.add_configuration_set(REGION, "news")
    ses.create_email_identity(EmailIdentity=DOMAIN, ConfigurationSetName="news")
    ses.put_email_identity_configuration_set_attributes(EmailIdentity=DOMAIN)
    assert here.ses.identities(REGION)[DOMAIN].configuration_set is None


def test_signing_enabled(here):
    """The console's check box: disabled means unsigned, enabled means signed again."""
    ses = here.verified(key("one"))
    for enabled, selector in ((False, None), (True, "one")):
        ses.put_email_identity_dkim_attributes(EmailIdentity=DOMAIN, SigningEnabled=enabled)
        assert here.get()["DkimAttributes"]["SigningEnabled"] is enabled
        assert here.signs_with() == selector


def test_put_easy_dkim(here):
    """A Put of AWS_SES goes from BYODKIM to Easy DKIM, which begins pending."""
    ses = here.verified(key("one"))
    answer = ses.put_email_identity_dkim_signing_attributes(
        EmailIdentity=DOMAIN, SigningAttributesOrigin="AWS_SES"
    )
    assert len(answer["DkimTokens"]) == 3
    read = here.get()["DkimAttributes"]
    assert (read["Status"], read["SigningAttributesOrigin"]) == ("PENDING", "AWS_SES")


def test_date_header_and_request_id(here, existing):
    """Every answer has SES's own time, which is the sandbox's, and a request id of its own."""
    here.clock.advance(timedelta(days=400))
    first, second = (here.get()["ResponseMetadata"] for _ in range(2))
    assert str(here.clock.now().year) in first["HTTPHeaders"]["date"]
    assert first["RequestId"] != second["RequestId"]


@cases(
    ("action", "parameters", "answer"),
    {
        "put unknown configuration set": (
            "put_email_identity_configuration_set_attributes",
            {"EmailIdentity": DOMAIN, "ConfigurationSetName": "none"},
            (404, "NotFoundException", "Configuration set <none> does not exist."),
        ),
        "put without key": (
            "put_email_identity_dkim_signing_attributes",
            {"EmailIdentity": DOMAIN, "SigningAttributesOrigin": "EXTERNAL"},
            (
                400,
                "BadRequestException",
                "Invalid identity configuration. please ensure to provide the required Attributes.",
            ),
        ),
        "put replica's field": (
            "put_email_identity_dkim_signing_attributes",
            {
                "EmailIdentity": DOMAIN,
                "SigningAttributesOrigin": "EXTERNAL",
                "SigningAttributes": {**key("a").sent, "DomainSigningAttributesOrigin": "EXTERNAL"},
            },
            (400, "BadRequestException", "DomainSigningAttributesOrigin is not possible here."),
        ),
        "put Easy DKIM with key": (
            "put_email_identity_dkim_signing_attributes",
            {
                "EmailIdentity": DOMAIN,
                "SigningAttributesOrigin": "AWS_SES",
                "SigningAttributes": key("a").sent,
            },
            (400, "BadRequestException", "There is a key, which AWS_SES makes itself."),
        ),
        "too many tags": (
            "tag_resource",
            {"ResourceArn": ARN, "Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
            (400, "BadRequestException", "A resource can have at most 50 tags."),
        ),
        "tag value": (
            "tag_resource",
            {"ResourceArn": ARN, "Tags": [{"Key": "owner", "Value": "v" * 257}]},
            (400, "BadRequestException", "The value of tag 'owner' is invalid."),
        ),
        "token": (
            "list_email_identities",
            {"NextToken": "9"},
            (400, "BadRequestException", "The value of NextToken is invalid."),
        ),
    },
)
def test_errors(existing, action, parameters, answer):
    """Refusals that nobody has reported have status, code and text too; test_ses_facts has the others."""
    assert answer == answer_of(getattr(existing, action), **parameters)


def test_nothing_is_created_when_refused(here, ses):
    """A Create with an unknown configuration set leaves no identity."""
    answer_of(ses.create_email_identity, EmailIdentity=DOMAIN, ConfigurationSetName="none")
    assert here.ses.identities(REGION) == {}


@cases(
    ("attributes", "problem"),
    {
        "newline": (
            {"DomainSigningSelector": "ab\n"},
            f"Member must satisfy regular expression pattern: {PATTERN}",
        ),
        "long selector": (
            {"DomainSigningSelector": "a" * 64},
            "Member must have length less than or equal to 63",
        ),
        "PEM line": (
            {"DomainSigningPrivateKey": "-----BEGIN"},
            "Member must satisfy regular expression pattern",
        ),
        "enumeration": (
            {"NextSigningKeyLength": "4096"},
            "Member must satisfy enum value set: [RSA_1024_BIT, RSA_2048_BIT]",
        ),
    },
)
def test_validation(ses, attributes, problem):
    """The service model's lengths and patterns hold, for the whole value."""
    status, code, text = answer_of(
        ses.create_email_identity,
        EmailIdentity=DOMAIN,
        DkimSigningAttributes={**key("one").sent, **attributes},
    )
    assert (status, code) == (400, "BadRequestException")
    assert text.startswith(f"{ONE} 'dkimSigningAttributes.")
    assert f"failed to satisfy constraint: {problem}" in text


def test_all_validation_problems_at_once(here):
    """One answer names every problem, what is missing too."""
    with pytest.raises(SesError, match="2 validation errors") as caught:
        here.ses.call("TagResource", REGION, {"Tags": [{"Key": "a"}], "ResourceArn": ""})
    assert caught.value.message == (
        "2 validation errors detected: Value at 'resourceArn' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1; Value at 'tags.1.member.value' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_list_pages(here, ses):
    """1,001 identities come in two pages of a thousand, each identity once, in both forms of the call."""
    for number in range(1001):
        here.ses.put_identity(f"d{number}.example", REGION, selector="a", private_key="AAAA")
    first = ses.list_email_identities(PageSize=1000)
    second = ses.list_email_identities(PageSize=1000, NextToken=first["NextToken"])
    rows = first["EmailIdentities"] + second["EmailIdentities"]
    assert (len(first["EmailIdentities"]), "NextToken" in second) == (1000, False)
    assert len({row["IdentityName"] for row in rows}) == 1001
    old = send(here, "GET", "/v2/email/identities?PageSize=1&NextToken=" + first["NextToken"])[1]
    assert old == {"EmailIdentities": second["EmailIdentities"]}


def test_list_tells_the_identity_not_dkim(here):
    """After a change of key List still says SUCCESS, while Get says PENDING."""
    ses = here.verified(key("one"))
    here.put(key("two"))
    row = {
        "IdentityType": "DOMAIN",
        "IdentityName": DOMAIN,
        "SendingEnabled": True,
        "VerificationStatus": "SUCCESS",
    }
    assert ses.list_email_identities()["EmailIdentities"] == [row]
    assert here.status() == "PENDING"


@cases(
    ("wanted", "names"),
    {
        "name": ({"IDENTITY_NAME_CONTAINS": "EXAMPLE.c"}, [DOMAIN, f"me@{DOMAIN}"]),
        "type": ({"IDENTITY_TYPE": "DOMAIN"}, [DOMAIN, "b.example"]),
        "status": ({"VERIFICATION_STATUS": "SUCCESS"}, ["b.example"]),
        "two": ({"IDENTITY_TYPE": "DOMAIN", "VERIFICATION_STATUS": "PENDING"}, [DOMAIN]),
    },
)
def test_list_filter(here, existing, wanted, names):
    """A filter leaves the identities that fit all of it."""
    existing.create_email_identity(EmailIdentity=f"me@{DOMAIN}")
    here.ses.put_easy_dkim("b.example", REGION)
    rows = existing.list_email_identities(Filter=wanted)["EmailIdentities"]
    assert [row["IdentityName"] for row in rows] == names


def test_regions_are_separate(here, existing):
    """What is in one Region, its configuration sets too, is not in another."""
    other = here.client("us-east-1")
    here.ses.add_configuration_set(REGION, "news")
    assert answer_of(other.get_email_identity, EmailIdentity=DOMAIN)[0] == 404
    assert answer_of(other.create_email_identity, EmailIdentity=DOMAIN, ConfigurationSetName="news")[0] == 404
    other.create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=key("two").sent)
    assert here.ses.identities(REGION)[DOMAIN].selector == "one"
    assert here.ses.identities("us-east-1")[DOMAIN].selector == "two"


def test_rate_limit(here, existing):
    """Each Region has its own rate; the next one is throttled and does nothing."""
    here.switch(requests_per_second=1 / 60)  # else a slow machine would keep to it
    here.clock.advance(60)
    other = here.client("us-east-1")
    existing.list_email_identities()
    other.list_email_identities()
    throttled = answer_of(existing.delete_email_identity, EmailIdentity=DOMAIN)
    assert throttled == (429, "TooManyRequestsException", "Rate exceeded")
    here.clock.advance(60)
    existing.delete_email_identity(EmailIdentity=DOMAIN)
    assert [call.error for call in here.ses.calls("DeleteEmailIdentity", answered=None)] == [
        "TooManyRequestsException",
        "",
    ]
    assert [call.status_code for call in here.ses.calls("DeleteEmailIdentity")] == [200]


def test_unsigned_request(here):
    """Without a signature there is no Region and no answer."""
    status, _, error = send(here, "GET", f"/v2/email/identities/{DOMAIN}", region=None)
    assert (status, error) == (403, "MissingAuthenticationTokenException")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v2/email/dedicated-ips"), ("POST", f"/v2/email/identities/{DOMAIN}"), ("GET", "/")],
    ids=["other action", "other method", "no action"],
)
def test_unknown_operation(here, method, path):
    """What is none of its actions is refused, and is in the log."""
    status, _, error = send(here, method, path)
    assert (status, error) == (404, "UnknownOperationException")
    assert [call.operation for call in here.ses.calls()] == [f"{method} {path}"]


@cases(
    ("kind", "answer"),
    {
        "throttle": ("throttle", (429, "TooManyRequestsException", "Rate exceeded")),
        "500": ("500", (500, "InternalServiceErrorException", "Internal failure")),
        "access denied": (
            "access_denied",
            (
                403,
                "AccessDeniedException",
                "User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: "
                f"ses:CreateEmailIdentity on resource: {ARN}",
            ),
        ),
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
    again = answer_of(ses.create_email_identity, EmailIdentity=DOMAIN)
    assert again[1] == ("AlreadyExistsException" if when == "after" else "")


def test_fault_times(here, ses):
    """A fault spoils as many calls as it says, of any operation if it names none."""
    here.ses.inject(Fault("500", times=2))
    answers = [
        answer_of(ses.list_email_identities)[0],
        answer_of(ses.get_email_identity, EmailIdentity="a")[0],
    ]
    assert [*answers, answer_of(ses.list_email_identities)[0]] == [500, 500, 200]


def test_retry_after_lost_answer(here):
    """A client that retries a Create whose answer was lost hears that the identity exists."""
    ses = here.client(retries={"total_max_attempts": 2, "mode": "standard"})
    here.ses.inject(Fault("drop", "after"))
    assert answer_of(ses.create_email_identity, EmailIdentity=DOMAIN)[1] == "AlreadyExistsException"


@pytest.mark.parametrize("end", ["release", "stop"])
def test_held_connection_ends(here, end):
    """A connection held open ends as soon as it is released or the emulator stops, not after a minute."""
    here.ses.inject(Fault("timeout", hold_seconds=60))
    errors = []

    def call():
        with pytest.raises(ConnectionClosedError) as caught:
            here.client().list_email_identities()
        errors.append(caught.type)

    thread = threading.Thread(target=call)
    thread.start()
    while not here.ses.log:
        thread.join(0.01)
    while thread.is_alive():
        getattr(here.ses, end)()
        thread.join(0.01)
    assert errors == [ConnectionClosedError]


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


def test_parallel_creates(here):
    """Of many Creates at once exactly one is the first."""
    ses = here.client()
    codes = []
    threads = [
        threading.Thread(
            target=lambda: codes.append(answer_of(ses.create_email_identity, EmailIdentity=DOMAIN)[1])
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["", *["AlreadyExistsException"] * 7]


def test_nothing_is_left_behind():
    """After `stop` there is no thread, and no address to call."""
    before = threading.active_count()
    with world() as here:
        here.client().list_email_identities()
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="not running"):
        _ = here.ses.url


def test_starts_again():
    """Stopped and started, it has the identities it had."""
    ses = SesEmulator(look_up_txt=lambda name: (), clock=SandboxClock())
    ses.put_easy_dkim(DOMAIN, REGION)
    for _ in range(2):
        with ses:
            assert list(ses.identities(REGION)) == [DOMAIN]


def test_without_http():
    """The model alone has the same rules, faults and log."""
    ses = SesModel(look_up_txt=lambda name: (), clock=SandboxClock())
    ses.inject(Fault("drop", "after"))
    with pytest.raises(NoAnswerError):
        ses.call("CreateEmailIdentity", REGION, {"EmailIdentity": DOMAIN})
    with pytest.raises(SesError, match="Rate exceeded"):
        ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})
    ses.clock.advance(1)
    assert ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})["IdentityType"] == "DOMAIN"
    assert [call.status_code for call in ses.log] == [0, 429, 200]


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
