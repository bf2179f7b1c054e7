"""
What may be written under `ses-byodkim:` in a stack file: every key, its default, its meaning.

A rule that needs more than one domain, or the `aws:` settings, is in `settings`; how a
single value is read is in `values`. The docstrings of fields and classes are what
editors show, through the JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from byodkim_provider.config.values import Flag, JsonObject, Region, ResolverAddress, Text, Whole, Zone
from byodkim_provider.dkim import generations, records
from byodkim_provider.dkim.key_secret import MAX_RECOVERY_DAYS, MIN_RECOVERY_DAYS
from byodkim_provider.dkim.keys import MAX_BITS, MIN_BITS, SigningKey
from byodkim_provider.dkim.keys import load as load_key
from byodkim_provider.dns import kept_records
from byodkim_provider.dns.panels import PANELS
from byodkim_provider.dns_hosts import hosts
from byodkim_provider.dns_hosts.rfc2136 import ALGORITHMS
from byodkim_provider.errors import InvalidKey
from byodkim_provider.quoting import shown

__all__ = [
    "REGION",
    "DnsSettings",
    "DomainDefaults",
    "KeyStore",
    "LocatedError",
    "StackSettings",
    "SuppliedKey",
    "Verification",
    "WrittenDomain",
]

MAX_TAGS: Final = 48
"""
Tags a user may set; two are this program's.

SES keeps 50 an identity (SES API, CreateEmailIdentity), Secrets Manager 50 a secret (its quotas).
"""

MAX_POLICY: Final = 20480
"""Characters of a secret's resource policy (Secrets Manager API, PutResourcePolicy)."""

MAX_SELECTOR: Final = 63
"""Characters of a selector (SES API, DkimSigningAttributes)."""

_One = TypeVar("_One")
if TYPE_CHECKING:
    Listed = Sequence[_One]
else:
    # A program may give any sequence; what is kept is a tuple.
    Listed = tuple[_One, ...]

Problem = tuple[tuple[str, ...], str]
"""Where in a field, and what is wrong there."""


class LocatedError(ValueError):
    """Several problems of one field. A class because pydantic takes one error a validator."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(": ".join((*steps, text)) for steps, text in problems))
        self.problems = tuple(problems)


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"{shown(value)} is listed twice")
    return values


def _at_least_one(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("must list at least one, not none")
    return values


def _as_list(written: object) -> list[object]:
    """`dns` in its long form: one provider is a list of one, a provider's name an object."""
    listed = written if isinstance(written, list) else [written]
    return [{"provider": one} if isinstance(one, str) else one for one in listed]


def _as_kept(written: object) -> dict[str, object]:
    """`keep` in its long form: a map, with no value where the record is to be looked up."""
    kept: dict[str, object] = {}
    for one in written if isinstance(written, list) else [written]:
        if not isinstance(one, Mapping) and (not isinstance(one, str) or one is written):
            raise ValueError(f"must be a list of selectors, or a map of their values, not {shown(one)}")
        for selector, value in one.items() if isinstance(one, Mapping) else [(one, None)]:
            if selector in kept:
                raise ValueError(f"{shown(selector)} is listed twice")
            kept[selector] = value
    return kept


def _as_object(written: object) -> object:
    """`keyStore` in its long form: a store's name is an object."""
    return {"provider": written} if isinstance(written, str) else written


# A domain with nothing below it: what it lacks is then said by name.
_nothing = BeforeValidator(lambda value: {} if value is None else value)

# YAML 1.1 reads a bare `off` as false, and some tools that write stack files still do.
_bare_off = BeforeValidator(lambda value: "off" if value is False else value)


def _any_form(schema: dict[str, Any]) -> None:
    """The JSON Schema of `dns`, with its short forms."""
    one = {"anyOf": [{"type": "string", "enum": list(get_args(_Provider))}, schema.pop("items")]}
    schema.pop("type")
    schema["anyOf"] = [*one["anyOf"], {"type": "array", "minItems": 1, "items": one}]


