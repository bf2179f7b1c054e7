"""The IAM policy that POLICY=1 prints: whatever a run calls, on what it calls it on, and no more."""

import fnmatch
import json
import re
from pathlib import Path

import boto3
import pytest

from byodkim_provider.aws.permissions import PERMISSIONS
from sandbox.ses.model import SesModel
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import lab, safety, targets
from tests.acceptance.__main__ import PROBES, begin
from tests.acceptance.direct import ZONE
from tests.acceptance.lab import PREFIX, Lab, below, run_of
from tests.acceptance.mailbox import open_mailbox
from tests.acceptance.policy import iam_policy
from tests.acceptance.prober import probe
from tests.acceptance.product import main_job, refuse_without_mail
from tests.support.fakes import REGION, FakeClock
from tests.support.quick_runs import quick_runs

CODE = "0a1b2c3d"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "real-ses.md"

IAM_NAMES = {
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""Where a policy does not call an action as the API does (Service Authorization Reference, Amazon S3)."""


def resources(service, operation, sent, region, account):
    """The ARNs that AWS checks for a call, or "*"."""
    ses = f"arn:aws:ses:{region}:{account}"
    match service:
        case "sesv2":
            if "ResourceArn" in sent:
                return [sent["ResourceArn"]]
            sender = sent.get("FromEmailAddress", "").rpartition("<")[2].rstrip(">").rpartition("@")[2]
            names = [sent.get("EmailIdentity") or sender]
            # An account in SES's own sandbox needs the recipient's identity too.
            names += sent.get("Destination", {}).get("ToAddresses", [])
            sets = [sent["ConfigurationSetName"]] if "ConfigurationSetName" in sent else []
            found = [f"{ses}:identity/{name}" for name in names if name]
            return found + [f"{ses}:configuration-set/{name}" for name in sets] or ["*"]
        case "s3" if "Bucket" in sent:
            bucket = f"arn:aws:s3:::{sent['Bucket']}"
            return [f"{bucket}/x"] if operation.endswith(("Object", "Objects")) else [bucket]
        case "route53" if "HostedZoneId" in sent:
            return [f"arn:aws:route53:::hostedzone/{sent['HostedZoneId']}"]
        case "route53" if operation == "GetChange":
            return [f"arn:aws:route53:::change/{sent['Id'].rpartition('/')[2]}"]
        case _:
            return ["*"]


def allows(policy, action, resource, sent):
    """As IAM judges it: letters of an ARN count, those of an action do not."""
    for statement in policy["Statement"]:
        of = statement["Resource"]
        patterns = of if isinstance(of, list) else [of]
        if (
            action.lower() in [one.lower() for one in statement["Action"]]
            and any(fnmatch.fnmatchcase(resource, pattern) for pattern in patterns)
            and fulfils(statement.get("Condition", {}), sent)
        ):
            return True
    return False


def fulfils(condition, sent):
    if not condition:
        return True
    changed = [one["ResourceRecordSet"] for one in sent["ChangeBatch"]["Changes"]]
    types = condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsRecordTypes"]
    names = condition["ForAllValues:StringLike"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"]
    return all(
        one["Type"] in types
        and any(fnmatch.fnmatchcase(one["Name"].rstrip(".").lower(), name) for name in names)
        for one in changed
    )


@pytest.fixture(scope="module")
def run():
    """Every call of a run by boto3, as service, operation, parameters, Region; and where it ran."""
    made = []

    class Session(boto3.Session):
        def client(self, name, *arguments, **options):
            client = super().client(name, *arguments, **options)
            client.meta.events.register(
                f"provide-client-params.{name}",
                lambda params, model, **_: made.append((name, model.name, params, client.meta.region_name)),
            )
            return client

    switches = Switches(requests_per_second=None)
    with Sandbox(clock=FakeClock(), switches=switches) as sandbox, pytest.MonkeyPatch.context() as patch:
        sandbox.add_zone(ZONE)
        patch.setattr(targets.boto3, "Session", Session)
        patch.setattr(lab, "GUARD_SECONDS", 7200.0)  # as `rare_guard`
        where = targets.in_sandbox(sandbox, ZONE, REGION)
        where.send = None
        begin(where, run_of(CODE))
        refuse_without_mail(where, 0)
        open_mailbox(Lab(where, CODE, part="mailbox"), where.clients)
        probe(Lab(where, CODE), more=PROBES)
        safety.clean(where, run_of(CODE))
    return made, where


def denied(policy, calls, account):
    """What the policy does not allow of *calls*."""
    return {
        (action, resource)
        for service, operation, sent, region in calls
        for action in [f"{service.removesuffix('v2')}:{operation}"]
        for resource in resources(service, operation, sent, region, account)
        if not allows(policy, IAM_NAMES.get(action, action), resource, sent)
    }


def test_every_call(run):
    """The mailbox, the prober and cleaning up call nothing that it does not allow, by action and ARN."""
    calls, where = run
    policy = iam_policy(where.zone_id, ZONE, where.account, REGION)
    assert denied(policy, calls, where.account) == set()
    assert {("sesv2", "CreateEmailIdentity"), ("s3", "DeleteBucket"), ("route53", "GetChange")} <= {
        one[:2] for one in calls
    }
    called = {IAM_NAMES.get(name, name) for name in (f"{s.removesuffix('v2')}:{o}" for s, o, *_ in calls)}
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    # What only the product calls, and what only a message needs.
    assert allowed - called == {
        "route53:GetHostedZone",
        "route53:ListHostedZones",
        "s3:DeleteObject",
        "s3:GetObject",
        "ses:SendEmail",
        "ses:UntagResource",
    }


def test_without_a_statement(run):
    """The test above can fail: without a statement, or a pattern of names, a call is denied."""
    calls, where = run
    policy = iam_policy(where.zone_id, ZONE, where.account, REGION)
    for statement in policy["Statement"]:
        if statement["Action"] != ["s3:DeleteObject", "s3:GetObject"]:
            rest = {"Statement": [one for one in policy["Statement"] if one is not statement]}
            assert denied(rest, calls, where.account), statement
    identities = policy["Statement"][0]["Resource"]
    for pattern in identities:
        statement = policy["Statement"][0] | {"Resource": [one for one in identities if one != pattern]}
        assert denied({"Statement": [statement, *policy["Statement"][1:]]}, calls, where.account), pattern


def test_mail():
    """A message is sent from a name of the run to a name of the run, which is all that is allowed."""
    policy = iam_policy("Z1", ZONE, "123456789012", REGION)
    ours, theirs = f"a@in.{below(run_of(CODE), ZONE)}", "a@example.com"
    for recipient, is_allowed in ((ours, True), (theirs, False)):
        sent = {"FromEmailAddress": f"acceptance@d.{below(run_of(CODE), ZONE)}"}
        sent |= {"Destination": {"ToAddresses": [recipient]}}
        calls = [("sesv2", "SendEmail", sent, REGION)]
        assert (denied(policy, calls, "123456789012") == set()) is is_allowed


@pytest.mark.engine
def test_the_product(monkeypatch):
    """So it is with what the product calls of SES, and with its own table of permissions."""
    asked, call = [], SesModel.call

    def recorded(self, operation, region, parameters, **options):
        asked.append(("sesv2", operation, dict(parameters), region))
        return call(self, operation, region, parameters, **options)

    monkeypatch.setattr(SesModel, "call", recorded)
    with (
        Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0)) as sandbox,
        quick_runs(sandbox),
    ):
        sandbox.add_zone(ZONE)
        where = targets.in_sandbox(sandbox, ZONE, REGION)
        where.send = None
        defaults = {"dnsResolvers": [sandbox.dns_resolver], "keyBits": 1024}
        assert main_job(Lab(where, CODE), sandbox, say=lambda _: None, without=(), defaults=defaults) == []
    policy = iam_policy(where.zone_id, ZONE, where.account, REGION)
    assert denied(policy, asked, where.account) == set()
    assert len(asked) > 10
    needs = {"always", "tags", "Route 53", "existing zone"}
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert {one.action for one in PERMISSIONS if one.need in needs} <= allowed


def test_document():
    """It is JSON, on the names of runs alone, and has what POLICY=1 itself needs."""
    policy = iam_policy("Z1", ZONE, "123456789012", REGION)
    assert json.loads(json.dumps(policy)) == policy
    reads, receipt_rules = [one for one in policy["Statement"] if one["Resource"] == "*"]
    assert {"sts:GetCallerIdentity", "route53:ListHostedZonesByName"} <= set(reads["Action"])
    assert all(re.match("[a-z0-9]+:(Get|List)", one) for one in reads["Action"])
    assert all("CanNotNarrow" in one["Sid"] for one in (reads, receipt_rules))
    for action in receipt_rules["Action"]:
        assert f"`{action}`" in PAGE.read_text(), "the page names what the policy can't limit"
    assert policy["Statement"][0]["Resource"][0] == (
        f"arn:aws:ses:{REGION}:123456789012:identity/*.{PREFIX}*.{ZONE}"
    )
    assert len(json.dumps(policy, separators=(",", ":"))) < 6144  # of a managed policy
