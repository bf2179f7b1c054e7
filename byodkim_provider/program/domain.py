"""
The component of one sending domain: its arguments, what it declares in which order, and what a
program reads of it.

The arguments are the keys of a stack file: names, defaults and checks come from `config.schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from byodkim_provider.errors import ByodkimError, InvalidSettings
from byodkim_provider.hosts.zones import by_hand
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program import declared_domains, stack_config
from byodkim_provider.program._outputs import PublishedRecord, judged, show_standby, verdicts_of
from byodkim_provider.program.aws_account import account_of
from byodkim_provider.program.dns_provider import DnsProvider, Zone, provider_for
from byodkim_provider.program.domain_resources import DomainResources, Key
from byodkim_provider.resources import inputs
from byodkim_provider.resources.declared import ByodkimIdentity, DkimVerification
from byodkim_provider.resources.sdk import without_traceback
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
    records: list[PublishedRecord]
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
            generation: The generation of the key that signs.
            domain: The sending domain.
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
        declared_domains.claim(name, settings)
        # A domain that waits for SES takes no turn: its verification occupies a step of the engine
        # for minutes, so SES should have the keys of all domains before that.
        turn = None if waits else declared_domains.turn()
        super().__init__(self._type, name, None, pulumi.ResourceOptions.merge(opts, turn))
        began = datetime.now(UTC)
        self._settings, self.cnames = settings, settings.cnames
        providers = own_providers or [provider_for(one) for one in settings.dns]
        zones = self._hosted_zones(providers, is_own=bool(own_providers))
        # The account comes after the zones, which we read: without credentials pulumi-aws would end
        # the program in a traceback.
        resources = DomainResources(
            self, settings, list(zip(zones, providers, strict=True)), account_of(self)
        )
        keys, signing_records = self._declare_resources(resources)
        self._verification = resources.verification(self.identities.values()) if waits else None
        # A domain that depends on other resources does not hold up the domains after it.
        if not waits and (opts is None or not opts.depends_on):
            declared_domains.add_records(signing_records)
        for warning in settings.warnings:
            pulumi.log.warn(warning, self)
        for identity in self.identities.values():
            identity.signing_since.apply(self._warn_of_age)
        stored: list[dict[str, Any]] = [{**record} for record in self.records]
        for record in stored:
            generation = record["generation"]
            if generation not in settings.keys:
                del record["value"]  # it is an output of the generated key
            zone = by_hand(generations.holding(zones, generation))
            if record["role"] == "standby" and zone and self.identities:
                show_standby(
                    self, f"{settings.name}: generation {generation}", zone, keys[generation], began
                )
        own_labels = [zone.label for zone in zones] if own_providers else []
        # Read by the commands, from the state.
        self.register_outputs({"records": stored, "settings": settings.stored(own_labels)})

    def _declare_resources(
        self, resources: DomainResources
    ) -> tuple[Mapping[int, Key], list[pulumi.Resource]]:
        """
        Declare keys, records and identities.

        Returns the keys by generation, and the records of the one that signs.
        """
        settings = self._settings
        signing = settings.generation
        roles = generations.roles(signing, settings.published)
        in_slots = [one for one in roles if inputs.takes_a_slot(settings, one)]
        keys, generated = resources.keys()
        records = {
            generation: resources.records(generation, keys[generation], generated=generated)
            for generation in roles
            if generation not in in_slots
        }
        mail_from = resources.mail_from()
        self.identities = {}
        if not settings.retired:
            self.identities = resources.identities(keys, records[signing], mail_from)
        for generation in in_slots:
            resources.records_in_slot(generation, keys[generation], self.identities.values())
        self.selector = pulumi.Output.from_input(keys[signing]["selector"])
        self.records = [
            PublishedRecord(
                generation=generation,
                role=role,
                name=keys[generation]["record_name"],
                value=keys[generation]["record_value"],
            )
            for generation, role in roles.items()
        ]
        return keys, records[signing]

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

    @property
    def verification(self) -> DkimVerification:
        """
        With *wait*: a resource that depends on it is created after SES has verified the domain.

        Without, it raises `InvalidSettings`: Pulumi would take None for "depends on nothing".
        """
        if not self._verification:
            raise InvalidSettings(ProgramMessages.NO_WAIT(name=self.pulumi_resource_name))
        return self._verification

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
