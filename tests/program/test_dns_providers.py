"""If this fails, a record is declared in a wrong zone, or people are asked to paste a wrong one."""

import logging
from datetime import UTC, datetime, timedelta

import pulumi
import pytest
from pulumi.runtime.settings import reset_options

from byodkim_provider.config import settings
from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.program import aws_account
from byodkim_provider.program.dns_provider import TxtRecord, Zone
from byodkim_provider.program.domain import ByodkimDomain, ByodkimDomainArgs
from byodkim_provider.program.route53 import Route53
from byodkim_provider.times import timestamp
from tests.support.cases import cases
from tests.support.cloud import DOMAIN, NAME, VALUE, Cloud


@pytest.fixture
def cloud(monkeypatch):
    cloud = Cloud()
    monkeypatch.setattr(aws_account, "connections", lambda: cloud)
    pulumi.runtime.set_mocks(cloud, project="ses-byodkim", stack="dev", preview=False)
    yield cloud
    reset_options()


def run(program):
    """Run *program* to the end, with everything that it asked for."""
    pulumi.runtime.test(program)()


def parent(name="parent"):
    return pulumi.ComponentResource("t:t:t", name)


def hosted_zone(provider, domain=DOMAIN):
    """Where *provider* puts the records of *domain*."""
    found = []
    run(lambda: found.append(provider.hosted_zone(domain, parent=parent())))
    return found[0]


def publish(provider, existing="replace"):
    """What *provider* made of the record of `KEY`."""
    made = []

    def program():
        opts = pulumi.ResourceOptions(parent=parent())
        zone = provider.hosted_zone(DOMAIN, parent=opts.parent)
        record = TxtRecord(
            domain=DOMAIN, generation=1, zone=zone, name=NAME, value=VALUE, existing=existing
        )
        made.append(provider.publish("record", record, opts))

    run(program)
    return made[0]


def refusal(call, *arguments, **options):
    with pytest.raises(InvalidSettings) as caught:
        call(*arguments, **options)
    return str(caught.value)


# -- a provider of one's own


class PowerDns:
    """All that a provider needs."""

    def hosted_zone(self, domain, *, parent):
        return Zone(provider="powerdns", id="eu")

    def publish(self, name, record, opts):
        properties = {"zone": record.domain, "name": record.name, "content": record.value}
        return pulumi.CustomResource("powerdns:index/record:Record", name, properties, opts)


def test_own_provider(cloud):
    """A program publishes records by a provider of its own, and the identity depends on that."""
    args = ByodkimDomainArgs(
        domain="example.com", generation=2, regions=["eu-west-1"], dns_providers=[PowerDns()]
    )
    run(lambda: ByodkimDomain("example.com", args))
    made = [one for one in cloud.asked if one.typ.startswith("powerdns")]
    assert sorted(one.name for one in made) == [
        f"example.com/key{number}/powerdns:eu" for number in (1, 2, 3)
    ]
    assert {(one.inputs["name"], one.inputs["content"]) for one in made} == {(NAME, VALUE)}
    [identity] = [one for one in cloud.asked if one.typ.endswith("ByodkimIdentity")]
    assert identity.inputs["zones"] == [{"provider": "powerdns", "id": "eu"}]


@cases(
    ("dns", "names"),
    {
        "generated": ("manual", {"d/key1/powerdns:eu": "d/1/powerdns:eu"}),
        "slot": (
            {"provider": "route53", "zone": "keys.test", "cname": "ses"},
            {"d/ses1/keys.test/powerdns:eu": "d/ses1/powerdns:eu"},
        ),
    },
)
def test_name_in_an_older_state(cloud, dns, names):
    """A record that an earlier commit named otherwise is the same resource: it does not leave."""
    named = {}

    class Aliased(PowerDns):
        def publish(self, name, record, opts):
            [alias] = opts.aliases
            named[name] = alias.name
            return super().publish(name, record, opts)

    given = {"generation": 1, "published": [1], "regions": ["eu-west-1"], "dns": dns}
    args = ByodkimDomainArgs(domain="example.com", dns_providers=[Aliased()], **given)
    run(lambda: ByodkimDomain("d", args))
    assert named == names


def test_one_place_twice(cloud):
    """Two entries of a list that lead to one zone would make each record twice."""
    cloud.add_zone("Z1", "example.com")
    written = {
        "generation": 1,
        "regions": ["eu-west-1"],
        "dns": ["route53", {"zone": "example.com"}],
    }
    domain = settings.domain("example.com", written)
    assert refusal(run, lambda: ByodkimDomain("example.com", domain)) == (
        'domains["example.com"].dns: route53:Z1 is listed twice\n'
        "  hint: list a zone once; to go to another server of it, change `server` and run "
        "`pulumi up`"
    )


# -- by hand


