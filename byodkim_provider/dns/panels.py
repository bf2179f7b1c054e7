"""
What to type into which field of a provider's DNS panel.

Data and instructions: no DNS, no AWS. If a provider documents nothing about a field, it is marked
as unknown, never guessed. `records` builds names and values; this module only formats them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from types import MappingProxyType
from typing import Final, Literal

from byodkim_provider.dkim.records import quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One provider's panel for DNS records, as the user sees it."""

    title: str
    where: str
    """Menu path to the form for a new record in `{zone}`; empty if not known."""
    name_field: str
    value_field: str
    type_choice: str = "TXT"
    """What to choose in the field for the type."""
    name_form: Literal["relative", "full, final dot", "unknown"] = "relative"
    """"relative": without the zone, which the panel adds; or the full name with a final dot."""
    value_form: Literal["one piece", "quoted strings", "unknown"] = "one piece"
    """Unchanged (the panel splits it), or as quoted strings of at most 255 octets."""
    ttl: str
    """What to choose as TTL; empty if the panel has no such field."""
    max_name: int | None = None
    """Longest name in the field, in characters; None if DNS's limit is lower, or if it is not known."""
    max_value: int | None = None
    quirks: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()
    """Patterns that match the names of its name servers, without a final dot; empty if not known."""
    serves_all: bool = False
    """Whether these name servers serve every zone that the API of the same name writes to."""


