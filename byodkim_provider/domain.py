"""
One sending domain: which resources it consists of, and what depends on what.

An identity depends on the record it signs with, and on no other: an edge to a standby's
record would let that record's failure touch the identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypedDict

import pulumi

from byodkim_provider.config.settings import DomainSettings
from byodkim_provider.dkim import generations, records
from byodkim_provider.dns_providers import Existing, Place, provider_for
from byodkim_provider.dns_providers.aws_functions import account_of
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.identity import dns_moves
from byodkim_provider.identity.state import AWAITING_DNS, CREATED, DELEGATED, MANUAL
from byodkim_provider.program.domain_args import ByodkimDomainArgs
from byodkim_provider.property_types import moment
from byodkim_provider.resources._unknowns import has_unknown
from byodkim_provider.resources.dkim_identity import ByodkimIdentity, ByodkimIdentityArgs
from byodkim_provider.resources.dkim_key import DkimKey, DkimKeyArgs, SecretsManagerArgs
from byodkim_provider.resources.dkim_verification import DkimVerification, DkimVerificationArgs

__all__ = ["ByodkimDomain", "PublishedRecord", "pending"]

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""By how much SES's clock and ours may differ: AWS refuses a signature from further away."""


class PublishedRecord(TypedDict):
    """The TXT record of one generation of a domain's key."""

    generation: int
    role: generations.Role
    name: pulumi.Input[str]
    """`<selector>._domainkey.<domain>`."""
    value: pulumi.Input[str]
    """`p=…`, in one piece."""


