"""GoDaddy's API, version 3, for one account: https://developer.godaddy.com."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import unquote

from sandbox.clock import SandboxClock
from sandbox.hosts.api import ApiStandIn, Record, Request, Response, split

SCOPES: Final = {"GET": "domains.domain:read", "POST": "domains.dns:update", "DELETE": "domains.dns:update"}


@dataclass
class Switches:
    """What is not known of the real one, or depends on the account."""

    may_use: bool = True
    """An account without a domain may not."""
    scopes: frozenset[str] = frozenset(SCOPES.values())
    expires: datetime | None = None
    """When the token ends, after a year at most."""
    requests_per_minute: int = 60
    """At one endpoint."""
    doubles: Literal["refused", "kept"] = "refused"
    """Two records of one name, type and value."""
    filters: bool = True
    """Whether it lists only what was asked for."""


class GoDaddy(ApiStandIn):
    """An account with one zone."""

    token: Final = "gd_pat_1f0e2d3c4b5a69788796"

    def __init__(self, zone: str, *, clock: SandboxClock | None = None) -> None:
        super().__init__(zone, clock=clock)
        self.switches = Switches()
        self._called: defaultdict[str, list[datetime]] = defaultdict(list)

    @property
    def secrets(self) -> dict[str, str]:
        return {"token": self.token}

    def lift_limits(self) -> None:
        self.switches.requests_per_minute = 1_000_000

    def answer(self, request: Request) -> Response:
        match self._door(request), request.method, request.path.strip("/").split("/"):
            case Response() as refused, _, _:
                return refused
            case _, "GET", ["v3", "domains", "zones", self.zone, "dns-records"]:
                return self._list(request)
            case _, "POST", ["v3", "domains", "zones", self.zone, "dns-records"]:
                return self._create(request.body)
            case _, "DELETE", ["v3", "domains", "zones", self.zone, "dns-records", record_id]:
                found = [one for one in self.records if _id(one) == unquote(record_id)]
                for one in found:
                    self._drop(one)
                return Response(204) if found else _error(404, "NOT_FOUND", "The record was not found")
        return _error(404, "NOT_FOUND", "The domain is not found")

    def trouble(self, status: int) -> Response:
        codes = {401: "UNABLE_TO_AUTHENTICATE", 429: "TOO_MANY_REQUESTS", 500: "ERROR_INTERNAL"}
        answer = _error(status, codes.get(status, "UNAVAILABLE"), f"not now, {self.token}")
        return Response(status, answer.body, super().trouble(status).headers)

    def _door(self, request: Request) -> Response | None:
        now, switches = self.clock.now(), self.switches
        expired = switches.expires is not None and now >= switches.expires
        if request.headers.get("Authorization") != f"Bearer {self.token}" or expired:
            return _error(401, "UNABLE_TO_AUTHENTICATE", "Unauthorized : Could not authenticate API token")
        if not switches.may_use:
            return _error(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
        if SCOPES.get(request.method) not in switches.scopes:
            return _error(403, "INSUFFICIENT_SCOPE", "The token lacks a scope")
        endpoint = f"{request.method} {'/'.join(request.path.split('/')[:6])}"
        recent = [when for when in self._called[endpoint] if now - when < timedelta(minutes=1)]
        if len(recent) >= switches.requests_per_minute:
            wait = 60 - (now - recent[0]).total_seconds()
            error = _error(429, "TOO_MANY_REQUESTS", "Too many requests")
            return Response(429, error.body, {"Retry-After": str(max(int(wait) + 1, 1))})
        self._called[endpoint] = [*recent, now]
        return None

    def _list(self, request: Request) -> Response:
        query = request.query
        listed = [
            {
                "recordId": _id(one),
                "type": "TXT",
                "name": self._relative(one.name),
                "data": one.text,
                "ttl": one.ttl,
            }
            for one in self.records
        ]
        if self.switches.filters:
            listed = [one for one in listed if one["name"] == query.get("name", one["name"])]
        size = min(int(query.get("pageSize", "20")), 100)
        start = (int(query.get("page", "1")) - 1) * size
        return Response(200, {"items": listed[start : start + size], "links": []})

    def _create(self, body: dict[str, Any]) -> Response:
        if not 600 <= body["ttl"] <= 86400:
            return _error(422, "INVALID_BODY", "ttl must be between 600 and 86400")
        if len(body["data"]) > 512:
            return _error(422, "INVALID_BODY", "data is too long")
        name = self.zone if body["name"] == "@" else f"{body['name']}.{self.zone}"
        if self.switches.doubles == "refused" and body["data"] in self.stored(name):
            return _error(422, "DUPLICATE_RECORD", "Another record with the same attributes already exists")
        made = self._keep(name, body["data"], split(body["data"]), ttl=body["ttl"])
        return Response(201, {"recordId": _id(made), **body})

    def _relative(self, name: str) -> str:
        return "@" if name == self.zone else name.removesuffix(f".{self.zone}")


def _id(record: Record) -> str:
    """Real ones hold characters that a URL has to escape."""
    return f"TXT/{record.id}[0]"


def _error(status: int, code: str, message: str) -> Response:
    return Response(status, {"code": code, "message": message})
