"""
With whose credentials, in which account, at which endpoint: the same as pulumi-aws.

The `aws:` stack configuration is read here as pulumi-aws reads it. A setting that chooses an
account, a Region or an endpoint and can't be honoured is refused by its name, never ignored:
otherwise an identity could land in another account than its record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from byodkim_provider.errors import InvalidSettings, WrongAccount

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["AwsSettings", "Connection", "connect", "read_settings"]

REFUSED: Final = (
    "assumeRoleWithWebIdentity",
    "customCaBundle",
    "ec2MetadataServiceEndpoint",
    "ec2MetadataServiceEndpointMode",
    "httpProxy",
    "httpsProxy",
    "insecure",
    "sharedConfigFiles",
    "sharedCredentialsFiles",
    "stsRegion",
    "useDualstackEndpoint",
    "useFipsEndpoint",
)
"""Settings of pulumi-aws that choose an account, a Region or an endpoint and have no counterpart here."""

ROLE_OPTIONS: Final = {
    "externalId": "ExternalId",
    "policy": "Policy",
    "policyArns": "PolicyArns",
    "sessionName": "RoleSessionName",
    "sourceIdentity": "SourceIdentity",
    "tags": "Tags",
    "transitiveTagKeys": "TransitiveTagKeys",
}
"""Options of `aws:assumeRoles` and the STS AssumeRole parameter each becomes."""

CLIENT: Final = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"total_max_attempts": 1},  # `ses.SesClient` decides what may be tried again
)


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """What the `aws:` configuration of a stack says."""

    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    roles: tuple[Mapping[str, Any], ...] = ()
    """Parameters of STS AssumeRole, one after the other."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()
    default_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """A way to SES in one Region of one account, which has been compared with pulumi-aws's."""

    client: SESV2Client
    account_id: str


def read_settings(get: Callable[[str], str | None]) -> AwsSettings:
    """
    The settings that *get* gives by their full names (`aws:profile`), objects as JSON text.

    Raises `InvalidSettings` with every setting that can't be honoured.
    """
    problems = [
        f"aws:{name}: can't be honoured for SES, remove it or set it in the environment of `pulumi`"
        for name in REFUSED
        if get(f"aws:{name}") not in (None, "", "false")
    ]

    def parsed(name: str, empty: Any) -> Any:
        text = get(f"aws:{name}")
        if not text:
            return empty
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, type(empty)):
            kind = "a list" if isinstance(empty, list) else "an object"
            problems.append(f"aws:{name}: must be {kind}")
            return empty
        return value

    roles = []
    for number, role in enumerate(parsed("assumeRoles", [])):
        # A session is renewed while it is needed, so how long one lasts makes no difference.
        unknown = set(role) - set(ROLE_OPTIONS) - {"roleArn", "duration"}
        problems += [
            f"aws:assumeRoles[{number}].{name}: can't be honoured for SES" for name in sorted(unknown)
        ]
        if not role.get("roleArn"):
            problems.append(f"aws:assumeRoles[{number}].roleArn: required")
        roles.append(_assume_role_parameters(role))
    endpoints: dict[str, str] = {}
    for one in parsed("endpoints", []):
        endpoints |= {service: url for service, url in one.items() if url}
    settings = AwsSettings(
        profile=get("aws:profile") or None,
        access_key=get("aws:accessKey") or None,
        secret_key=get("aws:secretKey") or None,
        token=get("aws:token") or None,
        roles=tuple(roles),
        endpoints=endpoints,
        allowed_accounts=tuple(str(one) for one in parsed("allowedAccountIds", [])),
        forbidden_accounts=tuple(str(one) for one in parsed("forbiddenAccountIds", [])),
        default_tags=parsed("defaultTags", {}).get("tags") or {},
    )
    if problems:
        raise InvalidSettings(problems)
    return settings


def _assume_role_parameters(role: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {name: role[option] for option, name in ROLE_OPTIONS.items() if role.get(option)}
    if "PolicyArns" in parameters:
        parameters["PolicyArns"] = [{"arn": arn} for arn in parameters["PolicyArns"]]
    if "Tags" in parameters:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in parameters["Tags"].items()]
    return {"RoleArn": role.get("roleArn", ""), **parameters}


