"""
An SES identity that signs with a key of one's own, as a Pulumi resource: what a program declares.

What then happens, the provider does in the plugin process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi.dynamic import ResourceProvider

from byodkim_provider.resources.other_languages import OurResource
from byodkim_provider.resources.sdk import as_secret_as
from byodkim_provider.resources.stack_id import owner_of, stack_name


def load_v1() -> ResourceProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    from byodkim_provider.resources.dkim_identity_provider import ByodkimIdentityProvider

    return ByodkimIdentityProvider()


@dataclass(kw_only=True)
class ByodkimIdentityArgs:
    """Inputs of a `ByodkimIdentity`. Those with a default may be left out."""

    domain: pulumi.Input[str]
    region: pulumi.Input[str]
    selector: pulumi.Input[str]
    """One label; the record is at `<selector>._domainkey.<domain>`. Never used for a second key."""
    private_key: pulumi.Input[str | None] | None = None
    """Secret. RSA, 1024 to 2048 bits, PEM or base64 DER, PKCS#1 or PKCS#8."""
    secret_arn: pulumi.Input[str | None] | None = None
    """Instead of the key: ARN of its secret in Secrets Manager, read when the key is sent to SES."""
    record_value: pulumi.Input[str] | None = None
    """With *secret_arn*: the value of the key's record, by which the key is known without being read."""
    account_id: pulumi.Input[str] | None = None
    """The AWS account it must land in; another one is refused before anything is written."""
    regions: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """All Regions of the domain, so that a record that one signed with outlives that Region's identity."""
    generation: pulumi.Input[int] | None = None
    published: pulumi.Input[Sequence[pulumi.Input[int]]] | None = None
    supplied_keys: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """`<selector>:<fingerprint>` by generation, of the published ones that you gave a key for."""
    overlap_days: pulumi.Input[int] | None = None
    configuration_set: pulumi.Input[str] | None = None
    """Left as it is in SES if not given."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Left as they are in SES if not given. Tags of others stay in any case."""
    adopt: pulumi.Input[bool] | None = None
    """Take over an identity that SES has already; it stays in SES when the resource goes."""
    accept_unsigned_window: pulumi.Input[bool] | None = None
    """Leave Easy DKIM, although SES signs with nothing until it has verified the key."""
    dns_check: pulumi.Input[str] | None = None
    dns_resolvers: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    dns_wait_seconds: pulumi.Input[int] | None = None
    dns: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """Labels of the zones (`HostedZone`) of the records. A move that loses one is refused."""
    places: pulumi.Input[Mapping[str, pulumi.Input[Sequence[pulumi.Input[str]]]]] | None = None
    """
    By generation, where its record stands, if that is not all of `dns` for each: the label of a zone or,
    for a slot, `<name of the record there>@<label>`.
    """
    name_servers: pulumi.Input[Mapping[str, pulumi.Input[Sequence[pulumi.Input[str]]]]] | None = None
    """Name servers of these zones, by label, as far as they are known; those of Route 53 are looked up."""
    zone_roles: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """By label, the ARN of the role that reads a Route 53 zone in another AWS account."""
    zone_external_ids: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """By label, the external ID that this role asks for."""
    cname: pulumi.Input[str] | None = None
    """The zone to which the domain's CNAMEs lead, if the selector is that of a slot."""
    slots: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """By selector, the value of each published record that has a slot."""
    panel: pulumi.Input[str] | None = None
    """Whose panel people type the record into, a name from `hosts.registry.PANELS`."""
    panel_zone: pulumi.Input[str] | None = None
    """The zone that this panel shows."""


class ByodkimIdentity(OurResource, module="byodkim", name="ByodkimIdentity"):
    """
    The SES identity of one domain in one Region, which signs with a key of one's own.

    SES gets the key only once its record is in DNS. Used alone, publish the record
    yourself and name it in `depends_on`; a new key then needs a new selector. `get` and
    `pulumi import` don't work, as with any dynamic resource; `custom_timeouts` have no effect.
    """

    domain: pulumi.Output[str]
    region: pulumi.Output[str]
    selector: pulumi.Output[str]
    generation: pulumi.Output[int | None]
    published: pulumi.Output[Sequence[int] | None]
    account_id: pulumi.Output[str | None]
    dns_check: pulumi.Output[str]
    dns_resolvers: pulumi.Output[Sequence[str]]
    record_name: pulumi.Output[str]
    record_value: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    slots: pulumi.Output[Mapping[str, str]]
    """By selector, what may stand in each slot: the record of a generation that may not leave DNS stays."""
    status: pulumi.Output[str]
    """SES's DKIM status in its last response, `AWAITING_DNS` or `GONE`."""
    key_set_at: pulumi.Output[str | None]
    """When SES last got a key; None while awaiting DNS. ISO 8601, UTC, by SES's clock."""
    key_set_by: pulumi.Output[str | None]
    """By which action; None while awaiting DNS."""
    adopted: pulumi.Output[bool]
    """SES had it before; it stays there when the resource goes."""
    drift: pulumi.Output[Sequence[str] | None]
    """The differences between SES and what is declared, when SES was last read, one sentence each."""
    signing_since: pulumi.Output[str | None]
    """Since when SES has this key, ISO 8601, UTC."""
    signed_until: pulumi.Output[Mapping[str, str]]
    """By generation, when each earlier one signed last, ISO 8601, UTC."""

    @property
    def arn(self) -> pulumi.Output[str]:
        """
        Its ARN in SES, for what refers to it there. It is the resource's id, which no change makes unknown.

        While awaiting DNS, SES has no identity of that ARN yet.
        """
        return self.id

    def __init__(
        self, name: str, args: ByodkimIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """The stack's id and *name* make up the identity's owner tag: rename with `aliases` only."""
        private_key: pulumi.Output[str | None] | None = None
        if args.private_key is not None:
            private_key = pulumi.Output.secret(args.private_key)
        inputs = {
            **vars(args),
            "private_key": private_key,
            "tags": as_secret_as("aws:defaultTags", args.tags),  # `check` adds the default tags
            "owner": owner_of(name),
            "stack": stack_name(),
            # The engine does not tell the plugin which run it is; `check` removes this.
            "is_preview": pulumi.runtime.is_dry_run() or None,
        }
        super().__init__(load_v1, name, {**dict.fromkeys(type(self).__annotations__), **inputs}, opts)
