"""How a program reads what pulumi-aws says when it can't tell its account."""

import time

import pulumi
import pytest

from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.program import aws_account
from tests.support.cases import cases

WRAPPED = (
    "invoke of aws:index/getCallerIdentity:getCallerIdentity failed: invocation of "
    "aws:index/getCallerIdentity:getCallerIdentity returned an error: invoking "
    "aws:index/getCallerIdentity:getCallerIdentity: 1 error occurred:\n\t* {}\n\n"
)
RESPONSE = (
    "operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: "
    "5f3c-1a,"
)
DENIED = (
    "User: arn:aws:iam::123456789012:user/me is not authorized to perform: sts:GetCallerIdentity"
)
POLICY, RENEW = [AwsMessages.POLICY()], [AwsMessages.SIGN_IN()]


@pytest.fixture
def account(monkeypatch):
    """Ask for the account, with what the SDK then raises."""

    def ask(said):
        def get_caller_identity(**_):
            raise Exception(said)

        monkeypatch.setattr(aws_account.aws, "get_caller_identity", get_caller_identity)
        return aws_account._account(None)

    return ask


@cases(
    ("said", "code", "reason", "steps"),
    {
        "denied": (f"{RESPONSE} api error AccessDenied: {DENIED}", "AccessDenied", DENIED, POLICY),
        "modelled": (
            f"{RESPONSE} RegionDisabledException: off",
            "RegionDisabledException",
            "off",
            [],
        ),
        "expired": (f"{RESPONSE} api error ExpiredToken: no", "ExpiredToken", "no", RENEW),
        "no credentials": (
            "reading STS Caller Identity: operation error STS: GetCallerIdentity, get identity",
            "no answer",
            "operation error STS: GetCallerIdentity, get identity",
            [],
        ),
        "not from AWS": ("couldn't find resource", "no answer", "couldn't find resource", []),
    },
)
def test_refused(account, said, code, reason, steps):
    """An error is one line, AWS's code in it, and a hint that fits the code."""
    with pytest.raises(AwsRefused) as caught:
        account(WRAPPED.format(said))
    says = AwsMessages.SAYS(service="pulumi-aws", reason=reason)
    assert (caught.value.code, caught.value.message.fields["steps"]) == (code, [says, *steps])


def test_long(account):
    """An error that somebody made long costs no time."""
    began = time.process_time()
    with pytest.raises(AwsRefused) as caught:
        account(WRAPPED.format("operation error " * 30_000))
    assert time.process_time() - began < 5
    assert len(str(caught.value)) < 700


def test_no_key_is_quoted(account):
    """An error about a signature may quote the request, token and all."""
    token = "IQoJb3JpZ2luX2VjE" * 8
    with pytest.raises(AwsRefused) as caught:
        account(WRAPPED.format(f"operation error STS: GetCallerIdentity, canonical {token}"))
    assert str(caught.value).endswith("GetCallerIdentity, canonical [...]")
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        "Invoke: getProviderFromSource: context canceled",
        "Resource monitor has terminated, shutting down",
    ],
)
def test_end_of_the_run(account, monkeypatch, said):
    """When the engine has ended the run it has said why, and nothing is added."""
    said = f"invoke of aws:index/getCallerIdentity:getCallerIdentity failed: {said}"
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: None)  # the Automation API
    with pytest.raises(pulumi.RunError, match=r"^the engine has ended the run$"):
        account(said)
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: "/project")  # the language host
    monkeypatch.delattr(pulumi.log, "error")
    with pytest.raises(SystemExit) as caught:
        account(said)
    assert caught.value.code == 32
