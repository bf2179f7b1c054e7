"""
What a run needs to be allowed to do: the least IAM policy, printed by `POLICY=1`.

ARNs are case-sensitive, so the names that the prober writes in capitals have a pattern of their own.
"""

from __future__ import annotations

from typing import Any, Final

from tests.acceptance.lab import PREFIX
from tests.acceptance.safety import MADE
from tests.acceptance.texts import NO_SET, another_region

SES: Final = (
    "CreateEmailIdentity",
    "DeleteEmailIdentity",
    "GetEmailIdentity",
    "PutEmailIdentityDkimAttributes",
    "PutEmailIdentityDkimSigningAttributes",
    "SendEmail",
    "TagResource",
    "UntagResource",
)
RECEIVE: Final = (
    "CreateReceiptRule",
    "CreateReceiptRuleSet",
    "DeleteReceiptRuleSet",
    "DescribeActiveReceiptRuleSet",
    "ListReceiptRuleSets",
    "SetActiveReceiptRuleSet",
)
BUCKET: Final = ("CreateBucket", "DeleteBucket", "ListBucket", "PutBucketPolicy")
OBJECTS: Final = ("DeleteObject", "GetObject")
ANYWHERE: Final = (
    "route53:ListHostedZones",
    "route53:ListHostedZonesByName",
    "s3:ListAllMyBuckets",
    "ses:GetAccount",
    "ses:ListEmailIdentities",
    "sts:GetCallerIdentity",
)
"""Reads that IAM can't limit to a resource. It can't limit those of `RECEIVE` either."""


def iam_policy(zone_id: str, zone: str, account: str, region: str) -> dict[str, Any]:
    """The least that a run needs, as an IAM policy."""
    arn = f"arn:aws:ses:{region}:{account}"
    ours = f"*.{PREFIX}*.{zone}"
    identities = [f"{arn}:identity/{name}" for name in (ours, f"{ours}.", ours.upper())]
    elsewhere = f"arn:aws:ses:{another_region(region)}:{account}:identity/{ours}"
    hosted_zone = f"arn:aws:route53:::hostedzone/{zone_id}"
    types = {"route53:ChangeResourceRecordSetsRecordTypes": sorted(MADE)}
    names = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": [ours.removeprefix("*."), ours]}
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow([f"ses:{one}" for one in SES], *identities),
            _allow(["ses:CreateEmailIdentity"], f"{arn}:configuration-set/{NO_SET}"),
            _allow(["ses:TagResource"], elsewhere),
            _allow(list(ANYWHERE), "*") | {"Sid": "ReadsThatIamCanNotNarrow"},
            _allow([f"ses:{one}" for one in RECEIVE], "*") | {"Sid": "ReceiptRulesThatIamCanNotNarrow"},
            _allow([f"s3:{one}" for one in BUCKET], f"arn:aws:s3:::{PREFIX}*"),
            _allow([f"s3:{one}" for one in OBJECTS], f"arn:aws:s3:::{PREFIX}*/*"),
            _allow(["route53:GetHostedZone", "route53:ListResourceRecordSets"], hosted_zone),
            _allow(["route53:ChangeResourceRecordSets"], hosted_zone)
            | {"Condition": {"ForAllValues:StringEquals": types, "ForAllValues:StringLike": names}},
            _allow(["route53:GetChange"], "arn:aws:route53:::change/*"),
        ],
    }


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
