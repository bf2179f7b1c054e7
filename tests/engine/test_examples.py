"""Each example is a program that the engine runs, and does what its page says."""

import json
import shutil
from functools import partial

import pytest

import byodkim_provider
from sandbox.mail.client import send
from sandbox.pulumi.plugins import ROOT
from sandbox.ses.rules import SesError
from tests.engine.clients import client_of
from tests.engine.panel import Panel
from tests.engine.results import record_value
from tests.engine.stack import IDENTITY, OPENSSL_KEY, OTHER_REGION, REGION, steps

pytestmark = pytest.mark.engine

EXAMPLES = ROOT / "examples"

DOMAIN = "example.com"

DMARC = f"_dmarc.{DOMAIN}"

FOUR_DAYS = 4 * 86400
"""In seconds. SES looks for a record for three."""


@pytest.fixture
def zone(sandbox):
    """The zone of the example's domain, which no other test has."""
    zone_id = sandbox.add_zone(DOMAIN)
    yield zone_id
    sandbox.route53.delete_hosted_zone(Id=zone_id)


@pytest.fixture
def open_example(sandbox, open_stack, monkeypatch, tmp_path):
    """
    Opens a stack of a copy of an example in *tmp_path*; its domains ask the DNS of the sandbox.
    """
    domain = partial(
        byodkim_provider.ByodkimDomain, dns_resolvers=[sandbox.dns_resolver], dns_wait_seconds=0
    )
    monkeypatch.setattr(byodkim_provider, "ByodkimDomain", domain)
    opened = []

    def open_example(name, **config):
        ours = {f"{name}:{key}": value for key, value in config.items()}
        folder = shutil.copytree(EXAMPLES / name, tmp_path / name)
        opened.append(open_stack(folder=folder, aws=ours))
        return opened[-1]

    yield open_example
    for stack in opened:
        gone = stack.destroy()
        assert gone.ok, gone.errors


def test_own_key(sandbox, zone, open_example):
    """The key in the configuration signs, under the selector of the page."""
    stack = open_example("own-key")
    stack.set_secret("own-key:privateKey", OPENSSL_KEY)
    result = stack.apply()
    name = f"mail2026._domainkey.{DOMAIN}"
    assert [(one["role"], one["name"]) for one in result.outputs["records"]] == [("signing", name)]
    assert sandbox.dns.txt(name) == (record_value(OPENSSL_KEY),)
    selector, _ = sandbox.ses.signing_key(DOMAIN, REGION)
    assert selector == "mail2026"


def test_larger_program(sandbox, switches, zone, open_example):
    """
    The policy comes after SES has verified the key; until then a run fails, and the next one goes
    on.
    """
    stack = open_example("larger-program")
    switches.first_check_seconds = 600
    names = []

    def lose_the_record(line):
        if "verified after" in line and not names:
            selector = sandbox.ses.identities(REGION)[DOMAIN].key.selector
            names.append(f"{selector}._domainkey.{DOMAIN}")
            sandbox.dns.override(names[0], ())
            sandbox.clock.advance(FOUR_DAYS)

    failed = stack.up(on_output=lose_the_record)
    sandbox.dns.override(names[0], None)
    assert failed.failed
    assert "NotVerified" in failed.stdout
    assert sandbox.dns.txt(DMARC) == ()
    switches.first_check_seconds = 0
    found = []

    def look(line):
        if "dmarc" in line and "creating" in line:
            found.append((sandbox.ses.identities(REGION)[DOMAIN].status, sandbox.dns.txt(DMARC)))

    stack.apply(refresh=True, on_output=look)  # SES has given up, so the key is sent again
    assert found[0] == ("SUCCESS", ())
    assert sandbox.dns.txt(DMARC) == ("v=DMARC1; p=reject",)


def test_customers(sandbox, open_example, tmp_path):
    """
    Whoever has pasted the CNAMEs is verified, the other waits and stops nobody; a number rotates.
    """
    sandbox.add_zone("keys.example.net")
    panel = Panel(sandbox, "shop.example")
    stack = open_example("customers")
    first = stack.apply()
    assert first.outputs["status"] == dict.fromkeys(
        ("shop.example", "mail.club.example"), "AWAITING_DNS"
    )
    for name, target in first.outputs["cnames"]["shop.example"].items():
        assert target == f"{name}.keys.example.net"
        panel.paste(name, f"{target}.", kind="CNAME")
    again = stack.apply()
    assert again.outputs["status"] == {
        "shop.example": "SUCCESS",
        "mail.club.example": "AWAITING_DNS",
    }
    customers = tmp_path / "customers" / "customers.txt"
    customers.write_text(customers.read_text().replace("shop.example 1", "shop.example 2"))
    rotated = stack.up()
    assert rotated.outputs["status"]["shop.example"] == "SUCCESS"
    assert sandbox.ses.signing_key("shop.example", REGION)[0] == "ses2"


