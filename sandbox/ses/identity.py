"""The life of one SES identity: the key it holds, the checks of DNS for it, what it signs with."""

import base64
import binascii
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from sandbox.ses.switches import Switches

DkimStatus = Literal["PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED"]

SEARCH: Final = timedelta(hours=72)
"""
How long SES checks DNS for a new key, or for the MX record of a MAIL FROM domain, before it has
FAILED.

API text of `DkimAttributes.Status`; SES developer guide, MAIL FROM.
"""

GRACE: Final = timedelta(days=5)
"""How long a verified record may be gone before SES gives up (SES developer guide, Easy DKIM)."""

LONGEST_GAP: Final = timedelta(hours=1)
"""Between two checks, of a verified record too. Not documented; an assumption."""

KEY_BITS: Final = range(1024, 2049)
"""RSA keys SES signs with (SES developer guide, BYODKIM). Others are stored and never verify."""

CHECK: Final = timedelta(milliseconds=326)
"""From `LastCheckedTimestamp` to `LastSuccessTimestamp` in an answer of real SES that had both."""

Values = tuple[str, ...] | None
"""
What DNS answers, the strings of each TXT value joined: empty for no such name, None for no answer.
"""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """
    A selector and the private key SES was sent for it, unvalidated; empty fields if it is no key.
    """

    selector: str
    private_key: str = field(repr=False)
    """As it was sent: base64 of, one hopes, a PKCS#1 or PKCS#8 DER."""
    pkcs1_der: bytes = field(repr=False)
    public_der: bytes = field(repr=False)
    fingerprint: str
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""

    @classmethod
    def of(cls, selector: str, private_key: str) -> Self:
        """Whatever was sent, read as SES's signer would: as a DER, never as a PEM."""
        try:
            der = base64.b64decode(private_key, validate=True)
            # A trusting load: 70 ms of primality tests a key are not this emulator's business.
            key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size not in KEY_BITS:
            return cls(selector, private_key, b"", b"", "")
        public_der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        pkcs1_der = key.private_bytes(
            Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        )
        return cls(
            selector, private_key, pkcs1_der, public_der, hashlib.sha256(public_der).hexdigest()
        )

    def record_name(self, domain: str) -> str:
        return f"{self.selector}._domainkey.{domain}"

    def is_in(self, record_value: str, *, tagged: bool) -> bool:
        """
        Whether a TXT value holds the public half; *tagged*: other tags beside `p=` are all right.
        """
        parts = [tag.partition("=") for tag in record_value.split(";") if tag.strip()]
        tags = {name.strip(): value for name, _, value in parts}
        if not tagged and set(tags) != {"p"}:
            return False
        if tags.get("v", "DKIM1").strip() != "DKIM1" or tags.get("k", "rsa").strip() != "rsa":
            return False
        try:
            held = base64.b64decode("".join(tags.get("p", "").split()), validate=True)
        except binascii.Error:
            return False
        return held == self.public_der != b""


