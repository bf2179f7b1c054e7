"""
Cloudflare's API, version 4, for one account:
https://developers.cloudflare.com/api/resources/dns/subresources/records/.

Statuses and codes of its errors are those that clients of it handle; the documents list few. Lists
are as recorded ones: an empty one has one page.
"""

import re
from math import ceil
from typing import Any, ClassVar, Final, Literal

from sandbox.dns.hosting import CLOUDFLARE_NAME_SERVERS
from sandbox.dns.zone import quoted, strings_of
from sandbox.hosts.api import ApiStandIn, Record, Request, Response

ROOT: Final = "/client/v4"

AUTOMATIC_TTL: Final = 300
"""The TTL, in seconds, for which 1 stands."""

_STRINGS: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Cloudflare(ApiStandIn):
    """An account with one zone, and perhaps more of the same name."""

    token: Final = "cfut_Yk3vJq0aWm1fTz7sGd9bLx5hRn2cPe8u"
    secrets: ClassVar = {"token": token}
    zone_id: Final = "0a" * 16
    name_servers = CLOUDFLARE_NAME_SERVERS

    may_read_zone = True
    """Without the permission, a list of zones is empty."""
    kept: Literal["as it came", "quoted strings"] = "as it came"
    """How values are listed."""
    in_unicode = False
    """Whether names beyond ASCII are listed as people write them."""
    more_zones: tuple[dict[str, Any], ...] = ()
    """Zones without records, as the API lists them."""

    def answer(self, request: Request) -> Response:
        path = request.path.removeprefix(ROOT).strip("/").split("/")
        match self._refusal(request), request.method, path:
            case Response() as refused, _, _:
                return refused
            case _, "GET", ["zones"]:
                return _page(self._zones(request), request)
            case _, method, ["zones", self.zone_id, "dns_records", *rest]:
                return self._of_records(method, rest, request)
        message = f"Could not route to {request.path}, perhaps your object identifier is invalid?"
        return _error(404, 7003, message)

    def trouble(self, status: int) -> Response:
        codes = {401: 10000, 429: 971}
        return _error(status, codes.get(status, 10001), f"not now, {self.token}")

    def _refusal(self, request: Request) -> Response | None:
        given = request.headers.get("Authorization", "")
        if not re.fullmatch(r"Bearer [\w-]{30,}", given):
            chain = [{"code": 6111, "message": "Invalid format for Authorization header"}]
            return _error(400, 6003, "Invalid request headers", error_chain=chain)
        if given != f"Bearer {self.token}":
            return _error(403, 9109, "Invalid access token")
        return None

    def _zones(self, request: Request) -> list[dict[str, Any]]:
        own = {
            "id": self.zone_id,
            "name": self._shown(self.zone),
            "name_servers": list(self.name_servers),
        }
        zones = [own, *self.more_zones] if self.may_read_zone else []
        wanted = request.query.get("name")
        return [one for one in zones if wanted in (None, _in_ascii(one["name"]))]

    def _of_records(self, method: str, rest: list[str], request: Request) -> Response:
        match method, rest:
            case "GET", []:
                listed, name = map(self._record, self.records), request.query.get("name.exact")
                return _page([one for one in listed if name == _in_ascii(one["name"])], request)
            case "POST", []:
                return self._create(request.body)
            case "DELETE", [record_id]:
                was_there = self._drop(*(one for one in self.records if _id(one) == record_id))
                return (
                    _done({"id": record_id})
                    if was_there
                    else _error(404, 81044, "Record does not exist.")
                )
        return _error(405, 10405, "Method not allowed for this authentication scheme")

    def _create(self, body: dict[str, Any]) -> Response:
        name, content, ttl = body["name"].lower().rstrip("."), body["content"], body["ttl"]
        if not f".{name}".endswith(f".{self.zone}"):
            name = f"{name}.{self.zone}"
        if ttl != 1 and not 60 <= ttl <= 86400:
            return _error(
                400, 9021, "TTL must be between 60 and 86400 seconds, or 1 for Automatic."
            )
        is_quoted = re.fullmatch(rf"{_STRINGS.pattern}(\s+{_STRINGS.pattern})*", content)
        if not is_quoted and '"' in content:
            return _error(400, 9101, "TXT content must be valid quoted strings.")
        given = [re.sub(r"\\(.)", r"\1", one) for one in _STRINGS.findall(content)] or [content]
        strings = [piece for string in given for piece in strings_of(string)]
        if "".join(strings) in self.stored(name):
            return _error(400, 81058, "An identical record already exists.")
        made = self._keep(
            name, content, ttl=AUTOMATIC_TTL if ttl == 1 else ttl, strings=tuple(strings)
        )
        return _done(self._record(made) | {"ttl": ttl})

    def _record(self, one: Record) -> dict[str, Any]:
        name, content = (
            self._shown(one.name),
            one.text if self.kept == "as it came" else quoted(one.strings),
        )
        fixed = {"type": "TXT", "proxiable": False, "proxied": False, "comment": None, "tags": []}
        return {"id": _id(one), "name": name, "content": content, "ttl": one.ttl, **fixed}

    def _shown(self, name: str) -> str:
        return name.encode().decode("idna") if self.in_unicode else name


def _in_ascii(name: str) -> str:
    return name.encode("idna").decode()


def _id(record: Record) -> str:
    return f"{record.id:032x}"


def _page(listed: list[dict[str, Any]], request: Request) -> Response:
    size, number = int(request.query.get("per_page", "20")), int(request.query.get("page", "1"))
    shown = listed[(number - 1) * size : number * size]
    info = {"page": number, "per_page": size, "count": len(shown), "total_count": len(listed)}
    answer = _done(shown)
    return Response(
        200,
        {**answer.body, "result_info": info | {"total_pages": max(1, ceil(len(listed) / size))}},
    )


def _done(result: Any) -> Response:
    return Response(200, {"success": True, "errors": [], "messages": [], "result": result})


def _error(status: int, code: int, message: str, **more: Any) -> Response:
    errors = [{"code": code, "message": message, **more}]
    return Response(status, {"success": False, "errors": errors, "messages": [], "result": None})
