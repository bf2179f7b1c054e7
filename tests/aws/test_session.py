"""Which AWS account, which credentials and which endpoints a stack's `aws:` configuration leads to."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from moto.sts.models import sts_backends

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.session import connect, open_session, sign_in
from byodkim_provider.aws.settings import REFUSED, AwsSettings, read_settings, regions_with_ses
from byodkim_provider.errors import ByodkimError, InvalidSettings, WrongAccount
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from sandbox.aws.services import AwsServices
from tests.support.cases import cases, written_out

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/dns"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
NO_URL = "must be a URL that begins with https://, or with http:// for this machine (127.0.0.1)"
NOBODY = "http://127.0.0.1:1"
"""An endpoint where nothing answers: port 1 is never given out."""


def settings(**given: object) -> AwsSettings:
    """What is read from a configuration, objects as the JSON text that Pulumi hands over."""
    texts = {
        f"aws:{name}": value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
    }
    return read_settings(texts.get)


def refused(call: Callable[[], object]) -> InvalidSettings:
    """The error of *call*, in no text of which there is a secret."""
    with pytest.raises(InvalidSettings) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not [secret for secret in (SECRET, TOKEN) if secret[:12] in shown]
    return caught.value


# Reading the settings


@cases(
    ("given", "expected"),
    {
        "nothing": ({}, AwsSettings()),
        "what chooses nothing": (
            {"region": "eu-west-1", "maxRetries": "3", "skipCredentialsValidation": "true"},
            AwsSettings(),
        ),
        "profile": ({"profile": "mail"}, AwsSettings(profile="mail")),
        "empty profile": ({"profile": ""}, AwsSettings()),
        "static credentials": (
            {"accessKey": "AKIA", "secretKey": SECRET, "token": TOKEN},
            AwsSettings(access_key="AKIA", secret_key=SECRET, token=TOKEN),
        ),
        "two roles": (
            {"assumeRoles": [{"roleArn": ROLE}, {"roleArn": f"{ROLE}2", "duration": "1h", "policy": ""}]},
            AwsSettings(roles=({"RoleArn": ROLE}, {"RoleArn": f"{ROLE}2"})),
        ),
        "all options of a role": (
            {
                "assumeRoles": [
                    {
                        "roleArn": ROLE,
                        "externalId": 4711,
                        "policy": "{}",
                        "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                        "sessionName": "byodkim",
                        "sourceIdentity": "jo",
                        "tags": {"team": "mail", "cost": 7},
                        "transitiveTagKeys": ["team"],
                    }
                ]
            },
            AwsSettings(
                roles=(
                    {
                        "RoleArn": ROLE,
                        "ExternalId": "4711",
                        "Policy": "{}",
                        "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
                        "RoleSessionName": "byodkim",
                        "SourceIdentity": "jo",
                        "Tags": [{"Key": "team", "Value": "mail"}, {"Key": "cost", "Value": "7"}],
                        "TransitiveTagKeys": ["team"],
                    },
                )
            ),
        ),
        "endpoints": (
            {"endpoints": [{"sesv2": NOBODY, "sts": ""}, {"route53": f"{NOBODY}/path"}]},
            AwsSettings(endpoints={"sesv2": NOBODY, "route53": f"{NOBODY}/path"}),
        ),
        "endpoint of another service": (
            {"endpoints": [{"s3": "not ours to judge"}]},
            AwsSettings(endpoints={"s3": "not ours to judge"}),
        ),
        "accounts": (
            {"allowedAccountIds": ["012345678901", 123456789012], "forbiddenAccountIds": ["123456789013"]},
            AwsSettings(
                allowed_accounts=("012345678901", "123456789012"), forbidden_accounts=("123456789013",)
            ),
        ),
        "list as a string": (
            {"allowedAccountIds": '["123456789012"]'},
            AwsSettings(allowed_accounts=("123456789012",)),
        ),
        "default tags": (
            {"defaultTags": {"tags": {"team": "mail", "cost": 7, "prod": True}}},
            AwsSettings(default_tags={"team": "mail", "cost": "7", "prod": "true"}),
        ),
        "no default tags": ({"defaultTags": {"tags": None}}, AwsSettings()),
        "no objects": ({"defaultTags": "null", "endpoints": "null", "assumeRoles": ""}, AwsSettings()),
        "refused settings that are not set": (
            {"insecure": "false", "sharedConfigFiles": "[]", "assumeRoleWithWebIdentity": "{}"},
            AwsSettings(),
        ),
    },
)
def test_good_settings(given: dict[str, object], expected: AwsSettings) -> None:
    """Settings are understood as pulumi-aws understands them."""
    assert expected == settings(**given)


BAD_SETTINGS = """
allowedAccountIds: '123456789012'
  aws:allowedAccountIds: must be a list, as `pulumi config set --path 'aws:allowedAccountIds[0]' …` makes it
