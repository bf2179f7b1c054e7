"""If this fails, a stack's `aws:` settings do not hold in the plugin process."""

import json

import pytest

from tests.contract.conftest import REGION
from tests.contract.plugin import urn

UNREACHABLE = "http://127.0.0.1:9"
"""The discard port, where nothing listens."""


@pytest.fixture
def own_plugin(start_plugin):
    """A process that has not been configured yet: each provider takes that once."""
    return start_plugin()


# Honoured


def test_credentials_and_endpoints(start_plugin, domain):
    """
    SES is asked where the stack says, with the stack's credentials, whatever the environment has.
    """
    services = {"route53": "ROUTE_53", "sesv2": "SESV2", "sts": "STS"}
    variables = {service: f"AWS_ENDPOINT_URL_{name}" for service, name in services.items()}
    plugin = start_plugin(
        AWS_ACCESS_KEY_ID="of the environment", **dict.fromkeys(variables.values(), UNREACHABLE)
    )
    sandbox = domain.sandbox
    endpoints = {service: sandbox.environment[variable] for service, variable in variables.items()}
    plugin.configure(
        {
            "aws:region": "us-east-1",
            "aws:accessKey": sandbox.environment["AWS_ACCESS_KEY_ID"],
            "aws:secretKey": sandbox.environment["AWS_SECRET_ACCESS_KEY"],
            "aws:endpoints": json.dumps([endpoints]),
        }
    )
    domain.publish()
    outputs = plugin.create("ByodkimIdentity", domain.inputs(account_id=sandbox.account))
    [call] = [call for call in sandbox.ses.log if call.domain == domain.name]
    assert (REGION, REGION) == (outputs["region"], call.region)
    assert sandbox.environment["AWS_ACCESS_KEY_ID"] == call.access_key


def test_default_tags(own_plugin, domain):
    """`aws:defaultTags` are tags of each identity, unless it sets them itself."""
    own_plugin.configure(
        {"aws:defaultTags": json.dumps({"tags": {"team": "mail", "stage": "dev"}})}
    )
    inputs, _ = own_plugin.check("ByodkimIdentity", domain.inputs(tags={"stage": "prod"}))
    assert {"team": "mail", "stage": "prod"} == inputs["tags"]
    _, [failure] = own_plugin.check(
        "ByodkimIdentity", domain.inputs(tags={f"t{n}": "" for n in range(46)})
    )
    assert failure.reason == "tags: must be at most 47 with those of aws:defaultTags, not 48"


def test_redirected(own_plugin, domain, engine):
    """A preview names, once, each service that a stack file takes away from AWS."""
    foreign = {"sesv2": "https://x.execute-api.eu-west-1.amazonaws.com/p", "sts": UNREACHABLE}
    own_plugin.configure({"aws:endpoints": json.dumps([foreign])})
    for _ in range(2):
        own_plugin.check("ByodkimIdentity", domain.inputs())
    own_plugin.check("DkimVerification", domain.verification(domain.inputs()))
    rows = (urn("ByodkimIdentity", "name"), urn("DkimVerification", "name"))
    lines = [line.message for line in engine.lines(*rows) if "redirected" in line.message]
    assert lines == [
        "aws: SES is redirected to x.execute-api.eu-west-1.amazonaws.com, which is not AWS "
        "and gets what AWS "
        "would get"
    ]


# Refused
