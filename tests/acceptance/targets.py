"""
Where a run goes: the sandbox or AWS. The same SDK and the same calls; only time and mail differ.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from byodkim_provider.dns.resolver import DnsResolver
from sandbox.mail.client import send
from sandbox.mail.sink import Message
from sandbox.world import Sandbox
from tests.acceptance.errors import PATIENCE, Stop, patiently
from tests.acceptance.lab import Outside, Record, plain
from tests.acceptance.mailbox import AwsMailboxes
from tests.acceptance.waiting import pause

TTL: Final = 60
STRING: Final = re.compile(r'"([^"]*)"')
"""In the value of a TXT record; runs publish no quotation marks."""

RAW_SECONDS: Final = 30.0
"""How long a request that is signed here waits for the next part of its answer."""

RAW_OCTETS: Final = 100_000
"""How much of the answer it reads."""

SOON: Final = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard"})
"""Whoever ends the run waits for the call of this moment."""

ONCE: Final = SOON.merge(Config(retries={"total_max_attempts": 1}))

Clients = Callable[[str], Any]


@dataclass(kw_only=True)
class Where(Outside):
    """`Outside`, with what else the commands need to know of it."""

    zone_id: str
    clients: Clients
    resolver: DnsResolver = field(default_factory=DnsResolver)


class Route53:
    """TXT and MX records of one zone. Quotas and pending changes are botocore's to retry."""

    def __init__(self, client: Any, zone_id: str, wait: Callable[[float], None]) -> None:
        self._client = client
        self._zone_id = zone_id
        self._wait = wait
        self.patience: Callable[[], float] = lambda: PATIENCE

    def publish(self, name: str, strings: list[list[str]], *, waits: bool = True) -> None:
        values = [" ".join(f'"{string}"' for string in record) for record in strings]
        self._upsert(name, "TXT", values, waits=waits)

    def publish_mx(self, name: str, value: str) -> None:
        self._upsert(name, "MX", [value])

    def remove(self, name: str, kind: str = "TXT", *, waits: bool = True) -> None:
        for record_set in self._simple(name, kind):
            self._change("DELETE", record_set, waits=waits)

    def listed(self) -> list[Record]:
        return [
            Record(plain(one["Name"]), one["Type"], one.get("SetIdentifier", ""), _texts(one))
            for one in self._all()
        ]

    def _upsert(self, name: str, kind: str, values: list[str], *, waits: bool = True) -> None:
        self._simple(name, kind)
        records = [{"Value": value} for value in values]
        record_set = {"Name": name, "Type": kind, "TTL": TTL, "ResourceRecords": records}
        self._change("UPSERT", record_set, waits=waits)

    def _simple(self, name: str, kind: str) -> list[dict[str, Any]]:
        """The record set of that name and type, if there is one. `Stop` if it has a routing policy."""
        found = [one for one in self._all() if (plain(one["Name"]), one["Type"]) == (name, kind)]
        if any("SetIdentifier" in one for one in found):
            raise Stop(f"{name} {kind} has a routing policy: it was not made by a run, and stays")
        return found

    def _all(self) -> list[dict[str, Any]]:
        def read() -> list[dict[str, Any]]:
            pages = self._client.get_paginator("list_resource_record_sets").paginate(
                HostedZoneId=self._zone_id
            )
            return [record_set for page in pages for record_set in page["ResourceRecordSets"]]

        return self._patiently(read)

    def _change(self, action: str, record_set: dict[str, Any], *, waits: bool) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record_set}]}
        try:
            change = self._patiently(
                lambda: self._client.change_resource_record_sets(
                    HostedZoneId=self._zone_id, ChangeBatch=batch
                )
            )
        except Stop:
            # The answer to a deletion may have been lost, and the next attempt finds nothing to delete.
            if action == "DELETE" and record_set not in self._all():
                return
            raise
        change_id, waited = change["ChangeInfo"]["Id"], 0
        while waits and (
            self._patiently(lambda: self._client.get_change(Id=change_id))["ChangeInfo"]["Status"] != "INSYNC"
        ):
            if waited >= self.patience():  # it says "generally within 60 seconds", and hours when it fails
                raise Stop(f"Route 53 did not finish a change within {waited} s")
            self._wait(10)
            waited += 10

    def _patiently(self, do: Callable[[], Any]) -> Any:
        try:
            # It fails at no request of ours in particular, so it has as long as the network has.
            seconds = self.patience()
            return patiently(do, wait=self._wait, what="Route 53", seconds=seconds, service_seconds=seconds)
        except ClientError as error:
            raise Stop(f"Route 53: {error}") from None


