"""
What pulumi-aws has in a Region, as far as an example, a setting or the bench declares it.

Calls of SES, SNS and EventBridge, which themselves refuse what is wrong. Nothing is waited for.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sandbox.pulumi.aws_resources import Properties, Resource


class Regional(Resource):
    """A resource type with the input `region`; an update makes the same call again."""

    service: ClassVar[str]
    defaults: ClassVar[Mapping[str, str]] = {}

    def checked(self, inputs: Properties) -> Properties:
        defaults = {"region": self._account.region, **self.defaults}
        given = super().checked(inputs)
        return {**defaults, **given, "__defaults": [name for name in defaults if name not in given]}

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        return outputs | self.create({**outputs, **inputs})[1]

    def _client(self, properties: Properties) -> Any:
        return self._account.client(self.service, properties["region"])


class EmailIdentity(Regional):
    """
    `aws.sesv2.EmailIdentity` with a key of the user's (BYODKIM): the bench compares us with it.

    The real plugin reads identity and tags after each write.
    """

    service = "sesv2"
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

    service = "sesv2"
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

    service = "sesv2"
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

    service = "sesv2"
    needed = ("tenantName", "resourceArn")
    known = replacing = frozenset({"tenantName", "resourceArn", "region"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._client(inputs).create_tenant_resource_association(**_pair(inputs))
        return f"{inputs['tenantName']}|{inputs['resourceArn']}", inputs

    def _read(self, resource_id: str, outputs: Properties) -> Properties | None:
        # No example has as many as a page of the real one holds.
        listed = self._client(outputs).list_tenant_resources(TenantName=outputs["tenantName"])
        return outputs if _has(listed["TenantResources"], "ResourceArn", outputs["resourceArn"]) else None

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_tenant_resource_association(**_pair(outputs))


def _pair(properties: Properties) -> dict[str, str]:
    return {"TenantName": properties["tenantName"], "ResourceArn": properties["resourceArn"]}


def _has(rows: list[Mapping[str, str]], column: str, value: str) -> bool:
    return value in [row[column] for row in rows]


class Topic(Regional):
    """`aws.sns.Topic`."""

    service = "sns"
    known = replacing = frozenset({"name", "region"})
    made_up = frozenset({"name"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        name = inputs.get("name") or f"topic-{uuid.uuid4().hex[:7]}"
        arn = self._client(inputs).create_topic(Name=name)["TopicArn"]
        return arn, inputs | {"name": name, "arn": arn, "owner": self._account.number}

    def _read(self, resource_id: str, outputs: Properties) -> Properties:
        self._client(outputs).get_topic_attributes(TopicArn=resource_id)
        return outputs

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_topic(TopicArn=resource_id)


class TopicSubscription(Regional):
    """`aws.sns.TopicSubscription`; one by e-mail waits for nobody, and is pending until a person confirms."""

    service = "sns"
    needed = ("topic", "protocol", "endpoint")
    known = replacing = frozenset({"topic", "protocol", "endpoint", "region"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        asked = {"TopicArn": inputs["topic"], "Protocol": inputs["protocol"], "Endpoint": inputs["endpoint"]}
        made = self._client(inputs).subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
        return made, inputs | {"arn": made, "pendingConfirmation": inputs["protocol"] == "email"}

    def _read(self, resource_id: str, outputs: Properties) -> Properties:
        self._client(outputs).get_subscription_attributes(SubscriptionArn=resource_id)
        return outputs

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).unsubscribe(SubscriptionArn=resource_id)


class TopicPolicy(Topic):
    """`aws.sns.TopicPolicy`; without it the owner alone may publish."""

    needed = ("arn", "policy")
    known = frozenset({"arn", "policy", "region"})
    replacing = frozenset({"arn", "region"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._set(inputs, json.loads(inputs["policy"]))
        return inputs["arn"], inputs | {"owner": self._account.number}

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        owner = {"Effect": "Allow", "Principal": {"AWS": self._account.number}, "Action": "sns:Publish"}
        self._set(outputs, {"Version": "2012-10-17", "Statement": [owner | {"Resource": resource_id}]})

    def _set(self, properties: Properties, policy: Any) -> None:
        self._client(properties).set_topic_attributes(
            TopicArn=properties["arn"], AttributeName="Policy", AttributeValue=json.dumps(policy)
        )


class EventRule(Regional):
    """`aws.cloudwatch.EventRule` with a pattern, on the default bus."""

    service = "events"
    needed = ("eventPattern",)
    known = frozenset({"name", "eventPattern", "region"})
    replacing = frozenset({"name", "region"})
    made_up = frozenset({"name"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        name = inputs.get("name") or f"rule-{uuid.uuid4().hex[:7]}"
        made = self._client(inputs).put_rule(Name=name, EventPattern=inputs["eventPattern"])
        return name, inputs | {"name": name, "arn": made["RuleArn"]}

    def _read(self, resource_id: str, outputs: Properties) -> Properties:
        seen = self._client(outputs).describe_rule(Name=resource_id)
        return outputs | {"eventPattern": seen["EventPattern"]}

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_rule(Name=resource_id)  # refused while it has targets


class EventTarget(Regional):
    """`aws.cloudwatch.EventTarget`."""

    service = "events"
    needed = ("rule", "arn")
    known = frozenset({"rule", "arn", "targetId", "region"})
    replacing = frozenset({"rule", "targetId", "region"})
    made_up = frozenset({"targetId"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        target_id = inputs.get("targetId") or f"terraform-{uuid.uuid4().hex}"
        target = {"Id": target_id, "Arn": inputs["arn"]}
        self._client(inputs).put_targets(Rule=inputs["rule"], Targets=[target])
        return f"{inputs['rule']}-{target_id}", inputs | {"targetId": target_id}

    def _read(self, resource_id: str, outputs: Properties) -> Properties | None:
        listed = self._client(outputs).list_targets_by_rule(Rule=outputs["rule"])
        return outputs if _has(listed["Targets"], "Id", outputs["targetId"]) else None

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).remove_targets(Rule=outputs["rule"], Ids=[outputs["targetId"]])


RESOURCES: Final[dict[str, type[Resource]]] = {
    "aws:cloudwatch/eventRule:EventRule": EventRule,
    "aws:cloudwatch/eventTarget:EventTarget": EventTarget,
    "aws:sesv2/emailIdentity:EmailIdentity": EmailIdentity,
    "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes": MailFromAttributes,
    "aws:sesv2/tenant:Tenant": Tenant,
    "aws:sesv2/tenantResourceAssociation:TenantResourceAssociation": TenantResourceAssociation,
    "aws:sns/topic:Topic": Topic,
    "aws:sns/topicPolicy:TopicPolicy": TopicPolicy,
    "aws:sns/topicSubscription:TopicSubscription": TopicSubscription,
}
"""By type token."""
