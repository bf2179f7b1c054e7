"""Sending domains of one SES account whose zones are in other accounts."""

import pulumi

from byodkim_provider import ByodkimDomain, DnsSettings

ROLES = {
    "example.com": pulumi.Config().require("dnsRole"),
    "example.net": None,
}
"""The role in the account that has the zone of a domain; None for the account of SES."""

for name, role in ROLES.items():
    domain = ByodkimDomain(
        name,
        domain=name,
        generation=1,
        dns=[DnsSettings(provider="route53", assume_role=role)],
    )
    pulumi.export(name, domain.records)
