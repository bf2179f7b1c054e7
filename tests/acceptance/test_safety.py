"""What a run refuses, what it deletes, and how it ends where the world turns hostile."""

import re
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError
from moto import mock_aws

from byodkim_provider.dns.resolver import Answer
from sandbox.ses.switches import Fault
from tests.acceptance import safety
from tests.acceptance.__main__ import begin, cleaned, refuse
from tests.acceptance.account import left
from tests.acceptance.direct import ZONE
from tests.acceptance.errors import PATIENCE, Stop
from tests.acceptance.lab import GUARD_SECONDS, PREFIX, Lab, Record, below, run_of
from tests.acceptance.prober import probe
from tests.acceptance.targets import Route53
from tests.support.fakes import REGION

CODE = "0a1b2c3d"
RUN = run_of(CODE)
OTHER = run_of("another code")


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        (ZONE, "MX", f"{ZONE} is in use: {ZONE} MX, it receives mail"),
        (f"_dmarc.{ZONE}", "TXT", f"{ZONE} is in use: _dmarc.{ZONE} TXT, it has a policy for mail"),
        (ZONE, "TXT", f"{ZONE} is in use: {ZONE} TXT"),
        (f"www.{ZONE}", "A", f"{ZONE} is in use: www.{ZONE} A"),
        (f"x.{PREFIX}12345678.{ZONE}.a", "TXT", f"{ZONE} is in use: x.{PREFIX}12345678.{ZONE}.a TXT"),
        (f"x.{PREFIX}1234567.{ZONE}", "TXT", f"{ZONE} is in use: x.{PREFIX}1234567.{ZONE} TXT"),
        (f"x.a-12345678.{ZONE}", "TXT", f"{ZONE} is in use: x.a-12345678.{ZONE} TXT"),
    ],
    ids=["MX", "DMARC", "another TXT", "a host", "a similar zone", "a similar name", "a shorter prefix"],
)
def test_zone_in_use(here, name, kind, why):
    """A zone that somebody uses is no place for a run."""
    here.records.others.append((name, kind))
    with pytest.raises(Stop, match="nothing was changed") as caught:
        begin(here, RUN)
    assert why in str(caught.value)


def test_region_in_use(here, monkeypatch):
    """Neither is a Region with identities of others, unless one says so; they are left alone then."""
    here.ses.model.put_easy_dkim("theirs.example", REGION)
    with pytest.raises(Stop, match=f"{REGION} has the identity theirs.example"):
        begin(here, RUN)
    monkeypatch.setenv("OTHERS", "0")
    with pytest.raises(Stop, match=f"{REGION} has the identity theirs.example"):
        begin(here, RUN)
    monkeypatch.setenv("OTHERS", "1")
    begin(here, RUN)
    with cleaned(here, RUN):
        here.guard()
        Lab(here, CODE).create(Lab(here, CODE).domain())
    assert left(here) == ["theirs.example"]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (
            [Answer("ns1", ()), Answer("ns2", ("another",))],
            "is not delegated .* not at ns1 .no such record., ns2",
        ),
        (
            [Answer("ns1", None, "REFUSED"), Answer("ns2", None, "silent")],
            "is not delegated .* ns1 .REFUSED.;",
        ),
        ([Answer("resolver", None, "no zone")], "is not delegated .* not at resolver .no zone."),
        ([Answer("ns1", None, "silent")], "could not look up whether .* is delegated .*ns1 .silent."),
    ],
    ids=["at the parent, or another's", "at a zone of before", "no such zone", "no network"],
)
def test_not_delegated(here, answers, outcome):
    """A zone whose records SES can't find ends the run in a minute; where nobody knows, it goes on."""
    said = []
    resolver = SimpleNamespace(txt=lambda *_: answers)
    safety.mark(here, RUN)
    begun = here.now()
    try:
        safety.refuse_undelegated(here, RUN, resolver, said.append)
    except Stop as stop:
        said.append(str(stop))
    assert re.search(outcome, said[0])
    assert here.now() - begun <= 70


def test_late_name_server(here):
    """A name server that has the mark some seconds later is no reason to stop."""
    mark = here.records.values
    answers = [[Answer("ns1", ())], []]
    safety.mark(here, RUN)
    answers[1] = [Answer("ns1", mark[below(RUN, ZONE)])]
    safety.refuse_undelegated(here, RUN, SimpleNamespace(txt=lambda *_: answers.pop(0)), pytest.fail)
    assert answers == []


def test_left_by_an_earlier_run(here):
    """What an earlier run left is cleaned up first, unless it is the run that is resumed."""
    lab = Lab(here, CODE)
    lab.create(lab.domain())
    with pytest.raises(Stop, match=rf"an earlier run left .*: make acceptance CLEANUP={RUN} ZONE={ZONE}"):
        begin(here, OTHER)
    safety.mark(here, RUN)
    refuse(here, RUN, resumes=True)


