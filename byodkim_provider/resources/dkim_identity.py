"""
An SES identity that signs with a key of one's own, as a Pulumi resource.

How the engine asks: plain dicts in and out, unknowns in previews. What happens is decided in
`identity.plan`, for a preview too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult
from pulumi.runtime.rpc import wrap_rpc_secret

from byodkim_provider import property_types
from byodkim_provider.aws.route53 import Route53Client
from byodkim_provider.dkim import keys
from byodkim_provider.dkim.key_secret import SecretArn
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dns.resolver import resolver_for
from byodkim_provider.dns.visibility import DnsWait
from byodkim_provider.errors import IdentityExists
from byodkim_provider.identity import dns_moves, lifecycle, lookups, rules
from byodkim_provider.identity.calls import Plan, Seen
from byodkim_provider.identity.checks import check
from byodkim_provider.identity.plan import SWITCH, plan
from byodkim_provider.identity.services import Key, Services
from byodkim_provider.identity.state import INPUTS, OUTPUTS, ROUTE53, Declared, Stored
from byodkim_provider.key_store import secret_lifecycle
from byodkim_provider.progress import SystemClock
from byodkim_provider.resources._plugin import progress_of_this_call
from byodkim_provider.resources._provider import AwsProvider, check_result
from byodkim_provider.resources.secret_settings import as_secret_as
from byodkim_provider.resources.unknowns import split

__all__ = [
    "ByodkimIdentity",
    "ByodkimIdentityArgs",
    "ByodkimIdentityProvider",
    "exists_already",
    "load_v1",
]


# One of each for all providers of a process, which is one run.
_dns_wait = DnsWait(SystemClock())
_instances: dict[tuple[str, str], str] = {}
_in_the_way: set[tuple[str, str]] = set()
_drift_said: set[tuple[str, str]] = set()
"""By Region and domain: new identities that SES has already; those whose drift a refresh has warned of."""


def exists_already(region: str, domain: str) -> bool:
    """Whether a check of this run has found that SES has the identity, which is not to be adopted."""
    return (region, domain) in _in_the_way


def load_v1() -> ByodkimIdentityProvider:
    """What users' state names. Never moved, never renamed (tests/contract)."""
    return ByodkimIdentityProvider()


