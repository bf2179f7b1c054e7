"""
Every call of a run: SES, one zone in Route 53, and time.

Private keys are in requests and nowhere else: an error of botocore is shown by its class, as its
text may quote a request.
"""

import base64
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from byodkim_provider.dns.resolver import Answer, DnsResolver

TAG: Final = "byodkim-acceptance"
"""Key of the tag that identities of a run have. The value is the run."""

SECONDS_PER_CALL: Final = 1.1
"""SES allows one call a second (developer guide, quotas)."""

RETRIES: Final = {"mode": "standard", "total_max_attempts": 60}
"""About ten minutes without network, or of too many requests."""

TTL: Final = 60

Seen = dict[str, Any]
"""A response of SES, times in seconds since 1970. `At` is SES's own time."""


class Stop(Exception):
    """The run can't go on. The message says why."""


class Unanswered(Exception):
    """One question has no answer. The other questions go on."""


class Refused(Exception):
    """The error response of SES or Route 53."""

    def __init__(self, error: ClientError) -> None:
        self.status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        details = error.response["Error"]
        super().__init__(f"{self.status} {details['Code']}: {details.get('Message')}")


class Key(NamedTuple):
    """A key and its selector. A class, so that what SES gets and what DNS has can't differ."""

    selector: str
    rsa: rsa.RSAPrivateKey

    def encoded(self, encoding: Encoding = Encoding.DER) -> str:
        """The private key in base64, as SES expects it."""
        pkcs1 = PrivateFormat.TraditionalOpenSSL
        return base64.b64encode(self.rsa.private_bytes(encoding, pkcs1, NoEncryption())).decode()

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
    """boto3 clients."""
    zone: str
    zone_id: str
    region: str
    account: str
    now: Callable[[], float]
    sleep: Callable[[float], None]
    look_up: Callable[[str, str], Sequence[Answer]]
    """Answers of the zone's name servers about a TXT record: its name, the zone."""
    mail_to: str = ""
    """A person who reads mail, or nobody."""
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    lag: float = 120.0
    """How old the state that a read shows is at most, in seconds. Measured first."""
    first_check: float = 3600.0
    """Seconds from a key to SES's first check of DNS, at most."""
    unchecked: float = 0.0
    """SES makes no check for at least this many seconds after it gets a key."""

    def domain(self) -> str:
        """A new name of this run."""
        return f"d{secrets.token_hex(4)}.{below(self.run, self.zone)}"

    def key(self) -> Key:
        """A new key with a new selector, of 1024 bits."""
        return Key(f"k{secrets.token_hex(4)}", rsa.generate_private_key(65537, 1024))

    @property
    def clean_command(self) -> str:
        """What deletes all that earlier runs have left."""
        return f"venv/bin/python -m tests.acceptance {self.zone} {self.region} --clean"

    def masked(self, text: str) -> str:
        """*text* without the account's number and the names of IAM users and roles."""
        text = re.sub(r"arn:aws[\w-]*:(iam|sts)::[^\s\"\\,]+", "(a principal)", text)
        return text.replace(self.account, "(account)")

    # SES

    def call(self, action: str, **parameters: Any) -> Seen:
        """SES's response. Raises `Refused`."""
        self.sleep(SECONDS_PER_CALL)
        answer = called(getattr(self.ses, action), **parameters)
        answer["At"] = parsedate_to_datetime(answer.pop("ResponseMetadata")["HTTPHeaders"]["date"])
        return dict(in_seconds(answer))

    def create(self, domain: str, key: Key, **attributes: str) -> Seen:
        """CreateEmailIdentity with *key*; *attributes* replace what is sent of it."""
        return self.call(
            "create_email_identity",
            EmailIdentity=domain,
            DkimSigningAttributes=key.attributes | attributes,
            Tags=[{"Key": TAG, "Value": self.run}],
        )

    def put(self, domain: str, key: Key) -> Seen:
        return self.call(
            "put_email_identity_dkim_signing_attributes",
            EmailIdentity=domain,
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=key.attributes,
        )

    def get(self, domain: str) -> Seen:
        """The identity; empty if SES has none."""
        try:
            return self.call("get_email_identity", EmailIdentity=domain)
        except Refused as refused:
            if refused.status != 404:
                raise
            return {}

    def delete(self, domain: str) -> None:
        self.call("delete_email_identity", EmailIdentity=domain)

    def identities(self) -> list[str]:
        """ListEmailIdentities: the first thousand names in the Region, as SES spells them."""
        page = self.call("list_email_identities", PageSize=1000)
        return [identity["IdentityName"] for identity in page["EmailIdentities"]]

    # DNS: records of the zone are created or deleted, never overwritten

    def published(self) -> tuple[str, Key]:
        """A new name, and a key whose record is in DNS."""
        domain, key = self.domain(), self.key()
        self.create_record(key.record_name(domain), "TXT", f'"{key.p}"')
        return domain, key

    def create_record(self, name: str, kind: str, value: str) -> None:
        """Create a record set, and wait until all name servers have it; an error if it exists."""
        records = [{"Value": value}]
        self.change("CREATE", {"Name": name, "Type": kind, "TTL": TTL, "ResourceRecords": records})

    def records(self) -> list[dict[str, Any]]:
        """The first 300 record sets of the zone, as Route 53 has them."""
        page = called(self.route53.list_resource_record_sets, HostedZoneId=self.zone_id)
        return list(page["ResourceRecordSets"])

    def change(self, action: str, record_set: dict[str, Any]) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record_set}]}
        change_sets, get_change = self.route53.change_resource_record_sets, self.route53.get_change
        change = called(change_sets, HostedZoneId=self.zone_id, ChangeBatch=batch)["ChangeInfo"]
        for _ in range(360):
            if change["Status"] == "INSYNC":
                return
            self.sleep(10)
            change = called(get_change, Id=change["Id"])["ChangeInfo"]
        raise Stop("Route 53 did not finish a change within an hour")


