"""
Pace, retries and errors of every call to SES; errors become `SesRefused`.

A response that is not SES's is an error too: nothing may be concluded from it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from botocore.exceptions import ClientError

from byodkim_provider.aws import errors
from byodkim_provider.aws.errors import FAILURES, ForeignAnswer, is_throttled
from byodkim_provider.errors import SesRefused, Stopped
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsCall, AwsStep
from byodkim_provider.progress import Clock, stopping

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

SECONDS_PER_CALL: Final = 1.05
"""
Seconds between two calls.

The SES API reference says of every identity action: "You can execute this operation no more than
once per second". A call that arrives too early all the same is refused with 429, and retried.
"""

ONLY_IF_THROTTLED: Final = ("PutEmailIdentityDkimSigningAttributes",)
"""
Retried only on 429, when SES certainly did nothing.

A repeated Put of a key may restart the search for the record, and with it a time without signatures.
"""

MAX_PAGES: Final = 1000
"""Most pages of a list. A Region has 10,000 identities of an account (SES quotas), a page 1000."""

P = ParamSpec("P")
T = TypeVar("T")


class Calls:
    """Calls to SES in one Region. A class so that all threads of a process share one pace."""

    def __init__(self, client: SESV2Client, *, region: str, clock: Clock, is_patient: bool = True) -> None:
        """Without patience only a call that SES throttled is retried."""
        client.meta.events.register("before-parse.sesv2", _refuse_foreign_answer)
        self._operations = client.meta.method_to_api_mapping
        self._region = region
        self._clock = clock
        self._is_patient = is_patient
        self._lock = threading.Lock()
        self._next_call = 0.0

    def make(self, method: Callable[P, T], domain: str, /, *args: P.args, **given: P.kwargs) -> T:
        """
        What *method* of the client returns for the arguments that follow *domain*, retried if that may help.

        Raises `SesRefused`, and `Stopped`.
        """
        operation = self._operations[method.__name__]
        once = operation in ONLY_IF_THROTTLED or not self._is_patient
        may_repeat = is_throttled if once else errors.is_passing
        retry = errors.retrying(self._wait, retry=may_repeat)
        try:
            answer: T = retry(self._send_in_turn, method, *args, **given)
        except FAILURES as error:
            raise self._refused(error, operation, domain) from None
        return answer

    def pages(self, method: Callable[..., Any], domain: str, **given: object) -> Iterator[Mapping[str, Any]]:
        """What *method*, which lists, returns for *given*: page after page, each one call as in `make`."""
        tokens: set[str] = set()
        more: dict[str, object] = {}
        while True:
            answer = self.make(method, domain, **given, **more)
            yield answer
            if not (token := answer.get("NextToken")):
                return
            if token in tokens or len(tokens) == MAX_PAGES:  # it would go on for ever
                raise self._refused(ForeignAnswer(), self._operations[method.__name__], domain)
            tokens.add(token)
            more = {"NextToken": token}

    def _refused(self, error: BaseException, operation: str, domain: str) -> SesRefused:
        code, region = errors.code_of(error, "SES"), self._region
        steps = _steps(error, operation, region, code)
        return SesRefused(errors.refused(error, operation, domain, region, code, steps))

    def _send_in_turn(self, method: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        with self._lock:  # an interrupt ends the wait of the thread that holds it, then that of the next
            self._wait(self._next_call - self._clock.monotonic())
            self._next_call = self._clock.monotonic() + SECONDS_PER_CALL
        return method(*args, **given)

    def _wait(self, seconds: float) -> None:
        if (seconds > 0 and self._clock.wait(seconds)) or stopping.is_set():
            raise Stopped(AwsCall.INTERRUPTED_BEFORE_ANSWER(service="SES"))


def _steps(error: BaseException, operation: str, region: str, code: str) -> list[Message | None]:
    """What was changed, and the next steps."""
    reads = operation.startswith(("Get", "List"))
    unchanged = None if reads else AwsStep.UNCHANGED(service="SES")
    if isinstance(error, ClientError) and error.operation_name == operation:
        if is_throttled(error):
            return [unchanged, AwsStep.SES_THROTTLED(region=region)]
        if code == "LimitExceededException":
            return [unchanged, AwsStep.SES_LIMIT(region=region)]
    unconfirmed = AwsStep.TRY_AGAIN() if reads else AwsStep.SES_UNCONFIRMED()
    steps = errors.steps_after(error, operation, "SES", unchanged=unchanged, unconfirmed=unconfirmed)
    if operation == "PutEmailIdentityDkimAttributes" and code == "BadRequestException":
        steps.append(AwsStep.SES_PERHAPS_GONE())
    return steps


def _refuse_foreign_answer(response_dict: MutableMapping[str, Any], **_: object) -> None:
    # botocore turns a body that is not JSON into an empty response, so a sign-in page would pass for
    # "deleted" or "no identities".
    headers, is_json = response_dict["headers"], _is_json_object(response_dict["body"])
    if response_dict["status_code"] >= 500:  # may come from AWS's own load balancers, in any form
        response_dict["body"] = response_dict["body"] if is_json else b""
    elif not is_json or "x-amzn-requestid" not in headers or "html" in headers.get("content-type", ""):
        raise ForeignAnswer


def _is_json_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body or b"{}"), dict)
    except (ValueError, RecursionError):
        return False
