"""A sending domain in a program with other resources, one of which must not exist too early."""

import pulumi
import pulumi_aws as aws

from byodkim_provider import ByodkimDomain

DOMAIN = "example.com"

domain = ByodkimDomain(DOMAIN, domain=DOMAIN, generation=1, wait=True)

# With this policy receivers refuse mail without a signature, so SES has to have verified the key
# before.
zone = aws.route53.get_zone(name=DOMAIN)
aws.route53.Record(
    "dmarc",
    zone_id=zone.zone_id,
    name=f"_dmarc.{DOMAIN}",
    type="TXT",
    ttl=300,
    records=["v=DMARC1; p=reject"],
    opts=pulumi.ResourceOptions(depends_on=domain.verification),
)
