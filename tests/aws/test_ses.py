"""The SES adapter over HTTP against an emulated SES, on a clock that moves when somebody waits."""

from __future__ import annotations

import itertools
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, SSLError

from byodkim_provider.aws.ses import MOST_TENANTS, DkimResponse, Listed, SesClient, SesIdentity, with_error
from byodkim_provider.aws.session import CLIENT
from byodkim_provider.errors import ByodkimError, SesRefused, Stopped
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import stopping
from sandbox.clock import SandboxClock
from sandbox.ses.emulator import Fault, SesEmulator, Switches
from sandbox.ses.identity import CHECK
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

    def __init__(self, clock: SandboxClock) -> None:
        switches = Switches(requests_per_second=None)
        super().__init__(look_up_txt=lambda _: (), clock=clock, switches=switches, account_id=ACCOUNT)
        self.refusals: list[SesError] = []

    def call(self, *args: Any, **options: Any) -> dict[str, Any]:
        if self.refusals:
            raise self.refusals.pop(0)
        return super().call(*args, **options)

    def outcomes(self) -> list[tuple[str, str | int]]:
        """Each call with its error, or its HTTP status if it has none."""
        return [(call.operation, call.error or call.status_code) for call in self.log]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ses(clock: FakeClock) -> Iterator[Ses]:
    with Ses(clock) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def session() -> Iterator[boto3.Session]:
    """In an environment that asks for retries, and for botocore's own pace."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_MAX_ATTEMPTS", "5")
        environment.setenv("AWS_RETRY_MODE", "adaptive")
        environment.setenv("NO_PROXY", "127.0.0.1")
        yield boto3.Session(
            aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="sesame", region_name=REGION
        )


@pytest.fixture
def boto(session: boto3.Session, ses: Ses) -> Iterator[Any]:
    """The boto3 client below the adapter."""
    client = session.client("sesv2", endpoint_url=ses.url, config=CLIENT)
    yield client
    client.close()


@pytest.fixture
def client(boto: Any, clock: FakeClock) -> SesClient:
    return SesClient(boto, region=REGION, account_id=ACCOUNT, clock=clock)


def create(client: SesClient, domain: str = DOMAIN, **options: Any) -> DkimResponse:
    defaults: dict[str, Any] = {"selector": "s1", "key": KEY, "configuration_set": None, "tags": {}}
    return client.create_email_identity(domain, **{**defaults, **options})


def put(client: SesClient) -> DkimResponse:
    return client.put_email_identity_dkim_signing_attributes(DOMAIN, selector="s2", key=NEXT_KEY)


def pages(client: SesClient) -> list[tuple[Listed, ...]]:
    return list(client.list_email_identities())


CALLS: dict[str, Callable[[SesClient], Any]] = {
    "CreateEmailIdentity": create,
    "PutEmailIdentityDkimSigningAttributes": put,
    "PutEmailIdentityDkimAttributes": lambda client: client.put_email_identity_dkim_attributes(
        DOMAIN, signing_enabled=True
    ),
    "PutEmailIdentityConfigurationSetAttributes": lambda client: (
        client.put_email_identity_configuration_set_attributes(DOMAIN, "newsletter")
    ),
    "GetEmailIdentity": lambda client: client.get_email_identity(DOMAIN),
    "ListEmailIdentities": pages,
    "ListResourceTenants": lambda client: client.list_resource_tenants(DOMAIN),
    "DeleteEmailIdentity": lambda client: client.delete_email_identity(DOMAIN),
    "TagResource": lambda client: client.tag_resource(DOMAIN, {"team": "mail"}),
    "UntagResource": lambda client: client.untag_resource(DOMAIN, ("team",)),
}
"""One call of each method."""

REPEATED = sorted(CALLS.keys() - {"PutEmailIdentityDkimSigningAttributes"})


def prepare(ses: Ses, operation: str) -> None:
    """Whatever *operation* needs is there, and nothing is logged yet."""
    ses.add_configuration_set(REGION, "newsletter")
    if operation != "CreateEmailIdentity":
        ses.put_identity(DOMAIN, REGION, selector="s1", private_key=KEY.pkcs1_base64())


def refused(call: Callable[[], Any]) -> SesRefused:
    """The error of *call*; no text of it, nor of its causes, has anything of a private key."""
    with pytest.raises(ByodkimError) as caught:
        call()
    assert isinstance(caught.value, SesRefused)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
    assert not [key for key in (KEY, NEXT_KEY) if key.pkcs1_base64()[40:80] in shown]
    return caught.value


# What is said to SES, and what it answers


def test_create(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """An identity is made with key, selector, configuration set and tags in one call, and its answer told."""
    ses.add_configuration_set(REGION, "newsletter")
    answer = create(client, configuration_set="newsletter", tags={"team": "mail", "empty": ""})
    assert (
        DkimResponse(dkim_status="NOT_STARTED", at=clock.now(), origin="EXTERNAL", signing_enabled=True)
        == answer
    )
    identity = ses.identities(REGION)[DOMAIN]
    assert ("s1", KEY.pkcs1_der) == (identity.selector, identity.key and identity.key.pkcs1_der)
    assert ("newsletter", {"team": "mail", "empty": ""}) == (identity.configuration_set, identity.tags)
    assert [("CreateEmailIdentity", 200)] == ses.outcomes()


def test_create_without_configuration_set(ses: Ses, client: SesClient) -> None:
    """A configuration set that is not given is not sent."""
    create(client)
    assert ses.identities(REGION)[DOMAIN].configuration_set is None


def test_put_signing_attributes(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """A Put makes SES sign with the new key; its answer has SES's status and SES's time."""
    prepare(ses, "PutEmailIdentityDkimSigningAttributes")
    ses.switches.status_after_put = "NOT_STARTED"
    clock.advance(90)
    assert DkimResponse("NOT_STARTED", START + timedelta(seconds=90), "EXTERNAL") == put(client)
    identity = ses.identities(REGION)[DOMAIN]
    assert ("s2", NEXT_KEY.pkcs1_der) == (identity.selector, identity.key and identity.key.pkcs1_der)


def test_put_makes_easy_dkim_external(ses: Ses, client: SesClient) -> None:
    """A Put names the origin, or SES would go on with Easy DKIM."""
    ses.put_easy_dkim(DOMAIN, REGION)
    put(client)
    assert ses.identities(REGION)[DOMAIN].origin == "EXTERNAL"


@pytest.mark.parametrize("enabled", [True, False])
def test_put_dkim_attributes(ses: Ses, client: SesClient, enabled: bool) -> None:
    """The console's check box is set as asked."""
    prepare(ses, "PutEmailIdentityDkimAttributes")
    ses.change(DOMAIN, REGION, signing_enabled=not enabled)
    client.put_email_identity_dkim_attributes(DOMAIN, signing_enabled=enabled)
    assert ses.identities(REGION)[DOMAIN].signing_enabled is enabled


