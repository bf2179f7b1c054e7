"""
AWS and DNS below everything the product does itself, in this process.

SES and STS are answered where botocore would send the request, so that its own checks, its parser
and all retries are the real ones. Route 53 is what the sandbox's stand-in for pulumi-aws asks.
No judgement here, and no idea of a stack.
"""

import functools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import boto3
import botocore.endpoint
import botocore.httpsession
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from byodkim_provider import progress
from byodkim_provider.aws import connections, errors
from byodkim_provider.aws.ses import SesClient
from byodkim_provider.aws.settings import AwsSettings
from byodkim_provider.dkim import keys, records
from byodkim_provider.dns.resolver import Answer
from sandbox.aws.route53_rules import Change, problems
from sandbox.dns.zone import RecordSet
from sandbox.ses.model import SesModel
from sandbox.ses.rules import SesError
from sandbox.ses.switches import FaultKind, Switches
from tests.faults.trouble import Calls, SpoiledError
from tests.support import simulation
from tests.support.fakes import REGION, SERVERS, FakeClock
from tests.support.http_answer import Raw
from tests.support.simulation import ACCOUNT, DOMAIN, KEYS_ZONE, ZONES, pool

SETTINGS: Final = AwsSettings(access_key="AKIAEXAMPLE", secret_key="example")

READ_TIMEOUT_SECONDS: Final = 30
"""After which botocore gives up, as `connections.CLIENT` has it."""

GARBAGE: Final = b"<html><body>Please sign in to this network</body></html>"

DNS_FAILURES: Final[Mapping[FaultKind, str]] = {
    "500": "SERVFAIL",
    "access_denied": "REFUSED",
    "drop": "unreachable",
    "timeout": "silent",
    "garbage": "garbage",
}

IDENTITY_OF_CALLER: Final = (
    "<GetCallerIdentityResponse "
    'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    f"<Arn>arn:aws:iam::{ACCOUNT}:user/jo</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
).encode()

XML: Final = {"Content-Type": "text/xml"}

STS_ERROR: Final = (
    "<ErrorResponse><Error><Code>{}</Code><Message>no</Message></Error></ErrorResponse>"
)

ERRORS: Final[Mapping[FaultKind, tuple[int, str]]] = {
    "throttle": (429, "TooManyRequestsException"),
    "500": (500, "InternalServiceErrorException"),
    "access_denied": (403, "AccessDeniedException"),
}

T = TypeVar("T")


class Zone:
    """A zone in Route 53, at all name servers at once; SES sees what they see."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.record_sets: dict[tuple[str, str], RecordSet] = {}
        self.hidden_until = clock.now()
        """Until when no server has a record that came since the test began."""

    def put(self, name: str, value: str) -> None:
        """Somebody else makes a TXT record."""
        self.record_sets[name + ".", "TXT"] = RecordSet(name + ".", "TXT", 300, (value,))

    def paste_cnames(self) -> None:
        """The domain's DNS team adds the CNAMEs of its three slots."""
        for slot in (1, 2, 3):
            name = f"ses{slot}._domainkey.{DOMAIN}."
            self.record_sets[name, "CNAME"] = RecordSet(
                name, "CNAME", 300, (f"{name}{KEYS_ZONE}.",)
            )

    def alias(self, name: str) -> str:
        """Where a CNAME at *name* leads; "" if there is none."""
        found = self.record_sets.get((name + ".", "CNAME"))
        return found.values[0].rstrip(".") if found else ""

    def txt(self, name: str) -> tuple[str, ...]:
        """TXT values at *name*, their strings joined."""
        found = self.record_sets.get(((self.alias(name) or name) + ".", "TXT"))
        if found is None or self._clock.now() < self.hidden_until:
            return ()
        return tuple(records.unquoted(value) for value in found.values)

    def mx(self, name: str) -> tuple[str, ...]:
        """MX values at *name*."""
        found = self.record_sets.get((name + ".", "MX"))
        return found.values if found else ()


@dataclass
class Secrets:
    """A DNS host's secret: at the host, and where a run has it from."""

    of_host: str = "Zmlyc3Q="
    stack_file: str = "Zmlyc3Q="
    last_up: str = "Zmlyc3Q="
    """What the engine has kept of the configuration, for runs without the program."""
    variable: str = ""
    """In the environment of all runs."""


