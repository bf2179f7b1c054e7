"""`dns` of a domain: who publishes its records, and the options of each provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic.alias_generators import to_camel

from byodkim_provider.config._written import Written
from byodkim_provider.config.problems import Problem
from byodkim_provider.config.values import ZONE, text, whole
from byodkim_provider.dkim import generations
from byodkim_provider.hosts.interface import HostName
from byodkim_provider.hosts.panels import PANELS
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.hosts.rfc2136 import ALGORITHMS
from byodkim_provider.messages.config import SettingProblem
from byodkim_provider.messages.dkim import SlotProblem

MAX_CNAME_TTL: Final = 86400
"""Longest TTL with `cname`, in seconds: its records change, and the overlap leaves a day for caches."""

MIN_CNAME_OVERLAP: Final = 2
"""Shortest `overlapDays` with `cname`, but for the override 0: longer than the longest TTL."""

DnsProviderName = Literal["route53", HostName, "manual"]

OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "route53": frozenset({"zone", "zone_id", "ttl", "assume_role", "external_id", "cname"}),
    **{host: spec.all_options | {"cname"} for host, spec in SPECS.items()},
    "manual": frozenset({"panel", "zone"}),
}
"""The options of each provider, besides `fromGeneration`."""

_Cname = Annotated[
    str, text("[a-z0-9][a-z0-9-]{0,19}", "1 to 20 of a-z, 0-9 and '-', with no '-' at the beginning")
]
_Panel = Annotated[str, text("|".join(PANELS), f"one of {', '.join(PANELS)}")]
_ZoneId = Annotated[
    str,
    text("Z[A-Z0-9]{1,31}|[0-9a-f]{32}", "a zone's id like 'Z0123456789ABC', or 32 hex digits at Cloudflare"),
]
_Role = Annotated[
    str,
    text(
        "arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,576}",  # no wildcard of a policy
        "a role like 'arn:aws:iam::123456789012:role/dns'",
    ),
]
_ExternalId = Annotated[str, text("[A-Za-z0-9_+=,.@:/-]{2,1224}", "2 to 1224 letters, digits and _+=,.@:/-")]
_Host = Annotated[
    str,
    text(
        "(?!.*[.]{2})(?![^:]*:[^:]*$)[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9:])?",  # one colon: a port
        "an address, or a name like 'ns1.example.com', without a port",
    ),
]
_TsigKey = Annotated[
    str, text("(?!.*[.]{2})[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?", "a name like 'byodkim'")
]
_CredentialsName = Annotated[str, text("[A-Za-z0-9_-]{1,32}", "a name under dnsCredentials like 'godaddy'")]


def as_list(written: object) -> list[object]:
    """`dns` in its long form: one provider is a list of one, a provider's name an object."""
    listed = written if isinstance(written, list) else [written]
    return [{"provider": one} if isinstance(one, str) else one for one in listed]


def any_form(schema: dict[str, Any]) -> None:
    """The JSON Schema of `dns`, with its short forms."""
    one = {"anyOf": [{"type": "string", "enum": list(get_args(DnsProviderName))}, schema.pop("items")]}
    schema.pop("type")
    schema["anyOf"] = [*one["anyOf"], {"type": "array", "minItems": 1, "items": one}]


class DnsSettings(Written):
    """A DNS provider that publishes a domain's records, and its options."""

    provider: DnsProviderName = "route53"
    """The DNS provider."""
    zone: Annotated[str, ZONE] | None = None
    """Name of the zone that holds the records. Default: the longest public zone; with `manual` the domain."""
    cname: _Cname | None = None
    """
    The records stand in *zone*, which is not the domain's own, and three CNAMEs of the domain lead to them:
    their selectors are this prefix and 1, 2 or 3.
    """
    from_generation: Annotated[int, whole(1, generations.MAX_GENERATION)] = 1
    """The first generation whose record stands here; those before stand at the others of the list."""
    zone_id: _ZoneId | None = None
    """ID of the zone, needed if two zones have the same name."""
    ttl: Annotated[int, whole(0, 2**31 - 1)] = 300
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
    port: Annotated[int, whole(1, 65535)] | None = None
    """Port of the server. Default: 53."""
    key_name: _TsigKey | None = None
    """Name of the TSIG key in the server's configuration."""
    key_algorithm: Annotated[str, text("|".join(ALGORITHMS), f"one of {', '.join(ALGORITHMS)}")] | None = None
    """Algorithm of the TSIG key. Default: hmac-sha256."""

    def selector(self, generation: int) -> str | None:
        """The selector of a generation's slot; None without `cname`, where each key gets a new one."""
        return f"{self.cname}{generations.slot(generation)}" if self.cname else None

    def _problems(self) -> Iterator[Problem]:
        """Options that this provider does not have, or has only with others."""
        for option in sorted(
            self.model_fields_set - OPTIONS[self.provider] - {"provider", "from_generation"}
        ):
            kinds = " and ".join(other for other, options in OPTIONS.items() if option in options)
            yield (to_camel(option),), SettingProblem.OTHER_PROVIDER(others=kinds, provider=self.provider)
        if self.external_id and not self.assume_role:
            yield ("externalId",), SettingProblem.EXTERNAL_ID()
        if self.zone and self.zone_id and self.provider == "route53" and not self.cname:
            yield ("zoneId",), SettingProblem.ZONE_OR_ID()
        if self.cname and not self.zone:
            yield ("zone",), SlotProblem.ZONE()
        if self.cname and self.ttl > MAX_CNAME_TTL:
            yield ("ttl",), SlotProblem.TTL(most=MAX_CNAME_TTL)
        has_zone_ids = "zone_id" in OPTIONS[self.provider]
        if self.zone_id and has_zone_ids and self.zone_id.startswith("Z") != (self.provider == "route53"):
            yield ("zoneId",), SettingProblem.ZONE_ID(zone_id=self.zone_id, provider=self.provider)
        host = SPECS.get(self.provider)
        for option in host.required if host else ():
            if getattr(self, option) is None:
                yield (to_camel(option),), SettingProblem.REQUIRED_WITH(provider=self.provider)
        if host and "ttl" in self.model_fields_set and host.ttl and self.ttl not in host.ttl:
            yield ("ttl",), SettingProblem.KIND(kind=f"{host.ttl} at {self.provider}", value=self.ttl)
