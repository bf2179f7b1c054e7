"""How a program reads what pulumi-aws says when it can't answer."""

import pulumi
import pytest

from byodkim_provider.errors import AwsRefused
from byodkim_provider.program.aws_functions import call

WRAPPED = (
    "invoke of aws:route53/getZone:getZone failed: invocation of aws:route53/getZone:getZone returned an "
    "error: invoking aws:route53/getZone:getZone: 1 error occurred:\n\t* {}\n\n"
)
RESPONSE = "https response error StatusCode: 403, RequestID: 5f3c-1a,"
DENIED = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: route53:ListHostedZones"
POLICY = "`byodkim iam-policy` prints the policy that these credentials need"
RENEW = "renew the credentials until `aws sts get-caller-identity` works"
ASK = "does `aws sts get-caller-identity` work with these settings?"


@pytest.mark.parametrize(
    ("said", "text", "hint"),
    [
        (
            f"reading Route 53 Hosted Zones: operation error Route 53: ListHostedZones, {RESPONSE} "
            f"api error AccessDenied: {DENIED}",
            f"ListHostedZones for zone 'x': AccessDenied: {DENIED}",
            POLICY,
        ),
        (
            f"operation error Route 53: GetHostedZone, {RESPONSE} NoSuchHostedZone: No zone with ID: Z",
            "GetHostedZone for zone 'x': NoSuchHostedZone: No zone with ID: Z",
            ASK,
        ),
        (
            f"operation error STS: GetCallerIdentity, exceeded maximum number of attempts, 3, {RESPONSE} "
            "api error ExpiredToken: The token is expired",
            "GetCallerIdentity for zone 'x': ExpiredToken: The token is expired",
            RENEW,
        ),
        (
            "reading STS Caller Identity: operation error STS: GetCallerIdentity, get identity: "
            "get credentials: no EC2 IMDS role found",
            "function for zone 'x': operation error STS: GetCallerIdentity, get identity: get credentials: "
            "no EC2 IMDS role found",
            ASK,
        ),
        (
            "operation error Route 53: ListHostedZones, https response error StatusCode: 0, RequestID: , "
            'request send failed, Get "https://aws/": dial tcp: no such host',
            "function for zone 'x': operation error Route 53: ListHostedZones, https response error "
            'StatusCode: 0, RequestID: , request send failed, Get "https://aws/": dial tcp: no such host',
            ASK,
        ),
        ("couldn't find resource", "function for zone 'x': couldn't find resource", ASK),
    ],
    ids=["denied", "modelled", "expired", "no credentials", "no network", "not from AWS"],
)
def test_refused(said, text, hint):
    """An error is one line, AWS's code in it, and a hint that fits the code."""

    def function():
        raise Exception(WRAPPED.format(said))  # as the SDK raises it

    with pytest.raises(AwsRefused) as caught:
        call(function, "zone 'x'")
    assert str(caught.value) == f"{text}\n  hint: this call changed nothing; {hint}"


def test_no_key_is_quoted():
    """An error about a signature may quote the request, token and all."""
    token = "IQoJb3JpZ2luX2VjE" * 8

    def function():
        raise Exception(WRAPPED.format(f"operation error STS: GetCallerIdentity, canonical {token}"))

    with pytest.raises(AwsRefused) as caught:
        call(function, "")
    assert str(caught.value).startswith("function: operation error STS: GetCallerIdentity, canonical [...]\n")


@pytest.mark.parametrize(
    "said",
    ["Invoke: getProviderFromSource: context canceled", "Resource monitor has terminated, shutting down"],
)
def test_end_of_the_run(monkeypatch, said):
    """When the engine has ended the run it has said why, and nothing is added."""

    def function():
        raise Exception(f"invoke of aws:index/getCallerIdentity:getCallerIdentity failed: {said}")

    monkeypatch.setattr(pulumi, "get_root_directory", lambda: None)  # the Automation API
    with pytest.raises(pulumi.RunError, match=r"^the engine has ended the run$"):
        call(function, "")
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: "/project")  # the language host
    monkeypatch.delattr(pulumi.log, "error")
    with pytest.raises(SystemExit) as caught:
        call(function, "")
    assert caught.value.code == 32
