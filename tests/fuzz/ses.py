"""
Answers of SES: fields missing or of another kind, unknown words, other statuses, no JSON at all.
"""

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import boto3
import yaml
from botocore.awsrequest import AWSResponse
from botocore.model import Shape
from botocore.validate import ParamValidator
from hypothesis import strategies as st

from byodkim_provider.aws.connections import CLIENT
from byodkim_provider.aws.ses import SesClient
from byodkim_provider.identity import lifecycle, verification
from byodkim_provider.identity.state import KeyInSes, Stored
from byodkim_provider.identity.verdicts import Entry
from tests.fuzz.target import Target, refusals
from tests.fuzz.values import mutated, mutated_text, texts, words
from tests.support.fakes import REGION, START, FakeClock
from tests.support.http_answer import Raw
from tests.support.simulation import pool
from tests.support.world import OWNER, World

IDENTITY: Final[dict[str, Any]] = yaml.safe_load(f"""
IdentityType: DOMAIN
VerifiedForSendingStatus: true
VerificationStatus: SUCCESS
ConfigurationSetName: newsletter
Tags: [{{Key: byodkim:owner, Value: {OWNER}}}, {{Key: byodkim:instance, Value: i}}]
DkimAttributes:
  {{SigningEnabled: true, Status: SUCCESS, Tokens: [s1], SigningAttributesOrigin: EXTERNAL}}
VerificationInfo:
  LastCheckedTimestamp: 1795000000.5
  LastSuccessTimestamp: 1795000000
  ErrorType: HOST_NOT_FOUND
  SOARecord: {{PrimaryNameServer: ns1.example.net, SerialNumber: 1}}
""")

BODIES: Final[tuple[Any, ...]] = (
    IDENTITY,
    {"IdentityType": "DOMAIN", "DkimAttributes": IDENTITY["DkimAttributes"]},
    *yaml.safe_load("""
- {DkimStatus: PENDING, DkimTokens: [s1]}
- {EmailIdentities: [{IdentityName: example.com, VerificationStatus: SUCCESS}]}
- {message: Email identity example.com does not exist.}
- {Message: Rate exceeded, __type: TooManyRequestsException}
- {message: null}
- {}
"""),
)

ERRORS: Final = (
    "",
    "\x7f",
    *words("""
        NotFoundException AlreadyExistsException BadRequestException TooManyRequestsException
        ConcurrentModificationException LimitExceededException AccessDeniedException x:y:z
    """),
)


@dataclass(frozen=True)
class Response:
    """An answer over HTTP."""

    status: int
    error: str
    headers: dict[str, str]
    body: bytes


headers = st.fixed_dictionaries(
    {},
    optional={
        "x-amzn-requestid": st.sampled_from(["5f3c", ""]),
        "content-type": st.sampled_from(["application/json", "text/html", ""]),
        "date": st.sampled_from(
            ["Wed, 25 Nov 2026 12:00:00 GMT", "yesterday", "", "Wed, 99 Foo 99999 99:99:99 GMT"]
        ),
    },
).map(lambda some: {"x-amzn-requestid": "5f3c", "content-type": "application/json"} | some)

responses = st.builds(
    Response,
    status=st.sampled_from([200, 200, 200, 200, 200, 204, 302, 400, 404, 429, 500, 503]),
    error=st.sampled_from(ERRORS),
    headers=headers,
    body=st.one_of(
        *[mutated(BODIES).map(lambda body: json.dumps(body).encode())] * 2,
        mutated_text([json.dumps(IDENTITY)], texts).map(lambda text: text.encode(errors="replace")),
        st.binary(max_size=20),
    ),
)


