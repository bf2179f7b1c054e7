"""
What to type in which field of which provider's DNS panel, and how to mend a slip there.

Data and text: no DNS, no AWS. What no document of a provider says is said to be unknown, and
is not guessed. Names and values are put together in `records`; here they are only laid out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from byodkim_provider.records import PLACEHOLDER, quoted

__all__ = [
    "MISTAKES",
    "PANELS",
    "Panel",
    "instructions",
    "mending",
    "name_to_type",
    "problems",
    "recognise",
    "serves",
    "value_to_type",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One provider's panel for DNS records, as the person in front of it sees it."""

    title: str
    where: str
    """The way to the form for a new record; empty if it is not known."""
    name_field: str
    value_field: str
    type_choice: str = "TXT"
    """What to choose in the field for the type."""
    name_form: Literal["relative", "full, final dot", "unknown"] = "relative"
    """Without the zone, which the panel adds itself; or whole, with a dot behind it."""
    value_form: Literal["one piece", "quoted strings", "unknown"] = "one piece"
    """As it is, and the panel splits it; or in strings of at most 255 octets, each in quotes."""
    ttl: str
    """What to choose as TTL; empty if there is no such field."""
    max_name: int | None = None
    """Most characters of the name as it is typed; None if DNS's own limit comes first, or it is not known."""
    max_value: int | None = None
    quirks: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()
    """Patterns of the names of its name servers, without a final dot; empty if they are not known."""


PANELS: Final[Mapping[str, Panel]] = MappingProxyType(
    {
        # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#TXTFormat
        "route53": Panel(
            title="Route 53",
            where="Hosted zones › the zone › Create record",
            name_field="Record name",
            value_field="Value",
            value_form="quoted strings",
            ttl="300",
            max_value=4000,
            quirks=(
                "without the quotes, or in one string over 255 characters, the console refuses the value",
            ),
            name_servers=(r"ns-\d+\.awsdns-\d+\.(com|net|org|co\.uk)",),
        ),
        # https://www.godaddy.com/help/add-a-txt-record-19232
        "godaddy": Panel(
            title="GoDaddy",
            where="Domain Portfolio › the domain › DNS › Add New Record",
            name_field="Name",
            value_field="Value",
            ttl="1 Hour",
            max_name=255,
            max_value=1024,
            name_servers=(r"[a-z0-9-]+\.domaincontrol\.com",),
        ),
        # https://help.dreamhost.com/hc/en-us/articles/216106197-Add-an-SPF-record
        "dreamhost": Panel(
            title="DreamHost",
            where="Manage Websites › the domain › DNS Settings › Add Record › TXT Record › Add",
            name_field="Host",
            value_field="TXT Value",
            ttl="",
            quirks=("a new record may take up to 6 hours to show",),
            name_servers=(r"ns\d+\.dreamhost\.com",),
        ),
        # https://developers.cloudflare.com/dns/manage-dns-records/how-to/create-dns-records/
        "cloudflare": Panel(
            title="Cloudflare",
            where="the domain › DNS › Records › Add record",
            name_field="Name",
            value_field="Content",
            ttl="Auto",
            max_value=2048,
            quirks=("the full name is understood too",),
            name_servers=(r"[a-z0-9-]+\.ns\.cloudflare\.com",),
        ),
        # https://www.hostgator.com/help/article/what-are-my-name-servers
        "hostgator": Panel(
            title="HostGator",
            where='cPanel › Zone Editor › Manage › Add Record › Add "TXT" Record',
            name_field="Name",
            value_field="Record",
            name_form="full, final dot",
            ttl="14400",
            quirks=(
                "how it takes a value over 255 characters is not known to us: if it refuses one, "
                'try two strings in quotes, "first 255" "rest"',
                "a new record may take up to 8 hours to show",
                "private name servers, under a name of one's own, are possible",
            ),
            name_servers=(r"(ns|hgns)\d+\.hostgator\.com", r"ns\d+\.websitewelcome\.com"),
        ),
        # https://www.namecheap.com/support/knowledgebase/article.aspx/317/2237/
        "namecheap": Panel(
            title="Namecheap",
            where="Domain List › Manage › Advanced DNS › Add New Record",
            type_choice="TXT Record",
            name_field="Host",
            value_field="Value",
            ttl="Automatic",
            max_name=60,
            max_value=2500,
            name_servers=(r"[a-z0-9-]+\.registrar-servers\.com",),
        ),
        # The provider documents none of it; its name servers are those that customers write down.
        "namescouk": Panel(
            title="Names.co.uk",
            where="the domain › Manage DNS",
            name_field="Host",
            value_field="Value",
            name_form="unknown",
            value_form="unknown",
            ttl="whatever it offers",
            quirks=("names of fields, limits and quotes: not known to us",),
            name_servers=(r"ns\d+\.phase8\.net",),
        ),
        # https://support.wix.com/en/article/adding-or-updating-txt-records-in-your-wix-account
        "wix": Panel(
            title="Wix",
            where="Domains › the domain › Manage DNS Records › TXT (Text) › Add Record",
            name_field="Host Name",
            value_field="Value",
            ttl="1 Hour",
            quirks=(
                "how long a value may be is not known to us",
                "people report that it has no NS records for a part of a domain: `delegate` needs them",
            ),
            name_servers=(r"ns\d+\.wixdns\.net",),
        ),
        "other": Panel(
            title="DNS panel",
            where="",
            name_field="Name",
            value_field="Value",
            name_form="unknown",
            value_form="unknown",
            ttl="300, or whatever it offers",
        ),
    }
)
"""Those of the providers in SES's BYODKIM guide, and any other, by their names in a stack file."""


