"""
Which AWS actions are called, why, and the smallest policy that allows them.

One table and what follows from it: plain values in, a policy document out; no AWS here. An
action that is called and is not in `PERMISSIONS` is a mistake (tests/test_permissions.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

__all__ = [
    "MAX_POLICY_CHARACTERS",
    "OWNER_TAG",
    "PERMISSIONS",
    "SIMPLE_SCOPE",
    "Identity",
    "Permission",
    "Records",
    "Role",
    "Scope",
    "Secrets",
    "as_markdown",
    "partition_of",
    "policy",
    "size_of",
]

MAX_POLICY_CHARACTERS: Final = 6144
"""Of a managed policy, white space not counted (IAM user guide, "IAM and AWS STS quotas")."""

OWNER_TAG: Final = "byodkim:owner"
"""The tag that says whose an identity is (`identity_lifecycle.OWNER_TAG`)."""

On = Literal[
    "identity", "configuration set", "secret", "KMS key", "zone", "zone to read", "change", "role", "any"
]
"""
What an action is allowed on.

"zone to read" is any zone where a zone is looked for by its name, "any" an action that IAM
can't narrow to a resource.
"""

If = Literal["", "ours", "ours or adopted", "becomes ours", "our records", "by Secrets Manager"]
"""
Under which condition: the owner tag of an identity or a secret, or that tag in the request; the
names and types of records; a call that Secrets Manager makes.
"""

Need = Literal[
    "always",
    "several identities",
    "configurationSet",
    "tags",
    "keyStore",
    "keyStore with resourcePolicy",
    "keyStore with kmsKeyId",
    "Route 53",
    "zone by name",
    "delegate",
    "delegate and defaultTags",
    "role",
    "role with tags",
    "role with sourceIdentity",
]
"""When a stack needs it, in the configuration's words."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One row of the table."""

    action: str
    on: On
    need: Need
    why: str
    condition: If = ""
    allowed_anyway: bool = False
    """No policy has to allow it."""


