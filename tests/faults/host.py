"""
A DNS host with an API, below everything that `DnsRecord` does itself: the least helpful one there
is.

It refuses no double and knows no prerequisite. It writes to the zone that all name servers have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from byodkim_provider.dkim import records
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.interface import Busy, Credentials
from byodkim_provider.messages.hosts import HostMessages
from sandbox.dns.zone import RecordSet
from sandbox.ses.switches import FaultKind
from tests.faults.trouble import SpoiledError

if TYPE_CHECKING:
    from tests.faults.outside import Outside

SERVER: Final = "192.0.2.53"

LABEL: Final = "rfc2136:example.com"

T = TypeVar("T")


class Host:
    """As `hosts.interface.DnsHost`."""

    def __init__(self, outside: Outside, credentials: Credentials, label: str = LABEL) -> None:
        self.label = label
        self._outside, self._credentials = outside, credentials

    def values(self, name: str) -> tuple[str, ...]:
        return self._call("Host values", lambda: self._values(name))

    def add(self, name: str, value: str) -> None:
        self._call("Host add", lambda: self._put(name, (*self._values(name), value)))

    def remove(self, name: str, value: str) -> None:
        left = tuple(one for one in self._values(name) if one != value)
        self._call("Host remove", lambda: self._put(name, left))

    def _values(self, name: str) -> tuple[str, ...]:
        found = self._outside.zone.record_sets.get((f"{name}.", "TXT"))
        return tuple(map(records.unquoted, found.values)) if found else ()

    def _put(self, name: str, values: tuple[str, ...]) -> None:
        key = (f"{name}.", "TXT")
        self._outside.zone.record_sets.pop(key, None)
        if values:
            quoted = tuple(map(records.quoted, values))
            self._outside.zone.record_sets[key] = RecordSet(f"{name}.", "TXT", 300, quoted)

    def _call(self, name: str, work: Callable[[], T]) -> T:
        def allowed() -> T:
            if self._credentials["secret"] != self._outside.secrets.of_host:
                raise DnsRefused(
                    HostMessages.NO_SECRET(key="secret", setting=self._credentials.hint("secret"))
                )
            return work()

        try:
            return self._outside.calls.make(name, allowed)
        except SpoiledError as spoiled:
            raise _error(spoiled.kind) from None


def _error(kind: FaultKind) -> DnsRefused | DnsUnconfirmed:
    match kind:
        case "throttle":
            return Busy("", 30)
        case "access_denied":
            return DnsRefused(
                HostMessages.FORBIDDEN(said="the token has expired", step="make a new one")
            )
        case _:
            return DnsUnconfirmed(HostMessages.NO_ANSWER(reason=""))