def recognise(name_servers: Iterable[str]) -> Panel | None:
    """The panel of a zone with these name servers; None if they tell of none, or of several."""
    servers = list(name_servers)
    found = [panel for panel in PANELS.values() if serves(panel, servers)]
    return found[0] if len(found) == 1 else None


def serves(panel: Panel, name_servers: Iterable[str]) -> bool:
    """Whether one of these name servers is known to be this panel's."""
    return any(
        re.fullmatch(pattern, server.lower().removesuffix("."))
        for server in name_servers
        for pattern in panel.name_servers
    )


def name_to_type(panel: Panel, *, record_name: str, zone: str) -> str:
    """
    What goes into the panel's field for the name; raises ValueError for a name that is not in *zone*.

    >>> name_to_type(PANELS["godaddy"], record_name="s1._domainkey.mail.example.com", zone="example.com")
    's1._domainkey.mail'
    """
    relative = record_name.removesuffix(f".{zone}")
    if relative == record_name:
        raise ValueError(f"{record_name!r} is not in the zone {zone!r}")
    return f"{record_name}." if panel.name_form == "full, final dot" else relative


def value_to_type(panel: Panel, record_value: str) -> str:
    """What goes into the panel's field for the value, on one line."""
    return quoted(record_value) if panel.value_form == "quoted strings" else record_value


def problems(panel: Panel, *, record_name: str, record_value: str, zone: str) -> tuple[str, ...]:
    """Why the panel won't take this record; empty if it will, or nobody knows."""
    name = name_to_type(panel, record_name=record_name, zone=zone)
    value = value_to_type(panel, record_value)
    found = []
    if panel.max_name and len(name) > panel.max_name:
        found.append(
            f"the name has {len(name)} characters, at most {panel.max_name} fit: take a shorter selector"
        )
    if panel.max_value and len(value) > panel.max_value:
        found.append(
            f"the value has {len(value)} characters, at most {panel.max_value} fit: take a shorter key"
        )
    return tuple(found)


def instructions(panel: Panel, *, record_name: str, record_value: str, zone: str) -> str:
    """
    What to type in which field, a field a line, ready to be pasted.

    *zone* is the zone that the panel shows. Raises ValueError for a name that is not in it.
    """
    fields = {
        "Type": panel.type_choice,
        panel.name_field: name_to_type(panel, record_name=record_name, zone=zone),
        panel.value_field: value_to_type(panel, record_value),
    }
    if panel.ttl:
        fields["TTL"] = panel.ttl
    width = max(map(len, fields)) + 1
    lines = [f"{panel.title}: {panel.where}" if panel.where else f"{panel.title} of {zone}"]
    lines += [f"  {field + ':':{width}} {text}" for field, text in fields.items()]
    notes = [
        *problems(panel, record_name=record_name, record_value=record_value, zone=zone),
        f"{panel.name_field}: {_name_rule(panel)}",
        f"{panel.value_field}: {_value_rule(panel)}",
        *panel.quirks,
    ]
    lines += [f"  - {note}" for note in notes]
    return "\n".join(lines)


