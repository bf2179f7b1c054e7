"""
The `aws:` stack configuration, read as pulumi-aws reads it: account, Region, and where calls to AWS
go.

A setting that chooses an account, a Region or an endpoint and can't be honoured is refused by
name, never ignored: otherwise an identity could end up in another account than its record.
Strings in, values out; no value that may be a secret is quoted.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from byodkim_provider.aws.regions import dns_suffixes
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.property_types import from_json
from byodkim_provider.quoting import named, printable, shown
from byodkim_provider.urls import host_of, is_local

REFUSED: Final = {
    "assumeRole": "",
    "assumeRoleWithWebIdentity": "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
    "customCaBundle": "AWS_CA_BUNDLE",
    "ec2MetadataServiceEndpoint": "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "ec2MetadataServiceEndpointMode": "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "insecure": "",
    "sharedConfigFiles": "AWS_CONFIG_FILE",
    "sharedCredentialsFiles": "AWS_SHARED_CREDENTIALS_FILE",
    "stsRegion": "",
    "useDualstackEndpoint": "AWS_USE_DUALSTACK_ENDPOINT",
    "useFipsEndpoint": "AWS_USE_FIPS_ENDPOINT",
}
"""
Settings that choose an account, a Region or an endpoint and would have no effect here.

The values are environment variables with the same effect on pulumi-aws and boto3, if there are any.
"""

NOT_SET: Final = (None, "", "false", "[]", "{}", "null")
"""Values that count as not set."""

ROLE_OPTIONS: Final[Mapping[str, str]] = {
    "roleArn": "RoleArn",
    "externalId": "ExternalId",
    "policy": "Policy",
    "policyArns": "PolicyArns",
    "sessionName": "RoleSessionName",
    "sourceIdentity": "SourceIdentity",
    "tags": "Tags",
    "transitiveTagKeys": "TransitiveTagKeys",
}
"""Options of `aws:assumeRoles`, and the parameter of STS AssumeRole that each becomes."""

ROLE_ARN: Final = "arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}"
"""
What IAM allows in a role's path and name: a `*` or `${…}` would stand for other roles in a policy.
"""


def tag_list(tags: Mapping[str, str]) -> Any:
    """*tags* as AWS's APIs take them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


@dataclass(frozen=True)
class AwsSettings:
    """The `aws:` configuration of a stack."""

    profile: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    roles: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """
    Parameters of STS AssumeRole, in the order of the roles; an external id counts as a secret.
    """
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """URL by pulumi-aws's name of the service: `route53`, `secretsmanager`, `sesv2`, `sts`."""
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()
    default_tags: Mapping[str, str] = field(default_factory=dict)


def read_settings(get: Callable[[str], str | None]) -> AwsSettings:
    """
    The settings that *get* returns for full names such as `aws:profile`; objects are JSON strings.

    Raises `InvalidSettings` with every setting that would have no effect, or is no list or object
    where that is needed. What else is wrong, AWS refuses, or the comparison of accounts.
    """
    problems: list[Message] = []

    def listed(name: str, kind: type = dict) -> list[Any]:
        value = from_json(get(f"aws:{name}")) or []
        if isinstance(value, list) and all(isinstance(item, kind) for item in value):
            return value
        # As after a plain `pulumi config set aws:allowedAccountIds 123456789012`.
        problems.append(AwsMessages.LIST(path=f"aws:{name}"))
        return []

    def account_ids(name: str) -> tuple[str, ...]:
        ids = listed(name, object)
        for account in ids:
            # YAML reads 012345670123 without quotes as an octal number, which would forbid nothing.
            if not re.fullmatch("[0-9]{12}", str(account)):
                problems.append(AwsMessages.ACCOUNT(path=f"aws:{name}", value=shown(account)))
        return tuple(map(str, ids))

    access_key, secret_key, token = (
        get(f"aws:{name}") or None for name in ("accessKey", "secretKey", "token")
    )
    if bool(access_key) != bool(secret_key) or (token and not access_key):
        problems.append(AwsMessages.HALF_A_KEY())
    roles = [_role(number, role, problems) for number, role in enumerate(listed("assumeRoles"))]
    endpoints: dict[str, str] = {}
    for urls in listed("endpoints"):
        endpoints |= {name: str(url) for name, url in urls.items() if url}
    default_tags: Any = from_json(get("aws:defaultTags")) or {}
    tags: Any = isinstance(default_tags, dict) and (default_tags.get("tags") or {})
    if not isinstance(tags, dict):
        problems.append(AwsMessages.DEFAULT_TAGS())
        tags = {}
    for name, variables in REFUSED.items():
        if get(f"aws:{name}") not in NOT_SET:
            message = AwsMessages.IN_ENVIRONMENT if variables else AwsMessages.REMOVE
            problems.append(message(path=f"aws:{name}", variables=variables))
    settings = AwsSettings(
        profile=get("aws:profile") or None,
        access_key=access_key,
        secret_key=secret_key,
        token=token,
        roles=tuple(roles),
        endpoints=endpoints,
        allowed_accounts=account_ids("allowedAccountIds"),
        forbidden_accounts=account_ids("forbiddenAccountIds"),
        default_tags={name: _text(value) for name, value in tags.items()},
    )
    if problems:
        raise InvalidSettings(problems)
    return settings


