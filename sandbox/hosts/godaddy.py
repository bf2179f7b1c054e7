"""GoDaddy's API, version 3, for one account: https://developer.godaddy.com."""

from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from urllib.parse import unquote

from sandbox.hosts.api import ApiStandIn, Record, Request, Response


class GoDaddy(ApiStandIn):
    """An account with one zone."""

    token: Final = "gd_pat_1f0e2d3c4b5a69788796"
    secrets: ClassVar = {"token": token}

    expires: datetime | None = None
    """When the token ends, after a year at most."""
    doubles: Literal["refused", "kept"] = "refused"
    """Two records of one name, type and value."""
    says_when = False

    def answer(self, request: Request) -> Response:
        match self._door(request), request.method, request.path.strip("/").split("/"):
            case Response() as refused, _, _:
                return refused
            case _, "GET", ["v3", "domains", "zones", self.zone, "dns-records"]:
                return self._list(request)
            case _, "POST", ["v3", "domains", "zones", self.zone, "dns-records"]:
                return self._create(request.body)
            case _, "DELETE", ["v3", "domains", "zones", self.zone, "dns-records", record_id]:
                was_there = self._drop(
                    *(one for one in self.records if _id(one) == unquote(record_id))
                )
                return (
                    Response(204)
                    if was_there
                    else _error(404, "NOT_FOUND", "The record was not found")
                )
        return _error(404, "NOT_FOUND", "The domain is not found")

    def trouble(self, status: int) -> Response:
        codes = {401: "UNABLE_TO_AUTHENTICATE", 429: "TOO_MANY_REQUESTS", 500: "ERROR_INTERNAL"}
        return _error(status, codes.get(status, "UNAVAILABLE"), f"not now, {self.token}")

    def _door(self, request: Request) -> Response | None:
        expired = self.expires is not None and self.clock.now() >= self.expires
        if request.headers.get("Authorization") != f"Bearer {self.token}" or expired:
            return _error(
                401, "UNABLE_TO_AUTHENTICATE", "Unauthorized : Could not authenticate API token"
            )
        return None

    def _list(self, request: Request) -> Response:
        query, listed = request.query, [self._record(one) for one in self.records]
        listed = [one for one in listed if one["name"] == query.get("name", one["name"])]
        size = min(int(query.get("pageSize", "20")), 100)
        start = (int(query.get("page", "1")) - 1) * size
        return Response(200, {"items": listed[start : start + size], "links": []})

    def _create(self, body: dict[str, Any]) -> Response:
        if not 600 <= body["ttl"] <= 86400:
            return _invalid("ttl must be between 600 and 86400")
        if len(body["data"]) > 512:
            return _invalid("data is too long")
        name = self.zone if body["name"] == "@" else f"{body['name']}.{self.zone}"
        if self.doubles == "refused" and body["data"] in self.stored(name):
            issue = {"issue": "DUPLICATE_RECORD", "description": "such a record is there"}
            return _error(422, "DUPLICATE_RECORD", "The record is a duplicate", issue)
        made = self._keep(name, body["data"], ttl=body["ttl"])
        return Response(201, {"recordId": _id(made), **body})

    def _record(self, one: Record) -> dict[str, Any]:
        name = "@" if one.name == self.zone else one.name.removesuffix(f".{self.zone}")
        return {"recordId": _id(one), "type": "TXT", "name": name, "data": one.text, "ttl": one.ttl}


def _id(record: Record) -> str:
    """Real ones hold characters that a URL has to escape."""
    return f"TXT/{record.id}[0]"


def _invalid(description: str) -> Response:
    issue = {"issue": "INVALID_VALUE", "description": description}
    return _error(422, "VALIDATION_FAILED", "Request failed validation", issue)


def _error(status: int, name: str, message: str, *details: dict[str, str]) -> Response:
    body = {"name": name, "message": message, "correlationId": "1", "details": list(details)}
    return Response(status, body)
