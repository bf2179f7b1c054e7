"""
A Route 53 zone for `_domainkey.<domain>` alone, for a domain whose DNS is elsewhere.

Once its NS records are in the parent zone, nobody has to add a record by hand again. The zone
hides every other selector of the domain, so other senders' records are copied into it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws
from pulumi.runtime.config import is_config_secret

from byodkim_provider.dkim import records
from byodkim_provider.dns_providers.assumed_role import provider_with
from byodkim_provider.dns_providers.interface import HostedZone, KeyRecord
from byodkim_provider.dns_providers.route53 import TTL
from byodkim_provider.identity.state import DELEGATED
from byodkim_provider.resources.other_selectors import ForeignSelectors, ForeignSelectorsArgs


class Delegated:
    """
    Records in a zone of their own, which is protected until it is released.

    If a parent still delegates to a deleted zone, somebody else may get its name servers and answer
    for it, so *release* is refused until the NS records in the parent zone are gone. *keep* maps
    other senders' selectors that the zone must have to their values, or to None if a lookup finds
    them. *own_selectors* are this stack's; in *regions* SES may have selectors of Easy DKIM.
    *assume_role* is the ARN of a role in another account, which may ask for *external_id*.
    """

    def __init__(
        self,
        *,
        ttl: int = TTL,
        assume_role: str | None = None,
        external_id: str | None = None,
        keep: Mapping[str, str | None] | None = None,
        release: bool = False,
        own_selectors: Sequence[str] = (),
        regions: Sequence[str] = (),
        dns_check: str = "authoritative",
        dns_resolvers: Sequence[str] = (),
    ) -> None:
        self._ttl = ttl
        self._role = (assume_role, external_id)
        self._keep = keep or {}
        self._release = release
        self._own_selectors = own_selectors
        self._regions = regions
        self._dns_check = dns_check
        self._dns_resolvers = dns_resolvers
        self._zones: dict[str, aws.route53.Zone] = {}

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource | None) -> HostedZone:
        """The delegated zone, which this provider creates."""
        return HostedZone(DELEGATED, self._zone(domain, parent).name_servers.apply(sorted))

    def publish(self, name: str, record: KeyRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """An `aws.route53.Record` called *name*. Nobody else publishes records in this zone."""
        value = pulumi.Output.from_input(record.value).apply(records.route53_value)
        return self._record(name, record.domain, record.name, "TXT", [value], opts)

    def _zone(self, domain: str, parent: pulumi.Resource | None) -> aws.route53.Zone:
        if domain not in self._zones:
            name = f"_domainkey.{domain}"
            others = ForeignSelectors(
                name,
                ForeignSelectorsArgs(
                    domain=domain,
                    keep=list(self._keep),
                    values={name: value for name, value in self._keep.items() if value is not None},
                    own=self._own_selectors,
                    regions=self._regions,
                    dns_check=self._dns_check,
                    dns_resolvers=self._dns_resolvers,
                    release=self._release,
                ),
                pulumi.ResourceOptions(parent=parent),
            )
            self._zones[domain] = aws.route53.Zone(
                name,
                name=name,
                comment=f"DKIM keys of {domain}; the zone {domain} is in delegates to it",
                opts=pulumi.ResourceOptions(
                    parent=parent,
                    provider=provider_with(*self._role),
                    protect=not self._release,
                    depends_on=[others],
                    # Contains the stack's default tags, which may be secret.
                    additional_secret_outputs=["tags_all"] if is_config_secret("aws:defaultTags") else None,
                ),
            )
            for selector in self._keep:
                carried = others.carried[selector]
                self._record(
                    f"{name}/{selector}",
                    domain,
                    records.record_name(selector, domain),
                    carried["type"],
                    carried["values"],
                    # Without `protect` it would be deleted before the zone's deletion is refused.
                    pulumi.ResourceOptions(parent=parent, protect=not self._release),
                )
        return self._zones[domain]

    def _record(
        self,
        name: str,
        domain: str,
        record_name: pulumi.Input[str],
        kind: pulumi.Input[str],
        values: pulumi.Input[Sequence[pulumi.Input[str]]],
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Resource:
        record: pulumi.Resource = aws.route53.Record(
            name,
            zone_id=self._zone(domain, opts.parent).zone_id,
            name=record_name,
            type=kind,
            ttl=self._ttl,
            records=values,
            allow_overwrite=True,
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(provider=provider_with(*self._role))
            ),
        )
        return record
