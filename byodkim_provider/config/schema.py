"""
Every key under `ses-byodkim:` in a stack file, with its default and its meaning.

A rule that needs more than one domain, or the `aws:` settings, is in `settings`; how a single
value is read is in `values`. The docstrings of fields and classes are what editors show, through
the JSON Schema.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel

from byodkim_provider.aws.settings import ROLE_ARN
from byodkim_provider.config.problems import Problem, secret_command
from byodkim_provider.config.values import (
    SECRET_TEXT,
    Listed,
    Region,
    Tags,
    Written,
    Zone,
    at_least_one,
    distinct,
    text,
)
from byodkim_provider.dkim import generations, records
from byodkim_provider.dkim.keys import MAX_BITS, MIN_BITS, SigningKey
from byodkim_provider.dkim.keys import load as load_key
from byodkim_provider.errors import InvalidKey
from byodkim_provider.hosts.interface import HostName
from byodkim_provider.hosts.registry import PANELS, SPECS
from byodkim_provider.hosts.rfc2136 import ALGORITHMS
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.property_types import NO_FLAG, Resolver, expected
from byodkim_provider.quoting import MAX_SHOWN, TOKEN, did_you_mean

MAX_CNAME_TTL: Final = 86400
"""
Longest TTL with `cname`, in seconds: its records change, and the overlap leaves a day for caches.
"""

MIN_CNAME_OVERLAP: Final = 2
"""Shortest `overlapDays` with `cname`, but for the override 0: longer than the longest TTL."""

Generation = Annotated[int, Field(ge=1, le=generations.MAX_GENERATION), NO_FLAG]

DnsProviderName = Literal["route53", HostName, "manual"]

OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "route53": frozenset({"zone", "zone_id", "ttl", "assume_role", "external_id", "cname"}),
    **{host: spec.all_options | {"cname"} for host, spec in SPECS.items()},
    "manual": frozenset({"panel", "zone"}),
}
"""The options of each provider, besides `fromGeneration`."""

_Cname = Annotated[
    str,
    text("[a-z0-9][a-z0-9-]{0,19}", "1 to 20 of a-z, 0-9 and '-', with no '-' at the beginning"),
]
_Panel = Annotated[str, text("|".join(PANELS), f"one of {', '.join(PANELS)}")]
_ZoneId = Annotated[
    str,
    text(
        "Z[A-Z0-9]{1,31}|[0-9a-f]{32}",
        "a zone's id like 'Z0123456789ABC', or 32 hex digits at Cloudflare",
    ),
]
_Role = Annotated[str, text(ROLE_ARN, "a role like 'arn:aws:iam::123456789012:role/dns'")]
_ExternalId = Annotated[
    str, text("[A-Za-z0-9_+=,.@:/-]{2,1224}", "2 to 1224 letters, digits and _+=,.@:/-")
]
_Host = Annotated[
    str,
    text(
        # one colon: a port
        "(?!.*[.]{2})(?![^:]*:[^:]*$)[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9:])?",
        "an address, or a name like 'ns1.example.com', without a port",
    ),
]
_TsigKey = Annotated[
    str,
    text(
        # no label has 64
        "(?!.*([.]{2}|[^.]{64}))[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?",
        "a name like 'byodkim'",
    ),
]
_CredentialsName = Annotated[
    str,
    text(
        f"(?!.*(?:{TOKEN.pattern}))[A-Za-z0-9_-]{{1,32}}",  # an error may say this name
        "a name under dnsCredentials like 'godaddy', unlike a secret",
    ),
]


def _as_list(written: object) -> list[object]:
    """`dns` in its long form: one provider is a list of one, a provider's name an object."""
    listed = written if isinstance(written, list) else [written]
    return [{"provider": one} if isinstance(one, str) else one for one in listed]


