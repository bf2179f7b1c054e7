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
from byodkim_provider.program.route53 import MailFromRecords, Route53
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

    def declare(key_set_at: Any, wanted: MailFromRecords) -> None:
        writers = [
            one
            for one in providers
            if isinstance(one, Route53) and one.holds(wanted.name, wanted.domain, parent)
        ]
        say = partial(_say_what_to_add, wanted, parent) if len(writers) < len(providers) else _say_nothing
        if key_set_at is None:  # SES has no identity yet, whose record is awaited
            say()
            return
        records = [
            record
            for writer in writers
            for record in writer.publish_mail_from(f"{name}/{wanted.name}", wanted, options)
        ]
        made = aws.sesv2.EmailIdentityMailFromAttributes(
            f"{name}/{wanted.region}",
            email_identity=identities[wanted.region].domain,
            mail_from_domain=wanted.name,
            behavior_on_mx_failure=behaviour,
            region=wanted.region,
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=records)),
        )
        # Unknown is the id only in a preview of the run that makes it.
        made.id.apply(lambda known: say() if is_unknown(known) else None, run_with_unknowns=True)

    for region, identity in identities.items():
        wanted = MailFromRecords(
            str(settings.mail_from_domain(region)), settings.name, region, settings.adopt
        )
        identity.key_set_at.apply(partial(declare, wanted=wanted), run_with_unknowns=True)


def _say_nothing() -> None:
    """Pulumi writes the records."""


def _say_what_to_add(wanted: MailFromRecords, about: pulumi.Resource) -> None:
    shown = "\n".join(f"  {wanted.name} {kind} {value}" for kind, value in values(wanted.region).items())
    note = ProgramNote.MAIL_FROM(domain=wanted.domain, region=wanted.region, records=shown)
    pulumi.log.info(str(note), about)
