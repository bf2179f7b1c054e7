"""
Wix's API: a zone's record sets, of which one request removes some and adds others, all or nothing.

https://dev.wix.com/docs/rest/account-level/domains/domain-dns/update-dns-zone. A set is removed by
its exact values, so that one that has changed meanwhile is refused and not overwritten. An empty
list of additions or deletions must be left out.

Its documents don't say in which form it accepts a value of more than 255 characters: this sends it
in one piece first, then in quoted strings if that is refused, or fails in Google's DNS behind it.

Compared with the vendor's own client and documents.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from byodkim_provider.dkim import records
from byodkim_provider.dns.panels import Panel
from byodkim_provider.errors import DnsRefused
from byodkim_provider.hosts.http_host import HttpHost, HttpTrouble
from byodkim_provider.hosts.interface import HostSpec

SPEC: Final = HostSpec(
    secrets={"apiKey": "WIX_API_KEY", "accountId": "WIX_ACCOUNT_ID"},
    plain=("accountId",),
    ttl=range(2**31),
    default_ttl=3600,  # what the panel offers
    panels={
        # https://support.wix.com/en/article/adding-or-updating-txt-records-in-your-wix-account
        "wix": Panel(
            title="Wix",
            where="Domains › {zone} › Manage DNS Records › TXT (Text) › Add Record",
            name_field="Host Name",
            value_field="Value",
            ttl="1 Hour",
            txt_quirks=("how long a value may be is not known to us",),
            cname_quirks=(
                "the list is 'CNAME (Aliases)', the field 'Value' may be called 'Points to'",
            ),
            name_servers=(r"ns\d+\.wixdns\.net",),
            serves_all=True,
        ),
    },
)


class Host(HttpHost):
    """One zone of an account, whose domain's name servers are Wix's."""

    spec = SPEC
    address = "https://www.wixapis.com"
    key = "apiKey"
    key_refused = (
        "the API key may have been removed, lack the permission Manage Domains, or be one of a "
        "site and not of the account: make a new one (Account settings › API Keys)"
    )

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": self._credentials["apiKey"],
            "wix-account-id": self._credentials["accountId"],
        }

    def values(self, name: str) -> tuple[str, ...]:
        listed = [value for record_set in self._sets(name) for value in record_set["values"]]
        return tuple(dict.fromkeys(map(records.unquoted, listed)))

    def add(self, name: str, value: str) -> None:
        try:
            self._change(additions=[self._set(name, [value], self._ttl)])
        except (DnsRefused, HttpTrouble) as error:
            if len(value) <= records.STRING_OCTETS or self._sets(name):
                raise
            try:
                self._change(additions=[self._set(name, [records.quoted(value)], self._ttl)])
            except DnsRefused:
                raise error from None

    def remove(self, name: str, value: str) -> None:
        for record_set in self._sets(name):
            values = record_set["values"]
            others = [other for other in values if records.unquoted(other) != value]
            if others != values:
                additions = [record_set | {"values": others}] if others else []
                self._change(deletions=[record_set], additions=additions)

    def _sets(self, name: str) -> list[dict[str, Any]]:
        """The TXT record sets at *name*: one at most, by the documents."""
        answer = self._call("GET", self._path)
        return [
            self._set(name, map(str, listed["values"]), listed.get("ttl", self._ttl))
            for listed in answer["dnsZone"].get("records") or ()
            if listed["type"] == "TXT" and listed["hostName"].rstrip(".").lower() == name
        ]

    def _set(self, name: str, values: Iterable[str], ttl: int) -> dict[str, Any]:
        return {"type": "TXT", "hostName": name, "values": list(values), "ttl": ttl}

    def _change(self, **changes: Sequence[Mapping[str, Any]]) -> None:
        """*changes*: `additions` and `deletions`, all or nothing."""
        body = {name: sets for name, sets in changes.items() if sets}
        self._call("PATCH", self._path, json={"domainName": self._zone, **body})

    @property
    def _path(self) -> str:
        return f"/domains/v1/dns-zones/{quote(self._zone, safe='')}"