PERMISSIONS: Final = (
    Permission("ses:CreateEmailIdentity", "identity", "always", "makes an identity", "becomes ours"),
    Permission(
        "ses:TagResource",
        "identity",
        "always",
        "writes `byodkim:owner` and `byodkim:instance`, with the identity or when one is taken over",
        "becomes ours",
    ),
    Permission("ses:GetEmailIdentity", "identity", "always", "looks before each change, waits, refreshes"),
    Permission(
        "ses:ListEmailIdentities",
        "any",
        "several identities",
        "waits for several new identities with one call",
    ),
    Permission(
        "ses:PutEmailIdentityDkimSigningAttributes",
        "identity",
        "always",
        "switches to another key, on a rotation or when an identity is adopted",
        "ours or adopted",
    ),
    Permission(
        "ses:PutEmailIdentityDkimAttributes",
        "identity",
        "always",
        "turns DKIM signatures on again that somebody turned off",
        "ours or adopted",
    ),
    Permission("ses:DeleteEmailIdentity", "identity", "always", "deletes an identity made here", "ours"),
    Permission(
        "ses:PutEmailIdentityConfigurationSetAttributes",
        "identity",
        "configurationSet",
        "changes the configuration set of an identity",
        "ours or adopted",
    ),
    # SES's reference names the identity alone; where SES also asks for the set, the owner tag is not on it.
    Permission(
        "ses:PutEmailIdentityConfigurationSetAttributes",
        "configuration set",
        "configurationSet",
        "the same, as far as it is about the set",
    ),
    Permission(
        "ses:CreateEmailIdentity",
        "configuration set",
        "configurationSet",
        "makes an identity with a configuration set",
    ),
    Permission("ses:TagResource", "identity", "tags", "changes tags of yours", "ours"),
    Permission("ses:UntagResource", "identity", "tags", "removes tags of yours", "ours"),
    Permission(
        "secretsmanager:CreateSecret", "secret", "keyStore", "writes a key that was just made", "becomes ours"
    ),
    Permission(
        "secretsmanager:TagResource",
        "secret",
        "keyStore",
        "writes `byodkim:owner` and `byodkim:instance`, with the secret or when a run goes on with it",
        "becomes ours",
    ),
    Permission(
        "secretsmanager:DescribeSecret", "secret", "keyStore", "looks before a deletion, and in a refresh"
    ),
    Permission("secretsmanager:GetSecretValue", "secret", "keyStore", "reads the key that SES is to be told"),
    Permission(
        "secretsmanager:PutResourcePolicy",
        "secret",
        "keyStore with resourcePolicy",
        "gives a secret its resource policy",
        "ours",
    ),
    Permission(
        "secretsmanager:DeleteSecret",
        "secret",
        "keyStore",
        "deletes the key of a generation that goes",
        "ours",
    ),
    Permission(
        "kms:GenerateDataKey",
        "KMS key",
        "keyStore with kmsKeyId",
        "called by Secrets Manager to encrypt a key",
        "by Secrets Manager",
    ),
    Permission(
        "kms:Decrypt",
        "KMS key",
        "keyStore with kmsKeyId",
        "called by Secrets Manager to read a key",
        "by Secrets Manager",
    ),
    Permission(
        "sts:GetCallerIdentity",
        "any",
        "always",
        "compares the accounts of SES and Route 53 before the first write",
        allowed_anyway=True,
    ),
    Permission("sts:AssumeRole", "role", "role", "signs in as `aws:assumeRoles` or `dns.assumeRole` say"),
    Permission("sts:TagSession", "role", "role with tags", "checked with AssumeRole"),
    Permission("sts:SetSourceIdentity", "role", "role with sourceIdentity", "checked with AssumeRole"),
    Permission("route53:ListHostedZones", "any", "zone by name", "finds the zone that holds a domain"),
    Permission("route53:GetHostedZone", "zone to read", "Route 53", "reads the zone's name and servers"),
    Permission("route53:ListTagsForResource", "zone to read", "Route 53", "read with a zone, not used"),
    Permission(
        "route53:ChangeResourceRecordSets",
        "zone",
        "Route 53",
        "makes and removes records of keys",
        "our records",
    ),
    Permission("route53:ListResourceRecordSets", "zone", "Route 53", "reads a record that exists"),
    Permission("route53:GetChange", "change", "Route 53", "waits until all name servers have a change"),
    Permission("route53:CreateHostedZone", "any", "delegate", "makes the zone `_domainkey.<domain>`"),
    Permission("route53:UpdateHostedZoneComment", "zone", "delegate", "puts its comment right"),
    Permission("route53:DeleteHostedZone", "zone", "delegate", "deletes it, once it is not protected"),
    Permission("route53:ChangeTagsForResource", "zone", "delegate and defaultTags", "tags it"),
)
"""
Every action, by the service that is called.

`ses`, `secretsmanager` and `sts` are called by this package, `route53` by pulumi-aws, which calls what
terraform-provider-aws does: internal/service/route53, zone_data_source.go for zones that are
found, record.go for records, zone.go for `delegate`. Its every sign-in asks sts:GetCallerIdentity.
Condition keys: Service Authorization Reference, Amazon SES v2, AWS Secrets Manager and Amazon Route 53.
"""

