"""
A sending domain for each customer: the customer pastes three CNAMEs once, and we rotate the keys.
"""

from pathlib import Path

import pulumi

from byodkim_provider import (
    ByodkimDomain,
    DkimVerification,
    DkimVerificationArgs,
)

DNS = {"provider": "route53", "zone": "keys.example.net", "cname": "ses"}

# One line for each customer: the domain, and the generation of its key. Increase it by one to
# rotate the key. Who leaves deletes the CNAMEs first: they prove the domain for the next customer.
written = Path(__file__).with_name("customers.txt").read_text()
lines = (line.split() for line in written.splitlines() if line.strip())
customers = {
    name: ByodkimDomain(name, domain=name, generation=int(generation), dns=DNS)
    for name, generation in lines
}

# One check of each domain in each run. Whoever has not pasted the CNAMEs yet stops nobody else.
verification = DkimVerification(
    "customers",
    DkimVerificationArgs(
        identities=[identity for one in customers.values() for identity in one.identities.values()],
        timeout_minutes=0,
        on_timeout="warn",
    ),
)

pulumi.export("cnames", {name: domain.cnames for name, domain in customers.items()})
pulumi.export(
    "status",
    verification.results.apply(lambda results: {one["domain"]: one["status"] for one in results}),
)
