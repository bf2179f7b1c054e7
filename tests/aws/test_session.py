"""If this fails, keys go to another account or endpoint than the stack says."""

import json
import traceback
from types import SimpleNamespace

import pytest
import yaml
from moto.sts.models import sts_backends

from byodkim_provider.aws.connections import Connections
from byodkim_provider.aws.settings import AwsSettings, is_redirected
from byodkim_provider.errors import AwsRefused, ByodkimError, InvalidSettings
from byodkim_provider.messages.aws import AwsMessages
from sandbox.http_stand_in import Response
from tests.support.cases import cases, written_out
from tests.support.http_answer import Answering
from tests.support.machine import NOBODY, REGION, Machine, settings

ROLE = "arn:aws:iam::123456789012:role/dns"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
DEFAULT = "the default credentials"


def refused(call, *arguments, kind=InvalidSettings, **options):
    """The error of *call*, in no text of which there is a secret."""
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not [secret for secret in (SECRET, TOKEN) if secret[:12] in shown]
    return caught.value


# Reading the settings


GOOD_SETTINGS = """
region: eu-west-1, maxRetries: '3', skipCredentialsValidation: 'true'
profile: mail
  profile: mail
profile: ''
accessKey: AKIA, secretKey: secret, token: token
  access_key: AKIA
  secret_key: secret
  token: token
assumeRoles: [{roleArn: 'arn:aws:iam::123456789012:role/a'}, {roleArn: \
'arn:aws:iam::123456789012:role/b',
    duration: 1h, policy: ''}]
  roles: [{RoleArn: 'arn:aws:iam::123456789012:role/a'}, {RoleArn: \
'arn:aws:iam::123456789012:role/b'}]
assumeRoles: [{roleArn: 'arn:aws:iam::123456789012:role/dns', externalId: 4711, policy: '{}',
    policyArns: ['arn:x'], sessionName: byodkim, sourceIdentity: jo, tags: {team: mail, cost: 7},
    transitiveTagKeys: [team]}]
  roles: [{RoleArn: 'arn:aws:iam::123456789012:role/dns', ExternalId: '4711', Policy: '{}',
    PolicyArns: [{arn: 'arn:x'}], RoleSessionName: byodkim, SourceIdentity: jo,
    Tags: [{Key: team, Value: mail}, {Key: cost, Value: '7'}], TransitiveTagKeys: [team]}]
endpoints: [{sesv2: 'http://127.0.0.1:1', sts: ''}, {route53: 'http://127.0.0.1:1/path'}]
  endpoints: {sesv2: 'http://127.0.0.1:1', route53: 'http://127.0.0.1:1/path'}
endpoints: [{s3: not ours to judge}]
  endpoints: {s3: not ours to judge}
allowedAccountIds: ['012345678901', 123456789012], forbiddenAccountIds: ['123456789013']
  allowed_accounts: ['012345678901', '123456789012']
  forbidden_accounts: ['123456789013']
allowedAccountIds: '["123456789012"]'
  allowed_accounts: ['123456789012']
defaultTags: {tags: {team: mail, cost: 7, prod: true}}
  default_tags: {team: mail, cost: '7', prod: 'true'}
defaultTags: {tags: null}
defaultTags: 'null', endpoints: 'null', assumeRoles: ''
insecure: 'false', sharedConfigFiles: '[]', assumeRoleWithWebIdentity: '{}'
"""


@cases(("given", "expected"), written_out(GOOD_SETTINGS))
def test_good_settings(given, expected):
    """Settings are understood as pulumi-aws understands them."""
    fields = yaml.safe_load("\n".join(expected)) or {}
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    assert settings(**given) == AwsSettings(**{**fields, **lists})


