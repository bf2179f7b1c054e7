"""
The `aws:` stack configuration, read as pulumi-aws reads it.

A setting that chooses an account, a Region or an endpoint and can't be honoured is refused by
name, never ignored: otherwise an identity could end up in another account than its record.
Strings in, values out; no value that may be a secret is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from byodkim_provider.aws.endpoints import SERVICES, url_problem
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsProblem
from byodkim_provider.quoting import named, printable, shown

REFUSED: Final = {
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
Settings of pulumi-aws 7 that choose an account, a Region or an endpoint and are not honoured here.

The values are environment variables with the same effect on pulumi-aws and boto3, if there are any.
"""

NOT_SET: Final = (None, "", "false", "[]", "{}", "null")
"""Values that count as not set."""

Kind = Literal["a string", "a list of strings", "an object of strings"]

ROLE_OPTIONS: Final[Mapping[str, tuple[str, Kind]]] = {
    "roleArn": ("RoleArn", "a string"),
    "externalId": ("ExternalId", "a string"),
    "policy": ("Policy", "a string"),
    "policyArns": ("PolicyArns", "a list of strings"),
    "sessionName": ("RoleSessionName", "a string"),
    "sourceIdentity": ("SourceIdentity", "a string"),
    "tags": ("Tags", "an object of strings"),
    "transitiveTagKeys": ("TransitiveTagKeys", "a list of strings"),
}
"""Options of `aws:assumeRoles`, and the parameter of STS AssumeRole that each becomes."""

ACCOUNT: Final = re.compile("[0-9]{12}")

ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+")
"""What IAM allows in a role's path and name: a `*` or `${…}` would stand for other roles in a policy."""


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """The `aws:` configuration of a stack."""

    profile: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    roles: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """Parameters of STS AssumeRole, in the order of the roles; an external id counts as a secret."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """URL by pulumi-aws's name of the service: `route53`, `secretsmanager`, `sesv2`, `sts`."""
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()
    default_tags: Mapping[str, str] = field(default_factory=dict)


def read_settings(get: Callable[[str], str | None]) -> AwsSettings:
    """
    The settings that *get* returns for full names such as `aws:profile`; objects are JSON strings.

    Raises `InvalidSettings` with every setting that is wrong or can't be honoured.
    """
    read = _Reading(get)
    settings = AwsSettings(
        profile=get("aws:profile") or None,
        access_key=get("aws:accessKey") or None,
        secret_key=get("aws:secretKey") or None,
        token=get("aws:token") or None,
        roles=tuple(read.roles()),
        endpoints=read.endpoints(),
        allowed_accounts=tuple(read.accounts("allowedAccountIds")),
        forbidden_accounts=tuple(read.accounts("forbiddenAccountIds")),
        default_tags=read.default_tags(),
    )
    if (settings.access_key is None) != (settings.secret_key is None):
        read.problems.append(AwsProblem.HALF_A_KEY())
    if settings.token and not settings.access_key:
        read.problems.append(AwsProblem.TOKEN_ALONE())
    if get("aws:assumeRole") not in NOT_SET:
        read.problems.append(AwsProblem.ASSUME_ROLE())
    read.problems += [
        AwsProblem.IN_ENVIRONMENT(path=f"aws:{name}", variables=variables)
        if variables
        else AwsProblem.REMOVE(path=f"aws:{name}")
        for name, variables in REFUSED.items()
        if get(f"aws:{name}") not in NOT_SET
    ]
    if read.problems:
        raise InvalidSettings(read.problems)
    return settings


class _Reading:
    """Parses the configuration's objects. A class so that all problems are collected."""

    def __init__(self, get: Callable[[str], str | None]) -> None:
        self._get = get
        self.problems: list[Message] = []

    def roles(self) -> Iterator[dict[str, Any]]:
        """Parameters of STS AssumeRole."""
        for number, role in enumerate(self._list("assumeRoles", "[0].roleArn")):
            path = f"aws:assumeRoles[{number}]"
            if not isinstance(role, dict):
                self.problems.append(AwsProblem.ROLE(path=path))
                continue
            parameters: dict[str, Any] = {}
            for option, value in role.items():
                if option in ROLE_OPTIONS and value:
                    parameter, kind = ROLE_OPTIONS[option]
                    parameters[parameter] = self._parameter(value, kind, f"{path}.{option}")
                elif option not in ("duration", *ROLE_OPTIONS):
                    # A session is renewed while it is needed, so its duration makes no difference.
                    self.problems.append(AwsProblem.REMOVE(path=f"{path}.{printable(named(option))}"))
            if not ROLE_ARN.fullmatch(str(parameters.get("RoleArn", ""))):
                self.problems.append(AwsProblem.ROLE_ARN(path=path))
            yield parameters

    def endpoints(self) -> dict[str, str]:
        """URLs by service."""
        urls: dict[str, str] = {}
        for number, one in enumerate(self._list("endpoints", "[0].sesv2")):
            urls |= {name: url for name, url in self._strings(one, f"aws:endpoints[{number}]").items() if url}
        self.problems += [
            AwsProblem.ENDPOINTS(service=service, problem=problem)
            for service in sorted(SERVICES.keys() & urls.keys())
            if (problem := url_problem(urls[service]))
        ]
        return urls

    def accounts(self, name: str) -> Iterator[str]:
        """Account numbers."""
        for number, one in enumerate(self._list(name, "[0]")):
            account = _as_string(one)
            if account is None or not ACCOUNT.fullmatch(account):
                # YAML reads 012345670123 without quotes as an octal number.
                self.problems.append(AwsProblem.ACCOUNT(path=f"aws:{name}[{number}]", value=shown(one)))
            else:
                yield account

    def default_tags(self) -> dict[str, str]:
        """Tags for all resources."""
        tags = self._json("defaultTags", {})
        if not isinstance(tags, dict):
            self.problems.append(AwsProblem.DEFAULT_TAGS())
            return {}
        return self._strings(tags.get("tags") or {}, "aws:defaultTags.tags")

    def _json(self, name: str, default: Any) -> Any:
        text = self._get(f"aws:{name}")
        if not text:
            return default
        try:
            value = json.loads(text)
        except ValueError:
            return text  # set as a plain string
        return default if value is None else value

    def _list(self, name: str, item: str) -> list[Any]:
        value = self._json(name, [])
        if isinstance(value, list):
            return value
        # The likely cause is a plain `pulumi config set aws:allowedAccountIds 123456789012`.
        self.problems.append(AwsProblem.LIST(path=f"aws:{name}", item=item))
        return []

    def _strings(self, value: Any, path: str) -> dict[str, str]:
        items = value if isinstance(value, dict) else {"": value}
        strings = {name: text for name, one in items.items() if (text := _as_string(one)) is not None}
        if not isinstance(value, dict) or len(strings) < len(items):
            self.problems.append(AwsProblem.KIND(path=path, kind="an object of strings"))
        return strings

    def _parameter(self, value: Any, kind: Kind, path: str) -> Any:
        match kind, value:
            case "a string", _ if (text := _as_string(value)) is not None:
                return text
            case "a list of strings", list() if all(isinstance(one, str) for one in value):
                return [{"arn": one} for one in value] if path.endswith(".policyArns") else value
            case "an object of strings", dict():
                return [{"Key": key, "Value": text} for key, text in self._strings(value, path).items()]
        self.problems.append(AwsProblem.KIND(path=path, kind=kind))
        return value


def _as_string(value: Any) -> str | None:
    """*value* as pulumi-aws takes it for a string: numbers and booleans are written out."""
    match value:
        case str():
            return value
        case bool() | int() | float():
            return json.dumps(value)
    return None
