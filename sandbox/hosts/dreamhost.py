"""DreamHost's API for one account: https://help.dreamhost.com/hc/en-us/articles/217555707-DNS-API-overview."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sandbox.clock import SandboxClock
from sandbox.hosts.api import ApiStandIn, Request, Response, split

LIMITS: Final = ((timedelta(minutes=5), 10), (timedelta(hours=1), 50))
"""How many additions there may be in a time. Those that failed don't count."""


@dataclass
class Switches:
    """What is not known of the real one, or depends on the key."""

    all_functions: bool = True
    final_dot: bool = True
    """Whether a name that came by the API is listed with a dot behind it."""
    limits: bool = True


class DreamHost(ApiStandIn):
    """An account with one zone. Every answer has the status 200."""

    key: Final = "6SHU5P2HLDAYECUM9X"

    served_after = timedelta(hours=6)

    def __init__(self, zone: str, *, clock: SandboxClock | None = None) -> None:
        super().__init__(zone, clock=clock)
        self.switches = Switches()
        self._by_api: set[str] = set()
        self._added: list[datetime] = []

    @property
    def secrets(self) -> dict[str, str]:
        return {"key": self.key}

    def lift_limits(self) -> None:
        self.switches.limits = False

    def changes(self, request: Request) -> bool:
        return request.query.get("cmd") != "dns-list_records"

    def answer(self, request: Request) -> Response:
        query = request.query
        if query.get("key") != self.key:
            return _error("invalid_api_key")
        if not self.switches.all_functions:
            return _error("this_key_cannot_access_this_cmd")
        if query.get("format") != "json":
            return Response(200, "success")
        match query["cmd"]:
            case "dns-list_records":
                return Response(200, {"result": "success", "data": self._listed()})
            case "dns-add_record":
                return self._add(query["record"], query["value"])
            case "dns-remove_record":
                return self._remove(query["record"], query["value"])
        return _error("no_such_cmd")

    def trouble(self, status: int) -> Response:
        if status == 429:
            return _error(f"slow_down_bucko\tkey {self.key} may do this 10 times in 5 minutes")
        return _error("invalid_api_key") if status == 401 else Response(status)

    def _listed(self) -> list[dict[str, str]]:
        return [
            {
                "account_id": "1",
                "zone": self.zone,
                "record": one.name + ("." if self.switches.final_dot and one.name in self._by_api else ""),
                "type": "TXT",
                "value": one.text,
                "comment": "",
                "editable": "1",
            }
            for one in self.records
        ]

    def _add(self, record: str, value: str) -> Response:
        name = record.rstrip(".")
        if not f".{name}".endswith(f".{self.zone}"):
            return _error("no_such_zone")
        if value in [one.text for one in self.records if one.name == name]:
            return _error("record_already_exists_remove_first")
        now = self.clock.now()
        for time, most in LIMITS:
            if self.switches.limits and sum(now - when < time for when in self._added) >= most:
                return _error(f"slow_down_bucko\t{most} times in {time}")
        self._added.append(now)
        self._by_api.add(name)
        self._keep(name, value, split(value), ttl=14400)
        return Response(200, {"result": "success", "data": "record_added"})

    def _remove(self, record: str, value: str) -> Response:
        listed = [
            one for one, shown in zip(self.records, self._listed(), strict=True) if shown["record"] == record
        ]
        if not listed:
            return _error("no_such_record")
        found = [one for one in listed if one.text == value]
        for one in found:
            self._drop(one)
        return (
            Response(200, {"result": "success", "data": "record_removed"})
            if found
            else _error("no_such_value")
        )


def _error(data: str) -> Response:
    return Response(200, {"result": "error", "data": data})
