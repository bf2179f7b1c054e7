"""
cPanel's UAPI, as HostGator and many other hosts have it: lines of a zone, guarded by the zone's
serial.

https://api.docs.cpanel.net/openapi/cpanel/operation/dns-mass_edit_zone/. An edit names the serial
that was read with the line, and is refused if anything in the zone has changed since. A refusal is
a sentence without a code, so the serial itself is read again. A host can switch tokens, or the zone
editor, off.

Compared with peers' clients and documents.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from byodkim_provider.dkim import records
from byodkim_provider.dns.panels import Panel
from byodkim_provider.errors import DnsRefused, DnsUnconfirmed
from byodkim_provider.hosts.http_host import HttpHost
from byodkim_provider.hosts.interface import HostSpec
from byodkim_provider.messages.hosts import HostMessages

ACCOUNT: Final = re.compile(
    "(?P<scheme>https?://)(?P<user>[^:/?#]+):(?P<token>[^/?#]+)@"
    r"(?P<server>[^:/?#@\\]+)(?P<port>:[0-9]+)?/?"
)

SPEC: Final = HostSpec(
    secrets={"url": "CPANEL_URL"},
    ttl=range(2**31),
    default_ttl=14400,  # what the panel fills in
    panels={
        # https://www.hostgator.com/help/article/what-are-my-name-servers
        "hostgator": Panel(
            title="HostGator",
            where='cPanel › Zone Editor › {zone} › Manage › Add Record › Add "TXT" Record',
            name_field="Name",
            value_field="Record",
            target_field="Record",
            name_form="full, final dot",
            ttl="14400",
            txt_quirks=(
                "how it takes a value over 255 characters is not known to us: if it refuses one, "
                'try two strings in quotes, "first 255" "rest"',
            ),
            quirks=(
                "a new record may take up to 8 hours to show",
                "private name servers, under a name of one's own, are possible",
            ),
            name_servers=(r"(ns|hgns)\d+\.hostgator\.com", r"ns\d+\.websitewelcome\.com"),
        ),
    },
)


class Host(HttpHost):
    """
    One zone of an account at one panel.

    Server, user and token are one secret, so that whoever can change only what is not encrypted in
    a stack file can't send the token to a server of their own.
    """

    spec = SPEC
    key = "url"
    key_refused = (
        "the token may have expired or been revoked, or the host has switched tokens off: make a "
        "new one in cPanel (Manage API Tokens)"
    )

    def _address(self) -> str:
        account = self._account()
        return f"{account['scheme']}{account['server']}{account['port'] or ':2083'}"

    def _headers(self) -> dict[str, str]:
        account = self._account()
        return {"Authorization": f"cpanel {unquote(account['user'])}:{unquote(account['token'])}"}

    def _account(self) -> re.Match[str]:
        account = ACCOUNT.fullmatch(self._credentials["url"])
        if account is None:
            raise DnsRefused(HostMessages.URL(setting=self._credentials.hint("url")))
        return account

    def add(self, name: str, value: str) -> None:
        serial, lines = self._lines(name)
        if lines:
            raise DnsUnconfirmed(HostMessages.NAME_CHANGED())
        record = {
            "dname": f"{name}.",
            "ttl": self._ttl,
            "record_type": "TXT",
            "data": list(records.strings(value)),
        }
        self._edit(serial, add=json.dumps(record))

    def _records(self, name: str) -> list[tuple[tuple[str, str], str]]:
        serial, lines = self._lines(name)
        return [((serial, number), value) for number, value in lines]

    def _delete(self, key: tuple[str, str]) -> None:
        # Then the zone has another serial, and lines have other numbers. Of two equal records the
        # second is not done (`DnsUnconfirmed`), and `publish` reads again.
        self._edit(key[0], remove=key[1])

    def _lines(self, name: str) -> tuple[str, list[tuple[str, str]]]:
        """The zone's serial, and numbers and values of the lines with the TXT records at *name*."""
        data = self._asked("parse_zone")
        lines = [line for line in data if line["type"] == "record"]
        serials = [line["data_b64"][2] for line in lines if line["record_type"] == "SOA"]
        if not serials:
            raise DnsRefused(HostMessages.NO_SOA())
        numbered = [
            (str(line["line_index"]), "".join(map(_decoded, line["data_b64"])))
            for line in lines
            if line["record_type"] == "TXT" and self._name(line) == name
        ]
        return _decoded(serials[0]), numbered

    def _name(self, line: Mapping[str, Any]) -> str:
        written = _decoded(line["dname_b64"]).lower()
        if written.endswith("."):
            return written[:-1]
        return self._zone if written in ("", "@") else f"{written}.{self._zone}"

    def _edit(self, serial: str, **change: str) -> None:
        try:
            self._asked("mass_edit_zone", serial=serial, **change)
        except DnsRefused:
            serial_now, _ = self._lines(self._zone)
            if serial_now != serial:
                raise DnsUnconfirmed(HostMessages.ZONE_CHANGED()) from None
            raise

    def _asked(self, function: str, **values: str) -> Any:
        form = {"zone": self._zone, **values}
        answer = self._call("POST", f"/execute/DNS/{function}", fields=form, encode_multipart=False)
        if answer["status"] == 1:
            return answer.get("data")
        said = self._credentials.said(" ".join(map(str, answer.get("errors") or ["no reason"])))
        raise DnsRefused(HostMessages.PANEL_SAID(said=said, zone=self._zone))


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode(errors="surrogateescape")