class ByodkimIdentityProvider(AwsProvider):
    """Translates between the engine and the life of an identity."""

    def __init__(
        self,
        connect: Callable[[Declared], Services] | None = None,
        route53: Callable[[str | None], Route53Client] | None = None,
    ) -> None:
        """Tests pass what it uses: *connect* what an identity's life calls, *route53* Route 53 by role."""
        super().__init__()
        self._connect = connect or self._connect_to_aws
        self._route53 = route53 or self._connect_to_route53

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        known, unknown = split(news)
        if wrong := property_types.problems(known, INPUTS):
            return check_result(news, wrong)
        # Only one of them is ever there, and a preview calls an output that is not there unknown.
        for given, other in (("private_key", "secret_arn"), ("secret_arn", "private_key")):
            if known.get(given) is not None:
                unknown.pop(other, None)
        if isinstance(known.get("dns"), list):
            known["name_servers"] = self._name_servers(olds, known)
        if self._default_tags:
            known["tags"] = {**self._default_tags, **(known.get("tags") or {})}
        checked, problems = check(known, unknown=unknown, checked_key=olds.get("private_key"))
        whose = {"domain", "region", "owner"}
        if not olds and not problems and not whose & unknown.keys():
            self._foresee(Declared.from_inputs(checked))
        if "private_key" in checked:
            checked["private_key"] = wrap_rpc_secret(checked["private_key"])
        return check_result({**checked, **unknown}, problems)

    def _name_servers(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        """
        Name servers of the zones by label, as far as they are known.

        A zone's never change, so Route 53 is asked only for those of a zone that is new here.
        """
        given = {**(olds.get("name_servers") or {}), **(news.get("name_servers") or {})}
        servers = {label: given[label] for label in news["dns"] if label in given}
        roles = news.get("zone_roles") or {}
        for label in news["dns"]:
            if label.startswith(ROUTE53) and label not in servers:
                route53 = self._route53(roles.get(label))
                servers[label] = list(route53.name_servers(label.removeprefix(ROUTE53)))
        return servers

    def _foresee(self, declared: Declared) -> None:
        """Say what will be in the way of a new identity before anything is made; it changes no input."""
        subject = (declared.region, declared.domain)
        _in_the_way.discard(subject)
        try:
            lifecycle.foresee(declared, self._connect)
        except IdentityExists as exists:
            # An error here would end the preview before it has come to the others. The verification,
            # which comes last, makes one of them all.
            _in_the_way.add(subject)
            progress_of_this_call().warn(f"{type(exists).__name__}: {exists}")
        if declared.name_servers:
            resolver = resolver_for(declared.dns_check, declared.dns_resolvers)
            if elsewhere := lookups.served_elsewhere(declared, resolver):
                progress_of_this_call().warn(elsewhere)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        known, unknown = split(news)
        stored = Stored.from_outputs(olds)
        if {"domain", "region", "owner"} & unknown.keys():
            return DiffResult(changes=True)
        declared = Declared.from_inputs(known)
        names = rules.changed(stored, declared, unknown=unknown)
        replaces = rules.needs_replacement(names)
        # As an update begins that has seen nothing yet, so that the preview says what it will do.
        now = SystemClock().now()
        planned = plan(stored, declared, Seen(), now=now, instance=stored.instance)
        if found := rules.drift(stored):
            subject = (stored.declared.region, stored.declared.domain)
            if subject not in _drift_said:
                progress_of_this_call().info(
                    f"{stored.declared.domain} {stored.declared.region}: "
                    f"when it was last read from SES: {', '.join(found)}"
                )
        if names and not replaces:
            rules.refuse_unsafe(stored, declared, unknown=unknown, now=now)
            resolver = resolver_for(declared.dns_check, declared.dns_resolvers)
            if zones := dns_moves.leaving(stored.declared, declared):
                asked = lookups.servers_asked(stored, resolver)
                dns_moves.refuse_leaving(stored, declared, zones, asked)
            if planned.asks and planned.asks.why == SWITCH and not unknown:
                progress_of_this_call().info(lookups.planned_switch(stored, declared, resolver))
        return DiffResult(changes=bool(unknown) or planned != Plan(stored), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        declared = Declared.from_inputs(props)
        stored = lifecycle.create(declared, self._key(declared, props), self._connect(declared))
        _in_the_way.discard((declared.region, declared.domain))
        return CreateResult(f"{declared.region}/{declared.domain}", _outputs(stored))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        declared, stored = Declared.from_inputs(news), Stored.from_outputs(olds)
        key = self._key(declared, news)
        updated = lifecycle.update(stored, declared, key, self._connect(declared))
        return UpdateResult(_outputs(updated))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        stored = Stored.from_outputs(props)
        seen = lifecycle.read(stored, self._connect(stored.declared))
        if rules.drift(seen):
            _drift_said.add((seen.declared.region, seen.declared.domain))
        return ReadResult(id_, _outputs(seen))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        stored = Stored.from_outputs(props)
        lifecycle.delete(stored, self._connect(stored.declared))

    def _key(self, declared: Declared, inputs: Mapping[str, Any]) -> Key:
        """What gives the declared key: it is an input, or in Secrets Manager."""
        if "private_key" in inputs:
            return lambda: keys.load(inputs["private_key"])
        arn = inputs["secret_arn"]

        def read() -> SigningKey:
            # In the account of our credentials: a secret may be shared with it.
            store = self._connections.secrets(SecretArn.parse(arn).region, declared.account_id)
            return secret_lifecycle.read_key(arn, store, fingerprint=declared.fingerprint)

        return functools.cache(read)

    def _connect_to_route53(self, role_arn: str | None) -> Route53Client:
        return self._connections.route53(self._config("aws:region"), role_arn)

    def _connect_to_aws(self, declared: Declared) -> Services:
        return Services(
            ses=self._connections.ses(declared.region, declared.account_id),
            resolver=resolver_for(declared.dns_check, declared.dns_resolvers),
            clock=SystemClock(),
            progress=progress_of_this_call(),
            dns_wait=_dns_wait,
            names=lambda: self._connections.names(declared.region, declared.account_id),
            instances=_instances,
        )


def _outputs(stored: Stored) -> dict[str, Any]:
    """What is stored, and for people what of it is otherwise than declared."""
    return stored.to_outputs() | {"drift": list(rules.drift(stored))}


@dataclass(kw_only=True)
class ByodkimIdentityArgs:
    """Inputs of a `ByodkimIdentity`. Those with a default may be left out."""

    domain: pulumi.Input[str]
    region: pulumi.Input[str]
    selector: pulumi.Input[str]
    """One label; the record is at `<selector>._domainkey.<domain>`. Never used for a second key."""
    private_key: pulumi.Input[str | None] | None = None
    """Secret. RSA, 1024 to 2048 bits, PEM or base64 DER, PKCS#1 or PKCS#8."""
    secret_arn: pulumi.Input[str | None] | None = None
    """Instead of the key: a `DkimKey`'s secret in Secrets Manager, read when the key is sent to SES."""
    record_value: pulumi.Input[str] | None = None
    """With *secret_arn*: the value of the key's record, by which the key is known without being read."""
    account_id: pulumi.Input[str] | None = None
    """The AWS account it must land in; another one is refused before anything is written."""
    regions: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """All Regions of the domain, so that a record that one signed with outlives that Region's identity."""
    generation: pulumi.Input[int] | None = None
    published: pulumi.Input[Sequence[pulumi.Input[int]]] | None = None
    supplied_keys: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """`<selector>:<fingerprint>` by generation, of the published ones that you gave a key for."""
    overlap_days: pulumi.Input[int] | None = None
    configuration_set: pulumi.Input[str] | None = None
    """Left as it is in SES if not given."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Left as they are in SES if not given. Tags of others stay in any case."""
    adopt: pulumi.Input[bool] | None = None
    """Take over an identity that SES has already; it stays in SES when the resource goes."""
    accept_unsigned_window: pulumi.Input[bool] | None = None
    """Leave Easy DKIM, although SES signs with nothing until it has verified the key."""
    dns_check: pulumi.Input[str] | None = None
    dns_resolvers: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    dns_wait_seconds: pulumi.Input[int] | None = None
    dns: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    """Labels of the zones (`dns_providers.HostedZone`) of the record. A move that loses it is refused."""
    name_servers: pulumi.Input[Mapping[str, pulumi.Input[Sequence[pulumi.Input[str]]]]] | None = None
    """Name servers of these zones, by label, as far as they are known; those of Route 53 are looked up."""
    zone_roles: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """By label, the ARN of the role that reads a Route 53 zone in another AWS account."""
    panel: pulumi.Input[str] | None = None
    """Whose panel people type the record into, a name from `panels.PANELS`."""
    panel_zone: pulumi.Input[str] | None = None
    """The zone that this panel shows."""


class ByodkimIdentity(Resource, module="byodkim", name="ByodkimIdentity"):
    """
    The SES identity of one domain in one Region, which signs with a key of one's own.

    SES gets the key only once its record is in DNS. Used alone, publish the record
    yourself and name it in `depends_on`; a new key then needs a new selector. `get` and
    `pulumi import` don't work, as with any dynamic resource; `custom_timeouts` have no effect.
    """

    domain: pulumi.Output[str]
    region: pulumi.Output[str]
    selector: pulumi.Output[str]
    generation: pulumi.Output[int | None]
    published: pulumi.Output[Sequence[int] | None]
    account_id: pulumi.Output[str | None]
    dns_check: pulumi.Output[str]
    dns_resolvers: pulumi.Output[Sequence[str]]
    record_name: pulumi.Output[str]
    record_value: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""
    status: pulumi.Output[str]
    """SES's DKIM status in its last response, `AWAITING_DNS` or `GONE`."""
    key_set_at: pulumi.Output[str | None]
    """When SES last got a key; None while awaiting DNS. ISO 8601, UTC, by SES's clock."""
    key_set_by: pulumi.Output[str]
    adopted: pulumi.Output[bool]
    """SES had it before; it stays there when the resource goes."""
    drift: pulumi.Output[Sequence[str] | None]
    """What SES had otherwise than declared when it was last read, one text each."""
    signing_since: pulumi.Output[str | None]
    """Since when SES has this key, ISO 8601, UTC."""
    signed_until: pulumi.Output[Mapping[str, str]]
    """By generation, when each earlier one signed last, ISO 8601, UTC."""

    def __init__(
        self, name: str, args: ByodkimIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """*name* and the stack make up the identity's owner tag: rename with `aliases` only."""
        outputs = sorted({*OUTPUTS, "drift"} - {*INPUTS})
        private_key: pulumi.Output[str | None] | None = None
        if args.private_key is not None:
            private_key = pulumi.Output.secret(args.private_key)
        inputs = {
            **vars(args),
            "private_key": private_key,
            "tags": as_secret_as("aws:defaultTags", args.tags),  # `check` adds the default tags
            "owner": f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}",
        }
        super().__init__(ByodkimIdentityProvider(), name, {**inputs, **dict.fromkeys(outputs)}, opts)