def called(method: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
    """AWS's response. Raises `Refused`, or `Stop` if there is none."""
    try:
        return dict(method(**parameters))
    except ClientError as error:
        raise Refused(error) from None
    except BotoCoreError as error:  # its text may quote a request
        raise Stop(f"no access to AWS: {type(error).__name__}") from None


def in_seconds(answer: Any) -> Any:
    """*answer* with times as seconds since 1970."""
    if isinstance(answer, dict):
        return {name: in_seconds(part) for name, part in answer.items()}
    return answer.timestamp() if isinstance(answer, datetime) else answer


def below(run: str, zone: str) -> str:
    """The name that is above everything a run makes."""
    return f"byodkim-acceptance-{run}.{zone}"


def plain(name: str) -> str:
    """*name* for comparisons: SES keeps capitals and a final dot."""
    return name.rstrip(".").lower()


def say(text: str) -> None:
    """Print a line. A terminal that was closed is no reason to stop."""
    with suppress(OSError):
        print(text, flush=True)


def in_aws(zone: str, region: str) -> Lab:
    """A run in AWS, or wherever the AWS SDK's own variables lead."""
    session = boto3.Session(region_name=region)
    return opened(session, zone, now=time.time, sleep=time.sleep, look_up=DnsResolver().txt)


def opened(session: boto3.Session, zone: str, urls: Mapping[str, str] = {}, **world: Any) -> Lab:
    """A run in the account of *session*, whose services are at *urls* if these are named."""
    sts, route53, ses = (
        session.client(service, endpoint_url=urls.get(service), config=Config(retries=RETRIES))
        for service in ("sts", "route53", "sesv2")
    )
    account = called(sts.get_caller_identity)["Account"]
    page = called(route53.list_hosted_zones_by_name, DNSName=zone, MaxItems="10")
    zones = [
        hosted["Id"].rpartition("/")[2]
        for hosted in page["HostedZones"]
        if plain(hosted["Name"]) == zone and not hosted["Config"]["PrivateZone"]
    ]
    if len(zones) != 1:
        raise Stop(f"the account has {len(zones)} public hosted zones {zone}, expected one")
    return Lab(ses, route53, zone, zones[0], session.region_name, account, **world)
