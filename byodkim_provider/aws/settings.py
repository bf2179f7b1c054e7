"""
The `aws:` stack configuration, read as pulumi-aws reads it: account, Region, and where calls to AWS
go.

A setting that chooses an account, a Region or an endpoint and can't be honoured is refused by
name, never ignored: otherwise an identity could end up in another account than its record.
Strings in, values out; no value that may be a secret is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.property_types import from_json
from byodkim_provider.quoting import did_you_mean, named, printable, shown
from byodkim_provider.urls import host_of, is_local


@cache
def _partitions() -> Sequence[Any]:
    # Imported here: some commands read a stack file without calling AWS.
    from botocore.loaders import create_loader

    found: Sequence[Any] = create_loader().load_data("partitions")["partitions"]
    return found


@cache
def _known() -> dict[str, str]:
    """Partitions, by Region."""
    return {
        region: partition["id"]
        for partition in _partitions()
        for region in partition["regions"]
        if not region.endswith("-global")  # not Regions for resources
    }


@cache
def dns_suffixes() -> frozenset[str]:
    """
    Domains that hold the endpoints of AWS's services, over IPv4 and IPv6, and others' hosts too.
    """
    return frozenset(
        one["outputs"][name]
        for one in _partitions()
        for name in ("dnsSuffix", "dualStackDnsSuffix")
    )


def partition_of(region: str) -> str:
    """The second part of ARNs in *region*."""
    return _known().get(region, "aws")


def region_problem(region: str) -> Message | None:
    """What is wrong with *region*; None if it exists."""
    from botocore import __version__

    if region in _known():
        return None
    meant = did_you_mean(region, _known())
    return AwsMessages.NO_REGION(region=region, version=__version__, did_you_mean=meant)


def regions_with_ses(partition: str) -> tuple[str, ...]:
    """The Regions of *partition* that have SES, sorted; not each is enabled."""
    # Not asked of a session: that reads the profile, which may be missing.
    from botocore.loaders import create_loader
    from botocore.regions import EndpointResolver

    resolver = EndpointResolver(create_loader().load_data("endpoints"))
    return tuple(sorted(resolver.get_available_endpoints("email", partition)))


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


@dataclass(frozen=True, slots=True)
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
        if isinstance(value, list) and all(isinstance(one, kind) for one in value):
            return value
        # As after a plain `pulumi config set aws:allowedAccountIds 123456789012`.
        problems.append(AwsMessages.LIST(path=f"aws:{name}"))
        return []

    access_key, secret_key, token = (
        get(f"aws:{name}") or None for name in ("accessKey", "secretKey", "token")
    )
    if bool(access_key) != bool(secret_key) or (token and not access_key):
        problems.append(AwsMessages.HALF_A_KEY())
    roles = [_role(number, role, problems) for number, role in enumerate(listed("assumeRoles"))]
    endpoints = {name: str(url) for one in listed("endpoints") for name, url in one.items() if url}
    for name in sorted(SERVICES.keys() & endpoints.keys()):
        if problem := url_problem(endpoints[name]):
            problems.append(AwsMessages.ENDPOINTS(service=name, problem=problem))
    accounts = {name: listed(name, object) for name in ("allowedAccountIds", "forbiddenAccountIds")}
    for name, ids in accounts.items():
        # YAML reads 012345670123 without quotes as an octal number, which would forbid nothing.
        wrong = [one for one in ids if not re.fullmatch("[0-9]{12}", str(one))]
        problems += [AwsMessages.ACCOUNT(path=f"aws:{name}", value=shown(one)) for one in wrong]
    default_tags: Any = from_json(get("aws:defaultTags")) or {}
    tags: Any = isinstance(default_tags, dict) and (default_tags.get("tags") or {})
    if not isinstance(tags, dict):
        problems.append(AwsMessages.DEFAULT_TAGS())
    for name, variables in REFUSED.items():
        if get(f"aws:{name}") not in NOT_SET:
            message = AwsMessages.IN_ENVIRONMENT if variables else AwsMessages.REMOVE
            problems.append(message(path=f"aws:{name}", variables=variables))
    if problems:
        raise InvalidSettings(problems)
    return AwsSettings(
        profile=get("aws:profile") or None,
        access_key=access_key,
        secret_key=secret_key,
        token=token,
        roles=tuple(roles),
        endpoints=endpoints,
        allowed_accounts=tuple(map(str, accounts["allowedAccountIds"])),
        forbidden_accounts=tuple(map(str, accounts["forbiddenAccountIds"])),
        default_tags={name: _text(value) for name, value in tags.items()},
    )


def _role(number: int, role: Mapping[str, Any], problems: list[Message]) -> dict[str, Any]:
    """Parameters of STS AssumeRole; adds to *problems*. A session is renewed while needed."""
    path = f"aws:assumeRoles[{number}]"
    parameters: dict[str, Any] = {}
    for option, value in role.items():
        if option not in ("duration", *ROLE_OPTIONS):
            problems.append(AwsMessages.REMOVE(path=f"{path}.{printable(named(option))}"))
        elif option == "tags" and isinstance(value, dict):
            parameters["Tags"] = tag_list({name: _text(one) for name, one in value.items()})
        elif option == "policyArns" and isinstance(value, list):
            parameters["PolicyArns"] = [{"arn": one} for one in value]
        elif option != "duration" and value:
            is_list = option == "transitiveTagKeys"
            parameters[ROLE_OPTIONS[option]] = value if is_list else _text(value)
    if not re.fullmatch(ROLE_ARN, str(parameters.get("RoleArn"))):
        problems.append(AwsMessages.ROLE_ARN(path=path))
    return parameters


def _text(value: Any) -> str:
    """*value* as pulumi-aws takes it for a string: numbers and booleans are written out."""
    return value if isinstance(value, str) else json.dumps(value)


SERVICES: Final = {
    "sesv2": ("SES", "email", "AWS_ENDPOINT_URL_SESV2"),
    "route53": ("Route 53", "route53", "AWS_ENDPOINT_URL_ROUTE_53"),
    "secretsmanager": ("Secrets Manager", "secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    "sts": ("STS", "sts", "AWS_ENDPOINT_URL_STS"),
}
"""
By pulumi-aws's name: AWS's name, the first label of its hosts, the variable that redirects it.
"""

_LABELS: Final = "|".join(label for _, label, _ in SERVICES.values())

_OF_AWS: Final = re.compile(
    rf"(?P<vpce>vpce-[a-z0-9-]+[.])?({_LABELS})(-fips)?"
    r"([.]([a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}|aws(-[a-z]+)*-global|us-gov))?(?(vpce)[.]vpce)[.](?P<suffix>.+)"
)
"""
A service's own host, in a Region or not, or a VPC endpoint of the service.

