"""`make acceptance` in a sandbox: it finds out how SES was set, touches nothing of others, and cleans up."""

import json
import signal
import typing
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from byodkim_provider.aws.permissions import PERMISSIONS
from sandbox.ses.switches import Fault, Switches
from sandbox.world import Sandbox
from tests.acceptance import __main__ as acceptance
from tests.acceptance import questions, safety
from tests.acceptance.__main__ import REGION, ZONE, main, of_emulator
from tests.acceptance.lab import TAG, Refused, Stop, Unanswered, below, in_sandbox
from tests.acceptance.questions import NEVER, UNKNOWN
from tests.support.cases import cases
from tests.support.fakes import FakeClock
from tests.support.iam import is_allowed
from tests.support.quick_runs import quick_runs

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "real-ses.md"

SETTINGS = {
    "status_after_put": ("PENDING", "NOT_STARTED", "SUCCESS"),
    "create_answer": ("NOT_STARTED", "as Get"),
    "put_answer": ("NOT_STARTED", "as Get", "before"),
    "failed_check_keeps_success": (False, True),
    "lost_record_takes_back_verification": (False, True),
    "signs_while_pending": ("nothing", "new", "nothing", "old"),
    "old_key_lingers_seconds": (0, 60, 600),
    "same_key_restarts": (True, False),
    "failed_restarts": (True, False),
    "verification_info": ("filled", "sticky", "empty", "stale", "ownership", "frozen"),
    "caches_no_such_name": (False, True),
    "read_lag_seconds": (0, 5, 30),
    "put_enables_signing": (False, True),
    "follows_cname": (True, False),
    "verifies_tagged_records": (True, False),
    "refuses_bad_keys": (False, True),
    "requests_per_second": (1, 5, None),
    "first_check_seconds": (300, 60, 660),
}
"""The values of each switch that the emulators below are set to; the first is the default."""

EMULATORS = [
    {name: values[number % len(values)] for name, values in SETTINGS.items()}
    for number in range(max(map(len, SETTINGS.values())))
]
"""Settings that together have each value of each switch."""

UNTOLD = {
    "caches_no_such_name": lambda set_to: set_to.verification_info in ("empty", "stale"),
    "failed_check_keeps_success": lambda set_to: (
        set_to.failed_check_keeps_success and set_to.verification_info not in ("filled", "sticky")
    ),
    "put_answer": lambda set_to: (
        set_to.status_after_put == "NOT_STARTED"
        and set_to.put_answer != "before"
        and set_to.same_key_restarts
        and set_to.failed_restarts
    ),
    "same_key_restarts": lambda set_to: set_to.status_after_put == "SUCCESS",
    "old_key_lingers_seconds": lambda set_to: set_to.signs_while_pending == "old",
}
"""Where SES shows no difference: no answer may be claimed. docs/reference/real-ses.md says why."""


def told(set_to):
    """What the questions are expected to find."""
    return {
        name: UNKNOWN if name in UNTOLD and UNTOLD[name](set_to) else getattr(set_to, name)
        for name in SETTINGS
    }


REPORTS = {}


def once(switches):
    """What the questions find of an emulator with these switches, whichever test asks first."""
    if str(switches) not in REPORTS:
        REPORTS[str(switches)] = of_emulator(switches)
    return REPORTS[str(switches)]


@pytest.mark.parametrize("settings", EMULATORS, ids=range(len(EMULATORS)))
def test_answers(settings):
    """Each setting of each switch is found, or is unknown where SES shows no difference."""
    report = once(Switches(**settings))
    assert report.unanswered == {}
    assert {name: report.switches[name] for name in SETTINGS} == told(Switches(**settings))


