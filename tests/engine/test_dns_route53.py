"""Zones in Route 53 that are not simply there: in another account, elsewhere, twice."""

import pytest
from moto.sts.models import STSBackend

from sandbox.aws import services
from tests.engine.clients import client_of
from tests.engine.results import record_value
from tests.engine.stack import (
    OPENSSL_KEY,
    OTHER_OPENSSL_KEY,
    REGION,
    requests,
)

pytestmark = pytest.mark.engine


@pytest.fixture
def zone_of_another_account(sandbox):
    """The ARN of a role in the account that has the zone `role.example`."""
    role = f"arn:aws:iam::{sandbox.aws.add_account()}:role/dns"
    route53 = client_of(sandbox, "route53", role=role)
    route53.create_hosted_zone(Name="role.example", CallerReference="test")
    return role


@pytest.fixture
def assumed(monkeypatch):
    """Role and external ID of each AssumeRole."""
    made = []
    assume_role = STSBackend.assume_role

    def record(self, *arguments, **options):
        made.append((options["role_arn"], options["external_id"]))
        return assume_role(self, *arguments, **options)

    monkeypatch.setattr(STSBackend, "assume_role", record)
    return made


def test_zone_in_another_account(sandbox, open_stack, zone_of_another_account, assumed):
    """
    The records go where the role leads, by one provider for all domains; identities stay at home.
    """
    dns = {"assumeRole": zone_of_another_account, "externalId": "corp-7f3a"}
    stack = open_stack(
        {
            "role.example": {"generation": 1, "dns": dns},
            "mail.role.example": supplied(OPENSSL_KEY) | {"dns": dns},
        }
    )
    assert stack.preview().ok
    made = stack.apply()
    providers = [name for _, name, kind in made.steps if kind == "pulumi:providers:aws"]
    assert [name for name in providers if not name.startswith("default")] == [
        zone_of_another_account.removeprefix("arn:aws:iam::")
    ]
    # The program for the zone, pulumi-aws for records, the plugin for name servers and a supplied
    # key.
    assert set(assumed) == {(zone_of_another_account, "corp-7f3a")}
    assert len(assumed) >= 3
    for domain in ("role.example", "mail.role.example"):
        selector, _ = sandbox.ses.signing_key(domain, REGION)
        assert len(sandbox.dns.txt(f"{selector}._domainkey.{domain}")) == 1
    with requests(sandbox) as asked:
        assert set(stack.up().changes) == {"same"}
    assert (asked.ses, asked.dns) == ([], [])


def supplied(private_key):
    """A domain that signs with a key of its own."""
    return {"generation": 1, "keys": {"1": {"selector": "mail", "privateKey": private_key}}}


@pytest.fixture
def listings(monkeypatch):
    """
    The name at which each listing of ours begins. A name of pulumi-aws has a final dot.
    """
    made = []
    list_record_sets = services._Route53.list_resource_record_sets

    def record(self, zone_id, start_type, start_name, max_items):
        if not start_name.endswith("."):
            made.append(start_name)
        return list_record_sets(self, zone_id, start_type, start_name, max_items)

    monkeypatch.setattr(services._Route53, "list_resource_record_sets", record)
    return made


def test_supplied_key(sandbox, open_stack, listings):
    """
    Route 53 is asked for a record's name before the record is made or changed, and at no other
    time.

    The selector never gets a second key, whoever uses it: no record is overwritten, nobody is told
    to remove one that mail needs.
    """
    domain = "swapped-key.example"
    name = f"mail._domainkey.{domain}"
    sandbox.add_zone(domain)
    stack = open_stack({domain: supplied(OPENSSL_KEY)})
    stack.apply()
    assert listings == [name]
    listings.clear()
    assert set(stack.up().changes) == {"same"}
    assert listings == []

    stack.declare({domain: supplied(OTHER_OPENSSL_KEY)})
    for swapped in (stack.preview(), stack.up()):
        assert not swapped.ok
        assert f"'{name}' is in DNS already, with another value: " in swapped.stdout
        assert "a selector never gets a second key" in swapped.stdout
        assert "remove it" not in swapped.stdout
    assert sandbox.dns.txt(name) == (record_value(OPENSSL_KEY),)