class Outside:
    """All that is outside, for one world of one test. It can be pickled."""

    def __init__(self, switches: Switches) -> None:
        self.clock = FakeClock()
        self.zone = Zone(self.clock)
        self.ses = SesModel(
            look_up_txt=self.zone.txt,
            look_up_mx=self.zone.mx,
            primary_server=_no_server,
            clock=self.clock,
            switches=switches,
            account_id=ACCOUNT,
            deliver=_no_mail,
        )
        self.calls = Calls()
        self.secrets = Secrets()
        self.keys_made = 0

    def client(self, region: str) -> SesClient:
        """SES as a new process reaches it: STS is asked first."""
        if self.calls.spoils("STS GetCallerIdentity"):
            made = connections.Connections(SETTINGS)
            made._made["session"] = _session()
            client = made._client("sesv2", region)
            made.account_id(region)
        else:  # the same without the 20 ms that it costs to have botocore ask STS
            self.calls.make("STS GetCallerIdentity", lambda: None)
            client = _client(region)
        sent: dict[str, Any] = {}

        def answer(event_name: str, **_: Any) -> Any:
            return self._answer_ses(event_name.rpartition(".")[2], region, sent["now"])

        on = client.meta.events  # all in place of what the process before had
        on.unregister("before-parse.sesv2", errors.refuse_foreign_answer)
        for event, do in {
            "provide-client-params.sesv2": lambda params, **_: sent.update(now=params),
            "before-send.sesv2": answer,
        }.items():
            on.unregister(event, unique_id=event)
            on.register(event, do, unique_id=event)
        return SesClient(client, account_id=ACCOUNT, clock=self.clock)

    def txt(self, name: str, domain: str) -> tuple[Answer, ...]:
        """As `resolver.DnsResolver`."""
        assert name.endswith(domain)
        try:
            values = self.calls.make("DNS TXT", lambda: self.zone.txt(name))
        except SpoiledError as spoiled:
            return tuple(Answer(server, None, DNS_FAILURES[spoiled.kind]) for server in SERVERS)
        alias = self.zone.alias(name)
        return tuple(Answer(server, values, target=alias) for server in SERVERS)

    # Route 53, as boto3's client of that name has it

    def get_hosted_zone(self, Id: str) -> dict[str, Any]:  # noqa: N803
        return self.aws("Route 53 GetHostedZone", lambda: {"HostedZone": {"Name": f"{ZONES[Id]}."}})

    def change_resource_record_sets(self, HostedZoneId: str, ChangeBatch: Any) -> dict[str, Any]:  # noqa: N803
        def change() -> dict[str, Any]:
            return self._change(ZONES[HostedZoneId], ChangeBatch["Changes"])

        return self.aws("Route 53 ChangeResourceRecordSets", change)

    def list_resource_record_sets(self, StartRecordName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        name = StartRecordName.rstrip(".") + "."

        def look() -> dict[str, Any]:
            found = [one for (at, _), one in self.zone.record_sets.items() if at == name]
            return {"ResourceRecordSets": list(map(_listed, found))}

        return self.aws("Route 53 ListResourceRecordSets", look)

    def get_paginator(self, _operation: str) -> SimpleNamespace:
        """Of the records at a name: one page."""
        return SimpleNamespace(paginate=lambda **asked: [self.list_resource_record_sets(**asked)])

    def aws(self, name: str, work: Callable[[], T]) -> T:
        """A call of pulumi-aws; a spoiled one raises what botocore would."""
        try:
            return self.calls.make(name, work)
        except SpoiledError as spoiled:
            raise self._lost_on_the_way(spoiled.kind) or _client_error(spoiled.kind, name) from None

    # In place of what the product takes from its process

    def replaced(self) -> list[tuple[object, str, object]]:
        """Object, attribute and what stands there instead."""
        return [
            *simulation.replaced(self._next_key),
            (os, "environ", {**os.environ, "RFC2136_TSIG_SECRET": self.secrets.variable}),
            (
                botocore.httpsession.URLLib3Session,
                "send",
                lambda _, request: self._answer_sts(request),
            ),
            # botocore itself sleeps between its tries to reach STS.
            (botocore.endpoint, "time", SimpleNamespace(sleep=self.clock.wait)),
            (progress.Clock, "wait", lambda _, seconds: self.clock.wait(seconds)),
        ]

    def _next_key(self, _bits: int) -> keys.SigningKey:
        self.keys_made += 1
        return pool(self.keys_made - 1)

    def _change(self, zone: str, sent: list[dict[str, Any]]) -> dict[str, Any]:
        changes = [_change(one) for one in sent]
        refused = problems(f"{zone}.", self.zone.record_sets.values(), changes)
        if refused:
            answer: Any = {"Error": {"Code": "InvalidChangeBatch", "Message": ", ".join(refused)}}
            raise ClientError(answer, "ChangeResourceRecordSets")
        for action, record_set in changes:
            key = (record_set.name, record_set.type)
            if action == "DELETE":
                del self.zone.record_sets[key]
            else:
                self.zone.record_sets[key] = record_set
        return self.get_change(Id="/change/C1")

    def get_change(self, Id: str) -> dict[str, Any]:  # noqa: N803
        return {"ChangeInfo": {"Id": Id, "Status": "INSYNC"}}

    def _answer_ses(self, operation: str, region: str, sent: Mapping[str, Any]) -> AWSResponse:
        try:
            answer = self.calls.make(
                f"SES {operation}", lambda: self.ses.call(operation, region, sent)
            )
        except SesError as error:
            return self._json(error.status_code, {"message": error.message}, error=error.code)
        except SpoiledError as spoiled:
            return self._spoiled(
                spoiled.kind, lambda status, code: self._json(status, {"message": "no"}, error=code)
            )
        return self._json(200, answer)

    def _answer_sts(self, request: Any) -> AWSResponse:
        assert "sts" in request.url, f"a request leaves the process: {request.url}"
        try:
            answer = self.calls.make("STS GetCallerIdentity", lambda: IDENTITY_OF_CALLER)
        except SpoiledError as spoiled:
            return self._spoiled(
                spoiled.kind,
                lambda status, code: _response(status, STS_ERROR.format(code).encode(), XML),
            )
        return _response(200, answer, XML)

    def _spoiled(self, kind: FaultKind, error: Callable[[int, str], AWSResponse]) -> AWSResponse:
        """
        The answer that arrives instead, if any does; *error* makes one of a status and a code.
        """
        if lost := self._lost_on_the_way(kind, garbage=False):
            raise lost from None
        if kind == "garbage":
            return _response(200, GARBAGE, {"Content-Type": "text/html"})
        return error(*ERRORS[kind])

    def _lost_on_the_way(self, kind: FaultKind, *, garbage: bool = True) -> Exception | None:
        if kind == "timeout":
            self.clock.advance(timedelta(seconds=READ_TIMEOUT_SECONDS))
            return ReadTimeoutError(endpoint_url="https://aws.test")
        if kind == "drop":
            return ConnectionClosedError(endpoint_url="https://aws.test")
        return ResponseParserError("no XML") if kind == "garbage" and garbage else None

    def _json(self, status: int, answer: Mapping[str, Any], *, error: str = "") -> AWSResponse:
        headers = {
            "Content-Type": "application/json",
            "Date": format_datetime(self.clock.now(), usegmt=True),
            **({"x-amzn-ErrorType": error} if error else {}),
        }
        return _response(status, json.dumps(answer, default=datetime.timestamp).encode(), headers)


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(SETTINGS.access_key, SETTINGS.secret_key, region_name=REGION)


@functools.cache
def _client(_region: str) -> Any:
    """For all processes: to make one takes longer than most of them run."""
    return _session().client("sesv2", config=connections.CLIENT)


def _response(status: int, body: bytes, headers: Mapping[str, str]) -> AWSResponse:
    all_headers: Any = {"x-amzn-RequestId": "1", **headers}
    return AWSResponse("https://aws.test", status, all_headers, Raw(body))


def _client_error(kind: FaultKind, operation: str) -> ClientError:
    status, code = ERRORS[kind]
    answer: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


def _change(sent: Mapping[str, Any]) -> Change:
    wanted = sent["ResourceRecordSet"]
    values = tuple(record["Value"] for record in wanted["ResourceRecords"])
    name = wanted["Name"].rstrip(".") + "."
    return Change(sent["Action"], RecordSet(name, wanted["Type"], int(wanted["TTL"]), values))


def _listed(record_set: RecordSet) -> dict[str, Any]:
    return {
        "Name": record_set.name,
        "Type": record_set.type,
        "TTL": record_set.ttl,
        "ResourceRecords": [{"Value": value} for value in record_set.values],
    }


def _no_server(_: str) -> str:
    return ""


def _no_mail(*_: object) -> None:
    """No mail is sent here."""