class DnsSettings(Written):
    """A DNS provider that publishes a domain's records, and its options."""

    provider: DnsProviderName = "route53"
    """The DNS provider."""
    zone: Zone | None = None
    """
    Name of the zone that holds the records. Default: the longest public zone; with `manual` the
    domain.
    """
    cname: _Cname | None = None
    """
    The records stand in *zone*, which is not the domain's own, and three CNAMEs of the domain lead
    to them: their selectors are this prefix and 1, 2 or 3.
    """
    from_generation: Generation = 1
    """
    The first generation whose record stands here; those before stand at the others of the list.
    """
    zone_id: _ZoneId | None = None
    """ID of the zone, needed if two zones have the same name."""
    ttl: Annotated[int, Field(ge=0, le=2**31 - 1), NO_FLAG] = 300
    """TTL of the records, in seconds. Each provider has its own limits and default."""
    assume_role: _Role | None = None
    """ARN of a role in the AWS account that holds the zone."""
    external_id: _ExternalId | None = None
    """External ID that this role asks for. AWS does not treat it as a secret."""
    panel: _Panel | None = None
    """With `manual`: the DNS panel in which people enter the records."""
    credentials: _CredentialsName | None = None
    """Name of the credentials in `dnsCredentials`. Default: the name of the provider."""
    server: _Host | None = None
    """Address or name of the zone's primary name server."""
    port: Annotated[int, Field(ge=1, le=65535), NO_FLAG] | None = None
    """Port of the server. Default: 53."""
    key_name: _TsigKey | None = None
    """Name of the TSIG key in the server's configuration."""
    key_algorithm: (
        Annotated[str, text("|".join(ALGORITHMS), f"one of {', '.join(ALGORITHMS)}")] | None
    ) = None
    """Algorithm of the TSIG key. Default: hmac-sha256."""

    def _problems(self) -> Iterator[Problem]:
        """Options that this provider does not have, or has only with others."""
        for option in sorted(
            self.model_fields_set - OPTIONS[self.provider] - {"provider", "from_generation"}
        ):
            kinds = " and ".join(other for other, options in OPTIONS.items() if option in options)
            yield (
                (to_camel(option),),
                SettingMessages.OTHER_PROVIDER(others=kinds, provider=self.provider),
            )
        if self.zone and self.zone_id and self.provider == "route53" and not self.cname:
            yield ("zoneId",), SettingMessages.ZONE_OR_ID()
        if self.cname and not self.zone:
            yield ("zone",), DkimMessages.ZONE()
        if self.cname and self.ttl > MAX_CNAME_TTL:
            yield ("ttl",), DkimMessages.TTL(most=MAX_CNAME_TTL)
        host = SPECS.get(self.provider)
        for option in host.required if host else ():
            if getattr(self, option) is None:
                yield (to_camel(option),), SettingMessages.REQUIRED_WITH(provider=self.provider)
        if host and "ttl" in self.model_fields_set and host.ttl and self.ttl not in host.ttl:
            kind = f"{host.ttl[0]} to {host.ttl[-1]} at {self.provider}"
            yield ("ttl",), SettingMessages.KIND(kind=kind, value=self.ttl)


_KEY_PATTERN: Final = "[A-Za-z0-9_-]{1,63}"
_A_KEY_NAME: Final = "a name in privateKeys like 'mail2026'"
_KeyName = Annotated[str, text(_KEY_PATTERN, _A_KEY_NAME)]

Store = Literal["state", "secretsManager"]
_KmsKey = Annotated[
    str,
    text(
        "arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}"
        "|alias/[A-Za-z0-9/_-]{1,250}|mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "a KMS key's ARN or id, or an alias like 'alias/mail'",
    ),
]


class SuppliedKey(Written):
    """A key of your own, and its selector."""

    selector: str
    """The selector, in lower case. A selector never gets a second key."""
    private_key: Annotated[
        str, WithJsonSchema({"type": "string", "pattern": f"^{_KEY_PATTERN}$"})
    ] = Field(repr=False)
    """
    Name of the key in `privateKeys`. In a program the key itself, a secret: RSA, as `openssl
    genrsa` writes it, PEM or base64 DER.
    """

    @cached_property
    def signing_key(self) -> SigningKey:
        """The key, checked. Cached: OpenSSL takes about 35 ms for it."""
        return load_key(self.private_key)

    @field_validator("private_key", mode="before")
    @classmethod
    def _by_name(cls, written: object, info: ValidationInfo) -> object:
        """
        The key that a stack file names; a program, which has no *context*, passes the key itself.
        """
        if info.context is None:
            return written
        if isinstance(written, str) and (len(written) >= MAX_SHOWN or "\n" in written):
            # No name is as long: it may be the key itself.
            command = secret_command(("privateKeys", "NAME"))
            raise ValueError(SettingMessages.KEY_ITSELF(command=command))
        if not isinstance(written, str) or not re.fullmatch(_KEY_PATTERN, written):
            raise expected(_A_KEY_NAME, written)
        if written in info.context:
            return info.context[written]
        command = secret_command(("privateKeys", written))
        how = did_you_mean(written, info.context) or f", set it with {command}"
        raise ValueError(SettingMessages.NO_SUCH_KEY(name=written, how=how))

    def _problems(self) -> Iterator[Problem]:
        if problem := records.selector_problem(self.selector):
            yield ("selector",), problem
        try:
            _ = self.signing_key
        except InvalidKey as error:
            yield ("privateKey",), error.message