BAD_SETTINGS = """
allowedAccountIds: '123456789012', forbiddenAccountIds: production
  aws:allowedAccountIds: must be a list, as `pulumi config set --path
    'aws:allowedAccountIds[0]…' …` makes it
  aws:forbiddenAccountIds: must be a list, as `pulumi config set --path
    'aws:forbiddenAccountIds[0]…' …` makes it
allowedAccountIds: ['1234', 1402433619, '123456789012'], forbiddenAccountIds: [null]
  aws:allowedAccountIds: must be 12 digits in quotes, not '1234'
  aws:allowedAccountIds: must be 12 digits in quotes, not 1402433619
  aws:forbiddenAccountIds: must be 12 digits in quotes, not null
assumeRoles: {roleArn: 'arn:aws:iam::123456789012:role/dns'}
  aws:assumeRoles: must be a list, as `pulumi config set --path 'aws:assumeRoles[0]…' …` makes it
assumeRole: {roleArn: 'arn:aws:iam::123456789012:role/dns'}
  aws:assumeRole: can't be honoured for SES, remove it
endpoints: '[{"sesv2":'
  aws:endpoints: must be a list, as `pulumi config set --path 'aws:endpoints[0]…' …` makes it
defaultTags: [team]
  aws:defaultTags: must be an object with tags
defaultTags: {tags: [team]}
  aws:defaultTags: must be an object with tags
accessKey: AKIA
  aws:accessKey, aws:secretKey: give both or neither, and aws:token with both only
token: TOKEN
  aws:accessKey, aws:secretKey: give both or neither, and aws:token with both only
assumeRoles: [{}, {roleArn: "arn:aws:iam::123456789012:role/dns\\e[2J"}, {roleArn: [x]},
    {roleArn: 'arn:aws:iam::123456789012:role/${aws:username}*'}]
  aws:assumeRoles[0].roleArn: must be the ARN of a role, such as arn:aws:iam::123456789012:role/dns
  aws:assumeRoles[1].roleArn: must be the ARN of a role, such as arn:aws:iam::123456789012:role/dns
  aws:assumeRoles[2].roleArn: must be the ARN of a role, such as arn:aws:iam::123456789012:role/dns
  aws:assumeRoles[3].roleArn: must be the ARN of a role, such as arn:aws:iam::123456789012:role/dns
assumeRoles: [{roleArn: 'arn:aws:iam::123456789012:role/dns', mfaSerial: wJalrXUtnFEMI}]
  aws:assumeRoles[0].mfaSerial: can't be honoured for SES, remove it
insecure: 'true', stsRegion: us-east-1, httpProxy: 'http://jo:pw@proxy'
  aws:httpProxy: can't be honoured for SES, set HTTP_PROXY in the environment of `pulumi` instead
  aws:insecure: can't be honoured for SES, remove it
  aws:stsRegion: can't be honoured for SES, remove it
"""


@cases(("given", "problems"), written_out(BAD_SETTINGS))
def test_bad_settings(given, problems):
    """
    Settings that are wrong or can't be honoured are all named at once, and no secret is quoted.
    """
    assert refused(settings, **given).problems == tuple(problems)


def test_secrets_are_not_in_a_repr():
    """Settings can be printed."""
    roles = [{"roleArn": ROLE, "externalId": "confidential"}]
    shown = repr(settings(accessKey="AKIA", secretKey=SECRET, token=TOKEN, assumeRoles=roles))
    assert not [text for text in (SECRET, TOKEN, "AKIA", "confidential") if text in shown]


# Connecting


@pytest.fixture
def machine(tmp_path, monkeypatch, aws):
    return Machine(tmp_path, monkeypatch, aws)


OTHERS = SimpleNamespace(access_key="AKIAOTHER", secret_key="other")
PROFILE = "[mail]\naws_access_key_id = {0.access_key}\naws_secret_access_key = {0.secret_key}\n"


KEYS = {"accessKey": "{0.access_key}", "secretKey": "{0.secret_key}", "profile": "bad"}


@cases(
    ("given", "variables"),
    {
        "keys": (KEYS, {}),
        "profile": ({"profile": "mail"}, {}),
        "profile of the environment": ({}, {"AWS_PROFILE": "mail"}),
    },
)
def test_whose_credentials(machine, aws, given, variables):
    """
    Keys of the configuration go before a profile, and a named profile before keys of the
    environment.
    """
    machine.write(credentials=PROFILE.format(aws) + PROFILE.format(OTHERS).replace("mail", "bad"))
    others = {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "other"}
    machine.set(**(variables or others))
    given = {name: value.format(aws) for name, value in given.items()}
    client, account = machine.connect(**given)
    assert (account, client.meta.region_name) == (aws.account, REGION)
    assert client.meta.endpoint_url == "https://email.eu-west-1.amazonaws.com"


def test_one_session(machine, aws, tmp_path):
    """
    All clients of a process share a session: what gives the credentials is run once, and each role
    is assumed once, with the credentials of the one before.
    """
    first, account = aws.add_account(), aws.add_account()
    asked, given = tmp_path / "asked", tmp_path / "given"
    keys = {"Version": 1, "AccessKeyId": aws.access_key, "SecretAccessKey": aws.secret_key}
    given.write_text(json.dumps(keys))
    machine.write(config=f"[default]\ncredential_process = sh -c 'echo >> {asked}; cat {given}'\n")
    roles = [
        {"roleArn": f"arn:aws:iam::{first}:role/hub", "sessionName": "to-hub"},
        {"roleArn": f"arn:aws:iam::{account}:role/mail", "externalId": "4711"},
    ]
    made = Connections(settings(endpoints=[{"sts": aws.url}], assumeRoles=roles))
    assert [made.account_id(region) for region in (REGION, "us-east-1")] == [account, account]
    made.secrets("us-east-1", account)
    made.route53(REGION, None, None)
    made.route53(REGION, f"arn:aws:iam::{account}:role/dns", None)
    assert asked.read_text() == "\n"
    ((hub,), (mail,)) = (sts_backends[one]["aws"].assumed_roles for one in (first, account))
    assert (hub.session_name, mail.external_id) == ("to-hub", "4711")


