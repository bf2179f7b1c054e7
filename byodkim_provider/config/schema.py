"""
Every key under `ses-byodkim:` in a stack file, with its default and its meaning.

A rule that needs more than one domain, or the `aws:` settings, is in `settings`; how a single
value is read is in `values`; `dns`, `keys` and `keyStore` have modules of their own. The
docstrings of fields and classes are what editors show, through the JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from byodkim_provider.config._dns import DnsProviderName, DnsSettings, any_form, as_list
from byodkim_provider.config._keys import KeyStore, Store, SuppliedKey, as_object, name_or_object, pasted_keys
from byodkim_provider.config._written import (
    SECRET_TEXT,
    Boolean,
    Listed,
    Tags,
    Written,
    at_least_one,
    distinct,
)
from byodkim_provider.config.problems import LocatedError, Problem
from byodkim_provider.config.values import REGION, RESOLVER_ADDRESS, text, whole
from byodkim_provider.dkim import generations
from byodkim_provider.dkim.keys import MAX_BITS, MIN_BITS
from byodkim_provider.messages.config import SettingProblem

__all__ = [
    "DnsProviderName",
    "DnsSettings",
    "DomainDefaults",
    "KeyStore",
    "MailFrom",
    "StackSettings",
    "Store",
    "SuppliedKey",
    "Verification",
    "WrittenDomain",
    "pasted_keys",
]

# A domain without any settings: read as an empty map, so that missing keys are reported by name.
_nothing = BeforeValidator(lambda value: {} if value is None else value)

# YAML 1.1 reads a bare `off` as false, and some tools that write stack files still do.
_bare_off = BeforeValidator(lambda value: "off" if value is False else value)

_Generation = Annotated[int, whole(1, generations.MAX_GENERATION)]
_Region = Annotated[str, REGION]
_ConfigurationSet = Annotated[str, text("[A-Za-z0-9_-]{1,64}", "1 to 64 letters, digits, '-' or '_'")]


_LABEL: Final = text("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", "one label like 'bounce', in lower case")
"""At most 32 octets, so that the name of a Region goes with it into one label of DNS."""

_BY_REGION: Final = {"type": "object", "minProperties": 1, "propertyNames": REGION.schema}
_LABELS: Final = [_LABEL.schema, {**_BY_REGION, "additionalProperties": _LABEL.schema}]


class MailFrom(Written):
    """The custom MAIL FROM domain of a domain's mail, to which bounces go: a sub-domain for each Region."""

    label: Annotated[
        dict[Annotated[str, AfterValidator(lambda key: key and REGION.read(key))], Annotated[str, _LABEL]],
        BeforeValidator(lambda written: {"": written} if isinstance(written, str) else written),
        WithJsonSchema({"anyOf": _LABELS}),
    ]
    """
    The label before the domain: `bounce` makes `bounce.example.com`. With several Regions each has its own,
    `bounce-eu-west-1.example.com`; a map gives them labels of your choice, keyed by Region.
    """
    on_mx_failure: Literal["useDefault", "reject"] = "useDefault"
    """While SES finds no MX record: send as `amazonses.com`, or reject the mail."""

    def domains(self, domain: str, regions: Sequence[str]) -> dict[str, str]:
        """The MAIL FROM domain of *domain* in each of its *regions*."""
        for_all = self.label.get("")
        labels = {one: "-".join([for_all, one][: len(regions)]) for one in regions} if for_all else self.label
        return {region: f"{label}.{domain}" for region, label in labels.items()}


def _as_mail_from(written: object) -> object:
    """`mailFrom` in its long form: a label, or a map from Region to label, is an object."""
    is_map = isinstance(written, Mapping) and written and all(re.search("-.*-", str(key)) for key in written)
    return {"label": written} if isinstance(written, str) or is_map else written


def _any_mail_from(schema: dict[str, Any]) -> None:
    """The JSON Schema of `mailFrom`, with its short forms."""
    schema["anyOf"] = [*_LABELS, next(one for one in schema["anyOf"] if one.get("type") != "null")]