class _Wire:
    """What stands between boto3 and the network: the answers of one case, over and over."""

    def __init__(self) -> None:
        session = boto3.Session(
            aws_access_key_id="AKIA", aws_secret_access_key="secret", region_name=REGION
        )
        self.client = session.client("sesv2", config=CLIENT)
        self.client.meta.events.register("before-send.sesv2", self._answer)
        self.answers: Sequence[Response] = ()
        self._count = 0

    def _answer(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        answer = self.answers[self._count % len(self.answers)]
        self._count += 1
        assert self._count < 1000, "it asks and asks"
        headers = {**answer.headers, **({"x-amzn-errortype": answer.error} if answer.error else {})}
        operation = self.client.meta.service_model.operation_model(event_name.rpartition(".")[2])
        if not _has_form_of_ses(answer, operation.output_shape):
            headers.pop("x-amzn-requestid", None)
        return AWSResponse(request.url, answer.status, _Headers(headers), Raw(answer.body))

    def ses(self, answers: Sequence[Response]) -> SesClient:
        self.answers, self._count = answers, 0
        return SesClient(self.client, account_id="123456789012", clock=FakeClock())


def _has_form_of_ses(answer: Response, shape: Shape | None) -> bool:
    """Whether SES could have sent the body: what has its request id fits its service model."""
    try:
        body = json.loads(answer.body or b"{}")
        if answer.status >= 300:
            said = map(body.get, ("message", "Message", "code", "__type"))
            return all(isinstance(one, str | None) for one in said)
        return not _WithoutNulls().validate(body, shape).has_errors()
    except (ValueError, RecursionError, AttributeError, OverflowError, RuntimeError):
        return False


class _WithoutNulls(ParamValidator):
    """botocore's check of requests, for a response: unknown and null members are no error."""

    def _validate_structure(self, params: Any, shape: Any, *rest: Any) -> None:
        if isinstance(params, dict):
            # Without a MAIL FROM domain, SES leaves out members that its service model requires.
            known = (params.keys() & shape.members) - {"MailFromAttributes"}
            params = {name: params[name] for name in known if params[name] is not None}
        super()._validate_structure(params, shape, *rest)  # type: ignore[misc]


class _Headers(dict[str, str]):
    """Of any case, as urllib3's."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


wire = functools.cache(_Wire)
"""Made once: a client takes a second."""


def _life(ses: SesClient, step: str, changes: dict[str, Any]) -> None:
    """One call of the provider, on what an earlier run stored."""
    world = _world()
    before = Stored(
        declared=world.declared(1),
        instance="i",
        key=KeyInSes(
            key_set_at=START,
            key_set_by="CreateEmailIdentity",
            signing_since=START,
            status="SUCCESS",
        ),
        origin="EXTERNAL",
        signing_enabled=True,
    )
    outside = replace(
        world.outside,
        ses=lambda _: ses,
        names=lambda _: [one.name for one in ses.list_email_identities()],
    )
    steps: dict[str, Callable[[], object]] = {
        "foresee": lambda: lifecycle.foresee(world.declared(1), outside),
        "create": lambda: lifecycle.carry_out(
            None, world.declared(1, **changes), lambda: world.key(1), outside
        ),
        "rotate": lambda: lifecycle.carry_out(
            before, world.declared(2, **changes), lambda: world.key(2), outside
        ),
        "read": lambda: lifecycle.read(before, outside),
        "delete": lambda: lifecycle.delete(before, outside),
    }
    after = steps[step]()
    if isinstance(after, Stored):  # it can be stored, and read again
        outputs = after.to_outputs()
        assert Stored.from_outputs(json.loads(json.dumps(outputs))).to_outputs() == outputs


def _verify(ses: SesClient) -> None:
    world = _world()
    told = {"key_set_at": START, "key_set_by": "CreateEmailIdentity"}
    key = {"selector": "s1", "record_value": world.declared(1).record_value}
    entries = [
        Entry(domain=f"example.{end}", region=REGION, **key, **told) for end in ("com", "net")
    ]
    sources = replace(world.outside, ses=lambda _: ses)
    for verdict in verification.verify(entries, [], sources, timeout_minutes=1, on_timeout="warn"):
        json.dumps(verdict.to_properties())


def _world() -> World:
    world = World([pool(1), pool(2)])
    world.publish(1, 2)
    return world


@dataclass(frozen=True)
class Case:
    """What is done, and what SES answers to it."""

    step: str
    changes: dict[str, Any]
    answers: list[Response]


def put(case: Case) -> None:
    ses = wire().ses(case.answers)
    with refusals():
        if case.step == "verify":
            _verify(ses)
        else:
            _life(ses, case.step, case.changes)


TARGETS = (
    Target(
        "answers of SES",
        st.builds(
            Case,
            step=st.sampled_from(["foresee", "create", "rotate", "read", "delete", "verify"]),
            changes=st.sampled_from(
                [{}, {"adopt": True}, {"configuration_set": "newsletter", "tags": {"team": "mail"}}]
            ),
            answers=st.lists(responses, min_size=1, max_size=4),
        ),
        put,
        weight=2,
    ),
)
