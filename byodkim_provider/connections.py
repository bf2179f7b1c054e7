"""
Ways to SES and to DNS, made once a process.

All threads and all providers of a process share one client a Region, so that SES's rate is
kept together, and the account is compared once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Literal

from byodkim_provider.aws_session import AwsSettings, connect
from byodkim_provider.errors import Stopped
from byodkim_provider.progress import SystemClock, stopping
from byodkim_provider.resolver import DnsResolver
from byodkim_provider.ses import SesClient

__all__ = ["Connections", "connections", "resolver_for"]


class Connections:
    """SES clients, by Region. A class for what is connected already, or could not be."""

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._clients: dict[tuple[str, str | None], Future[SesClient]] = {}
        self._lock = threading.Lock()

    def ses(self, region: str, account_id: str | None) -> SesClient:
        """
        SES in *region*; raises `WrongAccount` if its account is not *account_id*.

        A failure is remembered: a process is one run, and STS is slow to fail.
        """
        if stopping.is_set():
            raise Stopped(
                "interrupted before AWS was asked", hint="nothing was changed; run `pulumi up` again"
            )
        with self._lock:
            known = self._clients.get((region, account_id))
            if known is None:
                client: Future[SesClient] = Future()
                self._clients[region, account_id] = client
        if known is not None:
            return known.result()
        try:
            connection = connect(self.settings, region=region, expected_account=account_id)
            client.set_result(
                SesClient(
                    connection.client, region=region, account_id=connection.account_id, clock=SystemClock()
                )
            )
        except BaseException as error:  # noqa: BLE001 - whatever it is, other threads wait for it
            client.set_exception(error)
        return client.result()


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


def resolver_for(
    check: Literal["authoritative", "recursive", "off"], resolvers: Sequence[str]
) -> DnsResolver | None:
    """What looks records up as `dnsCheck` and `dnsResolvers` say; None for `off`."""
    return None if check == "off" else DnsResolver(check=check, resolvers=resolvers)
