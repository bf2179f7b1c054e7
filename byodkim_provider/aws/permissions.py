"""
Which AWS actions are called, on what and why: the one table, and the policy that it makes.

Plain values, no AWS. An action that is called and is not in here is a bug
(tests/aws/test_permissions.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from byodkim_provider.aws.ses import OWNER_TAG

MAX_POLICY_CHARACTERS: Final = 6144
"""Of a managed policy, white space not counted (IAM user guide, "IAM and AWS STS quotas")."""

ALLOWED_ANYWAY: Final = {"sts:GetCallerIdentity"}
"""AWS allows these without a policy."""

On = Literal[
    "identity",
    "any identity",  # in the stack's Regions, once the owner tag is known; until then as "identity"
    "identity to read",  # in every Region
    "identity to adopt",
    "identity with mailFrom",
    "configuration set",
    "secret",
    "KMS key",
    "KMS alias",
    "role",
    "role with tags",
    "role with a sourceIdentity",
    "zone",
    "zone to read",  # any zone, if the zone is found by its name
    "any zone",
    "any change",
    "any",  # IAM can't limit this action to a resource
]
"""
What an action is allowed on, which also says when: a stack without a secret needs no action on
secrets.
"""

If = Literal[
    "", "ours", "becomes ours", "taken over", "our records", "by Secrets Manager", "by alias"
]
"""The condition of the statement; `_conditions` has them."""

PERMISSIONS: Final[Mapping[tuple[On, If], Mapping[str, str]]] = {
    ("identity", "becomes ours"): {
        "ses:CreateEmailIdentity": "creates an identity",
        "ses:TagResource": "writes the `byodkim:` tags, with the identity or when it is taken over",
    },
    ("identity to read", ""): {
        "ses:GetEmailIdentity": (
            "reads an identity: before a change or `adopt`, while waiting, in a refresh, "
            "and in other Regions before a record goes with whose key it may sign"
        ),
    },
    ("any", ""): {
        "ses:ListEmailIdentities": (
            "shows a preview which new identities exist already, polls several "
            "identities with one call, and finds those in other Regions before a supplied key's "
            "record goes"
        ),
        "sts:GetCallerIdentity": (
            "compares the accounts of SES and pulumi-aws before the first write"
        ),
    },
    ("any identity", "ours"): {
        "ses:PutEmailIdentityDkimSigningAttributes": "switches to another key, on a rotation",
        "ses:PutEmailIdentityDkimAttributes": (
            "turns DKIM signing back on after somebody turned it off"
        ),
        "ses:PutEmailIdentityConfigurationSetAttributes": (
            "changes the configuration set of an identity"
        ),
        "ses:TagResource": (
            "changes tags of yours, and the `byodkim:` tags when the stack was renamed"
        ),
        "ses:UntagResource": (
            "removes tags of yours, and the `byodkim:` tags from an adopted identity that "
            "leaves the stack"
        ),
        "ses:DeleteEmailIdentity": "deletes an identity made here",
    },
    ("identity to adopt", ""): {
        "ses:PutEmailIdentityDkimSigningAttributes": (
            "switches an identity that is adopted to its key"
        ),
        "ses:PutEmailIdentityDkimAttributes": "enables DKIM signing of one",
        "ses:PutEmailIdentityConfigurationSetAttributes": "sets the configuration set of one",
        "ses:PutEmailIdentityMailFromAttributes": "sets `mailFrom` of one",
    },
    ("identity to adopt", "taken over"): {
        "ses:TagResource": "writes the `byodkim:` tags over another owner's",
    },
    ("identity with mailFrom", "ours"): {
        "ses:PutEmailIdentityMailFromAttributes": ("sets `mailFrom`, and takes it back"),
    },
    # SES's reference names only the identity. If SES checks the set too, the set has no owner tag.
    ("configuration set", ""): {
        "ses:PutEmailIdentityConfigurationSetAttributes": (
            "changes the configuration set of an identity"
        ),
        "ses:CreateEmailIdentity": "creates an identity with a configuration set",
    },
    ("secret", "becomes ours"): {
        "secretsmanager:CreateSecret": "writes a key that was just made",
        "secretsmanager:TagResource": (
            "writes `byodkim:owner` and `byodkim:instance`, with the secret or "
            "when a run goes on with it"
        ),
    },
    ("secret", ""): {
        "secretsmanager:DescribeSecret": "checks a secret before a deletion, and in a refresh",
        "secretsmanager:GetSecretValue": "reads a key before it is sent to SES",
    },
    ("secret", "ours"): {
        "secretsmanager:DeleteSecret": "deletes the key of a generation that is removed",
    },
    ("KMS key", "by Secrets Manager"): {
        "kms:GenerateDataKey": "called by Secrets Manager to encrypt a key",
        "kms:Decrypt": "called by Secrets Manager to read a key",
    },
    # An alias can't be the resource of a policy (KMS developer guide, "Specifying KMS keys in IAM
    # policies").
    ("KMS alias", "by alias"): {
        "kms:GenerateDataKey": "the same, with a key that is named by its alias",
        "kms:Decrypt": "the same, with a key that is named by its alias",
    },
    ("role", ""): {
        "sts:AssumeRole": "signs in as `aws:assumeRoles` or `dns.assumeRole` say",
    },
    ("role with tags", ""): {
        "sts:TagSession": "checked with AssumeRole",
    },
    ("role with a sourceIdentity", ""): {
        "sts:SetSourceIdentity": "checked with AssumeRole",
    },
    ("any zone", ""): {
        "route53:ListHostedZones": "finds the zone that holds a domain",
    },
    ("zone to read", ""): {
        "route53:GetHostedZone": "reads a zone's name servers",
    },
    ("zone", "our records"): {
        "route53:ChangeResourceRecordSets": (
            "creates and deletes the records of keys, and of `mailFrom`"
        ),
    },
    ("zone", ""): {
        "route53:ListResourceRecordSets": (
            "reads a record before it goes, and before a supplied key gets one"
        ),
    },
    ("any change", ""): {
        "route53:GetChange": "waits until all name servers have a change",
    },
}
"""
Each action with why it is called, by what it is allowed on and on which condition.

