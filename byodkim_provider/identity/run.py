"""
What all resources of one run share and find out, and what they may call: SES, DNS, the clock.

A process of the plugin is one run. A test makes a run and services of its own, and patches nothing.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from byodkim_provider.aws.ses import SesClient
from byodkim_provider.dkim.keys import SigningKey
from byodkim_provider.dns.resolver import DnsResolver, resolver_for
from byodkim_provider.dns.visibility import Diagnosis
from byodkim_provider.progress import Clock, Progress


@dataclass
class Run:
    """
    One run: its clock, its messages, its look-ups, and what it has found of each identity.

    A class because resources of one run learn from each other, in many threads.
    """

    progress: Callable[[], Progress]
    """Shows messages in the row of the resource that the calling thread works on."""
    clock: Clock = field(default_factory=Clock)
    resolver: Callable[[str, Sequence[str]], DnsResolver | None] = resolver_for
    complete: dict[Hashable, tuple[float, Diagnosis]] = field(default_factory=dict)
    """When a record was found at every server: what `diff` has seen counts before the Put."""
    instances: dict[str, str] = field(default_factory=dict)
    """
    The instances of what this run has or wrote, by `domain Region` of an identity or ARN of a
    secret, whose tag AWS may return late.
    """
    in_the_way: set[str] = field(default_factory=set)
    """Identities that are not this stack's, and are not to be adopted, as `domain Region`."""
    turns: defaultdict[str, threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )
    """By host and zone: one request at a time."""
    unread: set[str] = field(default_factory=set)
    """Regions in which a preview could not read SES, and does not ask again."""
    said: set[str] = field(default_factory=set)
    """What `say_once` has shown."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _waiting: int = field(default=0, repr=False)
    _wait_began: float = field(default=0.0, repr=False)
    _waited: float = field(default=0.0, repr=False)

    @contextmanager
    def dns_wait(self, seconds: float) -> Iterator[float]:
        """
        A wait for a record, with its end (as `clock.monotonic()`), if all wait at most *seconds*
        together.

        Only time in which at least one identity waits is counted, so that other work does not use
        it up.
        """
        with self._lock:
            now = self.clock.monotonic()
            if not self._waiting:
                self._wait_began = now
            self._waiting += 1
            end = self._wait_began + seconds - self._waited
        try:
            yield end
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._waited += self.clock.monotonic() - self._wait_began

    def say_once(self, text: object, *, is_warning: bool = False) -> None:
        """Show *text*, but not "", and not again what this run has shown by this method."""
        with self._lock:
            is_new = str(text) not in self.said
            self.said.add(str(text))
        if is_new and str(text):
            progress = self.progress()
            say = progress.warn if is_warning else progress.info
            say(text)


Key = Callable[[], SigningKey]
"""Loads the declared key, which may be in a key store. Called only when the key is sent to SES."""


@dataclass(frozen=True)
class Services:
    """Everything one call may touch, in one AWS account."""

    run: Run
    ses: Callable[[str], SesClient]
    """SES in a Region."""
    names: Callable[[str], Collection[str]]
    """Names of the identities in a Region when this run first listed them."""
