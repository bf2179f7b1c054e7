"""
One TXT value at one name, by the API of its DNS host, as a Pulumi resource.

How the engine asks: plain dicts in and out. What is done at the host is decided in
`hosts.publish`. No secret is an input or an output: a record names its credentials, and the
process that runs the call reads them from the stack's configuration or its environment.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from byodkim_provider import property_types
from byodkim_provider.dkim.records import mark
from byodkim_provider.hosts import registry
from byodkim_provider.hosts.interface import Credentials, DnsHost, HostSettings
from byodkim_provider.hosts.publish import RecordAtHost
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.identity.run import Run
from byodkim_provider.messages.dkim import DkimMessages
from byodkim_provider.messages.hosts import RecordMessages
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.records import in_message, problem_of

_STORED: Final = property_types.model_of(
    {
        **property_types.hints_of(HostSettings),
        **dict.fromkeys(("name", "credentials"), property_types.Line),
    },
    required=("provider", "zone", "name", "value", "present_value"),
)
"""Types of the outputs in the state."""

_IDENTITY: Final = ("provider", "zone", "name", "value")
"""What makes it another record."""

_WAY: Final = ("zone_id", "server", "port", "credentials", "key_name", "key_algorithm")
"""
How the zone is reached. By another way the record is published too: that may be another server, and
at the old one the record stays. What is stored is what deletes the record later. `ttl` is no part
of it: only a new record gets another one.
"""


class DnsRecordProvider(DynamicProvider):
    """Translates between the engine and a DNS host; keeps no state."""

    _needs_aws = False

    def __init__(
        self,
        open_host: Callable[[HostSettings, Credentials], DnsHost] = registry.open_host,
        *,
        run: Run | None = None,
    ) -> None:
        """Tests pass what it asks."""
        super().__init__(run=run)
        self._open_host = open_host

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        # All else was checked with the domain's settings.
        name, value, existing = news["name"], news.get("value"), news["existing"]
        if value is None:  # an identity has failed, and the run goes on (`--continue-on-error`)
            return check_result(news, [DkimMessages.NO_VALUE(name=name).with_hint()])
        problems: list[str] = []
        is_second = olds.get("name") == name and olds["value"] != value
        if is_second and existing in ("same key", "slot"):
            problem = problem_of(existing)(name=name, found=in_message([olds["value"]]))
            problems = [problem.with_hint()]
        # Only a call to the host shows whether a record exists: other changes need no secret.
        if not olds:
            provider = news["provider"]
            if not SPECS[provider].was_run:
                self._run.say_once(RecordMessages.UNTRIED(provider=provider))
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
        property_types.read(_STORED, olds)
        replaces = [name for name in _IDENTITY if olds.get(name) != news.get(name)]
        changed = [name for name in _WAY if olds.get(name) != news.get(name)]
        if replaces == ["value"] and news["existing"] == "free slot":
            changed, replaces = [*changed, "value"], []
        # Made first, a replacement of the same name would find the old value in its way.
        return DiffResult(
            changes=bool(replaces or changed), replaces=replaces, delete_before_replace=True
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(f"{_settings(props).label}/{props['name']}", self._published(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        property_types.read(_STORED, props)
        there, before = self._record(props).values(), props["present_value"]
        same = [value for value in there if mark(value) == mark(props["value"])]
        if before in there:
            same = [before]
        # Whatever else is there is the next `up`'s matter, which makes the record again.
        return (
            ReadResult(id_, {**props, "present_value": same[0]}) if same else ReadResult(None, {})
        )

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        property_types.read(_STORED, olds)
        before = olds["present_value"]
        if all(olds.get(name) == news.get(name) for name in (*_WAY, "value")):
            return UpdateResult({**news, "present_value": before})
        return UpdateResult(self._published(news, before))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        property_types.read(_STORED, props)
        self._record(props).withdraw(props["present_value"])

    def _published(self, props: dict[str, Any], before: str | None = None) -> dict[str, Any]:
        there = self._record(props).publish(props["value"], props["existing"], before)
        return {**props, "present_value": there}

    def _record(self, props: Mapping[str, Any]) -> RecordAtHost:
        run, host = self._run, self._open_host(_settings(props), self._credentials(props))
        return RecordAtHost(
            host, props["name"], turns=run.turns, clock=run.clock, progress=run.progress()
        )

    def _credentials(self, props: Mapping[str, Any]) -> Credentials:
        written = self._config("dnsCredentials")
        return registry.credentials(
            props["provider"], props.get("credentials"), written, os.environ
        )


def _settings(props: Mapping[str, Any]) -> HostSettings:
    return property_types.read(HostSettings, props)
