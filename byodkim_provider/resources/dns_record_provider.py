"""
One TXT value at one name, by the API of its DNS host, as a Pulumi resource.

How the engine asks: plain dicts in and out. What is done at the host is decided in
`hosts.publish`. No secret is an input or an output: a record names its credentials, and the
process that runs the call reads them from the stack's configuration or its environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult

from byodkim_provider import property_types
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.hosts import registry
from byodkim_provider.hosts.interface import Credentials, DnsHost, HostSettings
from byodkim_provider.hosts.publish import Existing, Record, lookup, publish, withdraw
from byodkim_provider.hosts.registry import SPECS
from byodkim_provider.hosts.rfc2136 import ALGORITHMS
from byodkim_provider.hosts.spec import HostName
from byodkim_provider.identity.run import Run
from byodkim_provider.quoting import named, printable, shown
from byodkim_provider.resources._provider import DynamicProvider, check_result
from byodkim_provider.resources.unknowns import split

_INPUTS: Final[property_types.Kinds] = {
    **dict.fromkeys(("provider", "zone", "zone_id", "name", "existing", "credentials"), property_types.LINE),
    **dict.fromkeys(("server", "key_name", "key_algorithm"), property_types.LINE),
    **dict.fromkeys(("port", "ttl"), property_types.WHOLE),
    "value": property_types.STRING,
}

_REQUIRED: Final = ("provider", "zone", "name", "value")

_OUTPUTS: Final[property_types.Kinds] = {**_INPUTS, "present_value": property_types.STRING}

_IDENTITY: Final = ("provider", "zone", "zone_id", "name", "value")
"""What makes it another record."""

_WAY: Final = ("server", "port", "credentials", "key_name", "key_algorithm")
"""
How the zone is reached. By another way the record is published too: that may be another server, and at
the old one the record stays. What is stored is what deletes the record later.
"""

_LABEL: Final = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"

_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}([.]{_LABEL})*")

_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    **dict.fromkeys(("zone", "name"), (_NAME, "a name in lower case without a final dot")),
    "key_name": (re.compile(f"{_NAME.pattern}[.]?", re.IGNORECASE | re.ASCII), "a name like 'byodkim'"),
}

MAX_PORT: Final = 65535


class DnsRecordProvider(DynamicProvider):
    """Translates between the engine and a DNS host; keeps no state."""

    def __init__(
        self,
        open_host: Callable[[HostSettings, Credentials], DnsHost] = registry.open_host,
        *,
        run: Run | None = None,
    ) -> None:
        super().__init__(run)
        self._open_host = open_host

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        known, _ = split(news)
        problems = _problems(known, news) or _beyond_limits(known)
        # Only a call to the host shows whether a record exists: a preview of other changes needs no secret.
        if not problems and not olds and "provider" in known:
            secrets = self._credentials(known)
            problems = [
                f"{secrets.name}: no {key} is given: {secrets.setting(key)}" for key in secrets.missing()
            ]
            self._say_untried(known["provider"])
        return check_result(news, problems)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        _refuse_other_state(olds)
        replaces = [name for name in _IDENTITY if olds.get(name) != news.get(name)]
        way = any(olds.get(name) != news.get(name) for name in _WAY)
        # Made first, a replacement of the same name would find the old value in its way.
        return DiffResult(changes=bool(replaces) or way, replaces=replaces, delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(f"{self._host(props).label}/{props['name']}", self._published(props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        _refuse_other_state(props)
        there = lookup(self._host(props), props["name"], clock=self._run.clock, progress=self._run.progress())
        # Whatever else is there is the next `up`'s matter, which makes the record again.
        return ReadResult(id_, props) if props["present_value"] in there else ReadResult(None, {})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _refuse_other_state(olds)
        return UpdateResult(self._published(news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        _refuse_other_state(props)
        withdraw(
            self._host(props),
            props["name"],
            props["present_value"],
            clock=self._run.clock,
            progress=self._run.progress(),
        )

    def _published(self, props: dict[str, Any]) -> dict[str, Any]:
        record = Record(props["name"], props["value"], props.get("existing", "same key"))
        there = publish(self._host(props), record, clock=self._run.clock, progress=self._run.progress())
        return {**props, "present_value": there}

    def _host(self, props: Mapping[str, Any]) -> DnsHost:
        return self._open_host(_settings(props), self._credentials(props))

    def _say_untried(self, provider: HostName) -> None:
        if not SPECS[provider].was_run and self._run.first("untried", provider):
            self._run.progress().info(
                f"dns: {provider} is written from its documents and not yet run against the real service: "
                "check the record in its panel, and report how it went"
            )

    def _credentials(self, props: Mapping[str, Any]) -> Credentials:
        written = self._config("dnsCredentials")
        return registry.credentials(props["provider"], props.get("credentials"), written, os.environ)


def _problems(known: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """What is wrong with the inputs, as far as a preview knows them."""
    problems = [
        f"{named(name)}: unknown property" for name in news if name not in _OUTPUTS and name != "__provider"
    ]
    problems += [f"{name}: required" for name in _REQUIRED if news.get(name) is None]
    problems += property_types.problems(known, _INPUTS)
    if problems:
        return problems
    provider: Any = known.get("provider")
    if provider in SPECS:
        problems += [f"{one}: required" for one in SPECS[provider].required if news.get(one) is None]
    elif provider is not None:
        problems.append(f"provider: must be one of {', '.join(SPECS)}, not {shown(provider)}")
    if known.get("existing") not in (None, *get_args(Existing)):
        problems.append(f"existing: must be 'same key' or 'replace', not {shown(known['existing'])}")
    value = str(known.get("value", "-"))
    if not (value.isascii() and value.isprintable() and value):
        problems.append("value: must be printable ASCII characters")
    problems += [
        f"{name}: must be {expected}, not {shown(known[name])}"
        for name, (form, expected) in _FORMS.items()
        if known.get(name) is not None and not form.fullmatch(known[name])
    ]
    if known.get("port") is not None and not 1 <= known["port"] <= MAX_PORT:
        problems.append(f"port: must be 1 to {MAX_PORT}, not {known['port']:g}")
    if "name" in known and "zone" in known and not f".{known['name']}".endswith(f".{known['zone']}"):
        problems.append(f"name: {shown(known['name'])} is not in the zone {shown(known['zone'])}")
    return problems


def _beyond_limits(known: Mapping[str, Any]) -> list[str]:
    """What a host does not take today. Not checked for a state: everything stored must stay removable."""
    problems = []
    algorithm, provider, ttl = (known.get(name) for name in ("key_algorithm", "provider", "ttl"))
    if algorithm not in (None, *ALGORITHMS):
        problems.append(f"key_algorithm: must be one of {', '.join(ALGORITHMS)}, not {shown(algorithm)}")
    if provider is not None and ttl is not None:
        limits = SPECS[str(provider)].ttl
        if limits is None:
            problems.append(f"ttl: {provider} has none")
        elif int(ttl) not in limits:
            problems.append(f"ttl: must be {limits} at {provider}, not {ttl:g}")
    return problems


def _settings(props: Mapping[str, Any]) -> HostSettings:
    names = ("provider", "zone", "zone_id", "server", "port", "key_name", "key_algorithm", "ttl")
    given = {name: _whole(props[name]) for name in names if props.get(name) is not None}
    return HostSettings(**given)


def _whole(value: Any) -> Any:
    """Pulumi sends every number as a float."""
    return int(value) if isinstance(value, float) else value


def _refuse_other_state(outputs: Mapping[str, Any]) -> None:
    """Raise `InvalidSettings` for a state that was not written here."""
    property_types.refuse_state(outputs, _OUTPUTS, required=(*_REQUIRED, "present_value"))
    known = {name: value for name, value in outputs.items() if name in _OUTPUTS}
    if wrong := _problems(known, known):
        raise InvalidSettings(
            [printable(f"in the state, {one}") for one in wrong],
            hint="this call changed nothing; was the state edited by hand? `pulumi stack import` restores "
            "an earlier version",
        )