forbiddenAccountIds: production
  aws:forbiddenAccountIds: must be a list, as `pulumi config set --path 'aws:forbiddenAccountIds[0]' …`
    makes it
allowedAccountIds: ['1234', 1402433619, '123456789012'], forbiddenAccountIds: [null]
  aws:allowedAccountIds[0]: must be 12 digits in quotes, not '1234'
  aws:allowedAccountIds[1]: must be 12 digits in quotes, not 1402433619
  aws:forbiddenAccountIds[0]: must be 12 digits in quotes, not null
assumeRoles: {roleArn: 'arn:aws:iam::123456789012:role/dns'}
  aws:assumeRoles: must be a list, as `pulumi config set --path 'aws:assumeRoles[0].roleArn' …` makes it
assumeRole: {roleArn: 'arn:aws:iam::123456789012:role/dns'}
  aws:assumeRole: not a setting of pulumi-aws 7, use aws:assumeRoles
endpoints: '[{"sesv2":'
  aws:endpoints: must be a list, as `pulumi config set --path 'aws:endpoints[0].sesv2' …` makes it
endpoints: [{sesv2: 'localhost:4566', sts: 'http://', route53: 'http://[::1'}, 'http://127.0.0.1:1']
  aws:endpoints[1]: must be an object of strings
  aws:endpoints: route53: must be a URL that begins with https://, or with http:// for this machine
    (127.0.0.1)
  aws:endpoints: sesv2: must be a URL that begins with https://, or with http:// for this machine
    (127.0.0.1)
  aws:endpoints: sts: must be a URL that begins with https://, or with http:// for this machine (127.0.0.1)
endpoints: [{sesv2: 'http://email.eu-west-1.amazonaws.com', sts: 'http://[::1]:1'}]
  aws:endpoints: sesv2: must be a URL that begins with https://, or with http:// for this machine
    (127.0.0.1)
endpoints: [{sesv2: 'http://localhost:4566x'}]
  aws:endpoints: sesv2: must be a URL that begins with https://, or with http:// for this machine
    (127.0.0.1)
defaultTags: [team]
  aws:defaultTags: must be an object with tags
defaultTags: team
  aws:defaultTags: must be an object with tags
defaultTags: {tags: [team]}
  aws:defaultTags.tags: must be an object of strings
defaultTags: {tags: {team: {}}}
  aws:defaultTags.tags: must be an object of strings
accessKey: AKIA
  aws:accessKey, aws:secretKey: must be both given or neither
insecure: 'true', stsRegion: us-east-1, httpProxy: 'http://jo:pw@proxy'
  aws:httpProxy: can't be honoured for SES, set HTTP_PROXY in the environment of `pulumi` instead
  aws:insecure: can't be honoured for SES, remove it
  aws:stsRegion: can't be honoured for SES, remove it
