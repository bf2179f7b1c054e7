"""
Which AWS actions are called, on what and why: the one table, and the policy that it makes.

An action that is called and is not in here is a bug (tests/aws/test_permissions.py).
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from byodkim_provider.aws.ses import OWNER_TAG

PERMISSIONS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("identity", "becomes ours"): {
        "ses:CreateEmailIdentity": "creates an identity",
        "ses:TagResource": "writes the `byodkim:` tags",
    },
    ("any identity", "ours"): {
        "ses:PutEmailIdentityDkimSigningAttributes": "switches to a key",
        "ses:PutEmailIdentityDkimAttributes": "turns signing on again",
        "ses:PutEmailIdentityConfigurationSetAttributes": "changes the set",
        "ses:PutEmailIdentityMailFromAttributes": "sets `mailFrom`, or none",
        "ses:TagResource": "changes tags of yours, or of a renamed stack",
        "ses:UntagResource": "removes tags of yours, or of what leaves",
        "ses:DeleteEmailIdentity": "deletes an identity made here",
    },
    ("identity to adopt", ""): {
        "ses:PutEmailIdentityDkimSigningAttributes": "switches to a key",
        "ses:PutEmailIdentityDkimAttributes": "turns signing on",
        "ses:PutEmailIdentityConfigurationSetAttributes": "sets the set",
        "ses:PutEmailIdentityMailFromAttributes": "sets `mailFrom`",
    },
    ("identity to adopt", "taken over"): {
        "ses:TagResource": "writes tags over another owner's",
    },
    # SES's reference names only the identity. If SES checks the set too, the set has no owner tag.
    ("configuration set", ""): {
        "ses:PutEmailIdentityConfigurationSetAttributes": "sets it",
        "ses:CreateEmailIdentity": "creates an identity with a set",
    },
    ("any", ""): {
        "ses:GetEmailIdentity": "reads an identity",
        "ses:ListEmailIdentities": "shows which new identities exist, polls several",
        "sts:GetCallerIdentity": "compares the accounts of SES and pulumi-aws",
        "route53:ListHostedZones": "finds the zone that holds a domain",
        "route53:GetHostedZone": "reads a zone's name servers",
        "route53:ListResourceRecordSets": "reads a name before its record is made",
        "route53:GetChange": "waits until all name servers have a change",
    },
    ("secret", "becomes ours"): {
        "secretsmanager:CreateSecret": "writes a key that was just made",
        "secretsmanager:TagResource": "writes the `byodkim:` tags",
    },
    ("secret", ""): {
        "secretsmanager:DescribeSecret": "checks a secret that goes, or is refreshed",
        "secretsmanager:GetSecretValue": "reads a key before it is sent to SES",
    },
    ("secret", "ours"): {
        "secretsmanager:DeleteSecret": "deletes a key that is not published",
    },
    ("KMS key", "by Secrets Manager"): {
        "kms:GenerateDataKey": "encrypts a key, with `kmsKeyId`",
        "kms:Decrypt": "decrypts a key, with `kmsKeyId`",
    },
    ("role", ""): {
        "sts:AssumeRole": "signs in as `aws:assumeRoles` or `dns.assumeRole` say",
        "sts:TagSession": "checked with AssumeRole, if the role has tags",
        "sts:SetSourceIdentity": "checked with AssumeRole, with a sourceIdentity",
    },
    ("zone", "our records"): {
        "route53:ChangeResourceRecordSets": "makes and deletes records",
    },
}
"""
By what they are allowed on, and on which condition: the actions, and why each is called.

pulumi-aws calls `route53` too (terraform-provider-aws, internal/service/route53/record.go).
"""


def policy(
    arns: Mapping[str, Collection[str]], owners: Collection[str], records: Collection[str]
) -> dict[str, Any]:
    """
    The IAM policy document for *arns*, keyed as in the table.

    *owners* are values of the owner tag that are ours, *records* names in the zones.
    """
    ours = {f"aws:ResourceTag/{OWNER_TAG}": sorted(owners)}
    becomes_ours = {"StringLike": {f"aws:RequestTag/{OWNER_TAG}": sorted(owners)}}
    change = "route53:ChangeResourceRecordSets"
    types = ["TXT"] if all("._domainkey." in name for name in records) else ["MX", "TXT"]
    # Service Authorization Reference of each service.
    conditions: dict[str, Any] = {
        "ours": {"StringLike": ours},
        # Without the second condition, TagResource would make another owner's identity ours, and
        # all other statements would apply to it. A new identity has no tag yet, so the condition
        # ends in "IfExists". An existing identity without the tag passes it too, so this statement
        # lists the ARNs of the stack's own domains only.
        "becomes ours": {**becomes_ours, "StringLikeIfExists": ours},
        "taken over": becomes_ours,
        "our records": {  # names are compared in lower case and without their final dot
            "ForAllValues:StringLike": {f"{change}NormalizedRecordNames": sorted(records)},
            "ForAllValues:StringEquals": {f"{change}RecordTypes": types},
        },
        "by Secrets Manager": {
            "StringLike": {
                "kms:ViaService": ["secretsmanager.*"],
                "kms:EncryptionContext:SecretARN": sorted(arns.get("secret", ())),
            }
        },
    }
    statements: list[dict[str, Any]] = []
    for (on, condition), actions in PERMISSIONS.items():
        if arns.get(on):
            new = {"Effect": "Allow", "Action": list(actions), "Resource": sorted(arns[on])}
            if condition:
                new["Condition"] = conditions[condition]
            statements.append(new)
    return {"Version": "2012-10-17", "Statement": statements}
