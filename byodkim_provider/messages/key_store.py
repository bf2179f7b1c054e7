"""What is wrong with keys in AWS Secrets Manager."""

from __future__ import annotations

from typing import Final

from byodkim_provider.messages import SECTION, Table

_OTHER_NAME: Final = "rename project, stack or resource, or use `keyStore: state`"


class SecretMessages(Table):
    SECRETS = SECTION, "Secrets Manager. State now: SES signs as before; keys and records of the run may be made. More in [Keys in AWS Secrets Manager](../how-to/key-store.md#when-something-goes-wrong)."
    LONG_NAME = "the name of the resource must have at most {most} characters, not {length}", _OTHER_NAME
    NAME = "{name!r} can't be the name of a secret: {character!r} is not allowed", _OTHER_NAME
    ARN = "{seen} is not the ARN of a secret in Secrets Manager", "give the whole ARN of a secret"
    DELETED = "{arn} is scheduled for deletion: `aws secretsmanager restore-secret --secret-id {arn}` keeps it"
    GONE = "{arn} is gone and its key with it: sign with another generation, and leave this one out"
    OTHER_VERSION = "{arn} has another version than {version}, which was written here", "restore the version that was there before, or sign with another generation"
    OTHER_KEY = "{arn}: expected the key {expected}, the secret holds {found}", "nothing was changed in SES; give the version that was there before the label AWSCURRENT again (`aws secretsmanager update-secret-version-stage`), or sign with another generation"
    MADE_ALREADY = "{domain}: {selector} is in Secrets Manager already ({name}), no other key is made"
    LEFT = "{arn}: left in Secrets Manager, it now belongs to another resource"