"""


@cases(
    ("given", "problems"),
    {
        **written_out(BAD_SETTINGS),
        "role ARNs": (
            {
                "assumeRoles": [
                    *(ROLE, {}, {"roleArn": f"{ROLE}\x1b[2J"}, {"roleArn": ["x"]}),
                    {"roleArn": "arn:aws:iam::123456789012:role/${aws:username}*"},
                ]
            },
            [
                "aws:assumeRoles[0]: must be an object with roleArn",
                "aws:assumeRoles[1].roleArn: must be the ARN of a role, "
                "such as arn:aws:iam::123456789012:role/dns",
                "aws:assumeRoles[2].roleArn: must be the ARN of a role, "
                "such as arn:aws:iam::123456789012:role/dns",
                "aws:assumeRoles[3].roleArn: must be a string",
                "aws:assumeRoles[3].roleArn: must be the ARN of a role, "
                "such as arn:aws:iam::123456789012:role/dns",
                "aws:assumeRoles[4].roleArn: must be the ARN of a role, "
                "such as arn:aws:iam::123456789012:role/dns",
            ],
        ),
        "options of a role": (
            {
                "assumeRoles": [
                    {
                        "roleArn": ROLE,
                        "mfaSerial": SECRET,
                        "policyArns": SECRET,
                        "externalId": [SECRET],
                        "tags": [SECRET],
                        "transitiveTagKeys": [1],
                    }
                ]
            },
            [
                "aws:assumeRoles[0].mfaSerial: can't be honoured for SES, remove it",
                "aws:assumeRoles[0].policyArns: must be a list of strings",
                "aws:assumeRoles[0].externalId: must be a string",
                "aws:assumeRoles[0].tags: must be an object of strings",
                "aws:assumeRoles[0].transitiveTagKeys: must be a list of strings",
            ],
        ),
        "no access key": (
            {"secretKey": SECRET},
            ["aws:accessKey, aws:secretKey: must be both given or neither"],
        ),
        "token alone": ({"token": TOKEN}, ["aws:token: must come with aws:accessKey and aws:secretKey"]),
    },
)
def test_bad_settings(given: dict[str, object], problems: list[str]) -> None:
    """Settings that are wrong or can't be honoured are all named at once, and no secret is quoted."""
    assert tuple(problems) == refused(lambda: settings(**given)).problems


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_by_name(name: str) -> None:
    """A setting that chooses an account, a Region or an endpoint is never ignored."""
    (problem,) = refused(lambda: settings(**{name: "true"})).problems
    assert problem.startswith(f"aws:{name}: can't be honoured for SES, ")


def test_settings_of_pulumi_aws() -> None:
    """Every setting spoken of here is one that pulumi-aws has."""
    package = importlib.util.find_spec("pulumi_aws")
    assert package is not None
    assert package.origin is not None
    source = (Path(package.origin).parent / "config" / "vars.py").read_text()
    names = set(re.findall(r"__config__\.get(?:_\w+)?\('(\w+)'\)", source))
    spoken_of = {"profile", "accessKey", "secretKey", "token", "assumeRoles", "endpoints", "defaultTags"}
    assert set() == (spoken_of | {"allowedAccountIds", "forbiddenAccountIds", *REFUSED}) - names
    assert "assumeRole" not in names


def test_secrets_are_not_in_a_repr() -> None:
    """Settings can be printed."""
    shown = repr(
        settings(
            accessKey="AKIA",
            secretKey=SECRET,
            token=TOKEN,
            assumeRoles=[{"roleArn": ROLE, "externalId": "confidential"}],
        )
    )
    assert not [text for text in (SECRET, TOKEN, "AKIA", "confidential") if text in shown]


# Connecting


class Machine:
    """The environment that `pulumi` runs in: AWS configuration files and variables of one's own."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, aws: AwsServices) -> None:
        self._monkeypatch = monkeypatch
        self._files = directory / "config", directory / "credentials"
        self.aws = aws
        for name in os.environ:
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        for file in self._files:
            file.touch()
        self.set(
            AWS_CONFIG_FILE=str(self._files[0]),
            AWS_SHARED_CREDENTIALS_FILE=str(self._files[1]),
            AWS_EC2_METADATA_DISABLED="true",
            NO_PROXY="127.0.0.1",
        )

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def write(self, *, config: str = "", credentials: str = "") -> None:
        for file, text in zip(self._files, (config, credentials), strict=True):
            file.write_text(text)

    def sign_in(self) -> None:
        """The default credentials are those of the services' first account."""
        self.set(AWS_ACCESS_KEY_ID=self.aws.access_key, AWS_SECRET_ACCESS_KEY=self.aws.secret_key)

    def connect(
        self, service: str = "sesv2", *, region: str = REGION, expected: str | None = None, **given: Any
    ) -> tuple[Any, str]:
        """A client and its account, with these settings; STS is the emulated one in any case."""
        read = settings(endpoints=[{"sts": self.aws.url} | given.pop("endpoints", {})], **given)
        session = open_session(read, region=region)
        return connect(read, service, session=session, region=region, expected_account=expected)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: AwsServices) -> Machine:
    return Machine(tmp_path, monkeypatch, aws)


