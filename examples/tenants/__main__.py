"""A tenant of SES with a sending domain of its own, in each Region of the domain."""

import pulumi
import pulumi_aws as aws

from byodkim_provider import ByodkimDomain

DOMAIN = "example.com"
TENANT = "acme"

domain = ByodkimDomain(DOMAIN, domain=DOMAIN, generation=1, regions=["eu-west-1"], wait=True)

for region, identity in domain.identities.items():
    name = f"{TENANT}/{region}"
    tenant = aws.sesv2.Tenant(name, tenant_name=TENANT, region=region)
    # The ARN lets Pulumi end the association before it deletes the identity, which SES refuses
    # otherwise. The verification lets it wait until SES has the identity.
    aws.sesv2.TenantResourceAssociation(
        name,
        tenant_name=tenant.tenant_name,
        resource_arn=identity.arn,
        region=region,
        opts=pulumi.ResourceOptions(depends_on=domain.verification),
    )