def test_every_switch_is_asked():
    """A new switch has a question, its values in SETTINGS and a row of the page; each value is told once."""
    switches = asdict(Switches())
    assert set(SETTINGS) | set(NEVER) == set(switches), "a question, and a line in SETTINGS or NEVER"
    page = PAGE.read_text()
    for name, default in switches.items():
        assert f"| `{name}` | `{default}` |" in page, "docs/reference/real-ses.md, What is assumed"
    rounds = (*questions.HOURS, *questions.DAYS, *questions.TENANTS)
    for name in (one.__name__.replace("_", " ") for one in (questions.first_key, *rounds, questions.rate)):
        assert f"| `{name}`" in page, "docs/reference/real-ses.md, What it touches"
    for name, hint in typing.get_type_hints(Switches).items():
        if name in SETTINGS and typing.get_origin(hint) is typing.Literal:
            assert set(SETTINGS[name]) == set(typing.get_args(hint))
    found = [told(Switches(**settings)) for settings in EMULATORS]
    assert {n: v for n, values in SETTINGS.items() for v in values if v not in [f[n] for f in found]} == {}


@pytest.fixture
def opened():
    with Sandbox(clock=FakeClock()) as sandbox:
        sandbox.zone_id = sandbox.add_zone(ZONE)
        yield sandbox


@pytest.fixture
def lab(opened):
    return in_sandbox(opened, ZONE, REGION)


@pytest.fixture
def account(lab, monkeypatch, capsys, tmp_path):
    """Runs with these arguments in an account that is a sandbox; returns the status and what was printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(acceptance, "in_aws", lambda *_: lab)
    monkeypatch.setattr(acceptance, "product", lambda *_, **__: [])
    # Two questions are enough where the answers don't matter.
    monkeypatch.setattr(acceptance, "HOURS", (questions.gaps,))
    monkeypatch.setattr(acceptance, "of_emulator", lambda _: acceptance.Report())

    def run(*arguments):
        status = main(["--zone", ZONE, "--region", REGION, "--yes", *arguments])
        return status, capsys.readouterr().out

    return run


def change(opened, name, kind="TXT", **more):
    """A record of somebody else."""
    value = {"TXT": '"theirs"', "MX": "10 mail.example.", "A": "192.0.2.1", "CNAME": "example.com"}[kind]
    record_set = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}], **more}
    changes = [{"Action": "CREATE", "ResourceRecordSet": record_set}]
    opened.route53.change_resource_record_sets(HostedZoneId=opened.zone_id, ChangeBatch={"Changes": changes})


def left(lab):
    """All identities, and all records but the zone's own."""
    records = [str(each) for each in lab.records() if each.name != ZONE or each.kind == "MX"]
    return sorted([*lab.identities(), *records])


def begun(lab):
    """Something is made, and never cleaned up."""
    safety.begin(lab, pytest.fail, others=False)
    domain, key = questions.published(lab)
    lab.create(domain, key)
    return domain


@pytest.mark.engine
def test_against_the_sandbox(capsys, monkeypatch):
    """Without arguments the product does its job, the defaults are found, and nothing is left."""
    monkeypatch.setattr(acceptance, "of_emulator", once)
    with Sandbox(switches=Switches(first_check_seconds=1)) as sandbox, quick_runs(sandbox):
        assert acceptance.against_sandbox(nullcontext(sandbox)) == 0
        assert left(in_sandbox(sandbox, ZONE, REGION)) == []
    printed = capsys.readouterr().out
    for step in ("up", "rotate", "back", "destroy"):
        assert f"product: {step}: done" in printed
    assert printed.rstrip().endswith("acceptance: passed")


