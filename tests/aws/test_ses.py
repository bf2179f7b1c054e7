"""If this fails, SES is called too fast, twice, or after Ctrl-C, or an error quotes a key."""

import re
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError

from byodkim_provider.aws.connections import CLIENT
from byodkim_provider.aws.ses import Listed, SesClient, SesIdentity
from byodkim_provider.errors import ByodkimError, Stopped
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import stopping
from sandbox.ses.emulator import Fault, SesEmulator, Switches
from sandbox.ses.rules import SesError
from tests.support.cases import cases
from tests.support.fakes import START, FakeClock
from tests.support.testdata import key

ACCOUNT = "123456789012"
DOMAIN = "example.com"
REGION = "eu-west-1"
KEY, NEXT_KEY = key("rsa1024.pkcs1"), key("another")


class Ses(SesEmulator):
    """The emulator, which can be made to answer the next calls with errors of one's own."""

    def __init__(self, clock):
        switches = Switches(requests_per_second=None)
        super().__init__(
            look_up_txt=lambda _: (), clock=clock, switches=switches, account_id=ACCOUNT
        )
        self.refusals = []

    def call(self, *args, **options):
        if self.refusals:
            raise self.refusals.pop(0)
        return super().call(*args, **options)

    def outcomes(self):
        """Each call with its error, or its HTTP status if it has none."""
        return [(call.operation, call.error or call.status_code) for call in self.log]

    def operations(self):
        return [call.operation for call in self.log]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def ses(clock):
    with Ses(clock) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def session():
    """In an environment that asks for retries, and for botocore's own pace."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_MAX_ATTEMPTS", "5")
        environment.setenv("AWS_RETRY_MODE", "adaptive")
        environment.setenv("NO_PROXY", "127.0.0.1")
        yield boto3.Session("AKIAEXAMPLE", "sesame", region_name=REGION)


@pytest.fixture
def boto(session, ses):
    """The boto3 client below the adapter."""
    client = session.client("sesv2", endpoint_url=ses.url, config=CLIENT)
    yield client
    client.close()


@pytest.fixture
def client(boto, clock):
    return SesClient(boto, account_id=ACCOUNT, clock=clock)


def create(client, **options):
    defaults = {"selector": "s1", "key": KEY, "configuration_set": None, "tags": {}}
    return client.create_email_identity(DOMAIN, **{**defaults, **options})


def put(client):
    return client.put_email_identity_dkim_signing_attributes(DOMAIN, selector="s2", key=NEXT_KEY)


def pages(client):
    return list(client.list_email_identities())


CALLS = {
    "CreateEmailIdentity": create,
    "PutEmailIdentityDkimSigningAttributes": put,
    "PutEmailIdentityDkimAttributes": lambda client: client.put_email_identity_dkim_attributes(
        DOMAIN
    ),
    "PutEmailIdentityConfigurationSetAttributes": lambda client: (
        client.put_email_identity_configuration_set_attributes(DOMAIN, "newsletter")
    ),
    "GetEmailIdentity": lambda client: client.get_email_identity(DOMAIN),
    "ListEmailIdentities": pages,
    "DeleteEmailIdentity": lambda client: client.delete_email_identity(DOMAIN),
    "TagResource": lambda client: client.tag_resource(DOMAIN, {"team": "mail"}),
    "UntagResource": lambda client: client.untag_resource(DOMAIN, ("team",)),
}
"""One call of each method."""


def prepare(ses, operation="", **options):
    """Whatever *operation* needs is there, and nothing is logged yet."""
    ses.add_configuration_set(REGION, "newsletter")
    if operation != "CreateEmailIdentity":
        ses.put_identity(DOMAIN, REGION, selector="s1", private_key=KEY.pkcs1_base64(), **options)


def identity(ses):
    """As SES has it."""
    return ses.identities(REGION)[DOMAIN]


def refused(call, *arguments, **options):
    """The error of *call*; no text of it, nor of its causes, has anything of a private key."""
    with pytest.raises(ByodkimError) as caught:
        call(*arguments, **options)
    assert caught.value.kind == "SesRefused"
    shown = (
        "".join(traceback.format_exception(caught.value))
        + repr(caught.value)
        + repr(vars(caught.value))
    )
    assert not [key for key in (KEY, NEXT_KEY) if key.pkcs1_base64()[40:80] in shown]
    return caught.value


# What is said to SES, and what it answers


def test_create(ses, client, clock):
    """
    An identity is made with key, selector, configuration set and tags in one call, and its answer
    told.
    """
    ses.add_configuration_set(REGION, "newsletter")
    answer = create(client, configuration_set="newsletter", tags={"team": "mail", "empty": ""})
    assert answer == SesIdentity("DOMAIN", "NOT_STARTED", True, "EXTERNAL", ("s1",), clock.now())
    made = identity(ses)
    assert (made.selector, made.key.pkcs1_der) == ("s1", KEY.pkcs1_der)
    assert (made.configuration_set, made.tags) == ("newsletter", {"team": "mail", "empty": ""})
    assert ses.outcomes() == [("CreateEmailIdentity", 200)]


def test_put_signing_attributes(ses, client, clock):
    """A Put makes SES sign with the new key; its answer has SES's status and time, no more."""
    prepare(ses)
    ses.put_easy_dkim(DOMAIN, REGION)
    ses.switches.status_after_put = "NOT_STARTED"
    clock.advance(90)
    assert put(client) == SesIdentity(
        "", "NOT_STARTED", False, "EXTERNAL", (), START + timedelta(seconds=90)
    )
    changed = identity(ses)
    assert (changed.selector, changed.origin) == ("s2", "EXTERNAL")
    assert changed.key.pkcs1_der == NEXT_KEY.pkcs1_der