_PARTITIONS: Final = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("eusc-", "aws-eusc"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("us-iso-", "aws-iso"),
)
"""Beginnings of Regions outside the partition `aws` (partitions.json of botocore)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity that a stack has, or is to have; `*` for any Region or domain."""

    region: str
    domain: str
    adopt: bool = False
    """It may be another's as yet, so that no condition on its owner can hold."""
    configuration_set: str | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one domain in Route 53."""

    domain: str
    zone_id: str | None = None
    """None: not known before the zone is found, or made."""
    by_name: bool = True
    """The zone is looked for by its name."""
    delegate: bool = False
    keep: bool = False
    """It carries records of others, which may be CNAMEs."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys of a domain in Secrets Manager."""

    region: str
    name: str
    """Of the secrets, with `*`, or the end of an ARN."""
    kms_key_id: str | None = None
    """Id, ARN or alias; None: the account's own, which everybody in the account may use by Secrets Manager."""
    resource_policy: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A role that is assumed."""

    arn: str
    with_tags: bool = False
    with_source_identity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one set of credentials is for."""

    account: str = "*"
    owners: tuple[str, ...] = ("*",)
    """Values of the owner tag that are ours, with `*`."""
    identities: tuple[Identity, ...] = ()
    tags: bool = False
    """Tags of the identities are managed."""
    secrets: tuple[Secrets, ...] = ()
    records: tuple[Records, ...] = ()
    zone_tags: bool = False
    """pulumi-aws tags what it makes (`aws:defaultTags`)."""
    roles: tuple[Role, ...] = ()

    def needs(self) -> set[Need]:
        """What of the table applies."""
        regions = [one.region for one in self.identities]
        conditions: dict[Need, bool] = {
            "always": bool(self.identities),
            "several identities": "*" in regions or len(regions) > len(set(regions)),
            "configurationSet": any(one.configuration_set for one in self.identities),
            "tags": self.tags,
            "keyStore": bool(self.secrets),
            "keyStore with resourcePolicy": any(one.resource_policy for one in self.secrets),
            "keyStore with kmsKeyId": any(one.kms_key_id for one in self.secrets),
            "Route 53": bool(self.records),
            "zone by name": any(one.by_name for one in self.records),
            "delegate": any(one.delegate for one in self.records),
            "delegate and defaultTags": self.zone_tags and any(one.delegate for one in self.records),
            "role": bool(self.roles),
            "role with tags": any(one.with_tags for one in self.roles),
            "role with sourceIdentity": any(one.with_source_identity for one in self.roles),
        }
        return {need for need, applies in conditions.items() if applies}


SIMPLE_SCOPE: Final = Scope(
    identities=(Identity("*", "*", configuration_set="*"),),
    tags=True,
    secrets=(Secrets("*", "byodkim/*", resource_policy=True),),
    records=(Records("*", delegate=True, keep=True),),
    zone_tags=True,
)
"""Any stack in one account, whatever its domains: for people who have no stack yet."""


def policy(scope: Scope) -> dict[str, Any]:
    """The smallest IAM policy document for *scope*."""
    needs = scope.needs()
    actions: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for permission in PERMISSIONS:
        if permission.need in needs and not permission.allowed_anyway:
            for resources, condition in _targets(permission, scope):
                key = (tuple(dict.fromkeys(resources)), json.dumps(condition))
                actions.setdefault(key, []).append(permission.action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": sorted(set(allowed)),
                "Resource": resources[0] if len(resources) == 1 else list(resources),
                **({"Condition": json.loads(condition)} if condition != "{}" else {}),
            }
            for (resources, condition), allowed in actions.items()
        ],
    }


def size_of(document: dict[str, Any]) -> int:
    """Its characters, as IAM counts them."""
    return len("".join(json.dumps(document).split()))


def partition_of(region: str) -> str:
    """The second part of ARNs in *region*."""
    return next((name for beginning, name in _PARTITIONS if region.startswith(beginning)), "aws")


def as_markdown() -> str:
    """The table of docs/permissions.md."""
    lines = ["| action | on | if | when | why |", "| --- | --- | --- | --- | --- |"]
    for one in PERMISSIONS:
        condition = "–" if one.allowed_anyway else one.condition or "–"
        need = "allowed to everybody" if one.allowed_anyway else one.need
        lines.append(f"| `{one.action}` | {one.on} | {condition} | {need} | {one.why} |")
    return "\n".join(lines)


