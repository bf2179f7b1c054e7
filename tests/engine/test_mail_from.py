"""The setting `mailFrom`: MAIL FROM with the key, in one `up`, and SES never stops mail for it."""

from datetime import timedelta

import pytest
from moto.route53.exceptions import Route53ClientError

from sandbox.aws import services
from sandbox.mail.client import send
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from sandbox.ses.switches import Fault
from tests.engine.panel import Panel
from tests.engine.results import published_records, record_value
from tests.engine.stack import IDENTITY, OPENSSL_KEY, OTHER_REGION, RECORD, REGION, requests, steps

pytestmark = pytest.mark.engine

PUT = "PutEmailIdentityMailFromAttributes"

SPF = "v=spf1 include:amazonses.com ~all"


def mx(region=REGION):
    return f"10 feedback-smtp.{region}.amazonses.com"


def asked(sandbox, name):
    """What DNS says of both records."""
    return [*sandbox.dns.mx(name), *sandbox.dns.txt(name)]


def in_ses(sandbox, domain, region=REGION):
    """The MAIL FROM domain that SES has, and its status."""
    mail_from = sandbox.ses.identities(region)[domain].mail_from
    return mail_from.domain, mail_from.status


def about_it(result):
    """Operation and type of a run's steps that are about records of MAIL FROM, sorted."""
    return sorted(
        f"{operation} {name.rpartition('/')[2]}"
        for operation, name, kind in steps(result)
        if kind == RECORD and name.endswith(("/MX", "/TXT"))
    )


def about_ses(made):
    """Which of these requests to SES are about MAIL FROM, or read an identity."""
    return [one for one in made.operations if one in ("GetEmailIdentity", PUT)]


CREATED = ["create MX", "create TXT"]
DELETED = ["delete MX", "delete TXT"]