class ByodkimDomain(pulumi.ComponentResource):
    """
    Keys and records of every published generation, and an SES identity in every Region.

    `get` and `pulumi import` don't work for what is in it; `custom_timeouts` have no effect.
    """

    identities: Mapping[str, ByodkimIdentity]
    """By Region; none of a retired domain."""
    verification: DkimVerification | None
    """With *wait* only: depend on it to depend on a verified domain."""
    records: Sequence[PublishedRecord]
    """Those of the published generations, oldest first."""

    def __init__(
        self,
        name: str,
        args: ByodkimDomainArgs | DomainSettings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Declare the domain; raises `InvalidSettings` before anything is declared if it can't be.

        Args:
            name: of the resource; names of keys, records and identities begin with it.
            args: of the domain; `settings.load` makes those of a stack file.
            opts: as for any resource.
        """
        if isinstance(args, ByodkimDomainArgs):
            settings, own_providers, wait = args.settings(), args.dns_providers, args.wait
        else:
            settings, own_providers, wait = args, (), False
        super().__init__("byodkim:index:ByodkimDomain", name, None, opts)
        self._domain = settings.name
        began = datetime.now(UTC)
        account = account_of(self)
        providers = own_providers or [provider_for(one, settings) for one in settings.dns]
        self._places = [provider.place(settings.name, parent=self) for provider in providers]
        _refuse_same_place(settings.name, self._places)
        places_by_label = {place.label: place for place in self._places}
        roles = generations.roles(settings.generation, settings.published)
        declared: list[PublishedRecord] = []
        for generation, role in roles.items():
            key = self._key(f"{name}/{generation}", generation, settings, account)
            published = [
                provider.publish(
                    # By place, whatever the order in the settings: a renamed record would be deleted.
                    f"{name}/{generation}/{place.label}",
                    domain=settings.name,
                    record_name=key["record_name"],
                    record_value=key["record_value"],
                    existing=_existing(generation, settings),
                    # An adopted identity stays when the stack goes, so the record it signs with must too.
                    opts=pulumi.ResourceOptions(
                        parent=self,
                        retain_on_delete=settings.adopt and role == "signing",
                        # Made first, a replacement of the same name would be deleted with the old one.
                        delete_before_replace=True,
                    ),
                )
                for provider, place in zip(providers, self._places, strict=True)
            ]
            if role == "signing":
                self._signing = key
                signing_records = [one for one in published if one is not None]
            declared.append(
                {
                    "generation": generation,
                    "role": role,
                    "name": key["record_name"],
                    "value": key["record_value"],
                }
            )
        self.records = declared
        self.identities = {
            region: ByodkimIdentity(
                f"{name}/{region}",
                _identity_args(
                    settings, region=region, key=self._signing, account_id=account, places=self._places
                ),
                pulumi.ResourceOptions(
                    parent=self, depends_on=signing_records, protect=settings.protect or None
                ),
            )
            for region in settings.regions
            if not settings.retired
        }
        self.verification = None
        if wait:
            self.verification = DkimVerification(
                name,
                DkimVerificationArgs(identities=list(self.identities.values())),
                pulumi.ResourceOptions(parent=self),
            )
        for warning in settings.warnings:
            pulumi.log.warn(warning, self)
        for identity in self.identities.values():
            identity.signing_since.apply(
                lambda since: self._warn_of_age(since, settings.generation, settings.rotate_after_days)
            )
        if (by_hand := places_by_label.get(MANUAL)) and DELEGATED not in places_by_label:
            self._show_standbys(by_hand, began)
        self.register_outputs({"records": self.records})

    def summary(self, verification: DkimVerification) -> dict[str, Any]:
        """
        What a stack shows of the domain: signing generation and selector, records and where they
        stand, the NS records of a delegation, status by Region.
        """
        signing = next(record for record in self.records if record["role"] == "signing")
        delegations = [
            {"name": f"_domainkey.{self._domain}", "name_servers": place.name_servers}
            for place in self._places
            if place.label == DELEGATED
        ]
        shown = {
            "generation": signing["generation"],
            "selector": self._signing["selector"],
            "records": self.records,
            "dns": [place.label for place in self._places],
            **({"delegation": delegations[0]} if delegations else {}),
            "regions": {
                region: {
                    "status": _known_of(identity, verification).apply(_status),
                    "signing_since": identity.signing_since,
                }
                for region, identity in self.identities.items()
            },
        }
        return {name: _made(value) for name, value in shown.items()}

    def not_verified(self, verification: DkimVerification) -> Sequence[pulumi.Output[str]]:
        """For each identity a line of what *verification* has not heard of it; empty if nothing."""
        return [
            _known_of(identity, verification).apply(partial(_unheard, f"{self._domain} {region}"))
            for region, identity in self.identities.items()
        ]

    def _key(
        self, name: str, generation: int, settings: DomainSettings, account_id: pulumi.Input[str]
    ) -> dict[str, Any]:
        """Selector, private key or its secret, and record of a generation, supplied or generated."""
        if supplied := settings.keys.get(generation):
            key = supplied.signing_key
            return {
                "selector": supplied.selector,
                "private_key": pulumi.Output.secret(key.pkcs1_base64()),
                "record_name": records.record_name(supplied.selector, settings.name),
                "record_value": records.record_value(key.public_key_der),
            }
        made = DkimKey(
            name,
            DkimKeyArgs(
                domain=settings.name, bits=settings.key_bits, key_store=_key_store(settings, account_id)
            ),
            pulumi.ResourceOptions(parent=self),
        )
        return {
            "selector": made.selector,
            "private_key": made.private_key,
            "secret_arn": made.secret_arn,
            "record_name": made.record_name,
            "record_value": made.record_value,
        }

    def _show_standbys(self, place: Place, began: datetime) -> None:
        """
        Print the records that the next rotation needs, whenever somebody is about to paste.

        That is while the signing record is waited for, and in the run (which *began* then) that
        switched: it made a new standby. Not after the first Create, for which both were printed.
        """
        identities = list(self.identities.values())
        standbys = [record for record in self.records if record["role"] == "standby"]

        def show(values: Mapping[str, Any]) -> None:
            if not any(_is_pasting(*identity, began=began) for identity in values["identities"]):
                return
            for record in values["standbys"]:
                text = dns_moves.record_to_paste(
                    record["name"],
                    record["value"],
                    panel=place.panel,
                    zone=place.panel_zone or self._domain,
                )
                pulumi.log.info(
                    f"{self._domain}: add the record of generation {record['generation']} too, if it is not "
                    f"there yet: the rotation to it then waits for nobody\n{text}",
                    identities[0],  # below what it says of the record that it waits for
                )

        pulumi.Output.all(
            identities=[[one.status, one.key_set_by, one.signing_since] for one in identities],
            standbys=standbys,
        ).apply(show)

    def _warn_of_age(self, since: str | None, generation: int, rotate_after_days: int) -> None:
        days = (datetime.now(UTC) - moment(since)).days if since else 0
        if days > rotate_after_days:
            pulumi.log.warn(
                f"generation {generation} has signed for {days} days; `generation: {generation + 1}` rotates",
                self,
            )


def pending(domains: Iterable[ByodkimDomain], verification: DkimVerification) -> pulumi.Output[Sequence[str]]:
    """
    One line for each identity that is not verified, or is otherwise than declared.

    The second a refresh may have found after the verification, which has such an identity as verified.
    """
    others = [_made(line) for domain in domains for line in domain.not_verified(verification)]
    return pulumi.Output.all(_made(verification.pending), *others).apply(lambda lines: _merged(*lines))


def _merged(pending: Sequence[str] | None, *others: str | None) -> list[str]:
    """*pending*, and of the *others* the lines about other identities."""
    subjects = {line.partition(":")[0] for line in pending or ()}
    return [*(pending or ()), *(line for line in others if line and line.partition(":")[0] not in subjects)]


def _is_pasting(status: str, key_set_by: str, signing_since: str | None, *, began: datetime) -> bool:
    """Whether an identity waits for its record, or was switched to another key since the run *began*."""
    if status == AWAITING_DNS or signing_since is None:
        return status == AWAITING_DNS
    return key_set_by != CREATED and moment(signing_since) >= began - CLOCKS_DIFFER


def _refuse_same_place(domain: str, places: Sequence[Place]) -> None:
    labels = [place.label for place in places]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise InvalidSettings([f'domains["{domain}"].dns: {label} is listed twice' for label in twice])


def _existing(generation: int, settings: DomainSettings) -> Existing:
    """The selector of a generated key is nobody else's; at another one a lost answer of ours may stand."""
    return "same key" if generation in settings.keys else "replace"


def _key_store(settings: DomainSettings, account_id: pulumi.Input[str]) -> SecretsManagerArgs | None:
    """Where a key that is not made yet goes; None: into the state."""
    store = settings.key_store
    if store.provider == "state":
        return None
    return SecretsManagerArgs(
        region=settings.regions[0],
        account_id=account_id,
        kms_key_id=store.kms_key_id,
        tags=store.tags,
        resource_policy=store.resource_policy,
        recovery_window_days=store.recovery_window_days,
    )


def _made(value: Any) -> Any:
    """
    *value*, with None for each output that is not known after an update: `--target` left its resource out.

    The engine would store its mark of an unknown value, a UUID, as if that were the output.
    """
    match value:
        case pulumi.Output() if not pulumi.runtime.is_dry_run():
            return value.apply(lambda one: None if has_unknown(one) else one, run_with_unknowns=True)
        case Mapping():
            return {name: _made(one) for name, one in value.items()}
        case list() | tuple():
            return [_made(one) for one in value]
    return value


def _known_of(identity: ByodkimIdentity, verification: DkimVerification) -> pulumi.Output[Sequence[Any]]:
    """
    Of an identity its status, what a refresh found otherwise than declared, and the verification's verdict.

    With `--target` the verification may not have heard of this identity, or of its key: then it is None.
    """

    def known(found: Sequence[Any]) -> Sequence[Any]:
        results, domain, region, key_set_at, status, drift = found
        of_this_key = (
            one["status"]
            for one in results or ()
            if (one["domain"], one["region"], one.get("key_set_at")) == (domain, region, key_set_at)
        )
        return status, drift, next(of_this_key, None)

    found = (identity.domain, identity.region, identity.key_set_at, identity.status, identity.drift)
    return pulumi.Output.all(_made(verification.results), *found).apply(known)


def _status(known: Sequence[Any]) -> str:
    """The verdict, unless SES's last word is newer."""
    status, drift, verdict = known
    return str(status if drift or verdict is None else verdict)


def _unheard(subject: str, known: Sequence[Any]) -> str:
    """The line about an identity of which the verification does not say all."""
    status, drift, verdict = known
    if drift:
        return f"{subject}: {', '.join(drift)}"
    return f"{subject}: {status}, not checked: run `pulumi up` without `--target`" if verdict is None else ""


def _identity_args(
    settings: DomainSettings,
    *,
    region: str,
    key: Mapping[str, Any],
    account_id: pulumi.Input[str],
    places: Sequence[Place],
) -> ByodkimIdentityArgs:
    by_hand = next((place for place in places if place.panel), None)
    return ByodkimIdentityArgs(
        domain=settings.name,
        region=region,
        selector=key["selector"],
        private_key=key["private_key"],
        secret_arn=key.get("secret_arn"),
        record_value=key["record_value"],
        account_id=account_id,
        regions=sorted(settings.regions),
        generation=settings.generation,
        published=settings.published,
        supplied_keys={
            str(generation): f"{supplied.selector}:{supplied.signing_key.fingerprint}"
            for generation, supplied in settings.keys.items()
            if generation in settings.published
        },
        overlap_days=settings.overlap_days,
        configuration_set=settings.configuration_set,
        tags=settings.tags,
        adopt=settings.adopt,
        accept_unsigned_window=settings.accept_unsigned_window,
        dns_check=settings.dns_check,
        dns_resolvers=settings.dns_resolvers,
        dns_wait_seconds=settings.dns_wait_seconds,
        dns=[place.label for place in places],
        name_servers={place.label: place.name_servers for place in places if place.name_servers != ()},
        panel=by_hand.panel if by_hand else None,
        panel_zone=by_hand.panel_zone if by_hand else None,
    )