def shown(caplog, dns, *, generation=1):
    """What a run says of `DOMAIN`, which has an identity in two Regions."""
    written = {"generation": generation, "regions": ["eu-west-1", "us-east-1"], "dns": dns}
    domain = settings.domain(DOMAIN, written)
    with caplog.at_level(logging.INFO):
        run(lambda: ByodkimDomain(DOMAIN, domain))
    return caplog.messages


BY_HAND = {"provider": "manual"}
SLOTS = {"provider": "cloudflare", "zone": "keys.example.net", "cname": "ses"}
LATER = {"fromGeneration": 3}
NOW = timedelta()


@pytest.mark.parametrize(
    ("dns", "ago", "is_shown"),
    [
        ("manual", NOW, True),
        ("manual", timedelta(minutes=6), False),
        ([SLOTS, BY_HAND | LATER], NOW, True),
        ([BY_HAND, SLOTS | LATER], NOW, False),
    ],
)
def test_paste_at_a_rotation(cloud, caplog, dns, ago, is_shown):
    """
    The run that makes the next standby shows its record, once, if it is pasted; no later run does.
    """
    cloud.key_made_at = {3: timestamp(datetime.now(UTC) - ago)}
    lines = (
        f"{DOMAIN}: generation 3 is the next rotation's: add its record too, and that rotation "
        "waits for no DNS",
        "  type:  TXT",
        f"  name:  {NAME}",
        f"  value: {VALUE}",
    )
    said = [text for text in shown(caplog, dns, generation=2) if "generation 3" in text]
    assert said == ["\n".join(lines)] * is_shown


# -- Route 53


@cases(
    ("options", "label"),
    {
        "longest": ({}, "route53:ZMAIL"),
        "by name": ({"zone": "example.com"}, "route53:ZUP"),
        "by id": ({"zone_id": "ZUP"}, "route53:ZUP"),
    },
)
def test_route53_zone(cloud, options, label):
    """The zone is the longest public one that holds the domain, or the one that is named."""
    cloud.add_zone("ZUP", "example.com")
    cloud.add_zone("ZMAIL", "mail.example.com")
    cloud.add_zone("ZIN", "mail.example.com", is_private=True)
    assert hosted_zone(Route53(DnsSettings(**options))).label == label


def test_route53_of_another_account(cloud):
    """A zone is looked for in the account of the role, where there is one."""
    cloud.add_zone("Z1", "one.example")
    cloud.add_zone("Z2", "two.example")
    role = "arn:aws:iam::123456789012:role/dns"
    labels = []

    def program():
        for domain in ("one.example", "two.example"):
            for provider in (Route53(DnsSettings()), Route53(DnsSettings(assume_role=role))):
                zone = provider.hosted_zone(domain, parent=parent(f"{domain} {provider}"))
                labels.append(zone.label)

    run(program)
    assert labels == ["route53:Z1", "route53:Z1", "route53:Z2", "route53:Z2"]
    assert cloud.roles == [None, role] * 2


@cases(
    ("options", "problem"),
    {
        "two of one name": ({}, "Z1 (ns-1.example.net, ns-2.example.net), Z2 (ns-9.example.net)"),
        "none": ({"zone": "othr.example"}, "did you mean 'other.example'?"),
        "of another domain": (
            {"zone_id": "ZORG"},
            f"'other.example', which does not hold '{DOMAIN}'",
        ),
        "not that of the CNAMEs": (
            {"zone_id": "ZORG", "zone": "keys.example.net", "cname": "ses"},
            f"'other.example', which does not hold '{DOMAIN}.keys.example.net'",
        ),
        "nowhere": ({"zone_id": "ZGONE"}, f'domains["{DOMAIN}"].dns.zoneId: '),
    },
)
def test_route53_zone_refused(cloud, options, problem):
    """A zone that can't be the one is refused, with what tells the right one apart."""
    cloud.add_zone("Z1", "example.com")
    cloud.add_zone("Z2", "example.com", "ns-9.example.net")
    cloud.add_zone("ZIN", "example.com", is_private=True)
    cloud.add_zone("ZORG", "other.example")
    assert problem in refusal(hosted_zone, Route53(DnsSettings(**options)))


@pytest.mark.parametrize("existing", ["same key", "replace"])
def test_route53_record(cloud, existing):
    """A record is declared without outer quotes and split."""
    cloud.add_zone("Z1", "example.com")
    publish(Route53(DnsSettings(ttl=60)), existing)
    [record] = [one for one in cloud.asked if one.typ == "aws:route53/record:Record"]
    assert record.inputs == {
        "zoneId": "Z1",
        "name": NAME,
        "type": "TXT",
        "ttl": 60,
        "records": [f'{VALUE[:255]}""{VALUE[255:]}'],
        "allowOverwrite": True,
    }
