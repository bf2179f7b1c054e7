"""
The zone of the domain under test: two servers, late changes, a silent server, people who tamper.

The same servers have the zone to which the domain's three CNAMEs lead. What the zones' owner wrote
is in `zone`, what the world sees of it in `look_up`. No mail and no engine here, and no judgement.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from byodkim_provider.dns.resolver import Answer
from sandbox.clock import SandboxClock
from sandbox.mail.dns import Found
from tests.support.simulation import DOMAIN, KEYS_ZONE, RETURNS_ZONE, ZONES, Route53

TTL: Final = 300
NEGATIVE_TTL: Final = 900
"""Of records and of "no such name", in seconds, as in a Route 53 zone."""


BOTH: Final = (0, 1)
"""Of a zone's servers, their numbers."""

CNAMES: Final[Mapping[str, str]] = {
    f"{prefix}{slot}._domainkey.{DOMAIN}": f"{prefix}{slot}._domainkey.{DOMAIN}.{KEYS_ZONE}"
    for prefix in ("ses", "mail")
    for slot in (1, 2, 3)
}
"""They have been pasted before the domain's life begins."""


class Dns:
    """Of a zone's two servers, only the second may be behind alone, only the first be silent."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self.zones: dict[str, dict[str, str]] = {zone_id: {} for zone_id in ZONES}
        """By zone and name what its owner has there: TXT values, and MX values at `NAME MX`."""
        self.delegated = "Z0EXAMPLE"
        """Of the two zones of the domain, the one that the registrar names."""
        self.written: defaultdict[str, set[str]] = defaultdict(set)
        """Every value that the engine ever wrote under a name."""
        self.lag_seconds = 0.0
        """How long a new record takes to be at the servers that are `late`."""
        self.late: tuple[int, ...] = BOTH
        self._silent_until = clock.now()
        self._due: dict[tuple[str, str], tuple[datetime, tuple[int, ...], tuple[str, ...]]] = {}
        """Until when which servers have which values still."""
        self._tampered: dict[str, str] = {}
        """By name, in which zone the record is other than the engine left it."""
        self._doubtful_until: dict[str, datetime] = {}

    @property
    def zone(self) -> Mapping[str, str]:
        """What there is to be seen, if all servers have it."""
        seen = self.delegated, "Z0KEYS", "Z0RETURNS"
        return {name: value for one in seen for name, value in self.zones[one].items()}

    def put(self, zone_id: str, name: str, value: str) -> None:
        """The engine writes a record, whatever there is."""
        self.written[name].add(value)
        before = self.zones[zone_id].get(name)
        if before == value:
            return
        self.zones[zone_id][name] = value
        due = self._clock.now() + timedelta(seconds=self.lag_seconds)
        self._due[zone_id, name] = due, self.late, () if before is None else (before,)
        if self._tampered.get(name) == zone_id:
            del self._tampered[name]
            # Until then a receiver may go by what it saw before the repair.
            self._doubtful_until[name] = due + timedelta(seconds=NEGATIVE_TTL)

    def remove(self, zone_id: str, name: str, value: str) -> None:
        """The engine deletes a record; that it is gone already, or another one, is no error."""
        if self.zones[zone_id].get(name) == value:
            del self.zones[zone_id][name]
            self._tampered.pop(name, None)

    def tamper(self, name: str, value: str | None) -> None:
        """Somebody changes or deletes a record, at all servers at once."""
        zone_id = self._zone_id(name)
        self._tampered[name] = zone_id
        self._due.pop((zone_id, name), None)
        self.zones[zone_id].pop(name, None)
        if value is not None:
            self.zones[zone_id][name] = value

    def silence(self, hours: float) -> None:
        """For so long the first server answers nobody."""
        self._silent_until = self._clock.now() + timedelta(hours=hours)

    def spoiled(self, name: str) -> bool:
        """Whether that a record is not there, or wrong, is the doing of somebody who tampered."""
        name = CNAMES.get(name, name)
        until = self._doubtful_until.get(name)
        return name in self._tampered or (until is not None and self._clock.now() < until)

    def is_ours(self, name: str) -> bool:
        """Whether the engine ever wrote the record."""
        return CNAMES.get(name, name) in self.written

    @property
    def tampered(self) -> bool:
        """Whether any record is other than the engine left it."""
        return bool(self._tampered)

    def txt(self, name: str, domain: str) -> tuple[Answer, ...]:
        """As `resolver.DnsResolver`."""
        assert name.endswith(domain)
        alias = CNAMES.get(name, "")
        return tuple(
            Answer(server, values, "" if values is not None else "silent", target=alias)
            for server, values in self._values(alias or name).items()
        )

    def look_up(self, name: str) -> Found:
        """
        What whoever is out of luck gets to see: of the servers that answer, the one that is behind.
        """
        name = CNAMES.get(name, name)
        values = [one for one in self._values(name).values() if one is not None]
        written = self.zones[self._zone_id(name)].get(name)
        behind = values[0] if values[0] != (written,) else values[-1]
        return Found(behind, TTL if behind else NEGATIVE_TTL)

    def _zone_id(self, name: str) -> str:
        at = name.removesuffix(" MX")
        if at.endswith(RETURNS_ZONE):
            return "Z0RETURNS"
        return "Z0KEYS" if at.endswith(KEYS_ZONE) else self.delegated

    def _values(self, name: str) -> dict[str, tuple[str, ...] | None]:
        """What each server has at a name; None if it does not answer."""
        now, zone_id = self._clock.now(), self._zone_id(name)
        value = self.zones[zone_id].get(name)
        servers = Route53().name_servers(zone_id)
        found: dict[str, tuple[str, ...] | None]
        found = dict.fromkeys(servers, () if value is None else (value,))
        due, late, before = self._due.get((zone_id, name), (now, (), ()))
        if now < due:
            found |= {servers[number]: before for number in late}
        if now < self._silent_until:
            found[servers[0]] = None
        return found
