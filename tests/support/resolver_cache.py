"""A resolver of a receiver of mail that remembers what it has found."""

from datetime import datetime, timedelta

from sandbox.clock import SandboxClock
from sandbox.mail.dns import Found, LookUp


class Cache:
    """A resolver that remembers what *look_up* found until its TTL is over. A `LookUp` itself."""

    def __init__(self, look_up: LookUp, clock: SandboxClock) -> None:
        self._look_up = look_up
        self._clock = clock
        self._known: dict[str, tuple[Found, datetime]] = {}

    def __call__(self, name: str) -> Found:
        now = self._clock.now()
        known, until = self._known.get(name.lower(), (None, now))
        if known and now < until:
            return known
        found = self._look_up(name)
        self._known[name.lower()] = found, now + timedelta(seconds=found.ttl)
        return found
