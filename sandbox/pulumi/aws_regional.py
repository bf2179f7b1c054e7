"""
What pulumi-aws has of SES, as far as an example, a setting or the bench declares it.

SES itself refuses what is wrong. Nothing is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sandbox.pulumi.aws_account import Properties
from sandbox.pulumi.aws_resources import Resource


class Regional(Resource):
    """A resource type with the input `region`; an update makes the same call again."""

    defaults: ClassVar[Mapping[str, str]] = {}

    def checked(self, inputs: Properties) -> Properties:
        defaults = {"region": self._account.region, **self.defaults}
        given = super().checked(inputs)
        return {**defaults, **given, "__defaults": [name for name in defaults if name not in given]}

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        return outputs | self.create({**outputs, **inputs})[1]

    def _client(self, properties: Properties) -> Any:
        return self._account.sesv2(properties["region"])


class EmailIdentity(Regional):
    """
    `aws.sesv2.EmailIdentity` with a key of the user's (BYODKIM): the bench compares us with it.

    The real plugin reads identity and tags after each write.
    """

    needed = ("emailIdentity",)
    known = frozenset({"emailIdentity", "dkimSigningAttributes", "region"})
    replacing = frozenset({"emailIdentity", "region"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        client, name = self._client(inputs), inputs["emailIdentity"]
        client.create_email_identity(EmailIdentity=name, DkimSigningAttributes=_key(inputs))
        return name, inputs | self._read(name, inputs)

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        self._client(outputs).put_email_identity_dkim_signing_attributes(
            EmailIdentity=resource_id, SigningAttributesOrigin="EXTERNAL", SigningAttributes=_key(inputs)
        )
        return outputs | inputs | self._read(resource_id, outputs)

    def _read(self, resource_id: str, outputs: Properties) -> Properties:
        client = self._client(outputs)
        found = client.get_email_identity(EmailIdentity=resource_id)
        arn = f"arn:aws:ses:{outputs['region']}:{self._account.number}:identity/{resource_id}"
        client.list_tags_for_resource(ResourceArn=arn)
        return outputs | {
            "arn": arn,
            "identityType": found["IdentityType"],
            "verificationStatus": found["VerificationStatus"],
            "verifiedForSendingStatus": found["VerifiedForSendingStatus"],
            "tagsAll": dict(self._account.default_tags),
        }

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_email_identity(EmailIdentity=resource_id)


def _key(inputs: Properties) -> dict[str, str]:
    return {name[0].upper() + name[1:]: value for name, value in inputs["dkimSigningAttributes"].items()}


class MailFromAttributes(Regional):
    """`aws.sesv2.EmailIdentityMailFromAttributes`."""

    needed = ("emailIdentity",)
    known = frozenset({"emailIdentity", "mailFromDomain", "behaviorOnMxFailure", "region"})
    replacing = frozenset({"emailIdentity", "region"})
    defaults: ClassVar = {"behaviorOnMxFailure": "USE_DEFAULT_VALUE"}

    def checked(self, inputs: Properties) -> Properties:
        if inputs.get("behaviorOnMxFailure") == "REJECT_MESSAGE" and not inputs.get("mailFromDomain"):
            raise ValueError("mailFromDomain is required if behaviorOnMxFailure is REJECT_MESSAGE")
        return super().checked(inputs)

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._client(inputs).put_email_identity_mail_from_attributes(
            EmailIdentity=inputs["emailIdentity"],
            MailFromDomain=inputs.get("mailFromDomain", ""),
            BehaviorOnMxFailure=inputs["behaviorOnMxFailure"],
        )
        return inputs["emailIdentity"], inputs

    def _read(self, resource_id: str, outputs: Properties) -> Properties:
        seen = self._client(outputs).get_email_identity(EmailIdentity=resource_id)["MailFromAttributes"]
        return outputs | {
            "mailFromDomain": seen.get("MailFromDomain", ""),
            "behaviorOnMxFailure": seen["BehaviorOnMxFailure"],
        }

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).put_email_identity_mail_from_attributes(EmailIdentity=resource_id)


class Tenant(Regional):
    """`aws.sesv2.Tenant`. Deleting it ends its associations, whoever made them."""

    needed = ("tenantName",)
    known = replacing = frozenset({"tenantName", "region"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        tags = [{"Key": key, "Value": value} for key, value in self._account.default_tags.items()]
        name, more = inputs["tenantName"], {"Tags": tags} if tags else {}
        return name, _tenant(inputs, self._client(inputs).create_tenant(TenantName=name, **more))

    def _read(self, resource_id: str, outputs: Properties) -> Properties:
        return _tenant(outputs, self._client(outputs).get_tenant(TenantName=resource_id)["Tenant"])

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_tenant(TenantName=resource_id)


def _tenant(inputs: Properties, seen: Mapping[str, Any]) -> Properties:
    return {
        "region": inputs["region"],
        "tenantName": seen["TenantName"],
        "tenantArn": seen["TenantArn"],
        "tenantId": seen["TenantId"],
        "sendingStatus": seen["SendingStatus"],
        "tagsAll": {tag["Key"]: tag["Value"] for tag in seen.get("Tags", ())},
    }


class TenantResourceAssociation(Regional):
    """`aws.sesv2.TenantResourceAssociation`: SES refuses it for an identity that it does not have yet."""

    needed = ("tenantName", "resourceArn")
    known = replacing = frozenset({"tenantName", "resourceArn", "region"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._client(inputs).create_tenant_resource_association(**_pair(inputs))
        return f"{inputs['tenantName']}|{inputs['resourceArn']}", inputs

    def _read(self, resource_id: str, outputs: Properties) -> Properties | None:
        # No example has as many as a page of the real one holds.
        listed = self._client(outputs).list_tenant_resources(TenantName=outputs["tenantName"])
        arns = [one["ResourceArn"] for one in listed["TenantResources"]]
        return outputs if outputs["resourceArn"] in arns else None

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_tenant_resource_association(**_pair(outputs))


def _pair(properties: Properties) -> dict[str, str]:
    return {"TenantName": properties["tenantName"], "ResourceArn": properties["resourceArn"]}


RESOURCES: Final[dict[str, type[Resource]]] = {
    "aws:sesv2/emailIdentity:EmailIdentity": EmailIdentity,
    "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes": MailFromAttributes,
    "aws:sesv2/tenant:Tenant": Tenant,
    "aws:sesv2/tenantResourceAssociation:TenantResourceAssociation": TenantResourceAssociation,
}
"""By type token."""
