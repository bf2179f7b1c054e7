"""If this fails, people publish a wrong MX or SPF record, or are not told of one."""

import json

import pytest

from tests.support.cases import cases
from tests.support.fakes import REGION
from tests.support.world import DOMAIN
from tests.support.zones import zones

BOUNCE = f"bounce.{DOMAIN}"
MX, SPF = f"10 feedback-smtp.{REGION}.amazonses.com", "v=spf1 include:amazonses.com ~all"


@pytest.fixture
def declared(project):
    """A stack with `mailFrom`, set in SES."""

    def declare(settings="mailFrom: bounce", *, in_ses=BOUNCE):
        project.write(f"    {DOMAIN}:\n      generation: 2\n      {settings}\n")
        project.world.ses().set_mail_from(DOMAIN, in_ses)
        project.mail_from_zones = {} if "dns" in settings else {BOUNCE: "Z1"}
        project.world.resolver.mx_records[BOUNCE] = (MX,)
        project.world.resolver.records[BOUNCE] = (SPF,)
        return project

    return declare


def test_all_is_well(declared):
    """The report shows it in its table, `status` of the domain in a line, of all in a word."""
    project = declared()
    report = project.directory / "report.html"
    result = project.run("status", DOMAIN, "--html", str(report))
    assert (result.exit_code, f"MAIL FROM {BOUNCE} SUCCESS" in result.stdout) == (0, True)
    assert f"{BOUNCE} SUCCESS" in report.read_text()
    assert " of 180 days, MAIL FROM SUCCESS\n" in project.run("status").stdout


NOT_SET = f"the MAIL FROM domain in SES is none, not {BOUNCE!r}: run `pulumi up --refresh`"
TWO = {"mx_records": (MX, f"20{MX[2:]}")}


@cases(
    ("changes", "in_ses", "said"),
    {
        "not in SES": ({}, "", NOT_SET),
        "two MX": (TWO, BOUNCE, f"{BOUNCE} must have the MX record"),
    },
)
def test_mistakes(declared, changes, in_ses, said):
    """A mistake is due, since SES still sends. `dns/test_mail_from` has all."""
    project = declared(in_ses=in_ses)
    for where, values in changes.items():
        getattr(project.world.resolver, where)[BOUNCE] = values
    result = project.run("status")
    assert (result.exit_code, f"  due: {REGION}: {said}" in result.stdout) == (1, True)


WANTED = "mailFrom: {label: bounce, onMxFailure: %s}"
THEIRS = "adopt: true"
"""One that was set before is nobody's business here, unless SES refuses all mail because of it."""


@pytest.mark.parametrize(
    ("settings", "in_ses", "exit_code", "said"),
    [
        (WANTED % "useDefault", ("USE_DEFAULT_VALUE", "PENDING"), 0, "SES says PENDING of"),
        (WANTED % "useDefault", ("USE_DEFAULT_VALUE", "FAILED"), 1, "SES says FAILED of"),
        (WANTED % "reject", ("REJECT_MESSAGE", "PENDING"), 2, "and refuses all mail"),
        # SES gets `reject` after SUCCESS, by the next `pulumi up`: until then that is due.
        (WANTED % "reject", ("USE_DEFAULT_VALUE", "SUCCESS"), 1, "does not reject mail without it"),
        (THEIRS, ("REJECT_MESSAGE", "PENDING"), 2, "and refuses all mail"),
        (THEIRS, ("USE_DEFAULT_VALUE", "FAILED"), 0, ""),
    ],
)
def test_status_in_ses(declared, settings, in_ses, exit_code, said):
    """It is awaited, or given up; with `reject` no mail is sent, which is wrong."""
    project = declared(settings)
    model = project.world.model
    changed = type(model.identities(REGION)[DOMAIN].mail_from)(BOUNCE, *in_ses)
    model.change(DOMAIN, REGION, mail_from=changed)
    result = project.run("status")
    assert (result.exit_code, said in result.stdout) == (exit_code, True)


@pytest.mark.parametrize("dns", ["manual", f"{{zone: _domainkey.{DOMAIN}}}"])
def test_records(declared, dns):
    """
    Both are printed for the panel, unless Pulumi writes them, in the domain's zone in Route 53.
    """
    shown = declared().run("records").stdout
    assert shown.count("`pulumi up` writes it") == 5
    project = declared(f"dns: {dns}\n      mailFrom: bounce")
    typed = project.run("records", "--zone", DOMAIN).stdout
    assert ("MX" in typed, f"feedback-smtp.{REGION}.amazonses.com" in typed) == (True, True)
    lines = [f"{BOUNCE}. 300 IN MX {MX}.", f'{BOUNCE}. 300 IN TXT "{SPF}"']
    assert project.run("records", "--format", "zone").stdout.splitlines()[-2:] == lines
    text = project.run("records", "--format", "text").stdout
    assert (lines[0] in text, "bounces" in text) == (True, True)


def test_paste_once(project):
    """With `cname` they are pasted with the CNAMEs, before there is any key."""
    dns = "dns: {provider: route53, zone: keys.example.net, cname: ses}"
    project.write(f"    {DOMAIN}:\n      generation: 1\n      {dns}\n      mailFrom: bounce\n")
    project.stored = []
    shown = json.loads(project.run("records", "--json").stdout)
    assert [one["type"] for one in shown] == ["CNAME", "CNAME", "CNAME", "MX", "TXT"]
    assert shown[-1] == {"name": BOUNCE, "type": "TXT", "ttl": 300, "value": SPF}
    assert "nothing to type" not in project.run("records").stdout


@pytest.mark.parametrize("where", ["stack file", "state alone"])
def test_policy(project, declared, declare, where):
    """The policy has the action, and the record's type and name, also for what has to go."""
    if where == "stack file":
        declared()
    else:
        declare(mail_from_domain=BOUNCE)
        declare(zones=zones("route53:Z1"))
        project.write("    example.org:\n      generation: 1\n      dns: manual\n")
    document = json.loads(project.run("iam-policy").stdout)["Statement"]
    (change,) = [one for one in document if one["Action"] == ["route53:ChangeResourceRecordSets"]]
    assert change["Condition"]["ForAllValues:StringEquals"] == {
        "route53:ChangeResourceRecordSetsRecordTypes": ["MX", "TXT"]
    }
    assert BOUNCE in str(change["Condition"]["ForAllValues:StringLike"])
