"""
Mail as it arrives, in an account of AWS: SES receives it below the zone and puts it into a bucket.

Bucket and receipt rule set are called after the run. Where a rule set of others is active, the run stops.
Written from AWS's documents ("Setting up Amazon SES email receiving"), and not yet run there.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from tests.acceptance.errors import BUSY, SERVICE_PATIENCE, Limited, Lost, Stop, Unanswered, Unread, patiently
from tests.acceptance.lab import PREFIX, TRIES, Lab, Outside, below
from tests.acceptance.observing import status

ARRIVAL_SECONDS: Final = 300
VERIFIED_SECONDS: Final = 3600
POLL_SECONDS: Final = 2

PASSES: Final = {"BucketNotEmpty", "InvalidS3Configuration", "TooManyRequestsException"}
"""
Messages that came while the bucket was deleted; SES may not write into it yet, as S3 applies a new policy
late; too many calls. `patiently` leaves them to callers.
"""

LIMITS: Final = BUSY | {"LimitExceededException", "TooManyRequestsException"}
"""Codes of SendEmail that say that the account has reached a limit. A daily quota has the last one."""

Clients = Callable[[str], Any]
T = TypeVar("T")


def open_mailbox(lab: Lab, clients: Clients) -> Callable[[str], bytes]:
    """
    What sends a message from a domain and returns it as it arrived. `AwsMailboxes` takes it all away.

    Its domain is an identity too: an account in SES's own sandbox may send to nobody else. Once more is
    no harm, also where an earlier attempt was cut off.
    """
    outside, name = lab.outside, PREFIX + lab.run
    domain = f"in.{below(lab.run, outside.zone)}"
    try:
        _patiently(lambda: _receive(clients, outside, name, domain), outside.wait, outside.patience)
    except ClientError as error:
        raise Stop(f"no mail can be received ({_why(error)}); RECEIVE=no runs without") from None
    outside.records.publish_mx(domain, f"10 inbound-smtp.{outside.region}.amazonaws.com")
    key = lab.key()
    lab.publish(domain, key)
    if not lab.get(domain):
        lab.create(domain, key)
    _until_verified(lab, domain)
    return lambda sender: _sent_and_arrived(outside, clients("s3"), name, sender, domain)


class AwsMailboxes:
    """Buckets and receipt rule sets of runs, in one account and one Region."""

    def __init__(self, clients: Clients, wait: Callable[[float], None]) -> None:
        self._clients = clients
        self._wait = wait

    def listed(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for what, names in (("receipt rule set", self._rule_sets), ("bucket", self._buckets)):
            for name in _patiently(names, self._wait, SERVICE_PATIENCE):
                if match := re.fullmatch(rf"{PREFIX}([0-9a-f]{{8}})", name):
                    found[match[1]].append(f"{what} {name}")
        return dict(found)

    def remove(self, run: str) -> list[str]:
        name, removed, problems = PREFIX + run, [], []
        for what, remove in (("receipt rule set", self._remove_rule_set), ("bucket", self._remove_bucket)):
            try:
                is_removed = _patiently(partial(remove, name), self._wait, SERVICE_PATIENCE)
            except (ClientError, Stop) as error:
                problems.append(f"{what} {name} ({_why(error)})")
            else:
                removed += [f"{what} {name}"] if is_removed else []
        if problems:
            raise Stop(", ".join(problems))
        return removed

    def _rule_sets(self) -> list[str]:
        names, more = [], {}
        while True:
            try:
                page = self._clients("ses").list_receipt_rule_sets(**more)
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidAction":
                    return []  # this Region receives no mail
                raise
            names += [one["Name"] for one in page.get("RuleSets", ())]
            if not page.get("NextToken"):
                return names
            more = {"NextToken": page["NextToken"]}

    def _buckets(self) -> list[str]:
        return [one["Name"] for one in self._clients("s3").list_buckets()["Buckets"]]

    def _remove_rule_set(self, name: str) -> bool:
        if name not in self._rule_sets():
            return False
        ses = self._clients("ses")
        if ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name") == name:
            ses.set_active_receipt_rule_set()
        ses.delete_receipt_rule_set(RuleSetName=name)
        return True

    def _remove_bucket(self, name: str) -> bool:
        if name not in self._buckets():
            return False
        s3 = self._clients("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            keys = [{"Key": found["Key"]} for found in page.get("Contents", ())]
            if keys:
                s3.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
        s3.delete_bucket(Bucket=name)
        return True


def _patiently(do: Callable[[], T], wait: Callable[[float], None], seconds: float) -> T:
    """What *do* returns, which is done from its beginning again after an error that passes."""

    def unless_it_passes() -> T:
        for _ in range(TRIES):
            try:
                return do()
            except ClientError as error:
                if error.response["Error"]["Code"] not in PASSES:
                    raise
            wait(1)
        return do()

    return patiently(unless_it_passes, wait=wait, what="mail", seconds=seconds)


def _why(error: ClientError | Stop) -> str:
    """Code and text of AWS's error, or why the run stops."""
    if isinstance(error, Stop):
        return str(error)
    return f"{error.response['Error']['Code']}: {error.response['Error'].get('Message')}"