def _texts(record_set: dict[str, Any]) -> tuple[str, ...]:
    records = record_set.get("ResourceRecords", ()) if record_set["Type"] == "TXT" else ()
    return tuple("".join(STRING.findall(one["Value"])) for one in records)


def aws(zone: str, region: str, *, say: Callable[[str], None]) -> Where:
    """The real one, or whatever the AWS SDK's own variables lead to. Waiting takes its time."""
    session = boto3.Session(region_name=region)

    def sleep(seconds: float) -> None:
        if seconds >= 60:
            say(f"nothing to do for {seconds / 60:.0f} min")
        pause(seconds)

    clients: Clients = lambda service: session.client(service, config=ONCE if service == "sesv2" else SOON)  # noqa: E731
    return _where(zone, region, clients, session.get_credentials(), now=time.time, wait=sleep)


def in_sandbox(sandbox: Sandbox, zone: str, region: str) -> Where:
    """The sandbox in this process. Waiting moves its clock."""
    credentials = {
        "aws_access_key_id": sandbox.aws.access_key,
        "aws_secret_access_key": sandbox.aws.secret_key,
    }
    session = boto3.Session(region_name=region, **credentials)

    def clients(service: str) -> Any:
        url = sandbox.ses.url if service == "sesv2" else sandbox.aws.url
        return session.client(service, endpoint_url=url, config=ONCE if service == "sesv2" else None)

    where = _where(
        zone,
        region,
        clients,
        session.get_credentials(),
        now=sandbox.clock.monotonic,
        wait=lambda seconds: sandbox.clock.advance(max(seconds, 0)),
    )
    where.resolver = DnsResolver(resolvers=[sandbox.dns_resolver])
    where.send = lambda domain: _judged(send(sandbox, domain, region), domain)
    return where


def _judged(message: Message, domain: str) -> bytes:
    """A message with the receiver's verdict, in the form of SES's own."""
    verdict = {"pass": "pass", "fail": "fail"}.get(message.verdict.result, "none")
    said = f"Authentication-Results: sandbox; dkim={verdict} header.i=@{domain}\r\n"
    return said.encode() + message.content


def _where(zone: str, region: str, clients: Clients, credentials: Any, **time_: Any) -> Where:
    try:
        account = clients("sts").get_caller_identity()["Account"]
        route53 = clients("route53")
        found = route53.list_hosted_zones_by_name(DNSName=zone, MaxItems="10")["HostedZones"]
    except (ClientError, BotoCoreError) as error:
        raise Stop(f"no way into the account: {error}") from None
    zones = [one for one in found if one["Name"].rstrip(".") == zone and not one["Config"]["PrivateZone"]]
    if len(zones) != 1:
        raise Stop(f"the account has {len(zones)} public zones {zone}, there must be one")
    zone_id = zones[0]["Id"].rpartition("/")[2]
    ses = clients("sesv2")
    records = Route53(route53, zone_id, time_["wait"])
    where = Where(
        ses=ses,
        records=records,
        zone=zone,
        region=region,
        account=account,
        zone_id=zone_id,
        clients=clients,
        mailboxes=AwsMailboxes(clients, time_["wait"]),
        raw=partial(send_raw, ses.meta.endpoint_url, credentials, region),
        **time_,
    )
    records.patience = lambda: where.patience
    return where


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: urllib would send the signature and the session token to the other address."""

    def redirect_request(self, *_: object) -> None:
        return None


def send_raw(endpoint: str, credentials: Any, region: str, method: str, path: str, body: bytes) -> str:
    """Status, code and text of the answer to a request that is signed here."""
    request = AWSRequest(
        method, f"{endpoint}/v2/email/{path}", data=body, headers={"Content-Type": "application/json"}
    )
    SigV4Auth(credentials.get_frozen_credentials(), "ses", region).add_auth(request)
    sent = urllib.request.Request(request.url, body, dict(request.headers), method=method)
    try:
        with urllib.request.build_opener(_NoRedirect).open(sent, timeout=RAW_SECONDS) as answer:
            return f"{answer.status}"
    except urllib.error.HTTPError as error:
        with error:
            code = (error.headers.get("x-amzn-ErrorType") or "").partition(":")[0]
            return f"{error.code} {code}: {_text(error.read(RAW_OCTETS))}"


def _text(body: bytes) -> Any:
    """The text of an error, or the answer as it is if that is not how SES answers."""
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return f"not a JSON object: {body[:200]!r}"
    return told.get("message", told.get("Message"))
