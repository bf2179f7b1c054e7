"""
Which AWS actions are called, on what, when and why: the one table.

Plain values, no AWS. An action that is called and is not in here is a bug
(tests/aws/test_permissions.py); the policy that follows from it is put together in `least_privilege`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

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


_TABLE: Final[Mapping[tuple[On, Need, If], Mapping[str, str]]] = {
    ("identity", "always", "becomes ours"): {
        "ses:CreateEmailIdentity": "creates an identity",
        "ses:TagResource": "writes the `byodkim:` tags, with the identity, when one is taken over, or when "
        "the stack was renamed",
    },
    ("identity", "always", ""): {
        "ses:GetEmailIdentity": "reads an identity: before a change or `adopt`, while waiting, in a refresh",
    },
    ("any", "always", ""): {
        "ses:ListEmailIdentities": "shows a preview which new identities exist already, and polls several "
        "identities with one call",
        "sts:GetCallerIdentity": "compares the accounts of SES and pulumi-aws before the first write",
    },
    ("identity", "always", "ours or adopted"): {
        "ses:PutEmailIdentityDkimSigningAttributes": "switches to another key, on a rotation or when an "
        "identity is adopted",
        "ses:PutEmailIdentityDkimAttributes": "turns DKIM signing back on after somebody turned it off",
    },
    ("identity", "always", "ours"): {
        "ses:DeleteEmailIdentity": "deletes an identity made here",
    },
    ("identity", "configurationSet", "ours or adopted"): {
        "ses:PutEmailIdentityConfigurationSetAttributes": "changes the configuration set of an identity",
    },
    # SES's reference names only the identity. If SES checks the set too, the set has no owner tag.
    ("configuration set", "configurationSet", ""): {
        "ses:PutEmailIdentityConfigurationSetAttributes": "the same, for the configuration set",
        "ses:CreateEmailIdentity": "creates an identity with a configuration set",
    },
    ("identity", "tags", "ours"): {
        "ses:TagResource": "changes tags of yours",
        "ses:UntagResource": "removes tags of yours",
    },
    ("identity", "adopt", "ours"): {
        "ses:UntagResource": "removes the `byodkim:` tags from an adopted identity that leaves the stack",
    },
    ("secret", "keyStore", "becomes ours"): {
        "secretsmanager:CreateSecret": "writes a key that was just made",
        "secretsmanager:TagResource": "writes `byodkim:owner` and `byodkim:instance`, with the secret or "
        "when a run goes on with it",
    },
    ("secret", "keyStore", ""): {
        "secretsmanager:DescribeSecret": "checks a secret before a deletion, and in a refresh",
        "secretsmanager:GetSecretValue": "reads a key before it is sent to SES",
    },
    ("secret", "keyStore with resourcePolicy", "ours"): {
        "secretsmanager:PutResourcePolicy": "gives a secret its resource policy",
    },
    ("secret", "keyStore", "ours"): {
        "secretsmanager:DeleteSecret": "deletes the key of a generation that is removed",
    },
    ("KMS key", "keyStore with kmsKeyId", "by Secrets Manager"): {
        "kms:GenerateDataKey": "called by Secrets Manager to encrypt a key",
        "kms:Decrypt": "called by Secrets Manager to read a key",
    },
    ("role", "role", ""): {
        "sts:AssumeRole": "signs in as `aws:assumeRoles` or `dns.assumeRole` say",
    },
    ("role", "role with tags", ""): {
        "sts:TagSession": "checked with AssumeRole",
    },
    ("role", "role with sourceIdentity", ""): {
        "sts:SetSourceIdentity": "checked with AssumeRole",
    },
    ("any", "existing zone", ""): {
        "route53:ListHostedZones": "finds the zone that holds a domain",
    },
    ("zone to read", "Route 53", ""): {
        "route53:GetHostedZone": "reads a zone's name servers",
    },
    ("zone", "Route 53", "our records"): {
        "route53:ChangeResourceRecordSets": "creates and deletes the records of keys",
    },
    ("zone", "Route 53", ""): {
        "route53:ListResourceRecordSets": "reads a record that exists",
    },
    ("change", "Route 53", ""): {
        "route53:GetChange": "waits until all name servers have a change",
    },
}
"""Each action with why it is called, by what it is allowed on, when, and on which condition."""

PERMISSIONS: Final = tuple(
    Permission(action, on, need, why, condition, allowed_anyway=action == "sts:GetCallerIdentity")
    for (on, need, condition), actions in _TABLE.items()
    for action, why in actions.items()
)
"""
Every action, by the service that is called.

This package calls `ses`, `secretsmanager` and `sts`; pulumi-aws calls `route53`, with the actions of
terraform-provider-aws (internal/service/route53): record.go.
pulumi-aws calls sts:GetCallerIdentity at every sign-in. In Route 53 this package reads itself the zones
of an account, the name servers of a zone, and the record of a supplied key before it is created.
Condition keys: Service Authorization Reference, Amazon SES v2, AWS Secrets Manager and Amazon Route 53.
"""