Below the same domains anybody has hosts: of API Gateway, EC2, load balancers, buckets, and VPC
endpoints with `vpce-svc-…` in the place of the service.
"""


def url_problem(url: str) -> Message | None:
    """What is wrong with the *url* of a service; None if it may be called there."""
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https") or not host_of(url):
        return AwsMessages.URL()
    return AwsMessages.URL() if scheme == "http" and not is_local(url) else None


def is_of_aws(url: str) -> bool:
    """Whether *url* is at a host of AWS's own service, or at a VPC endpoint of it."""
    found = _OF_AWS.fullmatch(host_of(url))
    return found is not None and found["suffix"] in dns_suffixes()


def is_redirected(url: str) -> bool:
    """Whether calls to *url* leave this machine and do not go to AWS."""
    return not is_of_aws(url) and not is_local(url)


def given_url(service: str, endpoints: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """The URL of *service* in the settings or the environment; "" if neither has one."""
    if endpoints.get(service):
        return endpoints[service]
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ""
    _, _, variable = SERVICES[service]
    return environment.get(variable) or environment.get("AWS_ENDPOINT_URL") or ""


def redirection_warnings(
    endpoints: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[Message]:
    """
    A message for each service that settings or environment redirect to others than AWS.

    >>> print(*redirection_warnings({"sts": "https://sts.example.net"}, {}))
    aws: STS is redirected to sts.example.net, which is not AWS and gets what AWS would get
    """
    for service, (name, _, _) in SERVICES.items():
        url = given_url(service, endpoints, environment)
        if url and is_redirected(url):
            yield AwsMessages.REDIRECTED(
                service=name, host=named(host_of(url)) or "an unclear address"
            )


def endpoint_problem(
    service: str, url: str, endpoints: Mapping[str, str], environment: Mapping[str, str]
) -> Message | None:
    """
    Why a client of *service* may not call its *url*; None if it may.

    A profile can redirect a client too. No preview names that, so only what is also given where
    `redirection_warnings` sees it gets calls.
    """
    if problem := url_problem(url):
        return problem
    given = given_url(service, endpoints, environment)
    if is_redirected(url) and host_of(given) != host_of(url):
        _, _, variable = SERVICES[service]
        return AwsMessages.BY_PROFILE(host=named(host_of(url)), service=service, variable=variable)
    return None


MAX_TAGS: Final = 47
"""
Tags a user may set; three are this program's.

SES keeps 50 an identity (SES API, CreateEmailIdentity), Secrets Manager 50 a secret (its quotas).
"""


def tag_problems(tags: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Message]]:
    """Tags that SES refuses (SES API, Tag), and names that are reserved, each after its name."""
    if len(tags) > MAX_TAGS:
        yield (
            (),
            SettingMessages.KIND(
                kind=f"at most {MAX_TAGS} with those of aws:defaultTags", value=len(tags)
            ),
        )
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            yield (key,), SettingMessages.TAG_NAME(length=len(key))
        if len(value) > 256:
            yield (key,), SettingMessages.KIND(kind="at most 256 characters", value=len(value))
        if strange := re.search(r"[^\w .:/=+@-]", key + value):
            kind = "letters, digits, blanks and _.:/=+-@"
            yield (key,), SettingMessages.KIND(kind=kind, value=repr(strange[0]))
        if prefix := re.match("(aws|byodkim):", key, re.IGNORECASE):
            yield (key,), SettingMessages.RESERVED(prefix=prefix[0])


def tag_lines(tags: Mapping[str, str]) -> Iterator[str]:
    """The same, a line for each."""
    for name, problem in tag_problems(tags):
        yield ": ".join(("tags", *map(named, name), str(problem)))
