"""
Which AWS actions are called, on what, when and why: the one table.

Plain values, no AWS. An action that is called and is not in here is a bug
(tests/aws/test_permissions.py); the policy that follows from it is put together in `least_privilege`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["PERMISSIONS", "Need", "Permission"]

On = Literal[
    "identity", "configuration set", "secret", "KMS key", "zone", "zone to read", "change", "role", "any"
]
"""
What an action is allowed on.

"zone to read": any zone, if the zone is found by its name. "any": IAM can't limit this action to a resource.
"""

If = Literal["", "ours", "ours or adopted", "becomes ours", "our records", "by Secrets Manager"]
"""
The condition of the statement: the owner tag of an identity or a secret, or that tag in the request;
the names and types of records; a call that Secrets Manager makes.
"""

Need = Literal[
    "always",
    "configurationSet",
    "adopt",
    "tags",
    "keyStore",
    "keyStore with resourcePolicy",
    "keyStore with kmsKeyId",
    "Route 53",
    "existing zone",
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
    """AWS allows the action without a policy."""


PERMISSIONS: Final = (
    Permission("ses:CreateEmailIdentity", "identity", "always", "creates an identity", "becomes ours"),
    Permission(
        "ses:TagResource",
        "identity",
        "always",
        "writes `byodkim:owner` and `byodkim:instance`, with the identity or when one is taken over",
        "becomes ours",
    ),
    Permission(
        "ses:GetEmailIdentity",
        "identity",
        "always",
        "reads an identity: before each change, while waiting, in a refresh",
    ),
    Permission(
        "ses:ListEmailIdentities",
        "any",
        "always",
        "shows a preview which new identities exist already, and polls several identities with one call",
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
        "turns DKIM signing back on after somebody turned it off",
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
    # SES's reference names only the identity. If SES checks the set too, the set has no owner tag.
    Permission(
        "ses:PutEmailIdentityConfigurationSetAttributes",
        "configuration set",
        "configurationSet",
        "the same, for the configuration set",
    ),
    Permission(
        "ses:CreateEmailIdentity",
        "configuration set",
        "configurationSet",
        "creates an identity with a configuration set",
    ),
    Permission("ses:TagResource", "identity", "tags", "changes tags of yours", "ours"),
    Permission("ses:UntagResource", "identity", "tags", "removes tags of yours", "ours"),
    Permission(
        "ses:UntagResource",
        "identity",
        "adopt",
        "removes `byodkim:owner` and `byodkim:instance` from an adopted identity that leaves the stack",
        "ours",
    ),
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
        "secretsmanager:DescribeSecret",
        "secret",
        "keyStore",
        "checks a secret before a deletion, and in a refresh",
    ),
    Permission("secretsmanager:GetSecretValue", "secret", "keyStore", "reads a key before it is sent to SES"),
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
        "deletes the key of a generation that is removed",
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
        "compares the accounts of SES and pulumi-aws before the first write",
        allowed_anyway=True,
    ),
    Permission("sts:AssumeRole", "role", "role", "signs in as `aws:assumeRoles` or `dns.assumeRole` say"),
    Permission("sts:TagSession", "role", "role with tags", "checked with AssumeRole"),
    Permission("sts:SetSourceIdentity", "role", "role with sourceIdentity", "checked with AssumeRole"),
    Permission("route53:ListHostedZones", "any", "existing zone", "finds the zone that holds a domain"),
    Permission("route53:GetHostedZone", "zone to read", "Route 53", "reads a zone's name servers"),
    Permission(
        "route53:ListTagsForResource", "zone", "delegate", "called when the zone is read; tags are not used"
    ),
    Permission(
        "route53:ChangeResourceRecordSets",
        "zone",
        "Route 53",
        "creates and deletes the records of keys",
        "our records",
    ),
    Permission("route53:ListResourceRecordSets", "zone", "Route 53", "reads a record that exists"),
    Permission("route53:GetChange", "change", "Route 53", "waits until all name servers have a change"),
    Permission("route53:CreateHostedZone", "any", "delegate", "creates the zone `_domainkey.<domain>`"),
    Permission("route53:UpdateHostedZoneComment", "zone", "delegate", "corrects the zone's comment"),
    Permission("route53:DeleteHostedZone", "zone", "delegate", "deletes the zone, once it is not protected"),
    Permission("route53:ChangeTagsForResource", "zone", "delegate and defaultTags", "tags the zone"),
)
"""
Every action, by the service that is called.

This package calls `ses`, `secretsmanager` and `sts`; pulumi-aws calls `route53`, with the actions of
terraform-provider-aws (internal/service/route53): record.go for records, zone.go for `delegate`.
pulumi-aws calls sts:GetCallerIdentity at every sign-in. In Route 53 this package reads itself the zones
of an account, the name servers of a zone, and the record of a supplied key before it is created.
Condition keys: Service Authorization Reference, Amazon SES v2, AWS Secrets Manager and Amazon Route 53.
"""
