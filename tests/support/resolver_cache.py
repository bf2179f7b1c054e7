"""A receiver of mail: a resolver that remembers what it has found, and the judgement of mail."""

import functools
from datetime import datetime, timedelta

from sandbox.clock import SandboxClock
from sandbox.mail.dns import Found, LookUp
from sandbox.mail.verdict import Verdict, judge


@functools.cache
def judged(content: bytes, values: tuple[str, ...] | None) -> Verdict:
    """
    The verdict on a message whose key record has *values*. Messages arrive again and again; dkimpy
    verifies each once.
    """
    return judge(content, lambda _: Found(values))


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