def test_put_configuration_set(ses: Ses, client: SesClient) -> None:
    """The identity's default configuration set is the one given."""
    prepare(ses, "PutEmailIdentityConfigurationSetAttributes")
    client.put_email_identity_configuration_set_attributes(DOMAIN, "newsletter")
    assert ses.identities(REGION)[DOMAIN].configuration_set == "newsletter"


def test_tags(ses: Ses, client: SesClient) -> None:
    """Tags are set and removed by name, those of others stay."""
    ses.put_identity(
        DOMAIN, REGION, selector="s1", private_key=KEY.pkcs1_base64(), tags={"cost": "7", "team": "web"}
    )
    client.tag_resource(DOMAIN, {"team": "mail", "byodkim:owner": "a/b/c"})
    assert ses.identities(REGION)[DOMAIN].tags == {"cost": "7", "team": "mail", "byodkim:owner": "a/b/c"}
    client.untag_resource(DOMAIN, ("team", "never set"))
    assert ses.identities(REGION)[DOMAIN].tags == {"cost": "7", "byodkim:owner": "a/b/c"}


def test_get(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """Everything SES tells of an identity is there, in its own words."""
    prepare(ses, "")
    clock.advance(60)
    ses.change(DOMAIN, REGION, tags={"team": "mail"}, configuration_set="newsletter")
    identity = client.get_email_identity(DOMAIN)
    assert identity is not None
    assert identity.last_checked is not None
    expected = SesIdentity(
        identity_type="DOMAIN",
        dkim_status="SUCCESS",
        signing_enabled=True,
        origin="EXTERNAL",
        tokens=("s1",),
        at=START + timedelta(seconds=60),
        tags={"team": "mail"},
        configuration_set="newsletter",
        last_checked=identity.last_checked,
        last_success=identity.last_checked + CHECK,
        error_type="",
        soa_seen=identity.soa_seen,
        on_mx_failure="USE_DEFAULT_VALUE",
    )
    assert expected == identity
    assert ("s1", True) == (identity.selector, identity.verified)
    assert identity.last_checked.utcoffset() == timedelta()


def test_get_an_error_beside_success(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """SES may keep an old error beside SUCCESS: its times tell when it succeeded, and nobody is shown it."""
    ses.switches.verification_info = "sticky"
    prepare(ses, "")
    clock.advance(60)
    identity = client.get_email_identity(DOMAIN)
    assert identity is not None
    assert identity.last_checked is not None
    assert identity.last_success is not None
    assert identity.last_checked < identity.last_success
    assert ("HOST_NOT_FOUND", "") == (identity.error_type, identity.failure)


def test_get_what_ses_is_looking_for(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """SES's reason for a record it has not found is told, and when it looked."""
    create(client)
    clock.advance(301)
    identity = client.get_email_identity(DOMAIN)
    assert identity is not None
    assert identity.last_checked is not None
    assert ("PENDING", "HOST_NOT_FOUND") == (identity.dkim_status, identity.error_type)
    assert (None, "HOST_NOT_FOUND") == (identity.last_success, identity.failure)
    assert START < identity.last_checked <= clock.now()


def test_get_without_verification_info(ses: Ses, client: SesClient) -> None:
    """SES may tell nothing of its looks; that is no error."""
    prepare(ses, "")
    ses.switches.verification_info = "empty"
    identity = client.get_email_identity(DOMAIN)
    assert identity is not None
    assert (None, "", "") == (identity.last_checked, identity.error_type, identity.soa_seen)


@cases(
    ("origin", "enabled", "status", "selector", "verified"),
    {
        "right": ("EXTERNAL", True, "SUCCESS", "s1", True),
        "disabled": ("EXTERNAL", False, "SUCCESS", "s1", False),
        "pending": ("EXTERNAL", True, "PENDING", "s1", False),
        "Easy DKIM": ("AWS_SES", True, "SUCCESS", None, False),
    },
)
def test_verified(origin: str, enabled: bool, status: str, selector: str | None, verified: bool) -> None:
    """Verified is what the guide's three values say; the tokens of Easy DKIM are no selector."""
    identity = SesIdentity("DOMAIN", status, enabled, origin, ("s1",), START)
    assert (selector, verified) == (identity.selector, identity.verified)


def test_get_what_is_not_there(ses: Ses, client: SesClient) -> None:
    """No such identity is an answer, not an error."""
    assert client.get_email_identity(DOMAIN) is None
    assert [("GetEmailIdentity", "NotFoundException")] == ses.outcomes()


def test_delete(ses: Ses, client: SesClient) -> None:
    """Deleting what is gone is a success."""
    prepare(ses, "")
    client.delete_email_identity(DOMAIN)
    client.delete_email_identity(DOMAIN)
    assert {} == ses.identities(REGION)
    assert [("DeleteEmailIdentity", 200), ("DeleteEmailIdentity", "NotFoundException")] == ses.outcomes()


ARN = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{DOMAIN}"
FREE = (
    "aws sesv2 delete-tenant-resource-association --region eu-west-1 --tenant-name {} --resource-arn " + ARN
)


def held_by(ses: Ses, *tenants: str) -> None:
    """These tenants hold the identity."""
    prepare(ses, "")
    for one in tenants:
        ses.call("CreateTenant", REGION, {"TenantName": one})
        ses.call("CreateTenantResourceAssociation", REGION, {"TenantName": one, "ResourceArn": ARN})


def test_delete_held_by_tenants(ses: Ses, client: SesClient) -> None:
    """What holds an identity is named, and the commands that free it; after them it can be deleted."""
    held_by(ses, "acme", "globex")
    error = refused(lambda: client.delete_email_identity(DOMAIN))
    assert error.text.startswith(f"DeleteEmailIdentity for '{DOMAIN}' in {REGION}: BadRequestException")
    assert error.hint == (
        f"nothing was changed in SES; SES says: Cannot delete {ARN} because it has tenant associations. "
        "Remove all tenant associations and try again.; "
        f"tenant 'acme' holds the identity until `{FREE.format('acme')}`; "
        f"tenant 'globex' holds the identity until `{FREE.format('globex')}`; "
        "then run the same command again, which goes on; until then the identity stays, and signs"
    )
    for one in ("acme", "globex"):
        ses.call("DeleteTenantResourceAssociation", REGION, {"TenantName": one, "ResourceArn": ARN})
    client.delete_email_identity(DOMAIN)
    assert {} == ses.identities(REGION)


@pytest.mark.parametrize("number", [1, 11], ids=["may not list", "many"])
def test_delete_held_by_unnamed_tenants(ses: Ses, client: SesClient, number: int) -> None:
    """Without leave to list the tenants, and where there are many, the commands say how to find them."""
    held_by(ses, *(f"t{each}" for each in range(number)))
    if number == 1:
        ses.inject(Fault("access_denied", operation="ListResourceTenants"))
    hint = refused(lambda: client.delete_email_identity(DOMAIN)).hint
    assert f"; `aws sesv2 list-resource-tenants --region eu-west-1 --resource-arn {ARN}` names" in hint
    assert f", `{FREE.format('NAME')}` frees the identity of one; then run the same command again" in hint
    assert hint.count("holds the identity until") == (0 if number == 1 else MOST_TENANTS)
    assert ["ListResourceTenants"] == [call.operation for call in ses.log if call.operation[:4] == "List"]


def test_delete_held_by_a_certificate(ses: Ses, client: SesClient) -> None:
    """So does an S/MIME certificate."""
    prepare(ses, "")
    certificate = {"EmailIdentity": DOMAIN, "FromAddress": f"me@{DOMAIN}"}
    arn = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
    ses.call("AssociateEmailIdentityCertificate", REGION, {**certificate, "CertificateArn": arn})
    hint = refused(lambda: client.delete_email_identity(DOMAIN)).hint
    command = "disassociate-email-identity-certificate --region eu-west-1 --email-identity example.com"
    assert f"`aws sesv2 {command} --from-address ADDRESS` frees the identity of one; then run" in hint
    ses.call("DisassociateEmailIdentityCertificate", REGION, certificate)
    client.delete_email_identity(DOMAIN)


def test_list(ses: Ses, client: SesClient) -> None:
    """Pages of a thousand, each one call, and none that was not asked for."""
    for number in range(2001):
        ses.put_identity(f"{number}.example.com", REGION, selector="s1", private_key="", status="PENDING")
    listing = client.list_email_identities()
    first = next(listing)
    assert [("ListEmailIdentities", 200)] == ses.outcomes()
    assert Listed("0.example.com", verification_status="PENDING", identity_type="DOMAIN") == first[0]
    rest = list(listing)
    assert [1000, 1000, 1] == [len(first), *map(len, rest)]
    assert 2001 == len({one.name for page in (first, *rest) for one in page})


@pytest.mark.parametrize("tokens", [["1"], ["1", "2"]], ids=["the same", "in turn"])
def test_list_without_end(client: SesClient, boto: Any, tokens: list[str]) -> None:
    """A list whose token comes again is none of SES: it would be read for ever."""
    answers = itertools.cycle({"EmailIdentities": [], "NextToken": token} for token in tokens)
    boto.list_email_identities = lambda **_: next(answers)
    boto.list_email_identities.__name__ = "list_email_identities"
    with pytest.raises(
        SesRefused, match=r"ListEmailIdentities for '\*' in eu-west-1: a response that is not SES's"
    ):
        pages(client)


def test_without_patience(ses: Ses, boto: Any, clock: FakeClock) -> None:
    """Of a Region that may be out of reach only the pace is respected; silence is an error at once."""
    hasty = SesClient(boto, region=REGION, account_id=ACCOUNT, clock=clock, is_patient=False)
    ses.inject(Fault("throttle"))
    assert [()] == pages(hasty)
    ses.inject(Fault("500"))
    with pytest.raises(SesRefused):
        pages(hasty)
    assert 3 == len(ses.log)


def test_list_nothing(client: SesClient) -> None:
    """A Region without identities has one empty page."""
    assert [()] == pages(client)


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Wed, 25 Nov 2026 10:00:00 GMT", START - timedelta(hours=2)),
        ("Wed, 25 Nov 2026 10:00:00 +0100", START - timedelta(hours=3)),
        ("yesterday", START),
    ],
)
def test_time_of_an_answer(ses: Ses, client: SesClient, boto: Any, date: str, at: datetime) -> None:
    """The time of an answer is SES's `Date` header, ours if there is none that can be read."""
    prepare(ses, "PutEmailIdentityDkimSigningAttributes")

    def set_date(response_dict: dict[str, Any], **_: object) -> None:
        response_dict["headers"]["date"] = date

    boto.meta.events.register("before-parse.sesv2", set_date)
    assert at == put(client).at


# What is tried again


@pytest.mark.parametrize("operation", sorted(CALLS))
def test_throttled(ses: Ses, client: SesClient, operation: str) -> None:
    """SES does nothing when it throttles, so every call is tried again, ten times in all."""
    prepare(ses, operation)
    ses.inject(Fault("throttle", operation=operation, times=9))
    CALLS[operation](client)
    assert [(operation, "TooManyRequestsException")] * 9 + [(operation, 200)] == ses.outcomes()


@pytest.mark.parametrize("operation", REPEATED)
@pytest.mark.parametrize("kind", ["500", "drop"])
def test_passing_errors(ses: Ses, client: SesClient, operation: str, kind: Any) -> None:
    """An internal error or a lost connection is tried again, where a second call does no harm."""
    prepare(ses, operation)
    ses.inject(Fault(kind, operation=operation, times=2))
    CALLS[operation](client)
    assert [operation] * 3 == [call.operation for call in ses.log]
    assert ses.log[-1].status_code == 200


@pytest.mark.parametrize("kind", ["500", "drop"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_put_is_not_repeated(ses: Ses, client: SesClient, kind: Any, when: Any) -> None:
    """A Put that SES may have done is not repeated: another one may open a second unsigned window."""
    prepare(ses, "PutEmailIdentityDkimSigningAttributes")
    ses.inject(Fault(kind, when))
    refused(lambda: put(client))
    assert ["PutEmailIdentityDkimSigningAttributes"] == [call.operation for call in ses.log]


def test_concurrent_modification(ses: Ses, client: SesClient) -> None:
    """Two changes at the same time are an error of SES's that passes."""
    prepare(ses, "DeleteEmailIdentity")
    ses.refusals = [SesError("ConcurrentModificationException", "try again")] * 3
    client.delete_email_identity(DOMAIN)
    assert ({}, []) == (ses.identities(REGION), ses.refusals)


def test_lost_answer_of_a_create(ses: Ses, client: SesClient) -> None:
    """The Create whose answer was lost finds its own identity; what to do then is decided elsewhere."""
    ses.inject(Fault("drop", "after"))
    assert refused(lambda: create(client)).code == "AlreadyExistsException"


def test_lost_answer_of_a_delete(ses: Ses, client: SesClient) -> None:
    """The Delete whose answer was lost is done."""
    prepare(ses, "DeleteEmailIdentity")
    ses.inject(Fault("drop", "after"))
    client.delete_email_identity(DOMAIN)
    assert ["DeleteEmailIdentity"] * 2 == [call.operation for call in ses.log]


def test_limit_is_final(ses: Ses, client: SesClient) -> None:
    """A full Region is not asked again, unlike botocore would."""
    ses.switches.identity_limit = 0
    refused(lambda: create(client))
    assert [("CreateEmailIdentity", "LimitExceededException")] == ses.outcomes()


def test_nobody_listens(ses: Ses, client: SesClient, boto: Any) -> None:
    """A connection that is refused is tried again, ten times in all."""
    sent: list[object] = []
    boto.meta.events.register("before-send.sesv2", lambda request, **_: sent.append(request))
    ses.stop()
    assert refused(lambda: CALLS["GetEmailIdentity"](client)).code == "EndpointConnectionError"
    assert 10 == len(sent)


def test_wrong_certificate_is_final(client: SesClient, boto: Any) -> None:
    """A certificate that does not fit is reported at once."""
    sent: list[object] = []

    def fail(request: Any, **_: object) -> None:
        sent.append(request)
        raise SSLError(endpoint_url=request.url, error="self-signed certificate")

    boto.meta.events.register("before-send.sesv2", fail)
    assert refused(lambda: CALLS["GetEmailIdentity"](client)).code == "SSLError"
    assert 1 == len(sent)


# How fast, and when not any more


def test_first_call_waits_for_nothing(client: SesClient, clock: FakeClock) -> None:
    """A run with one call does not wait."""
    client.get_email_identity(DOMAIN)
    assert START == clock.now()


def test_pace_counts_from_the_refused_call(ses: Ses, client: SesClient) -> None:
    """SES counts a call too that it refuses because of others, so the next one is a second later."""
    ses.inject(Fault("throttle", operation="GetEmailIdentity"))
    for _ in range(2):
        client.get_email_identity(DOMAIN)
    assert [0, 1.05, 2.1] == [(call.at - START).total_seconds() for call in ses.log]


def test_no_pace_of_botocore(boto: Any) -> None:
    """botocore neither repeats a call nor, as in its mode `adaptive`, waits before one."""
    assert boto.meta.config.retries == {"total_max_attempts": 1, "mode": "standard"}


def test_all_threads_keep_one_pace(client: SesClient, ses: Ses, clock: FakeClock) -> None:
    """All threads together send a call in 1.05 seconds, so that SES has no reason to refuse one."""
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(client.get_email_identity, [DOMAIN] * 18))
    assert (18, round(17 * 1.05, 3)) == (len(ses.log), round(clock.monotonic(), 3))


def test_a_call_that_is_not_sent_ends_its_turn(client: SesClient, boto: Any, ses: Ses) -> None:
    """Whoever has no credentials holds up nobody."""
    problems = iter([NoCredentialsError()])

    def sign(**_: object) -> None:
        for problem in problems:
            raise problem

    boto.meta.events.register("request-created.sesv2", sign)
    assert refused(lambda: client.get_email_identity(DOMAIN)).code == "NoCredentialsError"
    another = threading.Thread(target=client.get_email_identity, args=[DOMAIN], daemon=True)
    another.start()
    another.join(30)
    assert 1 == len(ses.log)


def test_interrupted_in_line(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """Whoever waits for its time, or behind others, stops at once when the run is interrupted."""
    clock.on_advance(stopping.set)  # as the second call waits for its time

    def call(_: int) -> bool:
        try:
            client.get_email_identity(DOMAIN)
        except Stopped:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert 1 == sum(threads.map(call, range(4)))
    assert 1 == len(ses.log)


def test_interrupted_before_a_call(ses: Ses, client: SesClient) -> None:
    """Once the run is interrupted nothing is begun."""
    stopping.set()
    with pytest.raises(Stopped) as caught:
        create(client)
    assert caught.value.message == AwsMessages.INTERRUPTED_BEFORE_ANSWER(service="SES")
    assert () == ses.log


@pytest.mark.parametrize("kind", ["500", "throttle"])
def test_interrupted_between_tries(ses: Ses, client: SesClient, clock: FakeClock, kind: Any) -> None:
    """An interruption ends the wait for the next try, and there is none."""
    ses.inject(Fault(kind, times=10))
    clock.on_advance(stopping.set)
    with pytest.raises(Stopped):
        create(client)
    assert 1 == len(ses.log)


# Polls that are shared


class Asked(str):
    """A domain that says when it is asked for: the poll that waits then has it."""

    __slots__ = ("asked",)

    def __init__(self, _: str) -> None:
        self.asked = threading.Event()

    def __hash__(self) -> int:
        self.asked.set()
        return super().__hash__()


def polled(client: SesClient, clock: FakeClock, *domains: str) -> list[Any]:
    """What the polls of *domains* give, the second and later ones asked while the first awaits its turn."""

    def poll(domain: str) -> Any:
        try:
            return client.poll(domain)
        except ByodkimError as error:
            return error

    client.get_email_identity(DOMAIN)
    with ThreadPoolExecutor(len(domains)) as threads:
        others: list[Any] = []

        def ask() -> None:
            for domain in map(Asked, domains[1:]):
                others.append(threads.submit(poll, domain))
                assert domain.asked.wait(30)

        clock.after(0.5, ask)
        first = poll(domains[0])
        return [first, *(one.result(30) for one in others)]


def test_alone(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """A poll that nobody joins is a read."""
    prepare(ses, "GetEmailIdentity")
    assert isinstance(*polled(client, clock, DOMAIN), SesIdentity)
    assert ["GetEmailIdentity"] * 2 == [call.operation for call in ses.log]


def test_joined(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """Whoever asks while another poll awaits its turn shares one List with it; the next poll is another."""
    for name, status in (("a.example.com", "SUCCESS"), ("b.example.com", "PENDING")):
        ses.put_identity(name, REGION, selector="s1", private_key="", status=status)
    names = ("a.example.com", "b.example.com", "none.example.com")
    assert ["SUCCESS", "PENDING", None] == polled(client, clock, *names)
    assert isinstance(client.poll("a.example.com"), SesIdentity)
    expected = ["GetEmailIdentity", "ListEmailIdentities", "GetEmailIdentity"]
    assert expected == [call.operation for call in ses.log]
    assert [0, 1.05, 2.1] == [(call.at - START).total_seconds() for call in ses.log]


def test_joined_among_many(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """If a List has as many pages as identities are asked for, the next time each is read."""
    for number in range(2001):
        ses.put_identity(f"{number}.example.com", REGION, selector="s1", private_key="", status="PENDING")
    names = ("0.example.com", "2000.example.com")
    assert ["PENDING"] * 2 == polled(client, clock, *names)
    assert ["GetEmailIdentity", *["ListEmailIdentities"] * 3] == [call.operation for call in ses.log]
    found = polled(client, clock, *names)
    assert ["PENDING"] * 2 == [one.dkim_status for one in found]
    assert ["GetEmailIdentity"] * 3 == [call.operation for call in ses.log[4:]]


def test_joined_and_refused(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """An error of the List is that of all who share it, and of nobody after."""
    prepare(ses, "GetEmailIdentity")
    ses.inject(Fault("access_denied", operation="ListEmailIdentities"))
    assert ["AccessDeniedException"] * 2 == [one.code for one in polled(client, clock, DOMAIN, "a.test")]
    assert isinstance(client.poll(DOMAIN), SesIdentity)


def test_joined_and_interrupted(ses: Ses, client: SesClient, clock: FakeClock) -> None:
    """Who has joined a poll ends with it when the run is interrupted."""
    prepare(ses, "GetEmailIdentity")
    clock.after(1, stopping.set)
    assert [Stopped] * 2 == [type(one) for one in polled(client, clock, DOMAIN, "a.test")]
    assert 1 == len(ses.log)


# What the user reads


UNCHANGED = AwsMessages.UNCHANGED(service="SES")


def _says(reason: str) -> Message:
    return AwsMessages.SAYS(service="SES", reason=reason)


def _not_authorized(operation: str) -> Message:
    return _says(
        f"User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: ses:{operation} "
        "on resource: arn:aws:ses:eu-west-1:123456789012:identity/example.com"
    )


def _throttle(ses: Ses) -> None:
    ses.inject(Fault("throttle", times=10))


def _limit(ses: Ses) -> None:
    ses.switches.identity_limit = 0


def _fail(kind: Any, *, times: int = 10) -> Callable[[Ses], None]:
    return lambda ses: ses.inject(Fault(kind, times=times))


def _answer(code: str, message: str) -> Callable[[Ses], None]:
    return lambda ses: ses.refusals.append(SesError(code, message))


def _nothing(_: Ses) -> None:
    """SES refuses by itself."""


@cases(
    ("operation", "happens", "code", "steps"),
    {
        "throttled": (
            "CreateEmailIdentity",
            _throttle,
            "TooManyRequestsException",
            [UNCHANGED, AwsMessages.SES_THROTTLED(region=REGION)],
        ),
        "limit": (
            "CreateEmailIdentity",
            _limit,
            "LimitExceededException",
            [UNCHANGED, AwsMessages.SES_LIMIT(region=REGION)],
        ),
        "access denied": (
            "PutEmailIdentityDkimSigningAttributes",
            _fail("access_denied"),
            "AccessDeniedException",
            [UNCHANGED, _not_authorized("PutEmailIdentityDkimSigningAttributes"), AwsMessages.POLICY()],
        ),
        "500": (
            "CreateEmailIdentity",
            _fail("500"),
            "InternalServiceErrorException",
            [AwsMessages.SES_UNCONFIRMED()],
        ),
        "500 of a read": (
            "GetEmailIdentity",
            _fail("500"),
            "InternalServiceErrorException",
            [AwsMessages.TRY_AGAIN()],
        ),
        "access denied to read": (
            "GetEmailIdentity",
            _fail("access_denied"),
            "AccessDeniedException",
            [_not_authorized("GetEmailIdentity"), AwsMessages.POLICY()],
        ),
        "identity is gone": (
            "PutEmailIdentityConfigurationSetAttributes",
            _nothing,
            "NotFoundException",
            [UNCHANGED, _says("Identity <example.com> does not exist.")],
        ),
        "identity is gone, 400": (
            "PutEmailIdentityDkimAttributes",
            _nothing,
            "BadRequestException",
            [
                UNCHANGED,
                _says("Domain example.com is not verified for DKIM signing."),
                AwsMessages.SES_PERHAPS_GONE(),
            ],
        ),
        "identity to tag is gone": (
            "TagResource",
            _nothing,
            "NotFoundException",
            [UNCHANGED, _says("No EmailIdentity present with name: example.com")],
        ),
        "SES quotes the key": (
            "CreateEmailIdentity",
            _answer(
                "BadRequestException",
                f"1 validation error detected: Value '{KEY.pkcs1_base64()}' at 'x' is wrong\nContext: token",
            ),
            "BadRequestException",
            [UNCHANGED, _says("1 validation error detected: Value '[...]' at 'x' is wrong")],
        ),
    },
)
def test_refusals(
    ses: Ses,
    client: SesClient,
    operation: str,
    happens: Callable[[Ses], None],
    code: str,
    steps: list[Message],
) -> None:
    """A refusal tells the action, the domain, SES's code and request, the state now and the next step."""
    if happens not in (_nothing, _limit):
        prepare(ses, operation)
    happens(ses)
    error = refused(lambda: CALLS[operation](client))
    request = re.fullmatch(r" \(request .{36}\)", str(error.message.fields["request"]))
    assert error.message == AwsMessages.REFUSED(
        operation=operation, subject=DOMAIN, region=REGION, code=code, request=request[0], steps=steps
    )


def test_unknown_configuration_set(ses: Ses, client: SesClient) -> None:
    """SES's NotFound for a Create is about the configuration set, and the text names it."""
    error = refused(lambda: create(client, configuration_set="nope"))
    steps = [UNCHANGED, _says("Configuration set <nope> does not exist.")]
    assert ("NotFoundException", steps) == (error.code, error.message.fields["steps"])


@pytest.mark.parametrize(
    ("operation", "step"),
    [
        ("PutEmailIdentityDkimSigningAttributes", AwsMessages.SES_UNCONFIRMED()),
        ("GetEmailIdentity", AwsMessages.TRY_AGAIN()),
    ],
)
def test_no_answer(ses: Ses, client: SesClient, operation: str, step: Message) -> None:
    """Without an answer there is no request id, and for a change its outcome is not known."""
    prepare(ses, operation)
    ses.inject(Fault("drop", times=10))
    error = refused(lambda: CALLS[operation](client))
    assert str(error) == f"{operation} for 'example.com' in eu-west-1: ConnectionClosedError\n  hint: {step}"


@pytest.mark.parametrize("operation", sorted(CALLS))
def test_answer_of_somebody_else(ses: Ses, client: SesClient, operation: str) -> None:
    """A sign-in page with status 200 is never taken for success, for an absence or for an empty list."""
    prepare(ses, operation)
    ses.inject(Fault("garbage", "after"))
    error = refused(lambda: CALLS[operation](client))
    state = AwsMessages.TRY_AGAIN() if operation[:3] in ("Get", "Lis") else AwsMessages.SES_UNCONFIRMED()
    assert "a response that is not SES's" == error.code
    assert [state, AwsMessages.PROXY()] == error.message.fields["steps"]
    assert 1 == len(ses.log)


@pytest.mark.parametrize("status", [200, 302, 403, 404, 429])
def test_answer_without_a_request_id(ses: Ses, client: SesClient, boto: Any, status: int) -> None:
    """SES gives each answer a request id; what has none is not from SES, whatever its status and type."""

    def forge(response_dict: dict[str, Any], **_: object) -> None:
        response_dict["status_code"] = status
        del response_dict["headers"]["x-amzn-requestid"]

    boto.meta.events.register_first("before-parse.sesv2", forge)
    assert refused(lambda: client.get_email_identity(DOMAIN)).code == "a response that is not SES's"


def test_error_of_a_load_balancer(ses: Ses, client: SesClient, boto: Any) -> None:
    """A 503 without a request id and a code is tried again, and shown by its status."""

    def forge(response_dict: dict[str, Any], **_: object) -> None:
        response_dict.update(status_code=503, body=b"<html>", headers={})

    boto.meta.events.register_first("before-parse.sesv2", forge)
    error = refused(lambda: client.get_email_identity(DOMAIN))
    assert ("503", "") == (error.code, error.message.fields["request"])
    assert 10 == len(ses.log)


def test_key_that_botocore_refuses(ses: Ses, client: SesClient) -> None:
    """botocore quotes a parameter it refuses; ours does not, whatever is wrong with a key."""
    wrong_type = SimpleNamespace(pkcs1_base64=lambda: KEY.pkcs1_base64().encode())
    error = refused(lambda: create(client, key=wrong_type))
    steps = [UNCHANGED, AwsMessages.NOT_CALLED(service="SES")]
    assert ("ParamValidationError", steps) == (error.code, error.message.fields["steps"])
    assert () == ses.log


@cases(
    ("reason", "code", "steps"),
    {
        "role": (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, "AssumeRole"),
            "AccessDenied",
            [AwsMessages.NO_CREDENTIALS(operation="AssumeRole", reason="not allowed"), AwsMessages.POLICY()],
        ),
        "none": (NoCredentialsError(), "NoCredentialsError", [AwsMessages.NOT_CALLED(service="SES")]),
    },
)
def test_credentials_run_out(
    client: SesClient, boto: Any, reason: Exception, code: str, steps: list[Message]
) -> None:
    """An error of what renews the credentials is not taken for one of SES's."""

    def fail(**_: object) -> None:
        raise reason

    boto.meta.events.register("before-call.sesv2", fail)
    error = refused(lambda: client.get_email_identity(DOMAIN))
    assert (code, steps) == (error.code, error.message.fields["steps"])


@cases(
    ("error_type", "shown"),
    {
        "none": ("", "PENDING"),
        "known": ("HOST_NOT_FOUND", "PENDING (HOST_NOT_FOUND: no such name)"),
        "not known": ("REPLICATION_ACCESS_DENIED", "PENDING (REPLICATION_ACCESS_DENIED)"),
    },
)
def test_with_error(error_type, shown):
    """An error type of SES stands with what it means, and one that is not known as it is."""
    assert with_error("PENDING", error_type) == shown