@functools.cache
def easy_dkim_keys() -> tuple[HeldKey, ...]:
    """
    The three tokens of Easy DKIM with a key of SES's own, the same for all domains of one process.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    sent = base64.b64encode(der).decode()
    tokens = (hashlib.sha256(der + bytes([number])).hexdigest()[:32] for number in range(3))
    return tuple(HeldKey.of(token, sent) for token in tokens)


@dataclass(frozen=True, slots=True)
class Info:
    checked: datetime | None = None
    succeeded: datetime | None = None
    error: str = ""
    server: str = ""
    """The primary name server of the zone that a check found."""

    def answer(self) -> dict[str, Any]:
        # A success is written down a moment after its check.
        earlier = CHECK if self.checked == self.succeeded else timedelta()
        shown = {
            "LastCheckedTimestamp": self.checked and self.checked - earlier,
            "LastSuccessTimestamp": self.succeeded,
            "ErrorType": self.error,
            "SOARecord": {"PrimaryNameServer": self.server} if self.server else {},
        }
        return {name: value for name, value in shown.items() if value}


@dataclass(frozen=True, slots=True)
class MailFrom:
    """
    A custom MAIL FROM domain at one moment, or SES's own. Its status is about the MX record alone.
    """

    domain: str = ""
    on_mx_failure: str = "USE_DEFAULT_VALUE"
    status: Literal["PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE"] = "PENDING"
    since: datetime | None = None
    """When SES began to search: at the Put, or when the record was first missed."""
    next_check: datetime | None = None
    """None: it checks no more."""
    checks: int = 0

    def checked(self, answer: Values, *, region: str, at: datetime, switches: Switches) -> Self:
        """After a check that found these MX values."""
        expected = f"10 feedback-smtp.{region}.amazonses.com"  # this one and no other
        if answer is not None and [one.lower().rstrip(".") for one in answer] == [expected]:
            return replace(
                self, status="SUCCESS", since=None, next_check=at + LONGEST_GAP, checks=0
            )
        since, gap = self.since or at, _gap(self.checks, switches)
        missed = replace(
            self, since=since, checks=self.checks + 1, next_check=min(at + gap, since + SEARCH)
        )
        if at >= since + SEARCH:
            return replace(missed, status="FAILED", next_check=None)
        was_there = answer is None or self.status != "PENDING"
        return replace(missed, status="TEMPORARY_FAILURE" if was_there else "PENDING")

    def answer(self) -> dict[str, Any]:
        custom = (
            {"MailFromDomain": self.domain, "MailFromDomainStatus": self.status}
            if self.domain
            else {}
        )
        return custom | {"BehaviorOnMxFailure": self.on_mx_failure}


def _gap(checks: int, switches: Switches) -> timedelta:
    """Before the next check, after *checks* that missed: 2**12 seconds are over an hour already."""
    seconds = max(switches.first_check_seconds, 1) * 2 ** min(checks, 12)
    return min(LONGEST_GAP, timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity at one moment. A class so that reads can be answered with an older moment's."""

    name: str
    origin: str
    """
    `EXTERNAL`; `AWS_SES`: Easy DKIM; `AWS_SES_EU_WEST_1`: a replica of that Region's identity
    (DEED).
    """
    key: HeldKey | None
    """None for an e-mail address, which signs with its domain's."""
    changed: datetime
    """The last Create or Put of a key."""
    status: DkimStatus = "PENDING"
    verification_status: DkimStatus = "PENDING"
    """Of the identity itself. Once SUCCESS, no change of key takes it back."""
    signing_enabled: bool = True
    configuration_set: str | None = None
    mail_from: MailFrom = field(default_factory=MailFrom)
    tags: Mapping[str, str] = field(default_factory=dict)
    is_managed: bool = False
    """Another AWS service has made it."""
    confirmed: bool = False
    """
    SES's last check found the public half of *key*. A status SUCCESS may be left from before a Put.
    """
    next_check: datetime | None = None
    """None: it checks no more."""
    checks: int = 0
    lost: datetime | None = None
    """When the record of a verified key was first missed."""
    old_key: HeldKey | None = None
    """The last one that was confirmed before *key*."""
    info: Info = Info()
    before: Self | None = None
    """As it was before the last Put of a key."""
    ownership: Info = Info()
    """Of the check that first verified the identity itself."""

    @property
    def selector(self) -> str:
        """With which it signs once verified, or empty."""
        return self.key.selector if self.key else ""

    @property
    def fingerprint(self) -> str:
        """Of the key it holds; empty if what it holds is no key."""
        return self.key.fingerprint if self.key else ""

    @property
    def is_easy(self) -> bool:
        """SES makes its key, here or in another Region."""
        return self.origin.startswith("AWS_SES")

    @property
    def identity_type(self) -> str:
        if "@" in self.name:
            return "EMAIL_ADDRESS"
        return "MANAGED_DOMAIN" if self.is_managed else "DOMAIN"

    def with_key(self, key: HeldKey, *, origin: str, at: datetime, switches: Switches) -> Self:
        """After a Put: SES begins to check DNS for *key*; the same key may change nothing."""
        restarts = (
            switches.failed_restarts if self.status == "FAILED" else switches.same_key_restarts
        )
        if key == self.key and origin == self.origin and not restarts:
            changed = self
        else:
            stays = switches.status_after_put != "SUCCESS" or self.status == "SUCCESS"
            changed = replace(
                self,
                origin=origin,
                key=key,
                changed=at,
                status=switches.status_after_put if stays else "PENDING",
                confirmed=False,
                next_check=at + timedelta(seconds=switches.first_check_seconds),
                checks=0,
                lost=None,
                old_key=self.key if self.confirmed else self.old_key,
                before=replace(self, before=None),
            )
        return replace(
            changed, signing_enabled=changed.signing_enabled or switches.put_enables_signing
        )

    def checked(
        self,
        answer: Values,
        *,
        at: datetime,
        switches: Switches,
        server: str = "",
        error: str = "",
    ) -> Self:
        """
        After a check of DNS. *error* is the `ErrorType` of one that misses; else *answer* says it.
        """
        key, seen = self.key, Info(at, at, server=server)
        if (
            key
            and answer
            and any(key.is_in(v, tagged=switches.verifies_tagged_records) for v in answer)
        ):
            known = self.ownership if self.verification_status == "SUCCESS" else seen
            told: dict[str, Any] = {
                "status": "SUCCESS",
                "verification_status": "SUCCESS",
                "confirmed": True,
            }
            told |= {"lost": None, "next_check": at + LONGEST_GAP, "info": seen, "ownership": known}
            return replace(self, **told)
        if not error:
            error = (
                "DNS_SERVER_ERROR"
                if answer is None
                else "INVALID_VALUE"
                if answer
                else "HOST_NOT_FOUND"
            )
        missed = replace(
            self, checks=self.checks + 1, info=Info(at, self.info.succeeded, error, server)
        )
        if (
            self.confirmed and answer is None
        ):  # a silent server does not say that the record is gone
            return replace(missed, next_check=at + LONGEST_GAP)
        return missed._missing(at, switches)

    def _missing(self, at: datetime, switches: Switches) -> Self:
        lost = at if self.confirmed else self.lost
        deadline = lost + GRACE if lost else self.changed + SEARCH
        gives_up = at >= deadline
        gap = LONGEST_GAP if lost else _gap(self.checks, switches)
        status: DkimStatus = "TEMPORARY_FAILURE" if lost else "PENDING"
        if gives_up:
            status = "FAILED"
        elif switches.failed_check_keeps_success and self.status == "SUCCESS":
            status = "SUCCESS"
        never = self.verification_status == "PENDING"
        follows = never or (lost and switches.lost_record_takes_back_verification)
        return replace(
            self,
            status=status,
            verification_status=status if follows else self.verification_status,
            confirmed=False,
            lost=lost,
            next_check=None if gives_up else min(at + gap, deadline),
            old_key=None if gives_up else self.old_key,
        )

    def signs_with(self, *, at: datetime, switches: Switches) -> HeldKey | None:
        """The key under mail sent at that moment, or None: unsigned (but for `d=amazonses.com`)."""
        if not self.signing_enabled:
            return None
        lingers = at < self.changed + timedelta(seconds=switches.old_key_lingers_seconds)
        if self.old_key and lingers:
            return self.old_key
        if self.confirmed:
            return self.key
        if self.lost or self.status in ("FAILED", "TEMPORARY_FAILURE"):
            return None
        pending = {"nothing": None, "old": self.old_key, "new": self.key}[
            switches.signs_while_pending
        ]
        return pending if pending and pending.pkcs1_der else None

    def verification_info(self, switches: Switches) -> dict[str, Any]:
        match switches.verification_info:
            case "empty":
                return {}
            case "stale" if not self.confirmed:
                return self.before.info.answer() if self.before else {}
            case "ownership" if self.verification_status == "SUCCESS":
                return replace(self.info, succeeded=self.info.checked, error="").answer()
            case "frozen" if self.ownership.checked:
                return self.ownership.answer()
            case "sticky" if self.confirmed and self.info.checked:
                error = self.info.error or "HOST_NOT_FOUND"
                return replace(self.info, error=error).answer()
        return self.info.answer()