def _list_or_map(schema: dict[str, Any]) -> None:
    """The JSON Schema of `keep`, with its short form."""
    values = {"type": schema.pop("type"), "additionalProperties": {"type": "string"}}
    schema.pop("additionalProperties")
    items = {"anyOf": [{"type": "string"}, values]}
    schema["anyOf"] = [{"type": "array", "items": items}, values]


def _name_or_object(schema: dict[str, Any]) -> None:
    """The JSON Schema of `keyStore`, with its short form."""
    schema["anyOf"] = [{"type": "string", "enum": list(get_args(_Store))}, {"$ref": schema.pop("$ref")}]


_SECRET_TEXT: Final = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]},
    ]
}

_OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "route53": frozenset({"zone", "zone_id", "ttl", "assume_role", "delegate"}),
    "delegate": frozenset({"delegate", "ttl", "assume_role", "keep", "release"}),
    "cloudflare": frozenset({"zone", "zone_id", "ttl"}),
    "manual": frozenset({"panel", "zone"}),
    "rfc2136": frozenset({"zone", "ttl", "credentials", "server", "port", "key_name", "key_algorithm"}),
    "godaddy": frozenset({"zone", "ttl", "credentials"}),
    "dreamhost": frozenset({"zone", "credentials"}),
    "cpanel": frozenset({"zone", "ttl", "credentials", "server", "port"}),
    "wix": frozenset({"zone", "ttl", "credentials"}),
}
"""Which options go with which provider; `delegate` makes another one of Route 53."""

REGION: Final = Region()

_Provider = Literal["route53", "cloudflare", "manual", "rfc2136", "godaddy", "dreamhost", "cpanel", "wix"]
_Store = Literal["state", "secretsManager"]
_Panel = Annotated[str, Text("|".join(PANELS), f"one of {', '.join(PANELS)}")]
_Boolean = Annotated[bool, Flag()]
_Generation = Annotated[int, Whole(1)]
_Region = Annotated[str, REGION]
_ZoneId = Annotated[
    str,
    Text("Z[A-Z0-9]{1,31}|[0-9a-f]{32}", "a zone's id like 'Z0123456789ABC', or 32 hex digits at Cloudflare"),
]
_Role = Annotated[
    str,
    Text(
        "arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,576}", "a role like 'arn:aws:iam::123456789012:role/dns'"
    ),
]
_Host = Annotated[
    str,
    Text("[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9:])?", "an address, or a name like 'ns1.example.com'"),
]
_TsigKey = Annotated[str, Text("[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?", "a name like 'byodkim'")]
_CredentialsName = Annotated[str, Text("[A-Za-z0-9_-]{1,32}", "a name under dnsCredentials like 'godaddy'")]
_KmsKey = Annotated[
    str,
    Text(
        "arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}"
        "|alias/[A-Za-z0-9/_-]{1,250}|mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "a KMS key's ARN or id, or an alias like 'alias/mail'",
    ),
]
_ConfigurationSet = Annotated[str, Text("[A-Za-z0-9_-]{1,64}", "1 to 64 letters, digits, '-' or '_'")]


