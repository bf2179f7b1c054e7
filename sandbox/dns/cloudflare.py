"""
Cloudflare's DNS API for the zones of one account, played by an HTTP server in a thread.

As strict as the real one where a record is concerned: TTL, doubles, and the form a TXT value
is kept in, which is quoted and split however it came.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from typing import Any, Final

from sandbox.dns.hosting import CHILD_NAME_SERVERS, HostedZone
from sandbox.dns.zone import RecordSet
from sandbox.http_stand_in import HttpStandIn, Request, Response

NAME_SERVERS: Final = CHILD_NAME_SERVERS[2:]
"""The two name servers of every zone here; they serve delegated zones of Route 53 as well."""

AUTOMATIC_TTL: Final = 300
"""The TTL, in seconds, that Cloudflare uses for a TTL of 1."""

ROOT: Final = "/client/v4"

Json = dict[str, Any]


class Refused(Exception):
    """The API's answer to a request that can't be done."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Cloudflare(HttpStandIn):
    """One account; it accepts any token."""

    token: Final = "any-token-opens-the-sandbox"

    def __init__(self) -> None:
        super().__init__()
        self._zones: dict[str, Json] = {}
        self._records: dict[str, dict[str, Json]] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """For the variable CLOUDFLARE_BASE_URL."""
        return f"{super().url}{ROOT}"

    def respond(self, request: Request) -> Response:
        path = request.path.removeprefix(ROOT)
        try:
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                raise Refused(401, 10000, "Authentication error")
            result = self.request(request.method, path, request.query, request.body)
        except Refused as refused:
            errors = [{"code": refused.code, "message": str(refused)}]
            return Response(refused.status, {"success": False, "errors": errors})
        return Response(200, {"success": True, "result": result})

    def add_zone(self, name: str) -> str:
        """
        Id of a new zone.

        It is pending, as the real ones are, while another provider has a zone of that name: the
        registrar names that one, until `activate`.
        """
        zone_id = secrets.token_hex(16)
        with self._lock:
            self._zones[zone_id] = {
                "id": zone_id,
                "name": name,
                "name_servers": list(NAME_SERVERS),
                "status": "pending",
            }
            self._records[zone_id] = {}
        return zone_id

    def activate(self, zone_id: str) -> None:
        """The registrar names Cloudflare's servers from now on."""
        self._zones[zone_id]["status"] = "active"

    def add_record(self, zone_id: str, **record: Any) -> None:
        """A record that a person created."""
        self.request("POST", f"/zones/{zone_id}/dns_records", {}, {"ttl": 1, **record})

    def records(self, zone_id: str) -> list[Json]:
        """The records of a zone, as the API shows them."""
        return list(self._records[zone_id].values())

    def zones(self, status: str) -> list[HostedZone]:
        """The zones that are `active` or `pending`, for the DNS servers."""
        with self._lock:
            return [
                HostedZone(zone["name"], NAME_SERVERS, tuple(_record_sets(zone, self._records[zone["id"]])))
                for zone in self._zones.values()
                if zone["status"] == status
            ]

    def request(self, method: str, path: str, query: Mapping[str, str], body: Json) -> Any:
        """The `result` of one request; raises `Refused`."""
        with self._lock:
            match method, path.strip("/").split("/"):
                case "GET", ["zones"]:
                    name = query.get("name")
                    return [zone for zone in self._zones.values() if name in (None, zone["name"])]
                case "GET", ["zones", zone_id]:
                    return self._zone(zone_id)
                case "GET", ["zones", zone_id, "dns_records"]:
                    self._zone(zone_id)
                    wanted = (query["type"], query["name.exact"])
                    return [
                        one for one in self._records[zone_id].values() if (one["type"], one["name"]) == wanted
                    ]
                case "POST", ["zones", zone_id, "dns_records"]:
                    return self._put(zone_id, secrets.token_hex(16), body)
                case "GET", ["zones", zone_id, "dns_records", record_id]:
                    return self._record(zone_id, record_id)
                case "PUT", ["zones", zone_id, "dns_records", record_id]:
                    self._record(zone_id, record_id)
                    return self._put(zone_id, record_id, body)
                case "DELETE", ["zones", zone_id, "dns_records", record_id]:
                    return self._records[zone_id].pop(self._record(zone_id, record_id)["id"])
        raise Refused(404, 7000, "No route for that URI")

    def _zone(self, zone_id: str) -> Json:
        if zone_id not in self._zones:
            raise Refused(
                404, 7003, f"Could not route to /zones/{zone_id}, perhaps your object identifier is invalid?"
            )
        return self._zones[zone_id]

    def _record(self, zone_id: str, record_id: str) -> Json:
        self._zone(zone_id)
        if record_id not in self._records[zone_id]:
            raise Refused(404, 81044, "Record does not exist.")
        return self._records[zone_id][record_id]

    def _put(self, zone_id: str, record_id: str, body: Json) -> Json:
        zone = self._zone(zone_id)["name"]
        name, ttl = str(body["name"]).lower().rstrip("."), int(body["ttl"])
        if name != zone and not name.endswith(f".{zone}"):
            name = f"{name}.{zone}"
        if ttl != 1 and not 60 <= ttl <= 86400:
            raise Refused(
                400, 9021, "Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic."
            )
        content = _kept(body["content"]) if body["type"] == "TXT" else str(body["content"])
        record = {
            "id": record_id,
            "name": name,
            "type": body["type"],
            "content": content,
            "ttl": ttl,
            "comment": body.get("comment") or None,
        }
        same = ("name", "type", "content")
        for other in self._records[zone_id].values():
            if other["id"] != record_id and all(other[key] == record[key] for key in same):
                raise Refused(400, 81058, "An identical record already exists.")
        self._records[zone_id][record_id] = record
        return record


def _kept(content: str) -> str:
    """A TXT value as Cloudflare keeps it: strings of at most 255 octets, each in quotes."""
    if not re.fullmatch(r'"[^"]*"(\s+"[^"]*")*', content):
        content = f'"{content}"'
    strings = [
        string[start : start + 255]
        for string in re.findall(r'"([^"]*)"', content)
        for start in range(0, len(string) or 1, 255)
    ]
    return " ".join(f'"{string}"' for string in strings)


def _record_sets(zone: Json, records: dict[str, Json]) -> list[RecordSet]:
    name = zone["name"]
    soa = f"{NAME_SERVERS[0]}. dns.cloudflare.com. 1 10000 2400 604800 1800"
    sets = {
        (name, "SOA"): RecordSet(name, "SOA", 1800, (soa,)),
        (name, "NS"): RecordSet(name, "NS", 86400, NAME_SERVERS),
    }
    for one in records.values():
        ttl = AUTOMATIC_TTL if one["ttl"] == 1 else one["ttl"]
        before = sets.get((one["name"], one["type"]))
        values = (*before.values, one["content"]) if before else (one["content"],)
        sets[one["name"], one["type"]] = RecordSet(one["name"], one["type"], ttl, values)
    return list(sets.values())
