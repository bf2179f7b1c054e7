"""
GoDaddy's API, version 3: one record by its id. Version 1 writes whole sets, and loses those of
others.

https://developer.godaddy.com; the token is a personal access token with two scopes.

Compared with the vendor's own client, peers' clients and documents.
"""

from typing import Final
from urllib.parse import quote

from byodkim_provider.dkim import records
from byodkim_provider.dns.panels import Panel
from byodkim_provider.hosts.http_host import HttpHost
from byodkim_provider.hosts.interface import HostSpec

SPEC: Final = HostSpec(
    secrets={"token": "GODADDY_PAT"},
    ttl=range(600, 86401),
    default_ttl=600,
    panels={
        # https://www.godaddy.com/help/add-a-txt-record-19232
        # https://www.godaddy.com/help/add-a-cname-record-19236
        "godaddy": Panel(
            title="GoDaddy",
            where="Domain Portfolio › {zone} › DNS › Add New Record",
            name_field="Name",
            value_field="Value",
            ttl="1 Hour",
            name_servers=(r"[a-z0-9-]+\.domaincontrol\.com",),
            serves_all=True,
        ),
    },
)


class Host(HttpHost):
    """One zone of an account."""

    spec = SPEC
    address = "https://api.godaddy.com"
    key = "token"
    key_refused = (
        "the token may have expired (after a year at most), lack a scope (domains.domain:read, "
        "domains.dns:update), or be of an account that may not use the API: make a new one"
    )

    def add(self, name: str, value: str) -> None:
        body = {"type": "TXT", "name": self._relative(name), "data": value, "ttl": self._ttl}
        self._call("POST", self._path, json=body)

    def _delete(self, key: str) -> None:
        self._call("DELETE", f"{self._path}/{quote(key, safe='')}")

    @property
    def _path(self) -> str:
        return f"/v3/domains/zones/{quote(self._zone, safe='')}/dns-records"

    def _relative(self, name: str) -> str:
        return "@" if name == self._zone else name.removesuffix(f".{self._zone}")

    def _records(self, name: str) -> list[tuple[str, str]]:
        wanted = self._relative(name)
        query = {"type": "TXT", "name": wanted}
        answer = self._call("GET", self._path, fields=query)
        return [
            (str(record["recordId"]), records.unquoted(record["data"]))
            for record in (answer or {}).get("items") or []
            if (record.get("type"), record.get("name")) == ("TXT", wanted)
        ]
