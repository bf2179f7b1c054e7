"""Mail as a run in a real account receives it: through a bucket, which is gone afterwards."""

import uuid

import pytest

from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import safety
from tests.acceptance.direct import ZONE
from tests.acceptance.lab import Lab, Stop
from tests.acceptance.mailbox import NAMES, open_mailbox
from tests.acceptance.targets import in_sandbox
from tests.support.fakes import REGION

CODE = "0a1b2c3d"


@pytest.fixture
def where(monkeypatch):
    """A sandbox whose SES delivers into the bucket that its rule names."""
    with Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=1)) as sandbox:
        sandbox.add_zone(ZONE)
        where = in_sandbox(sandbox, ZONE, REGION)

        def deliver(_sender, recipients, content):
            rules = where.clients("ses").describe_active_receipt_rule_set()["Rules"]
            assert [recipient.partition("@")[2] for recipient in recipients] == rules[0]["Recipients"]
            bucket = rules[0]["Actions"][0]["S3Action"]["BucketName"]
            where.clients("s3").put_object(Bucket=bucket, Key=uuid.uuid4().hex, Body=content)

        monkeypatch.setattr(sandbox.ses, "_deliver", deliver)
        yield where
        where.remove_mailboxes()


def test_mail(where):
    """A message comes back with its signature; cleaning up takes bucket, rule set and MX record away."""
    lab = Lab(where, CODE)
    where.send = open_mailbox(lab, where.clients)
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    lab.create(domain, key)
    where.wait(10)
    assert lab.signed_with(domain) == key.selector
    assert ("MX", f"in.a-{lab.run}.{ZONE}") in {(kind, name) for name, kind in where.records.listed()}
    deleted = safety.clean(where)
    assert {f"bucket {NAMES}{lab.run}", f"receipt rule set {NAMES}{lab.run}"} <= set(deleted)
    assert safety.clean(where) == []
    assert {kind for _, kind in where.records.listed()} == {"NS", "SOA"}


def test_somebody_receives_mail(where):
    """The rule set of somebody else stays active, and the run says how to go without mail."""
    ses = where.clients("ses")
    ses.create_receipt_rule_set(RuleSetName="theirs")
    ses.set_active_receipt_rule_set(RuleSetName="theirs")
    with pytest.raises(Stop, match="receives mail by the rule set theirs; MAIL=no runs without"):
        open_mailbox(Lab(where, CODE), where.clients)
    assert safety.clean(where) == []
    assert ses.describe_active_receipt_rule_set()["Metadata"]["Name"] == "theirs"
