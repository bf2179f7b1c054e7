"""The sandbox, which counts what it is asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from moto.core.responses import BaseResponse

from sandbox.ses.emulator import Switches
from sandbox.ses.rules import SesError
from sandbox.world import Sandbox

RESOLVER = "127.0.0.53"


class Servers:
    """A sandbox, and requests by action since the last `begin`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self.sandbox = Sandbox(switches=Switches(requests_per_second=None, first_check_seconds=0))
        with ExitStack() as opening:
            self._count_moto(opening)
            self._count_ses(opening)
            opening.enter_context(self.sandbox)
            self._open = opening.pop_all()

    def close(self) -> None:
        self._open.close()

    def begin(self) -> None:
        """Count from zero."""
        with self._lock:
            self._requests.clear()
        self.sandbox.dns.reset()

    def requests(self) -> dict[str, int]:
        """
        `service action`, with the HTTP status if SES refused; DNS questions by whom they went to.
        """
        with self._lock:
            counted = Counter(self._requests)
        counted.update(
            f"dns {query.type} {'resolver' if query.server == RESOLVER else 'authoritative'}"
            for query in dict.fromkeys(self.sandbox.dns.queries)  # a repeated query counts once
        )
        return dict(sorted(counted.items()))

    def _count_moto(self, opening: ExitStack) -> None:
        call_action = BaseResponse.call_action

        def counted(response: BaseResponse) -> Any:
            with self._lock:
                self._requests[f"{response.service_name} {response._get_action()}"] += 1
            return call_action(response)

        opening.enter_context(patch.object(BaseResponse, "call_action", counted))

    def _count_ses(self, opening: ExitStack) -> None:
        call = self.sandbox.ses.call

        def counted(operation: str, region: str, parameters: Mapping[str, Any], **more: Any) -> Any:
            refused = ""
            try:
                return call(operation, region, parameters, **more)
            except SesError as error:
                refused = f" {error.status_code}"
                raise
            finally:
                with self._lock:
                    self._requests[f"ses {operation}{refused}"] += 1

        opening.enter_context(patch.object(self.sandbox.ses, "call", counted))
