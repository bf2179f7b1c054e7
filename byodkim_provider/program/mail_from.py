"""
The custom MAIL FROM domain of each identity, by pulumi-aws: SES's setting, and its MX and SPF records.

It depends on the identities of the domain, its records too, and they never on it: whatever goes wrong
here, the key has been switched before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dns.dmarc import mail_from_records
from byodkim_provider.messages.program import ProgramNote
from byodkim_provider.program.dns_provider import DnsProvider
from byodkim_provider.program.route53 import Route53, before_write
from byodkim_provider.resources.dkim_identity import ByodkimIdentity


def declare_mail_from(
    name: str,
    settings: DomainSettings,
    identities: Mapping[str, ByodkimIdentity],
    providers: Sequence[DnsProvider],
    *,
    parent: pulumi.Resource,
) -> None:
    """Declare the MAIL FROM domain of each of *identities*; names of resources begin with *name*."""
    rejects = settings.mail_from and settings.mail_from.on_mx_failure == "reject"
    options = pulumi.ResourceOptions(
        parent=parent,
        # All of them: where a record of one Region fails, the engine begins no further step.
        depends_on=[*identities.values()],
        # An adopted identity keeps its MAIL FROM domain when it leaves the stack.
        retain_on_delete=settings.adopt or None,
    )

    def declare(key_set_at: Any, region: str, at: str) -> None:
        if key_set_at is None:  # SES has no identity yet, whose record is awaited
            return
        made = [
            one.publish_mail_from(name, settings, region, options) if isinstance(one, Route53) else None
            for one in providers
        ]
        depending = pulumi.ResourceOptions(
            depends_on=[record for written in made for record in written or ()]
        )
        if None in made:
            shown = "\n".join(f"  {at} {kind} {value}" for kind, value in mail_from_records(region).items())
            note = str(ProgramNote.MAIL_FROM(domain=settings.name, region=region, records=shown))
            depending = before_write(f"{name}/{at}", lambda _: pulumi.log.info(note, parent), depending)
        aws.sesv2.EmailIdentityMailFromAttributes(
            f"{name}/{region}",
            email_identity=identities[region].domain,
            mail_from_domain=at,
            behavior_on_mx_failure="REJECT_MESSAGE" if rejects else "USE_DEFAULT_VALUE",
            region=region,
            opts=pulumi.ResourceOptions.merge(options, depending),
        )

    for region, at in settings.mail_from_domains.items():
        identities[region].key_set_at.apply(partial(declare, region=region, at=at), run_with_unknowns=True)