OTHER = "000000000001"


@cases(
    ("setting", "listed", "code"),
    {
        "allowed": ("allowedAccountIds", [OTHER, "own"], None),
        "not allowed": ("allowedAccountIds", [OTHER], AwsMessages.NOT_ALLOWED_ACCOUNT),
        "forbidden": ("forbiddenAccountIds", [OTHER, "own"], AwsMessages.FORBIDDEN_ACCOUNT),
    },
)
def test_allowed_accounts(machine, aws, setting, listed, code):
    """The lists of accounts hold for SES as they hold for Route 53."""
    machine.sign_in()
    given = {setting: [one.replace("own", aws.account) for one in listed]}
    if code:
        assert refused(machine.connect, **given).message == code(account=aws.account, whose=DEFAULT)
    else:
        assert machine.connect(**given)[1] == aws.account


OF_AWS = """
email.eu-west-1.amazonaws.com email-fips.us-gov-west-1.amazonaws.com route53.us-gov.amazonaws.com
sts.eu-west-1.api.aws vpce-1.email.eu-west-1.vpce.amazonaws.com
"""
OF_ANYBODY = """
vpce-1.vpce-svc-1.eu-west-1.vpce.amazonaws.com amazonaws.com.example.org notamazonaws.com
x.execute-api.eu-west-1.amazonaws.com ec2-203-0-113-5.eu-west-1.compute.amazonaws.com
email.s3.amazonaws.com email.eu-west-1.elb.amazonaws.com
"""


def test_hosts_of_aws():
    """Anybody has hosts below AWS's domains; only its services' own, and VPC endpoints, are AWS."""
    assert not any(is_redirected(f"https://{host}/") for host in OF_AWS.split())
    assert all(is_redirected(f"https://{host}/") for host in OF_ANYBODY.split())


@cases(
    ("url", "reason"),
    {
        "no TLS": ("http://192.0.2.2:8080", f"the endpoint of SES {AwsMessages.URL()}"),
        "no host": ("http://[::1", "Invalid IPv6 URL"),
        "no scheme": ("localhost:4566", "Invalid endpoint: localhost:4566"),
        "two hosts, one of this machine": (
            r"http://192.0.2.2:8080\@127.0.0.1",
            f"the endpoint of SES {AwsMessages.URL()}",
        ),
    },
)
def test_endpoint_that_gets_no_key(machine, url, reason):
    """
    A key goes by TLS, to the host that everybody reads in the URL; and only where it is AWS, this
    machine, or named in the settings, and so in a preview.
    """
    machine.sign_in()
    machine.set(AWS_ENDPOINT_URL_SESV2=url)
    assert refused(machine.connect).message == AwsMessages.NO_SESSION(whose=DEFAULT, reason=reason)


def test_redirected_by_a_profile(machine):
    """
    Where a profile alone redirects a client, keys would go there without a word in any preview.
    """
    machine.sign_in()
    machine.write(
        config="[profile x]\nservices = x\n[services x]\nsesv2 =\n  endpoint_url = https://aws.example.net"
    )
    machine.set(AWS_PROFILE="x")
    problem = AwsMessages.NOT_IN_SETTINGS(host="aws.example.net", service="sesv2")
    reason = str(AwsMessages.ENDPOINT(service="SES", problem=problem))
    assert refused(machine.connect).message == AwsMessages.NO_SESSION(whose=DEFAULT, reason=reason)
    assert machine.connect(endpoints={"sesv2": NOBODY, "route53": NOBODY})


NO_SESSION = """
profile: nope
  profile 'nope': The config profile (nope) could not be found
AWS_PROFILE: nope
  the default credentials: The config profile (nope) could not be found
AWS_PROFILE: 'MIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIBMIIB MIIBMIIBMIIBMIIBMIIBMIIBMIIB'
  the default credentials: The config profile ([...]) could not be found
profile: half
  profile 'half': Partial credentials found in shared-credentials-file, missing: \
aws_secret_access_key
assumeRoles: [{roleArn: 'arn:aws:iam::123456789012:role/dns'}]
  role 'arn:aws:iam::123456789012:role/dns': there are no credentials to assume role
    'arn:aws:iam::123456789012:role/dns' with
AWS_REGION: ''
  the default credentials: Unable to locate credentials
profile: fails
  profile 'fails': the `credential_process` of the profile failed
"""
"""Settings and variables of the environment, and what is said of them."""