def _name_rule(panel: Panel) -> str:
    match panel.name_form:
        case "relative":
            return "without the zone at its end, the panel adds that itself"
        case "full, final dot":
            return "the whole name with a dot behind it, else the panel adds the zone once more"
        case "unknown":
            return (
                "without the zone at its end, which most panels add themselves; "
                "if the saved record lacks it, type the whole name with a dot behind it"
            )


def _value_rule(panel: Panel) -> str:
    match panel.value_form:
        case "one piece":
            return "in one piece, on one line, without quotes"
        case "quoted strings":
            return "on one line, quotes and the blanks between them included"
        case "unknown":
            return (
                "in one piece, on one line, without quotes; "
                'if the panel refuses it, two strings in quotes, "first 255" "rest"'
            )


_MENDING: Final[Mapping[str, str]] = {
    # What stands at the name, by `records.MistakeCode`
    "another-key": "replace {value} by the one for this key; if the other key is still in use, "
    "take a new selector: one selector never gets two keys",
    "bare-rsa-key": "replace {value}: its base64 has to be what `openssl rsa -pubout` writes",
    "character-lost": "replace {value} as a whole, {value_rule}: what split it at 255 dropped a character",
    "cut": "replace {value} as a whole, {value_rule}; if it is cut again, the panel can't hold it: "
    "take a key of 1024 bits, or delegate '_domainkey' to Route 53",
    "escaped-semicolons": "replace {value}: no backslash before ';', or the short form that begins with p=",
    "line-breaks": "replace {value}: everything on one line, as it is printed here",
    "literal-quotes": "replace {value}: {value_rule}",
    "malformed": "replace {value} as a whole, {value_rule}",
    "no-txt": "add the record; if it is there, see that it was saved, and for this zone",
    "not-dkim": "the TXT record at this name, or a wildcard above it, is for something else: "
    "add a record at exactly this name",
    "p-missing": "put p= before the key in {value}, without a blank",
    "pem-armour": "replace {value}: p= and the base64 between the BEGIN and END lines, on one line",
    "placeholder": "replace {value}: " + PLACEHOLDER + " stands for p= and your own public key",
    "private-key": "delete the record at once and make a new key: whoever has read this one can sign as you; "
    "only the public key belongs into DNS",
    "revoked": "replace {value}; if the key was revoked on purpose, make another one under a new selector",
    "several-records": "delete every TXT record at this name but the one for this key: "
    "which one a verifier takes is undefined",
    "split-into-records": "delete all TXT records at this name and add one, {value_rule}",
    "strings-swapped": "replace {value} as a whole, {value_rule}",
    "wrong-tag": "replace {value} by the short form, which begins with p= and has no other tag",
    # Where it stands instead, by the codes of `records.misplaced_names`
    "zone-doubled": "type {name} anew, {name_rule}",
    "underscore-missing": "type {name} anew, with the underscore of '_domainkey'; if the panel refuses it, "
    "its support has to add the record",
    "underscore-missing-zone-doubled": "type {name} anew, with the underscore of '_domainkey', {name_rule}",
    "domainkey-missing": "type {name} anew, with '._domainkey' behind the selector",
    "domainkey-missing-zone-doubled": "type {name} anew, with '._domainkey' behind the selector, {name_rule}",
    "selector-missing": "type {name} anew, with the selector before '._domainkey'",
    "sub-domain-missing": "type {name} anew: the part of the domain before the zone belongs to it",
    # What only a look from outside tells
    "cname": "delete the CNAME record at this name, or the wildcard above it, and add the TXT record: "
    "a name with a CNAME has nothing else",
    "servers-differ": "wait some minutes and look again; if it stays so, ask the provider why not all of "
    "its name servers have the record",
    "wrong-panel": "add the record here, where the zone is served",
    "not-delegated": "add the NS records of '_domainkey', one for each name server of its zone",
}

MISTAKES: Final = tuple(_MENDING)
"""Codes of all mistakes: of `records.MistakeCode`, `records.misplaced_names`, and what `diagnosis` adds."""


def mending(panel: Panel, code: str) -> str:
    """How to mend the mistake *code*, one of `MISTAKES`, in the words of this panel."""
    return _MENDING[code].format(
        name=f"{panel.name_field!r}",
        value=f"{panel.value_field!r}",
        name_rule=_name_rule(panel),
        value_rule=_value_rule(panel),
    )