def test_in_an_account(account, lab, tmp_path, monkeypatch):
    """
    A run answers, compares and deletes all it has made; no private key is printed or written.

    The policy allows every call of it, on names of runs alone.
    """
    monkeypatch.setattr(acceptance, "HOURS", questions.HOURS)
    monkeypatch.setattr(acceptance, "of_emulator", once)
    monkeypatch.setattr("tests.acceptance.lab.GUARD_SECONDS", 6 * 3600)  # of days; `test_ends` has minutes
    lab.send = None
    made = [("sts:GetCallerIdentity", {}), ("route53:ListHostedZonesByName", {})]  # before there is a lab

    def record(params, model, **_):
        made.append((f"{model.service_model.service_name.removesuffix('v2')}:{model.name}", params))

    for client in (lab.ses, lab.route53):
        client.meta.events.register("provide-client-params", record)
    keys, key = [], type(lab).key
    monkeypatch.setattr(type(lab), "key", lambda *a, **b: keys.append(key(*a, **b)) or keys[-1])
    status, printed = account("--days", "--tenants")
    assert (denied(safety.policy(lab, "", tenants=True), made, lab), len(made) > 300) == ([], True)
    assert (status, left(lab)) == (0, [])
    assert "delete what a tenant has: 400 BadRequestException: Cannot delete … because" in printed
    assert [line for line in printed.splitlines() if line.startswith(("!", "?"))] == []
    (responses,) = tmp_path.glob("acceptance-*.json")
    assert 10 < len(json.loads(responses.read_text())) < 60  # of some 400, one of each shape
    written = printed + responses.read_text()
    assert lab.account not in written.partition("\n")[2]
    assert len(keys) > 20
    assert not [each for each in keys if each.encoded()[:40] in written]


def denied(policy, calls, lab):
    """The calls that IAM does not allow."""
    ses, other = f"arn:aws:ses:{REGION}:{lab.account}:", "arn:aws:route53:::"
    arns = {
        "EmailIdentity": f"{ses}identity/{{}}",
        "ConfigurationSetName": f"{ses}configuration-set/{{}}",
        "ResourceArn": "{}",
        "TenantName": f"{ses}tenant/{{}}/tn-1",
        "HostedZoneId": f"{other}hostedzone/{{}}",
        "Id": f"{other}change/x",
    }
    found = []
    for action, sent in calls:
        sets = [each["ResourceRecordSet"] for each in sent.get("ChangeBatch", {}).get("Changes", ())]
        key = "route53:ChangeResourceRecordSets"
        context = {
            f"{key}NormalizedRecordNames": [each["Name"].rstrip(".") for each in sets],
            f"{key}RecordTypes": [each["Type"] for each in sets],
        }
        can_be_narrowed = action != "ses:ListResourceTenants"
        of = [arn.format(sent[name]) for name, arn in arns.items() if name in sent and can_be_narrowed]
        found += [(action, arn) for arn in of or ["*"] if not is_allowed(policy, action, arn, context)]
    return found


def test_policy(lab):
    """The policy allows what the product needs, and on all resources only reads that the page names."""
    policy = safety.policy(lab, "", tenants=True)
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    used = {"identity", "any identity", "identity to read", "any", "any change"}
    used |= {"zone", "zone to read", "any zone"}
    product = {each for (on, _), rows in PERMISSIONS.items() if on in used for each in rows}
    unused = {"ses:PutEmailIdentityConfigurationSetAttributes"}  # no run sets a configuration set
    assert product - unused <= actions
    without = json.dumps(safety.policy(lab, "", tenants=False))
    assert ("ses:CreateTenant" in actions, "ses:CreateTenant" in without) == (True, False)
    (anywhere,) = [each for each in policy["Statement"] if "*" in each["Resource"]]
    assert anywhere["Sid"] == "ReadsThatIamCanNotNarrow"
    for action in anywhere["Action"]:
        assert action.partition(":")[2].startswith(("List", "GetCaller"))
        assert f"`{action}`" in PAGE.read_text(), "the page names what IAM can't narrow"
    to_person = safety.policy(lab, "you@example.com", tenants=True)["Statement"][-1]
    assert to_person["Condition"] == {"ForAllValues:StringEquals": {"ses:Recipients": ["you@example.com"]}}


WEIGHTED = {"SetIdentifier": "blue", "Weight": 1}