class _Written(BaseModel):
    """
    A map in a stack file: camelCase keys, none that is not known.

    In a program it is made by name, in snake_case.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=False,
        hide_input_in_errors=True,  # it may be a key
        use_attribute_docstrings=True,
    )


class DnsSettings(_Written):
    """A DNS provider that publishes a domain's records, and its options."""

    provider: _Provider = "route53"
    """Who serves the zone."""
    zone: Annotated[str, Zone()] | None = None
    """The zone that holds the records. By default the longest public one, with `manual` the domain itself."""
    zone_id: _ZoneId | None = None
    """The zone by its id, if two have the same name."""
    ttl: Annotated[int, Whole(0, 2**31 - 1)] = 300
    """How long resolvers may keep a record, in seconds; at Cloudflare 60 to 86400, or 1 for automatic."""
    assume_role: _Role | None = None
    """ARN of a role in the AWS account that holds the zone."""
    delegate: _Boolean = False
    """Make a zone `_domainkey.<domain>` in Route 53, for a domain whose DNS is elsewhere."""
    keep: Annotated[
        dict[str, str | None], BeforeValidator(_as_kept), Field(json_schema_extra=_list_or_map)
    ] = {}
    """Selectors of others that the delegated zone carries on, with a value where no lookup can find it."""
    release: _Boolean = False
    """End the protection of the delegated zone, so that it can be removed. The NS records must be gone."""
    panel: _Panel | None = None
    """Whose panel people type the record into, with `provider: manual`."""
    credentials: _CredentialsName | None = None
    """Which of `dnsCredentials` opens it. By default those under the provider's name."""
    server: _Host | None = None
    """With `rfc2136` the primary name server of the zone, with `cpanel` the panel's host; address or name."""
    port: Annotated[int, Whole(1, 65535)] | None = None
    """The server's port. By default 53, with `cpanel` 2083."""
    key_name: _TsigKey | None = None
    """Name of the TSIG key that may change the zone, as in the server's configuration."""
    key_algorithm: Annotated[str, Text("|".join(ALGORITHMS), f"one of {', '.join(ALGORITHMS)}")] | None = None
    """Algorithm of the TSIG key. By default hmac-sha256."""

    @field_validator("zone_id")
    @classmethod
    def _one_way(cls, zone_id: str | None, info: ValidationInfo) -> str | None:
        if zone_id and info.data.get("zone"):
            raise ValueError("give zone or zoneId, not both")
        return zone_id

    @field_validator("keep")
    @classmethod
    def _records(cls, keep: dict[str, str | None]) -> dict[str, str | None]:
        problems: list[Problem] = []
        for selector, value in keep.items():
            if problem := records.selector_problem(selector):
                problems.append(((), problem))
            try:
                _ = value is None or kept_records.from_value(value)
            except ValueError as error:
                problems.append(((selector,), str(error)))
        if problems:
            raise LocatedError(problems)
        return keep

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if problems := list(self._problems()):
            raise LocatedError(problems)
        return self

    def _problems(self) -> Iterator[Problem]:
        """Options that this provider does not have, or has only with others."""
        kind = "delegate" if self.delegate and self.provider == "route53" else self.provider
        for option in sorted(self.model_fields_set - _OPTIONS[kind] - {"provider"}):
            kinds = " and ".join(other for other, options in _OPTIONS.items() if option in options)
            yield (to_camel(option),), f"goes with {kinds}, not with {kind}"
        if self.zone_id and (len(self.zone_id) == 32) != (self.provider == "cloudflare"):
            yield ("zoneId",), f"{self.zone_id!r} is no zone's id in {self.provider}"
        if self.provider == "cloudflare" and self.ttl != 1 and not 60 <= self.ttl <= 86400:
            yield ("ttl",), f"must be 60 to 86400 at Cloudflare, or 1 for automatic, not {self.ttl}"
        if self.provider in hosts.PROVIDERS:
            yield from self._host_problems(self.provider)

    def _host_problems(self, host: hosts.Provider) -> Iterator[Problem]:
        for option in hosts.REQUIRED[host]:
            if getattr(self, option) is None:
                yield (to_camel(option),), f"required with {host}"
        least, most = hosts.TTLS.get(host, (0, 2**31 - 1))
        if "ttl" in self.model_fields_set and not least <= self.ttl <= most:
            yield ("ttl",), f"must be {least} to {most} at {host}, not {self.ttl}"


class SuppliedKey(_Written):
    """A key of the user's own, and the selector it is published under."""

    selector: str
    """First label of the record's name, lower case; it never gets another key."""
    private_key: Annotated[str, WithJsonSchema(_SECRET_TEXT)] = Field(repr=False)
    """An RSA key as `openssl genrsa` makes it: PEM or base64 DER, a secret."""

    @cached_property
    def signing_key(self) -> SigningKey:
        """The key, checked. Cached, for OpenSSL takes some 35 ms to check one."""
        return load_key(self.private_key)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if problems := list(self._problems()):
            raise LocatedError(problems)
        return self

    def _problems(self) -> Iterator[Problem]:
        if len(self.selector) > MAX_SELECTOR:  # perhaps the key, in the wrong place: `shown` won't quote it
            yield ("selector",), f"must be at most {MAX_SELECTOR} characters, not {shown(self.selector)}"
        elif problem := records.selector_problem(self.selector):
            yield ("selector",), problem
        try:
            _ = self.signing_key
        except InvalidKey as error:
            yield ("privateKey",), error.reason