def test_static_credentials(machine: Machine, aws: AwsServices) -> None:
    """Keys of the configuration go before those of the environment and of a profile."""
    machine.write(credentials="[mail]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other")
    machine.set(AWS_ACCESS_KEY_ID="AKIAANOTHER", AWS_SECRET_ACCESS_KEY="another")
    client, account = machine.connect(accessKey=aws.access_key, secretKey=aws.secret_key, profile="mail")
    assert (aws.account, REGION) == (account, client.meta.region_name)
    assert client.meta.endpoint_url == "https://email.eu-west-1.amazonaws.com"


def test_default_credentials(machine: Machine, aws: AwsServices) -> None:
    """Without settings boto3 looks where pulumi-aws looks."""
    machine.sign_in()
    assert aws.account == machine.connect()[1]


@pytest.mark.parametrize("by", ["setting", "variable"])
def test_profile(machine: Machine, aws: AwsServices, by: str) -> None:
    """A profile's credentials are used; named by the setting it goes before keys of the environment."""
    machine.write(
        credentials=f"[mail]\naws_access_key_id={aws.access_key}\naws_secret_access_key={aws.secret_key}"
    )
    if by == "setting":
        machine.set(AWS_ACCESS_KEY_ID="AKIAOTHER", AWS_SECRET_ACCESS_KEY="other")
        _, account = machine.connect(profile="mail", expected=aws.account)
    else:
        machine.set(AWS_PROFILE="mail")
        _, account = machine.connect(expected=aws.account)
    assert aws.account == account


def test_words_of_a_process(machine: Machine) -> None:
    """What a `credential_process` prints as it fails may be the credentials, so nothing of it is shown."""
    machine.write(config=f"[default]\ncredential_process = sh -c 'echo {SECRET} >&2; exit 1'\n")
    assert "the default credentials: the `credential_process` of the profile failed\n" in str(
        refused(machine.connect)
    )


def test_one_session(machine: Machine, aws: AwsServices, tmp_path: Path) -> None:
    """All clients of a process share a session: what gives the credentials is run once."""
    account, asked, given = aws.add_account(), tmp_path / "asked", tmp_path / "given"
    keys = {"Version": 1, "AccessKeyId": aws.access_key, "SecretAccessKey": aws.secret_key}
    given.write_text(json.dumps(keys))
    machine.write(config=f"[default]\ncredential_process = sh -c 'echo >> {asked}; cat {given}'\n")
    role = {"roleArn": f"arn:aws:iam::{account}:role/mail"}
    made = Connections(settings(endpoints=[{"sts": aws.url}], assumeRoles=[role]))
    assert [made.account_id(region) for region in (REGION, "us-east-1")] == [account, account]
    made.secrets("us-east-1", account)
    made.route53(REGION, None)
    made.route53(REGION, f"arn:aws:iam::{account}:role/dns")
    assert asked.read_text() == "\n"
    assert len(sts_backends[account]["aws"].assumed_roles) == 1


def test_assume_roles(machine: Machine, aws: AwsServices) -> None:
    """Each role is assumed with the credentials of the one before, and SES is called as the last one."""
    machine.sign_in()
    first, second = aws.add_account(), aws.add_account()
    connection = machine.connect(
        assumeRoles=[
            {"roleArn": f"arn:aws:iam::{first}:role/hub", "sessionName": "to-hub"},
            {"roleArn": f"arn:aws:iam::{second}:role/mail", "sessionName": "to-mail", "externalId": "4711"},
        ],
        expected=second,
    )
    assert second == connection[1]
    assumed = {account: sts_backends[account]["aws"].assumed_roles for account in (first, second)}
    assert [[("to-hub", None)], [("to-mail", "4711")]] == [
        [(role.session_name, role.external_id) for role in roles] for roles in assumed.values()
    ]


def test_role_with_a_profile(machine: Machine, aws: AwsServices) -> None:
    """A role is assumed with the profile's credentials, and the profile's endpoints hold on."""
    machine.write(
        config="[profile mail]\nendpoint_url = http://127.0.0.1:9",
        credentials=f"[mail]\naws_access_key_id={aws.access_key}\naws_secret_access_key={aws.secret_key}",
    )
    account = aws.add_account()
    connection = machine.connect(
        profile="mail", assumeRoles=[{"roleArn": f"arn:aws:iam::{account}:role/mail"}]
    )
    assert (account, "http://127.0.0.1:9") == (connection[1], connection[0].meta.endpoint_url)


