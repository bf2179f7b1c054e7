"""
EmailIdentity and EmailIdentityMailFromAttributes of pulumi-aws, with the calls that the real ones make.

They wait for nothing; an EmailIdentity reads identity and tags after each write. Nothing of ours uses
that one: the bench compares us with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from botocore.exceptions import ClientError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from sandbox.pulumi.aws_resources import Account, Properties, Resource

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

T = TypeVar("T")

ATTEMPTS: Final = 25
"""`maxRetries` of the real provider, if nothing is set."""

MAX_BACKOFF_SECONDS: Final = 20
"""Longest wait before the next attempt, in the AWS SDK for Go."""


def _is_throttled(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] == 429


@retry(
    retry=retry_if_exception(_is_throttled),
    stop=stop_after_attempt(ATTEMPTS),
    wait=wait_random_exponential(multiplier=1, max=MAX_BACKOFF_SECONDS),
    reraise=True,
)
def _call(send: Callable[..., T], **parameters: Any) -> T:
    return send(**parameters)


class EmailIdentity(Resource):
    """`aws.sesv2.EmailIdentity` with a key of the user's (BYODKIM); no tags and no configuration set."""

    def __init__(self, sesv2: SESV2Client, number: str, *, default_tags: Mapping[str, str]) -> None:
        self._sesv2 = sesv2
        self._arn = f"arn:aws:ses:{sesv2.meta.region_name}:{number}:identity/"
        self._default_tags = default_tags

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account.sesv2, account.number, default_tags=account.default_tags)

    known = frozenset({"emailIdentity", "dkimSigningAttributes"})
    replacing = frozenset({"emailIdentity"})

    def checked(self, inputs: Properties) -> Properties:
        if not inputs.get("emailIdentity"):
            raise ValueError("Missing required argument: emailIdentity")
        return inputs

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        name = inputs["emailIdentity"]
        _call(
            self._sesv2.create_email_identity,
            EmailIdentity=name,
            DkimSigningAttributes=_key(inputs),
        )
        return name, inputs | (self._seen(name) or {})

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        seen = self._seen(resource_id)
        return None if seen is None else outputs | seen

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        _call(
            self._sesv2.put_email_identity_dkim_signing_attributes,
            EmailIdentity=resource_id,
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=_key(inputs),
        )
        return outputs | inputs | (self._seen(resource_id) or {})

    def delete(self, resource_id: str, outputs: Properties) -> None:
        try:
            _call(self._sesv2.delete_email_identity, EmailIdentity=resource_id)
        except self._sesv2.exceptions.NotFoundException:
            return

    def _seen(self, name: str) -> Properties | None:
        """What the plugin reads after each write; None if there is no such identity."""
        try:
            found = _call(self._sesv2.get_email_identity, EmailIdentity=name)
        except self._sesv2.exceptions.NotFoundException:
            return None
        arn = self._arn + name
        _call(self._sesv2.list_tags_for_resource, ResourceArn=arn)
        return {
            "arn": arn,
            "identityType": found["IdentityType"],
            "verificationStatus": found["VerificationStatus"],
            "verifiedForSendingStatus": found["VerifiedForSendingStatus"],
            "tagsAll": dict(self._default_tags),
        }


class MailFromAttributes(Resource):
    """`aws.sesv2.EmailIdentityMailFromAttributes`: where bounces of an identity's mail go."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account)

    known = frozenset({"emailIdentity", "mailFromDomain", "behaviorOnMxFailure", "region"})
    replacing = frozenset({"emailIdentity", "region"})

    def checked(self, inputs: Properties) -> Properties:
        if inputs.get("behaviorOnMxFailure") == "REJECT_MESSAGE" and not inputs.get("mailFromDomain"):
            raise ValueError("mailFromDomain is required if behaviorOnMxFailure is REJECT_MESSAGE")
        return {
            "behaviorOnMxFailure": "USE_DEFAULT_VALUE",
            "region": self._account.region,
            **inputs,
            "__defaults": [name for name in ("behaviorOnMxFailure", "region") if name not in inputs],
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        return inputs["emailIdentity"], self._put(inputs)

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        ses = self._account.sesv2_in(outputs["region"])
        try:
            found = _call(ses.get_email_identity, EmailIdentity=resource_id)
        except ses.exceptions.NotFoundException:
            return None
        seen = found["MailFromAttributes"]
        return outputs | {
            "mailFromDomain": seen.get("MailFromDomain", ""),
            "behaviorOnMxFailure": seen["BehaviorOnMxFailure"],
        }

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        return outputs | self._put(inputs)

    def delete(self, resource_id: str, outputs: Properties) -> None:
        ses = self._account.sesv2_in(outputs["region"])
        with suppress(ses.exceptions.NotFoundException):
            _call(ses.put_email_identity_mail_from_attributes, EmailIdentity=resource_id)

    def _put(self, inputs: Properties) -> Properties:
        _call(
            self._account.sesv2_in(inputs["region"]).put_email_identity_mail_from_attributes,
            EmailIdentity=inputs["emailIdentity"],
            MailFromDomain=inputs.get("mailFromDomain", ""),
            BehaviorOnMxFailure=inputs["behaviorOnMxFailure"],
        )
        return {name: value for name, value in inputs.items() if name != "__defaults"}


def _key(inputs: Mapping[str, Any]) -> Any:
    given = inputs["dkimSigningAttributes"]
    return {
        "DomainSigningSelector": given["domainSigningSelector"],
        "DomainSigningPrivateKey": given["domainSigningPrivateKey"],
    }
