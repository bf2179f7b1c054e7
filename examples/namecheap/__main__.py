"""One sending domain whose DNS is at Namecheap."""

import pulumi
from namecheap import Namecheap

from byodkim_provider import ByodkimDomain, ByodkimDomainArgs

DOMAIN = "example.com"

domain = ByodkimDomain(
    DOMAIN,
    ByodkimDomainArgs(
        domain=DOMAIN,
        generation=1,
        regions=["eu-west-1"],
        dns_providers=[Namecheap(DOMAIN)],
        wait=True,
    ),
)
pulumi.export("records", domain.records)
