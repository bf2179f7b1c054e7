"""
Clients of SES, Secrets Manager and Route 53, made once per process, with the same credentials,
account and endpoints as pulumi-aws.

All threads and all providers of a process share one client per Region, so that together they
stay within SES's rate limit. Which settings are allowed is in `settings`. Nothing here changes
anything in AWS.
"""

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError

from byodkim_provider.aws.errors import Service, T, call, said
from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.secrets_manager import SecretStore
from byodkim_provider.aws.ses import SesClient
from byodkim_provider.aws.settings import SERVICES, AwsSettings, endpoint_problem
from byodkim_provider.errors import InvalidSettings, Stopped, WrongAccount
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import Clock, stopping
from byodkim_provider.quoting import shown

CLIENT: Final = Config(
    connect_timeout=5,
    read_timeout=15,  # SES answers in less than one; a longer wait would hold up Ctrl-C
    # `errors.call` retries: its waits can be interrupted. The mode is set because the environment
    # may ask for `adaptive`, in which botocore sleeps before a call.
    retries={"total_max_attempts": 1, "mode": "standard"},
)

RETRYING_CLIENT: Final = CLIENT.merge(Config(retries={"total_max_attempts": 3, "mode": "standard"}))
"""
For services whose calls botocore may retry, for seconds only, because other threads wait.

STS calls only read, and repeating a call to Secrets Manager is harmless.
"""

_MAKING_A_CLIENT: Final = threading.Lock()
"""Threads may share a client of boto3, but not a session."""