class DomainDefaults(Written):
    """Settings that a domain can override; `defaults` holds them for all domains."""

    overlap_days: Annotated[int, whole(0, 365)] = generations.OVERLAP_DAYS
    """How long a generation stays published after its last signature, in days. 0 overrides the rule."""
    regions: Annotated[
        Listed[_Region],
        AfterValidator(at_least_one),
        AfterValidator(distinct),
        Field(json_schema_extra={"minItems": 1, "uniqueItems": True}),
    ] = ()
    """AWS Regions, each with an SES identity of its own. Default: `aws:region`."""
    dns: Annotated[
        Listed[DnsSettings],
        BeforeValidator(as_list),
        AfterValidator(at_least_one),
        Field(json_schema_extra=any_form),
    ] = (DnsSettings(),)
    """The DNS provider that publishes the records: its name, an object with options, or a list of them."""
    key_bits: Annotated[int, whole(MIN_BITS, MAX_BITS)] = MAX_BITS
    """Length of new keys, in bits. Existing keys do not change."""
    key_store: Annotated[KeyStore, BeforeValidator(as_object), Field(json_schema_extra=name_or_object)] = (
        KeyStore(provider="state")
    )
    """Where new keys are kept: the name of a store, or an object with options. Existing keys do not move."""
    configuration_set: _ConfigurationSet | None = None
    """Default configuration set of the identities. If it is not given, it is not managed."""
    tags: Tags | None = None
    """Tags of the identities, at most 47. If they are not given, they are not managed."""
    mail_from: Annotated[
        MailFrom | None, BeforeValidator(_as_mail_from), Field(json_schema_extra=_any_mail_from)
    ] = None
    """The custom MAIL FROM domain, a sub-domain, with its MX and SPF records. If not given, not managed."""
    adopt: Boolean = False
    """Take over identities that exist in SES. While this is set, they stay in SES when the stack goes."""
    accept_unsigned_window: Boolean = False
    """Leave Easy DKIM, although mail is sent unsigned until SES has verified the new key."""
    retired: Boolean = False
    """Delete the identities and keep the records: mail that is on its way can still be verified."""
    protect: Boolean = False
    """Let Pulumi refuse to delete the identities (the resource option `protect`)."""
    dns_check: Annotated[Literal["authoritative", "recursive", "off"], _bare_off] = "authoritative"
    """The servers that must show a record before its key is sent to SES; `off` checks none."""
    dns_resolvers: Annotated[Listed[Annotated[str, RESOLVER_ADDRESS]], AfterValidator(distinct)] = ()
    """Recursive resolvers, `address[:port]`. Authoritative servers are queried at the same port."""
    dns_wait_seconds: Annotated[int, whole(0, 3600)] = 120
    """How long a run waits until a record is visible in DNS, in seconds."""
    rotate_after_days: Annotated[int, whole(1, 36500)] = 180
    """A run warns about a key that has signed for more days than this."""


class WrittenDomain(DomainDefaults):
    """A sending domain."""

    generation: _Generation
    """The generation of the key that signs. Increase it by one to rotate the key."""
    published: Listed[_Generation] | None = None
    """The generations that have a key and a record. Default: the previous, the signing and the next one."""
    keys: dict[_Generation, SuppliedKey] | None = None
    """Your own keys, keyed by generation."""

    @field_validator("published")
    @classmethod
    def _in_order(cls, published: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
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
            problems.append(((), SettingProblem.NOT_SUPPLIED(generation=signing)))
        if problems:
            raise LocatedError(problems)
        return keys


def _reuse_problems(keys: Mapping[int, SuppliedKey]) -> Iterator[Problem]:
    """Problems of selectors with two keys, and of keys with two selectors."""
    selectors: dict[str, int] = {}
    fingerprints: dict[str, int] = {}
    for generation, key in sorted(keys.items()):
        if (first := selectors.setdefault(key.selector, generation)) != generation:
            taken = SettingProblem.SELECTOR_TAKEN(selector=key.selector, generation=first)
            yield (str(generation), "selector"), taken
        if (first := fingerprints.setdefault(key.signing_key.fingerprint, generation)) != generation:
            yield (str(generation), "privateKey"), SettingProblem.SAME_KEY(generation=first)


class Verification(Written):
    """How long a run waits for SES, and how it ends at the time limit."""

    timeout_minutes: Annotated[int, whole(0, 72 * 60)] = 30
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
    private_keys: dict[str, Annotated[str, WithJsonSchema(SECRET_TEXT)]] = Field(default={}, repr=False)
    """Your own private keys: secrets, by a name of your choice. RSA, as `openssl genrsa` writes them."""
    dns_credentials: dict[str, dict[str, Annotated[str, WithJsonSchema(SECRET_TEXT)]]] = Field(
        default={}, repr=False
    )
    """Credentials for the APIs of DNS hosts: secrets, keyed by a name of your choice."""