def signing(sandbox, domain):
    return sandbox.ses.signing_key(domain, REGION)[0]


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
    them, and has its default back before they go. The second run asks SES once, for its SUCCESS.
    """
    domain = "life.mail-from.example"
    panel = Panel(sandbox, domain)
    stack = open_stack({domain: {"generation": 1, "mailFrom": "bounce"}})
    with requests(sandbox) as made:
        result = stack.up()
    assert about_it(result) == CREATED
    assert [call.domain for call in made.ses if call.operation == PUT] == [domain]
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    assert asked(sandbox, f"bounce.{domain}") == [mx(), SPF]
    with requests(sandbox) as made:
        result = stack.up()
    assert [(operation, kind) for operation, _, kind in steps(result)] == [("update", IDENTITY)]
    assert about_ses(made) == ["GetEmailIdentity"]
    assert set(stack.up().changes) == {"same"}

    policy = f"_dmarc.{domain}", "v=DMARC1; p=reject; adkim=s; aspf=r"
    panel.paste(*policy)
    assert judged(sandbox, domain) == ("pass", True, True, "none")
    sandbox.ses.change(domain, REGION, signing_enabled=False)
    assert judged(sandbox, domain) == ("pass", True, False, "none")
    sandbox.ses.change(domain, REGION, signing_enabled=True)
    panel.remove(*policy)

    stack.declare({domain: {"generation": 2, "mailFrom": "mail"}})
    selector, preview = signing(sandbox, domain), stack.preview()
    result = stack.up()
    assert about_it(result) == about_it(preview) == CREATED + DELETED
    assert "add the records" not in preview.stdout
    assert in_ses(sandbox, domain) == (f"mail.{domain}", "SUCCESS")
    assert (asked(sandbox, f"mail.{domain}"), asked(sandbox, f"bounce.{domain}")) == (
        [mx(), SPF],
        [],
    )
    assert signing(sandbox, domain) != selector

    stack.declare({domain: {"generation": 2}})
    assert about_it(stack.up()) == DELETED
    assert in_ses(sandbox, domain)[0] == ""
    assert asked(sandbox, f"mail.{domain}") == []
    assert not stack.destroy().failed
    sandbox.route53.delete_hosted_zone(Id=panel.zone_id)  # nothing is left in it


def test_reject(sandbox, open_stack, switches):
    """
    With `reject` SES never refuses mail because it has not looked yet. FAILED is sent again by the
    next `up`.
    """
    domain = "reject.mail-from.example"
    panel = Panel(sandbox, domain)
    setting = {"label": "bounce", "onMxFailure": "reject"}
    stack = open_stack({domain: {"generation": 1}})
    stack.apply()
    stack.declare({domain: {"generation": 1, "mailFrom": setting}})
    switches.first_check_seconds = 600
    stack.apply()
    behaviour = lambda: sandbox.ses.identities(REGION)[domain].mail_from.on_mx_failure  # noqa: E731

    def confirmed():
        """The next `up` asks in vain; the one after SES has looked sets `reject`."""
        assert (in_ses(sandbox, domain)[1], behaviour()) == ("PENDING", "USE_DEFAULT_VALUE")
        send(sandbox, domain, REGION)
        with requests(sandbox) as made:
            result = stack.up()
        assert "sets `onMxFailure` after SUCCESS" in result.stdout
        assert about_ses(made) == ["GetEmailIdentity"]
        sandbox.clock.advance(timedelta(hours=1))
        with requests(sandbox) as made:
            stack.apply()
        assert about_ses(made) == ["GetEmailIdentity", PUT]
        assert (in_ses(sandbox, domain)[1], behaviour()) == ("SUCCESS", "REJECT_MESSAGE")
        send(sandbox, domain, REGION)

    confirmed()
    panel.remove(f"bounce.{domain}", mx(), kind="MX")
    sandbox.clock.advance(timedelta(hours=80))
    assert in_ses(sandbox, domain)[1] == "FAILED"
    result = stack.up(refresh=True)  # puts the record back
    assert "SES says FAILED of the MAIL FROM domain" in result.stdout
    assert not result.failed
    confirmed()


def test_records_stay_for_mail_on_its_way(sandbox, open_stack):
    """
    The first Region keeps its label when another one comes; the records stay when the identities
    go, and when another label comes by docs/how-to/dmarc.md, "Another label".
    """
    domain, relabelled = "two.mail-from.example", "relabelled.mail-from.example"
    sandbox.add_zone(domain)
    sandbox.add_zone(relabelled)
    declared = {"generation": 1, "mailFrom": "bounce"}
    stack = open_stack({domain: declared, relabelled: declared})
    stack.apply()
    both = declared | {"regions": [REGION, OTHER_REGION]}
    stack.declare({domain: both, relabelled: declared | {"adopt": True}})
    assert about_it(stack.up()) == CREATED
    other = f"bounce-{OTHER_REGION}.{domain}"
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    assert in_ses(sandbox, domain, OTHER_REGION) == (other, "SUCCESS")
    assert asked(sandbox, other) == [mx(OTHER_REGION), SPF]

    written = {"generation": 1, "mailFrom": "mail"}
    stack.apply({domain: both | {"retired": True}, relabelled: written | {"adopt": True}})
    assert asked(sandbox, f"bounce.{domain}") == [mx(REGION), SPF]
    assert asked(sandbox, other) == [mx(OTHER_REGION), SPF]
    assert asked(sandbox, f"bounce.{relabelled}") == [mx(REGION), SPF]
    stack.apply({relabelled: written})
    assert asked(sandbox, f"bounce.{domain}") == asked(sandbox, other) == []
    assert asked(sandbox, f"bounce.{relabelled}") == [mx(REGION), SPF]
    assert in_ses(sandbox, relabelled) == (f"mail.{relabelled}", "SUCCESS")
    assert asked(sandbox, f"mail.{relabelled}") == [mx(REGION), SPF]


@pytest.mark.filterwarnings(
    r"ignore:Exception\(Route53ClientError\) with code"
)  # in no service's model
def test_what_stands_there(sandbox, open_stack, monkeypatch):
    """
    A preview refuses a record of others, which is never overwritten. Of a right one it says that it
    is taken over. Who may not look is told so.
    """
    domain = "taken.mail-from.example"
    panel = Panel(sandbox, domain)
    panel.paste(f"bounce.{domain}", "10 mx.elsewhere.test", kind="MX")
    panel.paste(f"bounce.{domain}", SPF.replace(" ", ' " "', 1))  # the same, in two strings
    stack = open_stack({domain: {"generation": 1}})
    stack.apply()
    selector = signing(sandbox, domain)
    stack.declare({domain: {"generation": 2, "mailFrom": "bounce"}})
    refusal = (
        f"'bounce.{domain}' has another MX record in Route 53, which is never overwritten: 10 "
        "mx.elsewhere"
    )
    for result in (stack.preview(), stack.up()):
        assert result.failed
        assert refusal in result.stdout
    assert signing(sandbox, domain) == selector
    assert asked(sandbox, f"bounce.{domain}")[0] == "10 mx.elsewhere.test"

    def denied(*_, **__):
        raise Route53ClientError(
            "AccessDenied", "not authorized to perform: route53:ListResourceRecordSets"
        )

    with monkeypatch.context() as patch:
        patch.setattr(services._Route53, "list_resource_record_sets", denied)
        result = stack.up()
    assert result.failed
    assert "route53:ListResourceRecordSets" in result.stdout
    assert "Traceback" not in result.stdout

    panel.remove(f"bounce.{domain}", "10 mx.elsewhere.test", kind="MX")
    panel.paste(
        f"bounce.{domain}", f"{mx().upper()}.", kind="MX"
    )  # the right one, spelled otherwise
    sandbox.ses.inject(Fault("access_denied", operation=PUT))
    result = stack.up()
    assert result.failed
    assert signing(sandbox, domain) == selector  # settings come before the key
    taken = f"warning: 'bounce.{domain}' has the right MX record in Route 53 already"
    assert taken in result.stdout
    stack.apply()
    assert in_ses(sandbox, domain) == (f"bounce.{domain}", "SUCCESS")
    assert signing(sandbox, domain) != selector

    panel.paste(f"bounce.{domain}", f"{SPF[:-4]}-all")
    assert stack.up(refresh=True).failed
    assert asked(sandbox, f"bounce.{domain}")[1] == f"{SPF[:-4]}-all"


def test_taken_over_with_this_label(sandbox, open_stack):
    """The MX record that another stack's identity needs stays, and so does its mail."""
    domain = "shared.mail-from.example"
    sandbox.add_zone(domain)
    declared = {"generation": 1, "mailFrom": {"label": "bounce", "onMxFailure": "reject"}}
    old, new = open_stack({domain: declared}), open_stack(stack="new")
    old.apply()
    new.declare({domain: declared | {"adopt": True}})
    for _ in ("until SUCCESS", "until REJECT_MESSAGE"):
        new.apply()
    sandbox.clock.advance(timedelta(hours=1))
    theirs = sandbox.ses.identities(REGION)[domain]
    refused = old.destroy()
    assert refused.failed
    assert f"now, and has the MAIL FROM domain 'bounce.{domain}', which this" in refused.stdout
    assert not old.refresh().failed
    old.apply({domain: declared | {"adopt": True}})
    assert not old.destroy().failed
    assert sandbox.ses.identities(REGION)[domain] == theirs
    assert judged(sandbox, domain)[:2] == ("pass", True)