def test_routing_policy(here):
    """A record of which Route 53 has several, by weight, is nobody's but its owner's, whatever its name."""
    begin(here, RUN)
    here.records.others.append((f"x.{below(RUN, ZONE)}", "TXT", "blue"))
    with pytest.raises(Stop, match=rf"x.{below(RUN, ZONE)} TXT 'blue', it has a routing policy"):
        here.guard()
    with pytest.raises(Stop, match=rf"x.{below(RUN, ZONE)} TXT 'blue' was not made by a run"):
        safety.clean(here, RUN)


@pytest.fixture
def route53():
    """A client, and the id of a zone that it has."""
    with mock_aws():
        client = boto3.client("route53", REGION, aws_access_key_id="a", aws_secret_access_key="b")
        yield client, client.create_hosted_zone(Name=ZONE, CallerReference="1")["HostedZone"]["Id"]


def test_routing_policy_in_route53(route53):
    """Such a record is neither overwritten nor deleted; a simple record is."""
    client, zone_id = route53
    weighted = {
        "Name": f"x.{ZONE}",
        "Type": "TXT",
        "TTL": 60,
        "SetIdentifier": "blue",
        "Weight": 1,
        "ResourceRecords": [{"Value": '"theirs"'}],
    }
    changes = [{"Action": "CREATE", "ResourceRecordSet": weighted}]
    client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
    records = Route53(client, zone_id, lambda _: None)
    before = records.listed()
    assert Record(f"x.{ZONE}", "TXT", "blue", ("theirs",)) in before
    for change in (lambda: records.remove(f"x.{ZONE}"), lambda: records.publish(f"x.{ZONE}", [["a"]])):
        with pytest.raises(Stop, match="has a routing policy"):
            change()
    assert records.listed() == before
    records.publish(f"y.{ZONE}", [["a", "b"]])
    assert Record(f"y.{ZONE}", "TXT", "", ("ab",)) in records.listed()
    records.remove(f"y.{ZONE}")
    assert records.listed() == before


def test_slow_route53(here, route53):
    """A change that is PENDING for hours is waited for, and a clean-up waits for none."""
    client, zone_id = route53
    waited = []
    here.records = Route53(client, zone_id, waited.append)
    begin(here, RUN)

    def pending(**_):
        return {"ChangeInfo": {"Status": "INSYNC" if sum(waited) >= 3 * 3600 else "PENDING"}}

    client.get_change = pending
    lab = Lab(here, CODE)
    lab.publish(lab.domain(), lab.key())
    assert sum(waited) == 3 * 3600
    waited.clear()
    assert len(safety.clean(here, RUN)) == 2
    assert waited == []


def test_the_zone_is_listed_once(here, monkeypatch):
    """The guard takes the run's mark from the list of records that it has anyway."""
    begin(here, RUN)
    listed, calls = here.records.listed, []
    monkeypatch.setattr(here.records, "listed", lambda: calls.append(1) or listed())
    here.guard()
    assert calls == [1]


def hostile(here, outcome, *, more=()):
    """A run in that world stops with *outcome*, and leaves nothing."""
    begin(here, RUN)
    with pytest.raises(Stop, match=outcome), cleaned(here, RUN):
        probe(Lab(here, CODE), more=more)


def test_something_foreign_appears(here):
    """An identity of somebody else that was not there at the beginning ends the run; it is left alone."""
    wait = here.wait

    def and_then(seconds):
        wait(seconds)
        if len(here.ses.model.log) > 30:
            here.ses.model.put_easy_dkim("theirs.example", REGION)

    here.wait = and_then
    hostile(here, "something that is not this run's has appeared: eu-west-1 has the identity theirs.example")
    assert left(here) == ["theirs.example"]


@pytest.mark.parametrize("what", ["identity", "record"])
def test_something_foreign_while_it_waits(here, what):
    """A wait of hours is made in pieces, and it is noticed after at most ten minutes."""
    begin(here, RUN)
    lab, slept, wait = Lab(here, CODE), [], here.wait

    def and_then(seconds):
        slept.append(seconds)
        wait(seconds)
        if len(slept) == 3 and what == "identity":
            here.ses.model.put_easy_dkim("theirs.example", REGION)
        elif len(slept) == 3:
            here.records.others.append((f"www.{ZONE}", "A"))

    here.wait = and_then
    with pytest.raises(Stop, match=r"something that is not this run's has appeared: .*(theirs|www)"):
        lab.wait_until(here.now() + 6 * 3600)
    assert max(slept) == GUARD_SECONDS
    assert sum(slept) < 4 * GUARD_SECONDS


