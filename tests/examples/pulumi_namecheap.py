"""
What `pulumi package add terraform-provider namecheap/namecheap` writes, as far as the example uses
it.

The arguments are those of the Terraform resource `namecheap_dns_record`.
"""

import pulumi


class DnsRecord(pulumi.CustomResource):
    """A single DNS host record on a domain, leaving all other records untouched."""

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        domain: pulumi.Input[str],
        hostname: pulumi.Input[str],
        type: pulumi.Input[str],
        address: pulumi.Input[str],
        mx_pref: pulumi.Input[int] | None = None,
        ttl: pulumi.Input[int] | None = None,
    ) -> None:
        properties = {
            "domain": domain,
            "hostname": hostname,
            "type": type,
            "address": address,
            "mxPref": mx_pref,
            "ttl": ttl,
        }
        super().__init__("namecheap:index/dnsRecord:DnsRecord", resource_name, properties, opts)
