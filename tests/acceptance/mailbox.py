"""
Mail as it arrives, in an account of AWS: SES receives it below the zone and puts it into a bucket.

Bucket and receipt rule set are called after the run. An active rule set of somebody else's is never replaced.
Written from AWS's documents ("Setting up Amazon SES email receiving"), and not yet run there.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tests.acceptance.lab import Lab, Outside, Stop, below
from tests.acceptance.probes import status

__all__ = ["NAMES", "open_mailbox", "remove_mailboxes"]

NAMES: Final = "byodkim-acceptance-"
"""What all buckets and rule sets of runs begin with; the run follows."""

ARRIVAL_SECONDS: Final = 300
VERIFIED_SECONDS: Final = 3600

Clients = Callable[[str], Any]


def open_mailbox(lab: Lab, clients: Clients) -> Callable[[str], bytes]:
    """
    What sends a message from a domain and returns it as it arrived. `remove_mailboxes` takes it all away.

    Its domain is an identity too: an account in SES's own sandbox may send to nobody else.
    """
    outside, name = lab.outside, NAMES + lab.run
    domain = f"in.{below(lab.run, outside.zone)}"
    try:
        _receive(clients, outside, name, domain)
    except (ClientError, BotoCoreError) as error:
        raise Stop(f"no mail can be received: {error}; MAIL=no runs without") from None
    outside.records.publish_mx(domain, f"10 inbound-smtp.{outside.region}.amazonaws.com")
    key = lab.key()
    lab.publish(domain, key)
    lab.create(domain, key)
    _until_verified(lab, domain)
    return lambda sender: _sent_and_arrived(outside, clients("s3"), name, sender, domain)


def remove_mailboxes(clients: Clients) -> list[str]:
    """Delete every bucket and rule set of runs; what they were called."""
    try:
        return [*_remove_rule_sets(clients("ses")), *_remove_buckets(clients("s3"))]
    except (ClientError, BotoCoreError) as error:
        raise Stop(f"bucket or receipt rule set: {error}") from None


def _receive(clients: Clients, outside: Outside, name: str, domain: str) -> None:
    ses, s3 = clients("ses"), clients("s3")
    active = ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name", name)
    if active != name:
        raise Stop(f"{outside.region} receives mail by the rule set {active}; MAIL=no runs without")
    if name in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        return  # the run is resumed
    where = {} if outside.region == "us-east-1" else {"LocationConstraint": outside.region}
    s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(_bucket_policy(name, outside.account)))
    ses.create_receipt_rule_set(RuleSetName=name)
    rule = {
        "Name": name,
        "Enabled": True,
        "Recipients": [domain],
        "Actions": [{"S3Action": {"BucketName": name}}],
    }
    ses.create_receipt_rule(RuleSetName=name, Rule=rule)
    ses.set_active_receipt_rule_set(RuleSetName=name)


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
    waited = 0
    while status(lab.get(domain)) != "SUCCESS":
        if waited >= VERIFIED_SECONDS:
            raise Stop(f"SES did not verify {domain} in an hour")
        lab.outside.wait(15)
        waited += 15


def _sent_and_arrived(outside: Outside, s3: Any, bucket: str, sender: str, domain: str) -> bytes:
    token = secrets.token_hex(16)
    try:
        outside.ses.send_email(
            FromEmailAddress=f"acceptance@{sender}",
            Destination={"ToAddresses": [f"acceptance@{domain}"]},
            Content={"Simple": {"Subject": {"Data": token}, "Body": {"Text": {"Data": "All is well.\n"}}}},
        )
        for _ in range(ARRIVAL_SECONDS // 5):
            for found in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
                content: bytes = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
                if token.encode() in content:
                    s3.delete_object(Bucket=bucket, Key=found["Key"])
                    return content
            outside.wait(5)
    except (ClientError, BotoCoreError) as error:
        raise Stop(f"mail from {sender}: {error}") from None
    raise Stop(f"mail from {sender} did not arrive in {ARRIVAL_SECONDS} s")


def _remove_rule_sets(ses: Any) -> list[str]:
    names = [one["Name"] for one in ses.list_receipt_rule_sets().get("RuleSets", ()) if _is_ours(one["Name"])]
    if names and ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name") in names:
        ses.set_active_receipt_rule_set()
    for name in names:
        ses.delete_receipt_rule_set(RuleSetName=name)
    return [f"receipt rule set {name}" for name in names]


def _remove_buckets(s3: Any) -> list[str]:
    names = [one["Name"] for one in s3.list_buckets()["Buckets"] if _is_ours(one["Name"])]
    for name in names:
        for found in s3.list_objects_v2(Bucket=name).get("Contents", ()):
            s3.delete_object(Bucket=name, Key=found["Key"])
        s3.delete_bucket(Bucket=name)
    return [f"bucket {name}" for name in names]


def _is_ours(name: str) -> bool:
    return bool(re.fullmatch(rf"{NAMES}[0-9a-f]{{8}}", name))
