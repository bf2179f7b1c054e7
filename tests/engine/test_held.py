"""
Identities that a tenant or a certificate holds: nothing is lost, and the words name the way out.
"""

import re
import shlex

import pytest

from sandbox.mail.client import send
from tests.docs.pages import in_one_line
from tests.engine.panel import Panel
from tests.engine.stack import OTHER_REGION, REGION
from tests.engine.state import stored

pytestmark = pytest.mark.engine

DOMAIN = "held.example"
HEADING = "## A tenant or a certificate holds the identity"
BOTH = {
    "generation": 1,
    "published": [1],
    "regions": [REGION, OTHER_REGION],
    "mailFrom": "bounce",
}
ONE = BOTH | {"regions": [REGION]}


def arn(sandbox, region):
    return f"arn:aws:ses:{region}:{sandbox.account}:identity/{DOMAIN}"


def hold(sandbox, tenant, region):
    """The identity belongs to a tenant too."""
    sandbox.ses.call("CreateTenant", region, {"TenantName": tenant})
    held = {"TenantName": tenant, "ResourceArn": arn(sandbox, region)}
    sandbox.ses.call("CreateTenantResourceAssociation", region, held)


def commands(region, **known):
    """The commands of the page, for the identity in *region*."""
    page = in_one_line("docs/how-to/leaving.md")
    section = page.partition(f" {HEADING} ")[2].partition(" ## ")[0]
    values = {"REGION": region, "DOMAIN": DOMAIN, **known}
    for command in re.findall("`(aws sesv2 [^`]+)`", section):
        for name, value in values.items():
            command = command.replace(f" {name}", f" {value}")
        yield command


def run(sandbox, command):
    """Do what such a command does."""
    _, _, action, *options = shlex.split(command)
    given = {name[2:]: value for name, value in zip(options[::2], options[1::2], strict=True)}
    region = given.pop("region")
    parameters = {name.title().replace("-", ""): value for name, value in given.items()}
    return sandbox.ses.call(action.title().replace("-", ""), region, parameters)


def free_of_tenant(sandbox, refused, region):
    """Do what the page says of tenants, to which the hint of a *refused* run leads."""
    assert "free it as docs/how-to/leaving.md says" in " ".join(refused.stdout.split())
    of_identity = arn(sandbox, region)
    assert f"Cannot delete {of_identity} because" in " ".join(refused.stdout.split())
    find, *_ = commands(region, ARN=of_identity)
    (found,) = run(sandbox, find)["ResourceTenants"]
    _, free, *_ = commands(region, ARN=of_identity, NAME=found["TenantName"])
    run(sandbox, free)


def still_signs(sandbox, panel, stack, region):
    """The identity is in SES and in the state, with MAIL FROM, and its mail verifies."""
    label = "bounce" if region == REGION else f"bounce-{region}"
    return (
        DOMAIN in sandbox.ses.identities(region)
        and f"{label}.{DOMAIN}" in panel.names()
        and stored(stack, DOMAIN, region).key
        and send(sandbox, DOMAIN, region).verdict.result == "pass"
    )


def test_held(sandbox, open_stack):
    """
    A Region that goes and `destroy` fail in SES's words; once it is free, the next run goes on.
    """
    panel = Panel(sandbox, DOMAIN)
    stack = open_stack({DOMAIN: BOTH})
    stack.apply()
    hold(sandbox, "hooli", OTHER_REGION)
    stack.declare({DOMAIN: ONE})
    refused = stack.up()
    assert refused.failed
    assert still_signs(sandbox, panel, stack, OTHER_REGION)
    free_of_tenant(sandbox, refused, OTHER_REGION)
    stack.apply()
    assert DOMAIN not in sandbox.ses.identities(OTHER_REGION)

    address = f"me@{DOMAIN}"
    certificate = {
        "EmailIdentity": DOMAIN,
        "FromAddress": address,
        "CertificateArn": f"arn:aws:acm:{REGION}:{sandbox.account}:certificate/1",
    }
    sandbox.ses.call("AssociateEmailIdentityCertificate", REGION, certificate)
    refused = stack.destroy()
    assert refused.failed
    assert still_signs(sandbox, panel, stack, REGION)
    *_, free = commands(REGION, ADDRESS=address)
    run(sandbox, free)
    assert stack.destroy().ok
    assert DOMAIN not in sandbox.ses.identities(REGION)
