"""
Cloudflare's DNS API for the zones of one account, played by an HTTP server in a thread.

As strict as the real one where a record is concerned: TTL, doubles, and the form a TXT value
is kept in, which is quoted and split however it came.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from sandbox.dns.hosting import CHILD_NAME_SERVERS, HostedZone
from sandbox.dns.zone import RecordSet

__all__ = ["Cloudflare"]

NAME_SERVERS: Final = CHILD_NAME_SERVERS[2:]
"""The two name servers of every zone here; they serve delegated zones of Route 53 as well."""

AUTOMATIC_TTL: Final = 300
"""The TTL, in seconds, that Cloudflare uses for a TTL of 1."""

Json = dict[str, Any]


class Refused(Exception):
    """The API's answer to a request that can't be done."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Cloudflare:
    """One account; it accepts any token."""

    token: Final = "any-token-opens-the-sandbox"

    def __init__(self) -> None:
        self._zones: dict[str, Json] = {}
        self._records: dict[str, dict[str, Json]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    def start(self) -> None:
        """Answer on a free port from now on."""
        threading.Thread(target=self._server.serve_forever, name="sandbox-cloudflare", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """For the variable CLOUDFLARE_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/client/v4"

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

    def request(self, method: str, path: str, query: Json, body: Json) -> Any:
        """The `result` of one request; raises `Refused`."""
        with self._lock:
            match method, path.strip("/").split("/"):
                case "GET", ["zones"]:
                    return [zone for zone in self._zones.values() if zone["name"] == query["name"]]
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


def _handler(cloudflare: Cloudflare) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            url = urlsplit(self.path.removeprefix("/client/v4"))
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            try:
                if self.headers.get("Authorization") != f"Bearer {cloudflare.token}":
                    raise Refused(401, 10000, "Authentication error")
                status, reply = (
                    200,
                    {"success": True, "result": cloudflare.request(self.command, url.path, query, body)},
                )
            except Refused as refused:
                status = refused.status
                reply = {"success": False, "errors": [{"code": refused.code, "message": str(refused)}]}
            text = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 # the standard library's names

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    return Handler
