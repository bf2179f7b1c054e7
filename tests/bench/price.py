"""
The price of the engine: a domain by plain resources, as many as ours, that do only what they must.

A component, two keys that are stored, two records and an identity. The keys exist already, nothing
is looked up in DNS, and nothing waits for SES.
"""

import json
import os

import pulumi
import pulumi_aws as aws
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class Kept(ResourceProvider):
    """Stores a key that was made beforehand."""

    def create(self, props):
        return CreateResult(props["selector"], props)


class Key(Resource, module="bench", name="Key"):
    pass


class Domain(pulumi.ComponentResource):
    """A domain whose first key signs; `keys` is a list of selector, private key and record."""

    def __init__(self, zone_id, domain, keys):
        super().__init__("bench:index:Domain", domain)
        child = pulumi.ResourceOptions(parent=self)
        records = []
        for number, key in enumerate(keys, 1):
            secret = {**key, "private_key": pulumi.Output.secret(key["private_key"])}
            Key(Kept(), f"{domain}/{number}", secret, child)
            record = aws.route53.Record(
                f"{domain}/{number}",
                zone_id=zone_id,
                name=f"{key['selector']}._domainkey.{domain}",
                type=aws.route53.RecordType.TXT,
                ttl=300,
                records=[key["record"]],
                opts=child,
            )
            records.append(record)
        aws.sesv2.EmailIdentity(
            domain,
            email_identity=domain,
            dkim_signing_attributes={
                "domain_signing_selector": keys[0]["selector"],
                "domain_signing_private_key": pulumi.Output.secret(keys[0]["private_key"]),
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=records[:1]),
        )
        self.register_outputs({})


given = json.loads(os.environ["BENCH_DOMAINS"])
zone = aws.route53.get_zone(name=given["zone"], private_zone=False)
for name in given["domains"]:
    Domain(zone.zone_id, name, given["keys"])
