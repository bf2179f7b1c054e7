"""
Identities, MAIL FROM domains and tenants of SES in pulumi-aws, with the calls that the real ones make.

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


class Tenant(Resource):
    """`aws.sesv2.Tenant`. Deleting it ends its associations, whoever made them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account)

    known = frozenset({"tenantName", "region"})
    replacing = known

    def checked(self, inputs: Properties) -> Properties:
        return _with_region(self._account, inputs, "tenantName")

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        tags = [{"Key": key, "Value": value} for key, value in self._account.default_tags.items()]
        client, name = self._account.sesv2_in(inputs["region"]), inputs["tenantName"]
        made = _call(client.create_tenant, TenantName=name, **({"Tags": tags} if tags else {}))
        return name, self._outputs(inputs, made)

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        client = self._account.sesv2_in(outputs["region"])
        try:
            return self._outputs(outputs, _call(client.get_tenant, TenantName=resource_id)["Tenant"])
        except client.exceptions.NotFoundException:
            return None

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        raise ValueError("every input of a tenant that is known here replaces it")

    def delete(self, resource_id: str, outputs: Properties) -> None:
        client = self._account.sesv2_in(outputs["region"])
        with suppress(client.exceptions.NotFoundException):
            _call(client.delete_tenant, TenantName=resource_id)

    def _outputs(self, inputs: Properties, seen: Mapping[str, Any]) -> Properties:
        return {
            "region": inputs["region"],
            "tenantName": seen["TenantName"],
            "tenantArn": seen["TenantArn"],
            "tenantId": seen["TenantId"],
            "sendingStatus": seen["SendingStatus"],
            "tagsAll": {tag["Key"]: tag["Value"] for tag in seen.get("Tags", ())},
        }


class TenantResourceAssociation(Resource):
    """`aws.sesv2.TenantResourceAssociation`: SES refuses it for an identity that it does not have yet."""

    def __init__(self, account: Account) -> None:
        self._account = account

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account)

    known = frozenset({"tenantName", "resourceArn", "region"})
    replacing = known

    def checked(self, inputs: Properties) -> Properties:
        return _with_region(self._account, inputs, "tenantName", "resourceArn")

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        client = self._account.sesv2_in(inputs["region"])
        _call(client.create_tenant_resource_association, **self._pair(inputs))
        stored = {name: value for name, value in inputs.items() if name != "__defaults"}
        return f"{inputs['tenantName']}|{inputs['resourceArn']}", stored

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        client = self._account.sesv2_in(outputs["region"])
        more: dict[str, str] = {}
        try:
            while True:
                page = _call(client.list_tenant_resources, TenantName=outputs["tenantName"], **more)
                if outputs["resourceArn"] in [each["ResourceArn"] for each in page["TenantResources"]]:
                    return outputs
                if "NextToken" not in page:
                    return None
                more = {"NextToken": page["NextToken"]}
        except client.exceptions.NotFoundException:
            return None

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        raise ValueError("every input of an association replaces it")

    def delete(self, resource_id: str, outputs: Properties) -> None:
        client = self._account.sesv2_in(outputs["region"])
        with suppress(client.exceptions.NotFoundException):
            _call(client.delete_tenant_resource_association, **self._pair(outputs))

    def _pair(self, properties: Properties) -> dict[str, Any]:
        return {"TenantName": properties["tenantName"], "ResourceArn": properties["resourceArn"]}


def _with_region(account: Account, inputs: Properties, *needed: str) -> Properties:
    """*inputs* with a Region, by default the provider's. Raises ValueError if one of *needed* is missing."""
    if missing := [name for name in needed if name not in inputs]:
        raise ValueError(f"Missing required argument: {', '.join(missing)}")
    defaults = [] if "region" in inputs else ["region"]
    return {"region": account.region, **inputs, "__defaults": defaults}


def _key(inputs: Mapping[str, Any]) -> Any:
    given = inputs["dkimSigningAttributes"]
    return {
        "DomainSigningSelector": given["domainSigningSelector"],
        "DomainSigningPrivateKey": given["domainSigningPrivateKey"],
    }
