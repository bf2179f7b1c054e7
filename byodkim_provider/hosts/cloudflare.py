"""
Cloudflare's API, version 4: one record by its id.

https://developers.cloudflare.com/api/resources/dns/subresources/records/. A value is quoted strings
there (RFC 1035), but people may have typed it in without quotes, and it is listed as it was typed.
An error is decided by its code.

Compared with recorded traffic, peers' clients and documents.
"""

from functools import cached_property
from typing import Final
from urllib.parse import quote

import idna

from byodkim_provider.dkim import records
from byodkim_provider.dns.panels import Panel
from byodkim_provider.errors import DnsRefused
from byodkim_provider.hosts.http_host import HttpHost
from byodkim_provider.hosts.interface import HostSpec
from byodkim_provider.messages.hosts import HostMessages

PERMISSIONS: Final = "Zone › Zone › Read and Zone › DNS › Edit"

SPEC: Final = HostSpec(
    secrets={"token": "CLOUDFLARE_API_TOKEN"},
    options=("zone_id",),
    ttl=range(60, 86401),
    default_ttl=300,
    panels={
        # https://developers.cloudflare.com/dns/manage-dns-records/how-to/create-dns-records/
        # https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/
        "cloudflare": Panel(
            title="Cloudflare",
            where="{zone} › DNS › Records › Add record",
            name_field="Name",
            value_field="Content",
            target_field="Target",
            ttl="Auto",
            quirks=("the full name is understood too",),
            cname_quirks=("Proxy status: DNS only (grey cloud): a proxied CNAME shows no key",),
            name_servers=(r"[a-z0-9-]+\.ns\.cloudflare\.com",),
        ),
    },
)


class Host(HttpHost):
    """One zone of an account."""

    spec = SPEC
    address = "https://api.cloudflare.com/client/v4"
    key = "token"
    key_refused = (
        f"the token may have expired, or lack a permission for the zone ({PERMISSIONS}): make a "
        "new one (My Profile › API Tokens)"
    )
    key_codes = frozenset({"401", "403", "6111"})  # the last: it has not the form of a token

    def add(self, name: str, value: str) -> None:
        body = {"type": "TXT", "name": name, "content": records.quoted(value), "ttl": self._ttl}
        self._call("POST", self._path, json=body)

    def _delete(self, key: str) -> None:
        self._call("DELETE", f"{self._path}/{quote(key, safe='')}")

    def _records(self, name: str) -> list[tuple[str, str]]:
        answer = self._call("GET", self._path, fields={"type": "TXT", "name.exact": name})
        return [
            (str(record["id"]), records.unquoted(record["content"]))
            for record in answer["result"]
            if (record["type"], _in_ascii(record["name"])) == ("TXT", name)
        ]

    @cached_property
    def _path(self) -> str:
        """Raises `DnsRefused` if there is no zone of the name, or several."""
        zone_id = self._settings.zone_id
        if not zone_id:
            zones = self._call("GET", "/zones", fields={"name": self._zone})["result"]
            ids = [str(zone["id"]) for zone in zones if _in_ascii(zone["name"]) == self._zone]
            if len(ids) != 1:
                raise DnsRefused(
                    HostMessages.NO_ZONE(zone=self._zone, count=len(ids), permissions=PERMISSIONS)
                )
            zone_id = ids[0]
        return f"/zones/{quote(zone_id, safe='')}/dns_records"


def _in_ascii(name: str) -> str:
    """*name* as DNS has it: the API may list letters beyond ASCII as they are typed."""
    labels = name.lower().split(".")
    return ".".join(label if label.isascii() else idna.alabel(label).decode() for label in labels)
