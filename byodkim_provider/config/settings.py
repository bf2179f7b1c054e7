"""
Validates the configuration, and fills in each domain's defaults.

Plain values in, frozen values or *all* problems out: no Pulumi, no network, no clock. What
may be written is in `schema`, how a problem is formatted in `problems`; the rules here
involve more than one key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from byodkim_provider.aws.regions import partition_of
from byodkim_provider.config.problems import (
    SECRET_MAPS,
    line,
    lines,
    secret_command,
    strings_in,
    unknown_key,
)
from byodkim_provider.config.schema import (
    MIN_CNAME_OVERLAP,
    DnsSettings,
    DomainDefaults,
    KeyStore,
    StackSettings,
    SuppliedKey,
    Verification,
    WrittenDomain,
)
from byodkim_provider.config.values import existing_region
from byodkim_provider.dkim import generations, records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.quoting import did_you_mean, named

PROJECT: Final = "ses-byodkim"
"""Namespace of the configuration: the name in `Pulumi.yaml`."""

NOT_SECRET: Final = frozenset(key for spec in SPECS.values() for key in spec.plain)
"""Keys under `dnsCredentials` that need not be encrypted: they give no access by themselves."""

_KEYS: Final = frozenset(field.alias for field in StackSettings.model_fields.values())

_OF_A_DOMAIN: Final = frozenset(field.alias for field in WrittenDomain.model_fields.values())

MAIL_FROM_PARTITIONS: Final = ("aws", "aws-us-gov")
"""Where MX records of MAIL FROM domains are known to end in `amazonses.com`."""

_GENERATED_SELECTOR: Final = "s20260101-00000000"
"""As long as the selector of any generated key."""


class DomainSettings(DomainDefaults):
    """One domain, defaults filled in: what the program declares from."""

    name: str
    """Lower case, A-labels, no final dot."""
    generation: int
    published: tuple[int, ...]
    """Generations with a key and a record, oldest first."""
    keys: Mapping[int, SuppliedKey]
    """Supplied keys by generation; a published generation that is not in here is generated."""
    warnings: tuple[str, ...]
    """Settings that are valid but perhaps not intended, one line each."""

    def selector(self, generation: int) -> str | None:
        """The selector of a generation whose record has a slot; None of any other."""
        return next(
            (one.selector(generation) for one in generations.holding(self.dns, generation)), None
        )

    def cname_zone(self, generation: int) -> str | None:
        """The zone to which the domain's CNAMEs lead, while *generation* has a slot; else None."""
        return next(
            (one.cname and one.zone for one in generations.holding(self.dns, generation)), None
        )

    @property
    def mail_from_domains(self) -> Mapping[str, str]:
        """
        The MAIL FROM domain in each Region; none if it is not managed, or the domain is retired.
        """
        setting = None if self.retired else self.mail_from
        return setting.domains(self.name, self.regions) if setting else {}

    def stored(self, own_providers: Sequence[str] = ()) -> dict[str, Any]:
        """
        The settings as plain values for the state: no private key, no default.

        *own_providers* are the labels of a program's own DNS providers, which take the place of
        `dns`.
        """
        values = self.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={"warnings": True, "keys": {"__all__": {"private_key"}}},
        )
        return values | ({"dns_providers": list(own_providers)} if own_providers else {})

    @property
    def mail_from_dns(self) -> Sequence[DnsSettings]:
        """Where the records of MAIL FROM domains stand: as those of keys, or in a zone apart."""
        if self.mail_from is None or self.mail_from.zone is None:
            return self.dns
        in_route53 = [dns for dns in self.dns if dns.provider == "route53"]
        account = in_route53[0] if in_route53 else DnsSettings()
        apart = {"zone": self.mail_from.zone, "zone_id": None, "cname": None, "from_generation": 1}
        return (account.model_copy(update=apart),)

    @property
    def cnames(self) -> Mapping[str, str]:
        """
        The CNAMEs that the domain's own DNS has for ever: name and target; none without `cname`.
        """
        listed = [
            one for one in reversed(self.dns) if one.cname and one.zone
        ]  # the first of a list counts
        return {
            name: target
            for one in listed
            for name, target in records.cnames(one.cname or "", self.name, one.zone or "")
        }


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of a stack."""

    domains: tuple[DomainSettings, ...]
    """Sorted by name."""
    verification: Verification
    warnings: tuple[str, ...] = ()
    """What is valid and belongs to no domain, but is perhaps not intended, one line each."""


def load(
    config: Mapping[str, object], *, default_region: str | None, others: Iterable[str] = ()
) -> Settings:
    """
    The settings in *config*: everything under the project's name, decrypted.

    *default_region* is `aws:region`, *others* are the full names of the keys under other names.
    Raises `InvalidSettings` with all problems. An empty map, written out, is a stack whose last
    domain has left.
    """
    written = {key: value for key, value in config.items() if value not in (None, "")}
    if not written.get("domains") and written.get("domains") != {}:
        unknown = [
            line((key,), unknown_key((key,), StackSettings))
            for key in sorted(written.keys() - _KEYS)
        ]
        found = next((name for name in others if name.endswith(":domains")), None)
        other = f"; found {named(found)!r}, which is of another project" if found else ""
        nothing = SettingMessages.NO_DOMAINS(found=other, project=PROJECT)
        raise InvalidSettings([*unknown, nothing], hint=nothing.hint)
    private_keys = _map(written.get("privateKeys"))
    settings = _load(written, default_region, private_keys=private_keys)
    return replace(settings, warnings=tuple(_unused_key_warnings(written, private_keys)))


def _load(
    written: Mapping[str, object],
    default_region: str | None,
    *,
    private_keys: Mapping[str, object] | None,
) -> Settings:
    """
    The settings in *written*, where a supplied key is a name in *private_keys*; without them the
    key.
    """
    if misplaced := list(_indentation_problems(written)):
        raise InvalidSettings(sorted(misplaced))  # all other problems follow from these
    without_region = list(_region_problems(written, default_region))
    problems = [*_name_problems(written), *without_region]
    try:
        stack = StackSettings.model_validate(
            written, by_alias=True, by_name=False, context=private_keys
        )
    except ValidationError as error:
        # `from None`: pydantic's error message may contain a key.
        smallest = SettingMessages.NO_DOMAINS(found="", project=PROJECT).hint
        hint = "" if isinstance(written["domains"], Mapping) else smallest
        raise InvalidSettings(
            sorted([*problems, *lines(error, StackSettings, written)]), hint=hint
        ) from None
    domains = _resolve(stack, default_region)
    problems += [problem for domain in domains for problem in _record_problems(domain)]
    if not without_region:
        problems += _mail_from_problems(domains, stack)
    if problems:
        raise InvalidSettings(sorted(problems))
    return Settings(domains, stack.verification)


def domain(
    name: str, written: Mapping[str, object] | WrittenDomain, *, default_region: str | None = None
) -> DomainSettings:
    """
    The settings of one domain, *written* as in a stack file, but with a key where that names one,
    or checked.

    *default_region* is `aws:region`; without it *written* has to name its Regions.

    >>> domain("example.com", {"generation": 2, "regions": ["eu-west-1"]}).published
    (1, 2, 3)
    """
    return _load({"domains": {name: written}}, default_region, private_keys=None).domains[0]


def from_stored(stored: Mapping[str, Any]) -> DomainSettings:
    """
    The settings that `DomainSettings.stored` has put into a state.

    A key has its selector only. Raises `ValueError` for what no program has stored.
    """
    values = dict(stored)
    keys = {
        int(generation): SuppliedKey.model_construct(selector=key["selector"], private_key="")
        for generation, key in values.pop("keys").items()
    }
    own = [DnsSettings.model_construct(provider=label) for label in values.pop("dns_providers", ())]
    read = DomainSettings.model_validate({**values, "keys": {}, "warnings": ()})
    return read.model_copy(update={"keys": keys} | ({"dns": tuple(own)} if own else {}))


def plain_secrets(
    config: Mapping[str, object], is_plain: Callable[[str, str], bool]
) -> Iterator[str]:
    """A problem, with what mends it, for each secret in *config* of which *is_plain* says so."""
    for name in SECRET_MAPS:
        for steps, value in strings_in(config.get(name), (name,)):
            if steps[-1] not in NOT_SECRET and is_plain(name, value):
                yield line(steps, SettingMessages.NOT_ENCRYPTED(command=secret_command(steps)))


def _indentation_problems(written: Mapping[str, object]) -> Iterator[str]:
    """Settings of a domain that stand beside its name."""
    for spelling in _map(written["domains"]):
        if spelling in _OF_A_DOMAIN:
            yield line(("domains", spelling), SettingMessages.INDENT(setting=spelling))


def _name_problems(written: Mapping[str, object]) -> Iterator[str]:
    """Invalid domain names, and domains that are listed twice."""
    spellings: dict[str, str] = {}
    for spelling in _map(written["domains"]):
        try:
            name = records.normalise_domain(spelling)
        except ValueError as error:
            yield line(("domains", spelling), str(error))
            continue
        if (first := spellings.setdefault(name, spelling)) != spelling:
            yield line(("domains", spelling), SettingMessages.SAME_DOMAIN(first=first))


def _region_problems(written: Mapping[str, object], default_region: str | None) -> Iterator[str]:
    """Missing Regions, and a bad `aws:region` if a domain falls back on it."""
    if "regions" in _map(written.get("defaults")):
        return
    without = [
        name for name, domain in _map(written["domains"]).items() if "regions" not in _given(domain)
    ]
    if not default_region:
        for name in without:
            yield line(("domains", name, "regions"), SettingMessages.NO_REGION())
    elif without:
        try:
            existing_region(default_region)
        except ValueError as error:
            yield f"aws:region: {error}"


def _given(domain: object) -> Collection[str]:
    return domain.model_fields_set if isinstance(domain, WrittenDomain) else _map(domain).keys()


def _map(value: object) -> Mapping[str, object]:
    """*value* if it is a map, else an empty one; pydantic reports the wrong type."""
    return value if isinstance(value, Mapping) else {}


def _record_problems(domain: DomainSettings) -> Iterator[str]:
    """Impossible settings: a record's name too long or outside its zone; `retired` with `adopt`."""
    where = ("domains", domain.name)
    if domain.retired and domain.adopt:
        yield line((*where, "retired"), SettingMessages.RETIRED_ADOPTED())
    supplied = {number: domain.keys[number] for number in domain.published if number in domain.keys}
    for generation, key in supplied.items():
        if problem := records.name_problem(key.selector, domain.name):
            yield line((*where, "keys", str(generation), "selector"), problem)
        if records.record_name(key.selector, domain.name) in domain.cnames:
            yield line((*where, "keys", str(generation), "selector"), DkimMessages.OF_SLOT())
    generated = [
        one for one in domain.published if one not in supplied and not domain.selector(one)
    ]
    if generated and records.name_problem(_GENERATED_SELECTOR, domain.name):
        yield line(where, SettingMessages.LONG_DOMAIN())
    for position, dns in enumerate(domain.dns):
        which = (*where, "dns", *((position,) if len(domain.dns) > 1 else ()), "zone")
        holds = dns.zone and records.is_in(f"_domainkey.{domain.name}", dns.zone)
        if dns.cname and holds:
            yield line(which, DkimMessages.OWN_ZONE(domain=domain.name))
        elif dns.zone and not dns.cname and not holds:
            yield line(which, SettingMessages.OTHER_ZONE(zone=dns.zone, domain=domain.name))
    yield from _slot_problems(domain)