ARN = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{DOMAIN}"
TENANT = {"TenantName": "acme", "ResourceArn": ARN}


def test_delete_what_is_held(ses, client):
    """A Delete that SES refuses says how to free the identity; then it can be deleted."""
    prepare(ses)
    ses.call("CreateTenant", REGION, {"TenantName": "acme"})
    ses.call("CreateTenantResourceAssociation", REGION, TENANT)
    error = refused(client.delete_email_identity, DOMAIN)
    unchanged, says, held = error.message.fields["steps"]
    assert (error.code, unchanged, held) == ("BadRequestException", UNCHANGED, AwsMessages.HELD())
    assert "Remove all tenant associations" in str(says)
    ses.call("DeleteTenantResourceAssociation", REGION, TENANT)
    client.delete_email_identity(DOMAIN)
    assert ses.identities(REGION) == {}


def test_list(ses, client):
    """Pages of a thousand, each one call, and none that was not asked for."""
    for number in range(2001):
        name = f"{number}.example.com"
        ses.put_identity(name, REGION, selector="s1", private_key="", status="PENDING")
    listing = client.list_email_identities()
    first = next(listing)
    assert ses.outcomes() == [("ListEmailIdentities", 200)]
    assert first == Listed("0.example.com", verification_status="PENDING", identity_type="DOMAIN")
    assert len(list(listing)) == 2000
    assert ses.outcomes() == [("ListEmailIdentities", 200)] * 3


# What is tried again


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("kind", ["throttle", "500", "drop"])
def test_tried_again(ses, client, operation, kind):
    """
    Each call is tried ten times in all.

    SES does nothing when it throttles. After an internal error or a lost connection a second Put of
    a key may open a second unsigned window.
    """
    prepare(ses, operation)
    ses.inject(Fault(kind, operation=operation, times=9))
    if kind != "throttle" and operation == PUT:
        refused(put, client)
        assert ses.operations() == [operation]
    else:
        CALLS[operation](client)
        assert ses.operations() == [operation] * 10
        assert ses.log[-1].status_code == 200


@pytest.mark.parametrize("kind", ["500", "drop"])
def test_answer_lost_after_the_work(ses, client, kind):
    """
    A Put is not repeated, a Delete is done, a Create finds its own identity: what then, others
    decide.
    """
    prepare(ses)
    ses.inject(Fault(kind, "after"))
    refused(put, client)
    ses.inject(Fault(kind, "after"))
    client.delete_email_identity(DOMAIN)
    ses.inject(Fault(kind, "after"))
    assert refused(create, client).code == "AlreadyExistsException"
    assert ses.operations() == [PUT, *["DeleteEmailIdentity"] * 2, *["CreateEmailIdentity"] * 2]


@cases(
    ("error", "tries"),
    {
        "refused": (EndpointConnectionError(endpoint_url=""), 10),
        "wrong certificate": (SSLError(endpoint_url="", error="self-signed certificate"), 1),
    },
)
def test_no_connection(client, boto, error, tries):
    """
    A connection that is refused is tried again, a certificate that does not fit is reported at
    once.
    """
    sent = []

    def fail(request, **_):
        sent.append(request)
        raise error

    boto.meta.events.register("before-send.sesv2", fail)
    seen = refused(client.get_email_identity, DOMAIN)
    assert (seen.code, len(sent)) == (type(error).__name__, tries)
    assert str(error) in str(seen)


# How fast, and when not any more


def test_all_threads_keep_one_pace(client, ses, clock):
    """
    After a 429 all threads together send a call in 1.05 seconds, and SES refuses none.

    Before it nobody waits; SES counts a call too that it refuses.
    """
    client.get_email_identity(DOMAIN)
    ses.inject(Fault("throttle", operation="GetEmailIdentity"))
    client.get_email_identity(DOMAIN)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(client.get_email_identity, [DOMAIN] * 18))
    assert (len(ses.log), round(clock.monotonic(), 3)) == (21, round(19 * 1.05, 3))