class KeyStore(Written):
    """Where generated keys are kept."""

    provider: Store
    """The stack's state, encrypted by its secrets provider, or AWS Secrets Manager."""
    kms_key_id: _KmsKey | None = None
    """KMS key that encrypts the secrets. Default: the account's `aws/secretsmanager`."""


# `keyStore` in its short form is the name of the store.
_store_name = BeforeValidator(
    lambda value: {"provider": value} if isinstance(value, str) else value,
    json_schema_input_type=Store | KeyStore,
)

# A domain without any settings: read as an empty map, so that missing keys are reported by name.
_nothing = BeforeValidator(lambda value: {} if value is None else value)

# YAML 1.1 reads a bare `off` as false, and some tools that write stack files still do.
_bare_off = BeforeValidator(lambda value: "off" if value is False else value)

_ConfigurationSet = Annotated[
    str, text("[A-Za-z0-9_-]{1,64}", "1 to 64 letters, digits, '-' or '_'")
]


# At most 32 octets, so that the name of a Region goes with it into one label of DNS.
_Label = Annotated[
    str, text("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", "one label like 'bounce', in lower case")
]


class MailFrom(Written):
    """
    The custom MAIL FROM domain of a domain's mail, to which bounces go: a sub-domain for each
    Region.
    """

    label: _Label
    """
    The label before the domain: `bounce` makes `bounce.example.com`, for the first of the Regions.
    Each further one has its own, `bounce-us-east-1.example.com`.
    """
    zone: Zone | None = None
    """
    Name of the zone in Route 53 that holds both records. Further Regions are below the label then:
    `us-east-1.bounce.example.com`. Default: the zone of the domain's records.
    """
    on_mx_failure: Literal["useDefault", "reject"] = "useDefault"
    """
    When SES has found the MX record and finds it no more: send as `amazonses.com`, or reject the
    mail.
    """


# `mailFrom` in its short form is the label.
_label = BeforeValidator(
    lambda value: {"label": value} if isinstance(value, str) else value,
    json_schema_input_type=_Label | MailFrom | None,
)


_Dns = DnsProviderName | DnsSettings


class DomainDefaults(Written):
    """Settings that a domain can override; `defaults` holds them for all domains."""

    overlap_days: Annotated[int, Field(ge=0, le=365), NO_FLAG] = generations.OVERLAP_DAYS
    """
    How long a generation stays published after its last signature, in days. 0 overrides the rule.
    """
    regions: Annotated[
        Listed[Region],
        AfterValidator(at_least_one),
        AfterValidator(distinct),
        Field(json_schema_extra={"minItems": 1, "uniqueItems": True}),
    ] = ()
    """
    AWS Regions, each with an identity; a key store is in the first one. Default: `aws:region`.
    """
    dns: Annotated[
        Listed[DnsSettings],
        BeforeValidator(
            _as_list, json_schema_input_type=_Dns | Annotated[list[_Dns], Field(min_length=1)]
        ),
        AfterValidator(at_least_one),
    ] = (DnsSettings(),)
    """
    The DNS provider that publishes the records: its name, an object with options, or a list of
    them.
    """
    key_bits: Annotated[int, Field(ge=MIN_BITS, le=MAX_BITS), NO_FLAG] = MAX_BITS
    """Length of new keys, in bits. Existing keys do not change."""
    key_store: Annotated[KeyStore, _store_name] = KeyStore(provider="state")
    """
    Where new keys are kept: the name of a store, or an object with options. Existing keys do not
    move.
    """
    configuration_set: _ConfigurationSet | None = None
    """Default configuration set of the identities. If it is not given, it is not managed."""
    tags: Tags | None = None
    """Tags of the identities, at most 47. If they are not given, they are not managed."""
    mail_from: Annotated[MailFrom | None, _label] = None
    """
    The custom MAIL FROM domain, a sub-domain, with its MX and SPF records. If not given, not
    managed.
    """
    adopt: bool = False
    """
    Take over identities that exist in SES. While this is set, identities and records stay when they
    leave the stack.
    """
    accept_unsigned_window: bool = False
    """Leave Easy DKIM, although mail is sent unsigned until SES has verified the new key."""
    retired: bool = False
    """Delete the identities and keep the records: mail that is on its way can still be verified."""
    protect: bool = False
    """
    Let Pulumi refuse to delete the identities and the record that they sign with (the resource
    option `protect`).
    """
    dns_check: Annotated[Literal["authoritative", "off"], _bare_off] = "authoritative"
    """The servers that must show a record before its key is sent to SES; `off` checks none."""
    dns_resolvers: Annotated[Listed[Resolver], AfterValidator(distinct)] = ()
    """Recursive resolvers, `address[:port]`. Authoritative servers are queried at the same port."""
    dns_wait_seconds: Annotated[int, Field(ge=0, le=3600), NO_FLAG] = 120
    """How long a run waits until a record is visible in DNS, in seconds."""
    rotate_after_days: Annotated[int, Field(ge=1, le=36500), NO_FLAG] = 180
    """A run warns about a key that has signed for more days than this."""