PANELS: Final[Mapping[str, Panel]] = MappingProxyType(
    {
        # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#TXTFormat
        "route53": Panel(
            title="Route 53",
            where="Hosted zones › {zone} › Create record",
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
            where="Domain Portfolio › {zone} › DNS › Add New Record",
            name_field="Name",
            value_field="Value",
            ttl="1 Hour",
            max_name=255,
            max_value=1024,
            name_servers=(r"[a-z0-9-]+\.domaincontrol\.com",),
            serves_all=True,
        ),
        # https://help.dreamhost.com/hc/en-us/articles/216106197-Add-an-SPF-record
        "dreamhost": Panel(
            title="DreamHost",
            where="Manage Websites › {zone} › DNS Settings › Add Record › TXT Record › Add",
            name_field="Host",
            value_field="TXT Value",
            ttl="",
            quirks=("a new record may take up to 6 hours to show",),
            name_servers=(r"ns\d+\.dreamhost\.com",),
            serves_all=True,
        ),
        # https://developers.cloudflare.com/dns/manage-dns-records/how-to/create-dns-records/
        "cloudflare": Panel(
            title="Cloudflare",
            where="{zone} › DNS › Records › Add record",
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
            where='cPanel › Zone Editor › {zone} › Manage › Add Record › Add "TXT" Record',
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
            where="Domain List › {zone} › Manage › Advanced DNS › Add New Record",
            type_choice="TXT Record",
            name_field="Host",
            value_field="Value",
            ttl="Automatic",
            max_name=60,
            max_value=2500,
            name_servers=(r"[a-z0-9-]+\.registrar-servers\.com",),
        ),
        # The provider documents nothing; the name servers come from customers' reports.
        "namescouk": Panel(
            title="Names.co.uk",
            where="{zone} › Manage DNS",
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
            where="Domains › {zone} › Manage DNS Records › TXT (Text) › Add Record",
            name_field="Host Name",
            value_field="Value",
            ttl="1 Hour",
            quirks=("how long a value may be is not known to us",),
            name_servers=(r"ns\d+\.wixdns\.net",),
            serves_all=True,
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
"""The providers of SES's BYODKIM guide, and "other", by their names in a stack file."""


def recognise(name_servers: Iterable[str]) -> Panel | None:
    """The panel of a zone with these name servers; None unless they match exactly one panel."""
    servers = list(name_servers)
    found = [panel for panel in PANELS.values() if serves(panel, servers)]
    return found[0] if len(found) == 1 else None


def of_label(label: str) -> Panel | None:
    """
    The panel of the host in a DNS provider's label such as `godaddy:example.com`; None if there is none.

    Any host may use cPanel, and zones in Route 53 or at Cloudflare have name servers of their own.
    """
    host, colon, _ = label.partition(":")
    panel = PANELS.get(host)
    return panel if panel and panel.serves_all and colon else None


def serves(panel: Panel, name_servers: Iterable[str]) -> bool:
    """Whether one of these name servers belongs to this panel's provider."""
    return any(
        re.fullmatch(pattern, server.lower().removesuffix("."))
        for server in name_servers
        for pattern in panel.name_servers
    )


def name_to_type(panel: Panel, *, record_name: str, zone: str) -> str:
    """
    What to type into the panel's name field; raises ValueError for a name that is not in *zone*.

    >>> name_to_type(PANELS["godaddy"], record_name="s1._domainkey.mail.example.com", zone="example.com")
    's1._domainkey.mail'
    """
    relative = record_name.removesuffix(f".{zone}")
    if relative == record_name:
        raise ValueError(f"{record_name!r} is not in the zone {zone!r}")
    return f"{record_name}." if panel.name_form == "full, final dot" else relative


def value_to_type(panel: Panel, record_value: str) -> str:
    """What to type into the panel's value field, on one line."""
    return quoted(record_value) if panel.value_form == "quoted strings" else record_value


def problems(panel: Panel, *, record_name: str, record_value: str, zone: str) -> tuple[str, ...]:
    """Known reasons why the panel refuses this record."""
    name = name_to_type(panel, record_name=record_name, zone=zone)
    value = value_to_type(panel, record_value)
    limits = (("name", name, panel.max_name, "selector"), ("value", value, panel.max_value, "key"))
    return tuple(
        f"the {field} has {len(text)} characters, at most {most} fit: take a shorter {shorter}"
        for field, text, most, shorter in limits
        if most and len(text) > most
    )


def instructions(panel: Panel, *, record_name: str, record_value: str, zone: str, edit: bool = False) -> str:
    """
    What to type into which field, one field per line, ready to be pasted.

    *zone* is the zone in the panel. Raises ValueError for a name that is not in it. *edit*: the record
    is there, and a second one would do harm.
    """
    fields = {
        "Type": panel.type_choice,
        panel.name_field: name_to_type(panel, record_name=record_name, zone=zone),
        panel.value_field: value_to_type(panel, record_value),
    }
    if panel.ttl:
        fields["TTL"] = panel.ttl
    width = max(map(len, fields)) + 1
    steps = panel.where.format(zone=zone).split(" › ")
    if edit:
        steps = list(takewhile(lambda step: not step.startswith(("Add ", "Create ", "TXT ")), steps))
    heading = f"{panel.title}: {' › '.join(steps)}" if panel.where else f"{panel.title} of {zone}"
    lines = [f"{heading}, edit the record that is there, add none" if edit else heading]
    lines += [f"  {field + ':':{width}} {text}" for field, text in fields.items()]
    notes = [
        *problems(panel, record_name=record_name, record_value=record_value, zone=zone),
        f"{panel.name_field}: {name_rule(panel)}",
        f"{panel.value_field}: {value_rule(panel)}",
        *panel.quirks,
    ]
    lines += [f"  - {note}" for note in notes]
    return "\n".join(lines)


_NAME_RULES: Final = {
    "relative": "without the zone at its end, the panel adds that itself",
    "full, final dot": "the whole name with a dot behind it, else the panel adds the zone once more",
    "unknown": "without the zone at its end, which most panels add themselves; "
    "if the saved record lacks it, type the whole name with a dot behind it",
}

_VALUE_RULES: Final = {
    "one piece": "in one piece, on one line, without quotes",
    "quoted strings": "on one line, quotes and the blanks between them included",
    "unknown": "in one piece, on one line, without quotes; "
    'if the panel refuses it, two strings in quotes, "first 255" "rest"',
}


def name_rule(panel: Panel) -> str:
    """How to type the name in this panel."""
    return _NAME_RULES[panel.name_form]


def value_rule(panel: Panel) -> str:
    """How to type the value in this panel."""
    return _VALUE_RULES[panel.value_form]