def test_interrupted_in_line(ses, client, clock):
    """Whoever waits for its time, or behind others, stops at once when the run is interrupted."""
    ses.inject(Fault("throttle", operation="GetEmailIdentity"))
    client.get_email_identity(DOMAIN)
    clock.on_advance(stopping.set)  # as the next call waits for its time

    def call(_):
        try:
            client.get_email_identity(DOMAIN)
        except Stopped:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert not any(threads.map(call, range(4)))
    assert len(ses.log) == 2  # with the refused one


@pytest.mark.parametrize("when", ["before", "500", "throttle"])
def test_interrupted(ses, client, clock, when):
    """
    Once the run is interrupted nothing is begun; the wait for the next try ends, and there is none.
    """
    if when == "before":
        stopping.set()
    else:
        ses.inject(Fault(when, times=10))
        clock.on_advance(stopping.set)
    with pytest.raises(Stopped) as caught:
        create(client)
    assert caught.value.message == AwsMessages.INTERRUPTED(service="SES")
    assert len(ses.log) == (0 if when == "before" else 1)


# What the user reads

UNCHANGED = AwsMessages.UNCHANGED(service="SES")
POLICY = AwsMessages.POLICY()
PUT = "PutEmailIdentityDkimSigningAttributes"
QUOTES = "1 validation error detected: Value '{}' at 'x' is wrong"
QUOTED = SesError("BadRequestException", f"{QUOTES.format(KEY.pkcs1_base64())}\nContext: token")


def says(reason):
    return AwsMessages.SAYS(service="SES", reason=reason)


@cases(
    ("refusal", "code", "steps"),
    {
        "throttled": (
            SesError("TooManyRequestsException", "Rate exceeded"),
            "TooManyRequestsException",
            [UNCHANGED, says("Rate exceeded"), AwsMessages.TRY_LATER()],
        ),
        "quotes the key": (
            QUOTED,
            "BadRequestException",
            [UNCHANGED, says(QUOTES.format("[...]"))],
        ),
    },
)
def test_refusals(ses, client, refusal, code, steps):
    """
    A refusal tells the action, the domain, SES's code and request, the state now and the next step.
    """
    ses.refusals += [refusal] * 10
    error = refused(create, client)
    request = re.fullmatch(r" \(request .{36}\)", error.message.fields["request"])[0]
    assert error.message == AwsMessages.REFUSED(
        operation="CreateEmailIdentity",
        subject=DOMAIN,
        region=REGION,
        code=code,
        request=request,
        steps=steps,
    )


@pytest.mark.parametrize("operation", CALLS)
def test_answer_of_somebody_else(ses, client, operation):
    """
    A sign-in page with status 200 is never taken for success, for an absence or for an empty list.
    """
    prepare(ses, operation)
    ses.inject(Fault("garbage", "after"))
    error = refused(CALLS[operation], client)
    is_read = operation[:3] in ("Get", "Lis")
    state = AwsMessages.TRY_AGAIN() if is_read else AwsMessages.SES_UNCONFIRMED()
    assert error.code == "a response that is not SES's"
    assert error.message.fields["steps"] == [state, AwsMessages.PROXY()]
    assert len(ses.log) == 1


def test_answer_without_a_request_id(client, boto):
    """SES gives each answer a request id; what has none is not from SES, whatever its type."""

    def change(response_dict, **_):
        response_dict.update(status_code=404)
        del response_dict["headers"]["x-amzn-requestid"]

    boto.meta.events.register_first("before-parse.sesv2", change)
    assert refused(client.get_email_identity, DOMAIN).code == "a response that is not SES's"


NOT_ALLOWED = ClientError(
    {"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, "AssumeRole"
)
NO_JSON = AwsMessages.NOT_CALLED(service="SES", reason="no JSON")
NO_ROLE = AwsMessages.NO_CREDENTIALS(operation="AssumeRole", reason="not allowed")


@cases(
    ("reason", "code", "steps"),
    {
        "role": (NOT_ALLOWED, "AccessDenied", [UNCHANGED, NO_ROLE, POLICY]),
        "program": (ValueError("no JSON"), "ValueError", [UNCHANGED, NO_JSON]),
    },
)
def test_credentials_run_out(client, boto, reason, code, steps):
    """An error of what renews the credentials is not taken for one of SES's."""

    def fail(**_):
        raise reason

    boto.meta.events.register("before-call.sesv2", fail)
    error = refused(put, client)
    assert (error.code, error.message.fields["steps"]) == (code, steps)
