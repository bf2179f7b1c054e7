"""
Mail that never stops, and what must hold of it: no message fails because of DNS.

An application sends through SES in every Region it uses, whenever anything has happened, and
each message is judged when it arrives and again as long as it may be on its way, by a receiver
who asks DNS and by one who remembers. A message is signed, sent and verified for real unless it
would be the last one over again: same Region, same key, same answer of DNS. Then it only counts.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sandbox.mail.sink import MailSink
from sandbox.ses.identity import HeldKey, Identity
from sandbox.ses.model import SesModel
from tests.continuity.dns import NEGATIVE_TTL, Dns
from tests.support.resolver_cache import Cache, judged
from tests.support.simulation import DOMAIN

REGIONS: Final = ("eu-west-1", "us-east-1", "ap-south-1")

MESSAGE: Final = {
    "FromEmailAddress": f"hello@{DOMAIN}",
    "Destination": {"ToAddresses": ["somebody@elsewhere.test"]},
    "Content": {
        "Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "All is well.\n"}}}
    },
}

SECOND: Final = timedelta(seconds=1)
"""Stored times have no fractions of a second, so a record may go that much early."""


@dataclass
class Mail:
    """
    The last message under one key in one Region: if this one still verifies, all before it do.
    """

    selector: str
    fingerprint: str
    content: bytes = field(repr=False)
    sent: datetime
    """When it was sent or, if that was earlier, when SES was told another key."""


@dataclass
class _Flow:
    """The mail of one Region."""

    same: tuple[HeldKey | None, tuple[str, ...] | None] | None = None
    """Key and DNS's answer at the last message; another one would be the same."""
    unsigned_since: datetime | None = None


