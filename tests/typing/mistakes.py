"""What a user may not write: each line with ERROR is refused by a type checker, and no other."""

import pulumi

from byodkim_provider import ByodkimDomain, ByodkimDomainArgs, DnsSettings
from byodkim_provider import ByodkimDomian  # ERROR: a name that is not there

ByodkimDomainArgs(generation=1)  # ERROR: domain is required
ByodkimDomainArgs(domain="example.com")  # ERROR: generation is required
ByodkimDomainArgs(domain="example.com", generation="1")  # ERROR: a whole number
ByodkimDomainArgs(domain="example.com", generation=1, overlapDays=3)  # ERROR: Python's spelling
ByodkimDomainArgs(
    domain="example.com",
    generation=1,
    dns_check="never",  # ERROR: one of two words
)
ByodkimDomainArgs(
    domain="example.com",
    generation=1,
    dns_providers=[object()],  # ERROR: two methods
)
ByodkimDomainArgs(
    domain="example.com",
    generation=pulumi.Output.from_input(1),  # ERROR: a plain value
)
DnsSettings(provider="bind")  # ERROR: one of the providers
ByodkimDomain("a", generation=1)  # ERROR: domain is required
ByodkimDomain("a", domain="example.com", generation="1")  # ERROR: a whole number
ByodkimDomain("a", domain="example.com", generation=1, overlapDays=3)  # ERROR: Python's spelling
ByodkimDomain("a", domain="example.com", generation=pulumi.Output.from_input(1))  # ERROR: plain
ByodkimDomain("a", ByodkimDomainArgs(domain="a.example", generation=1), wait=True)  # ERROR: both

domain = ByodkimDomain("a", ByodkimDomainArgs(domain="example.com", generation=1))
number: pulumi.Output[int] = domain.identities["eu-west-1"].status  # ERROR: text
domain.verification.verdicts  # ERROR: it has results
ByodkimDomainArgs(
    domain="example.com",
    generation=1,
    dns="cloudfare",  # ERROR: one of the providers
)
ByodkimDomainArgs(domain="example.com", generation=1, keys={1: "MII"})  # ERROR: with its selector