class Connections:
    """
    Clients, by Region. A class because it keeps clients and failures for the life of the process.

    Every method raises `InvalidSettings` if no client can be made, `AwsRefused` if STS does not
    take the credentials. A failure is cached: a process is one run, and STS is slow to fail.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._made: dict[Hashable, object] = {}
        self._locks: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)

    def ses(self, region: str, account_id: str | None) -> SesClient:
        """SES in *region*; raises `WrongAccount` if its account is not *account_id*."""
        # For callers of every account: two clients would each have their own rate limit.
        client = self._once(
            ("SES", region),
            lambda: SesClient(
                self._client("sesv2", region), account_id=self.account_id(region), clock=Clock()
            ),
        )
        self.check_account("SES", region, account_id)
        return client

    def names(self, region: str, account_id: str | None) -> frozenset[str]:
        """
        Names of the identities that SES has in *region*, listed once; an error is cached, too.
        """
        ses = self.ses(region, account_id)  # compares the account; all callers get the same list
        return self._once(
            ("names", region),
            lambda: frozenset(listed.name for listed in ses.list_email_identities()),
        )

    def secrets(self, region: str, account_id: str | None) -> SecretStore:
        """Secrets Manager in *region*; errors as for `ses`."""
        store = self._once(
            ("secrets", region), lambda: SecretStore(self._client("secretsmanager", region))
        )
        self.check_account("Secrets Manager", region, account_id)
        return store

    def route53(
        self, region: str | None, role_arn: str | None, external_id: str | None
    ) -> Route53Client:
        """
        Route 53, in the account of *role_arn* if it is given, which may ask for *external_id*.

        It only reads: pulumi-aws writes to the zone.
        """

        def connected() -> Route53Client:
            session = self._session(region)
            with _refusing(f"role {role_arn!r}" if role_arn else self._whose):
                if role_arn:
                    role = {"RoleArn": role_arn}
                    if external_id:
                        role["ExternalId"] = external_id
                    session = self._assume(session, role, region)
                return Route53Client(self._new_client(session, region, "route53"))

        return self._once(("Route 53", region, role_arn, external_id), connected)

    def account_id(self, region: str | None) -> str:
        """
        The account that the credentials belong to, from STS in *region*.

        Raises `InvalidSettings` if the settings do not allow it.
        """
        whose = self._whose

        def account_id() -> str:
            sts, service = self._client("sts", region), Service(name="STS", region=region or "STS")
            account: str = call(
                lambda: sts.get_caller_identity()["Account"], service, "GetCallerIdentity", whose
            )
            allowed = self.settings.allowed_accounts
            if allowed and account not in allowed:
                problem = AwsMessages.NOT_ALLOWED_ACCOUNT
            elif account in self.settings.forbidden_accounts:
                problem = AwsMessages.FORBIDDEN_ACCOUNT
            else:
                return account
            raise InvalidSettings(problem(account=account, whose=whose))

        return self._once("account", account_id)

    def check_account(self, service: str, region: str | None, expected: str | None) -> None:
        """Raises `WrongAccount` unless the account is *expected*. None allows any account."""
        account = self.account_id(region)
        if expected not in (None, account):
            raise WrongAccount(
                AwsMessages.OTHER_ACCOUNT(
                    whose=self._whose, service=service, account=account, expected=expected
                )
            )

    def _client(self, service: str, region: str | None) -> Any:
        """A client with the credentials of the settings."""
        session = self._session(region)
        with _refusing(self._whose):
            return self._new_client(session, region, service)

    def _session(self, region: str | None) -> boto3.Session:
        """
        The session of all clients: its credentials may come from a program that asks a person.

        Its roles are assumed in *region*. Without credentials it is refused: otherwise each client
        would search for them again, up to the metadata service of EC2, which may be silent.
        """

        def opened() -> boto3.Session:
            settings = self.settings
            with _refusing(self._whose):
                session = boto3.Session(
                    profile_name=settings.profile,
                    aws_access_key_id=settings.access_key,
                    aws_secret_access_key=settings.secret_key,
                    aws_session_token=settings.token,
                    # pulumi-aws reads this variable, botocore does not.
                    region_name=region or os.environ.get("AWS_REGION"),
                )
                for role in settings.roles:
                    session = self._assume(session, role, region)
                if session.get_credentials() is None:
                    raise NoCredentialsError
            return session

        return self._once("session", opened)

    def _assume(
        self, session: boto3.Session, role: Mapping[str, Any], region: str | None
    ) -> boto3.Session:
        source = session.get_credentials()
        if source is None:
            raise ValueError(str(AwsMessages.NOTHING_TO_ASSUME_WITH(role=role["RoleArn"])))
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(self._new_client, session, region),
            source_credentials=source,
            role_arn=role["RoleArn"],
            extra_args={name: value for name, value in role.items() if name != "RoleArn"},
        )
        # The profile's other settings, such as endpoints, apply to the role's session, too.
        assumed = botocore.session.Session(profile=self.settings.profile)
        # botocore has no public way to give a session credentials that renew themselves.
        # https://github.com/boto/boto3/issues/443
        assumed._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
            refresh_using=fetcher.fetch_credentials, method="assume-role"
        )
        return boto3.Session(botocore_session=assumed, region_name=region or session.region_name)

    def _new_client(self, session: Any, region: str | None, name: str, **credentials: Any) -> Any:
        """
        A client whose account is compared with nothing; ValueError for an endpoint that gets no
        calls.
        """
        config = RETRYING_CLIENT if name in ("secretsmanager", "sts") else CLIENT
        endpoints = self.settings.endpoints
        with _MAKING_A_CLIENT:
            client = session.client(
                name, region, endpoint_url=endpoints.get(name), config=config, **credentials
            )
        problem = endpoint_problem(name, client.meta.endpoint_url, endpoints)
        if problem:
            raise ValueError(str(AwsMessages.ENDPOINT(service=SERVICES[name], problem=problem)))
        return client

    @property
    def _whose(self) -> str:
        settings = self.settings
        if settings.roles:
            return f"role {settings.roles[-1]['RoleArn']!r}"
        if settings.access_key:
            return "the key of `aws:accessKey`"
        if settings.profile:
            return f"profile {shown(settings.profile)}"
        return "the default credentials"

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        """
        What *make* returns or raises; called once for a *key*, by the first thread that needs it.
        """
        with self._locks[key]:
            if stopping.is_set():
                raise Stopped(AwsMessages.INTERRUPTED(service="AWS"))
            if key not in self._made:
                try:
                    self._made[key] = make()
                except Exception as error:  # noqa: BLE001 - whatever it is, the next caller gets it
                    self._made[key] = error
            made = self._made[key]
        if isinstance(made, Exception):
            raise made
        return cast("T", made)


@contextmanager
def _refusing(whose: str) -> Iterator[None]:
    """Around what makes a session or a client: raises `InvalidSettings` if that fails."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever a profile's file or program leads to
        raise InvalidSettings(AwsMessages.NO_SESSION(whose=whose, reason=said(error))) from None


_all: list[Connections] = []
_all_lock = threading.Lock()


def connections(settings: AwsSettings) -> Connections:
    """The connections of this process with *settings*."""
    with _all_lock:
        for known in _all:
            if known.settings == settings:
                return known
        _all.append(Connections(settings))
        return _all[-1]