class KeyStore(_Written):
    """Where generated keys are kept, and options of the store."""

    provider: _Store
    """The stack's state, where its secrets provider encrypts them, or AWS Secrets Manager."""
    kms_key_id: _KmsKey | None = None
    """KMS key that encrypts the secrets. By default the account's `aws/secretsmanager`."""
    tags: Annotated[dict[str, str], Field(json_schema_extra={"maxProperties": MAX_TAGS})] = {}
    """Tags of the secrets, at most 48."""
    resource_policy: Annotated[str, JsonObject(MAX_POLICY)] | None = None
    """Resource policy of the secrets: a map, or JSON."""
    recovery_window_days: Annotated[int, Whole(MIN_RECOVERY_DAYS, MAX_RECOVERY_DAYS)] = MAX_RECOVERY_DAYS
    """How long a secret can be restored after its generation is gone, in days."""

    @field_validator("tags")
    @classmethod
    def _taggable(cls, tags: dict[str, str]) -> dict[str, str]:
        if problems := list(_tag_problems(tags)):
            raise LocatedError(problems)
        return tags

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        options = sorted(self.model_fields_set - {"provider"})
        if self.provider == "state" and options:
            raise LocatedError(
                [((to_camel(one),), "goes with secretsManager, not with state") for one in options]
            )
        return self


class DomainDefaults(_Written):
    """What `defaults` may hold, and each domain override."""

    overlap_days: Annotated[int, Whole(0, 365)] = generations.OVERLAP_DAYS
    """How long a generation stays published after its last signature, in days. 0 overrides the rule."""
    regions: Annotated[
        Listed[_Region],
        AfterValidator(_at_least_one),
        AfterValidator(_distinct),
        Field(json_schema_extra={"minItems": 1, "uniqueItems": True}),
    ] = ()
    """AWS Regions that get an identity each. By default the one of `aws:region`."""
    dns: Annotated[
        Listed[DnsSettings],
        BeforeValidator(_as_list),
        AfterValidator(_at_least_one),
        Field(json_schema_extra=_any_form),
    ] = (DnsSettings(),)
    """Who publishes the records: a provider's name, an object with its options, or a list of them."""
    key_bits: Annotated[int, Whole(MIN_BITS, MAX_BITS)] = MAX_BITS
    """Size of keys that are made from now on, in bits. Those that exist stay as they are."""
    key_store: Annotated[KeyStore, BeforeValidator(_as_object), Field(json_schema_extra=_name_or_object)] = (
        KeyStore(provider="state")
    )
    """Where keys that are made from now on are kept: a store's name, or an object with its options."""
    configuration_set: _ConfigurationSet | None = None
    """Configuration set of the identities. Left as it is when not given."""
    tags: Annotated[dict[str, str], Field(json_schema_extra={"maxProperties": MAX_TAGS})] | None = None
    """Tags of the identities, at most 48. Left as they are when not given."""
    adopt: _Boolean = False
    """Take over identities that exist already."""
    accept_unsigned_window: _Boolean = False
    """Let mail go out unsigned until SES has verified the new key."""
    retired: _Boolean = False
    """Remove the identities and keep the records."""
    protect: _Boolean = False
    """Protect the identities against deletion."""
    dns_check: Annotated[Literal["authoritative", "recursive", "off"], _bare_off] = "authoritative"
    """Which servers must show a record before SES gets the key."""
    dns_resolvers: Annotated[Listed[Annotated[str, ResolverAddress()]], AfterValidator(_distinct)] = ()
    """Recursive resolvers, `address[:port]`; authoritative servers are asked at that port too."""
    dns_wait_seconds: Annotated[int, Whole(0, 3600)] = 120
    """How long to wait until a record is visible, in seconds."""
    rotate_after_days: Annotated[int, Whole(1, 36500)] = 180
    """A key that has signed for more days than this is a warning."""

    @field_validator("tags")
    @classmethod
    def _taggable(cls, tags: dict[str, str] | None) -> dict[str, str] | None:
        if problems := list(_tag_problems(tags or {})):
            raise LocatedError(problems)
        return tags


