"""
Client of Secrets Manager: one method for each API action, with the action's name.

Turns responses into values; `key_store.secret_lifecycle` decides which call comes when. No
message from here quotes a secret: AWS's own messages go through `said`, and errors are raised
`from None`, because the request in a botocore error may hold a key.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from byodkim_provider.aws import errors
from byodkim_provider.aws.ses_calls import said
from byodkim_provider.errors import SecretRefused, Stopped
from byodkim_provider.progress import stopping

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

__all__ = ["Secret", "SecretStore", "Value"]

READS: Final = ("DescribeSecret", "GetSecretValue")

CURRENT: Final = "AWSCURRENT"
"""Staging label of the version that a read returns by default."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Result of DescribeSecret."""

    arn: str
    tags: Mapping[str, str]
    version_id: str | None
    """The version that GetSecretValue returns."""
    deleted: bool
    """Scheduled for deletion: it can't be read unless it is restored."""


@dataclass(frozen=True, slots=True)
class Value:
    """A version of a secret; *text* is filled in by GetSecretValue only."""

    arn: str
    version_id: str
    text: str = field(default="", repr=False)


class SecretStore:
    """
    Secrets Manager in one Region. A class because all calls share one client.

    *secret* is a name or an ARN. Every method raises `SecretRefused` if Secrets Manager returns an
    error, and `Stopped` instead of calling once the run is interrupted.
    """

    def __init__(self, client: SecretsManagerClient) -> None:
        """*client* may retry by itself: repeating any action used here is harmless."""
        self._client = client

    def create_secret(
        self, name: str, *, text: str, kms_key_id: str | None, tags: Mapping[str, str]
    ) -> Value:
        """CreateSecret: a new secret that holds *text*."""
        optional: dict[str, Any] = {"KmsKeyId": kms_key_id} if kms_key_id else {}
        version_id = str(uuid.uuid4())
        answer = self._call(
            "CreateSecret",
            name,
            lambda: self._client.create_secret(
                Name=name,
                # Becomes the version's id, and makes a repeated call succeed (idempotency token).
                ClientRequestToken=version_id,
                SecretString=text,
                Tags=_list(tags),
                **optional,
            ),
        )
        return Value(answer["ARN"], version_id)

    def describe_secret(self, secret: str) -> Secret | None:
        """DescribeSecret; None if there is no such secret."""
        try:
            answer = self._call(
                "DescribeSecret", secret, lambda: self._client.describe_secret(SecretId=secret)
            )
        except SecretRefused as refused:
            if refused.code == "ResourceNotFoundException":
                return None
            raise
        versions = answer.get("VersionIdsToStages", {})
        return Secret(
            arn=answer["ARN"],
            tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
            version_id=next((version for version, stages in versions.items() if CURRENT in stages), None),
            deleted="DeletedDate" in answer,
        )

    def get_secret_value(self, secret: str) -> Value:
        """GetSecretValue; the text is empty if the secret holds octets."""
        answer = self._call("GetSecretValue", secret, lambda: self._client.get_secret_value(SecretId=secret))
        return Value(answer["ARN"], answer["VersionId"], answer.get("SecretString", ""))

    def put_resource_policy(self, secret: str, policy: str) -> None:
        """PutResourcePolicy: sets *policy* (JSON); a policy that allows public access is refused."""
        self._call(
            "PutResourcePolicy",
            secret,
            lambda: self._client.put_resource_policy(
                SecretId=secret, ResourcePolicy=policy, BlockPublicPolicy=True
            ),
        )

    def tag_resource(self, secret: str, tags: Mapping[str, str]) -> None:
        """TagResource: sets *tags*, leaves all others."""
        self._call(
            "TagResource", secret, lambda: self._client.tag_resource(SecretId=secret, Tags=_list(tags))
        )

    def delete_secret(self, secret: str, *, recovery_window_days: int) -> None:
        """DeleteSecret: restorable for *recovery_window_days*. No error if deleted already."""
        try:
            self._call(
                "DeleteSecret",
                secret,
                lambda: self._client.delete_secret(
                    SecretId=secret, RecoveryWindowInDays=recovery_window_days
                ),
            )
        except SecretRefused as refused:
            if refused.code != "InvalidRequestException":
                raise
            # An earlier attempt may have succeeded, and only its response was lost.
            described = self.describe_secret(secret)
            if described is None or not described.deleted:
                raise

    def _call(self, operation: str, secret: str, send: Callable[[], Any]) -> Mapping[str, Any]:
        if stopping.is_set():
            raise Stopped(
                "interrupted before Secrets Manager was called", hint="run `pulumi up` again to go on"
            )
        try:
            answer: Mapping[str, Any] = send()
        except (ClientError, BotoCoreError) as error:
            raise SecretRefused(
                operation,
                secret,
                self._client.meta.region_name,
                code=_code(error),
                request_id=_metadata(error).get("RequestId", ""),
                hint=_hint(error, operation),
            ) from None
        # botocore turns a body that is not JSON, such as a proxy's page, into an empty response.
        if "RequestId" not in answer["ResponseMetadata"]:
            raise SecretRefused(
                operation,
                secret,
                self._client.meta.region_name,
                code="a response that is not Secrets Manager's",
                hint=f"{_state_unknown(operation)}; is there a proxy between here and AWS?",
            )
        return answer


def _list(tags: Mapping[str, str]) -> Any:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def _metadata(error: BaseException) -> Mapping[str, Any]:
    return error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}


def _code(error: BaseException) -> str:
    if isinstance(error, ClientError):
        status = _metadata(error).get("HTTPStatusCode", 0)
        return error.response.get("Error", {}).get("Code", "") or f"HTTP status {status}"
    return type(error).__name__


def _hint(error: ClientError | BotoCoreError, operation: str) -> str:
    """The state things are in now, and the next step."""
    step = errors.next_step(_code(error))
    if isinstance(error, ClientError) and error.operation_name != operation:
        hint = f"nothing was changed; no credentials from {error.operation_name}: {said(error)}"
        return f"{hint}; {step}" if step else hint
    if isinstance(error, HTTPClientError | ConnectionError) or (
        _metadata(error).get("HTTPStatusCode", 0) >= 500
    ):
        return _state_unknown(operation)
    if not isinstance(error, ClientError):
        return "nothing was changed, Secrets Manager was not called; does `aws sts get-caller-identity` work?"
    hint = f"{_state_refused(operation)}; Secrets Manager says: {said(error)}"
    return f"{hint}; {step}" if step else hint


def _state_unknown(operation: str) -> str:
    if operation in READS:
        return "nothing was changed; run `pulumi up` again"
    return "Secrets Manager may have done it or not; the next `pulumi up` finds out"


def _state_refused(operation: str) -> str:
    if operation in ("PutResourcePolicy", "TagResource"):
        return "the secret is there already, and the next `pulumi up` goes on with it"
    return "nothing was changed"