def changes(result):
    """What a run that went well did, in order: operations and types."""
    assert result.ok, result.errors
    return [(operation, kind) for operation, _, kind in steps(result) if operation != "refresh"]


def test_tenants(sandbox, zone, open_example, tmp_path):
    """
    The tenant sends from the beginning, through a rotation, and in another Region; nothing is left.
    """
    stack = open_example("tenants")
    program = tmp_path / "tenants" / "__main__.py"

    def change(old, new):
        assert old in program.read_text()
        program.write_text(program.read_text().replace(old, new))
        return [operation for operation, kind in changes(stack.up()) if "Tenant" in kind]

    def mail(region):
        return send(sandbox, DOMAIN, region, tenant="acme").verdict.result

    stack.apply()
    assert mail(REGION) == "pass"
    assert change("generation=1", "generation=2") == []
    assert mail(REGION) == "pass"
    assert changes(stack.up(refresh=True)) == []

    both = f'"{REGION}", "{OTHER_REGION}"'
    assert change(f'"{REGION}"', both) == ["create", "create"]
    assert mail(OTHER_REGION) == "pass"
    assert change(both, f'"{OTHER_REGION}"') == ["delete", "delete"]
    assert mail(OTHER_REGION) == "pass"
    assert DOMAIN not in sandbox.ses.identities(REGION)

    deleted = [kind for _, kind in changes(stack.destroy())]
    association = "aws:sesv2/tenantResourceAssociation:TenantResourceAssociation"
    assert deleted.index(association) < deleted.index(IDENTITY)
    assert DOMAIN not in sandbox.ses.identities(OTHER_REGION)
    for region in (REGION, OTHER_REGION):
        with pytest.raises(SesError, match="NotFoundException"):
            sandbox.ses.call("GetTenant", region, {"TenantName": "acme"})


@pytest.fixture
def their_role(sandbox):
    """A role in another account."""
    return f"arn:aws:iam::{sandbox.aws.add_account()}:role/dkim-records"


@pytest.fixture
def their_zones(sandbox, their_role):
    """
    The zones of the example by domain, each with a client for its account; no other test has them.
    """
    made = {}
    for domain, client in (
        ("example.com", client_of(sandbox, "route53", role=their_role)),
        ("example.net", sandbox.route53),
    ):
        zone = client.create_hosted_zone(Name=domain, CallerReference="example")["HostedZone"]
        made[domain] = client, zone["Id"].removeprefix("/hostedzone/")
    yield made
    for client, zone_id in made.values():
        client.delete_hosted_zone(Id=zone_id)


def test_several_accounts(sandbox, their_role, their_zones, open_example, byodkim, tmp_path):
    """
    The record of each domain is in the account of its zone, and both identities are in one.

    The commands know the domains from the state, and the role too; what `rotate` says rotates.
    """
    stack = open_example("several-accounts", dnsRole=their_role)
    result = stack.apply()
    for domain, (client, zone_id) in their_zones.items():
        record_sets = client.list_resource_record_sets(HostedZoneId=zone_id)
        names = {
            one["Name"].rstrip(".")
            for one in record_sets["ResourceRecordSets"]
            if one["Type"] == "TXT"
        }
        assert names == {one["name"] for one in result.outputs[domain]}
        assert sandbox.ses.signing_key(domain, REGION)

    status = byodkim(stack, "status", "--json")
    assert status.exit_code == 0, status.output
    assert [one["domain"] for one in json.loads(status.stdout)["domains"]] == [*their_zones]
    shown = byodkim(stack, "records", "--json")
    assert {one["name"] for one in json.loads(shown.stdout)} == {
        one["name"] for domain in their_zones for one in result.outputs[domain]
    }
    by_action = {
        action: statement["Resource"]
        for statement in json.loads(byodkim(stack, "iam-policy").stdout)["Statement"]
        for action in statement["Action"]
    }
    assert by_action["sts:AssumeRole"] == [their_role]
    zones = sorted(f"arn:aws:route53:::hostedzone/{zone_id}" for _, zone_id in their_zones.values())
    assert by_action["route53:ChangeResourceRecordSets"] == zones
    rotated = byodkim(stack, "rotate", "example.com", "--yes")
    assert rotated.exit_code == 1
    assert "which does not list example.com" in rotated.stderr
    program = tmp_path / "several-accounts" / "__main__.py"
    program.write_text(program.read_text().replace("generation=1", "generation=2"))
    stack.apply()
    standby = next(one for one in result.outputs["example.com"] if one["generation"] == 2)
    assert (
        f"{sandbox.ses.signing_key('example.com', REGION)[0]}._domainkey.example.com"
        == standby["name"]
    )
