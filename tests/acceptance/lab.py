"""
Every call of a run: SES, one zone in Route 53, and time, in the sandbox or in AWS.

A call that fails for a passing reason is repeated. Private keys are in requests and nowhere else:
an error of botocore is shown by its class, as its text may quote a request.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple, TypeVar

import boto3
import tenacity
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from byodkim_provider.dns.resolver import Answer, DnsResolver
from sandbox.world import Sandbox

TAG: Final = "byodkim-acceptance"
"""Key of the tag that identities of a run have. The value is the run."""

PREFIX: Final = "byodkim-acceptance-"
"""Every name that a run makes is, or is below, `byodkim-acceptance-<run>.<zone>`."""

SECONDS_PER_CALL: Final = 1.1
"""SES allows one call a second (developer guide, quotas)."""

TRIES: Final = 40
"""
Of a call that fails for a passing reason: with growing pauses of at most ten minutes, five hours.
"""

BUSY: Final = {
    "PriorRequestNotComplete",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
"""Codes for "too many requests" in SES and Route 53."""

TTL: Final = 60

CREATE: Final = "create_email_identity"
PUT: Final = "put_email_identity_dkim_signing_attributes"
GET: Final = "get_email_identity"
DELETE: Final = "delete_email_identity"

PKCS1: Final = PrivateFormat.TraditionalOpenSSL

T = TypeVar("T")
Seen = dict[str, Any]
"""A response of SES, times in seconds since 1970. `At` is SES's own time."""


class Stop(Exception):
    """The run can't go on. The message says why."""


class Unanswered(Exception):
    """One question has no answer. The other questions go on."""


class Refused(Exception):
    """SES's error response."""

    def __init__(self, status: int, code: str, text: str | None) -> None:
        super().__init__(f"{status} {code}: {text}")
        self.status = status


class Record(NamedTuple):
    """One record set of the zone, its name in lower case and without a final dot."""

    name: str
    kind: str
    whole: dict[str, Any]
    """As Route 53 has it."""

    def __str__(self) -> str:
        return f"{self.name} {self.kind}"


class Key(NamedTuple):
    """A key and its selector. A class, so that what SES gets and what DNS has can't differ."""

    selector: str
    rsa: rsa.RSAPrivateKey

    def encoded(self, encoding: Encoding = Encoding.DER) -> str:
        """The private key in base64, as SES expects it."""
        return base64.b64encode(self.rsa.private_bytes(encoding, PKCS1, NoEncryption())).decode()

    @property
    def attributes(self) -> dict[str, str]:
        """`DkimSigningAttributes`."""
        return {"DomainSigningSelector": self.selector, "DomainSigningPrivateKey": self.encoded()}

    @property
    def p(self) -> str:
        """The record's value, in the form of AWS's guide."""
        public = self.rsa.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"p={base64.b64encode(public).decode()}"

    def record_name(self, domain: str) -> str:
        return f"{self.selector}._domainkey.{domain}"


