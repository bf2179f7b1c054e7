"""One sending domain whose DNS is at Namecheap."""

import pulumi
from namecheap import Namecheap

from byodkim_provider.config import settings
from byodkim_provider.domain import ByodkimDomain

DOMAIN = "example.com"

domain = ByodkimDomain(
    DOMAIN,
    settings.domain(DOMAIN, {"generation": 1, "regions": ["eu-west-1"]}),
    dns=[Namecheap(DOMAIN)],
    wait=True,
)
pulumi.export("records", domain.records)