class WrittenDomain(DomainDefaults):
    """A sending domain."""

    generation: Generation
    """The generation of the key that signs. Increase it by one to rotate the key."""
    published: Listed[Generation] | None = None
    """
    The generations that have a key and a record. Default: the previous, the signing and the next
    one.
    """
    keys: dict[Generation, SuppliedKey] | None = None
    """Your own keys, keyed by generation."""

    def _problems(self) -> Iterator[Problem]:
        """Generations that contradict each other, and keys and selectors that are there twice."""
        signing, published, keys = self.generation, self.published, self.keys
        if published is not None:
            problem = generations.published_problem(signing, published)
            if problem:
                yield ("published",), problem
        elif keys is not None and signing not in keys:
            yield ("keys",), SettingMessages.NOT_SUPPLIED(generation=signing)
        for steps, reused in _reuse_problems(keys or {}):
            yield ("keys", *steps), reused


def _reuse_problems(keys: Mapping[int, SuppliedKey]) -> Iterator[Problem]:
    """Problems of selectors with two keys, and of keys with two selectors."""
    selectors: dict[str, int] = {}
    fingerprints: dict[str, int] = {}
    for generation, key in sorted(keys.items()):
        if (first := selectors.setdefault(key.selector, generation)) != generation:
            taken = SettingMessages.SELECTOR_TAKEN(selector=key.selector, generation=first)
            yield (str(generation), "selector"), taken
        if (
            first := fingerprints.setdefault(key.signing_key.fingerprint, generation)
        ) != generation:
            yield (str(generation), "privateKey"), SettingMessages.SAME_KEY(generation=first)


class Verification(Written):
    """How long a run waits for SES, and how it ends at the time limit."""

    timeout_minutes: Annotated[int, Field(ge=0, le=72 * 60), NO_FLAG] = 30
    """Time limit for all identities together, in minutes; 0 checks each identity once."""
    on_timeout: Literal["warn", "fail"] = "warn"
    """At the time limit, the run succeeds with a warning, or fails."""


class StackSettings(Written):
    """Everything under `ses-byodkim:`."""

    defaults: DomainDefaults = DomainDefaults()
    """Default settings of all domains."""
    domains: dict[str, Annotated[WrittenDomain, _nothing]]
    """The sending domains, keyed by name; `{}` once the last of them has left."""
    verification: Verification = Verification()
    """How long a run waits for SES."""
    private_keys: dict[_KeyName, Annotated[str, WithJsonSchema(SECRET_TEXT)]] = Field(
        default={}, repr=False
    )
    """
    Your own private keys: secrets, by a name of your choice. RSA, as `openssl genrsa` writes them.
    """
    dns_credentials: dict[
        _CredentialsName, dict[str, Annotated[str, WithJsonSchema(SECRET_TEXT)]]
    ] = Field(default={}, repr=False)
    """Credentials for the APIs of DNS hosts: secrets, keyed by a name of your choice."""