@dataclass
class Lab:
    """One run: an account, a Region, a zone, and what the run has measured."""

    ses: Any
    route53: Any
    """boto3 clients that try once."""
    zone: str
    zone_id: str
    region: str
    account: str
    now: Callable[[], float]
    sleep: Callable[[float], None]
    look_up: Callable[[str, str], Sequence[Answer]]
    """Answers of the zone's name servers about a TXT record: its name, the zone."""
    send: Callable[[str, str], None] | None = None
    """Sends mail from a domain with a subject to a person; None if nobody reads it."""
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    puts: list[tuple[str, str, str]] = field(default_factory=list)
    """Of each Put: the DKIM status before it, in its response, and after it."""
    lag: float = 120.0
    """
    How old the state that a read shows is at most, in seconds. Measured first, as are the next two.
    """
    first_check: float = 3600.0
    """Seconds from a key to SES's first check of DNS."""
    unchecked: float = 0.0
    """SES makes no check for at least this many seconds after it gets a key."""
    _next_call: float = 0.0

    def domain(self) -> str:
        """A new name of this run."""
        return f"d{secrets.token_hex(4)}.{below(self.run, self.zone)}"

    def key(self) -> Key:
        """A new key with a new selector, of 1024 bits."""
        return Key(f"k{secrets.token_hex(4)}", rsa.generate_private_key(65537, 1024))

    @property
    def clean_command(self) -> str:
        """What deletes all that earlier runs have left."""
        return (
            f"venv/bin/python -m tests.acceptance --clean --zone {self.zone} --region {self.region}"
        )

    # SES

    def call(self, action: str, *, empty_if: Collection[int] = (), **parameters: Any) -> Seen:
        """
        SES's response, empty after an error of these HTTP statuses. Raises `Refused` after all
        others.
        """
        try:
            return self._patiently(lambda: self._once(action, parameters))
        except ClientError as error:
            status, told = (
                error.response["ResponseMetadata"]["HTTPStatusCode"],
                error.response["Error"],
            )
            if status in empty_if:
                return {}
            raise Refused(status, told["Code"], told.get("Message")) from None

    def new(self, domain: str) -> dict[str, Any]:
        """Parameters of CreateEmailIdentity, with the run's tag."""
        return {"EmailIdentity": domain, "Tags": self.tags}

    def create(self, domain: str, key: Key) -> Seen:
        return self.call(CREATE, **self.new(domain), DkimSigningAttributes=key.attributes)

    def put(self, domain: str, key: Key) -> Seen:
        origin = {"SigningAttributesOrigin": "EXTERNAL"}
        return self.call(PUT, EmailIdentity=domain, SigningAttributes=key.attributes, **origin)

    def get(self, domain: str) -> Seen:
        return self.call(GET, empty_if=[404], EmailIdentity=domain)

    def delete(self, domain: str) -> None:
        self.call(DELETE, empty_if=[404], EmailIdentity=domain)

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": TAG, "Value": self.run}]

    def identities(self) -> list[str]:
        """ListEmailIdentities: the names of all identities in the Region, as SES spells them."""
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self.call("list_email_identities", PageSize=1000, **more)
            names += [each["IdentityName"] for each in page["EmailIdentities"]]
            if not page.get("NextToken"):
                return names
            more = {"NextToken": page["NextToken"]}

    # DNS: records of the zone are created or deleted, never overwritten

    def published(self) -> tuple[str, Key]:
        """A new name, and a key whose record is in DNS."""
        domain, key = self.domain(), self.key()
        self.publish(domain, key, key.p)
        return domain, key

    def publish(self, domain: str, key: Key, value: str) -> None:
        """The record of *key*, of at most 255 characters."""
        self.create_record(key.record_name(domain), "TXT", f'"{value}"')

    def create_record(self, name: str, kind: str, *values: str) -> None:
        """Create a record set, and wait until all name servers have it; an error if it exists."""
        records = [{"Value": value} for value in values]
        self._change("CREATE", {"Name": name, "Type": kind, "TTL": TTL, "ResourceRecords": records})

    def remove_record(self, name: str, kind: str = "TXT") -> None:
        """Delete the record set of that name and type if it exists."""
        for each in self.records():
            if (each.name, each.kind) == (name, kind):
                self._change("DELETE", each.whole)

    def records(self) -> list[Record]:
        """Every record set of the zone."""
        pages = self.route53.get_paginator("list_resource_record_sets").paginate
        found = self._of_route53(
            lambda: [*pages(HostedZoneId=self.zone_id).search("ResourceRecordSets[]")]
        )
        return [Record(plain(each["Name"]), each["Type"], each) for each in found]

    def _change(self, action: str, record_set: dict[str, Any]) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record_set}]}
        change_sets, get_change = self.route53.change_resource_record_sets, self.route53.get_change
        change = self._of_route53(lambda: change_sets(HostedZoneId=self.zone_id, ChangeBatch=batch))
        change_id = change["ChangeInfo"]["Id"]
        for _ in range(360):
            if (
                self._of_route53(lambda: get_change(Id=change_id))["ChangeInfo"]["Status"]
                == "INSYNC"
            ):
                return
            self.sleep(10)
        raise Stop("Route 53 did not finish a change within an hour")

    def _of_route53(self, do: Callable[[], T]) -> T:
        try:
            return self._patiently(do)
        except ClientError as error:
            raise Stop(f"Route 53: {error}") from None

    # How

    def masked(self, text: str) -> str:
        """*text* without the account's number and the names of IAM users and roles."""
        text = re.sub(r"arn:aws[\w-]*:(iam|sts)::[^\s\"\\,]+", "(a principal)", text)
        return text.replace(self.account, "(account)")

    def _patiently(self, do: Callable[[], T]) -> T:
        """What *do* returns. It is called again while it fails for a passing reason."""
        try:
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception(is_passing),
                wait=tenacity.wait_exponential(multiplier=1, max=600),
                stop=tenacity.stop_after_attempt(TRIES),
                sleep=self.sleep,
                reraise=True,
            )(do)
        except (BotoCoreError, OSError) as error:  # its text may quote a request
            raise Stop(f"AWS can't be reached: {type(error).__name__}") from None

    def _once(self, action: str, parameters: dict[str, Any]) -> Seen:
        self.sleep(max(self._next_call - self.now(), 0))
        try:
            answer: Seen = getattr(self.ses, action)(**parameters)
        finally:
            self._next_call = self.now() + SECONDS_PER_CALL
        answer["At"] = parsedate_to_datetime(answer.pop("ResponseMetadata")["HTTPHeaders"]["date"])
        with_seconds: Seen = json.loads(json.dumps(answer, default=datetime.timestamp))
        return with_seconds


