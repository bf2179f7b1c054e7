"""
What a run of the engine touches, and what goes wrong with it at any call that a test names.

SES is the sandbox's, without HTTP; Route 53 is the zone of `dns`. Each call takes time, and
mail leaves before and after it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from byodkim_provider.dkim import records
from byodkim_provider.errors import ByodkimError, DnsUnconfirmed
from byodkim_provider.messages.hosts import HostMessages
from sandbox.ses.model import NoAnswerError, SesModel
from sandbox.ses.rules import SesError
from sandbox.ses.switches import Fault, FaultKind
from tests.continuity.dns import CNAMES, Dns
from tests.continuity.model import Killed
from tests.support.fakes import FakeClock
from tests.support.simulation import DOMAIN, Properties

CALL_SECONDS: Final = 0.3
"""How long a call takes."""

SLICES: Final = 20
"""Into how many steps a long time is cut, each of them with mail at its end."""


class SteadyClock(FakeClock):
    """Time that passes in small steps, so that whoever listens misses little."""

    def advance(self, by: float | timedelta) -> None:
        left = by if isinstance(by, timedelta) else timedelta(seconds=by)
        step = max(timedelta(seconds=2), left / SLICES)
        while left > timedelta():
            super().advance(min(step, left))
            left -= step


@dataclass(frozen=True)
class Mishap:
    """
    What goes wrong with *calls* calls of a run, from the one with that number on, counted from 0.

    *before*: the call does nothing; *after*: it does its work, and nobody hears of it.
    """

    at: int
    kind: FaultKind | Literal["killed"]
    when: Literal["before", "after"]
    calls: int = 1


class Mishaps:
    """Counts the calls of a run and says which goes wrong."""

    def __init__(self) -> None:
        self._planned: Sequence[Mishap] = ()
        self._calls = 0

    def plan(self, *planned: Mishap) -> None:
        """For the run that begins now; its first call is number 0."""
        self._planned, self._calls = planned, 0

    def next(self) -> Mishap | None:
        """Of the call that is made now."""
        number = self._calls
        self._calls += 1
        found = (
            mishap for mishap in self._planned if mishap.at <= number < mishap.at + mishap.calls
        )
        return next(found, None)


class Ses(SesModel):
    """
    SES, where calls take time, go wrong as planned, and only the selector of a slot gets a second
    key.
    """

    def __init__(self, mishaps: Mishaps, **options: Any) -> None:
        super().__init__(**options)
        self._mishaps = mishaps
        self._keys: defaultdict[str, set[str]] = defaultdict(set)

    def call(
        self, operation: str, region: str, parameters: Mapping[str, Any], *, access_key: str = ""
    ) -> dict[str, Any]:
        """As `SesModel.call`, and `Killed`."""
        if operation == "SendEmail":
            return super().call(operation, region, parameters)
        self._note_key(parameters)
        mishap = self._mishaps.next()
        self.clock.advance(CALL_SECONDS)
        try:
            if mishap and mishap.kind == "killed":
                if mishap.when == "after":
                    with suppress(SesError, NoAnswerError):
                        super().call(operation, region, parameters)
                raise Killed
            if mishap and mishap.kind != "killed":
                self.inject(Fault(mishap.kind, mishap.when))
            return super().call(operation, region, parameters)
        finally:
            self.clock.advance(CALL_SECONDS)

    def _note_key(self, parameters: Mapping[str, Any]) -> None:
        sent = parameters.get("DkimSigningAttributes") or parameters.get("SigningAttributes")
        if sent:
            keys = self._keys[sent["DomainSigningSelector"]]
            keys.add(sent["DomainSigningPrivateKey"])
            has_slot = records.record_name(sent["DomainSigningSelector"], DOMAIN) in CNAMES
            assert len(keys) == 1 or has_slot, "a selector got a second key"


class Route53Failed(ByodkimError):
    """A call to Route 53 went wrong."""


class Records(ResourceProvider):
    """`aws.route53.Record` with `allow_overwrite`, of one value, on the zones of *dns*."""

    def __init__(self, dns: Dns, mishaps: Mishaps, clock: FakeClock) -> None:
        super().__init__()
        self._dns, self._mishaps, self._clock = dns, mishaps, clock

    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        return CheckResult(news, [])

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        return DiffResult(
            changes=olds != news, replaces=["name"] if olds["name"] != news["name"] else []
        )

    def create(self, props: Properties) -> CreateResult:
        self._call(lambda: self._put(props))
        return CreateResult(props["name"], props)

    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        self._call(lambda: self._put(news))
        return UpdateResult(news)

    def read(self, id_: str, props: Properties) -> ReadResult:
        self._call(lambda: None)
        value = self._dns.zones[props["zoneId"]].get(_name(props))
        return ReadResult(id_, props | {"records": [value]}) if value else ReadResult(None, {})

    def delete(self, _id: str, props: Properties) -> None:
        self._call(lambda: self._dns.remove(props["zoneId"], _name(props), *props["records"]))

    def standing(self, zone_id: str, name: str, kind: str) -> tuple[str, ...]:
        """As `Route53Client`, for the record's hook. It takes no time: a preview asks it too."""
        if mishap := self._mishaps.next():
            raise (
                Killed
                if mishap.kind == "killed"
                else Route53Failed(HostMessages.NO_ANSWER(reason=mishap.kind))
            )
        value = self._dns.zones[zone_id].get(_name({"name": name, "type": kind}))
        return (records.quoted(value),) if value else ()

    def _put(self, props: Properties) -> None:
        [value] = props["records"]
        self._dns.put(props["zoneId"], _name(props), value)
        if "_domainkey" in props["name"] and props["name"] not in CNAMES.values():
            assert len(self._dns.written[_name(props)]) == 1, "a selector got a second record"

    def _call(self, act: Callable[[], None]) -> None:
        if mishap := spoiled(self._mishaps, self._clock, act):
            raise Route53Failed(HostMessages.NO_ANSWER(reason=mishap.kind))


def _name(props: Properties) -> str:
    """Of a record, as `Dns` has it."""
    return f"{props['name']} MX" if props["type"] == "MX" else str(props["name"])


class Host:
    """A DNS host with an API, as `hosts.interface.DnsHost`; a name has one value at most."""

    def __init__(self, label: str, dns: Dns, mishaps: Mishaps, clock: FakeClock) -> None:
        self.label = label
        self._dns, self._mishaps, self._clock = dns, mishaps, clock

    def values(self, name: str) -> tuple[str, ...]:
        self._call(lambda: None)
        return tuple(one for one in (self._dns.zone.get(name),) if one)

    def add(self, name: str, value: str) -> None:
        assert name not in self._dns.zone, "a name got a second value"
        self._call(lambda: self._dns.put("Z0KEYS", name, value))

    def remove(self, name: str, value: str) -> None:
        self._call(lambda: self._dns.remove("Z0KEYS", name, value))

    def _call(self, act: Callable[[], None]) -> None:
        if mishap := spoiled(self._mishaps, self._clock, act):
            raise DnsUnconfirmed(HostMessages.NO_ANSWER(reason=mishap.kind))


def spoiled(mishaps: Mishaps, clock: FakeClock, act: Callable[[], None]) -> Mishap | None:
    """
    Do it, in the time that a call takes, unless that goes wrong before; what went wrong, or
    `Killed`.
    """
    mishap = mishaps.next()
    clock.advance(CALL_SECONDS)
    if not mishap or mishap.when == "after":
        act()
    clock.advance(CALL_SECONDS)
    if mishap and mishap.kind == "killed":
        raise Killed
    return mishap