This package calls `ses`, `secretsmanager` and `sts`; pulumi-aws calls `route53`, with the actions
of terraform-provider-aws (internal/service/route53): record.go. pulumi-aws calls
sts:GetCallerIdentity at every sign-in. In Route 53 this package reads itself the zones of an
account, the name servers of a zone, and the record of a supplied key before it is created.
Condition keys: Service Authorization Reference, Amazon SES v2, AWS Secrets Manager and Amazon Route
53.
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """
    What one set of credentials is used for. `*` in it stands for any, or for what is not known.
    """

    partition: str
    """The second part of all ARNs."""
    account: str = "*"
    owners: tuple[str, ...] = ("*",)
    """Values of the owner tag that are ours."""
    arns: dict[On, set[str]] = field(default_factory=dict)
    """What the stack needs actions on."""
    records: set[str] = field(default_factory=set)
    """Names of records in Route 53."""
    key_regions: set[str] = field(default_factory=set)
    """Regions in which Secrets Manager uses KMS."""
    aliases: set[str] = field(default_factory=set)
    """Of KMS keys."""

    def add(self, on: On, *arns: str) -> None:
        self.arns.setdefault(on, set()).update(arns)

    def arn(self, service: str, region: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"


def policy(scope: Scope) -> dict[str, Any]:
    """The smallest IAM policy document for *scope*."""
    conditions = _conditions(scope)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": sorted(actions.keys() - ALLOWED_ANYWAY),
                "Resource": arns[0] if len(arns := sorted(scope.arns[on])) == 1 else arns,
                **({"Condition": conditions[condition]} if condition else {}),
            }
            for (on, condition), actions in PERMISSIONS.items()
            if scope.arns.get(on)
        ],
    }


def size_of(document: dict[str, Any]) -> int:
    """Its characters, as IAM counts them."""
    return len("".join(json.dumps(document).split()))


def _conditions(scope: Scope) -> dict[If, dict[str, Any]]:
    owners = list(scope.owners)
    ours = {f"aws:ResourceTag/{OWNER_TAG}": owners}
    becomes_ours = {"StringLike": {f"aws:RequestTag/{OWNER_TAG}": owners}}
    through = [f"secretsmanager.{region}.amazonaws.com" for region in sorted(scope.key_regions)]
    by_service = {"StringEquals": {"kms:ViaService": through}}
    record = "route53:ChangeResourceRecordSets"
    types = ["TXT"] if all("._domainkey." in one for one in scope.records) else ["MX", "TXT"]
    return {
        "ours": {"StringLike": ours},
        # Without the second, TagResource would make another owner's identity ours, and so open the
        # rest. "IfExists": what is created has no tag yet. It holds for what exists without the
        # tag, too: so the ARNs beside it are those of the stack's own domains, and never any
        # identity.
        "becomes ours": {**becomes_ours, "StringLikeIfExists": ours},
        "taken over": becomes_ours,
        # Names are compared in lower case and without their final dot.
        "our records": {
            "ForAllValues:StringLike": {f"{record}NormalizedRecordNames": sorted(scope.records)},
            "ForAllValues:StringEquals": {f"{record}RecordTypes": types},
        },
        "by Secrets Manager": by_service,
        "by alias": {
            **by_service,
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": sorted(scope.aliases)},
        },
    }
