"""One sending domain whose DNS is at Namecheap."""

import pulumi
from namecheap import Namecheap

from byodkim_provider import ByodkimDomain

DOMAIN = "example.com"

domain = ByodkimDomain(
    DOMAIN,
    domain=DOMAIN,
    generation=1,
    regions=["eu-west-1"],
    dns_providers=[Namecheap(DOMAIN)],
    wait=True,
)
pulumi.export("records", domain.records)
