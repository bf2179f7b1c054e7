"""The setting `mailFrom`: MAIL FROM with the key, in one `up`, and never in a rotation's way."""

from datetime import timedelta

import dns.message
import dns.query
import pytest
from moto.route53.exceptions import Route53ClientError

from byodkim_provider import ByodkimDomain, ByodkimDomainArgs
from sandbox.aws import services
from sandbox.mail.client import send
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from sandbox.ses.switches import Fault
from tests.engine.panel import Panel
from tests.engine.stack import IDENTITY, OTHER_REGION, RECORD, REGION, requests, steps
from tests.engine.state import urn

pytestmark = pytest.mark.engine

MAIL_FROM = "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes"
PUT = "PutEmailIdentityMailFromAttributes"

SPF = "v=spf1 include:amazonses.com ~all"


def mx(region=REGION):
    return f"10 feedback-smtp.{region}.amazonses.com"


def asked(sandbox, name):
    """What DNS says of both records, without quotes."""
    host, _, port = sandbox.dns_resolver.rpartition(":")
    found = []
    for kind in ("MX", "TXT"):
        answer = dns.query.tcp(dns.message.make_query(name, kind), host, port=int(port), timeout=5)
        found += [str(one).strip('".') for records in answer.answer for one in records]
    return found


def in_ses(sandbox, domain, region=REGION):
    """The MAIL FROM domain that SES has, and its status."""
    mail_from = sandbox.ses.identities(region)[domain].mail_from
    return mail_from.domain, mail_from.status


def about_it(result):
    """Operation and kind of a run's steps that are about MAIL FROM, in order."""
    return [
        (operation, "SES" if kind == MAIL_FROM else name.rpartition("/")[2])
        for operation, name, kind in steps(result)
        if kind == MAIL_FROM or (kind == RECORD and name.endswith(("/MX", "/TXT")))
    ]


def signing(sandbox, domain):
    return sandbox.ses.signing_key(domain, REGION)[0]


def policy_of(sandbox, zone, action, record):
    changes = [{"Action": action, "ResourceRecordSet": record}]
    sandbox.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def judged(sandbox, domain):
    """What a receiver says of mail sent now."""
    verdict = judge_dmarc(
        send(sandbox, domain, REGION), lambda name: ask(name, sandbox.dns_resolver)
    )
    return verdict.spf, verdict.spf_aligned, verdict.dkim_aligned, verdict.disposition


def test_life(sandbox, open_stack):
    """
    With the key at once, changed in a rotation, removed: each run does what its preview says.

    Mail is aligned twice, so an unsigned one passes DMARC. SES has the records before it looks for
    them, and has its default back before they go. All of it is pulumi-aws's.
    """
    domain = "life.mail-from.example"
    zone = sandbox.add_zone(domain)
    stack = open_stack({domain: {"generation": 1, "mailFrom": "bounce"}})
    preview = stack.preview()
    assert "add the records" not in preview.stdout
    with requests(sandbox) as made:
        result = stack.up()
    assert sorted(about_it(result)[:2]) == [("create", "MX"), ("create", "TXT")]
    assert (
        sorted(about_it(result))
        == sorted(about_it(preview))
        == sorted([*about_it(result)[:2], ("create", "SES")])
    )
    assert [call.domain for call in made.ses if call.operation == PUT] == [domain]
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    assert asked(sandbox, f"bounce.{domain}") == [mx(), SPF]
    assert set(stack.up().changes) == {"same"}

    policy = {
        "Name": f"_dmarc.{domain}",
        "Type": "TXT",
        "TTL": 300,
        "ResourceRecords": [{"Value": '"v=DMARC1; p=reject; adkim=s; aspf=r"'}],
    }
    policy_of(sandbox, zone, "CREATE", policy)
    assert judged(sandbox, domain) == ("pass", True, True, "none")
    sandbox.ses.change(domain, REGION, signing_enabled=False)
    assert judged(sandbox, domain) == ("pass", True, False, "none")
    sandbox.ses.change(domain, REGION, signing_enabled=True)
    policy_of(sandbox, zone, "DELETE", policy)

    stack.declare(
        {domain: {"generation": 2, "mailFrom": {"label": "mail", "onMxFailure": "reject"}}}
    )
    selector, preview = signing(sandbox, domain), stack.preview()
    result = stack.up()
    assert sorted(about_it(result)) == sorted(about_it(preview))
    assert about_it(result)[2] == ("update", "SES")
    assert in_ses(sandbox, domain) == (f"mail.{domain}", "SUCCESS")
    assert (asked(sandbox, f"mail.{domain}"), asked(sandbox, f"bounce.{domain}")) == (
        [mx(), SPF],
        [],
    )
    assert signing(sandbox, domain) != selector

    stack.declare({domain: {"generation": 2}})
    assert about_it(stack.up())[0] == ("delete", "SES")
    assert in_ses(sandbox, domain)[0] == ""
    assert asked(sandbox, f"mail.{domain}") == []
    assert not stack.destroy().failed
    sandbox.route53.delete_hosted_zone(Id=zone)  # nothing is left in it