def test_something_foreign_while_records_are_made(here):
    """Records take a minute each in Route 53: after ten of them it is noticed too."""
    begin(here, RUN)
    lab, publish = Lab(here, CODE), here.records.publish

    def takes_a_minute(*arguments):
        publish(*arguments)
        here.wait(60)

    here.records.publish = takes_a_minute
    here.ses.model.put_easy_dkim("theirs.example", REGION)
    made = []

    def publish_twenty():
        for _ in range(20):
            lab.publish(lab.domain(), lab.key())
            made.append(1)

    with pytest.raises(Stop, match=r"has appeared: .*theirs"):
        publish_twenty()
    assert len(made) < 10


def test_the_rate_is_not_disturbed(here):
    """While calls a second are counted, the guard makes none."""
    lab = Lab(here, CODE)
    here.guard = lambda: pytest.fail("the guard called")
    here.wait(2 * GUARD_SECONDS)
    for _ in range(30):
        lab.wait_until(lab.now() + 1.02)


@pytest.mark.parametrize("fault", ["500", "throttle"])
def test_a_look_that_fails(here, fault, capsys):
    """It is no finding: the run goes on, and looks again later."""
    begin(here, RUN)
    here.ses.model.inject(Fault(fault, operation="ListEmailIdentities", times=150))
    here.guard()
    assert "looks again later" in capsys.readouterr().out
    here.ses.model.put_easy_dkim("theirs.example", REGION)
    here.ses.model._faults.clear()
    with pytest.raises(Stop, match=r"has appeared: .*theirs"):
        here.guard()


def test_a_look_at_records_that_fails(here):
    """So it is with Route 53; after twelve hours without a look the run ends all the same."""
    begin(here, RUN)

    def throttled():
        raise Stop("Route 53: Throttling")

    here.records.listed = throttled
    here.guard()
    here.wait(PATIENCE)
    with pytest.raises(Stop, match="nobody knows whether others use zone and Region: Route 53: Throttling"):
        here.guard()


def error(code, status):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "List")


@pytest.mark.parametrize(
    "failure",
    [
        error("Throttling", 400),
        error("ServiceUnavailable", 503),
        CredentialRetrievalError(provider="a role", error_msg="no network"),
    ],
    ids=["throttles", "fails", "no credentials"],
)
def test_route53_that_fails(failure):
    """A read waits for an hour in which Route 53 throttles or fails, or a role has no new credentials."""
    waited = []

    def fails(**_):
        if sum(waited) < 3600:
            raise failure
        return [{"ResourceRecordSets": []}]

    client = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=fails))
    assert Route53(client, "Z1", waited.append).listed() == []


def test_cleaned_up_by_somebody(here):
    """A run that is cleaned up while it runs notices that too, and deletes what it has made since."""
    begin(here, RUN)
    here.guard()
    lab = Lab(here, CODE)
    safety.clean(here, RUN)

    def goes_on():
        lab.publish(domain := lab.domain(), lab.key())
        lab.create(domain)
        here.guard()

    with pytest.raises(Stop, match="this run was cleaned up while it ran"), cleaned(here, RUN):
        goes_on()
    assert left(here) == []


def test_rate_limit(here):
    """Where SES throttles everything, the run gives up; the clean-up comes when SES answers again."""
    wait, faults = here.wait, [Fault("throttle", operation="GetEmailIdentity", times=200)]

    def and_then(seconds):
        wait(seconds)
        if len(here.ses.model.log) >= 40 and faults:
            here.ses.model.inject(faults.pop())

    here.wait = and_then
    hostile(here, "SES throttles")
    assert left(here) == []


class Expiring:
    """A client whose credentials are not taken any more from call *after* on, for *calls* calls."""

    def __init__(self, client, after, calls, code="ExpiredTokenException"):
        self.model = client.model
        self._client = client
        self._numbers = iter(range(10**6))
        self._expired, self._code = range(after, after + calls), code

    def __getattr__(self, action):
        def call(**parameters):
            if next(self._numbers) in self._expired:
                metadata = {"HTTPStatusCode": 403, "HTTPHeaders": {}}
                raise ClientError({"Error": {"Code": self._code}, "ResponseMetadata": metadata}, action)
            return getattr(self._client, action)(**parameters)

        return call


def test_expired_credentials(here, capsys):
    """Without credentials a run ends with the command that cleans up later, and that does."""
    client = here.ses
    here.ses = Expiring(client, after=40, calls=10**6)
    hostile(here, "AWS takes these credentials no more")
    assert f"once that is over: make acceptance CLEANUP={RUN}" in capsys.readouterr().out
    assert left(here) != []
    here.ses = client
    safety.clean(here, RUN)
    assert left(here) == []
