"""
Clients with the same credentials, account and endpoints as pulumi-aws.

Makes a client from settings, and compares its account with pulumi-aws's. Which settings are
allowed is in `settings`. Nothing here changes anything in AWS.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError

from byodkim_provider.aws.errors import OF_A_PROFILE, Service, call, said
from byodkim_provider.aws.settings import SERVICES, AwsSettings, endpoint_problem, is_of_aws
from byodkim_provider.errors import InvalidSettings, WrongAccount
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.quoting import shown

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_sts import STSClient

CLIENT: Final = Config(
    connect_timeout=5,
    read_timeout=15,  # SES answers in less than one; a longer wait would hold up Ctrl-C
    # `SesClient` retries. The mode is set because the environment may ask for `adaptive`, in which
    # botocore sleeps before a call.
    retries={"total_max_attempts": 1, "mode": "standard"},
)

RETRYING_CLIENT: Final = CLIENT.merge(Config(retries={"total_max_attempts": 3, "mode": "standard"}))
"""
For services whose calls botocore may retry, for seconds only, because other threads wait.

STS calls only read, and repeating a call to Secrets Manager is harmless.
"""

_MAKING_A_CLIENT: Final = threading.Lock()
"""Threads may share a client of boto3, but not a session."""


def open_session(settings: AwsSettings, *, region: str | None) -> boto3.Session:
    """
    A session for clients in any Region; its roles are assumed in *region*.

    Raises `InvalidSettings` if it can't be made, or if there are no credentials: otherwise each
    client would search for them again, up to the metadata service of EC2, which may be silent.
    """
    with _told(settings):
        session = boto3.Session(
            profile_name=settings.profile,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            aws_session_token=settings.token,
            # pulumi-aws reads this variable, botocore does not.
            region_name=region or os.environ.get("AWS_REGION"),
        )
        for role in settings.roles:
            session = _assume(session, role, settings, region)
        if session.get_credentials() is None:
            raise NoCredentialsError
    return session


def connect(settings: AwsSettings, service: str, *, session: boto3.Session, region: str) -> Any:
    """
    A client for *service* (`sesv2` or `secretsmanager`) in *region*.

    *session* is that of these settings. Raises `InvalidSettings` if no client can be made, or only
    one of the service and Route 53 is redirected to another endpoint.
    """
    with _told(settings):
        config = CLIENT if service == "sesv2" else RETRYING_CLIENT
        client = make_client(session, service, settings, config, region)
        # Only to find pulumi-aws's endpoint: botocore reads the environment and the profile, too.
        route53 = make_client(session, "route53", settings, CLIENT, region)
    name, _ = SERVICES[service]
    is_at_aws = is_of_aws(client.meta.endpoint_url)
    if is_at_aws != is_of_aws(route53.meta.endpoint_url):
        there, here = ("Route 53", name) if is_at_aws else (name, "Route 53")
        raise InvalidSettings(AwsMessages.ONE_REDIRECTED(there=there, here=here, service=name))
    return client


def connect_to_route53(
    settings: AwsSettings,
    *,
    session: boto3.Session,
    region: str | None,
    role_arn: str | None,
    external_id: str | None,
) -> Route53Client:
    """
    A client for Route 53, in the account of *role_arn* (`dns.assumeRole`) if that is given.

    *session* is that of these settings; the role may ask for *external_id*. The client only reads:
    pulumi-aws writes to the zone. Raises `InvalidSettings` if no client can be made.
    """
    role = {"RoleArn": role_arn} | ({"ExternalId": external_id} if external_id else {})
    settings = replace(settings, roles=(*settings.roles, role)) if role_arn else settings
    with _told(settings):
        if role_arn:
            session = _assume(session, role, settings, region)
        # `route53` retries, not botocore: its waits can be interrupted.
        client: Route53Client = make_client(session, "route53", settings, CLIENT, region)
    return client


def make_client(
    session: Any,
    name: str,
    settings: AwsSettings,
    config: Config,
    region: str | None,
    **credentials: Any,
) -> Any:
    """
    A client whose account is compared with nothing; ValueError for an endpoint that gets no calls.
    """
    endpoint = settings.endpoints.get(name)
    with _MAKING_A_CLIENT:
        client = session.client(name, region, endpoint_url=endpoint, config=config, **credentials)
    problem = endpoint_problem(name, client.meta.endpoint_url, settings.endpoints)
    if problem:
        raise ValueError(str(AwsMessages.ENDPOINT(service=SERVICES[name][0], problem=problem)))
    return client


def refuse_other_account(
    settings: AwsSettings, service: str, *, account: str, expected: str | None
) -> None:
    """Raise `WrongAccount` unless *account* is the *expected* one; None allows any account."""
    if expected is not None and account != expected:
        whose = _whose(settings)
        raise WrongAccount(
            AwsMessages.OTHER_ACCOUNT(
                whose=whose, service=service, account=account, expected=expected
            )
        )


@contextmanager
def _told(settings: AwsSettings) -> Iterator[None]:
    """Around what makes a session or a client: raises `InvalidSettings` if that fails."""
    try:
        yield
    except (BotoCoreError, *OF_A_PROFILE) as error:
        raise InvalidSettings(
            AwsMessages.NO_SESSION(whose=_whose(settings), reason=said(error))
        ) from None


def _whose(settings: AwsSettings) -> str:
    if settings.roles:
        return f"role {settings.roles[-1]['RoleArn']!r}"
    if settings.access_key:
        return "the key of `aws:accessKey`"
    return f"profile {shown(settings.profile)}" if settings.profile else "the default credentials"


def account_of(session: boto3.Session, settings: AwsSettings, region: str | None) -> str:
    """
    The id of the account of *session*, from STS in *region*.

    Raises `AwsRefused` if STS does not take its credentials, `InvalidSettings` if the account is
    not allowed.
    """
    with _told(settings):
        sts: STSClient = make_client(session, "sts", settings, RETRYING_CLIENT, region)
    whose, service = _whose(settings), Service(name="STS", region=region or "STS")
    account = call(
        lambda: sts.get_caller_identity()["Account"], service, "GetCallerIdentity", whose
    )
    if settings.allowed_accounts and account not in settings.allowed_accounts:
        raise InvalidSettings(AwsMessages.NOT_ALLOWED_ACCOUNT(account=account, whose=whose))
    if account in settings.forbidden_accounts:
        raise InvalidSettings(AwsMessages.FORBIDDEN_ACCOUNT(account=account, whose=whose))
    return account


def _assume(
    session: boto3.Session, role: Mapping[str, Any], settings: AwsSettings, region: str | None
) -> boto3.Session:
    def client(service: str, **credentials: Any) -> Any:
        return make_client(session, service, settings, RETRYING_CLIENT, region, **credentials)

    source = session.get_credentials()
    if source is None:
        raise ValueError(str(AwsMessages.NOTHING_TO_ASSUME_WITH(role=role["RoleArn"])))
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=client,
        source_credentials=source,
        role_arn=role["RoleArn"],
        extra_args={name: value for name, value in role.items() if name != "RoleArn"},
    )
    # The profile's other settings, such as endpoints, apply to the role's session, too.
    assumed = botocore.session.Session(profile=settings.profile)
    # botocore has no public way to give a session credentials that renew themselves.
    # https://github.com/boto/boto3/issues/443
    assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        refresh_using=fetcher.fetch_credentials, method="assume-role"
    )
    return boto3.Session(botocore_session=assumed, region_name=region or session.region_name)
