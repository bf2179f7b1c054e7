"""The DNS panels that people type records into: those of the hosts with an API, and others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from byodkim_provider.dns.panels import Panel, serves
from byodkim_provider.hosts.registry import SPECS, spec_of

PANELS: Final[Mapping[str, Panel]] = {
    # https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html#TXTFormat
    "route53": Panel(
        title="Route 53",
        where="Hosted zones › {zone} › Create record",
        name_field="Record name",
        value_field="Value",
        target_field="Value",
        value_form="quoted strings",
        ttl="300",
        max_value=4000,
        txt_quirks=(
            "without the quotes, or in one string over 255 characters, the console refuses the value",
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
        target_field="Value",
        ttl="Automatic",
        max_name=60,
        max_value=2500,
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
        target_field="Value",
        name_form="unknown",
        value_form="unknown",
        ttl="300, or whatever it offers",
        cname_quirks=("the field 'Value' may be called 'Target', 'Content' or 'Points to'",),
    ),
}
"""By their names in a stack file: the providers of SES's BYODKIM guide, and "other"."""


def recognise(name_servers: Iterable[str]) -> Panel | None:
    """The panel of a zone with these name servers; None unless they match exactly one panel."""
    servers = list(name_servers)
    found = [panel for panel in PANELS.values() if serves(panel, servers)]
    return found[0] if len(found) == 1 else None


def of_label(label: str) -> Panel | None:
    """
    The panel of the host in a hosted zone's label such as `godaddy:example.com`; None if there is none.

    Any host may use cPanel, so its name tells no panel.
    """
    spec = spec_of(label)
    return spec.panels.get(label.partition(":")[0]) if spec else None
