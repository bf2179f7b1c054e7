"""If this fails, a secret of the configuration is sent to AWS, or kept in plain, without a word."""

import json
import shlex

import pulumi
import pytest
from pulumi.runtime.config import CONFIG, set_all_config

from byodkim_provider.aws.connections import Connections
from byodkim_provider.program import aws_account, stack_config
from tests.support.cases import cases, written_out

VALUES = {
    "aws:region": "eu-west-1",
    "ses-byodkim:domains": '{"example.com": {"generation": 1}}',
    "ses-byodkim:verificaton": "fail",
}


@pytest.fixture(autouse=True)
def _project(monkeypatch):
    monkeypatch.setattr(pulumi, "get_project", lambda: "ses-byodkim")
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)


@pytest.fixture
def configured():
    """
    Gives the stack this configuration, of which these settings are secret, until the test ends.
    """
    yield set_all_config
    set_all_config({}, [])


@pytest.mark.parametrize("way", ["language host", "Automation API"])
def test_written(monkeypatch, way):
    """It hears of misspelt keys too, however it was started, and of no other project's."""
    given = VALUES if way == "Automation API" else {}
    if way == "language host":
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(VALUES))
    token = CONFIG.set(given)
    try:
        written = stack_config.written()
    finally:
        CONFIG.reset(token)
    assert written == {"domains": {"example.com": {"generation": 1}}, "verificaton": "fail"}


ENCRYPTED = """
secret: [privateKeys, dnsCredentials]
secret: [dnsCredentials]
  privateKeys["own"]: is not encrypted, set it with `pulumi config set --secret --path
    'privateKeys["own"]'`, and make another one if somebody may have read this
secret: [privateKeys]
  dnsCredentials["wix"].apiKey: is not encrypted, set it with `pulumi config set --secret --path
    'dnsCredentials["wix"].apiKey'`, and make another one if somebody may have read this
secret: [privateKeys, dnsCredentials, domains]
  domains: holds an encrypted value, which would be unencrypted in the stack's state: private keys
    go into privateKeys, a host's secrets into dnsCredentials, all else is set without `--secret`
"""


@cases(("given", "problems"), written_out(ENCRYPTED))
def test_not_kept_secret(configured, given, problems):
    """What has to be encrypted is, and nothing else; an account's id need not be."""
    credentials = {"wix": {"apiKey": "IST.x", "accountId": "1"}}
    written = {"domains": {}, "privateKeys": {"own": "MIIE"}, "dnsCredentials": credentials}
    config = {f"ses-byodkim:{name}": json.dumps(value) for name, value in written.items()}
    configured(config, [f"ses-byodkim:{name}" for name in given["secret"]])
    found = [*stack_config.not_encrypted(), *stack_config.encrypted_in_vain(written)]
    assert found == problems


PEM = (
    f"-----BEGIN RSA PRIVATE KEY-----\n{'MIIE' * 16}\n{'abcd' * 9}\n-----END RSA PRIVATE KEY-----\n"
)


@pytest.mark.parametrize(
    "written",
    [f"|\n      {PEM.replace(chr(10), chr(10) + '      ')}", json.dumps(PEM)],
    ids=["block", "quoted"],
)
def test_plain_beside_encrypted(configured, monkeypatch, tmp_path, written):
    """A key that somebody adds in plain beside an encrypted one is refused, and no other secret."""
    monkeypatch.setattr(pulumi, "get_root_directory", lambda: str(tmp_path))
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    (tmp_path / "Pulumi.yaml").write_text("{name: ses-byodkim, stackConfigDir: stacks}")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(
        "config:\n  ses-byodkim:privateKeys:\n    first: {secure: v1:AAAA}\n"
        f"    short: {{secure: v1:BBBB}}\n    second: {written}\n"
    )
    keys = {"first": PEM.replace("abcd", "efgh"), "short": "first", "second": PEM}
    setting = "ses-byodkim:privateKeys"
    configured({setting: json.dumps(keys)}, [setting])
    [problem] = stack_config.not_encrypted()
    assert problem.startswith('privateKeys["second"]: is not encrypted')


TOKEN = "gd-token-3f9c2a71"
ROLE = {"roleArn": "arn:aws:iam::666666666666:role/x"}
TO_AWS = {
    "one of a role": ("assumeRoles", json.dumps([{**ROLE, "externalId": TOKEN}])),
    "tags": ("defaultTags", f'{{"tags": {{"team": "{TOKEN}"}}}}'),
    "a session": ("token", TOKEN),
}


@pytest.mark.parametrize(("name", "value"), TO_AWS.values(), ids=TO_AWS)
@pytest.mark.parametrize(
    ("secret", "text", "command"),
    [
        (
            "ses-byodkim:dnsCredentials",
            f'{{"godaddy": {{"token": "{TOKEN}"}}}}',
            'dnsCredentials["godaddy"].token',
        ),
        ("ses-byodkim:privateKeys", f'{{"own": "{TOKEN}"}}', 'privateKeys["own"]'),
        ("aws:secretKey", TOKEN, "aws:secretKey"),
    ],
)
def test_sent_secrets(configured, name, value, secret, text, command):
    """A secret whose ciphertext somebody has copied to a setting for AWS is not sent there."""
    configured({secret: text}, [])
    assert list(stack_config.sent_secrets()) == []
    configured({secret: text, f"aws:{name}": value}, [])
    [problem] = stack_config.sent_secrets()
    path, _, text = problem.partition(": ")
    assert path.startswith(f"aws:{name}")
    assert text.startswith(
        f"is the secret of `pulumi config set --secret --path {shlex.quote(command)}`, "
        f"and would be sent "
    )
    assert TOKEN not in problem


WHOLE = '{"godaddy": {"token": "gd-token-3f9c2a71"}}'


@cases(
    ("name", "text", "sent"),
    {
        "another provider's": ("cloudflare:apiToken", TOKEN, TOKEN),
        "a program's own": ("ses-byodkim:dbPassword", f'{{"main": "{TOKEN}"}}', TOKEN),
        "another setting for AWS": ("aws:defaultTags", f'{{"tags": {{"team": "{TOKEN}"}}}}', TOKEN),
        "a whole map": ("ses-byodkim:dnsCredentials", WHOLE, WHOLE),
    },
)
def test_sent_secrets_of_others(configured, name, text, sent):
    """
    Any secret of the stack stays where it is, and a map that is encrypted as a whole is a secret
    too.
    """
    roles = json.dumps([{**ROLE, "externalId": sent}])
    for secret, problems in (([name], 1), ([], name == "ses-byodkim:dnsCredentials")):
        configured({name: text, "aws:assumeRoles": roles}, secret)
        assert len(list(stack_config.sent_secrets())) == problems


def test_redirected(configured, monkeypatch):
    """What is asked elsewhere than at AWS is said before it is asked: it may refuse."""
    said = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    monkeypatch.setattr(Connections, "account_id", lambda self, region: said.append(region))
    hosts = dict.fromkeys(("sesv2", "route53", "sts"), "https://aws.example.net")
    configured({"aws:endpoints": json.dumps([hosts])}, [])
    aws_account.sign_in("eu-west-1")
    text = "aws: {} is redirected to aws.example.net, which is not AWS and gets what AWS would get"
    assert said == [*map(text.format, ("SES", "Route 53", "STS")), "eu-west-1"]