def test_wrong_account(machine: Machine, aws: AwsServices) -> None:
    """The account that pulumi-aws does not work in is refused before anything is written."""
    machine.write(
        credentials=f"[mail]\naws_access_key_id={aws.access_key}\naws_secret_access_key={aws.secret_key}"
    )
    with pytest.raises(WrongAccount) as caught:
        machine.connect(profile="mail", expected="000000000001")
    assert caught.value.message == AwsMessages.OTHER_ACCOUNT(
        whose="profile 'mail'", service="SES", account=aws.account, expected="000000000001"
    )


@cases(
    ("allowed", "forbidden", "problem"),
    {
        "allowed": (["other", "own"], [], None),
        "not allowed": (
            ["other"],
            [],
            "aws:allowedAccountIds: does not list {own}, the account of the default credentials",
        ),
        "not forbidden": ([], ["other"], None),
        "forbidden": (
            [],
            ["other", "own"],
            "aws:forbiddenAccountIds: lists {own}, the account of the default credentials",
        ),
    },
)
def test_allowed_accounts(
    machine: Machine, aws: AwsServices, allowed: list[str], forbidden: list[str], problem: str | None
) -> None:
    """The lists of accounts hold for SES as they hold for Route 53."""
    machine.sign_in()
    numbers = {"own": aws.account, "other": "000000000001"}

    def connected() -> tuple[Any, str]:
        return machine.connect(
            allowedAccountIds=[numbers[one] for one in allowed],
            forbiddenAccountIds=[numbers[one] for one in forbidden],
        )

    if problem is None:
        assert aws.account == connected()[1]
    else:
        assert (problem.format(own=aws.account),) == refused(connected).problems


def half_redirected(there, here, service="SES", variable="AWS_ENDPOINT_URL_SESV2"):
    return AwsMessages.ONE_REDIRECTED(there=there, here=here, service=service, variable=variable)


VPC = "https://vpce-1.email.eu-west-1.vpce.amazonaws.com"


