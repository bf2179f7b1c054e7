"""
cPanel's UAPI module DNS for one account:
https://api.docs.cpanel.net/openapi/cpanel/operation/dns-mass_edit_zone/.
"""

import base64
import json
from typing import Any, Final

from sandbox.hosts.api import ApiStandIn, Request, Response

HEAD_LINES: Final = 3
"""Lines of the zone's file before the first TXT record."""


class CPanel(ApiStandIn):
    """A panel with one account and one zone. Its host can switch off tokens and the zone editor."""

    user: Final = "joe"
    token: Final = "HDHZT9XF0M5ZLRFGDDLV2NUW6EYVXD5N"

    tokens = True
    zone_editor = True
    relative_names = True
    """Whether the zone's file has names without the zone, or whole with a dot."""
    serial = 2026112500

    @property
    def secrets(self) -> dict[str, str]:  # type: ignore[override]  # its address is one
        return {"url": self.url.replace("://", f"://{self.user}:{self.token}@")}

    def changes(self, request: Request) -> bool:
        return request.path.endswith("/mass_edit_zone")

    def put(self, name: str, *strings: str) -> None:
        super().put(name, *strings)
        self.serial += 1

    def answer(self, request: Request) -> Response:
        opened = f"cpanel {self.user}:{self.token}"
        if request.headers.get("Authorization") != opened or not self.tokens:
            return _denied("Access denied")
        form = {**request.query, **(request.body or {})}
        if not self.zone_editor:
            return _failed("You do not have the feature “zoneedit”.")
        if form.get("zone") != self.zone:
            return _failed(f"You do not control a DNS zone named “{form.get('zone')}”.")
        if request.path == "/execute/DNS/parse_zone":
            return _done(self._lines())
        if request.path == "/execute/DNS/mass_edit_zone":
            return self._edit(form)
        return _failed("no such function")

    def trouble(self, status: int) -> Response:
        if status == 401:
            return _denied(f"Access denied, {self.token}")
        return Response(status, {"status": 0, "statusmsg": f"not now, {self.token}"})

    def _lines(self) -> list[dict[str, Any]]:
        times = ("3600", "1800", "1209600", "86400")
        soa = ("ns1.panel.example.", f"root.{self.zone}.", str(self.serial), *times)
        lines = [
            {"line_index": 0, "type": "comment", "text_b64": _encoded("; Zone file")},
            {"line_index": 1, "type": "control", "text_b64": _encoded("$TTL 14400")},
            _line(2, f"{self.zone}.", "SOA", soa, 86400),
        ]
        for number, one in enumerate(self.records, HEAD_LINES):
            name = one.name.removesuffix(f".{self.zone}") if self.relative_names else f"{one.name}."
            lines.append(_line(number, name, "TXT", one.strings, one.ttl))
        return lines

    def _edit(self, form: dict[str, str]) -> Response:
        if form.get("serial") != str(self.serial):
            return _failed(
                f"The given serial number ({form.get('serial')}) does not match the DNS "
                "zone’s serial number "
                f"({self.serial}). Refresh your view of the zone, then resubmit."
            )
        if "remove" in form:
            self._drop(self.records[int(form["remove"]) - HEAD_LINES])
        if "add" in form:
            new = json.loads(form["add"])
            if any(len(string) > 255 for string in new["data"]):
                return _failed("a string has more than 255 octets")
            name = new["dname"]
            name = name[:-1] if name.endswith(".") else f"{name}.{self.zone}"
            self._keep(name, "", ttl=new["ttl"], strings=tuple(new["data"]))
        self.serial += 1
        return _done({"new_serial": str(self.serial)})


def _line(number: int, name: str, kind: str, data: tuple[str, ...], ttl: int) -> dict[str, Any]:
    encoded = {"dname_b64": _encoded(name), "data_b64": [_encoded(one) for one in data]}
    return {"line_index": number, "type": "record", "record_type": kind, "ttl": ttl, **encoded}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _done(data: Any) -> Response:
    return Response(
        200, {"status": 1, "errors": None, "warnings": None, "messages": None, "data": data}
    )


def _failed(error: str) -> Response:
    return Response(
        200, {"status": 0, "errors": [error], "warnings": None, "messages": None, "data": None}
    )


def _denied(error: str) -> Response:
    """What the older API says, whatever was asked for."""
    result = {"apiversion": "2", "error": error, "data": {"reason": error, "result": "0"}}
    return Response(403, {"cpanelresult": result})
