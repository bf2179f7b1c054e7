"""
If this fails, an alert of the example sleeps when a domain is wrong, or wakes somebody in vain.
"""

import json
import re
import runpy
import shutil
import subprocess

import pulumi
import pytest
import yaml
from pulumi.runtime.settings import reset_options

from byodkim_provider.cli.report import METRICS
from byodkim_provider.program import aws_account
from tests.docs.pages import ROOT
from tests.support.cloud import Cloud

FOLDER = ROOT / "examples" / "alerts"
RULES = FOLDER / "byodkim.rules.yml"

OF_DOMAIN = 'stack="prod",domain="example.com"'

WELL = {
    f'byodkim_identity_verified{{{OF_DOMAIN},region="eu-west-1"}}': "1x120",
    f'byodkim_record_servers_visible{{{OF_DOMAIN},name="s1",role="signing"}}': "4x120",
    f'byodkim_record_servers_visible{{{OF_DOMAIN},name="s2",role="standby"}}': "0x120",
    f"byodkim_domain_status{{{OF_DOMAIN}}}": "1x120",
    f"byodkim_days_until_rotation{{{OF_DOMAIN}}}": "90x120",
    'byodkim_checked_timestamp_seconds{stack="prod"}': "0+1800x120",
}
"""What Prometheus has collected each half hour of a stack that is well; a lost standby can wait."""

ILL = {
    "DkimNotVerified": ("byodkim_identity_verified", "0x120"),
    "DkimRecordLost": ("byodkim_record_servers_visible", "0x120"),
    "DkimUnknown": ("byodkim_domain_status", "3x120"),
    "DkimRotationOverdue": ("byodkim_days_until_rotation", "-1x120"),
    "DkimCheckStale": ("byodkim_checked_timestamp_seconds", "0x120"),
}
"""The metric that lets an alert fire, with its values."""


def promtool(*arguments):
    """What promtool says."""
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts():
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def test_rules_are_valid():
    """Prometheus takes the file, and each name in it is a metric that the command writes."""
    assert "5 rules found" in promtool("check", "rules", RULES)
    named = {name for rule in alerts() for name in re.findall(r"byodkim_\w+", rule["expr"])}
    assert named <= METRICS.keys()
    assert [rule["alert"] for rule in alerts()] == [*ILL]


@pytest.mark.parametrize("alert", [None, *ILL], ids=str)
def test_fires(tmp_path, alert):
    """An alert fires for its illness alone, and none does for a stack that is well."""
    metric, values = ILL.get(alert, ("", ""))
    series = [
        {"series": one, "values": values if alert and one.startswith(metric) else well}
        for one, well in WELL.items()
    ]
    cases = [
        {
            "alertname": one["alert"],
            "eval_time": "50h",
            "exp_alerts": expected(one, series) if one["alert"] == alert else [],
        }
        for one in alerts()
    ]
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "30m",
        "tests": [{"interval": "30m", "input_series": series, "alert_rule_test": cases}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    promtool("test", "rules", tmp_path / "test.yml")


def expected(rule, series):
    """The alert that fires, with the labels of its series."""
    metric = re.search(r"byodkim_\w+", rule["expr"])[0]
    one = next(each["series"] for each in series if each["series"].startswith(metric))
    labels = dict(re.findall(r'(\w+)="([^"]*)"', one))

    def filled(text):
        text = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)
        return text.replace("{{ $value | humanize }}", "-1")

    annotations = {name: filled(text) for name, text in rule["annotations"].items()}
    return [{"exp_labels": rule["labels"] | labels, "exp_annotations": annotations}]


ARN = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-advisor"

EVENT = {
    "version": "0",
    "id": "00000000-0000-0000-0000-000000000000",
    "detail-type": "Advisor Recommendation Status Open",
    "source": "aws.ses",
    "account": "123456789012",
    "time": "2026-11-28T03:00:00Z",
    "region": "eu-west-1",
    "resources": [ARN],
    "detail": {"version": "1.0.0", "data": "DKIM verification has failed."},
}
"""As in AWS's schema reference of SES's events."""


class Ses(Cloud):
    """The id of an identity is its ARN, as of the real provider."""

    def new_resource(self, args):
        name, made = super().new_resource(args)
        if args.typ == "aws:sns/topic:Topic":
            made = {**made, "arn": TOPIC}
        return ARN if args.typ.endswith("ByodkimIdentity") else name, made


def matches(pattern, event):
    """
    As EventBridge does for lists of exact values: of a list in the event, one value is enough.
    """
    of_event = {name: one if isinstance(one, list) else [one] for name, one in event.items()}
    return all(set(values) & set(of_event[name]) for name, values in pattern.items())


def test_advisor(monkeypatch):
    """
    The rule takes the event about the domain's identity, and no other; EventBridge may publish it.
    """
    cloud = Ses()
    cloud.add_zone("Z1", "example.com")
    monkeypatch.setattr(aws_account, "connections", lambda: cloud)
    pulumi.runtime.set_mocks(cloud, project="alerts", stack="dev", preview=False)
    pulumi.runtime.set_all_config({"alerts:email": "on-call@example.com"})

    def program():  # what a program returns would be awaited
        runpy.run_path(str(FOLDER / "__main__.py"))

    try:
        pulumi.runtime.test(program)()
    finally:
        reset_options()
    made = {one.typ: one.inputs for one in cloud.asked}
    pattern = json.loads(made["aws:cloudwatch/eventRule:EventRule"]["eventPattern"])
    assert matches(pattern, EVENT)
    assert not matches(pattern, EVENT | {"resources": [ARN.replace("example.com", "example.net")]})
    assert not matches(pattern, EVENT | {"detail-type": "Advisor Recommendation Status Resolved"})
    assert made["aws:cloudwatch/eventTarget:EventTarget"]["arn"] == TOPIC
    policy = json.loads(made["aws:sns/topicPolicy:TopicPolicy"]["policy"])
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": TOPIC,
        }
    ]
    assert made["aws:sns/topicSubscription:TopicSubscription"]["endpoint"] == "on-call@example.com"
