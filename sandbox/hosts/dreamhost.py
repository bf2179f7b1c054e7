"""
DreamHost's API for one account:
https://help.dreamhost.com/hc/en-us/articles/217555707-DNS-API-overview.
"""

from typing import ClassVar, Final

from sandbox.clock import SandboxClock
from sandbox.hosts.api import ApiStandIn, Request, Response


class DreamHost(ApiStandIn):
    """An account with one zone. Every answer has the status 200."""

    key: Final = "6SHU5P2HLDAYECUM9X"
    secrets: ClassVar = {"key": key}
    final_dot = False
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
        common = {
            "account_id": "1",
            "zone": self.zone,
            "type": "TXT",
            "comment": "",
            "editable": "1",
        }
        dotted = self._by_api if self.final_dot else ()
        names = [f"{one.name}." if one.name in dotted else one.name for one in self.records]
        listed = zip(names, self.records, strict=True)
        return [{**common, "record": name, "value": one.text} for name, one in listed]

    def _add(self, record: str, value: str) -> Response:
        name = record.rstrip(".")
        if not f".{name}".endswith(f".{self.zone}"):
            return _error("no_such_zone")
        if value in [one.text for one in self.records if one.name == name]:
            return _error("record_already_exists_remove_first")
        self._by_api.add(name)
        self._keep(name, value, ttl=14400)
        return Response(200, {"result": "success", "data": "record_added"})

    def _remove(self, record: str, value: str) -> Response:
        shown = [one["record"] for one in self._listed()]
        if record not in shown:
            return _error("no_such_record")
        named = (one for one, name in zip(self.records, shown, strict=True) if name == record)
        if not self._drop(*(one for one in named if one.text == value)):
            return _error("no_such_value")
        return Response(200, {"result": "success", "data": "record_removed"})


def _error(data: str) -> Response:
    return Response(200, {"result": "error", "data": data})