def _mail_from_problems(domains: Sequence[DomainSettings], stack: StackSettings) -> Iterator[str]:
    """
    Labels that are missing, or of Regions that the domain does not have; `defaults` may have more.

    And MAIL FROM domains of two Regions, that send mail themselves, outside their zone, or in a
    partition of which nobody knows SES's MX records.
    """
    for domain in domains:
        setting = domain.mail_from
        if setting is None:
            continue
        where = ("domains", domain.name, "mailFrom", "label")
        names = [*domain.mail_from_domains.values()]
        labelled = {*setting.label} - {""}
        missing = [one for one in domain.regions if labelled and one not in labelled]
        other = labelled - {*domain.regions} if setting is not stack.defaults.mail_from else set()
        unknown = [one for one in domain.regions if partition_of(one) not in MAIL_FROM_PARTITIONS]
        outside = [name for name in names if setting.zone and not records.is_in(name, setting.zone)]
        if unknown:
            yield line(where[:-1], SettingMessages.MAIL_FROM_REGION(region=unknown[0]))
        elif missing:
            yield line(where, SettingMessages.LABEL_REGIONS(regions=", ".join(missing)))
        elif other:
            yield line(where, SettingMessages.LABEL_OTHER(regions=", ".join(sorted(other))))
        elif outside:
            problem = SettingMessages.LABEL_ZONE(zone=setting.zone, name=outside[0])
            yield line((*where[:-1], "zone"), problem)
        elif twice := [name for name in names if names.count(name) > 1]:
            yield line(where, SettingMessages.LABEL_TWICE(name=twice[0]))
        elif sending := {*names} & {one.name for one in domains}:
            yield line(where, SettingMessages.LABEL_SENDS(name=min(sending)))


