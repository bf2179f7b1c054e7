"""
What users would write without this provider: a record and an `aws.sesv2.EmailIdentity` a domain.

The keys were made beforehand; there is no standby, and nothing is waited for.
"""

import json
import os
from pathlib import Path

import pulumi
import pulumi_aws as aws

wanted = json.loads(Path(os.environ["BENCH_PLAIN"]).read_text())
zones = {}
for domain, given in wanted.items():
    zone, key = given["zone"], given["key"]
    if zone not in zones:
        zones[zone] = aws.route53.get_zone(name=zone, private_zone=False)
    record = aws.route53.Record(
        f"{domain}-dkim",
        zone_id=zones[zone].zone_id,
        name=f"{key['selector']}._domainkey.{domain}",
        type=aws.route53.RecordType.TXT,
        ttl=300,
        records=[key["record"]],
    )
    aws.sesv2.EmailIdentity(
        domain,
        email_identity=domain,
        dkim_signing_attributes={
            "domain_signing_selector": key["selector"],
            "domain_signing_private_key": pulumi.Output.secret(key["private_key"]),
        },
        opts=pulumi.ResourceOptions(depends_on=[record]),
    )