def test_another_identity(sandbox, open_stack):
    """
    An identity that is made anew, by Pulumi or after it was deleted, has its MAIL FROM domain
    again.
    """
    domain = "anew.mail-from.example"
    sandbox.add_zone(domain)
    stack = open_stack({domain: {"generation": 1, "mailFrom": "bounce"}})
    assert not stack.up().failed
    result = stack.up(replace=[urn(IDENTITY, f"{domain}/{REGION}")])
    assert not result.failed, result.stdout
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    sandbox.ses.remove(domain, REGION)
    assert not stack.up(refresh=True).failed
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    sandbox.ses.call(PUT, REGION, {"EmailIdentity": domain})
    assert not stack.up(refresh=True).failed
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")


def test_two_regions_and_retired(sandbox, open_stack):
    """Each Region has its own; they come later than the keys, and go with the identities."""
    domain = "two.mail-from.example"
    sandbox.add_zone(domain)
    plain = {"generation": 1, "regions": [REGION, OTHER_REGION]}
    stack = open_stack({domain: plain})
    assert not stack.up().failed
    stack.declare({domain: plain | {"mailFrom": "bounce"}})
    with requests(sandbox) as made:
        result = stack.up()
    assert not [one for one in steps(result) if one[2] == IDENTITY]
    assert made.operations == [PUT, PUT]  # of pulumi-aws: the plugin asks nothing for it
    for region in (REGION, OTHER_REGION):
        name = f"bounce-{region}.{domain}"
        assert in_ses(sandbox, domain, region) == (name, "SUCCESS")
        assert asked(sandbox, name) == [mx(region), SPF]
    stack.declare({domain: plain | {"mailFrom": {REGION: "eu", OTHER_REGION: f"bounce-{REGION}"}}})
    assert not stack.up().failed
    assert in_ses(sandbox, domain, OTHER_REGION) == (f"bounce-{REGION}.{domain}", "SUCCESS")
    assert asked(sandbox, f"bounce-{REGION}.{domain}") == [mx(OTHER_REGION), SPF]

    stack.declare({domain: plain | {"mailFrom": "bounce", "retired": True}})
    assert not stack.up().failed
    assert asked(sandbox, f"eu.{domain}") == asked(sandbox, f"bounce-{REGION}.{domain}") == []


def test_what_stands_there(sandbox, open_stack):
    """
    A record of others is never overwritten, which a preview says, and the rotation goes through.

    Later runs go on from there, whoever wrote the right records.
    """
    domain = "taken.mail-from.example"
    panel = Panel(sandbox, domain)
    panel.paste(f"bounce.{domain}", "10 mx.elsewhere.test", kind="MX")
    panel.paste(f"bounce.{domain}", SPF.replace(" ", ' " "', 1))  # the same, in two strings
    stack = open_stack({domain: {"generation": 1}})
    assert not stack.up().failed
    selector = signing(sandbox, domain)
    stack.declare({domain: {"generation": 2, "mailFrom": "bounce"}})
    refusal = (
        f"'bounce.{domain}' has another MX record in Route 53, which is never overwritten: 10 "
        "mx.elsewhere"
    )
    preview, result = stack.preview(), stack.up()
    assert (preview.failed, result.failed) == (False, True)
    assert f"warning: {refusal}" in preview.stdout
    assert refusal in result.stdout
    assert signing(sandbox, domain) not in (selector, None)
    assert in_ses(sandbox, domain)[0] == ""
    assert asked(sandbox, f"bounce.{domain}")[0] == "10 mx.elsewhere.test"

    panel.remove(f"bounce.{domain}", "10 mx.elsewhere.test", kind="MX")
    panel.paste(
        f"bounce.{domain}", f"{mx().upper()}.", kind="MX"
    )  # the right one, spelled otherwise
    sandbox.ses.inject(
        Fault("drop", when="after", operation=PUT)
    )  # as if the run was killed in between
    assert stack.up().failed
    assert in_ses(sandbox, domain)[0] == f"bounce.{domain}"
    assert not stack.up().failed
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")

    panel.paste(f"bounce.{domain}", f"{SPF[:-4]}-all")
    assert stack.up(refresh=True).failed
    assert asked(sandbox, f"bounce.{domain}")[1] == f"{SPF[:-4]}-all"
    panel.paste(f"bounce.{domain}", SPF)

    panel.remove(f"bounce.{domain}", mx(), kind="MX")
    sandbox.clock.advance(timedelta(hours=80))
    assert in_ses(sandbox, domain)[1] == "FAILED"
    stack.declare(
        {domain: {"generation": 3, "mailFrom": "bounce", "published": [2, 3, 4], "overlapDays": 0}}
    )
    selector = signing(sandbox, domain)
    assert not stack.up().failed
    assert signing(sandbox, domain) not in (selector, None)
    assert not stack.up(refresh=True).failed  # puts the record back


