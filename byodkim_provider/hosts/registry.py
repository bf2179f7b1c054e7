"""
All DNS hosts, and the panels that people type records into: what is known of each, by name.

It also opens the host of a record's settings. Nothing here calls a host.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from textwrap import indent
from typing import Final, get_args

from byodkim_provider.dns.panels import Panel, instructions, serves
from byodkim_provider.hosts.interface import Credentials, DnsHost, HostName, HostSettings, HostSpec
from byodkim_provider.property_types import json_map

SPECS: Final[Mapping[str, HostSpec]] = {
    name: import_module(f"byodkim_provider.hosts.{name}").SPEC for name in get_args(HostName)
}


PANELS: Final[Mapping[str, Panel]] = {
    # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#TXTFormat
    "route53": Panel(
        title="Route 53",
        where="Hosted zones › {zone} › Create record",
        name_field="Record name",
        value_field="Value",
        value_form="quoted strings",
        ttl="300",
        txt_quirks=(
            (
                "without the quotes, or in one string over 255 characters, the console refuses "
                "the value"
            ),
        ),
        name_servers=(r"ns-\d+\.awsdns-\d+\.(com|net|org|co\.uk)",),
    ),
    **{name: panel for spec in SPECS.values() for name, panel in spec.panels.items()},
    # https://www.namecheap.com/support/knowledgebase/article.aspx/317/2237/
    # https://www.namecheap.com/support/knowledgebase/article.aspx/9646/2237/
    "namecheap": Panel(
        title="Namecheap",
        where="Domain List › {zone} › Manage › Advanced DNS › Add New Record",
        type_choice="{kind} Record",
        name_field="Host",
        value_field="Value",
        ttl="Automatic",
        max_name=60,
        cname_quirks=("the field 'Value' may be called 'Target'",),
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
    "other": Panel(
        title="DNS panel",
        where="",
        name_field="Name",
        value_field="Value",
        name_form="unknown",
        value_form="unknown",
        ttl="300, or whatever it offers",
        cname_quirks=("the field 'Value' may be called 'Target', 'Content' or 'Points to'",),
    ),
}
"""By their names in a stack file: the providers of SES's BYODKIM guide, and "other"."""


def to_paste(panel: str | None, *, name: str, value: str, zone: str) -> str:
    """One TXT record, each field on a line of its own, as *zone*'s *panel* (of `PANELS`) has it."""
    known = PANELS[panel] if panel else None
    return indent(instructions(known, name=name, value=value, zone=zone), "  ")


def open_host(settings: HostSettings, secrets: Credentials) -> DnsHost:
    """The host for *settings*. Makes no call."""
    module = SPECS[settings.provider].module or settings.provider
    host: DnsHost = import_module(f"byodkim_provider.hosts.{module}").Host(settings, secrets)
    return host


def credentials(
    provider: HostName, name: str | None, written: object, environment: Mapping[str, str]
) -> Credentials:
    """
    The secrets called *name* (the provider's own name if it is None) for *provider*.

    *written* is the decrypted setting `dnsCredentials` as Pulumi passes it: an object or its JSON.
    """
    name = name or provider
    given = json_map(json_map(written).get(name))
    return Credentials(
        name,
        {key: value for key, value in given.items() if isinstance(value, str)},
        SPECS[provider].secrets,
        environment,
    )


def recognise(name_servers: Iterable[str]) -> Panel | None:
    """The panel of a zone with these name servers; None unless they match exactly one panel."""
    servers = list(name_servers)
    panels = [panel for panel in PANELS.values() if serves(panel, servers)]
    return panels[0] if len(panels) == 1 else None
