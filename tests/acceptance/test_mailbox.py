"""Mail as a run in a real account receives it: through a bucket, which is gone afterwards."""

import itertools
import uuid

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from moto.s3.models import s3_backends

from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.acceptance import safety
from tests.acceptance.direct import ZONE
from tests.acceptance.errors import Limited, Stop, Unanswered, Unread
from tests.acceptance.lab import PREFIX, Lab, below, run_of
from tests.acceptance.mailbox import AwsMailboxes, open_mailbox
from tests.acceptance.targets import in_sandbox
from tests.support.fakes import REGION

CODE = "0a1b2c3d"
RUN = run_of(CODE)


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
        mailboxes = AwsMailboxes(where.clients, where.wait)
        for run in mailboxes.listed():
            mailboxes.remove(run)


def test_mail(where):
    """A message comes back with its signature; cleaning up takes bucket, rule set and MX record away."""
    lab = Lab(where, CODE)
    safety.mark(where, RUN)
    where.send = open_mailbox(lab, where.clients)
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    lab.create(domain, key)
    where.wait(10)
    assert lab.signed_with(domain) == key.selector
    assert ("MX", f"in.{below(RUN, ZONE)}") in {(one.kind, one.name) for one in where.records.listed()}
    mail = {f"bucket {PREFIX}{RUN}", f"receipt rule set {PREFIX}{RUN}"}
    assert mail <= set(safety.left(where)[RUN])
    assert mail <= set(safety.clean(where, RUN))
    assert safety.clean(where, RUN) == []
    assert safety.left(where) == {}
    assert {one.kind for one in where.records.listed()} == {"NS", "SOA"}


def test_somebody_receives_mail(where):
    """The rule set of somebody else stays active, and the run says how to go without mail."""
    ses = where.clients("ses")
    ses.create_receipt_rule_set(RuleSetName="theirs")
    ses.set_active_receipt_rule_set(RuleSetName="theirs")
    with pytest.raises(Stop, match="receives mail by the rule set theirs; RECEIVE=no runs without"):
        open_mailbox(Lab(where, CODE), where.clients)
    assert safety.clean(where, RUN) == []
    assert ses.describe_active_receipt_rule_set()["Metadata"]["Name"] == "theirs"


def test_somebody_comes_to_receive_mail(where):
    """So it is where they activate theirs while bucket and rule set are made: it is checked once more."""

    def clients(service):
        client = where.clients(service)
        if service == "s3":
            client.meta.events.register("before-call.s3.CreateBucket", activate)
        return client

    def activate(**_):
        ses = where.clients("ses")
        ses.create_receipt_rule_set(RuleSetName="theirs")
        ses.set_active_receipt_rule_set(RuleSetName="theirs")

    with pytest.raises(Stop, match="receives mail by the rule set theirs; RECEIVE=no runs without"):
        open_mailbox(Lab(where, CODE), clients)
    safety.clean(where, RUN)
    assert where.clients("ses").describe_active_receipt_rule_set()["Metadata"]["Name"] == "theirs"