def _targets(permission: Permission, scope: Scope) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """On which resources *permission* is given, and under which condition."""
    match permission.on:
        case "identity":
            # An identity that is to be adopted has another's owner tag, or none, until it is switched.
            may_be_others = permission.condition == "ours or adopted"
            free = [one for one in scope.identities if one.adopt and may_be_others]
            bound = [one for one in scope.identities if one not in free]
            if free:
                yield [_identity_arn(one, scope.account) for one in free], {}
            if bound:
                yield [_identity_arn(one, scope.account) for one in bound], _owner(permission, scope)
        case "configuration set":
            yield (
                [
                    f"arn:{partition_of(one.region)}:ses:{one.region}:{scope.account}"
                    f":configuration-set/{one.configuration_set}"
                    for one in scope.identities
                    if one.configuration_set
                ],
                {},
            )
        case "secret":
            with_policy = permission.need == "keyStore with resourcePolicy"
            yield (
                [
                    f"arn:{partition_of(one.region)}:secretsmanager:{one.region}:{scope.account}:secret:{one.name}"
                    for one in scope.secrets
                    if one.resource_policy or not with_policy
                ],
                _owner(permission, scope),
            )
        case "KMS key":
            for secrets in scope.secrets:
                if secrets.kms_key_id:
                    yield [_kms_arn(secrets, scope.account)], _kms_condition(secrets)
        case "zone" if permission.condition == "our records":
            for zone_id, keep in dict.fromkeys((one.zone_id, one.keep) for one in scope.records):
                domains = [one.domain for one in scope.records if (one.zone_id, one.keep) == (zone_id, keep)]
                yield [_zone_arn(zone_id, scope)], _record_condition(domains, keep)
        case "zone":
            delegated_only = permission.need.startswith("delegate")
            yield (
                [
                    _zone_arn(one.zone_id, scope)
                    for one in scope.records
                    if one.delegate or not delegated_only
                ],
                {},
            )
        case "zone to read":
            # Any zone: where two have the same name, both are read to tell them apart.
            yield [_zone_arn(None if one.by_name else one.zone_id, scope) for one in scope.records], {}
        case "change":
            yield [f"arn:{_route53_partition(scope)}:route53:::change/*"], {}
        case "role":
            yield [role.arn for role in scope.roles if _concerns(permission, role)], {}
        case "any":
            yield ["*"], {}


def _concerns(permission: Permission, role: Role) -> bool:
    match permission.need:
        case "role with tags":
            return role.with_tags
        case "role with sourceIdentity":
            return role.with_source_identity
    return True


def _identity_arn(one: Identity, account: str) -> str:
    return f"arn:{partition_of(one.region)}:ses:{one.region}:{account}:identity/{one.domain}"


def _kms_arn(one: Secrets, account: str) -> str:
    key = one.kms_key_id or ""
    if key.startswith("arn:") and ":alias/" not in key:
        return key
    # An alias is no resource of a policy (KMS developer guide, "Specifying KMS keys in IAM policy statements").
    key_id = "*" if "alias/" in key else key
    return f"arn:{partition_of(one.region)}:kms:{one.region}:{account}:key/{key_id}"


def _kms_condition(one: Secrets) -> dict[str, Any]:
    alias = (one.kms_key_id or "").rpartition("alias/")
    return {
        "StringEquals": {"kms:ViaService": f"secretsmanager.{one.region}.amazonaws.com"},
        **({"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{alias[2]}"}} if alias[1] else {}),
    }


def _zone_arn(zone_id: str | None, scope: Scope) -> str:
    return f"arn:{_route53_partition(scope)}:route53:::hostedzone/{zone_id or '*'}"


def _route53_partition(scope: Scope) -> str:
    """Route 53 has no Regions; its zones are in the partition of the identities."""
    return next((partition_of(one.region) for one in scope.identities), "aws")


def _owner(permission: Permission, scope: Scope) -> dict[str, Any]:
    match permission.condition:
        case "ours" | "ours or adopted":
            key = "aws:ResourceTag"
        case "becomes ours":
            key = "aws:RequestTag"
        case _:
            return {}
    return {"StringLike": {f"{key}/{OWNER_TAG}": list(scope.owners)}}


def _record_condition(domains: list[str], keep: bool) -> dict[str, Any]:
    """Names are compared in lower case and without their final dot."""
    return {
        "ForAllValues:StringLike": {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                f"*._domainkey.{domain}" for domain in domains
            ]
        },
        "ForAllValues:StringEquals": {
            "route53:ChangeResourceRecordSetsRecordTypes": ["TXT", "CNAME"] if keep else ["TXT"]
        },
    }
