"""
DreamHost's API: a record is its name, type and value. Its name servers may take hours to show one.

https://help.dreamhost.com/hc/en-us/articles/217555707-DNS-API-overview. The key goes in the URL's
query, which is the one way that is documented; so no URL is ever shown or logged. Every answer has
the status 200, and an error is a code, perhaps with specifics behind a tab.

Compared with recorded traffic, peers' clients and documents.
"""

from typing import Any, Final

from byodkim_provider.dkim import records
from byodkim_provider.dns.panels import Panel
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.http_host import RETRY_SECONDS, HttpHost
from byodkim_provider.hosts.interface import Busy, HostSpec
from byodkim_provider.messages.hosts import HostMessages

SPEC: Final = HostSpec(
    secrets={"key": "DREAMHOST_API_KEY"},
    ttl=None,
    hours_to_show=6,
    panels={
        # https://help.dreamhost.com/hc/en-us/articles/216106197-Add-an-SPF-record
        "dreamhost": Panel(
            title="DreamHost",
            where="Manage Websites › {zone} › DNS Settings › Add Record › TXT Record › Add",
            name_field="Host",
            value_field="TXT Value",
            ttl="",
            cname_quirks=("what the field 'Value' is called for a CNAME is not known to us",),
            quirks=("a new record may take up to 6 hours to show",),
            name_servers=(r"ns\d+\.dreamhost\.com",),
            serves_all=True,
        ),
    },
)


class Host(HttpHost):
    """One zone of an account."""

    spec = SPEC
    address = "https://api.dreamhost.com"
    key = "key"
    key_refused = (
        "the key may have been removed, or lack a function (All dns functions): make a new one in "
        "the panel (Advanced › API)"
    )

    def _headers(self) -> dict[str, str]:
        return {}

    def add(self, name: str, value: str) -> None:
        self._command("dns-add_record", record=name, type="TXT", value=value)

    def _delete(self, key: tuple[str, str]) -> None:
        # Spelled as in the list: with a final dot if the list has one.
        self._command("dns-remove_record", record=key[0], type="TXT", value=key[1])

    def _records(self, name: str) -> list[tuple[tuple[str, str], str]]:
        # The API lists all zones, or none.
        return [
            ((record["record"], record["value"]), records.unquoted(record["value"]))
            for record in self._command("dns-list_records")
            if record["type"] == "TXT" and record["record"].rstrip(".").lower() == name
        ]

    def _command(self, command: str, **values: str) -> Any:
        query = {"key": self._credentials["key"], "cmd": command, "format": "json", **values}
        answer = self._call("GET", "/", fields=query)
        data = answer.get("data")
        if answer["result"] == "success":
            return data
        said = self._credentials.said(str(data or answer.get("reason")))
        code = said.partition(" ")[0]
        answered = HostMessages.SAID(said=said)
        if code == "slow_down_bucko":
            raise Busy(said, RETRY_SECONDS)
        if code in ("invalid_api_key", "this_key_cannot_access_this_cmd"):
            raise self._forbidden(answered)
        if code.startswith("internal_error"):
            raise DnsUnconfirmed(answered)
        raise DnsRefused(answered)