def _receive(clients: Clients, outside: Outside, name: str, domain: str) -> None:
    """Bucket and rule set exist, whatever part of them existed before."""
    ses, s3 = clients("ses"), clients("s3")
    _refuse_others(ses, outside, name)
    if name not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        where = {} if outside.region == "us-east-1" else {"LocationConstraint": outside.region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(_bucket_policy(name, outside.account)))
    rule = {
        "Name": name,
        "Enabled": True,
        "Recipients": [domain],
        "Actions": [{"S3Action": {"BucketName": name}}],
    }
    for create in (
        lambda: ses.create_receipt_rule_set(RuleSetName=name),
        lambda: ses.create_receipt_rule(RuleSetName=name, Rule=rule),
    ):
        try:
            create()
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExists":
                raise
    _refuse_others(ses, outside, name)  # SES can't be asked to activate it only if none is active
    ses.set_active_receipt_rule_set(RuleSetName=name)


def _refuse_others(ses: Any, outside: Outside, name: str) -> None:
    active = ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name", name)
    if active != name:
        raise Stop(f"{outside.region} receives mail by the rule set {active}; RECEIVE=no runs without")


def _bucket_policy(name: str, account: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ses.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{name}/*",
                "Condition": {"StringEquals": {"AWS:SourceAccount": account}},
            }
        ],
    }


def _until_verified(lab: Lab, domain: str) -> None:
    end = lab.now() + VERIFIED_SECONDS
    while status(lab.get(domain)) != "SUCCESS":
        if lab.now() >= end:
            raise Stop(f"SES did not verify {domain} in an hour; RECEIVE=no runs without mail")
        lab.wait_until(lab.now() + 15)


def _sent_and_arrived(outside: Outside, s3: Any, bucket: str, sender: str, domain: str) -> bytes:
    token = secrets.token_hex(16)

    def send() -> None:
        outside.ses.send_email(
            FromEmailAddress=f"acceptance@{sender}",
            Destination={"ToAddresses": [f"acceptance@{domain}"]},
            Content={"Simple": {"Subject": {"Data": token}, "Body": {"Text": {"Data": "All is well.\n"}}}},
        )

    def arrived() -> bytes | None:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for found in page.get("Contents", ()):
                content: bytes = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                if token.encode() in content:
                    s3.delete_object(Bucket=bucket, Key=found["Key"])
                    return content
        return None

    try:
        _patiently(send, outside.wait, outside.patience)
    except ClientError as error:
        kind = Limited if error.response["Error"]["Code"] in LIMITS else Unanswered
        raise kind(f"mail from {sender}: {_why(error)}") from None
    try:
        for _ in range(ARRIVAL_SECONDS // POLL_SECONDS):
            outside.wait(POLL_SECONDS)
            if content := _patiently(arrived, outside.wait, outside.patience):
                return content
    except ClientError as error:
        raise Unread(f"mail from {sender}: {error.operation_name}: {_why(error)}") from None
    raise Lost(f"mail from {sender} did not arrive in {ARRIVAL_SECONDS} s")