def test_other_mailboxes(where):
    """Bucket and rule set of another run stay, the active one too, and so does what only has a like name."""
    ses, s3 = where.clients("ses"), where.clients("s3")
    others = [PREFIX + run_of("another"), f"{PREFIX}mail"]
    for name in others:
        ses.create_receipt_rule_set(RuleSetName=name)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    ses.set_active_receipt_rule_set(RuleSetName=others[0])
    assert safety.clean(where, RUN) == []
    assert set(where.mailboxes.listed()) == {run_of("another")}
    assert ses.describe_active_receipt_rule_set()["Metadata"]["Name"] == others[0]
    assert set(others) <= {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_more_than_a_page_of_mail(where):
    """S3 lists 1,000 objects at a time; the bucket goes with more in it."""
    s3, name = where.clients("s3"), PREFIX + RUN
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(1001):
        s3_backends[where.account]["aws"].put_object(name, str(number), b"")
    assert safety.clean(where, RUN) == [f"bucket {name}"]


def test_mail_that_comes_late(where):
    """A message that comes while the bucket is deleted goes with it."""
    name, late = PREFIX + RUN, ["late"]
    where.clients("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def clients(service):
        client = where.clients(service)
        if service == "s3":
            client.meta.events.register("before-call.s3.DeleteBucket", comes)
        return client

    def comes(**_):
        if late:
            s3_backends[where.account]["aws"].put_object(name, late.pop(), b"")

    where.mailboxes = AwsMailboxes(clients, where.wait)
    assert safety.clean(where, RUN) == [f"bucket {name}"]
    assert late == []


class Unreliable:
    """Clients of which each operation fails once, in one way after the other, before it is done or after."""

    def __init__(self, clients):
        self._clients, self.failed, self._errors = clients, {}, itertools.cycle(ERRORS)

    def __call__(self, service):
        client = self._clients(service)
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)
        return client

    def _before(self, model, **_):
        if model.name not in self.failed and "Create" not in model.name:
            self._fail(model)

    def _after(self, model, **_):
        if model.name not in self.failed:
            self._fail(model)

    def _fail(self, model):
        self.failed[model.name] = next(self._errors)
        raise self.failed[model.name]


ERRORS = [
    ConnectionClosedError(endpoint_url="https://email.example"),
    ClientError(
        {"Error": {"Code": "Throttling"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "any operation"
    ),
    ClientError(
        {"Error": {"Code": "InternalFailure"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "any operation"
    ),
]


def test_network(where):
    """A network or a service that fails once at each call neither ends a run nor leaves anything."""
    safety.mark(where, RUN)
    unreliable = Unreliable(where.clients)
    for _ in range(2):  # the second time as RESUME does
        where.send = open_mailbox(Lab(where, CODE, part="mailbox"), unreliable)
    lab = Lab(where, CODE)
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    lab.create(domain, key)
    where.wait(10)
    assert lab.signed_with(domain) == key.selector
    where.mailboxes = AwsMailboxes(again := Unreliable(where.clients), where.wait)
    assert len(safety.left(where)[RUN]) == 8
    safety.clean(where, RUN)
    assert safety.left(where) == {}
    assert {"CreateBucket", "CreateReceiptRule", "SetActiveReceiptRuleSet", "GetObject"} <= set(
        unreliable.failed
    )
    assert {"ListBuckets", "DeleteReceiptRuleSet", "DeleteBucket"} <= set(again.failed)


class Refusing:
    """Clients that refuse one operation with that error, *times* times."""

    def __init__(self, clients, operation, code, times=10**6):
        self._clients, self._operation, self._code, self.times = clients, operation, code, times

    def __call__(self, service):
        client = self._clients(service)
        client.meta.events.register(f"before-call.{service}", self.refuse_it)
        return client

    def refuse_it(self, model, **_):
        if model.name == self._operation:
            self.times -= 1
            if self.times >= 0:
                raise ClientError({"Error": {"Code": self._code, "Message": "no"}}, model.name)


def test_where_ses_does_not_receive(where):
    """A Region without receiving has no rule sets: the bucket goes all the same, and nothing is lost."""
    where.clients("s3").create_bucket(
        Bucket=PREFIX + RUN, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    where.mailboxes = AwsMailboxes(
        Refusing(where.clients, "ListReceiptRuleSets", "InvalidAction"), where.wait
    )
    assert safety.left(where) == {RUN: [f"bucket {PREFIX}{RUN}"]}
    assert safety.clean(where, RUN) == [f"bucket {PREFIX}{RUN}"]


def test_rule_set_that_stays(where):
    """A rule set that can't be deleted is named, after all else is gone."""
    lab = Lab(where, CODE)
    safety.mark(where, RUN)
    domain = lab.domain()
    lab.create(domain)
    open_mailbox(Lab(where, CODE, part="mailbox"), where.clients)
    where.mailboxes = AwsMailboxes(
        Refusing(where.clients, "DeleteReceiptRuleSet", "AccessDenied"), where.wait
    )
    with pytest.raises(Stop, match=f"mail: receipt rule set {PREFIX}{RUN} \\(AccessDenied: no\\)$"):
        safety.clean(where, RUN)
    assert safety.left(where) == {RUN: [f"{below(RUN, ZONE)} TXT", f"receipt rule set {PREFIX}{RUN}"]}


def test_lost_mail(where):
    """A message that does not arrive ends what asked for it, and not the run."""
    lab = Lab(where, CODE)
    safety.mark(where, RUN)
    where.send = open_mailbox(Lab(where, CODE, part="mailbox"), where.clients)
    domain = lab.domain()
    with pytest.raises(Unanswered, match=r"mail from .* did not arrive"):
        lab.signed_with(domain)  # SES has no such identity
    safety.clean(where, RUN)


def test_bucket_policy_that_comes_late(where):
    """SES writes into the bucket to test it, and S3 may not have its new policy yet: it is asked again."""
    safety.mark(where, RUN)
    late = Refusing(where.clients, "CreateReceiptRule", "InvalidS3Configuration", times=2)
    open_mailbox(Lab(where, CODE, part="mailbox"), late)
    assert late.times < 0
    assert [one["Name"] for one in where.clients("ses").describe_active_receipt_rule_set()["Rules"]] == [
        PREFIX + RUN
    ]
    safety.clean(where, RUN)


@pytest.mark.parametrize(
    ("operation", "code", "kind"),
    [
        ("SendEmail", "TooManyRequestsException", Limited),
        ("SendEmail", "AccessDeniedException", Unanswered),
        ("ListObjectsV2", "AccessDenied", Unread),
        ("GetObject", "AccessDenied", Unread),
        ("DeleteObject", "AccessDenied", Unread),
    ],
)
def test_who_refuses(where, operation, code, kind):
    """Only an error of SendEmail that is no limit of the account's says that SES does not take a message."""
    lab = Lab(where, CODE)
    safety.mark(where, RUN)
    refusing = Refusing(where.clients, operation, code)
    where.ses.meta.events.register("before-call.sesv2.SendEmail", refusing.refuse_it)
    send = open_mailbox(Lab(where, CODE, part="mailbox"), refusing)
    domain, key = lab.domain(), lab.key()
    lab.publish(domain, key)
    lab.create(domain, key)
    where.wait(10)
    where.wait = lambda _: None
    with pytest.raises(Unanswered, match=code) as caught:
        send(domain)
    assert type(caught.value) is kind
    safety.clean(where, RUN)