def _slot_problems(domain: DomainSettings) -> Iterator[str]:
    """
    Generations that no DNS provider publishes, two selectors for one key, two keys for one
    selector.
    """
    where = ("domains", domain.name)
    if any(dns.cname for dns in domain.dns) and 0 < domain.overlap_days < MIN_CNAME_OVERLAP:
        yield line((*where, "overlapDays"), DkimMessages.OVERLAP(least=MIN_CNAME_OVERLAP))
    for position, generation in enumerate(domain.published):
        holding = generations.holding(domain.dns, generation)
        if not holding:
            yield line((*where, "dns"), DkimMessages.NOT_PUBLISHED(generation=generation))
            continue
        if len({dns.cname for dns in holding}) > 1:
            yield line((*where, "dns"), DkimMessages.TWO_SELECTORS(free=domain.generation + 2))
            return
        selector = holding[0].selector(generation)
        if selector is None:
            continue
        if generation in domain.keys:
            yield line((*where, "keys", str(generation)), DkimMessages.SUPPLIED(selector=selector))
        for zone in dict.fromkeys(dns.zone for dns in holding):
            if problem := records.name_problem(selector, f"{domain.name}.{zone}"):
                yield line((*where, "dns"), problem)
        for first in generations.sharing(generation, domain.published[:position], domain.selector)[
            :1
        ]:
            both = {"first": first, "generation": generation, "selector": selector}
            yield line((*where, "published"), DkimMessages.SHARED(**both, slots=generations.SLOTS))


