"""Receivers who remember records, and people who paste them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.mail.client import send
from sandbox.mail.dns import ask
from sandbox.mail.verdict import judge
from tests.engine.panel import Panel
from tests.engine.stack import REGION
from tests.support.resolver_cache import Cache

ZONE = "slots.example.net"


def paste(sandbox, domain, *, prefix="ses", zone=ZONE):
    """A person adds what `byodkim records` prints."""
    panel = Panel(sandbox, domain)
    for slot in (1, 2, 3):
        name = f"{prefix}{slot}._domainkey.{domain}"
        panel.paste(name, f"{name}.{zone}.", kind="CNAME")
    return panel


def slot(sandbox, domain, number, *, prefix="ses"):
    """The value that stands in a slot; None if there is none."""
    values = sandbox.dns.txt(f"{prefix}{number}._domainkey.{domain}.{ZONE}")
    return values[0] if values else None


class Clock:
    """Of a receiver: so many days later."""

    def __init__(self):
        self.days = 0

    def now(self):
        return datetime.now(UTC) + timedelta(days=self.days)


class Receivers:
    """One asks the name servers each time, one remembers an answer as long as its TTL says."""

    def __init__(self, sandbox, domain):
        self.sandbox, self.domain = sandbox, domain
        self.clock = Clock()
        self.failed = []
        self._mail = []

        self._now = {}
        self._look_ups = (self._ask, Cache(self._ask, self.clock))

    def days_pass(self, days):
        self.clock.days += days
        # Whoever retries mail gives up after five days (RFC 5321), so nobody asks for an older key.
        self._mail = []

    def _ask(self, name):
        """What the name servers say at this moment: each name is asked for once."""
        if name not in self._now:
            self._now[name] = ask(name, self.sandbox.dns.resolver)
        return self._now[name]

    def __call__(self, line="updated"):
        """After each step of a run a message is sent, and all that is on its way arrives again."""
        if "updated" not in line and "created" not in line:
            return
        self._now = {}
        self._mail.append(send(self.sandbox, self.domain, REGION))
        for look_up in self._look_ups:
            verdicts = [judge(message.content, look_up) for message in self._mail]
            self.failed += [verdict for verdict in verdicts if verdict.result != "pass"]