def test_deletion_is_refused_by_hand(sandbox, open_stack):
    """
    Where the identity is not deleted, its records stay, also if it depends on nothing else: a
    supplied key, in DNS by hand.
    """
    domain = "pasted.mail-from.example"
    panel = Panel(sandbox, domain)
    panel.paste(f"own._domainkey.{domain}", record_value(OPENSSL_KEY))
    keys = {"1": {"selector": "own", "privateKey": OPENSSL_KEY}}
    mail_from = {"label": "bounce", "zone": domain}
    declared = {"published": [1], "keys": keys, "dns": "manual", "mailFrom": mail_from}
    stack = open_stack({domain: {"generation": 1, **declared}})
    stack.apply()
    sandbox.ses.change(domain, REGION, tags={})
    assert stack.destroy().failed
    assert asked(sandbox, f"bounce.{domain}") == [mx(), SPF]


def test_records_elsewhere(sandbox, open_stack):
    """
    By hand, both are printed once; in a zone that the customer has delegated they are made, for a
    second Region too. What an adopted identity has stays as it is, when it comes and when it goes,
    and when the setting goes.
    """
    by_hand, with_cname = "by-hand.mail-from.example", "cname.by-hand.mail-from.example"
    delegated, adopted = "customer.mail-from.example", "adopted.mail-from.example"
    panels = {domain: Panel(sandbox, domain) for domain in (by_hand, delegated, adopted)}
    zone = sandbox.route53.get_hosted_zone(Id=sandbox.add_zone(f"bounce.{delegated}"))
    name_servers = zone["DelegationSet"]["NameServers"]
    panels[delegated].paste(f"bounce.{delegated}", *name_servers, kind="NS")
    standing = [mx(), "v=spf1 include:amazonses.com -all"]
    panels[adopted].paste(f"bounce.{adopted}", standing[0], kind="MX")
    panels[adopted].paste(f"bounce.{adopted}", standing[1].replace(" ", ' " "', 1))
    sandbox.ses.put_easy_dkim(adopted, REGION, verified=False)
    sandbox.ses.call(PUT, REGION, {"EmailIdentity": adopted, "MailFromDomain": f"bounce.{adopted}"})

    sandbox.add_zone("keys-by-hand.example")
    slots = {"provider": "route53", "zone": "keys-by-hand.example", "cname": "ses"}
    declared = {"generation": 1, "mailFrom": "bounce"}
    in_zone = {"label": "bounce", "zone": f"bounce.{delegated}"}
    domains = {
        by_hand: declared | {"dns": "manual"},
        delegated: declared | {"dns": "manual", "mailFrom": in_zone},
        adopted: declared | {"adopt": True},
    }
    stack = open_stack(domains | {with_cname: declared | {"dns": slots}})
    preview = stack.preview()
    printed = {one for one in (*domains, with_cname) if f"bounce.{one} MX {mx()}" in preview.stdout}
    assert printed == {by_hand, with_cname}
    assert about_it(preview) == sorted(CREATED * 2)

    stack.declare(domains)
    with requests(sandbox) as made:
        result = stack.up()  # the keys of two wait for the record
    assert (result.failed, about_it(result)) == (False, sorted(CREATED * 2))
    assert "record in Route 53 already" not in result.stdout
    assert PUT not in made.operations
    assert asked(sandbox, f"bounce.{adopted}") == standing
    for domain in (by_hand, delegated):
        for one in published_records(result, domain):
            panels[domain].paste(one["name"], one["value"])
    both = domains[delegated] | {"regions": [REGION, OTHER_REGION]}
    without = {"generation": 1, "adopt": True}
    result = stack.apply(domains | {delegated: both, adopted: without})
    assert "add the records" not in result.stdout
    assert in_ses(sandbox, by_hand) == (f"bounce.{by_hand}", "PENDING")
    assert in_ses(sandbox, delegated) == (f"bounce.{delegated}", "SUCCESS")
    other = f"{OTHER_REGION}.bounce.{delegated}"
    assert in_ses(sandbox, delegated, OTHER_REGION) == (other, "SUCCESS")
    assert asked(sandbox, other) == [mx(OTHER_REGION), SPF]
    assert asked(sandbox, f"bounce.{delegated}") == [mx(), SPF]
    assert in_ses(sandbox, adopted) == (f"bounce.{adopted}", "SUCCESS")

    panels[by_hand].paste(f"bounce.{by_hand}", mx(), kind="MX")
    assert "add the records" not in stack.apply(domains | {delegated: both}).stdout
    sandbox.clock.advance(timedelta(hours=2))
    assert in_ses(sandbox, by_hand) == (f"bounce.{by_hand}", "SUCCESS")
    assert not stack.destroy().failed
    assert in_ses(sandbox, adopted) == (f"bounce.{adopted}", "SUCCESS")
    assert asked(sandbox, f"bounce.{adopted}") == standing
