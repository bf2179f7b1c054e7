"""
Which AWS actions are called, on what and why: the one table, and the policy that it makes.

An action that is called and is not in here is a bug (tests/aws/test_permissions.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from byodkim_provider.aws.ses import OWNER_TAG

PERMISSIONS: Final = (
    ("identity", "becomes ours", "ses:CreateEmailIdentity", "creates an identity"),
    ("identity", "becomes ours", "ses:TagResource", "writes the `byodkim:` tags"),
    ("any identity", "ours", "ses:PutEmailIdentityDkimSigningAttributes", "switches to a key"),
    ("any identity", "ours", "ses:PutEmailIdentityDkimAttributes", "turns signing on again"),
    ("any identity", "ours", "ses:PutEmailIdentityConfigurationSetAttributes", "changes the set"),
    ("any identity", "ours", "ses:PutEmailIdentityMailFromAttributes", "sets `mailFrom`, or none"),
    ("any identity", "ours", "ses:TagResource", "changes tags of yours, or of a renamed stack"),
    ("any identity", "ours", "ses:UntagResource", "removes tags of yours, or of what leaves"),
    ("any identity", "ours", "ses:DeleteEmailIdentity", "deletes an identity made here"),
    ("identity to adopt", "", "ses:PutEmailIdentityDkimSigningAttributes", "switches to a key"),
    ("identity to adopt", "", "ses:PutEmailIdentityDkimAttributes", "turns signing on"),
    ("identity to adopt", "", "ses:PutEmailIdentityConfigurationSetAttributes", "sets the set"),
    ("identity to adopt", "", "ses:PutEmailIdentityMailFromAttributes", "sets `mailFrom`"),
    ("identity to adopt", "taken over", "ses:TagResource", "writes tags over another owner's"),
    # SES's reference names only the identity. If SES checks the set too, the set has no owner tag.
    ("configuration set", "", "ses:PutEmailIdentityConfigurationSetAttributes", "sets it"),
    ("configuration set", "", "ses:CreateEmailIdentity", "creates an identity with a set"),
    ("any", "", "ses:GetEmailIdentity", "reads an identity"),
    ("any", "", "ses:ListEmailIdentities", "shows which new identities exist, polls several"),
    ("any", "", "sts:GetCallerIdentity", "compares the accounts of SES and pulumi-aws"),
    ("any", "", "route53:ListHostedZones", "finds the zone that holds a domain"),
    ("any", "", "route53:GetHostedZone", "reads a zone's name servers"),
    ("any", "", "route53:ListResourceRecordSets", "reads a name before its record is made"),
    ("any", "", "route53:GetChange", "waits until all name servers have a change"),
    ("secret", "becomes ours", "secretsmanager:CreateSecret", "writes a key that was just made"),
    ("secret", "becomes ours", "secretsmanager:TagResource", "writes the `byodkim:` tags"),
    ("secret", "", "secretsmanager:DescribeSecret", "checks a secret that goes, or is refreshed"),
    ("secret", "", "secretsmanager:GetSecretValue", "reads a key before it is sent to SES"),
    ("secret", "ours", "secretsmanager:DeleteSecret", "deletes a key that is not published"),
    ("KMS key", "by Secrets Manager", "kms:GenerateDataKey", "encrypts a key, with `kmsKeyId`"),
    ("KMS key", "by Secrets Manager", "kms:Decrypt", "decrypts a key, with `kmsKeyId`"),
    ("role", "", "sts:AssumeRole", "signs in as `aws:assumeRoles` or `dns.assumeRole` say"),
    ("role", "", "sts:TagSession", "checked with AssumeRole, if the role has tags"),
    ("role", "", "sts:SetSourceIdentity", "checked with AssumeRole, with a sourceIdentity"),
    ("zone", "our records", "route53:ChangeResourceRecordSets", "makes and deletes records"),
)
"""
What an action is allowed on, on which condition, and why it is called.

pulumi-aws calls `route53` too (terraform-provider-aws, internal/service/route53/record.go).
"""


def policy(
    arns: Mapping[str, Collection[str]], owners: Collection[str], records: Collection[str]
) -> dict[str, Any]:
    """
    The IAM policy document for *arns*, keyed as in the table.

    *owners* are values of the owner tag that are ours, *records* names in the zones.
    """
    needed = _conditions(sorted(owners), sorted(records), sorted(arns.get("secret", ())))
    statements: dict[tuple[str, str], dict[str, Any]] = {}
    for on, condition, action, _ in PERMISSIONS:
        if arns.get(on):
            new = {"Effect": "Allow", "Action": [], "Resource": sorted(arns[on])}
            statement = statements.setdefault((on, condition), new | needed[condition])
            statement["Action"].append(action)
    return {"Version": "2012-10-17", "Statement": list(statements.values())}


def _conditions(
    owners: list[str], records: list[str], secrets: list[str]
) -> dict[str, dict[str, Any]]:
    """Conditions of statements (Service Authorization Reference of each service)."""
    ours = {f"aws:ResourceTag/{OWNER_TAG}": owners}
    becomes_ours = {"StringLike": {f"aws:RequestTag/{OWNER_TAG}": owners}}
    change = "route53:ChangeResourceRecordSets"
    types = ["TXT"] if all("._domainkey." in name for name in records) else ["MX", "TXT"]
    found = {
        "ours": {"StringLike": ours},
        # Without the second condition, TagResource would make another owner's identity ours, and
        # all other statements would apply to it. A new identity has no tag yet, so the condition
        # ends in "IfExists". An existing identity without the tag passes it too, so this statement
        # lists the ARNs of the stack's own domains only.
        "becomes ours": {**becomes_ours, "StringLikeIfExists": ours},
        "taken over": becomes_ours,
        "our records": {  # names are compared in lower case and without their final dot
            "ForAllValues:StringLike": {f"{change}NormalizedRecordNames": records},
            "ForAllValues:StringEquals": {f"{change}RecordTypes": types},
        },
        "by Secrets Manager": {
            "StringLike": {
                "kms:ViaService": ["secretsmanager.*"],
                "kms:EncryptionContext:SecretARN": secrets,
            }
        },
    }
    return {"": {}} | {name: {"Condition": condition} for name, condition in found.items()}
