"""
Amazon SES without HTTP: the API's front door with its rate limit, a log, and what a test makes go wrong.

A fake of SES for tests in one process stands on this, the emulator puts HTTP before it: both keep one set
of rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final

from botocore import xform_name

from sandbox.ses.account import SesAccount
from sandbox.ses.actions import Actions
from sandbox.ses.identity import HeldKey
from sandbox.ses.region import Region
from sandbox.ses.rules import SesError, check_parameters, service_model
from sandbox.ses.sending import Deliver
from sandbox.ses.switches import Fault

OPERATIONS: Final = frozenset(
    name for name in service_model().operation_names if hasattr(Actions, xform_name(name))
)
"""The API actions that are known here."""


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
    access_key: str
    """Id of the caller's access key, as in its signature."""
    fingerprint: str
    """Of the key that was sent; empty if there was none, or it was no key."""
    fault: Fault | None

    @property
    def answered(self) -> bool:
        """SES itself answered, with a result or an error: no throttle, no fault."""
        return self.fault is None and self.error != "TooManyRequestsException"


class SesModel(SesAccount):
    def __init__(self, *, deliver: Deliver = lambda *_: None, **account: Any) -> None:
        """*account* as of `SesAccount`; without *deliver* mail gets lost."""
        super().__init__(**account)
        self._deliver = deliver
        self._log: list[Call] = []
        self._faults: list[Fault] = []

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
            outcome: dict[str, Any] | SesError | NoAnswerError
            try:
                if operation != "SendEmail":  # has a rate of its own, far above what is sent here
                    self._throttle(self._region(region))
                fault = self._take_fault(operation, domain)
                if fault and fault.when == "before":
                    outcome = self._spoiled(fault, operation, region, domain)
                else:
                    outcome = self._act(operation, region, parameters)
            except SesError as error:
                outcome = error
            if fault and fault.when == "after":
                outcome = self._spoiled(fault, operation, region, domain)
            failure = outcome if isinstance(outcome, Exception) else None
            status, code = (failure.status_code, failure.code) if failure else (200, "")
            fingerprint, now = _fingerprint(parameters), self.clock.now()
            call = Call(operation, region, domain, status, code, now, access_key, fingerprint, fault)
            self._log.append(call)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def log(self) -> tuple[Call, ...]:
        """Every call so far, spoiled and throttled ones too, oldest first."""
        with self._lock:
            return tuple(self._log)

    def calls(self, operation: str | None = None, *, answered: bool | None = True) -> list[Call]:
        """The log's calls of *operation* (or any) that SES answered itself, or did not, or both (None)."""
        kept = (call for call in self.log if operation in (None, call.operation))
        return [call for call in kept if answered in (None, call.answered)]

    def reset_log(self) -> None:
        with self._lock:
            self._log.clear()

    def inject(self, fault: Fault) -> None:
        """Spoil the next calls that *fault* fits; of several the first one injected goes first."""
        with self._lock:
            self._faults.append(fault)

    def _act(self, operation: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        if operation not in OPERATIONS:
            raise SesError("UnknownOperationException", "")
        check_parameters(operation, parameters)
        self.catch_up()
        here, finds_mx = self._region(region), self._look_up_mx is not None
        if "EndpointId" in parameters:
            here = self._in_turn(here, parameters["EndpointId"])
        if "EmailIdentity" in parameters:
            parameters = {**parameters, "EmailIdentity": parameters["EmailIdentity"].lower()}
        actions = Actions(here, self.account_id, self.switches, self.clock.now(), self._deliver, finds_mx)
        return getattr(actions, xform_name(operation))(parameters) or {}

    def _in_turn(self, region: Region, endpoint: str) -> Region:
        """The Region that sends the next message of a multi-Region endpoint."""
        if endpoint not in region.endpoints:
            raise SesError("NotFoundException", f"Endpoint {endpoint} does not exist.")  # text assumed
        region.endpoints[endpoint].rotate()
        return self._region(region.endpoints[endpoint][0])

    def _throttle(self, region: Region) -> None:
        now, rate = self.clock.monotonic(), self.switches.requests_per_second
        if rate and region.called is not None and now < region.called + 1 / rate:
            raise SesError("TooManyRequestsException", "Rate exceeded")
        region.called = now

    def _take_fault(self, operation: str, domain: str) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.operation in (None, operation) and fault.domain in (None, domain):
                left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                self._faults[index : index + 1] = left
                return fault
        return None

    def _spoiled(self, fault: Fault, operation: str, region: str, domain: str) -> SesError | NoAnswerError:
        match fault.kind:
            case "throttle":
                return SesError("TooManyRequestsException", "Rate exceeded")
            case "500":
                return SesError("InternalServiceErrorException", "Internal failure")
            case "access_denied":
                arn = f"arn:aws:ses:{region}:{self.account_id}:identity/{domain}" if domain else "*"
                user = f"arn:aws:iam::{self.account_id}:user/sandbox"
                text = f"User: {user} is not authorized to perform: ses:{operation} on resource: {arn}"
                return SesError("AccessDeniedException", text)
        return NoAnswerError(fault)


def _domain(parameters: Mapping[str, Any]) -> str:
    name: str = parameters.get("EmailIdentity") or parameters.get("ResourceArn", "").partition("identity/")[2]
    sender = parseaddr(parameters.get("FromEmailAddress") or "")[1].rpartition("@")[2]
    return (name or sender).lower()


def _fingerprint(parameters: Mapping[str, Any]) -> str:
    attributes = parameters.get("DkimSigningAttributes") or parameters.get("SigningAttributes") or {}
    key = attributes.get("DomainSigningPrivateKey")
    return HeldKey.of("", key).fingerprint if key else ""