def below(run: str, zone: str) -> str:
    """The name that is above everything a run makes."""
    return f"{PREFIX}{run}.{zone}"


def plain(name: str) -> str:
    """*name* for comparisons: SES keeps capitals and a final dot."""
    return name.rstrip(".").lower()


def is_passing(error: BaseException) -> bool:
    """The same call may succeed later: no network, a service that fails, too many requests."""
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status >= 500 or error.response["Error"]["Code"] in BUSY
    return isinstance(
        error, (AwsConnectionError, CredentialRetrievalError, HTTPClientError, OSError)
    )


def say(text: str) -> None:
    """Print a line. A terminal that was closed is no reason to stop."""
    with suppress(OSError):
        print(text, flush=True)


def in_aws(zone: str, region: str, mail_to: str) -> Lab:
    """A run in AWS, or wherever the AWS SDK's own variables lead. Waiting takes its time."""

    def sleep(seconds: float) -> None:
        if seconds >= 60:
            say(f"nothing to do for {seconds / 60:.0f} min")
        time.sleep(seconds)

    def send_to_person(domain: str, subject: str) -> None:
        lab.call(
            "send_email",
            FromEmailAddress=f"acceptance@{domain}",
            Destination={"ToAddresses": [mail_to]},
            Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": subject}}}},
        )

    session, look_up = boto3.Session(region_name=region), DnsResolver().txt
    lab = _lab(session, zone, now=time.time, sleep=sleep, look_up=look_up)
    lab.send = send_to_person if mail_to else None
    return lab


def in_sandbox(sandbox: Sandbox, zone: str, region: str) -> Lab:
    """A run in the sandbox of this process. Waiting moves the sandbox's clock."""
    return _lab(
        boto3.Session(sandbox.aws.access_key, sandbox.aws.secret_key, region_name=region),
        zone,
        {"sesv2": sandbox.ses.url, "sts": sandbox.aws.url, "route53": sandbox.aws.url},
        now=sandbox.clock.monotonic,
        sleep=sandbox.clock.advance,
        look_up=DnsResolver(resolvers=[sandbox.dns_resolver]).txt,
    )


def _lab(session: boto3.Session, zone: str, urls: Mapping[str, str] = {}, **how: Any) -> Lab:
    once = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})
    sts, route53, ses = (
        session.client(each, endpoint_url=urls.get(each), config=once)
        for each in ("sts", "route53", "sesv2")
    )
    try:
        account = sts.get_caller_identity()["Account"]
        found = route53.list_hosted_zones_by_name(DNSName=zone, MaxItems="10")["HostedZones"]
    except (BotoCoreError, ClientError) as error:
        why = error if isinstance(error, ClientError) else type(error).__name__
        raise Stop(f"no access to the account: {why}") from None
    zones = [
        each for each in found if plain(each["Name"]) == zone and not each["Config"]["PrivateZone"]
    ]
    if len(zones) != 1:
        raise Stop(f"the account has {len(zones)} public hosted zones {zone}, expected one")
    zone_id = zones[0]["Id"].rpartition("/")[2]
    return Lab(ses, route53, zone, zone_id, session.region_name, account, **how)
