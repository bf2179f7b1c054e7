"""The records of a domain in Route 53, by pulumi-aws, in the longest public zone of their names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_aws as aws

from byodkim_provider.config.schema import DnsSettings
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import records
from byodkim_provider.dns.mail_from import mail_from_records, misconfiguration
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.zones import ROUTE53, Zone
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program import aws_account, stack_config
from byodkim_provider.quoting import did_you_mean
from byodkim_provider.resources.inputs import TxtRecord, zone_of
from byodkim_provider.resources.records import problem_of, refuse_others
from byodkim_provider.resources.sdk import PerProgram, as_secret_as, has_unknown

if TYPE_CHECKING:
    from byodkim_provider.aws.route53 import Route53Client

MX_OF_SES: Final = "10 feedback-smtp."

TYPO: Final = 0.85
"""How alike a mistyped name and the right one are, such as `exmaple.com` and `example.com`."""

_providers: PerProgram[aws.Provider] = PerProgram()
"""By role: every provider is a process of its own, which signs in by itself."""


@dataclass(frozen=True)
class Route53:
    """Records in a zone of Route 53: by default the longest public zone that holds the domain."""

    dns: DnsSettings
    setting: str = "dns"
    """The setting that names the zone."""

    def hosted_zone(self, domain: str, *, parent: pulumi.Resource) -> Zone:
        """The zone; raises `InvalidSettings` if there is none, or several of one name."""
        name = self.dns.zone if self.dns.cname else None
        return zone_of(self.dns, id=self._zone_of(domain, parent), name=name or "")

    def publish(
        self, name: str, record: TxtRecord, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource:
        """An `aws.route53.Record` called *name*."""
        # None: an identity has failed, and the run goes on (`--continue-on-error`).
        value = pulumi.Output.from_input(record.value).apply(
            lambda value: None if value is None else records.route53_value(value)
        )
        if record.existing != "replace":
            client = self._client(opts.parent)
            opts = before_write(name, lambda change: _refuse_taken(client, record, change), opts)
        zone_id = record.zone.id
        return self._record(name, zone_id, opts, name=record.name, type="TXT", records=[value])

    def mail_from(
        self, name: str, settings: DomainSettings, region: str, opts: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        """
        Declare MX and SPF record of the MAIL FROM domain in *region*; none if the zone can't hold
        them: it is that of `cname`.

        Another value is never overwritten. Of an identity to adopt, a right one stays as it is.
        """
        zone_id, at = self._zone_of(settings.name, opts.parent), settings.mail_from_domains[region]
        client = self._client(opts.parent)
        if not records.is_in(at, client.zones()[zone_id]):
            return []
        made = []
        for kind, value in mail_from_records(region).items():
            values = [value]
            standing = client.standing(zone_id, at, kind) if settings.adopt else ()
            unquoted = [*map(records.unquoted, standing)]
            if unquoted and not misconfiguration(kind, unquoted, name=at, region=region):
                values = [one.strip('"') for one in standing]  # pulumi-aws adds a pair of them
            called = f"{name}/{at}/{kind}/{ROUTE53}:{zone_id}"
            guarded = before_write(
                called,
                lambda change: _refuse_others(client, opts, change, is_adopted=settings.adopt),
                opts,
            )
            made.append(self._record(called, zone_id, guarded, name=at, type=kind, records=values))
        return made

    def _record(
        self, called: str, zone_id: str, opts: pulumi.ResourceOptions, **record: Any
    ) -> pulumi.Resource:
        role = pulumi.ResourceOptions(
            provider=provider_with(self.dns.assume_role, self.dns.external_id)
        )
        options = pulumi.ResourceOptions.merge(opts, role)
        # An existing record is ours, or the hook before this one has let it pass.
        record |= {"zone_id": zone_id, "ttl": self.dns.ttl, "allow_overwrite": True}
        made: pulumi.Resource = aws.route53.Record(called, **record, opts=options)
        return made

    def _zone_of(self, domain: str, parent: pulumi.Resource | None) -> str:
        """The id of the zone."""
        route53 = self._client(parent)
        if self.dns.zone_id:
            return self._zone_by_id(self.dns.zone_id, domain, route53)
        return _zone_by_name(self.dns.zone, domain, route53, self.setting)

    def _zone_by_id(self, zone_id: str, domain: str, route53: Route53Client) -> str:
        where = f'domains["{domain}"].dns.zoneId'
        zone = route53.zones().get(zone_id)
        if zone is None:
            problem = ProgramMessages.NOT_THERE(where=where, zone=zone_id, did_you_mean="")
            raise InvalidSettings(problem)
        # With `cname`, names of the domain end in the zone's name, which is given too.
        holds = f"{domain}.{self.dns.zone}" if self.dns.zone else domain
        if not records.is_in(f"_domainkey.{holds}", zone):
            fields = {"where": where, "zone_id": zone_id, "zone": zone, "domain": holds}
            raise InvalidSettings(ProgramMessages.OTHER_DOMAIN(**fields))
        return zone_id

    def _client(self, parent: pulumi.Resource | None) -> Route53Client:
        """What reads zones; raises `WrongAccount` if that is another account than *parent*'s."""
        connections, region = aws_account.connections(), stack_config.region()
        role = self.dns.assume_role
        # Records go where an explicit provider of the program signs in; it can't be asked for
        # zones.
        has_own = parent and parent.get_provider("aws:route53/record:Record") is not None
        if parent and has_own and role is None:
            connections.check_account("Route 53", region, aws_account.account_of(parent))
        return connections.route53(region, role, self.dns.external_id)


