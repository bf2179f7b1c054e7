"""
Clients of SES, Secrets Manager and Route 53, made once per process.

All threads and all providers of a process share one client per Region, so that together they
stay within SES's rate limit.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.aws.secrets_manager import SecretStore
from byodkim_provider.aws.ses import SesClient
from byodkim_provider.aws.session import (
    account_of,
    connect,
    connect_to_route53,
    open_session,
    refuse_other_account,
)
from byodkim_provider.aws.settings import SERVICES, AwsSettings
from byodkim_provider.errors import Stopped
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import Clock, stopping

if TYPE_CHECKING:
    import boto3

T = TypeVar("T")


class Connections:
    """
    Clients, by Region. A class because it keeps clients and failures for the life of the process.
    """

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._made: dict[Hashable, object] = {}
        self._locks: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)

    def ses(self, region: str, account_id: str | None) -> SesClient:
        """
        SES in *region*; raises `WrongAccount` if its account is not *account_id*.

        A failure is cached: a process is one run, and STS is slow to fail.
        """
        client, account = self._connected("sesv2", region, account_id)
        # For callers of every account: two clients would each have their own rate limit.
        return self._once(
            ("SES", region),
            lambda: SesClient(client, region=region, account_id=account, clock=Clock()),
        )

    def account_id(self, region: str) -> str:
        """The account that the credentials belong to, from STS in *region*; errors as for `ses`."""
        return self._once(
            "account", lambda: account_of(self._session(region), self.settings, region)
        )

    def names(self, region: str, account_id: str | None) -> frozenset[str]:
        """
        Names of the identities that SES has in *region*, listed once; an error is cached, too.
        """
        ses = self.ses(region, account_id)  # compares the account; all callers get the same list

        def names() -> frozenset[str]:
            pages = ses.list_email_identities()
            return frozenset(listed.name for page in pages for listed in page)

        return self._once(("names", region), names)

    def secrets(self, region: str, account_id: str | None) -> SecretStore:
        """Secrets Manager in *region*; errors as for `ses`."""
        client, _ = self._connected("secretsmanager", region, account_id)
        return self._once(("secrets", region), lambda: SecretStore(client))

    def route53(
        self, region: str | None, role_arn: str | None, external_id: str | None
    ) -> Route53Client:
        """
        Route 53, in the account of *role_arn* if it is given, which may ask for *external_id*.
        """

        def connected() -> Route53Client:
            session = self._session(region)
            role = {"role_arn": role_arn, "external_id": external_id}
            return Route53Client(
                connect_to_route53(self.settings, session=session, region=region, **role)
            )

        return self._once(("Route 53", region, role_arn, external_id), connected)

    def _connected(self, service: str, region: str, account_id: str | None) -> tuple[Any, str]:
        """
        The client, and the id of its account; raises `WrongAccount` if that is not *account_id*.
        """
        client = self._once(
            (service, region),
            lambda: connect(self.settings, service, session=self._session(region), region=region),
        )
        account = self.account_id(region)
        refuse_other_account(
            self.settings, SERVICES[service][0], account=account, expected=account_id
        )
        return client, account

    def _session(self, region: str | None) -> boto3.Session:
        """
        The session of all clients: its credentials may come from a program that asks a person.
        """
        return self._once("session", lambda: open_session(self.settings, region=region))

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
