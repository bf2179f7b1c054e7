"""
Amazon SES without HTTP: Regions, identities and checks of DNS over time, behind the API's front
door.

The door has the rate limit, a log, and what a test makes go wrong. A fake of SES for tests in one
process stands on this, the emulator puts HTTP before it: both keep one set of rules.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any, Final

from botocore import xform_name

from sandbox.clock import SandboxClock
from sandbox.ses.actions import Actions
from sandbox.ses.identity import (
    DkimStatus,
    HeldKey,
    Identity,
    Info,
    Values,
    easy_dkim_keys,
)
from sandbox.ses.region import Region
from sandbox.ses.rules import SesError, check_parameters, service_model
from sandbox.ses.sending import Deliver
from sandbox.ses.switches import Fault, Switches

OPERATIONS: Final = frozenset(
    name for name in service_model().operation_names if hasattr(Actions, xform_name(name))
)
"""The API actions that are known here."""

LookUp = Callable[[str], Values]
"""Of a name: TXT values, or MX values like `10 mx.example.com`, without a final dot."""

NEGATIVE_TTL: Final = timedelta(minutes=15)
"""How long a resolver remembers "no such name" of a Route 53 zone (its SOA record's TTL)."""


class NoAnswerError(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.kind)
        self.fault = fault
        self.status_code = 200 if fault.kind == "garbage" else 0
        self.code = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call in the log. Nothing private: of a key, its fingerprint."""

    operation: str
    """Name of the API action; for one that is not known here, as it was asked for."""
    region: str
    domain: str
    """Which identity it is about, for mail the sender's domain; empty for a list."""
    status_code: int
    """HTTP status of the answer; 0 if there was none."""
    error: str
    """Code of the error, or empty."""
    at: datetime
    fingerprint: str
    """Of the key that was sent; empty if there was none, or it was no key."""
    fault: Fault | None
    access_key: str
    """Id of the caller's access key, as in its signature."""

    @property
    def answered(self) -> bool:
        """SES itself answered, with a result or an error: no throttle, no fault."""
        return self.fault is None and self.error != "TooManyRequestsException"


class SesModel:
    """
    SES of one AWS account. Any thread may use it, read what it has, and change it as in the
    console.
    """

    def __init__(
        self,
        *,
        look_up_txt: LookUp,
        look_up_mx: LookUp | None = None,
        primary_server: Callable[[str], str] = lambda _: "",
        name_exists: Callable[[str], bool] | None = None,
        clock: SandboxClock,
        switches: Switches | None = None,
        account_id: str = "123456789012",
        deliver: Deliver = lambda *_: None,
    ) -> None:
        self.switches = switches or Switches()
        self.clock = clock
        self.account_id = account_id
        self._look_up_txt = look_up_txt
        self._look_up_mx = look_up_mx
        self._primary_server = primary_server
        self._name_exists = name_exists
        self._deliver = deliver
        self.ails = False
        """SES itself has a fault: its checks end with SERVICE_ERROR."""
        self._lock = threading.RLock()
        self._regions: dict[str, Region] = {}
        self._log: list[Call] = []
        self._faults: list[Fault] = []
        clock.on_advance(self.catch_up)

    def call(
        self, operation: str, region: str, parameters: Mapping[str, Any], *, access_key: str = ""
    ) -> dict[str, Any]:
        """
        What *operation* (an API action's name) answers, times as `datetime`.

        Raises `SesError` for SES's error answers and `NoAnswerError` for a fault that leaves none.
        """
        domain = _domain(parameters)
        with self._lock:
            fault: Fault | None = None
            failure: SesError | NoAnswerError | None = None
            answer: dict[str, Any] = {}
            try:
                if operation != "SendEmail":  # has a rate of its own, far above what is sent here
                    self._throttle(self._region(region))
                fault = self._take_fault(operation, domain)
                if not fault or fault.when == "after":
                    answer = self._act(operation, region, parameters)
            except SesError as error:
                failure = error
            if fault:
                failure = self._spoiled(fault, operation, region, domain)
            status, code = (failure.status_code, failure.code) if failure else (200, "")
            fingerprint, now = _fingerprint(parameters), self.clock.now()
            call = Call(
                operation, region, domain, status, code, now, fingerprint, fault, access_key
            )
            self._log.append(call)
        if failure:
            raise failure
        return answer

    @property
    def log(self) -> tuple[Call, ...]:
        """Every call so far, spoiled and throttled ones too, oldest first."""
        with self._lock:
            return tuple(self._log)

    def calls(self, operation: str | None = None, *, answered: bool | None = True) -> list[Call]:
        """
        The log's calls of *operation* (or any) that SES answered itself, or did not, or both
        (None).
        """
        kept = (call for call in self.log if operation in (None, call.operation))
        return [call for call in kept if answered in (None, call.answered)]

    def reset_log(self) -> None:
        with self._lock:
            self._log.clear()

    def inject(self, fault: Fault) -> None:
        """Spoil the next calls that *fault* fits; of several the first one injected goes first."""
        with self._lock:
            self._faults += [fault] * fault.times

    def identities(self, region: str) -> dict[str, Identity]:
        self.catch_up()
        with self._lock:
            return self._region(region).identities()

    def signing_key(self, domain: str, region: str) -> tuple[str, bytes] | None:
        """
        Selector and private key (PKCS#1 DER) under mail from *domain* now; None: it goes out
        unsigned.
        """
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
        """
        Somebody else made this BYODKIM identity: no call, no log. *private_key* as in the API.
        """
        key = HeldKey.of(selector, private_key)
        self._put(
            region, Identity(domain, "EXTERNAL", key, self.clock.now(), tags=tags or {}), status
        )

    def put_easy_dkim(
        self, domain: str, region: str, *, verified: bool = True, primary: str = ""
    ) -> None:
        """
        Somebody else made this identity with Easy DKIM; its records need not be in DNS.

        With *primary* it is a replica of the identity of that Region.
        """
        origin = f"AWS_SES_{primary.upper().replace('-', '_')}" if primary else "AWS_SES"
        identity = Identity(domain, origin, easy_dkim_keys()[0], self.clock.now())
        self._put(region, identity, "SUCCESS" if verified else "PENDING")

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

    def catch_up(self) -> None:
        """
        Make every check of DNS that is due by now. Each call and each `advance` of the clock does
        it.
        """
        with self._lock:
            now = self.clock.now()
            seen: dict[str, Values] = {}  # within one moment DNS says one thing
            for region in self._regions.values():
                for identity in region.due(now):
                    self._catch_up(region, identity, now, seen)

    def _act(self, operation: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation not in OPERATIONS:
            raise SesError("UnknownOperationException", "")
        check_parameters(operation, parameters)
        self.catch_up()
        here, finds_mx = self._region(region), self._look_up_mx is not None
        if "EmailIdentity" in parameters:
            parameters = {**parameters, "EmailIdentity": parameters["EmailIdentity"].lower()}
        actions = Actions(
            here, self.account_id, self.switches, self.clock.now(), self._deliver, finds_mx
        )
        return getattr(actions, xform_name(operation))(parameters) or {}

    def _throttle(self, region: Region) -> None:
        now, rate = self.clock.monotonic(), self.switches.requests_per_second
        if rate and region.called is not None and now < region.called + 1 / rate:
            raise SesError("TooManyRequestsException", "Rate exceeded")
        region.called = now

    def _take_fault(self, operation: str, domain: str) -> Fault | None:
        for fault in self._faults:
            if fault.operation in (None, operation) and fault.domain in (None, domain):
                self._faults.remove(fault)  # the first of its kind, which this is
                return fault
        return None

    def _spoiled(
        self, fault: Fault, operation: str, region: str, domain: str
    ) -> SesError | NoAnswerError:
        match fault.kind:
            case "throttle":
                return SesError("TooManyRequestsException", "Rate exceeded")
            case "500":
                return SesError("InternalServiceErrorException", "Internal failure")
            case "access_denied":
                arn = f"arn:aws:ses:{region}:{self.account_id}:identity/{domain}" if domain else "*"
                user = f"arn:aws:iam::{self.account_id}:user/sandbox"
                text = (
                    f"User: {user} is not authorized to perform: ses:{operation} on resource: {arn}"
                )
                return SesError("AccessDeniedException", text)
        return NoAnswerError(fault)

    def _put(self, region: str, identity: Identity, status: DkimStatus) -> None:
        confirmed = status == "SUCCESS"
        seen = Info(identity.changed, identity.changed) if confirmed else Info()
        known = replace(identity, status=status, verification_status=status, confirmed=confirmed)
        known = replace(known, info=seen, ownership=seen)
        with self._lock:
            self._region(region).store(known.name, known, known.changed)

    def _region(self, name: str) -> Region:
        return self._regions.setdefault(name, Region(name))

    def _catch_up(
        self, region: Region, identity: Identity, now: datetime, seen: dict[str, Values]
    ) -> None:
        while identity.key and identity.next_check and identity.next_check <= now:
            at = identity.next_check
            answer, error = self._answer(region, identity.key.record_name(identity.name), at, seen)
            server = self._primary_server(identity.name)
            identity = identity.checked(
                answer, error=error, server=server, at=at, switches=self.switches
            )
            region.store(identity.name, identity, at)
        while (
            self._look_up_mx
            and identity.mail_from.next_check
            and identity.mail_from.next_check <= now
        ):
            mail_from, at = identity.mail_from, identity.mail_from.next_check
            found = self._look_up_mx(mail_from.domain)
            checked = mail_from.checked(found, region=region.name, at=at, switches=self.switches)
            identity = replace(identity, mail_from=checked)
            region.store(identity.name, identity, at)

    def _answer(
        self, region: Region, name: str, at: datetime, seen: dict[str, Values]
    ) -> tuple[Values, str]:
        """TXT values, and an `ErrorType` that they do not say themselves."""
        if self.ails:
            return None, "SERVICE_ERROR"
        if self.switches.caches_no_such_name and at < region.no_such_name_until.get(name, at):
            return (), ""
        answer = seen[name] if name in seen else seen.setdefault(name, self._look_up_txt(name))
        if answer == ():
            if self._name_exists and self._name_exists(name):
                return answer, "TYPE_NOT_FOUND"
            region.no_such_name_until[name] = at + NEGATIVE_TTL
        return answer, ""


def _domain(parameters: Mapping[str, Any]) -> str:
    name: str = (
        parameters.get("EmailIdentity")
        or parameters.get("ResourceArn", "").partition("identity/")[2]
    )
    sender = parseaddr(parameters.get("FromEmailAddress") or "")[1].rpartition("@")[2]
    return (name or sender).lower()


def _fingerprint(parameters: Mapping[str, Any]) -> str:
    attributes = (
        parameters.get("DkimSigningAttributes") or parameters.get("SigningAttributes") or {}
    )
    key = attributes.get("DomainSigningPrivateKey")
    return HeldKey.of("", key).fingerprint if key else ""
