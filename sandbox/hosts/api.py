"""
What the stand-ins for APIs of DNS hosts share: a zone, and what goes wrong on the way.

What one host answers to a request is in its own file.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from sandbox.clock import SandboxClock
from sandbox.dns.hosting import NAME_SERVERS, HostedZone
from sandbox.dns.zone import RecordSet
from sandbox.http_stand_in import HttpStandIn, Request, Response

__all__ = ["ApiStandIn", "Record", "Request", "Response", "Trouble"]

Trouble = Literal["lost before", "lost after", "hang", "garbage", "429", "503", "500", "401", "sign-in"]
"""What happens to a request that would change something; with a number, the status of the answer."""

ON_THE_WAY: Final = ("lost before", "hang", "429", "503", "500", "401", "sign-in")
"""After these the request did nothing."""

SIGN_IN: Final = b"<html><body>Please sign in to this network</body></html>"


@dataclass(frozen=True)
class Record:
    """A TXT record in the zone. *text* is as it came; *values* its strings as DNS has them."""

    id: int
    name: str
    text: str
    strings: tuple[str, ...]
    ttl: int
    made: datetime

    @property
    def value(self) -> str:
        return "".join(self.strings)


class ApiStandIn(HttpStandIn):
    """One account with one zone. Subclasses answer; this one serves, remembers and loses."""

    served_after: timedelta = timedelta()
    """How long the name servers need to show a record."""

    name_servers: tuple[str, ...] = NAME_SERVERS
    """Who serves the zone."""

    def __init__(self, zone: str, *, clock: SandboxClock | None = None) -> None:
        super().__init__()
        self.zone = zone
        self.clock = clock or SandboxClock()
        self.records: list[Record] = []
        self.removed: list[tuple[datetime, Record]] = []
        self.troubles: list[Trouble] = []
        self.read_troubles: list[Trouble] = []
        """The same for requests that change nothing."""
        self.written = 0
        """How many requests that change something came as far as here."""
        self.requests: list[Request] = []
        self.retry_after = 1
        """Seconds that it wants to be left alone for when it is asked too often."""
        self.released = threading.Event()
        self._numbers = 0
        self._lock = threading.RLock()

    def stop(self) -> None:
        self.released.set()
        super().stop()

    @property
    def secrets(self) -> dict[str, str]:
        """What opens the account, as `dnsCredentials` has it."""
        raise NotImplementedError

    def lift_limits(self) -> None:
        """However many requests come from now on, none is too many."""

    # What is in the zone

    def put(self, name: str, *strings: str) -> None:
        """A record that somebody makes in the panel."""
        self._keep(name, "".join(strings), strings, ttl=3600)

    def stored(self, name: str) -> list[str]:
        """All TXT values at *name*, sorted."""
        return sorted(record.value for record in self.records if record.name == name)

    def zones(self) -> list[HostedZone]:
        """The zone, as its name servers have it by now."""
        now = self.clock.now()
        shown = [one for one in self.records if one.made + self.served_after <= now]
        shown += [one for when, one in self.removed if when + self.served_after > now]
        soa = f"{self.name_servers[0]}. hostmaster.{self.zone}. 1 3600 600 86400 60"
        sets = {
            "SOA": RecordSet(self.zone, "SOA", 3600, (soa,)),
            "NS": RecordSet(self.zone, "NS", 3600, self.name_servers),
        }
        for one in shown:
            value = " ".join(f'"{_escaped(string)}"' for string in one.strings)
            before = sets.get(one.name)
            values = (*before.values, value) if before else (value,)
            sets[one.name] = RecordSet(one.name, "TXT", one.ttl, values)
        return [HostedZone(self.zone, self.name_servers, tuple(sets.values()))]

    def _keep(self, name: str, text: str, strings: tuple[str, ...], *, ttl: int) -> Record:
        with self._lock:
            self._numbers += 1
            record = Record(self._numbers, name, text, strings, ttl, self.clock.now())
            self.records.append(record)
        return record

    def _drop(self, record: Record) -> None:
        with self._lock:
            self.records.remove(record)
            self.removed.append((self.clock.now(), record))

    # What a host has to say

    def changes(self, request: Request) -> bool:
        """Whether *request* would change something."""
        return request.method != "GET"

    def answer(self, request: Request) -> Response:
        """What the host answers."""
        raise NotImplementedError

    def trouble(self, status: int) -> Response:
        """The host's own answer to what it can't or won't do now."""
        headers = {"Retry-After": str(self.retry_after)} if status in (429, 503) else {}
        return Response(status, {"message": "not now"}, headers)

    def respond(self, request: Request) -> Response | bytes | None:
        """What is sent back: a response, octets that are not HTTP, or nothing."""
        with self._lock:
            self.requests.append(request)
            change = self.changes(request)
            troubles = self.troubles if change else self.read_troubles
            trouble = troubles.pop(0) if troubles else None
        if trouble in ("lost before", "hang"):
            if trouble == "hang":
                self.released.wait()
            return None
        if trouble == "sign-in":
            return SIGN_IN
        if trouble in get_args(Trouble) and str(trouble).isdecimal():
            return self.trouble(int(str(trouble)))
        with self._lock:
            self.written += change
            answer = self.answer(request)
        if trouble == "lost after":
            return None
        return b"{" if trouble == "garbage" else answer


def split(value: str) -> tuple[str, ...]:
    """*value* in strings of at most 255 octets."""
    return tuple(value[at : at + 255] for at in range(0, len(value), 255)) or ("",)


def _escaped(string: str) -> str:
    return string.replace("\\", "\\\\").replace('"', '\\"')