class Traffic:
    """All mail of the domain. Raises `AssertionError` where a message fails or is about to."""

    def __init__(self, ses: SesModel, sink: MailSink, dns: Dns) -> None:
        self._ses, self._sink, self._dns = ses, sink, dns
        self._remembered = Cache(dns.look_up, ses.clock)
        self.regions: set[str] = set()
        """Where the application sends."""
        self.overlap = timedelta(days=10)
        self.has_slots = False
        """
        Whether a record gets another key at the end of the overlap, and caches need the last of it.
        """
        self.given_up: set[str] = set()
        """Fingerprints of keys whose record may go because somebody said `overlapDays: 0`."""
        self.disturbed: set[str] = set()
        """
        Regions where somebody else had their hands in, until SES signs with a key of ours again.
        """
        self._without_returns: set[str] = set()
        """Regions where somebody changed a record of MAIL FROM, until SES has found it again."""
        self._flows = {region: _Flow() for region in REGIONS}
        self._on_its_way: dict[tuple[str, str], Mail] = {}

    def flow(self) -> None:
        """A message leaves in each Region, and all that are on their way are judged again."""
        for region in sorted(self.regions):
            self._send(region, self._ses.identities(region).get(DOMAIN))
        self._judge_again()

    def give_up(self, fingerprint: str) -> None:
        """
        Nothing is expected of mail under that key.

        Its slot may get the next key while receivers remember this one, so they remember nothing.
        """
        if fingerprint not in self.given_up:
            self.given_up.add(fingerprint)
            self._remembered = Cache(self._dns.look_up, self._ses.clock)

    def take_up(self, fingerprint: str) -> None:
        """
        What was given up is to stay after all; of the mail sent until now nothing is expected.
        """
        if fingerprint not in self.given_up:
            return
        self.given_up.discard(fingerprint)
        for region in REGIONS:
            self._on_its_way.pop((region, fingerprint), None)

    def _send(self, region: str, identity: Identity | None) -> None:
        flow = self._flows[region]
        if not identity or identity.verification_status != "SUCCESS":
            flow.same = None
            return  # SES takes no mail
        if not self._check_mail_from(region, identity):
            flow.same = None
            return
        now = self._ses.clock.now()
        key = identity.signs_with(at=now, switches=self._ses.switches)
        answer = self._dns.look_up(_name(key.selector)).values if key else None
        self._check_signed(region, identity, key.selector if key else None)
        if key:
            self._check_visible(region, identity, key, answer)
        if flow.same != (key, answer):
            flow.same = key, answer
            self._send_for_real(region, key)
        if key and (region, key.fingerprint) in self._on_its_way:
            self._on_its_way[region, key.fingerprint].sent = (
                now if key == identity.key else identity.changed
            )

    def _send_for_real(self, region: str, key: HeldKey | None) -> None:
        self._ses.call("SendEmail", region, MESSAGE)
        message = self._sink.messages[-1]
        verdict = message.verdict
        assert verdict.selector == (key.selector if key else "")
        if key and verdict.result == "pass":
            self._on_its_way[region, key.fingerprint] = Mail(
                key.selector, key.fingerprint, message.content, message.at
            )
        assert verdict.result != "fail" or (key and self._is_excused(key)), (region, verdict)

    def _check_mail_from(self, region: str, identity: Identity) -> bool:
        """
        Whether SES takes mail, with this MAIL FROM. It does, and both records are in DNS, unless
        that is the act of a stranger.
        """
        mail_from = identity.mail_from
        refuses = mail_from.on_mx_failure == "REJECT_MESSAGE" and mail_from.status != "SUCCESS"
        names = [f"{mail_from.domain} MX", mail_from.domain]
        if any(map(self._dns.spoiled, names)):
            self._without_returns.add(region)
        elif mail_from.status == "SUCCESS":
            self._without_returns.discard(region)
        if region not in self._without_returns:
            assert not refuses, f"{region}: SES refuses mail, for want of {names[0]}"
            for name in names if mail_from.status == "SUCCESS" else ():
                assert self._dns.look_up(name).values, f"{region}: {name} is not visible"
        return not refuses

    def _check_visible(
        self, region: str, identity: Identity, key: HeldKey, answer: tuple[str, ...] | None
    ) -> None:
        """
        The key SES signs with is in DNS, unless that is the will of a user or the act of a
        stranger.
        """
        given_up = key.fingerprint in self.given_up and key != identity.key
        assert answer or given_up or self._is_excused(key, given_up=False), (
            f"{region}: SES signs with {key.selector!r}, whose record is not visible"
        )

    def _check_signed(self, region: str, identity: Identity, selector: str | None) -> None:
        """
        Mail without a signature is SES's own doing, and only for as long as it looks for a new key.
        """
        flow, now = self._flows[region], self._ses.clock.now()
        in_window = (
            now
            <= identity.changed + timedelta(seconds=self._ses.switches.first_check_seconds) + SECOND
        )
        if selector:
            flow.unsigned_since = None
            if not self._dns.tampered and selector == identity.selector and self._is_ours(selector):
                self.disturbed.discard(region)
        elif region not in self.disturbed:
            assert in_window, f"{region}: unsigned since {flow.unsigned_since}"
            flow.unsigned_since = flow.unsigned_since or now

    def _judge_again(self) -> None:
        now = self._ses.clock.now()
        longest = self.overlap - timedelta(seconds=NEGATIVE_TTL if self.has_slots else 0)
        for (region, fingerprint), mail in list(self._on_its_way.items()):
            if now - mail.sent > longest - SECOND:
                del self._on_its_way[region, fingerprint]
                continue
            if self._is_excused(mail):
                continue
            name = _name(mail.selector)
            for look_up in (self._dns.look_up, self._remembered):
                verdict = judged(mail.content, look_up(name).values)
                assert verdict.result == "pass", (
                    f"mail sent in {region} under {mail.selector!r} {now - mail.sent} ago fails: "
                    f"{verdict.reason}"
                )

    def _is_ours(self, selector: str) -> bool:
        return self._dns.is_ours(_name(selector))

    def _is_excused(self, key: HeldKey | Mail, *, given_up: bool = True) -> bool:
        """
        Whether mail under *key* may fail: the record was tampered with, given up, or never ours.
        """
        return (
            self._dns.spoiled(_name(key.selector))
            or not self._is_ours(key.selector)
            or (given_up and key.fingerprint in self.given_up)
        )


def _name(selector: str) -> str:
    return f"{selector}._domainkey.{DOMAIN}"
