"""
An e-mail when the advisor of SES opens a recommendation about a domain, such as a DKIM failure.
"""

import json

import pulumi
import pulumi_aws as aws

from byodkim_provider import ByodkimDomain

DOMAIN = "example.com"
# the advisor reports in the Region of the identity: topic and rule have to be there
REGION = "eu-west-1"

domain = ByodkimDomain(DOMAIN, domain=DOMAIN, generation=1, regions=[REGION])

topic = aws.sns.Topic("ses-advisor")
aws.sns.TopicSubscription(
    "ses-advisor", topic=topic.arn, protocol="email", endpoint=pulumi.Config().require("email")
)


def pattern(identity_arn: str) -> str:
    """All that the advisor opens about one identity."""
    detail_type = ["Advisor Recommendation Status Open"]
    return json.dumps(
        {"source": ["aws.ses"], "detail-type": detail_type, "resources": [identity_arn]}
    )


def may_publish(topic_arn: str) -> str:
    """Lets EventBridge write to the topic."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


rule = aws.cloudwatch.EventRule(
    "ses-advisor", event_pattern=domain.identities[REGION].arn.apply(pattern)
)
aws.sns.TopicPolicy("ses-advisor", arn=topic.arn, policy=topic.arn.apply(may_publish))
aws.cloudwatch.EventTarget("ses-advisor", rule=rule.name, arn=topic.arn)