def test_of_another_domain(sandbox, open_stack):
    """A MAIL FROM domain that can't be made stops no rotation of the domains after it."""
    bad, good = "a.bad.mail-from.example", "b.good.mail-from.example"
    Panel(sandbox, bad).paste(f"bounce.{bad}", "10 mx.elsewhere.test", kind="MX")
    sandbox.add_zone(good)
    stack = open_stack({bad: {"generation": 1}, good: {"generation": 1}})
    assert not stack.up().failed
    selector = signing(sandbox, good)
    stack.declare({bad: {"generation": 1, "mailFrom": "bounce"}, good: {"generation": 2}})
    result = stack.up(parallel=1)
    assert "never overwritten" in result.stdout
    assert result.failed
    assert signing(sandbox, good) not in (selector, None)


def test_in_a_program(sandbox, open_stack):
    """The component of a program of one's own sets it up, too."""
    domain = "program.mail-from.example"
    sandbox.add_zone(domain)
    args = {"domain": domain, "generation": 1, "regions": [REGION], "mail_from": "bounce"}
    seen = {"dns_resolvers": [sandbox.dns_resolver]}
    stack = open_stack(program=lambda: ByodkimDomain(domain, ByodkimDomainArgs(**args, **seen)))
    assert not stack.up().failed
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    assert asked(sandbox, f"bounce.{domain}") == [mx(), SPF]


def test_adopted(sandbox, open_stack):
    """
    What an adopted identity has stays as it is, in SES and DNS, when it comes and when it goes.
    """
    domain = "adopted.mail-from.example"
    panel = Panel(sandbox, domain)
    standing = [mx(), 'v=spf1 " "include:amazonses.com -all']
    panel.paste(f"bounce.{domain}", standing[0], kind="MX")
    panel.paste(f"bounce.{domain}", standing[1])
    sandbox.ses.put_easy_dkim(domain, REGION, verified=False)
    client = sandbox.ses
    client.call(PUT, REGION, {"EmailIdentity": domain, "MailFromDomain": f"bounce.{domain}"})
    stack = open_stack({domain: {"generation": 1, "mailFrom": "bounce", "adopt": True}})
    assert not stack.up().failed
    assert asked(sandbox, f"bounce.{domain}") == standing
    assert set(stack.up().changes) == {"same"}
    assert not stack.destroy().failed
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    assert asked(sandbox, f"bounce.{domain}") == standing


@pytest.mark.filterwarnings(
    r"ignore:Exception\(Route53ClientError\) with code"
)  # in no service's model
@pytest.mark.parametrize("adopt", [True, False])
def test_not_allowed_to_look(sandbox, open_stack, monkeypatch, adopt):
    """Who may not read the zone's records is told so without a traceback, and no record is lost."""
    domain = f"no-look-{adopt}.mail-from.example".lower()
    sandbox.add_zone(domain)
    declared = {"generation": 1, "mailFrom": "bounce", "adopt": adopt}
    stack = open_stack({domain: declared})
    assert not stack.up().failed

    def denied(*_, **__):
        raise Route53ClientError(
            "AccessDenied", "not authorized to perform: route53:ListResourceRecordSets"
        )

    stack.declare({domain: declared | {"mailFrom": "mail"}})
    with monkeypatch.context() as patch:
        patch.setattr(services._Route53, "list_resource_record_sets", denied)
        result = stack.up()
    assert result.failed
    assert "route53:ListResourceRecordSets" in result.stdout
    assert "Traceback" not in result.stdout
    assert asked(sandbox, f"bounce.{domain}") == [mx(), SPF]
    assert not stack.up().failed
    assert asked(sandbox, f"mail.{domain}") == [mx(), SPF]


def test_by_hand(sandbox, open_stack):
    """
    Where Pulumi writes no record, both are printed once, and SES gets the setting with its first
    key.
    """
    domain = "by-hand.mail-from.example"
    panel = Panel(sandbox, domain)
    zone = "keys-by-hand.example"
    sandbox.add_zone(zone)
    slots = {"provider": "route53", "zone": zone, "cname": "ses"}
    stack = open_stack({f"cname.{domain}": {"generation": 1, "dns": slots, "mailFrom": "bounce"}})
    preview = stack.preview()
    assert f"bounce.cname.{domain} MX {mx()}" in preview.stdout
    assert about_it(preview) == [("create", "SES")]
    stack.declare({domain: {"generation": 1, "dns": "manual", "mailFrom": "bounce"}})
    preview = stack.preview()
    assert f"bounce.{domain} MX {mx()}" in preview.stdout
    assert about_it(preview) == [("create", "SES")]
    result = stack.up()  # its key waits for the record
    assert (result.failed, about_it(result)) == (False, [])
    records = result.outputs["domains"][domain]["records"]
    for one in records:
        panel.paste(one["name"], one["value"])
    assert about_it(stack.up()) == [("create", "SES")]
    panel.paste(f"bounce.{domain}", mx(), kind="MX")
    assert "add the records" not in stack.preview().stdout
    sandbox.clock.advance(timedelta(hours=2))
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
