"""What a user may write: checked as a user's program is, without this project's own settings."""

from collections.abc import Mapping, Sequence

import pulumi

from byodkim_provider import (
    ByodkimDomain,
    ByodkimDomainArgs,
    DkimVerification,
    DkimVerificationArgs,
    DnsProvider,
    DnsSettings,
    MailFrom,
    TxtRecord,
    Zone,
)


class OwnDns:
    """A DNS provider of the user's."""

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> Zone:
        return Zone(provider="own", id="eu", name_servers=("ns1.example.net",))

    def publish(
        self, name: str, record: TxtRecord, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource | None:
        return None


own: DnsProvider = OwnDns()

domain = ByodkimDomain(
    "example.com",
    ByodkimDomainArgs(
        domain="example.com",
        generation=2,
        wait=True,
    ),
    pulumi.ResourceOptions(protect=True),
)
names: list[pulumi.Input[str]] = [record["name"] for record in domain.records]
generation: int = domain.records[0]["generation"]
status: pulumi.Output[str] = domain.identities["eu-west-1"].status
until: pulumi.Output[Mapping[str, str]] = domain.identities["eu-west-1"].signed_until
verification: DkimVerification = domain.verification
selector: pulumi.Output[str] = domain.selector
short = ByodkimDomainArgs(
    domain="example.net",
    generation=1,
    dns="cloudflare",
    key_store="secretsManager",
    keys={1: {"selector": "s1", "private_key": pulumi.Config().require("key")}},
)
ByodkimDomainArgs(
    domain="example.net", generation=1, dns={"provider": "manual", "panel": "godaddy"}
)
ByodkimDomainArgs(
    domain="example.net", generation=1, dns=["route53", DnsSettings(provider="godaddy")]
)
keywords = ByodkimDomain(
    "example.org",
    opts=pulumi.ResourceOptions(protect=True),
    domain="example.org",
    generation=1,
    published=[1, 2],
    overlap_days=10,
    regions=["eu-west-1"],
    dns=["route53", DnsSettings(provider="godaddy")],
    dns_providers=[own],
    dns_check="off",
    dns_resolvers=["1.1.1.1"],
    dns_wait_seconds=0,
    key_bits=2048,
    key_store={"provider": "secretsManager"},
    keys={1: {"selector": "s1", "private_key": pulumi.Config().require("key")}},
    configuration_set="newsletter",
    tags={"team": "mail"},
    mail_from=MailFrom(label="bounce"),
    adopt=True,
    accept_unsigned_window=True,
    retired=False,
    protect=True,
    rotate_after_days=90,
    wait=True,
)
bound: pulumi.Input[str] = pulumi.Output.concat(domain.selector, "._domainkey")
later = pulumi.ResourceOptions(depends_on=[domain.verification, *domain.identities.values()])
alone = pulumi.ResourceOptions(depends_on=domain.verification)

verified = DkimVerification(
    "verified", DkimVerificationArgs(identities=[*domain.identities.values()], on_timeout="fail")
)
pending: pulumi.Output[Sequence[str]] = verified.pending