@cases(("given", "problem"), written_out(NO_SESSION))
def test_no_session(machine, given, problem):
    """
    What makes a session impossible is told in one line, whoever named it; no credentials are shown.
    """
    machine.write(
        credentials="[half]\naws_access_key_id = AKIA",
        config=f"[profile fails]\ncredential_process = sh -c 'echo {SECRET} >&2; exit 1'\n",
    )
    machine.set(**{name: value for name, value in given.items() if name.isupper()})
    error = refused(
        machine.connect, **{name: one for name, one in given.items() if not name.isupper()}
    )
    assert (error.message.code, error.text) == (
        AwsMessages.NO_SESSION,
        f"aws: no session with {problem[0]}",
    )


def test_program_of_a_profile(machine):
    """Whatever a program prints, a run ends in one of our errors."""
    machine.write(config="[profile x]\ncredential_process = echo []\n")
    machine.set(AWS_ENDPOINT_URL_STS=machine.aws.url, AWS_PROFILE="x")
    x = AwsSettings(profile="x")
    with pytest.raises(ByodkimError):
        Connections(x).account_id(REGION)
    with pytest.raises(ByodkimError):
        Connections(x).route53(REGION, None, None).zones()


OF_CONFIGURATION = {"accessKey": "AKIA", "secretKey": SECRET}
SHORT_ID = {"assumeRoles": [{"roleArn": ROLE, "externalId": "x", "policy": f'"{TOKEN}"'}]}


@cases(
    ("given", "code", "reason"),
    {
        # The HTTP client's own error quotes it.
        "line break in the token": (
            {"token": f"{TOKEN}\n{TOKEN}"},
            "HTTPClientError",
            AwsMessages.NO_ANSWER(reason="HTTPClientError"),
        ),
        # STS's shortest external id has two characters; botocore's own error quotes parameters.
        "role option": (
            SHORT_ID,
            "ParamValidationError",
            AwsMessages.NOT_CALLED(service="STS", reason="ParamValidationError"),
        ),
    },
)
def test_no_answer_from_sts(machine, monkeypatch, given, code, reason):
    """
    Without STS's answer nobody knows the account, so nothing goes on; the reason quotes no secret.
    """
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore, before it asks STS again
    error = refused(machine.connect, **OF_CONFIGURATION, **given, kind=AwsRefused)
    assert (error.code, error.message.fields["steps"][0]) == (code, reason)


SIGNATURE = "The request signature we calculated does not match."
SIGNED = f"{SIGNATURE}\n\nThe Canonical String should have been\n'x-amz-security-token:{TOKEN}'"
EXTERNAL_ID = "Value '{}' at 'externalId' failed to satisfy constraint"


@cases(
    ("code", "message", "reason", "steps"),
    {
        "denied": ("AccessDenied", "no", "no", [AwsMessages.POLICY()]),
        "quotes the token": (
            "SignatureDoesNotMatch",
            SIGNED,
            SIGNATURE,
            [AwsMessages.SIGN_IN()],
        ),
        "quotes the external id": (
            "X",
            EXTERNAL_ID.format("corp-ext-7f3a9c\n"),
            EXTERNAL_ID.format("[secret]"),
            [],
        ),
    },
)
def test_refused_by_sts(machine, code, message, reason, steps):
    """A refusal says whose credentials, and is about the role that could not be assumed."""
    machine.sign_in()
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<ErrorResponse>{error}</ErrorResponse>".encode()
    with Answering(Response(403, body)) as server:
        given = {"endpoints": {"sts": server.url}, "assumeRoles": [{"roleArn": ROLE}]}
        error = refused(machine.connect, **given, kind=AwsRefused)
    no_credentials = AwsMessages.NO_CREDENTIALS(operation="AssumeRole", reason=reason)
    assert error.message.fields["steps"] == [no_credentials, *steps]
    assert error.message.fields["subject"] == f"role '{ROLE}'"


def test_somebody_else_answers(machine):
    """Whatever answers in STS's place is not taken for it."""
    machine.sign_in()
    with Answering(Response(200, b"{}")) as server:
        error = refused(machine.connect, endpoints={"sts": server.url}, kind=AwsRefused)
    assert error.code == "a response that is not STS's"


@pytest.mark.parametrize("roles", [[], [{"roleArn": ROLE}]], ids=["own", "role"])
def test_region_of_the_environment(monkeypatch, roles):
    """Without `aws:region`, a session is in the Region of `AWS_REGION`, as pulumi-aws is."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    given = settings(accessKey="AKIDEXAMPLE", secretKey=SECRET, assumeRoles=roles)
    assert Connections(given)._session(None).region_name == "eu-central-1"
    assert Connections(given)._session(REGION).region_name == REGION
