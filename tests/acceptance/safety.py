"""
What a run may not begin with, what it may delete, and what it needs to be allowed to do.

A run makes everything below `a-<run>.<zone>`, and tags identities. Only what is there, and for an identity
has the tag, is ever deleted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from tests.acceptance.lab import TAG, Lab, Outside, Refused, Stop
from tests.acceptance.mailbox import NAMES

__all__ = ["PRICE", "clean", "foreign", "guard", "iam_policy", "left", "refusals"]

PRICE: Final = (
    "under 2 US dollars: a few hundred messages and some Route 53 queries; the zone itself costs 0.50 a month"
)

APEX: Final = {"NS", "SOA"}

MADE: Final = {"TXT", "MX"}
"""Types of the records that runs make."""


def refusals(outside: Outside, *, others: bool, resumes: str = "") -> list[str]:
    """Why no run may begin here; *others*: identities of others in the Region are all right."""
    way_out = f"make acceptance CLEANUP=1 ZONE={outside.zone} REGION={outside.region}"
    return [
        *_foreign_records(outside),
        *([] if others else [f"{outside.region} has the identity {name}" for name in foreign(outside)]),
        *(f"an earlier run left {name}: {way_out}" for name in left(outside, resumes)),
    ]


def guard(outside: Outside, known: Collection[str]) -> None:
    """Stop if anything is there that is not a run's and was not *known* at its beginning."""
    new = [f"{outside.region} has the identity {name}" for name in foreign(outside) if name not in known]
    problems = [*_foreign_records(outside), *new]
    if problems:
        raise Stop(f"something that is not this run's has appeared: {'; '.join(problems)}")


def foreign(outside: Outside) -> list[str]:
    """Identities in the Region that no run has made."""
    return [name for name in _identities(outside) if not _below_a_run(name, outside.zone)]


def left(outside: Outside, resumes: str = "") -> list[str]:
    """Names of identities and records of runs, but for the run that *resumes*."""
    names = (*_identities(outside), *(name for name, _ in outside.records.listed()))
    ours = [name for name in names if _below_a_run(name, outside.zone)]
    return [name for name in ours if not (resumes and f"a-{resumes}.{outside.zone}" in name)]


def clean(outside: Outside) -> list[str]:
    """Delete what runs have made; the names of it. Once more is no harm. `Stop` if anything has to stay."""
    lab = Lab(outside, "clean")
    deleted, stay = [], []
    for name in [one for one in _identities(outside) if _below_a_run(one, outside.zone)]:
        seen = lab.get(name)
        if seen and any(tag["Key"] == TAG for tag in seen["Tags"]):
            lab.delete(name)
            deleted.append(name)
        elif seen:
            stay.append(name)
    for name, kind in outside.records.listed():
        if _below_a_run(name, outside.zone):
            if kind not in MADE:
                stay.append(f"{name} {kind}")
                continue
            outside.records.remove(name, kind)
            deleted.append(f"{name} {kind}")
    deleted += outside.remove_mailboxes()
    if stay:
        raise Stop(f"not made by a run, so it was left: {', '.join(stay)}")
    return deleted


def iam_policy(zone_id: str, zone: str, account: str, region: str) -> dict[str, Any]:
    """The least that a run needs, as an IAM policy."""
    identities = f"arn:aws:ses:{region}:{account}:identity/*.{zone}"
    ses = ("CreateEmailIdentity", "GetEmailIdentity", "DeleteEmailIdentity", "TagResource", "UntagResource")
    puts = ("PutEmailIdentityDkimAttributes", "PutEmailIdentityDkimSigningAttributes", "SendEmail")
    route53 = ("GetHostedZone", "ListResourceRecordSets")
    record_types = {"route53:ChangeResourceRecordSetsRecordTypes": sorted(MADE)}
    receive = ("CreateReceiptRuleSet", "CreateReceiptRule", "SetActiveReceiptRuleSet", "DeleteReceiptRuleSet")
    receipts = ("ListReceiptRuleSets", "DescribeActiveReceiptRuleSet", *receive)
    bucket = ("CreateBucket", "DeleteBucket", "PutBucketPolicy", "ListBucket", "GetObject", "DeleteObject")
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow([f"ses:{one}" for one in (*ses, *puts)], identities),
            _allow(["ses:ListEmailIdentities", "sts:GetCallerIdentity", "s3:ListAllMyBuckets"], "*"),
            _allow([f"ses:{one}" for one in receipts], "*"),
            _allow([f"s3:{one}" for one in bucket], f"arn:aws:s3:::{NAMES}*"),
            _allow([f"route53:{one}" for one in route53], f"arn:aws:route53:::hostedzone/{zone_id}"),
            _allow(["route53:ChangeResourceRecordSets"], f"arn:aws:route53:::hostedzone/{zone_id}")
            | {"Condition": {"ForAllValues:StringEquals": record_types}},
            _allow(["route53:GetChange"], "arn:aws:route53:::change/*"),
            _allow(
                ["route53:ListHostedZones", "route53:ListHostedZonesByName", "route53:ListTagsForResource"],
                "*",
            ),
        ],
    }


def _allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _foreign_records(outside: Outside) -> Iterator[str]:
    for name, kind in outside.records.listed():
        if (name == outside.zone and kind in APEX) or _below_a_run(name, outside.zone):
            continue
        why = (
            "it receives mail"
            if kind == "MX"
            else "it has a policy for mail"
            if name.startswith("_dmarc.")
            else ""
        )
        yield f"{outside.zone} is in use: {name} {kind}" + (f", {why}" if why else "")


def _below_a_run(name: str, zone: str) -> bool:
    return bool(re.fullmatch(rf"(.+\.|.+@)?a-[0-9a-f]{{8}}\.{re.escape(zone)}", name.rstrip(".").lower()))


def _identities(outside: Outside) -> list[str]:
    lab, names, more = Lab(outside, "list"), [], {}
    while True:
        try:
            page = lab.call("list_email_identities", PageSize=1000, **more)
        except Refused as refused:
            raise Stop(f"ListEmailIdentities: {refused}") from None
        names += [one["IdentityName"] for one in page["EmailIdentities"]]
        if not page.get("NextToken"):
            return names
        more = {"NextToken": page["NextToken"]}
