"""
What an alert of SES's advisor needs of pulumi-aws: a topic of SNS with its policy, and a rule of EventBridge.

They have the inputs of `examples/alerts`. What SNS and EventBridge themselves refuse comes from moto.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Final, Self

from botocore.exceptions import ClientError

from sandbox.pulumi.aws_resources import Account, Properties, Resource

GONE: Final = {"NotFound", "NotFoundException", "ResourceNotFoundException"}
"""Codes of SNS and of EventBridge."""


class InRegion(Resource):
    """A resource type with the input `region`, of which some have a name that the plugin makes."""

    service: ClassVar[str]
    needed: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, account: Account) -> None:
        self._account = account

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(account)

    def checked(self, inputs: Properties) -> Properties:
        if missing := sorted(self.needed - inputs.keys()):
            raise ValueError(f"Missing required argument: {', '.join(missing)}")
        defaults = [] if "region" in inputs else ["region"]
        return {"region": self._account.region, **inputs, "__defaults": defaults}

    def changed(self, outputs: Properties, inputs: Properties) -> set[str]:
        made_by_plugin = {"name", "targetId"} - inputs.keys()
        return super().changed(outputs, inputs) - made_by_plugin

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        return outputs | self.create({**outputs, **inputs})[1]

    def _client(self, properties: Properties) -> Any:
        return self._account.client(self.service, properties["region"])


class Topic(InRegion):
    """`aws.sns.Topic`."""

    service = "sns"
    known = frozenset({"name", "region"})
    replacing = frozenset({"name", "region"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        name = inputs.get("name") or f"topic-{uuid.uuid4().hex[:7]}"
        arn = self._client(inputs).create_topic(Name=name)["TopicArn"]
        return arn, _stored(inputs) | {"name": name, "arn": arn, "owner": self._account.number}

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        client = self._client(outputs)
        return outputs if _found(lambda: client.get_topic_attributes(TopicArn=resource_id)) else None

    def delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_topic(TopicArn=resource_id)


class TopicSubscription(InRegion):
    """`aws.sns.TopicSubscription`; one by e-mail waits for nobody, and is pending until a person confirms."""

    service = "sns"
    known = frozenset({"topic", "protocol", "endpoint", "region"})
    replacing = known
    needed = frozenset({"topic", "protocol", "endpoint"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        asked = {"TopicArn": inputs["topic"], "Protocol": inputs["protocol"], "Endpoint": inputs["endpoint"]}
        made = self._client(inputs).subscribe(**asked, ReturnSubscriptionArn=True)["SubscriptionArn"]
        return made, _stored(inputs) | {"arn": made, "pendingConfirmation": inputs["protocol"] == "email"}

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        ask = self._client(outputs).get_subscription_attributes
        return outputs if _found(lambda: ask(SubscriptionArn=resource_id)) else None

    def delete(self, resource_id: str, outputs: Properties) -> None:
        _found(lambda: self._client(outputs).unsubscribe(SubscriptionArn=resource_id))


class TopicPolicy(InRegion):
    """`aws.sns.TopicPolicy`; without it the owner alone may publish."""

    service = "sns"
    known = frozenset({"arn", "policy", "region"})
    replacing = frozenset({"arn", "region"})
    needed = frozenset({"arn", "policy"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._set(inputs, json.loads(inputs["policy"]))
        return inputs["arn"], _stored(inputs) | {"owner": self._account.number}

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        client = self._client(outputs)
        return outputs if _found(lambda: client.get_topic_attributes(TopicArn=resource_id)) else None

    def delete(self, resource_id: str, outputs: Properties) -> None:
        owner = {"Effect": "Allow", "Principal": {"AWS": self._account.number}, "Action": "sns:Publish"}
        with suppress(ClientError):  # the topic may be gone
            self._set(outputs, {"Version": "2012-10-17", "Statement": [owner | {"Resource": resource_id}]})

    def _set(self, properties: Properties, policy: Any) -> None:
        self._client(properties).set_topic_attributes(
            TopicArn=properties["arn"], AttributeName="Policy", AttributeValue=json.dumps(policy)
        )


class EventRule(InRegion):
    """`aws.cloudwatch.EventRule` with a pattern, on the default bus."""

    service = "events"
    known = frozenset({"name", "eventPattern", "region"})
    replacing = frozenset({"name", "region"})
    needed = frozenset({"eventPattern"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        name = inputs.get("name") or f"rule-{uuid.uuid4().hex[:7]}"
        made = self._client(inputs).put_rule(Name=name, EventPattern=inputs["eventPattern"])
        return name, _stored(inputs) | {"name": name, "arn": made["RuleArn"]}

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        client = self._client(outputs)
        seen = _found(lambda: client.describe_rule(Name=resource_id))
        return outputs | {"eventPattern": seen["EventPattern"]} if seen else None

    def delete(self, resource_id: str, outputs: Properties) -> None:
        self._client(outputs).delete_rule(Name=resource_id)  # refused while it has targets


class EventTarget(InRegion):
    """`aws.cloudwatch.EventTarget`."""

    service = "events"
    known = frozenset({"rule", "arn", "targetId", "region"})
    replacing = frozenset({"rule", "targetId", "region"})
    needed = frozenset({"rule", "arn"})

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        target_id = inputs.get("targetId") or f"terraform-{uuid.uuid4().hex}"
        target = {"Id": target_id, "Arn": inputs["arn"]}
        self._client(inputs).put_targets(Rule=inputs["rule"], Targets=[target])
        return f"{inputs['rule']}-{target_id}", _stored(inputs) | {"targetId": target_id}

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        client = self._client(outputs)
        listed = _found(lambda: client.list_targets_by_rule(Rule=outputs["rule"])) or {"Targets": []}
        return outputs if outputs["targetId"] in [one["Id"] for one in listed["Targets"]] else None

    def delete(self, resource_id: str, outputs: Properties) -> None:
        client = self._client(outputs)
        _found(lambda: client.remove_targets(Rule=outputs["rule"], Ids=[outputs["targetId"]]))


def _stored(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if name != "__defaults"}


def _found(ask: Callable[[], Any]) -> Any:
    """The answer, or None if that does not exist."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise
