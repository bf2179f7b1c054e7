"""
Mail that never stops, and what must hold of it: no message fails because of DNS.

An application sends through SES in every Region it uses, whenever anything has happened, and
each message is judged when it arrives and again as long as it may be on its way, by a receiver
who asks DNS and by one who remembers. A message is signed, sent and verified for real unless it
would be the last one over again: same Region, same key, same answer of DNS. Then it only counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sandbox.mail.dns import Cache, LookUp
from sandbox.mail.sink import MailSink
from sandbox.mail.verdict import Verdict, judge
from sandbox.ses.identity import HeldKey, Identity
from sandbox.ses.model import SesModel
from tests.continuity.dns import Dns

DOMAIN: Final = "example.com"
REGIONS: Final = ("eu-west-1", "us-east-1", "ap-south-1")

MESSAGE: Final = {
    "FromEmailAddress": f"hello@{DOMAIN}",
    "Destination": {"ToAddresses": ["somebody@elsewhere.test"]},
    "Content": {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "All is well.\n"}}}},
}

SECOND: Final = timedelta(seconds=1)
"""Stored times have no fractions of a second, so a record may go that much early."""


@dataclass
class Tally:
    """What was counted over many lives of a domain."""

    moves: int = 0
    switches: int = 0
    """How often SES was told a key that it did not hold."""
    messages: int = 0
    real: int = 0
    """Of these, how many were signed, sent and verified and not only counted."""
    in_window: int = 0
    """How many were sent while SES might be looking for a new key."""
    unsigned: int = 0
    """Of these, how many without a signature."""
    longest: timedelta = timedelta()
    """Of the times without signatures."""

    def __str__(self) -> str:
        """A row of the table whose heading is in `conftest`."""
        share = self.unsigned / self.in_window if self.in_window else 0.0
        return (
            f"{self.moves:6} {self.switches:8} {self.messages:8} {self.real:6} "
            f"{self.in_window:9} {share:8.1%} {self.longest.total_seconds():5.0f} s"
        )


@dataclass
class Mail:
    """The last message under one key in one Region: if this one still verifies, all before it do."""

    id: int
    selector: str
    content: bytes = field(repr=False)
    sent: datetime
    """When it was sent or, if that was earlier, when SES was told another key."""


@dataclass
class _Flow:
    """The mail of one Region."""

    same: tuple[str | None, tuple[str, ...] | None] | None = None
    """Selector and DNS's answer at the last message; another one would be the same."""
    unsigned_since: datetime | None = None
    told: HeldKey | None = None