def _refuse_others(
    route53: Route53Client,
    opts: pulumi.ResourceOptions,
    change: pulumi.ResourceHookArgs,
    *,
    is_adopted: bool,
) -> None:
    """
    Raise `InvalidSettings` if a record of MAIL FROM that is to be written has a value of others.

    Warn of a right one that the state does not have: perhaps another account needs it.
    """
    new, old = change.new_inputs or {}, change.old_inputs or {}
    name, kind = new["name"], new["type"]
    standing = route53.standing(new["zoneId"], name, kind)
    # Of what the state has, only an MX record of SES, perhaps of another Region, was written here:
    # with `adopt`, or after a refresh, the rest is somebody else's.
    before = [value for value in old.get("records", ()) if value.startswith(MX_OF_SES)]
    ours = [records.mark(_as_read(value)) for value in (*new["records"], *before)]
    refuse_others(partial(ProgramMessages.TAKEN, kind=kind), name, standing, ours)
    if standing and not old and not is_adopted:
        pulumi.log.warn(ProgramMessages.TAKES_OVER(name=name, kind=kind).with_hint(), opts.parent)


async def _refuse_taken(
    route53: Route53Client, record: TxtRecord, change: pulumi.ResourceHookArgs
) -> None:
    """Raise `InvalidSettings` if the *change* of a key's record would overwrite somebody else's."""
    new = change.new_inputs or {}
    name, [value] = new["name"], new["records"]
    if value is None:
        raise InvalidSettings(DkimMessages.NO_VALUE(name=name))
    marks = await pulumi.Output.from_input(record.before).future(with_unknowns=True)
    before = None if has_unknown(marks) else marks  # None: a preview can't know them
    if change.old_inputs and (before is None or has_unknown(value)):
        return  # the update asks again
    ours = [*(before or ())]
    if not has_unknown(value):
        ours.append(records.mark(_as_read(value)))
    standing = route53.standing(new["zoneId"], name, "TXT")
    refuse_others(problem_of(record.existing), name, standing, ours)


def _as_read(value: str) -> str:
    """A value as Route 53 has it: pulumi-aws adds the outer quotes."""
    return f'"{value}"'


def before_write(
    name: str,
    act: Callable[[pulumi.ResourceHookArgs], Awaitable[None] | None],
    opts: pulumi.ResourceOptions,
) -> pulumi.ResourceOptions:
    """
    *opts*, by which *act* is called before *name* is made or changed, and in a preview of that.
    """
    hook = pulumi.ResourceHook(name, act, pulumi.ResourceHookOptions(on_dry_run=True))
    binding = pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=binding))


def _zone_by_name(zone: str | None, domain: str, route53: Route53Client, setting: str) -> str:
    """The public zone called *zone*, or the longest one that holds *domain*."""
    zones = route53.zones()
    labels = domain.split(".")
    names = [zone] if zone else [".".join(labels[start:]) for start in range(len(labels) - 1)]
    for name in names:
        found = [zone_id for zone_id, zone_name in zones.items() if zone_name == name]
        if len(found) > 1:
            servers = sorted(f"{one} ({', '.join(route53.name_servers(one))})" for one in found)
            raise InvalidSettings(
                ProgramMessages.SEVERAL(domain=domain, zone=name, zones=", ".join(servers))
            )
        if found:
            return found[0]
    near = did_you_mean(zone or domain, zones.values(), cutoff=TYPO)
    if zone:
        where = f'domains["{domain}"].{setting}.zone'
        raise InvalidSettings(ProgramMessages.NOT_THERE(where=where, zone=zone, did_you_mean=near))
    raise InvalidSettings(
        ProgramMessages.NONE(domain=domain, names=", ".join(names), did_you_mean=near)
    )


def provider_with(role_arn: str | None, external_id: str | None) -> aws.Provider | None:
    """
    The provider that signs in as the stack does and then assumes *role_arn*; None without: the
    stack's own.

    Named after the role, `123456789012:role/dns`, so that every Region uses the same provider.
    """
    if role_arn is None:
        return None
    return _providers.get((role_arn, external_id), lambda: _provider(role_arn, external_id))


def _provider(role_arn: str, external_id: str | None) -> aws.Provider:
    config = pulumi.Config("aws")
    stack_roles = config.get_object("assumeRoles") or []
    role = {"roleArn": role_arn} | ({"externalId": external_id} if external_id else {})
    # An explicit provider does not read the stack's configuration.
    return aws.Provider(
        role_arn.split(":", 4)[-1],
        region=config.get("region"),
        profile=as_secret_as("aws:profile", config.get("profile")),
        access_key=config.get_secret("accessKey"),
        secret_key=config.get_secret("secretKey"),
        token=config.get_secret("token"),
        endpoints=as_secret_as("aws:endpoints", config.get_object("endpoints")),
        default_tags=as_secret_as("aws:defaultTags", config.get_object("defaultTags")),
        assume_roles=as_secret_as("aws:assumeRoles", [*stack_roles, role]),
    )
