"""
The sandbox in a process of its own, which counts what it is asked.

A process of its own, so that its CPU is not taken for the program's. `open_servers` returns a
proxy: each method here runs over there.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from typing import Any
from unittest.mock import patch

from moto.core.responses import BaseResponse

from sandbox.aws import services
from sandbox.ses.emulator import Switches
from sandbox.ses.rules import SesError
from sandbox.world import Sandbox

RESOLVER = "127.0.0.53"


class Servers:
    """A sandbox, and since the last `begin`: requests by action, and when each identity got how far."""

    def __init__(self, *, requests_per_second: float | None) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._visible: dict[str, float] = {}
        """When a TXT record was written, by its name."""
        self._set: dict[str, tuple[str, float]] = {}
        """Record name and time of the last Create or Put, by domain."""
        self._verified: dict[str, float] = {}
        """When a response first said that the identity is verified with that key."""
        self.sandbox = Sandbox(
            switches=Switches(requests_per_second=requests_per_second, first_check_seconds=0)
        )
        with ExitStack() as opening:
            self._count_moto(opening)
            self._count_ses(opening)
            opening.enter_context(self.sandbox)
            self._open = opening.pop_all()

    def pid(self) -> int:
        return os.getpid()

    def close(self) -> None:
        self._open.close()

    def environment(self) -> dict[str, str]:
        return self.sandbox.environment

    def resolver(self) -> str:
        return self.sandbox.dns_resolver

    def add_zones(self, names: list[str]) -> None:
        for name in names:
            self.sandbox.add_zone(name)

    def begin(self) -> None:
        """Count from zero."""
        with self._lock:
            self._requests.clear()
            self._visible.clear()
            self._set.clear()
            self._verified.clear()
        self.sandbox.dns.reset()

    def requests(self) -> dict[str, int]:
        """`service action`, with the HTTP status if SES refused; DNS questions by whom they went to."""
        with self._lock:
            counted = Counter(self._requests)
        counted.update(
            f"dns {query.type} {'resolver' if query.server == RESOLVER else 'authoritative'}"
            for query in dict.fromkeys(self.sandbox.dns.queries)  # a repeated query counts once
        )
        return dict(sorted(counted.items()))

    def delays(self) -> dict[str, float]:
        """Seconds, median and longest, from record to key and from key to the verdict in a response."""
        with self._lock:
            to_key = [at - self._visible[name] for name, at in self._set.values() if name in self._visible]
            to_verdict = [at - self._set[domain][1] for domain, at in self._verified.items()]
        found = {"record to key": to_key, "key to verdict": to_verdict}
        return {
            f"{name}, {word}": round(of(seconds), 3)
            for name, seconds in found.items()
            for word, of in (("median", statistics.median), ("longest", max))
            if seconds
        }

    def _count_moto(self, opening: ExitStack) -> None:
        call_action = BaseResponse.call_action
        change = services._Route53.change_resource_record_sets

        def counted(response: BaseResponse) -> Any:
            with self._lock:
                self._requests[f"{response.service_name} {response._get_action()}"] += 1
            return call_action(response)

        def timed(backend: Any, zone: str, changes: list[dict[str, Any]]) -> None:
            change(backend, zone, changes)
            with self._lock:
                for name in (one["ResourceRecordSet"]["Name"].rstrip(".") for one in changes):
                    self._visible[name] = time.monotonic()

        opening.enter_context(patch.object(BaseResponse, "call_action", counted))
        opening.enter_context(patch.object(services._Route53, "change_resource_record_sets", timed))

    def _count_ses(self, opening: ExitStack) -> None:
        call = self.sandbox.ses.call

        def counted(operation: str, region: str, parameters: Mapping[str, Any], **more: Any) -> Any:
            refused = ""
            try:
                answer = call(operation, region, parameters, **more)
            except SesError as error:
                refused = f" {error.status_code}"
                raise
            finally:
                with self._lock:
                    self._requests[f"ses {operation}{refused}"] += 1
            with self._lock:
                self._follow(operation, parameters, answer)
            return answer

        opening.enter_context(patch.object(self.sandbox.ses, "call", counted))

    def _follow(self, operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Note when a key arrived, and when a response first said that it is verified."""
        domain = parameters.get("EmailIdentity", "")
        key = parameters.get("DkimSigningAttributes") or parameters.get("SigningAttributes") or {}
        if selector := key.get("DomainSigningSelector"):
            self._set[domain] = (f"{selector}._domainkey.{domain}", time.monotonic())
            self._verified.pop(domain, None)
        verified = []
        if operation == "GetEmailIdentity" and answer["DkimAttributes"]["Status"] == "SUCCESS":
            verified = [domain]
        if operation == "ListEmailIdentities":
            verified = [
                one["IdentityName"]
                for one in answer["EmailIdentities"]
                if one["VerificationStatus"] == "SUCCESS"
            ]
        for name in verified:
            if name in self._set:
                self._verified.setdefault(name, time.monotonic())


class _Manager(BaseManager):
    pass


_Manager.register("Servers", Servers)


@contextmanager
def open_servers(*, requests_per_second: float | None) -> Iterator[Any]:
    """A proxy of `Servers` in a new process, which ends with the block."""
    with _Manager(ctx=get_context("spawn")) as manager:
        servers = manager.Servers(requests_per_second=requests_per_second)
        try:
            yield servers
        finally:
            servers.close()
