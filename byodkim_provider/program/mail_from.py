"""
The custom MAIL FROM domain of each identity, by pulumi-aws: SES's setting, and its MX and SPF records.

It depends on the identities of the domain, its records too, and they never on it: whatever goes wrong
here, the key has been switched before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dns.mail_from import values
from byodkim_provider.messages.program import ProgramNote
from byodkim_provider.program.dns_provider import DnsProvider
from byodkim_provider.program.route53 import Route53
from byodkim_provider.resources.dkim_identity import ByodkimIdentity
from byodkim_provider.resources.sdk import is_unknown

ON_MX_FAILURE: Final = {"useDefault": "USE_DEFAULT_VALUE", "reject": "REJECT_MESSAGE"}
"""The values of `onMxFailure`, as SES calls them."""


def declare_mail_from(
    name: str,
    settings: DomainSettings,
    identities: Mapping[str, ByodkimIdentity],
    providers: Sequence[DnsProvider],
    *,
    parent: pulumi.Resource,
) -> None:
    """Declare the MAIL FROM domain of each of *identities*; names of resources begin with *name*."""
    if settings.mail_from is None:
        return
    behaviour = ON_MX_FAILURE[settings.mail_from.on_mx_failure]
    options = pulumi.ResourceOptions(
        parent=parent,
        # All of them: where a record of one Region fails, the engine begins no further step.
        depends_on=[*identities.values()],
        # An adopted identity keeps its MAIL FROM domain when it leaves the stack.
        retain_on_delete=settings.adopt or None,
    )

    def declare(key_set_at: Any, region: str) -> None:
        if key_set_at is None:  # SES has no identity yet, whose record is awaited
            return
        domain = str(settings.mail_from_domain(region))
        where = (f"{name}/{domain}", domain, settings.name, region)
        writers = [one for one in providers if isinstance(one, Route53)]
        made = [one.publish_mail_from(*where, adopt=settings.adopt, opts=options) for one in writers]
        records = [record for written in made for record in written or ()]
        in_ses = aws.sesv2.EmailIdentityMailFromAttributes(
            f"{name}/{region}",
            email_identity=identities[region].domain,
            mail_from_domain=domain,
            behavior_on_mx_failure=behaviour,
            region=region,
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=records)),
        )
        if len(writers) < len(providers) or None in made:
            shown = "\n".join(f"  {domain} {kind} {value}" for kind, value in values(region).items())
            note = str(ProgramNote.MAIL_FROM(domain=settings.name, region=region, records=shown))
            # Unknown is the id in a preview of the run that makes it, and then no more.
            in_ses.id.apply(
                lambda known: pulumi.log.info(note, parent) if is_unknown(known) else None,
                run_with_unknowns=True,
            )

    for region, identity in identities.items():
        identity.key_set_at.apply(partial(declare, region=region), run_with_unknowns=True)