@pytest.mark.parametrize(
    ("endpoints", "environment", "redirected"),
    [
        ({}, {}, None),
        ({"sesv2": NOBODY}, {}, "SES"),
        ({"route53": NOBODY}, {}, "Route 53"),
        ({"sesv2": NOBODY, "route53": NOBODY}, {}, None),
        ({}, {"AWS_ENDPOINT_URL_SESV2": NOBODY}, "SES"),
        ({}, {"AWS_ENDPOINT_URL_ROUTE_53": NOBODY}, "Route 53"),
        ({}, {"AWS_ENDPOINT_URL_SESV2": NOBODY, "AWS_ENDPOINT_URL_ROUTE_53": NOBODY}, None),
        ({}, {"AWS_ENDPOINT_URL": NOBODY}, None),
        ({"sesv2": NOBODY}, {"AWS_ENDPOINT_URL_ROUTE_53": NOBODY}, None),
        ({"sesv2": NOBODY}, {"AWS_ENDPOINT_URL": NOBODY}, None),
        ({"sesv2": VPC}, {}, None),
        ({"sesv2": VPC}, {"AWS_ENDPOINT_URL": NOBODY}, "Route 53"),
        ({"sesv2": "https://amazonaws.com.example.org"}, {}, "SES"),
        ({"route53": "https://notamazonaws.com"}, {}, "Route 53"),
        ({"sesv2": "https://x.execute-api.eu-west-1.amazonaws.com"}, {}, "SES"),
        ({"sesv2": "https://ec2-203-0-113-5.eu-west-1.compute.amazonaws.com"}, {}, "SES"),
        ({"sesv2": "https://email.s3.amazonaws.com"}, {}, "SES"),
        ({"sesv2": "https://email.eu-west-1.elb.amazonaws.com"}, {}, "SES"),
        ({"sesv2": VPC.replace("email", "vpce-svc-1")}, {}, "SES"),
        ({}, {"AWS_ENDPOINT_URL": NOBODY, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
        ({}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, None),
        ({}, {"AWS_USE_FIPS_ENDPOINT": "true"}, None),
    ],
)
def test_half_redirected(
    machine: Machine, endpoints: dict[str, str], environment: dict[str, str], redirected: str | None
) -> None:
    """An identity never lands in the real SES while its record goes elsewhere, nor the reverse."""
    machine.sign_in()
    machine.set(**environment)
    if redirected is None:
        machine.connect(endpoints=endpoints)
    else:
        names = ("SES", "Route 53") if redirected == "SES" else ("Route 53", "SES")
        assert half_redirected(*names) == refused(lambda: machine.connect(endpoints=endpoints)).message


@cases(
    "url",
    {
        "no TLS": "http://192.0.2.2:8080",
        "two hosts, one of this machine": r"http://192.0.2.2:8080\@127.0.0.1",
        "two hosts, one of AWS": r"https://evil.example\@email.eu-west-1.amazonaws.com",
        "user": "https://user@email.eu-west-1.amazonaws.com",
        "port": "https://email.eu-west-1.amazonaws.com:port",
    },
)
def test_endpoint_that_gets_no_key(machine: Machine, url: str) -> None:
    """A private key and a session token go by TLS, and to the host that everybody reads in the URL."""
    machine.sign_in()
    machine.set(AWS_ENDPOINT_URL=url)
    reason = str(AwsMessages.ENDPOINT(service="SES", problem=AwsMessages.URL()))
    assert refused(machine.connect).message == AwsMessages.NO_SESSION(
        whose="the default credentials", reason=reason
    )


@pytest.mark.parametrize("dual_stack", ["false", "true"])
@pytest.mark.parametrize("region", ["il-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_half_redirected_in_other_partitions(machine: Machine, region: str, dual_stack: str) -> None:
    """AWS's own endpoints are known in China, GovCloud and the European sovereign cloud, over IPv6 too."""
    machine.sign_in()
    machine.set(AWS_USE_DUALSTACK_ENDPOINT=dual_stack)
    error = refused(lambda: machine.connect(region=region, endpoints={"sesv2": NOBODY}))
    assert half_redirected("SES", "Route 53") == error.message


@pytest.mark.parametrize(
    ("endpoints", "environment", "redirected"),
    [
        ({}, {}, None),
        ({"sesv2": NOBODY}, {}, None),
        ({"secretsmanager": NOBODY}, {}, "Secrets Manager"),
        ({"route53": NOBODY}, {}, "Route 53"),
        ({"secretsmanager": NOBODY, "route53": NOBODY}, {}, None),
        ({}, {"AWS_ENDPOINT_URL_SECRETS_MANAGER": NOBODY}, "Secrets Manager"),
        ({"secretsmanager": "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com"}, {}, None),
    ],
)
def test_half_redirected_secrets(
    machine: Machine, endpoints: dict[str, str], environment: dict[str, str], redirected: str | None
) -> None:
    """A key never lands in the real Secrets Manager while its record goes elsewhere, nor the reverse."""
    machine.sign_in()
    machine.set(**environment)

    def to_secrets() -> object:
        return machine.connect("secretsmanager", endpoints=endpoints, expected=machine.aws.account)

    if redirected is None:
        to_secrets()
    else:
        names = (
            ("Secrets Manager", "Route 53")
            if redirected == "Secrets Manager"
            else ("Route 53", "Secrets Manager")
        )
        problem = half_redirected(*names, "Secrets Manager", "AWS_ENDPOINT_URL_SECRETS_MANAGER")
        assert problem == refused(to_secrets).message


def test_secrets_in_another_account(machine: Machine) -> None:
    """Secrets Manager is only called in the account that pulumi-aws works in, which is said with its name."""
    machine.sign_in()
    with pytest.raises(WrongAccount) as caught:
        machine.connect("secretsmanager", expected="210987654321")
    assert caught.value.message == AwsMessages.OTHER_ACCOUNT(
        whose="the default credentials",
        service="Secrets Manager",
        account=machine.aws.account,
        expected="210987654321",
    )


IN_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": SECRET}


@cases(
    ("given", "environment", "problem"),
    {
        "profile": ({"profile": "nope"}, {}, "profile 'nope': The config profile (nope) could not be found"),
        "AWS_PROFILE": (
            {},
            {"AWS_PROFILE": "nope"},
            "the default credentials: The config profile (nope) could not be found",
        ),
        "key as a profile": (
            {"profile": f"{'d6:c4:06:' * 5} " * 9},
            {},
            "profile 414 characters: The config profile ([...]) could not be found",
        ),
        "AWS_PROFILE, in short lines": (
            {},
            {"AWS_PROFILE": f"{'MIIB' * 12} " * 3 + "MIIB" * 7},
            "the default credentials: The config profile ([...]) could not be found",
        ),
        "half a profile": (
            {"profile": "half"},
            {},
            "profile 'half': Partial credentials found in shared-credentials-file, "
            "missing: aws_secret_access_key",
        ),
        "role without credentials": (
            {"assumeRoles": [{"roleArn": ROLE}]},
            {},
            f"role '{ROLE}': there are no credentials to assume role '{ROLE}' with",
        ),
        "Region": (
            {"region": "eu west"},
            IN_ENVIRONMENT,
            "the default credentials: Provided region_name 'eu west' doesn't match a supported format.",
        ),
        "endpoint": (
            {},
            {**IN_ENVIRONMENT, "AWS_ENDPOINT_URL_SESV2": "localhost"},
            "the default credentials: Invalid endpoint: localhost",
        ),
        "no credentials": ({}, {}, "the default credentials: Unable to locate credentials"),
    },
)
def test_no_session(
    machine: Machine, given: dict[str, Any], environment: dict[str, str], problem: str
) -> None:
    """What makes a session impossible is told in one line, whoever named it."""
    machine.write(credentials="[half]\naws_access_key_id = AKIA")
    machine.set(**environment)
    error = refused(lambda: machine.connect(**given))
    assert (AwsMessages.NO_SESSION, f"aws: no session with {problem}") == (error.message.code, error.text)


def test_no_sign_in(machine: Machine, tmp_path: Path) -> None:
    """An endpoint that is none, and a token's file that is missing, are told in one line, too."""
    machine.set(**IN_ENVIRONMENT, AWS_ENDPOINT_URL_STS="localhost")
    error = refused(lambda: sign_in(AwsSettings(), region=REGION))
    assert error.text == "aws: no session with the default credentials: Invalid endpoint: localhost"
    machine.set(AWS_ENDPOINT_URL_STS=machine.aws.url, AWS_PROFILE="web")
    machine.write(config=f"[profile web]\nrole_arn = {ROLE}\nweb_identity_token_file = /no/token\n")
    error = refused(lambda: sign_in(AwsSettings(profile="web"), region=REGION))
    assert error.text == (
        "aws: no response from STS with profile 'web': [Errno 2] No such file or directory: '/no/token'"
    )
    token = tmp_path / "token"
    token.write_bytes(b"\xff\xfe")
    machine.write(config=f"[profile web]\nrole_arn = {ROLE}\nweb_identity_token_file = {token}\n")
    error = refused(lambda: sign_in(AwsSettings(profile="web"), region=REGION))
    assert error.text.startswith("aws: no response from STS with profile 'web': 'utf-8' codec can't decode")


@cases(
    ("printed", "problem"),
    {
        "no object": ("[]", "no session with profile 'x': 'list' object has no attribute 'get'"),
        "no texts": (
            '{"Version": 1, "AccessKeyId": 1, "SecretAccessKey": 2}',
            "no response from STS with profile 'x': sequence item 0: expected str instance, int found",
        ),
        "expired": (
            '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "B", "Expiration": "2001-01-01T00:00Z"}',
            "no response from STS with profile 'x': Credentials were refreshed, but the refreshed "
            "credentials are still expired.",
        ),
    },
)
def test_program_of_a_profile(machine: Machine, tmp_path: Path, printed: str, problem: str) -> None:
    """Whatever a `credential_process` prints, a command and a program of one's own end in a line."""
    (tmp_path / "printed").write_text(printed)
    machine.write(config=f"[profile x]\ncredential_process = cat {tmp_path}/printed\n")
    profile = AwsSettings(profile="x")
    assert f"aws: {problem}" == refused(lambda: sign_in(profile, region=REGION)).text
    with pytest.raises(ByodkimError):
        Connections(profile).route53(REGION, None, None).zones()


def test_key_as_a_file(machine: Machine) -> None:
    """A key in lines in the place of a file's name is quoted with its line ends escaped, and hidden."""
    machine.set(AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE=f"{'MIIB' * 12}\n" * 4)
    text = refused(lambda: sign_in(AwsSettings(), region=REGION)).text
    assert text.endswith(r"directory: '[...]\n'")


def test_regions_without_a_profile(machine: Machine) -> None:
    """Which Regions have SES is known without the profile, which may be missing."""
    machine.set(AWS_PROFILE="nope")
    assert REGION in regions_with_ses("aws")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"accessKey": "AKIA", "secretKey": SECRET, "endpoints": {"sts": NOBODY}},
            f'the key of `aws:accessKey`: Could not connect to the endpoint URL: "{NOBODY}/"',
        ),
        # A token pasted with a line break: the HTTP client's own error quotes it.
        (
            {"accessKey": "AKIA", "secretKey": SECRET, "token": f"{TOKEN}\n{TOKEN}"},
            "the key of `aws:accessKey`: HTTPClientError",
        ),
        # STS's shortest external id has two characters; botocore's own error quotes parameters.
        (
            {
                "accessKey": "AKIA",
                "secretKey": SECRET,
                "assumeRoles": [{"roleArn": ROLE, "externalId": "x", "policy": f'"{TOKEN}"'}],
            },
            f"role '{ROLE}': ParamValidationError",
        ),
    ],
    ids=["nobody there", "line break in the token", "role option"],
)
def test_no_answer_from_sts(
    machine: Machine, given: dict[str, Any], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without STS's answer nobody knows the account, so nothing goes on; the reason quotes no secret."""
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore, before it asks STS again
    error = refused(lambda: machine.connect(**given))
    assert f"aws: no response from STS with {problem}" == error.text
    assert AwsMessages.ASK_STS() == error.message.fields["step"]


@contextmanager
def sts(status: int, body: str) -> Iterator[str]:
    """The URL of what answers in STS's place."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


SIGNATURE = (
    "The request signature we calculated does not match.\n\n"
    f"The Canonical String for this request should have been\n'x-amz-security-token:{TOKEN}'"
)


@cases(
    ("status", "body", "reason"),
    {
        "error quotes the token": (
            403,
            f"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>{SIGNATURE}</Message></Error>"
            "</ErrorResponse>",
            "The request signature we calculated does not match.",
        ),
        "error quotes the external id": (
            400,
            "<ErrorResponse><Error><Code>ValidationError</Code><Message>Value 'corp-ext-7f3a9c ' at "
            "'externalId' failed to satisfy constraint</Message></Error></ErrorResponse>",
            "Value '[secret]' at 'externalId' failed to satisfy constraint",
        ),
        "with a line end": (
            400,
            "<ErrorResponse><Error><Code>ValidationError</Code><Message>Value 'corp-ext-7f3a9c\n' at "
            "'externalId' failed to satisfy constraint</Message></Error></ErrorResponse>",
            "Value '[secret]' at 'externalId' failed to satisfy constraint",
        ),
        "web page": (
            200,
            "<html><body>Please sign in to this network</body></html>",
            "the response is not STS's",
        ),
        "text": (200, "Please sign in", "the response is not STS's"),
        "JSON": (200, "{}", "the response is not STS's"),
    },
)
def test_strange_answers_from_sts(machine: Machine, status: int, body: str, reason: str) -> None:
    """Whatever answers in STS's place, the user gets one line."""
    machine.sign_in()
    with sts(status, body) as url:
        error = refused(lambda: machine.connect(endpoints={"sts": url}))
    assert reason == error.message.fields["reason"]


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("AccessDenied", AwsMessages.POLICY()),
        ("ExpiredToken", AwsMessages.SIGN_IN()),
        ("Whatever", AwsMessages.ASK_STS()),
    ],
)
def test_refused_by_sts(machine: Machine, code: str, step: Message) -> None:
    """Whoever may not assume the stack's role is not asked whether a command works that assumes none."""
    machine.sign_in()
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    with sts(403, body) as url:
        error = refused(lambda: machine.connect(endpoints={"sts": url}, assumeRoles=[{"roleArn": ROLE}]))
    assert error.message == AwsMessages.NO_RESPONSE(whose=f"role '{ROLE}'", reason="no", step=step)


@pytest.mark.parametrize("roles", [[], [{"roleArn": ROLE}]], ids=["own", "role"])
def test_region_of_the_environment(monkeypatch, roles):
    """Without `aws:region`, a session is in the Region of `AWS_REGION`, as pulumi-aws is."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    given = settings(accessKey="AKIDEXAMPLE", secretKey=SECRET, assumeRoles=roles)
    assert open_session(given, region=None).region_name == "eu-central-1"
    assert open_session(given, region=REGION).region_name == REGION