def _resolve(stack: StackSettings, default_region: str | None) -> tuple[DomainSettings, ...]:
    """Every domain with its defaults, sorted by name."""
    resolved = []
    keys_of: dict[str, str] = {}
    by_name = {}
    for spelling, domain in stack.domains.items():
        with suppress(ValueError):  # of a name that is refused already
            by_name[records.normalise_domain(spelling)] = domain
    for name, domain in sorted(by_name.items()):
        inherited: dict[str, Any] = {
            field: getattr(domain if field in domain.model_fields_set else stack.defaults, field)
            for field in DomainDefaults.model_fields
        }
        resolved.append(
            DomainSettings.model_construct(
                **inherited | {"regions": inherited["regions"] or (default_region,)},
                name=name,
                generation=domain.generation,
                published=_published(domain),
                keys=domain.keys or {},
                warnings=tuple(_warnings(name, domain, inherited["key_store"], keys_of)),
            )
        )
    return tuple(resolved)


def _published(domain: WrittenDomain) -> tuple[int, ...]:
    if domain.published is not None:
        return tuple(domain.published)
    return generations.published(domain.generation, domain.keys)


def _warnings(
    name: str, domain: WrittenDomain, store: KeyStore, keys_of: dict[str, str]
) -> Iterator[str]:
    """
    *keys_of* maps fingerprints of keys to the first domain that has one, and gets those of this
    one.
    """
    published, keys = _published(domain), domain.keys or {}
    if keys and published[-1] == domain.generation:
        after = domain.generation + 1
        add = f"add a key `{after}`" if domain.published is None else f"add {after} to `published`"
        missing = SettingMessages.NO_STANDBY(generation=domain.generation, add=add)
        yield line(("domains", name, "keys"), missing)
    for generation in sorted(keys.keys() - set(published)):
        steps = ("domains", name, "keys", str(generation))
        yield line(steps, SettingMessages.NOT_PUBLISHED(generation=generation))
    if keys and store.provider != "state":
        yield line(("domains", name, "keyStore"), SettingMessages.NOT_IN_STORE())
    for generation, key in keys.items():
        if (first := keys_of.setdefault(key.signing_key.fingerprint, name)) != name:
            where = ("domains", name, "keys", str(generation), "privateKey")
            yield line(where, SettingMessages.SHARED(first=first))


def _unused_key_warnings(
    written: Mapping[str, object], private_keys: Mapping[str, object]
) -> Iterator[str]:
    """Private keys that no domain names."""
    keys = (
        key
        for one in _map(written["domains"]).values()
        for key in _map(_map(one).get("keys")).values()
    )
    used = {str(_map(key).get("privateKey")) for key in keys}
    for name in sorted(private_keys.keys() - used):
        how = did_you_mean(name, used) or ", remove it, or name it under the `keys` of a domain"
        yield line(("privateKeys", name), SettingMessages.UNUSED(how=how))
