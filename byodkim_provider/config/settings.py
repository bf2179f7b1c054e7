"""
Validates the configuration, and fills in each domain's defaults.

Plain values in, frozen values or *all* problems out: no Pulumi, no network, no clock. What
may be written is in `schema`, how a problem is formatted in `problems`; the rules here
involve more than one key.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from byodkim_provider.aws.regions import partition_of, region_problem
from byodkim_provider.config.problems import Problem, keys_of, lines
from byodkim_provider.config.schema import (
    MIN_CNAME_OVERLAP,
    DnsSettings,
    DomainDefaults,
    StackSettings,
    SuppliedKey,
    Verification,
    WrittenDomain,
)
from byodkim_provider.dkim import generations, records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.property_types import json_map, line
from byodkim_provider.quoting import first_few

PROJECT: Final = "ses-byodkim"
"""Namespace of the configuration: the name in `Pulumi.yaml`."""

NOT_SECRET: Final = frozenset(key for spec in SPECS.values() for key in spec.plain)
"""Keys under `dnsCredentials` that need not be encrypted: they give no access by themselves."""

KEYS: Final = keys_of(StackSettings)
"""Valid keys."""

MAIL_FROM_PARTITIONS: Final = ("aws", "aws-us-gov")
"""Where MX records of MAIL FROM domains are known to end in `amazonses.com`."""


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
        return generations.selector(self.dns, generation)

    @property
    def mail_from_domains(self) -> Mapping[str, str]:
        """
        The MAIL FROM domain in each Region; none if it is not managed.

        A retired domain keeps them: mail that SES tries again has them as its sender.
        """
        if self.mail_from is None:
            return {}
        label = self.mail_from.label
        first, *others = self.regions
        names = {first: f"{label}.{self.name}"}
        for region in others:
            further = f"{region}.{label}" if self.mail_from.zone else f"{label}-{region}"
            names[region] = f"{further}.{self.name}"
        return names

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
        in_route53 = (dns for dns in self.dns if dns.provider == "route53")
        account = next(in_route53, DnsSettings())
        apart = {"zone": self.mail_from.zone, "zone_id": None, "cname": None, "from_generation": 1}
        return (account.model_copy(update=apart),)

    @property
    def cnames(self) -> Mapping[str, str]:
        """
        The CNAMEs that the domain's own DNS has for ever: name and target; none without `cname`.
        """
        targets: dict[str, str] = {}
        for dns in reversed(self.dns):  # the first of a list counts
            if dns.cname and dns.zone:
                targets |= records.cnames(dns.cname, self.name, dns.zone)
        return targets


@dataclass(frozen=True)
class Settings:
    """The configuration of a stack."""

    domains: tuple[DomainSettings, ...]
    """Sorted by name."""
    verification: Verification


def load(config: Mapping[str, object], *, default_region: str | None) -> Settings:
    """
    The settings in *config*: everything under the project's name, decrypted.

    *default_region* is `aws:region`. Raises `InvalidSettings` with all problems. An empty map,
    written out, is a stack whose last domain has left.
    """
    written = {key: value for key, value in config.items() if value not in (None, "", [])}
    return _load(written, default_region, private_keys=json_map(written.get("privateKeys")))


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
    spellings, problems = _spellings(json_map(written.get("domains")))
    try:
        stack = StackSettings.model_validate(
            written, by_alias=True, by_name=False, context=private_keys
        )
    except ValidationError as error:
        # `from None`: pydantic's error message may contain a key.
        smallest = SettingMessages.NO_DOMAINS(project=PROJECT).hint
        hint = "" if isinstance(written.get("domains"), Mapping) else smallest
        raise InvalidSettings(
            sorted([*problems, *lines(error, StackSettings, written)]), hint=hint
        ) from None
    domains = _resolve(stack, spellings, default_region)
    without_region = list(_region_problems(domains, default_region))
    problems += without_region
    senders = {domain.name for domain in domains}
    for domain in domains:
        found = [*_key_problems(domain), *_dns_problems(domain)]
        if not without_region:
            found += _mail_from_problems(domain, senders)
        problems += _lines_of(domain.name, found)
    if problems:
        raise InvalidSettings(sorted(problems))
    return Settings(domains, stack.verification)


def _lines_of(domain: str, problems: Iterable[Problem]) -> Iterator[str]:
    """A line for each of the *problems*, whose paths begin below *domain*."""
    for steps, problem in problems:
        yield line(("domains", domain, *steps), problem)


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
    labels = values.pop("dns_providers", ())
    regions = tuple(values.pop("regions", ()))  # the program's botocore may know newer ones
    settings = DomainSettings.model_validate({**values, "keys": {}, "warnings": ()})
    update: dict[str, Any] = {"keys": keys, "regions": regions}
    if labels:
        update["dns"] = tuple(DnsSettings.model_construct(provider=label) for label in labels)
    return settings.model_copy(update=update)


def _spellings(written: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """
    The domains *written*, by normalised name; and a line for each that is invalid, or listed twice.
    """
    spellings: dict[str, str] = {}
    problems = []
    for spelling in written:
        try:
            first = spellings.setdefault(records.normalise_domain(spelling), spelling)
        except ValueError as error:
            problems.append(line(("domains", spelling), str(error)))
            continue
        if first != spelling:
            same = SettingMessages.SAME_DOMAIN(first=first)
            problems.append(line(("domains", spelling), same))
    return spellings, problems


def _region_problems(
    domains: Sequence[DomainSettings], default_region: str | None
) -> Iterator[str]:
    """A missing or bad `aws:region`, if a domain falls back on it."""
    without = [domain.name for domain in domains if domain.regions == (default_region,)]
    if not without:
        return
    if not default_region:
        yield f"aws:region: {SettingMessages.NO_REGION(domains=first_few(without))}"
    elif problem := region_problem(default_region):
        yield f"aws:region: {problem}"


def _key_problems(domain: DomainSettings) -> Iterator[Problem]:
    """`retired` with `adopt`; names of records that a CNAME has."""
    if domain.retired and domain.adopt:
        yield ("retired",), SettingMessages.RETIRED_ADOPTED()
    for generation in domain.published:
        key = domain.keys.get(generation)
        if key and records.record_name(key.selector, domain.name) in domain.cnames:
            yield ("keys", str(generation), "selector"), DkimMessages.OF_SLOT()


def _dns_problems(domain: DomainSettings) -> Iterator[Problem]:
    """
    Zones that can't hold the domain's records, and with `cname` those that would; generations that
    no DNS provider publishes, two selectors for one key, two keys for one selector.
    """
    for position, dns in enumerate(domain.dns):
        if dns.zone is None:
            continue
        where = ("dns", position, "zone") if len(domain.dns) > 1 else ("dns", "zone")
        holds = records.is_in(f"_domainkey.{domain.name}", dns.zone)
        if dns.cname and holds:
            yield where, DkimMessages.OWN_ZONE(domain=domain.name)
        elif not dns.cname and not holds:
            yield where, SettingMessages.OTHER_ZONE(zone=dns.zone, domain=domain.name)
    if any(dns.cname for dns in domain.dns) and 0 < domain.overlap_days < MIN_CNAME_OVERLAP:
        yield ("overlapDays",), DkimMessages.OVERLAP(least=MIN_CNAME_OVERLAP)
    begins = {(dns.cname, dns.from_generation) for dns in domain.dns}
    if len(begins) > len({dns.cname for dns in domain.dns}):
        yield ("dns",), DkimMessages.PLAIN_MOVE()
    for position, generation in enumerate(domain.published):
        holding = generations.holding(domain.dns, generation)
        if not holding:
            yield ("dns",), DkimMessages.NOT_PUBLISHED(generation=generation)
            continue
        if len({dns.cname for dns in holding}) > 1:
            # The generation that signs and the standby after it have their selectors already.
            yield ("dns",), DkimMessages.TWO_SELECTORS(free=domain.generation + 2)
            return
        selector = domain.selector(generation)
        if selector is None:
            continue
        if generation in domain.keys:
            yield ("keys", str(generation)), DkimMessages.SUPPLIED(selector=selector)
        for zone in dict.fromkeys(dns.zone for dns in holding):
            name = records.record_name(selector, f"{domain.name}.{zone}")
            if len(name) > records.NAME_OCTETS:
                yield ("dns",), DkimMessages.NAME_OCTETS(name=name, length=len(name))
        earlier = domain.published[:position]
        shared = generations.sharing(generation, earlier, domain.selector)
        if shared:
            problem = DkimMessages.SHARED(
                first=shared[0], generation=generation, selector=selector, slots=generations.SLOTS
            )
            yield ("published",), problem


def _mail_from_problems(domain: DomainSettings, senders: Collection[str]) -> Iterator[Problem]:
    """
    MAIL FROM domains that send mail themselves, or are outside their zone; Regions in whose
    partition nobody knows SES's MX records.
    """
    setting = domain.mail_from
    if setting is None:
        return
    for region in domain.regions:
        if partition_of(region) not in MAIL_FROM_PARTITIONS:
            yield ("mailFrom",), SettingMessages.MAIL_FROM_REGION(region=region)
            return
    for name in domain.mail_from_domains.values():
        if setting.zone and not records.is_in(name, setting.zone):
            problem = SettingMessages.LABEL_ZONE(zone=setting.zone, name=name)
            yield ("mailFrom", "zone"), problem
        if name in senders:
            yield ("mailFrom", "label"), SettingMessages.LABEL_SENDS(name=name)


def _resolve(
    stack: StackSettings, spellings: Mapping[str, str], default_region: str | None
) -> tuple[DomainSettings, ...]:
    """Every domain with its defaults, sorted by name; *spellings* are their keys in *stack*."""
    resolved = []
    for name, spelling in sorted(spellings.items()):
        domain = stack.domains[spelling]
        published = domain.published or generations.published(domain.generation, domain.keys)
        published = sorted({*published})
        inherited: dict[str, Any] = {}
        for field in DomainDefaults.model_fields:
            source = domain if field in domain.model_fields_set else stack.defaults
            inherited[field] = getattr(source, field)
        if not inherited["regions"]:
            inherited["regions"] = (default_region,)
        resolved.append(
            DomainSettings.model_construct(
                **inherited,
                name=name,
                generation=domain.generation,
                published=tuple(published),
                keys=domain.keys or {},
                warnings=tuple(_lines_of(name, _warnings(domain, published))),
            )
        )
    return tuple(resolved)


def _warnings(domain: WrittenDomain, published: Sequence[int]) -> Iterator[Problem]:
    keys = domain.keys or {}
    if keys and published[-1] == domain.generation:
        after = domain.generation + 1
        add = f"add a key `{after}`" if domain.published is None else f"add {after} to `published`"
        yield ("keys",), SettingMessages.NO_STANDBY(generation=domain.generation, add=add)
    for generation in sorted(keys.keys() - set(published)):
        where = ("keys", str(generation))
        yield where, SettingMessages.NOT_PUBLISHED(generation=generation)
