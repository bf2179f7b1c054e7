"""What a program, and a command, hear of a stack's configuration."""

import json

import pulumi
import pytest
from pulumi.runtime.config import CONFIG, set_all_config

from byodkim_provider.cli import configuration
from byodkim_provider.cli.stack import settings_in
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.program import stack_config

VALUES = {
    "aws:region": "eu-west-1",
    "ses-byodkim:domains": '{"example.com": {"generation": 1}}',
    "ses-byodkim:verificaton": "fail",
}


@pytest.fixture(autouse=True)
def _project(monkeypatch):
    monkeypatch.setattr(pulumi, "get_project", lambda: "ses-byodkim")
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)


@pytest.mark.parametrize("way", ["language host", "Automation API"])
def test_written(monkeypatch, way):
    """It hears of misspelt keys too, however it was started, and of no other project's."""
    given = VALUES if way == "Automation API" else {}
    if way == "language host":
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(VALUES))
    token = CONFIG.set(given)
    try:
        assert stack_config.written() == {
            "domains": {"example.com": {"generation": 1}},
            "verificaton": "fail",
        }
    finally:
        CONFIG.reset(token)


@pytest.mark.parametrize(
    ("secret", "problems"),
    [
        (["ses-byodkim:privateKeys", "ses-byodkim:dnsCredentials"], []),
        (
            ["ses-byodkim:dnsCredentials"],
            [
                'privateKeys["own"]: is not encrypted, set it with `pulumi config set --secret --path '
                "'privateKeys[\"own\"]'`, and make another one if somebody may have read this"
            ],
        ),
        (
            ["ses-byodkim:privateKeys"],
            [
                'dnsCredentials["wix"].apiKey: is not encrypted, set it with `pulumi config set --secret '
                "--path 'dnsCredentials[\"wix\"].apiKey'`, and make another one if somebody may have "
                "read this"
            ],
        ),
        (
            ["ses-byodkim:privateKeys", "ses-byodkim:dnsCredentials", "ses-byodkim:domains"],
            [
                "domains: holds an encrypted value, which would be unencrypted in the stack's state: "
                "private keys go into privateKeys, a host's secrets into dnsCredentials, all else is set "
                "without `--secret`"
            ],
        ),
    ],
    ids=["well", "plain keys", "plain credentials", "encrypted in vain"],
)
def test_not_kept_secret(secret, problems):
    """What has to be encrypted is, and nothing else; an account's id need not be."""
    credentials = {"wix": {"apiKey": "IST.x", "accountId": "1"}}
    written = {"domains": {}, "privateKeys": {"own": "MIIE"}, "dnsCredentials": credentials}
    set_all_config({}, secret)
    try:
        assert list(stack_config.not_kept_secret(written)) == problems
    finally:
        set_all_config({}, [])


def test_what_follows_the_configuration():
    """A line that is empty belongs to its value; what Pulumi adds about environments is no configuration."""
    printed = (
        "KEY        VALUE\n"
        "aws:token  one\n"
        "           \n"
        "           three\n"
        "The stack's environment does not define the `environmentVariables` property.\n"
        "mail       4\n"
        "\n"
        "ENVIRONMENT VARIABLE  VALUE\n"
        "AWS_REGION            eu-west-1\n"
    )
    assert configuration.read(printed, "p") == {"aws:token": "one\n\nthree", "p:mail": "4"}


def test_commands_hear_the_same():
    """A command hears the same from `pulumi config`: a misspelt key is refused by name there too."""
    printed = (
        "KEY          VALUE\n"
        "aws:region   eu-west-1\n"
        'domains      {"example.com":{"generation":1}}\n'
        "verificaton  fail\n"
    )
    config = configuration.of_project(configuration.read(printed, "ses-byodkim"), "ses-byodkim")
    assert config == {"domains": {"example.com": {"generation": 1}}, "verificaton": "fail"}
    with pytest.raises(InvalidSettings, match="did you mean 'verification'"):
        settings_in(config, "eu-west-1")