@cases(
    ("name", "kind", "more"),
    {
        "mail": (ZONE, "MX", {}),
        "DMARC": (f"_dmarc.{ZONE}", "TXT", {}),
        "host": (f"www.{ZONE}", "A", {}),
        "similar name": (f"x.byodkim-acceptance-1234567.{ZONE}", "TXT", {}),
        "routing policy": (f"x.byodkim-acceptance-12345678.{ZONE}", "TXT", WEIGHTED),
    },
)
def test_zone_in_use(account, opened, lab, name, kind, more):
    """A zone with any record but its own NS and SOA is refused, and that record is never deleted."""
    change(opened, name, kind, **more)
    before = left(lab)
    status, printed = account()
    assert (status, f"{ZONE} is in use: {name} {kind}" in printed) == (1, True)
    account("--clean")
    assert left(lab) == before


def test_region_in_use(account, lab):
    """So is a Region with identities of others, unless --others allows it; they stay."""
    lab.call("create_email_identity", EmailIdentity="theirs.example")
    assert f"{REGION} has the identity theirs.example; --others allows that" in account()[1]
    assert account("--others")[0] == 0
    assert left(lab) == ["theirs.example"]


def test_asks(account, lab, monkeypatch):
    """Before anything is made, the run says what and at what price, and a person types the zone's name."""
    for answer, status in (("yes", 1), (ZONE, 0)):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert main(["--zone", ZONE, "--region", REGION]) == status
        assert left(lab) == []


def test_not_delegated(lab):
    """SES asks the DNS: a zone that is not delegated to Route 53 ends the run."""
    with Sandbox(clock=FakeClock()) as other:
        other.add_zone(ZONE)
        elsewhere = replace(lab, look_up=in_sandbox(other, ZONE, REGION).look_up)
        with pytest.raises(Stop, match=f"{ZONE} is not delegated to its hosted zone"):
            safety.begin(elsewhere, pytest.fail, others=False)


def theirs(lab, opened):
    lab.ses.create_email_identity(EmailIdentity="theirs.example")


def their_host(lab, opened):
    change(opened, f"www.{ZONE}", "A")


def theirs_for_good(lab, opened):
    theirs(lab, opened)
    opened.ses.inject(Fault("access_denied", operation="DeleteEmailIdentity", times=100))


USED = "stopped: somebody else uses zone or Region"
LATER = f"once that is over: venv/bin/python -m tests.acceptance --clean --zone {ZONE} --region {REGION}"
CLEANED = "stopped: this run was cleaned up while it ran"
SO_FAR = ["read_lag_seconds=", "FAILED: the run did not reach its end"]


def signalled(name):
    return lambda *_: signal.raise_signal(signal.Signals[name]), SO_FAR, []


@cases(
    ("do", "printed", "stays"),
    {
        "identity of others": (theirs, [USED], ["theirs.example"]),
        "record of others": (their_host, [USED], [f"www.{ZONE} A"]),
        "cleaned up": (lambda lab, _: safety.clean(lab, lab.run), [CLEANED], []),
        "not cleaned up": (theirs_for_good, [USED, "not cleaned up: left: ", LATER], None),
        "Ctrl-C": signalled("SIGINT"),
        "kill": signalled("SIGTERM"),
        "hang-up": signalled("SIGHUP"),
    },
)
def test_ends(account, opened, lab, do, printed, stays):
    """
    What appears during a run ends it within ten minutes, and stays; so does --clean elsewhere, or a signal.

    Its report so far is printed, and nothing of it is left, or named with the command for later.
    """
    sleep, done = lab.sleep, []

    def then(seconds):
        sleep(seconds)
        if len(opened.ses.log) > 60 and not done:
            done.append(None)
            do(lab, opened)

    lab.sleep = then
    status, shown = account()
    assert (status, [each for each in printed if each not in shown]) == (1, [])
    assert stays is None or left(lab) == stays