def _tag_problems(tags: Mapping[str, str]) -> Iterator[Problem]:
    """What SES would refuse (SES API, Tag), and names that are not the user's."""
    if len(tags) > MAX_TAGS:
        yield (), f"must be at most {MAX_TAGS}, not {len(tags)}"
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            yield (key,), f"the name of a tag must be 1 to 128 characters, not {len(key)}"
        if len(value) > 256:
            yield (key,), f"must be at most 256 characters, not {len(value)}"
        if strange := re.search(r"[^\w .:/=+@-]", key + value):
            yield (key,), f"must be letters, digits, blanks and _.:/=+-@, not {strange[0]!r}"
        if prefix := re.match("(aws|byodkim):", key, re.IGNORECASE):
            yield (key,), f"names that begin with {prefix[0]!r} are not yours to set"


class WrittenDomain(DomainDefaults):
    """A sending domain."""

    generation: _Generation
    """Which generation of the key signs. One more is a rotation."""
    published: Listed[_Generation] | None = None
    """Which generations have a key and a record. By default the previous, the signing and the next one."""
    keys: dict[_Generation, SuppliedKey] | None = None
    """Keys of your own, by generation."""

    @field_validator("published")
    @classmethod
    def _coherent(cls, published: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        signing = info.data.get("generation")
        if signing and published is not None:
            if problem := generations.published_problem(signing, published):
                raise ValueError(problem)
            return tuple(sorted(published))
        return published

    @field_validator("keys")
    @classmethod
    def _unmistakable(
        cls, keys: dict[int, SuppliedKey] | None, info: ValidationInfo
    ) -> dict[int, SuppliedKey] | None:
        problems = list(_reuse_problems(keys or {}))
        signing = info.data.get("generation")
        written_out = info.data.get("published", ()) is not None
        if signing and keys is not None and signing not in keys and not written_out:
            problems.append(((), f"must hold a key for generation {signing}, which signs"))
        if problems:
            raise LocatedError(problems)
        return keys


def _reuse_problems(keys: Mapping[int, SuppliedKey]) -> Iterator[Problem]:
    """A selector never gets a second key, and a key under a second selector is no new key."""
    selectors: dict[str, int] = {}
    fingerprints: dict[str, int] = {}
    for generation, key in sorted(keys.items()):
        if (first := selectors.setdefault(key.selector, generation)) != generation:
            yield (str(generation), "selector"), f"{key.selector!r} belongs to generation {first} already"
        if (first := fingerprints.setdefault(key.signing_key.fingerprint, generation)) != generation:
            yield (str(generation), "privateKey"), f"is the key of generation {first} already"


class Verification(_Written):
    """How long a run waits for SES, and how it ends if SES takes longer."""

    timeout_minutes: Annotated[int, Whole(0, 72 * 60)] = 30
    """How long to wait for all identities together, in minutes; 0 checks each once."""
    on_timeout: Literal["warn", "fail"] = "warn"
    """Whether the run then succeeds with a warning, or fails."""


class StackSettings(_Written):
    """Everything under `ses-byodkim:`."""

    defaults: DomainDefaults = DomainDefaults()
    """What holds for each domain that does not say otherwise."""
    domains: Annotated[
        dict[str, Annotated[WrittenDomain, _nothing]], Field(json_schema_extra={"minProperties": 1})
    ]
    """The sending domains, by name."""
    verification: Verification = Verification()
    """How long a run waits for SES."""
    dns_credentials: Annotated[
        dict[str, dict[str, Annotated[str, WithJsonSchema(_SECRET_TEXT)]]], Field(repr=False)
    ] = {}
    """What opens DNS hosts that we write to ourselves: secrets, by a name of your choice."""