class Traffic:
    """All mail of the domain. Raises `AssertionError` where a message fails or is about to."""

    def __init__(self, ses: SesModel, sink: MailSink, dns: Dns, tally: Tally) -> None:
        self._ses, self._sink, self._dns, self._tally = ses, sink, dns, tally
        self._remembered = Cache(dns.look_up, ses.clock)
        self.regions: set[str] = set()
        """Where the application sends."""
        self.overlap = timedelta(days=10)
        self.given_up: set[str] = set()
        """Selectors whose record may go because somebody said `overlapDays: 0`."""
        self.disturbed: set[str] = set()
        """Regions where somebody else had their hands in, until SES signs with a key of ours again."""
        self._flows = {region: _Flow() for region in REGIONS}
        self._on_its_way: dict[tuple[str, str], Mail] = {}
        self._verdicts: dict[tuple[int, tuple[str, ...] | None], Verdict] = {}

    def flow(self) -> None:
        """A message leaves in each Region, and all that are on their way are judged again."""
        for region in sorted(self.regions):
            self._send(region, self._ses.identities(region).get(DOMAIN))
        self._judge_again()

    def take_up(self, selector: str) -> None:
        """What was given up is to stay after all; of the mail sent until now nothing is expected."""
        if selector not in self.given_up:
            return
        self.given_up.discard(selector)
        for region in REGIONS:
            self.forget(region, selector)

    def forget(self, region: str, selector: str) -> None:
        """Of the mail sent there until now under *selector* nothing is expected any more."""
        self._on_its_way.pop((region, selector), None)

    def _send(self, region: str, identity: Identity | None) -> None:
        flow = self._flows[region]
        if not identity or identity.verification_status != "SUCCESS":
            flow.same = None
            return  # SES takes no mail
        self._tally.switches += flow.told not in (None, identity.key)
        flow.told = identity.key
        now = self._ses.clock.now()
        key = identity.signs_with(at=now, switches=self._ses.switches)
        selector = key.selector if key else None
        answer = self._dns.look_up(_name(selector)).values if selector else None
        self._count(region, identity, selector)
        if selector:
            self._check_visible(region, identity, selector, answer)
        if flow.same != (selector, answer):
            flow.same = selector, answer
            self._send_for_real(region, selector)
        if selector and (region, selector) in self._on_its_way:
            self._on_its_way[region, selector].sent = (
                now if selector == identity.selector else identity.changed
            )

    def _send_for_real(self, region: str, selector: str | None) -> None:
        self._ses.call("SendEmail", region, MESSAGE)
        self._tally.real += 1
        message = self._sink.messages[-1]
        verdict = message.verdict
        assert verdict.selector == (selector or "")
        if verdict.result == "pass":
            number = len(self._sink.messages)
            self._on_its_way[region, verdict.selector] = Mail(
                number, verdict.selector, message.content, message.at
            )
        assert verdict.result != "fail" or self._is_excused(verdict.selector), (region, verdict)

    def _check_visible(
        self, region: str, identity: Identity, selector: str, answer: tuple[str, ...] | None
    ) -> None:
        """The key SES signs with is in DNS, unless that is the will of a user or the act of a stranger."""
        given_up = selector in self.given_up and selector != identity.selector
        assert answer or given_up or self._is_excused(selector, given_up=False), (
            f"{region}: SES signs with {selector!r}, whose record is not visible"
        )

    def _count(self, region: str, identity: Identity, selector: str | None) -> None:
        """Mail without a signature is SES's own doing, and only for as long as it looks for a new key."""
        flow, now = self._flows[region], self._ses.clock.now()
        in_window = (
            now <= identity.changed + timedelta(seconds=self._ses.switches.first_check_seconds) + SECOND
        )
        self._tally.messages += 1
        self._tally.in_window += in_window
        if selector:
            flow.unsigned_since = None
            if not self._dns.tampered and selector == identity.selector and self._is_ours(selector):
                self.disturbed.discard(region)
        elif region not in self.disturbed:
            assert in_window, f"{region}: unsigned since {flow.unsigned_since}"
            flow.unsigned_since = flow.unsigned_since or now
            self._tally.unsigned += 1
            self._tally.longest = max(self._tally.longest, now - flow.unsigned_since)

    def _judge_again(self) -> None:
        now = self._ses.clock.now()
        for (region, selector), mail in list(self._on_its_way.items()):
            if now - mail.sent > self.overlap - SECOND:
                del self._on_its_way[region, selector]
                continue
            name = _name(selector)
            for look_up in (self._dns.look_up, self._remembered):
                verdict = self._judged(mail, look_up(name).values, look_up)
                assert verdict.result == "pass" or self._is_excused(selector), (
                    f"mail sent in {region} under {selector!r} {now - mail.sent} ago fails: {verdict.reason}"
                )

    def _judged(self, mail: Mail, values: tuple[str, ...] | None, look_up: LookUp) -> Verdict:
        """What *look_up* makes of *mail*, where it finds *values*."""
        if (mail.id, values) not in self._verdicts:
            self._verdicts[mail.id, values] = judge(mail.content, look_up)
        return self._verdicts[mail.id, values]

    def _is_ours(self, selector: str) -> bool:
        return _name(selector) in self._dns.written

    def _is_excused(self, selector: str, *, given_up: bool = True) -> bool:
        """Whether mail under *selector* may fail: the record was tampered with, given up, or never ours."""
        return (
            self._dns.spoiled(_name(selector))
            or not self._is_ours(selector)
            or (given_up and selector in self.given_up)
        )


def _name(selector: str) -> str:
    return f"{selector}._domainkey.{DOMAIN}"
