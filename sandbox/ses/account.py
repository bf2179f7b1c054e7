"""
What SES has of one AWS account over time: Regions, identities, checks of DNS, the keys it signs with.

Tests read it here, and change it as somebody in the console would.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.clock import SandboxClock
from sandbox.ses.identity import LONGEST_GAP, DkimStatus, HeldKey, Identity, Info, Soa, easy_dkim_keys
from sandbox.ses.region import Region
from sandbox.ses.switches import Switches

LookUpTxt = Callable[[str], tuple[str, ...] | None]
"""
TXT values at a name, the strings of each joined; empty for no such name, None if no server answered.
MX values are looked up in the same way, `10 mx.example.com` without a final dot.
"""

NEGATIVE_TTL: Final = timedelta(minutes=15)
"""How long a resolver remembers "no such name" of a Route 53 zone (its SOA record's TTL)."""


class SesAccount:
    """One AWS account's SES. Any thread may use it."""

    def __init__(
        self,
        *,
        look_up_txt: LookUpTxt,
        look_up_mx: LookUpTxt | None = None,
        look_up_soa: Callable[[str], Soa | None] | None = None,
        name_exists: Callable[[str], bool] | None = None,
        clock: SandboxClock,
        switches: Switches | None = None,
        account_id: str = "123456789012",
    ) -> None:
        self.switches = switches or Switches()
        self.clock = clock
        self.account_id = account_id
        self._look_up_txt = look_up_txt
        self._look_up_mx = look_up_mx
        self._look_up_soa = look_up_soa
        self._name_exists = name_exists
        self.ails = False
        """SES itself has a fault: its checks end with SERVICE_ERROR."""
        self._lock = threading.RLock()
        self._regions: dict[str, Region] = {}
        clock.on_advance(self.catch_up)

    def catch_up(self) -> None:
        """Make every check of DNS that is due by now. Each call and each `advance` of the clock does it."""
        with self._lock:
            now = self.clock.now()
            look_up = functools.cache(self._look_up_txt)  # within one moment DNS says one thing
            for region in self._regions.values():
                for identity in region.due(now):
                    self._catch_up(region, identity, now, look_up)

    def identities(self, region: str) -> dict[str, Identity]:
        self.catch_up()
        with self._lock:
            return self._region(region).identities()

    def signing_key(self, domain: str, region: str) -> tuple[str, bytes] | None:
        """Selector and private key (PKCS#1 DER) under mail from *domain* now; None: it goes out unsigned."""
        self.catch_up()
        with self._lock:
            identity = self._region(region).nearest(domain)
        key = identity.signs_with(at=self.clock.now(), switches=self.switches) if identity else None
        return (key.selector, key.pkcs1_der) if key else None

    def add_configuration_set(self, region: str, name: str) -> None:
        with self._lock:
            self._region(region).configuration_sets.add(name)

    def put_identity(
        self,
        domain: str,
        region: str,
        *,
        selector: str,
        private_key: str,
        status: DkimStatus = "SUCCESS",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Somebody else made this BYODKIM identity: no call, no log. *private_key* as in the API."""
        key = HeldKey.of(selector, private_key)
        self._put(region, Identity(domain, "EXTERNAL", key, self.clock.now(), tags=tags or {}), status)

    def put_easy_dkim(self, domain: str, region: str, *, verified: bool = True, primary: str = "") -> None:
        """
        Somebody else made this identity with Easy DKIM; its records need not be in DNS.

        With *primary* it is a replica of the identity of that Region, whose loss SES then notices.
        """
        origin = f"AWS_SES_{primary.upper().replace('-', '_')}" if primary else "AWS_SES"
        identity = Identity(domain, origin, easy_dkim_keys()[0], self.clock.now())
        self._put(region, identity, "SUCCESS" if verified else "PENDING")
        if primary:
            self.change(domain, region, next_check=self.clock.now() + LONGEST_GAP)

    def change(self, domain: str, region: str, **changes: Any) -> None:
        """
        Fields of an `Identity` are changed as in the console: no call, no log.

        A *status* stays as it is set until the next Put.
        """
        with self._lock:
            if "status" in changes:
                changes |= {"confirmed": changes["status"] == "SUCCESS", "next_check": None}
            identity = self.identities(region)[domain]
            self._region(region).store(domain, replace(identity, **changes), self.clock.now())

    def remove(self, domain: str, region: str) -> None:
        """Somebody deleted the identity: no call, no log."""
        with self._lock:
            self._region(region).store(domain, None, self.clock.now())

    def _put(self, region: str, identity: Identity, status: DkimStatus) -> None:
        confirmed = status == "SUCCESS"
        seen = Info(identity.changed, identity.changed) if confirmed else Info()
        known = replace(identity, status=status, verification_status=status, confirmed=confirmed)
        known = replace(known, info=seen, ownership=seen)
        with self._lock:
            self._region(region).store(known.name, known, known.changed)

    def _region(self, name: str) -> Region:
        return self._regions.setdefault(name, Region(name))

    def _catch_up(self, region: Region, identity: Identity, now: datetime, look_up: LookUpTxt) -> None:
        while identity.key and identity.next_check and identity.next_check <= now:
            at = identity.next_check
            answer, error = self._answer(region, identity.key.record_name(identity.name), at, look_up)
            if why := self._replication_problem(region, identity):
                answer, error = (), why
            soa = self._look_up_soa(identity.name) if self._look_up_soa else None
            identity = identity.checked(answer, error=error, soa=soa, at=at, switches=self.switches)
            region.store(identity.name, identity, at)
        while self._look_up_mx and identity.mail_from.next_check and identity.mail_from.next_check <= now:
            mail_from, at = identity.mail_from, identity.mail_from.next_check
            found = self._look_up_mx(mail_from.domain)
            checked = mail_from.checked(found, region=region.name, at=at, switches=self.switches)
            identity = replace(identity, mail_from=checked)
            region.store(identity.name, identity, at)

    def _replication_problem(self, region: Region, identity: Identity) -> str:
        """`ErrorType` of a replica that can't have the key of its primary; empty for any other identity."""
        if not identity.primary or (identity.confirmed and not self.switches.replicas_follow):
            return ""
        if identity.primary == region.name:
            return "REPLICATION_PRIMARY_INVALID_REGION"
        there = self._regions.get(identity.primary)
        primary = there.get(identity.name) if there else None
        if not primary:
            return "REPLICATION_PRIMARY_NOT_FOUND"
        if not primary.is_easy:
            return "REPLICATION_PRIMARY_BYO_DKIM_NOT_SUPPORTED"
        return "REPLICATION_REPLICA_AS_PRIMARY_NOT_SUPPORTED" if primary.primary else ""

    def _answer(
        self, region: Region, name: str, at: datetime, look_up: LookUpTxt
    ) -> tuple[tuple[str, ...] | None, str]:
        """TXT values, and an `ErrorType` that they do not say themselves."""
        if self.ails:
            return None, "SERVICE_ERROR"
        if self.switches.caches_no_such_name and at < region.no_such_name_until.get(name, at):
            return (), ""
        answer = look_up(name)
        if answer == ():
            if self._name_exists and self._name_exists(name):
                return answer, "TYPE_NOT_FOUND"
            region.no_such_name_until[name] = at + NEGATIVE_TTL
        return answer, ""
