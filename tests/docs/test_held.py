"""
Identities that a tenant or a certificate holds: nothing is lost, and the page names the way out.
"""

import json

import pytest

from sandbox.mail.client import send
from tests.docs.pages import STACK_FILE, quoted
from tests.engine.stack import OTHER_REGION, REGION

pytestmark = pytest.mark.engine

PAGE = "docs/how-to/leaving.md"
DOMAIN = "example.com"
ONE = f"{STACK_FILE}      mailFrom: bounce\n"


@pytest.fixture
def type_aws(stack):
    """Runs a command of the page with values in the place of its words in capitals."""

    def type_aws(command, **values):
        command = quoted(PAGE, f"aws sesv2 {command}")
        for name, value in values.items():
            command = command.replace(f" {name}", f" {value}")
        return json.loads(stack.well(command).stdout)

    return type_aws


def test_held(sandbox, stack, type_aws):
    """
    A Region that goes and `destroy` fail in SES's words; once it is free, the next run goes on.
    """
    sandbox.add_zone(DOMAIN)
    stack.paste(f"{ONE}      regions: [{REGION}, {OTHER_REGION}]\n")
    stack.well("pulumi up")
    arn = f"arn:aws:ses:{OTHER_REGION}:{sandbox.account}:identity/{DOMAIN}"
    held = {"TenantName": "hooli", "ResourceArn": arn}
    sandbox.ses.call("CreateTenant", OTHER_REGION, {"TenantName": "hooli"})
    sandbox.ses.call("CreateTenantResourceAssociation", OTHER_REGION, held)

    def refused(command, region, label):
        """The identity still signs, with MAIL FROM."""
        done = stack.run(command)
        assert done.exit_code != 0
        assert send(sandbox, DOMAIN, region).verdict.result == "pass"
        assert sandbox.dns.mx(f"{label}.{DOMAIN}")
        return " ".join(done.shown.split())

    stack.paste(ONE)
    shown = refused("pulumi up", OTHER_REGION, f"bounce-{OTHER_REGION}")
    assert f"Cannot delete {arn} because" in shown
    assert f"free it as {PAGE} says" in shown
    place = {"REGION": OTHER_REGION, "ARN": arn}
    tenants = type_aws("list-resource-tenants --region REGION --resource-arn ARN", **place)
    (tenant,) = tenants["ResourceTenants"]
    type_aws(
        "delete-tenant-resource-association --region REGION --resource-arn ARN --tenant-name NAME",
        **place,
        NAME=tenant["TenantName"],
    )
    stack.well("pulumi up")
    assert DOMAIN not in sandbox.ses.identities(OTHER_REGION)

    address = f"me@{DOMAIN}"
    certificate = {
        "EmailIdentity": DOMAIN,
        "FromAddress": address,
        "CertificateArn": f"arn:aws:acm:{REGION}:{sandbox.account}:certificate/1",
    }
    sandbox.ses.call("AssociateEmailIdentityCertificate", REGION, certificate)
    refused("pulumi destroy", REGION, "bounce")
    type_aws(
        "disassociate-email-identity-certificate --region REGION --email-identity DOMAIN "
        "--from-address ADDRESS",
        REGION=REGION,
        DOMAIN=DOMAIN,
        ADDRESS=address,
    )
    stack.well("pulumi destroy")
    assert DOMAIN not in sandbox.ses.identities(REGION)
