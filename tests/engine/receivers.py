"""Receivers who remember records, and people who paste them."""

import re
from datetime import UTC, datetime, timedelta

from sandbox.mail.client import send
from sandbox.mail.dns import ask
from tests.engine.panel import Panel
from tests.engine.stack import REGION
from tests.support.resolver_cache import Cache, judged

ZONE = "slots.example.net"


def paste(sandbox, domain, zone=ZONE):
    """A person adds what `byodkim records` prints; the panel."""
    panel = Panel(sandbox, domain)
    point(panel, domain, zone)
    return panel


def point(panel, domain, zone=ZONE, *, prefix="ses"):
    """The three CNAMEs of *domain* lead into *zone* from now on."""
    for number in (1, 2, 3):
        name = f"{prefix}{number}._domainkey.{domain}"
        panel.paste(name, f"{name}.{zone}.", kind="CNAME")


def slot(sandbox, domain, number):
    """The value that stands in a slot; None if there is none."""
    values = sandbox.dns.txt(f"ses{number}._domainkey.{domain}.{ZONE}")
    return values[0] if values else None


def slots(sandbox, domain):
    return [slot(sandbox, domain, number) for number in (1, 2, 3)]


class Clock:
    """Of a receiver: so many days later."""

    def __init__(self):
        self.days = 0

    def now(self):
        return datetime.now(UTC) + timedelta(days=self.days)


class Receivers:
    """One asks the name servers each time, one remembers an answer as long as its TTL says."""

    def __init__(self, sandbox, *domains):
        self.sandbox, self.domains = sandbox, domains
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

    def __call__(self, line=""):
        """
        Now, or after a step of a run for a domain, as its *line* says: a message of the domain is
        sent, and all of its mail that is on its way arrives again.
        """
        for domain in self.domains:
            if not line or re.search(rf" {domain}/.* (updated|created)", line):
                self._hear(domain)

    def _hear(self, domain):
        self._now = {}
        self._mail.append((domain, send(self.sandbox, domain, REGION)))
        messages = [message for sender, message in self._mail if sender == domain]
        for look_up in self._look_ups:
            for message in messages:
                name = f"{message.verdict.selector}._domainkey.{domain}"
                verdict = judged(message.content, look_up(name).values)
                if verdict.result != "pass":
                    self.failed.append(verdict)