def test_killed(account, opened, lab):
    """
    After a kill the next run refuses, and --clean deletes exactly what the killed one has made.

    That is also its tenant, which holds an identity, and no other tenant.
    """
    domain = begun(lab)
    theirs, untagged = (f"{each}.{below(lab.run, ZONE)}" for each in ("d1", "d2"))
    change(opened, theirs, "CNAME")
    lab.call("create_email_identity", EmailIdentity=untagged)
    lab.call("create_tenant", TenantName="theirs")
    lab.call("create_tenant", TenantName=lab.tenant, Tags=lab.tags)
    lab.call("create_tenant_resource_association", TenantName=lab.tenant, ResourceArn=lab.arn(domain))
    assert "an earlier run was not cleaned up" in account("--others")[1]
    status, printed = account("--clean")
    assert status == 1
    assert f"{untagged}: does not have the tag {TAG}={lab.run}" in printed
    assert f"{theirs} CNAME: was not made by a run" in printed
    assert left(lab) == sorted([untagged, f"{theirs} CNAME", f"{below(lab.run, ZONE)} TXT"])
    assert lab.call("get_tenant", TenantName="theirs")
    with pytest.raises(Refused, match="404"):
        lab.call("get_tenant", TenantName=lab.tenant)
    lab.delete(untagged)
    lab.remove_record(theirs, "CNAME")
    assert (account("--clean")[0], left(lab)) == (0, [])


def test_tenants_are_not_allowed(opened, lab):
    """Where no tenant may be made the question has no answer and leaves nothing; the others go on."""
    for operation in ("CreateTenant", "GetTenant"):
        opened.ses.inject(Fault("access_denied", operation=operation))
    report = acceptance.Report()
    acceptance.ask(lab, [*questions.TENANTS, questions.gaps], report)
    assert "AccessDenied" in report.unanswered["tenant"]
    assert "minutes between checks" in report.facts
    safety.clean(lab, lab.run, is_own=True)
    assert left(lab) == []


def test_no_network(lab, monkeypatch):
    """A person waits while a run cleans up: without network that gives up after some minutes."""

    def away(*_, **__):
        raise EndpointConnectionError(endpoint_url="https://route53.example")

    begun(lab)
    before = lab.now()
    monkeypatch.setattr(lab.route53, "get_paginator", lambda _: SimpleNamespace(paginate=away))
    assert acceptance.clean_own(lab) == ["not cleaned up"]
    assert 60 < lab.now() - before < 600


def test_clean_elsewhere(opened, lab):
    """In another Region --clean deletes nothing, as the record names the right one; so without the record."""
    begun(lab)
    before = left(lab)
    with pytest.raises(Stop, match=f"pass --region {REGION}"):
        safety.clean(in_sandbox(opened, ZONE, "us-east-1"), lab.run)
    assert left(lab) == before
    with pytest.raises(Stop, match="Route 53"):  # a record that exists is never overwritten
        lab.create_record(below(lab.run, ZONE), "TXT", '"ours"')
    lab.remove_record(below(lab.run, ZONE))
    with pytest.raises(Stop, match="is missing, which a run begins with: delete it by hand"):
        safety.clean(lab, lab.run)


def test_patience(opened, lab):
    """A call that SES throttles or fails at is repeated; what it refuses ends one question alone."""
    for kind in ("throttle", "500"):
        opened.ses.inject(Fault(kind, times=5))
    assert lab.get(f"a.{ZONE}") is None
    report = acceptance.Report()

    def refused(lab):
        yield 0
        lab.put(f"a.{ZONE}", lab.key())

    def strange(lab):
        yield 0
        return {}["DkimAttributes"]

    def silent(lab):
        yield 1
        raise Unanswered("SES verified nothing")

    acceptance.ask(lab, [refused, strange, silent, questions.gaps], report)
    assert set(report.unanswered) == {"refused", "strange", "silent"}
    assert "404 NotFoundException" in report.unanswered["refused"]
    assert "minutes between checks" in report.facts


def test_mail_to_a_person(lab):
    """With --mail-to the person reads the signatures: the report says which selector is which."""
    report, sent = acceptance.Report(), []
    lab.send = lambda domain, subject: sent.append(subject)
    for question in (questions.first_key, questions.mail_while_pending):
        acceptance.ask(lab, [question], report)
    assert report.switches["signs_while_pending"] == UNKNOWN
    assert "is the old key" in report.facts["mail after a Put"]
    assert all(lab.run in subject for subject in sent)
