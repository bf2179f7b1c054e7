"""
Wix's API: a zone's record sets, of which one request removes some and adds others, all or nothing.

https://dev.wix.com/docs/rest/account-level/domains/domain-dns/update-dns-zone. A set is removed by
its exact values, so that one that has changed meanwhile is refused and not overwritten. An empty
list of additions or deletions must be left out.

Its documents don't say in which form it accepts a value of more than 255 characters: this sends it
in one piece first, then in quoted strings if that is refused, or fails in Google's DNS behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from byodkim_provider.dkim import records
from byodkim_provider.dns.panels import Panel
from byodkim_provider.errors import DnsUnconfirmed
from byodkim_provider.hosts.http_host import (
    HttpHost,
    HttpRefused,
    HttpTrouble,
    as_documented,
    in_time,
)
from byodkim_provider.hosts.interface import HostSpec, Ttl
from byodkim_provider.messages.hosts import HostMessages

SPEC: Final = HostSpec(
    secrets={"apiKey": "WIX_API_KEY", "accountId": "WIX_ACCOUNT_ID"},
    plain=("accountId",),
    ttl=Ttl(0, 2**31 - 1, default=3600),  # what the panel offers
    evidence=("the vendor's own client", "documents"),
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
        return tuple(
            dict.fromkeys(
                records.unquoted(value) for one in self._sets(name) for value in one["values"]
            )
        )

    def add(self, name: str, value: str) -> None:
        try:
            self._change(additions=[self._set(name, [value], self._ttl)])
        except (HttpRefused, HttpTrouble) as error:
            if self._sets(name):
                raise DnsUnconfirmed(HostMessages.NAME_CHANGED()) from None
            if len(value) <= records.STRING_OCTETS:
                raise
            try:
                self._change(additions=[self._set(name, [records.quoted(value)], self._ttl)])
            except HttpRefused:
                raise error from None

    def remove(self, name: str, value: str) -> None:
        before = self._sets(name)
        for one in in_time(before):
            rest = [each for each in one["values"] if records.unquoted(each) != value]
            if len(rest) == len(one["values"]):
                continue
            gone = [self._set(name, one["values"], one["ttl"])]
            left = [self._set(name, rest, one["ttl"])] if rest else []
            try:
                self._change(deletions=gone, additions=left)
            except HttpRefused:
                if self._sets(name) != before:
                    raise DnsUnconfirmed(HostMessages.NAME_CHANGED()) from None
                raise

    def _sets(self, name: str) -> list[dict[str, Any]]:
        """The TXT record sets at *name*: one at most, by the documents."""
        answer = self._call("GET", self._path)
        with as_documented("Wix"):
            return [
                {
                    "values": [str(value) for value in one["values"]],
                    "ttl": one.get("ttl", self._ttl),
                }
                for one in answer["dnsZone"].get("records") or ()
                if one["type"] == "TXT" and str(one["hostName"]).rstrip(".").lower() == name
            ]

    def _set(self, name: str, values: Sequence[str], ttl: int) -> dict[str, Any]:
        return {"type": "TXT", "hostName": name, "values": list(values), "ttl": ttl}

    def _change(
        self,
        *,
        additions: Sequence[Mapping[str, Any]] = (),
        deletions: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        changes = {"additions": list(additions), "deletions": list(deletions)}
        body = {name: sets for name, sets in changes.items() if sets}
        self._call("PATCH", self._path, body={"domainName": self._zone, **body})

    @property
    def _path(self) -> str:
        return f"/domains/v1/dns-zones/{quote(self._zone, safe='')}"
