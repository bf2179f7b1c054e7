"""
The resources of one sending domain, and their dependencies.

    what is declared                    depends on                  waits for, without depending
    DkimKey, one a generation           -                           -
    record, one a generation and zone   its key                     -
    that of a supplied key that signs   all generated keys          -
    MX and SPF, two a Region            -                           -
    ByodkimIdentity, one a Region       the record it signs with,   all keys
                                        its MX and SPF
    record of a standby with a slot     -                           the identities, its key

The engine deletes what others depend on last. An identity depends on the record that it signs with,
and each record comes from a key as that one does, so the engine deletes the identities before the
records, and keeps the records if the deletion of an identity fails. Two cases are given up:

- A supplied key signs, and people paste its record. The identities depend on no record then, and
  the engine deletes the record of a generated key, in another zone, before them.
- With `--continue-on-error` a new MX or SPF record fails. The identity, which depends on it, stays
  as it is, and the run still deletes the records that leave, though SES may need them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pulumi

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations
from byodkim_provider.dns.mail_from import mail_from_records
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program.dns_provider import DnsProvider, Zone
from byodkim_provider.program.route53 import Route53, before_write
from byodkim_provider.resources import inputs
from byodkim_provider.resources.declared import (
    ByodkimIdentity,
    DkimKey,
    DkimVerification,
    DkimVerificationArgs,
)
from byodkim_provider.resources.sdk import has_unknown, only_waited_for

Key = Mapping[str, Any]
"""Selector, private key or its secret, and record of a generation; when it was made, if here."""

MailFrom = Mapping[str, Sequence[Sequence[pulumi.Resource]]]
"""By Region, the MX and SPF record at each DNS provider; none at one where people publish them."""


@dataclass(frozen=True)
class DomainResources:
    """What all resources of a domain are made from. Each method declares some, and returns them."""

    component: pulumi.ComponentResource
    settings: DomainSettings
    zones: Sequence[tuple[Zone, DnsProvider]]
    account_id: str

    @property
    def _name(self) -> str:
        return self.component.pulumi_resource_name

    def keys(self) -> tuple[dict[int, Key], list[DkimKey]]:
        """The keys of all published generations, and those that are resources: the generated."""
        settings = self.settings
        keys: dict[int, Key] = {}
        generated = []
        for generation in settings.published:
            if generation in settings.keys:
                supplied = inputs.of_supplied_key(settings, generation)
                private_key = pulumi.Output.secret(supplied["private_key"])
                keys[generation] = supplied | {"private_key": private_key}
                continue
            given = inputs.of_key(settings, generation, account_id=self.account_id)
            options = pulumi.ResourceOptions(parent=self.component)
            key = DkimKey(f"{self._name}/{generation}", given, options)
            generated.append(key)
            keys[generation] = {output: getattr(key, output) for output in DkimKey.outputs}
        return keys, generated

    def records(
        self,
        generation: int,
        key: Key,
        *,
        generated: Iterable[DkimKey] = (),
        before: pulumi.Input[Collection[str]] = (),
    ) -> list[pulumi.Resource]:
        """
        The records of a generation's *key*, one in each zone but those of people.

        *before*: see `TxtRecord`. A supplied key's record depends on the *generated* keys, as those
        of generated ones do, and goes after the identities too.
        """
        settings, component = self.settings, self.component
        name = f"{self._name}/{inputs.name_in_dns(settings, generation)}"
        name_before = f"{self._name}/{inputs.name_before(settings, generation)}"
        signs = generation == settings.generation
        options = pulumi.ResourceOptions(
            parent=component,
            # A replacement that is created first would be deleted with the old record: same name.
            delete_before_replace=True,
            depends_on=list(generated) if signs and generation in settings.keys else None,
            retain_on_delete=settings.adopt or None,
            protect=(settings.protect and signs) or None,
        )
        holding = generations.holding([zone for zone, _ in self.zones], generation)
        records: list[pulumi.Resource] = []
        for zone, provider in self.zones:
            if zone not in holding:
                continue
            record = inputs.txt_record(settings, generation, zone, key=key, before=before)
            # Named after the zone, not after its position: a renamed record would be deleted.
            alias = pulumi.ResourceOptions(aliases=[pulumi.Alias(f"{name_before}/{zone.label}")])
            opts = pulumi.ResourceOptions.merge(options, alias)
            resource = provider.publish(f"{name}/{zone.path}", record, opts)
            records += [resource] if resource else []
        return records

    def records_in_slot(
        self, generation: int, key: Key, identities: Collection[ByodkimIdentity]
    ) -> None:
        """
        The record of a standby that takes the place of another key, with what may stand there:
        every identity has to let that key go.
        """
        selector = self.settings.selector(generation)
        slots = pulumi.Output.all(key["record_value"], *(one.slots for one in identities))
        value = slots.apply(
            lambda known: inputs.let_stand(known[1:], selector, known[0]), run_with_unknowns=True
        )
        before = pulumi.Output.all(*(identity.slots_before for identity in identities)).apply(
            lambda known: " ".join((marks or {}).get(selector, "") for marks in known).split()
        )
        of_slot = {**key, "record_value": only_waited_for(value)}
        self.records(generation, of_slot, before=only_waited_for(before))

    def mail_from(self) -> MailFrom:
        """
        The MX and SPF records of the MAIL FROM domains.

        SES, which gets the setting with its identity, had better find them at its first check.
        """
        settings = self.settings
        providers = [provider for _, provider in self.zones]
        if settings.mail_from is not None and settings.mail_from.zone is not None:
            providers = [Route53(dns, "mailFrom") for dns in settings.mail_from_dns]
        options = pulumi.ResourceOptions(
            parent=self.component,
            retain_on_delete=settings.adopt or None,
            protect=settings.protect or None,
        )

        def at(provider: DnsProvider, region: str) -> list[pulumi.Resource]:
            if not isinstance(provider, Route53):
                return []
            return provider.mail_from(self._name, settings, region, options)

        return {
            region: [at(provider, region) for provider in providers]
            for region in settings.mail_from_domains
        }

    def identities(
        self, keys: Mapping[int, Key], records: Sequence[pulumi.Resource], mail_from: MailFrom
    ) -> dict[str, ByodkimIdentity]:
        """
        The identity of each Region. *records* are those of the key that signs.

        An identity depends on these, on MX and SPF, and on nothing else in DNS. If it depended on
        other records, one that fails would stop it, and the engine, under `--continue-on-error`,
        would write a state that it refuses afterwards.
        """
        settings = self.settings
        with_slot = [one for one in keys if settings.selector(one)]
        slots = {settings.selector(one): keys[one]["record_value"] for one in with_slot}
        shared: dict[str, Any] = {
            "key": keys[settings.generation],
            "selectors": _waited_for([key["selector"] for key in keys.values()]),
            "slots": _waited_for(slots) if slots else None,
            "zones": [zone for zone, _ in self.zones],
            "account_id": self.account_id,
        }
        identities = {}
        for region in settings.regions:
            published = list(chain.from_iterable(mail_from.get(region, ())))
            options = pulumi.ResourceOptions(
                parent=self.component,
                depends_on=[*records, *published],
                protect=settings.protect or None,
            )
            if not all(mail_from.get(region, ())):
                options = self._with_note(region, options)
            given = inputs.of_identity(
                settings, region, mail_from_published=bool(published), **shared
            )
            identities[region] = ByodkimIdentity(f"{self._name}/{region}", given, options)
        return identities

    def verification(self, identities: Iterable[ByodkimIdentity]) -> DkimVerification:
        """What waits for SES, and fails if the domain is not verified in time."""
        retired = [self.settings.name] if self.settings.retired else []
        return DkimVerification(
            self._name,
            DkimVerificationArgs(identities=[*identities], on_timeout="fail", retired=retired),
            pulumi.ResourceOptions(parent=self.component),
        )

    def _with_note(self, region: str, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """*opts* by which a new MAIL FROM domain is said whose records people have to publish."""
        settings = self.settings
        at = settings.mail_from_domains[region]
        records = [f"  {at} {kind} {value}" for kind, value in mail_from_records(region).items()]
        note = ProgramMessages.MAIL_FROM(
            domain=settings.name, region=region, records="\n".join(records)
        )

        def say(change: pulumi.ResourceHookArgs) -> None:
            before = (change.old_inputs or {}).get("mail_from_domain")
            if before != at:
                pulumi.log.info(str(note), self.component)

        return before_write(f"{self._name}/{at}", say, opts)


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