def _role(number: int, role: Mapping[str, Any], problems: list[Message]) -> dict[str, Any]:
    """Parameters of STS AssumeRole; adds to *problems*. A session is renewed while needed."""
    path = f"aws:assumeRoles[{number}]"
    parameters: dict[str, Any] = {}
    for option, value in role.items():
        if option == "duration" or (option in ROLE_OPTIONS and not value):
            continue
        if option not in ROLE_OPTIONS:
            problems.append(AwsMessages.REMOVE(path=f"{path}.{printable(named(option))}"))
        elif option == "tags" and isinstance(value, dict):
            parameters["Tags"] = tag_list({name: _text(text) for name, text in value.items()})
        elif option == "policyArns" and isinstance(value, list):
            parameters["PolicyArns"] = [{"arn": arn} for arn in value]
        else:
            is_list = option == "transitiveTagKeys"
            parameters[ROLE_OPTIONS[option]] = value if is_list else _text(value)
    if not re.fullmatch(ROLE_ARN, str(parameters.get("RoleArn"))):
        problems.append(AwsMessages.ROLE_ARN(path=path))
    return parameters


def _text(value: Any) -> str:
    """*value* as pulumi-aws takes it for a string: numbers and booleans are written out."""
    return value if isinstance(value, str) else json.dumps(value)


SERVICES: Final = {
    "sesv2": "SES",
    "route53": "Route 53",
    "secretsmanager": "Secrets Manager",
    "sts": "STS",
}
"""AWS's names, by pulumi-aws's."""

_OF_AWS: Final = re.compile(
    r"(?P<vpce>vpce-[a-z0-9-]+[.])?(email|route53|secretsmanager|sts)(-fips)?"
    r"([.]([a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}|aws(-[a-z]+)*-global|us-gov))?"
    "(?(vpce)[.]vpce)[.](?P<suffix>.+)"
)
"""
The own host of one of these services, in a Region or not, or a VPC endpoint of the service. That of
SES is `email`.

Below the same domains anybody has hosts: of API Gateway, EC2, load balancers, buckets, and VPC
endpoints with `vpce-svc-…` in the place of the service.
"""


def is_redirected(url: str) -> bool:
    """
    Whether calls to *url* leave this machine, and go to no host of an AWS service and no VPC
    endpoint of one.
    """
    host = _OF_AWS.fullmatch(host_of(url))
    is_of_aws = host is not None and host["suffix"] in dns_suffixes()
    return not is_of_aws and not is_local(url)


def redirection_warnings(endpoints: Mapping[str, str]) -> Iterator[Message]:
    """
    A message for each service that the settings redirect to others than AWS.

    >>> print(*redirection_warnings({"sts": "https://sts.example.net"}))
    aws: STS is redirected to sts.example.net, which is not AWS and gets what AWS would get
    """
    for service, name in SERVICES.items():
        url = endpoints.get(service)
        if url and is_redirected(url):
            yield AwsMessages.REDIRECTED(service=name, host=named(host_of(url)))


def endpoint_problem(service: str, url: str, endpoints: Mapping[str, str]) -> Message | None:
    """
    Why *service* may not be called at its *url*; None if it may.

    The environment and a profile can redirect a client too. No preview names that, so only what
    the settings redirect, of which `redirection_warnings` tells, gets calls.
    """
    scheme = url.partition("://")[0].lower()
    is_encrypted = scheme == "https" and host_of(url)
    if not is_encrypted and not (scheme == "http" and is_local(url)):
        return AwsMessages.URL()
    if is_redirected(url) and service not in endpoints:
        return AwsMessages.NOT_IN_SETTINGS(host=named(host_of(url)), service=service)
    return None


MAX_TAGS: Final = 47
"""
Tags a user may set. An identity has two more, which are this program's, and a secret three.

SES keeps 50 an identity (SES API, CreateEmailIdentity), Secrets Manager 50 a secret (its quotas).
"""


_TAG_NAME: Final = r"[\w .:/=+@-]{1,128}"
_TAG_VALUE: Final = r"[\w .:/=+@-]{0,256}"
_TAG: Final = "a name of 1 to 128 and a value of at most 256 letters, digits, blanks and _.:/=+-@"


def tag_problems(tags: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Message]]:
    """Tags that SES refuses (SES API, Tag), and names that are reserved, each after its name."""
    invalid = SettingMessages.KIND
    if len(tags) > MAX_TAGS:
        yield (), invalid(kind=f"at most {MAX_TAGS} with those of aws:defaultTags", value=len(tags))
    for name, value in tags.items():
        prefix = re.match("(aws|byodkim):", name, re.IGNORECASE)
        if prefix:
            yield (name,), SettingMessages.RESERVED(prefix=prefix[0])
        elif not re.fullmatch(_TAG_NAME, name) or not re.fullmatch(_TAG_VALUE, value):
            yield (name,), invalid(kind=_TAG, value=shown(f"{name}={value}"))


def tag_lines(tags: Mapping[str, str]) -> Iterator[str]:
    """A line for each of `tag_problems`."""
    for name, problem in tag_problems(tags):
        yield ": ".join(("tags", *map(named, name), str(problem)))
