"""
Client of Secrets Manager: one method for each API action, with the action's name.

Turns responses into values, and errors into `AwsRefused`; `key_store` decides
which call comes when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from byodkim_provider.aws import errors
from byodkim_provider.aws.errors import T
from byodkim_provider.aws.settings import tag_list
from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.aws import AwsMessages

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

RECOVERY_DAYS: Final = 30
"""How long a deleted secret can be restored, in days: the longest that DeleteSecret allows."""


@dataclass(frozen=True)
class Secret:
    """A secret, as far as the action that returns it says."""

    arn: str
    version_id: str
    """The version that was written, or that GetSecretValue returns; "" if there is none."""
    text: str = field(default="", repr=False)
    """From GetSecretValue only; empty if the secret holds octets."""
    tags: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    """Scheduled for deletion: it can't be read unless it is restored."""


class SecretStore:
    """
    Secrets Manager in one Region. A class because all calls share one client.

    *secret* is a name or an ARN. Every method raises `AwsRefused` if Secrets Manager returns an
    error, and `Stopped` instead of calling once the run is interrupted.
    """

    def __init__(self, client: SecretsManagerClient) -> None:
        """*client* may retry by itself: repeating any action used here is harmless."""
        client.meta.events.register("before-parse.secrets-manager", errors.refuse_foreign_answer)
        self._client = client
        self._service = errors.Service(
            name="Secrets Manager",
            region=client.meta.region_name,
            kind="SecretRefused",
            lost=AwsMessages.SECRET_UNCONFIRMED(),
        )

    def create_secret(
        self, name: str, *, text: str, kms_key_id: str | None, tags: Mapping[str, str]
    ) -> Secret:
        """CreateSecret: a new secret that holds *text*."""
        encrypted = {"KmsKeyId": kms_key_id} if kms_key_id else {}
        answer = self._call(
            self._client.create_secret,
            name,
            Name=name,
            SecretString=text,
            Tags=tag_list(tags),
            **encrypted,
        )
        return Secret(answer["ARN"], answer["VersionId"])

    def describe_secret(self, secret: str) -> Secret | None:
        """DescribeSecret; None if there is no such secret."""
        try:
            answer = self._call(self._client.describe_secret, secret, SecretId=secret)
        except AwsRefused as refused:
            if refused.code == "ResourceNotFoundException":
                return None
            raise
        versions = answer.get("VersionIdsToStages", {})
        return Secret(
            arn=answer["ARN"],
            tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
            version_id=next(
                (version for version, stages in versions.items() if "AWSCURRENT" in stages), ""
            ),
            deleted="DeletedDate" in answer,
        )

    def get_secret_value(self, secret: str) -> Secret:
        """GetSecretValue."""
        answer = self._call(self._client.get_secret_value, secret, SecretId=secret)
        return Secret(answer["ARN"], answer["VersionId"], answer.get("SecretString", ""))

    def tag_resource(self, secret: str, tags: Mapping[str, str]) -> None:
        """TagResource: sets *tags*, leaves all others."""
        self._call(self._client.tag_resource, secret, SecretId=secret, Tags=tag_list(tags))

    def delete_secret(self, secret: str) -> None:
        """DeleteSecret: restorable for `RECOVERY_DAYS`. No error if deleted already."""
        try:
            delete = self._client.delete_secret
            self._call(delete, secret, SecretId=secret, RecoveryWindowInDays=RECOVERY_DAYS)
        except AwsRefused as refused:
            if refused.code != "InvalidRequestException":
                raise
            # An earlier attempt may have succeeded, and only its response was lost.
            described = self.describe_secret(secret)
            if described is None or not described.deleted:
                raise

    def _call(self, method: Callable[..., T], secret: str, **given: Any) -> T:
        """What *method* of the client returns for the arguments *given*."""
        operation = self._client.meta.method_to_api_mapping[method.__name__]
        return errors.call(partial(method, **given), self._service, operation, secret)
