"""
One TXT value at one name, by the API of its DNS host, as a Pulumi resource.

How the engine asks: plain dicts in and out. What is done at the host is decided in
`hosts.publish`. No secret is an input or an output: a record names its credentials, and the
process that runs the call reads them from the stack's configuration or its environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from byodkim_provider import property_types
from byodkim_provider.dkim import records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts import registry
from byodkim_provider.hosts.interface import Credentials, DnsHost, HostName, HostSettings
from byodkim_provider.hosts.publish import RecordAtHost
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.identity.run import Run, Services
from byodkim_provider.identity.signers import Ours, with_earlier
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.messages.hosts import RecordMessages
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.sdk import has_unknown, split

_STORED: Final[property_types.Kinds] = {
    **property_types.kinds_of(HostSettings, strict=True),
    **dict.fromkeys(
        ("name", "existing", "credentials", "domain", "account_id"), property_types.LINE
    ),
    **dict.fromkeys(("value", "present_value"), property_types.STRING),
    **dict.fromkeys(("regions", "earlier"), property_types.list_of(property_types.LINE)),
    "found": property_types.FLAG,
}
"""Types of the outputs in the state."""

_REQUIRED: Final = ("provider", "zone", "name", "value", "domain", "regions")

_IDENTITY: Final = ("provider", "zone", "name", "value")
"""What makes it another record."""

_WAY: Final = ("zone_id", "server", "port", "credentials", "key_name", "key_algorithm")
"""
How the zone is reached. By another way the record is published too: that may be another server, and
at the old one the record stays. What is stored is what deletes the record later.
"""

_USE: Final = ("domain", "regions", "earlier", "account_id")
"""Which identities may sign with the key; a change touches no record."""


class DnsRecordProvider(DynamicProvider):
    """Translates between the engine and a DNS host; keeps no state."""

    _needs_aws = False

    def __init__(
        self,
        open_host: Callable[[HostSettings, Credentials], DnsHost] = registry.open_host,
        services: Callable[[str | None], Services] | None = None,
        *,
        run: Run | None = None,
    ) -> None:
        """Tests pass what it asks."""
        super().__init__(services, run=run)
        self._open_host = open_host

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        # All else was checked with the domain's settings.
        news = with_earlier(olds, news)
        problems: list[str] = []
        is_standby = news.pop("is_standby", True)
        if (
            news.get("value") is None
        ):  # an identity has failed, and the run goes on (`--continue-on-error`)
            return check_result(news, [DkimMessages.NO_VALUE(name=news["name"]).with_hint()])
        if olds.get("name") == news["name"] and olds["value"] != news["value"] and not is_standby:
            problems = [DkimMessages.TAKEN(name=news["name"]).with_hint()]
        if not has_unknown([news["name"], news["value"]]):
            _ours(news).declare(self._run)
        if (
            not olds
        ):  # only a call to the host shows whether a record exists: other changes need no secret
            self._say_untried(news["provider"])
            secrets = self._credentials(news)
            problems += [
                str(
                    RecordMessages.NO_SECRET(
                        name=secrets.name, key=key, setting=secrets.setting(key)
                    )
                )
                for key in secrets.missing()
            ]
        return check_result(news, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        _refuse_other_state(olds)
        replaces = [name for name in _IDENTITY if olds.get(name) != news.get(name)]
        if is_slot := news["existing"] == "slot":
            replaces = [name for name in replaces if name != "value"]
        known, _ = split({name: news.get(name) for name in (*_WAY, *_USE)})
        way = any(olds.get(name) != value for name, value in known.items())
        way = way or (is_slot and olds["value"] != news["value"])
        # Made first, a replacement of the same name would find the old value in its way.
        return DiffResult(
            changes=bool(replaces) or way, replaces=replaces, delete_before_replace=True
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(f"{_settings(props).label}/{props['name']}", self._published(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        _refuse_other_state(props)
        there, before = self._record(props).values(), props["present_value"]
        with_key = {one: key for one in there if (key := records.public_key(one))}
        ours = records.public_key(props["value"])
        if props["existing"] == "slot" and {*with_key.values()} - {ours}:
            raise InvalidSettings(DkimMessages.OTHER_STANDS(name=props["name"]))
        # Whatever else is there is the next `up`'s matter, which makes the record again.
        same = [before] * (before in there) or [one for one, key in with_key.items() if key == ours]
        return (
            ReadResult(id_, {**props, "present_value": same[0]}) if same else ReadResult(None, {})
        )

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _refuse_other_state(olds)
        there = {"present_value": olds["present_value"], "found": olds.get("found", False)}
        if all(olds.get(name) == news.get(name) for name in (*_WAY, "value")):
            return UpdateResult({**news, **there})
        is_other, ours = (
            olds["value"] != news["value"],
            _ours({**news, **there, "value": olds["value"]}),
        )
        if is_other and (why := ours.reason(self._services(news.get("account_id")))):
            raise InvalidSettings(DkimMessages.STILL_SIGNS(name=news["name"], why=why))
        made = self._published(news, before=there["present_value"])
        # By another way we may find the record that we have made ourselves.
        return UpdateResult({**made, "found": made["found"] and there["found"]})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        _refuse_other_state(props)
        if not _ours(props).stays(self._services(props.get("account_id"))):
            self._record(props).withdraw(props["present_value"])

    def _published(self, props: dict[str, Any], before: str | None = None) -> dict[str, Any]:
        there, found = self._record(props).publish(props["value"], props["existing"], before)
        return {**props, "present_value": there, "found": found}

    def _record(self, props: Mapping[str, Any]) -> RecordAtHost:
        run, host = self._run, self._open_host(_settings(props), self._credentials(props))
        return RecordAtHost(
            host, props["name"], turns=run.turns, clock=run.clock, progress=run.progress()
        )

    def _say_untried(self, provider: HostName) -> None:
        if not SPECS[provider].was_run and self._run.first("untried", provider):
            self._run.progress().info(RecordMessages.UNTRIED(provider=provider))

    def _credentials(self, props: Mapping[str, Any]) -> Credentials:
        written = self._config("dnsCredentials")
        return registry.credentials(
            props["provider"], props.get("credentials"), written, os.environ
        )


def _settings(props: Mapping[str, Any]) -> HostSettings:
    return property_types.read(HostSettings, props)


def _ours(props: Mapping[str, Any]) -> Ours:
    return Ours(
        domain=props["domain"],
        regions=props["regions"],
        earlier=props.get("earlier", ()),
        label=_settings(props).label,
        name=props["name"],
        key=props["value"],
        is_supplied=props.get("existing") == "same key",
        was_there=bool(props.get("found")),
    )


def _refuse_other_state(outputs: Mapping[str, Any]) -> None:
    """Raise `InvalidSettings` for a state that was not written here."""
    host = SPECS.get(str(outputs.get("provider")))
    of_host = host.required if host else ()
    required = (*_REQUIRED, *of_host, "present_value")
    property_types.refuse_state(property_types.problems(outputs, _STORED, required=required))
