"""
The component of one sending domain: its arguments, its resources and their dependencies.

The arguments are the keys of a stack file: names, defaults and checks come from `config.schema`.

    what is declared                    depends on                  waits for, without depending
    DkimKey, one a generation           -                           -
    record, one a generation and zone   its key                     -
    that of a supplied key that signs   all generated keys          -
    MX and SPF, two a Region            -                           -
    ByodkimIdentity, one a Region       the record it signs with,   all keys
                                        its MX and SPF
    record of a standby with a slot     -                           the identities, its key

The engine deletes in levels. The level of a resource is the length of its longest chain of
dependencies, and the highest level is deleted first. If the record of the key that signs is a
resource, every record has a lower level than the identities. So the engine deletes the records
after the identities, and keeps them if the deletion of an identity fails. Two cases are given up:

- A supplied key signs, and people paste its record. The identities depend on no record of a key
  then. A generated key's record, which is in another zone, has a higher level than the identities:
  the engine deletes it before them.
- With `--continue-on-error` a new MX or SPF record fails. The identity, which depends on it, stays
  as it is, and the run still deletes the records that leave, though SES may need them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, overload

import pulumi
from pydantic import InstanceOf

from byodkim_provider.config import settings
from byodkim_provider.config.schema import (
    DnsProviderName,
    DnsSettings,
    KeyStore,
    MailFrom,
    Store,
    SuppliedKey,
    WrittenDomain,
)
from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dns.mail_from import mail_from_records
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.hosts.zones import by_hand
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program import stack_config
from byodkim_provider.program._outputs import (
    PublishedRecord,
    judged,
    show_standby,
    verdicts_of,
)
from byodkim_provider.program.aws_account import account_of
from byodkim_provider.program.dns_provider import DnsProvider, Zone, provider_for
from byodkim_provider.program.route53 import Route53, before_write
from byodkim_provider.resources import inputs
from byodkim_provider.resources.declared import (
    ByodkimIdentity,
    DkimKey,
    DkimVerification,
    DkimVerificationArgs,
)
from byodkim_provider.resources.sdk import (
    PerProgram,
    has_unknown,
    only_waited_for,
    parallel,
    without_traceback,
)
from byodkim_provider.times import moment

if TYPE_CHECKING:
    _Dns = DnsProviderName | DnsSettings | Mapping[str, object]


class ByodkimDomainArgs(WrittenDomain):
    """
    Inputs of a `ByodkimDomain`: plain values, known before any resource is created.

    Names and meanings are those of the stack file, in snake_case. Raises `InvalidSettings` with one
    line for each problem. A private key under *keys* is a decrypted string, as
    `pulumi.Config().require("key")` returns it, not an Output.
    """

    domain: str
    """The sending domain. Upper case, U-labels and a final dot are normalised."""
    dns_providers: Sequence[InstanceOf[DnsProvider]] = ()
    """Your own DNS providers, used instead of those in *dns*."""
    if TYPE_CHECKING:  # the short forms, which validators make long
        dns: _Dns | Sequence[_Dns] = ()  # type: ignore[assignment]
        keys: Mapping[int, SuppliedKey | Mapping[str, str]] | None = None  # type: ignore[assignment]
        mail_from: str | MailFrom | Mapping[str, object] | None = None  # type: ignore[assignment]
        key_store: Store | KeyStore | Mapping[str, object] = "state"  # type: ignore[assignment]
    wait: bool = False
    """
    Declare a `DkimVerification` for this domain, so that other resources can depend on it. It fails
    if the domain is not verified within its time limit.
    """

    if not TYPE_CHECKING:  # a type checker takes the arguments from the fields

        def __init__(self, /, **given: Any) -> None:
            try:
                super().__init__(**given)
            except InvalidSettings as error:
                raise without_traceback(error) from None

        __init__.__pydantic_base_init__ = True  # as that of `Written`

    def settings(self) -> settings.DomainSettings:
        """
        The settings with all defaults; without *regions*, the Region is the stack's `aws:region`.
        """
        stack_config.refuse_unsafe_secrets()
        return settings.domain(self.domain, self, default_region=stack_config.region())


__all__ = ["ByodkimDomain", "PublishedRecord"]

if TYPE_CHECKING:

    class _Keywords(ByodkimDomainArgs):
        opts: pulumi.ResourceOptions | None = None
else:
    _Keywords = ByodkimDomainArgs

_Given = ParamSpec("_Given")


def _as_in(
    _args: Callable[_Given, object],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, str, _Given], None]]:
    """Type checkers and editors take the keyword arguments from *_args*: they are listed once."""
    return lambda init: init


_declared: PerProgram[list[ByodkimDomain]] = PerProgram()
"""The domains of a program, in order."""

_declarers: PerProgram[ByodkimDomain] = PerProgram()
"""The component of each identity, by domain and Region."""


class ByodkimDomain(pulumi.ComponentResource):
    """
    Keys and records of every published generation, and an SES identity in every Region.

    `get` and `pulumi import` don't work for its resources; `custom_timeouts` has no effect.

    Example::

        domain = ByodkimDomain("example.com", domain="example.com", generation=1, wait=True)
        pulumi.export("selector", domain.selector)
    """

    _type = "byodkim:index:ByodkimDomain"

    identities: Mapping[str, ByodkimIdentity]
    """Keyed by Region; empty if the domain is retired."""
    records: Sequence[PublishedRecord]
    """The records of the published generations, oldest first."""
    cnames: Mapping[str, str]
    """
    With `cname`: names and targets of the CNAMEs that the domain's own DNS needs, known before any
    key.
    """
    selector: pulumi.Output[str]
    """The selector of the generation that signs."""

    @overload
    def __init__(
        self,
        name: str,
        args: ByodkimDomainArgs | DomainSettings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...

    @overload
    @_as_in(_Keywords)
    def __init__(self, name: str, **keywords: Any) -> None: ...

    def __init__(
        self,
        name: str,
        args: ByodkimDomainArgs | DomainSettings | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **keywords: Any,
    ) -> None:
        """
        Declare the domain, by keyword arguments or by *args*.

        Raises `InvalidSettings` before any resource is declared.

        Args:
            name: Name of the resource; the names of keys, records and identities begin with it.
            args: All arguments in one value, or the settings that `settings.load` reads.
            opts: Options of the resource.
            domain: The sending domain.
            generation: The generation of the key that signs.
            overlap_days: How long a generation stays published after its last signature, in days.
            regions: AWS Regions, each with an identity; a key store is in the first one.
            dns: The DNS provider that publishes the records: its name, an object with options, or a
                list of them.
            key_bits: Length of new keys, in bits.
            key_store: Where new keys are kept: the name of a store, or an object with options.
            configuration_set: Default configuration set of the identities.
            tags: Tags of the identities, at most 47.
            mail_from: The custom MAIL FROM domain, a sub-domain, with its MX and SPF records.
            adopt: Take over identities that exist in SES.
            accept_unsigned_window: Leave Easy DKIM, although mail is sent unsigned until SES has
                verified the new key.
            retired: Delete the identities and keep the records: mail that is on its way can still
                be verified.
            protect: Let Pulumi refuse to delete the identities and the record that they sign with
                (the resource option `protect`).
            dns_check: The servers that must show a record before its key is sent to SES; `off`
                checks none.
            dns_resolvers: Recursive resolvers, `address[:port]`.
            dns_wait_seconds: How long a run waits until a record is visible in DNS, in seconds.
            rotate_after_days: A run warns about a key that has signed for more days than this.
            published: The generations that have a key and a record.
            keys: Your own keys, keyed by generation.
            dns_providers: Your own DNS providers, used instead of those in *dns*.
            wait: Declare a `DkimVerification` for this domain, so that other resources can depend
                on it.
        """
        if args is not None and keywords:
            raise TypeError("give `args` or keyword arguments, not both")
        given = args or ByodkimDomainArgs(**keywords)
        try:
            self._declare(name, given, opts)
        except ByodkimError as error:
            raise without_traceback(error) from None

    def _declare(
        self,
        name: str,
        args: ByodkimDomainArgs | DomainSettings,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """Declare the component, and all that belongs to it."""
        if isinstance(args, ByodkimDomainArgs):
            settings, own_providers, waits = args.settings(), args.dns_providers, args.wait
        else:
            settings, own_providers, waits = args, (), False
        self._refuse_second(settings)
        # Who waits for SES occupies a step of the engine for minutes: SES had better have all keys
        # by then.
        before = [] if waits else _declared.get(None, list)
        super().__init__(
            self._type, name, None, pulumi.ResourceOptions.merge(opts, _in_turn(before))
        )
        self._settings, self.cnames = settings, settings.cnames
        began = datetime.now(UTC)
        providers = own_providers or [provider_for(one) for one in settings.dns]
        self._zones = self._hosted_zones(providers, is_own=bool(own_providers))
        self._publishers = list(zip(self._zones, providers, strict=True))
        # After the zones, which we read: without credentials pulumi-aws would end the program in a
        # traceback.
        self._account = account_of(self)
        roles = generations.roles(settings.generation, settings.published)
        self._generated: list[DkimKey] = []
        keys = {generation: self._key(generation) for generation in roles}
        self._signing = keys[settings.generation]
        made = {
            generation: self._publish(generation, keys[generation])
            for generation in roles
            if not inputs.takes_a_slot(settings, generation)
        }
        self._signing_records = made[settings.generation]
        self._by_hand: set[str] = set()
        self._mail_from_records: dict[str, list[pulumi.Resource]] = {}
        self._declare_mail_from(providers)
        self.identities = {} if settings.retired else self._identities(keys)
        for generation in roles:
            if inputs.takes_a_slot(settings, generation):
                self._publish_in_slot(generation, keys[generation])
        self.records = [_record_of(one, role, keys[one]) for one, role in roles.items()]
        self.selector = pulumi.Output.from_input(self._signing["selector"])
        self._verification = self._verified() if waits else None
        self._warn()
        for generation, role in roles.items():
            zone = by_hand(generations.holding(self._zones, generation))
            if role == "standby" and zone and not settings.retired:
                subject = f"{settings.name}: generation {generation}"
                show_standby(self, subject, zone, keys[generation], began)
        # What waits for others has no turn that others wait for.
        if opts is None or not opts.depends_on:
            before.append(self)
        own_labels = [zone.label for zone in self._zones] if own_providers else []
        # Read by the commands, from the state. The value of a generated key is an output of it.
        stored = [
            record if record["generation"] in settings.keys else _without_value(record)
            for record in self.records
        ]
        self.register_outputs({"records": stored, "settings": settings.stored(own_labels)})

    def _refuse_second(self, settings: DomainSettings) -> None:
        """
        Raise `InvalidSettings` if another component of this program declares one of the identities:
        SES would show it as this stack's to both.
        """
        for region in settings.regions:
            first = _declarers.get((settings.name, region), lambda: self)
            if first is not self:
                raise InvalidSettings(
                    ProgramMessages.DECLARED(
                        domain=settings.name, region=region, first=first.pulumi_resource_name
                    )
                )

    def _hosted_zones(self, providers: Sequence[DnsProvider], *, is_own: bool) -> list[Zone]:
        """
        The zones of the records; raises `InvalidSettings` for one that is not there, or listed
        twice.
        """
        settings = self._settings
        zones = [provider.hosted_zone(settings.name, parent=self) for provider in providers]
        if is_own and (prefix := settings.dns[0].cname):
            name = settings.dns[0].zone or ""
            zones = [replace(zone, cname=prefix, name=zone.name or name) for zone in zones]
        listed = [(zone.label, zone.from_generation, zone.path) for zone in zones]
        if twice := sorted({one[0] for one in listed if listed.count(one) > 1}):
            problems = [ProgramMessages.TWICE(domain=settings.name, zone=label) for label in twice]
            raise InvalidSettings(problems)
        return zones

    def _publish(
        self, generation: int, key: Mapping[str, Any], before: pulumi.Input[Collection[str]] = ()
    ) -> list[pulumi.Resource]:
        """Declare the records of a generation's key, one in each zone."""
        settings, zones = self._settings, generations.holding(self._zones, generation)
        name = f"{self.pulumi_resource_name}/{inputs.name_in_dns(settings, generation)}"
        before_name = f"{self.pulumi_resource_name}/{inputs.name_before(settings, generation)}"
        signs = generation == settings.generation
        options = pulumi.ResourceOptions(
            parent=self,
            # A replacement that is created first would be deleted with the old record: same name.
            delete_before_replace=True,
            # The records of generated keys depend on these, and go after the identities.
            depends_on=self._generated if signs and generation in settings.keys else None,
            retain_on_delete=settings.adopt or None,
            protect=(settings.protect and signs) or None,
        )
        records: list[pulumi.Resource] = []
        for zone, provider in self._publishers:
            if zone not in zones:
                continue
            record = inputs.txt_record(settings, generation, zone, key=key, before=before)
            # Named after the zone, not after its position: a renamed record would be deleted.
            alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(f"{before_name}/{zone.label}")])
            opts = pulumi.ResourceOptions.merge(options, alias)
            made = provider.publish(f"{name}/{zone.path}", record, opts)
            records += [made] if made else []
        return records

    def _publish_in_slot(self, generation: int, key: Mapping[str, Any]) -> None:
        """
        Declare the record of a standby that takes the place of another key, with what may stand
        there: every identity has to let that key go.
        """
        selector = self._settings.selector(generation)
        declared = key["record_value"]
        identities = self.identities.values()
        slots = pulumi.Output.all(declared, *(identity.slots for identity in identities))
        value = slots.apply(
            lambda known: inputs.let_stand(known[1:], selector, known[0]), run_with_unknowns=True
        )
        before = pulumi.Output.all(*(identity.slots_before for identity in identities)).apply(
            lambda known: " ".join((marks or {}).get(selector, "") for marks in known).split()
        )
        self._publish(
            generation, {**key, "record_value": only_waited_for(value)}, only_waited_for(before)
        )

    def _identities(self, keys: Mapping[int, Mapping[str, Any]]) -> dict[str, ByodkimIdentity]:
        """
        Declare the identity of each Region.

        It depends on the record that it signs with, on MX and SPF, and on nothing else in DNS. If
        it depended on other records, one that fails would stop it, and the engine, under
        `--continue-on-error`, would write a state that it refuses afterwards.
        """
        settings = self._settings
        with_slot = [one for one in keys if settings.selector(one)]
        slots = {settings.selector(one): keys[one]["record_value"] for one in with_slot}
        shared: dict[str, Any] = {
            "key": self._signing,
            "selectors": _waited_for([key["selector"] for key in keys.values()]),
            "slots": _waited_for(slots) if slots else None,
            "zones": self._zones,
            "account_id": self._account,
        }
        identities = {}
        for region in settings.regions:
            records = [*self._signing_records, *self._mail_from_records.get(region, ())]
            options = pulumi.ResourceOptions(
                parent=self, depends_on=records, protect=settings.protect or None
            )
            identities[region] = ByodkimIdentity(
                f"{self.pulumi_resource_name}/{region}",
                inputs.of_identity(
                    settings,
                    region,
                    mail_from_published=bool(self._mail_from_records.get(region)),
                    **shared,
                ),
                self._with_note(region, options),
            )
        return identities

    def _declare_mail_from(self, providers: Sequence[DnsProvider]) -> None:
        """
        Declare the MX and SPF records of the MAIL FROM domains.

        SES, which gets the setting with its identity, had better find them at its first check.
        """
        settings = self._settings
        in_own_zone = settings.mail_from is not None and settings.mail_from.zone is not None
        if in_own_zone:
            providers = [Route53(dns, "mailFrom") for dns in settings.mail_from_dns]
        options = pulumi.ResourceOptions(
            parent=self, retain_on_delete=settings.adopt or None, protect=settings.protect or None
        )
        for region in settings.mail_from_domains:
            self._mail_from_records[region] = []
            for provider in providers:
                made: list[pulumi.Resource] = []
                if isinstance(provider, Route53):
                    made = provider.mail_from(self.pulumi_resource_name, settings, region, options)
                if not made:
                    self._by_hand.add(region)
                self._mail_from_records[region] += made

    def _with_note(self, region: str, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """*opts* by which a new MAIL FROM domain is said whose records people have to publish."""
        settings = self._settings
        if region not in self._by_hand:
            return opts
        at = settings.mail_from_domains[region]
        records = [f"  {at} {kind} {value}" for kind, value in mail_from_records(region).items()]
        note = ProgramMessages.MAIL_FROM(
            domain=settings.name, region=region, records="\n".join(records)
        )

        def say(change: pulumi.ResourceHookArgs) -> None:
            before = (change.old_inputs or {}).get("mail_from_domain")
            if before != at:
                pulumi.log.info(str(note), self)

        return before_write(f"{self.pulumi_resource_name}/{at}", say, opts)

    def _key(self, generation: int) -> Mapping[str, Any]:
        """
        Selector, private key or its secret, and record of a generation; when it was made, if here.
        """
        if generation in self._settings.keys:
            supplied = inputs.of_supplied_key(self._settings, generation)
            return supplied | {"private_key": pulumi.Output.secret(supplied["private_key"])}
        given = inputs.of_key(self._settings, generation, account_id=self._account)
        name = f"{self.pulumi_resource_name}/{generation}"
        made = DkimKey(name, given, pulumi.ResourceOptions(parent=self))
        self._generated.append(made)
        return {name: getattr(made, name) for name in DkimKey.outputs}

    async def _published(self) -> None:
        """Returns when the records that sign are made, or can't be."""
        for record in self._signing_records:
            with suppress(Exception):  # the engine says why, and ends the run
                await record.urn.future()

    @property
    def verification(self) -> DkimVerification:
        """
        With *wait*: a resource that depends on it is created after SES has verified the domain.

        Without, it raises `InvalidSettings`: Pulumi would take None for "depends on nothing".
        """
        if not self._verification:
            raise InvalidSettings(ProgramMessages.NO_WAIT(name=self.pulumi_resource_name))
        return self._verification

    def _verified(self) -> DkimVerification:
        retired = [self._settings.name] if self._settings.retired else []
        identities = list(self.identities.values())
        return DkimVerification(
            self.pulumi_resource_name,
            DkimVerificationArgs(identities=identities, on_timeout="fail", retired=retired),
            pulumi.ResourceOptions(parent=self),
        )

    def _warn(self) -> None:
        for warning in self._settings.warnings:
            pulumi.log.warn(warning, self)
        for identity in self.identities.values():
            identity.signing_since.apply(self._warn_of_age)

    def statuses(self) -> Mapping[str, pulumi.Output[str]]:
        """SES's status by Region: with *wait* as the verification found it."""
        own = self._verification
        verdicts = verdicts_of(own) if own else pulumi.Output.from_input({})
        return {
            region: judged(self._settings.name, region, identity, verdicts).apply(
                lambda found: found[0]
            )
            for region, identity in self.identities.items()
        }

    def _warn_of_age(self, since: str | None) -> None:
        generation = self._settings.generation
        age = datetime.now(UTC) - moment(since) if since else timedelta()
        if age > timedelta(days=self._settings.rotate_after_days):
            due = ProgramMessages.ROTATE(
                generation=generation, days=age.days, following=generation + 1
            )
            pulumi.log.warn(str(due), self)


def _in_turn(before: Sequence[ByodkimDomain]) -> pulumi.ResourceOptions:
    """
    Options of a domain that is declared after those *before* it: as many at a time as the engine
    runs steps.

    The engine takes steps first come, first served. Were all domains declared at once, it would
    make all keys and all records before SES, which takes one call a second, gets the first of them.
    """
    at_once = parallel()
    if not at_once or len(before) < at_once:  # without a number there is no limit
        return pulumi.ResourceOptions()
    ahead = before[-at_once]

    async def wait() -> list[pulumi.Resource]:
        """
        Without a resource: the engine would store that dependency, and keep to it in a destroy.
        """
        await ahead._published()
        return []

    return pulumi.ResourceOptions(depends_on=pulumi.Output.from_input(wait()))


def _waited_for(values: Any) -> pulumi.Output[Any]:
    """
    *values* that other resources make, without a dependency on those.

    What is unknown in an update, because of `--target`, is left out.
    """
    known = pulumi.Output.from_input(values).apply(_known, run_with_unknowns=True)
    return only_waited_for(known)


def _known(values: Any) -> Any:
    if pulumi.runtime.is_dry_run():
        return values
    if isinstance(values, Mapping):
        return {name: value for name, value in values.items() if not has_unknown(value)}
    return [value for value in values if not has_unknown(value)]


def _record_of(generation: int, role: generations.Role, key: Mapping[str, Any]) -> PublishedRecord:
    return {
        "generation": generation,
        "role": role,
        "name": key["record_name"],
        "value": key["record_value"],
    }


def _without_value(record: PublishedRecord) -> Mapping[str, Any]:
    return {name: given for name, given in record.items() if name != "value"}
