"""If this fails, what can't work begins to change things, or is refused without a reason."""

import pulumi
import pulumi_aws as aws
import pytest

from byodkim_provider.config import settings
from byodkim_provider.errors import WrongAccount
from byodkim_provider.program.domain import ByodkimDomain
from tests.engine.clients import client_of
from tests.engine.results import problems
from tests.engine.stack import REGION, requests
from tests.support.endings import errors

pytestmark = pytest.mark.engine


def test_stack_file(sandbox, open_stack):
    """
    A preview names every problem of a stack file, each once and in one line, and asks nobody
    anything.
    """
    stack = open_stack(
        {
            "bad_name.example": {"generation": 1},
            "one.example": {"generation": 0, "overlapdays": 3},
            "three.example": {
                "generation": 1,
                "keys": {"1": {"selector": "s1", "privateKey": "not a key, whatever"}},
            },
        },
        verification={"timeoutMinutes": -1},
        default={"keyStore": "secretsManager"},
    )
    with requests(sandbox) as asked:
        result = stack.preview()
    assert result.failed
    assert len(errors(result.stdout)) == 6, "no error beside those that are named below"
    assert sorted(problems(result, "domains")) == [
        """["bad_name.example"]: 'bad_name.example' is not a bare domain, """
        """expected a domain such as 'example.com'""",
        """["one.example"].generation: must be at least 1, not 0""",
        """["one.example"].overlapdays: unknown key, did you mean 'overlapDays'?""",
        """["three.example"].keys["1"].privateKey: is not base64, """
        """expected an RSA private key (PKCS#1 or PKCS#8), as PEM or as base64 of its DER""",
    ]
    assert problems(result, "default: ") == ["unknown key, did you mean 'defaults'?"]
    assert problems(result, "verification") == [".timeoutMinutes: must be at least 0, not -1"]
    assert (asked.ses, asked.dns) == ([], [])


def test_missing_zone_of_one_domain(sandbox, open_stack):
    """A domain whose zone is missing stops itself alone, and its error has one hint."""
    sandbox.add_zone("has-a-zone.example")
    stack = open_stack(
        {name: {"generation": 1} for name in ("has-a-zone.example", "no-zone.example")}
    )
    result = stack.up()
    assert result.failed
    assert (
        "`pulumi up` still changes the other domains, and waits for no verdict of SES on them"
        in result.stdout
    )
    assert result.stdout.count("hint: ") == 1
    assert "has-a-zone.example" in sandbox.ses.identities(REGION)


CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "PULUMI_DEBUG_PROVIDERS")
"""Without the last one as well: the plugin that runs share has credentials."""


def test_no_credentials(sandbox, open_stack):
    """
    Without credentials a preview ends in one line and a hint, before pulumi-aws is asked for
    anything.
    """
    domains = {name: {"generation": 1} for name in ("one.example", "two.example")}
    result = open_stack(domains, without=CREDENTIALS).preview()
    assert result.failed
    assert errors(result.stdout) == [
        "aws: no session with the default credentials: Unable to locate credentials",
    ]
    hint = "hint: this call changed nothing; correct the `aws:` settings, or AWS_PROFILE"
    assert hint in result.stdout


def test_account(sandbox, open_stack):
    """Where records would land in another account than the identity, SES is told nothing."""
    domain = "accounts.example"
    other = sandbox.aws.add_account()
    role = f"arn:aws:iam::{other}:role/any"
    route53 = client_of(sandbox, "route53", role=role)
    route53.create_hosted_zone(Name=domain, CallerReference=domain)

    def program():
        provider = aws.Provider(
            "other", region=REGION, assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=role)]
        )
        written = {"generation": 1, "published": [1], "dnsResolvers": [sandbox.dns_resolver]}
        try:
            ByodkimDomain(
                domain,
                settings.domain(domain, written, default_region=REGION),
                opts=pulumi.ResourceOptions(providers=[provider]),
            )
        except WrongAccount as error:
            raise pulumi.RunError(f"WrongAccount: {error}") from None

    with requests(sandbox) as asked:
        result = open_stack(program=program).up()
    assert result.failed
    assert problems(result, "WrongAccount: ") == [
        f"with the default credentials Route 53 would be called in AWS account {sandbox.account}, "
        f"pulumi-aws works in {other}"
    ]
    assert asked.ses == []
