"""DreamHost's API for one account: https://help.dreamhost.com/hc/en-us/articles/217555707-DNS-API-overview."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

from sandbox.clock import SandboxClock
from sandbox.hosts.api import ApiStandIn, Request, Response

LIMITS: Final = ((timedelta(minutes=5), 10), (timedelta(hours=1), 50))
"""How many additions there may be in a time. Those that failed don't count."""


class DreamHost(ApiStandIn):
    """An account with one zone. Every answer has the status 200."""

    key: Final = "6SHU5P2HLDAYECUM9X"
    secrets: ClassVar = {"key": key}
    served_after = timedelta(hours=6)

    all_functions = True
    """Whether the key may do all."""
    final_dot = True
    """Whether a name that came by the API is listed with a dot behind it."""

    def __init__(self, zone: str, *, clock: SandboxClock | None = None) -> None:
        super().__init__(zone, clock=clock)
        self._by_api: set[str] = set()

    def changes(self, request: Request) -> bool:
        return request.query.get("cmd") != "dns-list_records"

    def answer(self, request: Request) -> Response:
        query = request.query
        if query.get("key") != self.key:
            return _error("invalid_api_key")
        if not self.all_functions:
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
                "record": one.name + ("." if self.final_dot and one.name in self._by_api else ""),
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
        for time, most in LIMITS:
            if self._wait(most, time):
                return _error(f"slow_down_bucko\t{most} times in {time}")
        self._count()
        self._by_api.add(name)
        self._keep(name, value, ttl=14400)
        return Response(200, {"result": "success", "data": "record_added"})

    def _remove(self, record: str, value: str) -> Response:
        listed = [
            one for one, shown in zip(self.records, self._listed(), strict=True) if shown["record"] == record
        ]
        if not listed:
            return _error("no_such_record")
        found = [one for one in listed if one.text == value]
        if not found:
            return _error("no_such_value")
        self._drop(*found)
        return Response(200, {"result": "success", "data": "record_removed"})


def _error(data: str) -> Response:
    return Response(200, {"result": "error", "data": data})