def connect(settings: AwsSettings, *, region: str, expected_account: str | None) -> Connection:
    """
    A client for SES in *region*, with the credentials that pulumi-aws uses.

    *expected_account* is the account pulumi-aws works in, None if nobody asked it. Raises
    `WrongAccount` if the session's is another, `InvalidSettings` if the session can't be
    made or SES is redirected while Route 53 is not, or the reverse.
    """
    session = _session(settings, region)
    # Lists in the two places where an endpoint can come from: `aws:endpoints`, and the SDK's own sources.
    ses: SESV2Client = session.client("sesv2", endpoint_url=settings.endpoints.get("sesv2"), config=CLIENT)
    route53 = session.client("route53", endpoint_url=settings.endpoints.get("route53"), config=CLIENT)
    if _redirected(ses) != _redirected(route53):
        there, here = ("SES", "Route 53") if _redirected(ses) else ("Route 53", "SES")
        raise InvalidSettings(
            [f"{there} is redirected to another endpoint and {here} is not"],
            hint="nothing was changed; set both or none in `aws:endpoints` or AWS_ENDPOINT_URL_SESV2 "
            "and AWS_ENDPOINT_URL_ROUTE_53",
        )
    try:
        # STS is asked where pulumi-aws would ask it; its own retries are fine for a read.
        sts = session.client("sts", endpoint_url=settings.endpoints.get("sts"))
        account = str(sts.get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise InvalidSettings(
            [f"aws: no answer from STS with {_whose(settings)}: {error}"],
            hint="nothing was changed; does `aws sts get-caller-identity` work with these settings?",
        ) from None
    if expected_account is not None and account != expected_account:
        raise WrongAccount(
            expected=expected_account,
            got=account,
            profile=settings.profile,
            hint="nothing was changed; SES and Route 53 must be told by the same account: "
            "check `aws:profile`, AWS_PROFILE and explicit providers",
        )
    if settings.allowed_accounts and account not in settings.allowed_accounts:
        allowed = ", ".join(settings.allowed_accounts)
        raise WrongAccount(
            expected=allowed,
            got=account,
            profile=settings.profile,
            hint="nothing was changed; `aws:allowedAccountIds` does not list that account",
        )
    if account in settings.forbidden_accounts:
        raise InvalidSettings(
            [f"aws:forbiddenAccountIds: lists {account}, the account of {_whose(settings)}"]
        )
    return Connection(client=ses, account_id=account)


def _whose(settings: AwsSettings) -> str:
    return f"profile {settings.profile!r}" if settings.profile else "the default credentials"


def _redirected(client: Any) -> bool:
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return not host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def _session(settings: AwsSettings, region: str) -> boto3.Session:
    try:
        session = boto3.Session(
            profile_name=settings.profile,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            aws_session_token=settings.token,
            region_name=region,
        )
    except BotoCoreError as error:
        raise InvalidSettings([f"aws:profile: {error}"]) from None
    for role in settings.roles:
        session = _assume(session, role, settings, region)
    return session


def _assume(
    session: boto3.Session, role: Mapping[str, Any], settings: AwsSettings, region: str
) -> boto3.Session:
    source = session.get_credentials()
    if source is None:
        raise InvalidSettings([f"aws:assumeRoles: no credentials to assume {role['RoleArn']!r} with"])

    def client(service: Any, **options: Any) -> Any:
        return session.client(
            service, region_name=region, endpoint_url=settings.endpoints.get(service), **options
        )

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=client,
        source_credentials=source,
        role_arn=role["RoleArn"],
        extra_args={name: value for name, value in role.items() if name != "RoleArn"},
    )
    assumed = botocore.session.Session()
    # botocore has no public way to hand a session credentials that renew themselves.
    # https://github.com/boto/boto3/issues/443
    assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        refresh_using=fetcher.fetch_credentials, method="assume-role"
    )
    return boto3.Session(botocore_session=assumed, region_name=region)
