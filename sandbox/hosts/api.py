"""
What the stand-ins for APIs of DNS hosts share: a zone, and what goes wrong on the way.

What no document says, or depends on the account, is an attribute with the likelier answer: the
tests run it both ways.
"""

import threading
from dataclasses import dataclass
from typing import ClassVar, Literal

from sandbox.clock import SandboxClock
from sandbox.dns.hosting import NAME_SERVERS, HostedZone
from sandbox.dns.zone import RecordSet, apex, quoted, strings_of
from sandbox.http_stand_in import SIGN_IN, HttpStandIn, Request, Response

__all__ = ["ApiStandIn", "Record", "Request", "Response", "Trouble"]

Trouble = Literal[
    "lost before", "lost after", "hang", "garbage", "429", "503", "500", "401", "sign-in"
]
"""
What happens to a request that would change something; with a number, the status of the answer.
"""


@dataclass(frozen=True)
class Record:
    """A TXT record in the zone. *text* is as it came; *strings* as DNS has them."""

    id: int
    name: str
    text: str
    strings: tuple[str, ...]
    ttl: int

    @property
    def value(self) -> str:
        return "".join(self.strings)


class ApiStandIn(HttpStandIn):
    """One account with one zone. Subclasses answer; this one serves, remembers and loses."""

    name_servers: tuple[str, ...] = NAME_SERVERS

    secrets: ClassVar[dict[str, str]]
    """What opens the account, as `dnsCredentials` has it."""

    says_when = True
    """Whether a 429 and a 503 have a `Retry-After`."""

    def __init__(self, zone: str, *, clock: SandboxClock | None = None) -> None:
        self.zone = zone
        self.clock = clock or SandboxClock()
        self.records: list[Record] = []
        self.troubles: list[Trouble] = []
        self.read_troubles: list[Trouble] = []
        """The same for requests that change nothing."""
        self.written = 0
        """How many requests that change something came as far as here."""
        self.requests: list[Request] = []
        self.retry_after = 1
        """Seconds that it wants to be left alone for when it is asked too often."""
        self._numbers = 0
        self._lock = threading.Lock()

    def put(self, name: str, *strings: str) -> None:
        """A record that somebody makes in the panel."""
        self._keep(name, "".join(strings), ttl=3600, strings=strings)

    def stored(self, name: str) -> list[str]:
        """All TXT values at *name*, sorted."""
        return sorted(record.value for record in self.records if record.name == name)

    def zones(self) -> list[HostedZone]:
        """The zone, as its name servers have it."""
        texts: dict[str, RecordSet] = {}
        for one in self.records:
            before = texts[one.name].values if one.name in texts else ()
            texts[one.name] = RecordSet(one.name, "TXT", one.ttl, (*before, quoted(one.strings)))
        record_sets = (*apex(self.zone, self.name_servers, 60), *texts.values())
        return [HostedZone(self.zone, self.name_servers, record_sets)]

    def _keep(self, name: str, text: str, *, ttl: int, strings: tuple[str, ...] = ()) -> Record:
        self._numbers += 1
        record = Record(self._numbers, name, text, strings or strings_of(text), ttl)
        self.records.append(record)
        return record

    def _drop(self, *records: Record) -> bool:
        """Whether there was any."""
        for record in records:
            self.records.remove(record)
        return bool(records)

    def changes(self, request: Request) -> bool:
        """Whether *request* would change something."""
        return request.method != "GET"

    def answer(self, request: Request) -> Response:
        raise NotImplementedError

    def trouble(self, status: int) -> Response:
        """The host's own answer to what it can't or won't do now."""
        raise NotImplementedError

    def respond(self, request: Request) -> Response | None:
        with self._lock:
            self.requests.append(request)
            change = self.changes(request)
            troubles = self.troubles if change else self.read_troubles
            trouble = troubles.pop(0) if troubles else None
        if trouble == "hang":
            self.hang()
        match trouble:
            case "lost before" | "hang":
                return None
            case "sign-in":
                return SIGN_IN
            case "429" | "503" | "500" | "401":
                answer = self.trouble(int(trouble))
                has_time = self.says_when and trouble in ("429", "503")
                later = {"Retry-After": str(self.retry_after)} if has_time else {}
                return Response(answer.status, answer.body, later)
        with self._lock:
            self.written += change
            answer = self.answer(request)
        if trouble == "garbage":
            return Response(200, b"{")
        return None if trouble == "lost after" else answer
