"""
The smallest IAM policy for what a set of credentials is for.

A scope in, a policy document out: no AWS here. `permissions` says which action is needed when;
this module adds resources and conditions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from byodkim_provider.aws.permissions import PERMISSIONS, Need, Permission
from byodkim_provider.aws.regions import partition_of
from byodkim_provider.aws.tags import OWNER_TAG
from byodkim_provider.dkim.key_secret import PREFIX

MAX_POLICY_CHARACTERS: Final = 6144
"""Of a managed policy, white space not counted (IAM user guide, "IAM and AWS STS quotas")."""


@dataclass(frozen=True, slots=True)
class IdentityAccess:
    """An identity that a stack has, or is to have; `*` for any Region or domain."""

    region: str
    domain: str
    adopt: bool = False
    """It may have another owner, so that no condition on the owner tag can hold."""
    configuration_set: str | None = None
    adopted: bool = False
    """It was adopted: when it leaves the stack, it stays in SES without our tags."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one domain in Route 53."""

    domain: str
    zone_id: str | None = None
    """None: not known before the zone is found or created."""
    by_name: bool = True
    """The zone is found by its name."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys of a domain in Secrets Manager."""

    region: str
    name: str
    """Name of the secrets, with `*`, or the last part of an ARN."""
    kms_key_id: str | None = None
    """ID, ARN or alias; None: the account's default key, which needs no permission."""
    resource_policy: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A role that is assumed."""

    arn: str
    with_tags: bool = False
    with_source_identity: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one set of credentials is used for."""

    account: str = "*"
    owners: tuple[str, ...] = ("*",)
    """Values of the owner tag that are ours, with `*`."""
    identities: tuple[IdentityAccess, ...] = ()
    tags: bool = False
    """Tags of the identities are managed."""
    secrets: tuple[Secrets, ...] = ()
    records: tuple[Records, ...] = ()
    roles: tuple[Role, ...] = ()

    def concerned(self, need: Need) -> Sequence[Any]:
        """The parts for which the actions of *need* are called; empty if none is."""
        has_set = any(one.configuration_set for one in self.identities)
        parts: dict[Need, Sequence[Any]] = {
            "always": self.identities,
            "configurationSet": self.identities if has_set else (),
            "adopt": [one for one in self.identities if one.adopt or one.adopted],
            "tags": self.identities if self.tags else (),
            "keyStore": self.secrets,
            "keyStore with resourcePolicy": [one for one in self.secrets if one.resource_policy],
            "keyStore with kmsKeyId": [one for one in self.secrets if one.kms_key_id],
            "Route 53": self.records,
            "existing zone": self.records,
            "role": self.roles,
            "role with tags": [one for one in self.roles if one.with_tags],
            "role with sourceIdentity": [one for one in self.roles if one.with_source_identity],
        }
        return parts[need]


ANY_STACK: Final = Scope(
    identities=(IdentityAccess("*", "*", configuration_set="*"),),
    tags=True,
    secrets=(Secrets("*", f"{PREFIX}*", resource_policy=True),),
    records=(Records("*"),),
)
"""Any stack in one account, whatever its domains: for people who have no stack yet."""


SCAN: Final[dict[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "route53:GetHostedZone",
                "route53:ListHostedZones",
                "ses:GetEmailIdentity",
                "ses:ListEmailIdentities",
            ],
            "Resource": "*",
        }
    ],
}
"""What `byodkim scan` calls, on every identity and zone of an account."""


def policy(scope: Scope) -> dict[str, Any]:
    """The smallest IAM policy document for *scope*."""
    actions: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for permission in PERMISSIONS:
        if (concerned := scope.concerned(permission.need)) and not permission.allowed_anyway:
            for resources, condition in _targets(permission, concerned, scope):
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


def _targets(
    permission: Permission, concerned: Sequence[Any], scope: Scope
) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """The resources and the condition of *permission*, which *concerned* need."""
    match permission.on:
        case "identity":
            # An identity that is to be adopted has another's owner tag, or none, until it is switched.
            bound, free = (_owner(permission, scope, adopt=adopt) for adopt in (False, True))
            adopted = [one for one in concerned if one.adopt and free != bound]
            for identities, condition in (
                (adopted, free),
                ([one for one in concerned if one not in adopted], bound),
            ):
                if identities:
                    yield [_arn("ses", one, scope, f"identity/{one.domain}") for one in identities], condition
        case "configuration set":
            names = [(one, one.configuration_set) for one in concerned if one.configuration_set]
            yield [_arn("ses", one, scope, f"configuration-set/{name}") for one, name in names], {}
        case "secret":
            arns = [_arn("secretsmanager", one, scope, f"secret:{one.name}") for one in concerned]
            yield arns, _owner(permission, scope)
        case "KMS key":
            for secrets in concerned:
                yield [_kms_arn(secrets, scope)], _kms_condition(secrets)
        case "zone" if permission.condition == "our records":
            # Each zone with the names of the records in it that are ours.
            for zone_id in dict.fromkeys(one.zone_id for one in concerned):
                domains = [one.domain for one in concerned if one.zone_id == zone_id]
                yield [_zone_arn(zone_id, scope)], _record_condition(domains)
        case "zone":
            yield [_zone_arn(one.zone_id, scope) for one in concerned], {}
        case "zone to read":
            # Any zone: if two have the same name, both are read to distinguish them.
            yield [_zone_arn(None if one.by_name else one.zone_id, scope) for one in concerned], {}
        case "change":
            yield [f"arn:{_route53_partition(scope)}:route53:::change/*"], {}
        case "role":
            yield [role.arn for role in concerned], {}
        case "any":
            yield ["*"], {}


def _arn(service: str, one: IdentityAccess | Secrets, scope: Scope, resource: str) -> str:
    return f"arn:{partition_of(one.region)}:{service}:{one.region}:{scope.account}:{resource}"


def _kms_arn(one: Secrets, scope: Scope) -> str:
    key = one.kms_key_id or ""
    if key.startswith("arn:") and ":alias/" not in key:
        return key
    # An alias can't be the resource of a policy (KMS developer guide, "Specifying KMS keys in IAM policies").
    return _arn("kms", one, scope, "key/*" if "alias/" in key else f"key/{key}")


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


def _owner(permission: Permission, scope: Scope, *, adopt: bool = False) -> dict[str, Any]:
    """The condition on the owner tag; *adopt*: for identities that may have another owner so far."""
    ours = {f"aws:ResourceTag/{OWNER_TAG}": list(scope.owners)}
    match permission.condition:
        case "ours or adopted" if adopt:
            return {}
        case "ours" | "ours or adopted":
            return {"StringLike": ours}
        case "becomes ours":
            becomes_ours = {"StringLike": {f"aws:RequestTag/{OWNER_TAG}": list(scope.owners)}}
            # Without the second, TagResource would make another owner's identity ours, and so open the rest.
            # "IfExists": what is created has no tag yet.
            return becomes_ours if adopt else becomes_ours | {"StringLikeIfExists": ours}
        case _:
            return {}


def _record_condition(domains: list[str]) -> dict[str, Any]:
    """Names are compared in lower case and without their final dot."""
    return {
        "ForAllValues:StringLike": {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                f"*._domainkey.{domain}" for domain in domains
            ]
        },
        "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]},
    }
