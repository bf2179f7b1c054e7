"""One sending domain that signs with a key that was made elsewhere."""

import pulumi

from byodkim_provider import ByodkimDomain, SuppliedKey

DOMAIN = "example.com"

config = pulumi.Config()
domain = ByodkimDomain(
    DOMAIN,
    domain=DOMAIN,
    generation=1,
    keys={
        # Generation 2 is added here before it signs: its record is in DNS one rotation early.
        1: SuppliedKey(selector="mail2026", private_key=config.require("privateKey")),
    },
)
pulumi.export("records", domain.records)
