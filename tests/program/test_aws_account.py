"""How a program reads what pulumi-aws says when it can't tell its account."""

import pulumi
import pytest

from byodkim_provider.errors import AwsRefused
from byodkim_provider.program import aws_account


@pytest.fixture
def account(monkeypatch):
    """Ask for the account, with what the SDK then raises."""

    def ask(said):
        def get_caller_identity(**_):
            raise Exception(said)

        monkeypatch.setattr(aws_account.aws, "get_caller_identity", get_caller_identity)
        return aws_account._account(None)

    return ask


def test_no_key_is_quoted(account):
    """An error about a signature may quote the request, token and all."""
    token = "IQoJb3JpZ2luX2VjE" * 8
    with pytest.raises(AwsRefused) as caught:
        account(f"operation error STS: GetCallerIdentity, canonical {token}")
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
