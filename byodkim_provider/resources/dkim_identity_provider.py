"""
An SES identity that signs with a key of one's own, as a Pulumi resource.

How the engine asks: plain dicts in and out, unknowns in previews. What happens is decided in
`identity.plan`, for a preview too.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from byodkim_provider import key_store, property_types
from byodkim_provider.aws.settings import tag_lines
from byodkim_provider.dkim import keys
from byodkim_provider.dkim.key_secret import parsed_arn
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.errors import ByodkimError, Stopped
from byodkim_provider.hosts.zones import ROUTE53, Zone
from byodkim_provider.identity import delegation, foretelling, judgement, lifecycle, lookups, rules
from byodkim_provider.identity.foretelling import Foretold
from byodkim_provider.identity.ownership import will_take_over
from byodkim_provider.identity.run import Key
from byodkim_provider.identity.state import INPUTS, Declared, Stored
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import secret, split


class ByodkimIdentityProvider(DynamicProvider):
    """Translates between the engine and the life of an identity."""

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        known, unknown = split(news)
        is_preview = bool(known.pop("is_preview", False))
        if wrong := property_types.problems(known, INPUTS):
            return check_result(news, wrong)
        # An identity has one of the two. The other one may be an output without a value, which a
        # preview calls unknown.
        for given, other in (("private_key", "secret_arn"), ("secret_arn", "private_key")):
            if known.get(given) is not None:
                unknown.pop(other, None)
        if "zones" in known:
            zones = self._with_name_servers(olds, known)
            known["zones"] = list(map(property_types.plain_object, zones))
        # All else was checked with the domain's settings.
        problems: list[str] = []
        if self._default_tags:
            known["tags"] = {**self._default_tags, **(known.get("tags") or {})}
            problems = list(tag_lines(known["tags"]))
        checked = property_types.without_none(known)
        if not olds and not problems:
            # A stack whose id is not made yet owns nothing, so whatever SES has is somebody else's.
            self._foresee(Declared.from_inputs({"owner": "", **checked}), is_preview=is_preview)
        if "private_key" in checked:
            checked["private_key"] = secret(checked["private_key"])
            checked.pop("record_value", None)  # it follows from the key; the state stays small
        return check_result({**checked, **unknown}, problems)

    def _with_name_servers(
        self, olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> Iterator[Zone]:
        """
        The zones with their name servers, as far as they are known.

        A zone's never change, so Route 53 is asked only for those of a zone that is new here.
        """
        before = {zone.label: zone.name_servers for zone in _zones(olds)}
        for zone in _zones(news):
            servers = zone.name_servers or before.get(zone.label, ())
            if not servers and zone.provider == ROUTE53:
                servers = self._route53(zone.role, zone.external_id).name_servers(zone.id)
            yield replace(zone, name_servers=servers)

    def _is_gone(self, zone: Zone) -> bool:
        """Whether Route 53 does not list *zone* any more; who may not list zones can't know."""
        if zone.provider != ROUTE53:
            return False
        with suppress(ByodkimError):
            return zone.id not in self._route53(zone.role, zone.external_id).zones()
        return False

    def _foresee(self, declared: Declared, *, is_preview: bool) -> None:
        """
        Say what will be in the way of a new identity before anything is made; it changes no input.
        """
        if is_preview or not declared.adopt:
            self._tell(declared, self._foretold(declared))
        if any(zone.name_servers for zone in declared.zones):
            asked = delegation.served_by(declared, self._run)
            elsewhere = delegation.served_elsewhere(declared, asked)
            self._run.say_once(elsewhere, is_warning=True)

    def _foretold(self, declared: Declared) -> Foretold:
        """What is foretold of a new identity, once SES has shown what it has under the name."""
        if declared.adopt and declared.region in self._run.unread:
            return Foretold([will_take_over(declared)])
        try:
            return Foretold([lifecycle.foresee(declared, self._services(declared.account_id))])
        except Stopped:
            return Foretold()
        except ByodkimError as error:
            return foretelling.of_refused(declared, error)

    def _tell(self, declared: Declared, foretold: Foretold) -> None:
        """Say what is foretold, each line once in a run, and remember what concerns others."""
        for line in foretold.lines:
            self._run.say_once(line, is_warning=foretold.is_warning)
        if foretold.is_refused:
            self._run.in_the_way.add(str(declared))
        if foretold.is_unread:
            self._run.unread.add(declared.region)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        known, unknown = split(news)
        stored = Stored.from_outputs(olds)
        # After an interrupted `--replace`, this run deletes the old half of the resource. That
        # deletion leaves the identity alone if it finds the instance of the live half here.
        self._run.instances.setdefault(str(stored.declared), stored.instance)
        # The stack's id is replaced; the identity keeps its owner.
        if unknown.pop("owner", None) is not None:
            known["owner"] = stored.declared.owner
        declared, now = Declared.from_inputs(known), self._run.clock.now()
        foretold = foretelling.of_change(stored, declared, unknown=unknown, now=now)
        self._tell(declared, foretold)
        names = rules.changed(stored, declared, unknown=unknown)
        replaces = [name for name in names if name in ("domain", "region")]
        if names and not replaces:
            rules.refuse_unsafe(stored, declared, unknown=unknown, now=now)
            delegation.refuse_leaving(stored, declared, self._run, self._is_gone)
            is_switch = stored.key and {"selector", "fingerprint"} & set(names)
            if is_switch and not unknown.keys() - {"selectors", "slots"}:
                self._run.progress().info(lookups.planned_switch(stored, declared, self._run))
        # Without an output that a verification reads, each preview would show a change of that.
        is_old = "cname" not in olds
        return DiffResult(changes=foretold.changes or is_old, replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        declared = Declared.from_inputs(props)
        services = self._services(declared.account_id)
        arn = services.ses(declared.region).arn(declared.domain)  # not once the run is interrupted
        stored = lifecycle.carry_out(None, declared, self._key(declared, props), services)
        return CreateResult(arn, _outputs(stored))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        declared, stored = Declared.from_inputs(news), Stored.from_outputs(olds)
        key = self._key(declared, news)
        updated = lifecycle.carry_out(stored, declared, key, self._services(declared.account_id))
        return UpdateResult(_outputs(updated))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        stored = Stored.from_outputs(props)
        seen = lifecycle.read(stored, self._services(stored.declared.account_id))
        return ReadResult(id_, _outputs(seen))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        stored = Stored.from_outputs(props)
        lifecycle.delete(stored, self._services(stored.declared.account_id))

    def _key(self, declared: Declared, inputs: Mapping[str, Any]) -> Key:
        """What gives the declared key: it is an input, or in Secrets Manager."""
        if "private_key" in inputs:
            # The engine has had it checked, now or in the run that first had it.
            return lambda: keys.load(inputs["private_key"], proved=True)
        arn = inputs["secret_arn"]

        def read() -> SigningKey:
            # In the account of our credentials: a secret may be shared with it.
            store = self._connections.secrets(parsed_arn(arn)[0], declared.account_id)
            return key_store.read_key(arn, store, fingerprint=declared.fingerprint)

        return functools.cache(read)


def _zones(properties: Mapping[str, Any]) -> Sequence[Zone]:
    """The zones of inputs; raises `InvalidSettings` for those of a state that was edited."""
    zones = {"zones": properties.get("zones", ())}
    return property_types.read(INPUTS, zones).zones  # type: ignore[no-any-return]


def _outputs(stored: Stored) -> dict[str, Any]:
    """What is stored, and for people how SES differs from what is declared."""
    return stored.to_outputs() | {"drift": judgement.drift(stored)}
