"""
What SES has in one Region, now and at earlier moments, and which identity a domain's mail goes by.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sandbox.ses.identity import Identity

MOMENTS: Final = 64
"""
Older states kept of an identity, for reads that lag: far more than it has in a lag of seconds.
"""


@dataclass(slots=True)
class Region:
    name: str
    configuration_sets: set[str] = field(default_factory=set)
    no_such_name_until: dict[str, datetime] = field(default_factory=dict)
    called: float | None = None
    """Monotonic time of the last call that was not throttled."""
    identity_count: int = 0
    tenants: dict[str, set[str]] = field(default_factory=dict)
    """Identities by tenant."""
    certified: set[str] = field(default_factory=set)
    """Identities with a certificate."""
    _moments: dict[str, deque[tuple[datetime, Identity | None]]] = field(default_factory=dict)
    _checks: list[tuple[datetime, str]] = field(default_factory=list)
    """A heap: when an identity was to be checked next, each time that it changed."""

    def store(self, name: str, identity: Identity | None, at: datetime) -> None:
        self.identity_count += (identity is not None) - (self.get(name) is not None)
        self._moments.setdefault(name, deque(maxlen=MOMENTS)).append((at, identity))
        for next_check in (identity.next_check, identity.mail_from.next_check) if identity else ():
            if next_check:
                heapq.heappush(self._checks, (next_check, name))

    def due(self, now: datetime) -> Iterator[Identity]:
        """Identities that may have a check due by *now*, longest due first."""
        while self._checks and self._checks[0][0] <= now:
            _, name = heapq.heappop(self._checks)
            if identity := self.get(name):
                yield identity

    def identities(self, at: datetime | None = None) -> dict[str, Identity]:
        found = ((name, self.get(name, at)) for name in self._moments)
        return {name: identity for name, identity in found if identity}

    def get(self, name: str, at: datetime | None = None) -> Identity | None:
        for since, identity in reversed(self._moments.get(name, ())):
            if at is None or since <= at:
                return identity
        return None

    def nearest(self, domain: str) -> Identity | None:
        """
        The identity that mail from *domain* goes by.

        A sub-domain without an identity of its own inherits the nearest one's, even if that does
        not sign.
        """
        name = domain.lower()
        while name and not self.get(name):
            name = name.partition(".")[2]
        return self.get(name)
