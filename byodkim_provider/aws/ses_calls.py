"""
Pace, retries and errors of every call to SES; errors become `SesRefused`.

No message from here quotes a key: AWS's own messages go through `said`, and errors are raised
`from None`, because the request in a botocore error may hold a key.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore import exceptions as botocore_errors
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.utils import parse_timestamp
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from byodkim_provider.aws import errors
from byodkim_provider.errors import SesRefused, Stopped
from byodkim_provider.progress import Clock, stopping

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["Calls", "is_passing", "is_throttled", "said"]

ATTEMPTS: Final = 10
"""Most attempts of a call. SES allows one a second; with backoff, ten attempts outlast a busy minute."""

SECONDS_PER_CALL: Final = 1.1
"""
Seconds between calls, once SES has throttled this process.

The SES API reference says of every identity action: "You can execute this operation no more than
once per second". The extra tenth covers differences between clocks.
"""

MAX_BACKOFF_SECONDS: Final = 20
"""Longest wait before the next attempt, as in botocore's `standard` mode."""

KEY_MATERIAL: Final = re.compile(r"[A-Za-z0-9+/=]{64,}")
"""Matches a key or a session token in base64. No label, selector or id is as long."""

PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]*@")
"""User and password in a URL, which botocore's errors quote."""

MAX_SHOWN: Final = 500
"""Longest AWS message that is shown, in characters: most are a sentence or two."""

T = TypeVar("T")


class _NotFromSesError(Exception):
    """The response is not from SES (a proxy, a network's sign-in page), or not in a known form."""


class Calls:
    """Calls to SES in one Region. A class so that all threads of a process share one pace."""

    def __init__(self, client: SESV2Client, *, region: str, clock: Clock) -> None:
        client.meta.events.register("before-parse.sesv2", _refuse_foreign_answer)
        self._region = region
        self._clock = clock
        self._lock = threading.Lock()
        self._pace = 0.0
        self._next_call = 0.0

    def make(
        self,
        operation: str,
        domain: str,
        send: Callable[[], T],
        *,
        may_repeat: Callable[[BaseException], bool] | None = None,
    ) -> T:
        """
        What *send* returns; retried after errors that `is_passing`, or *may_repeat*, accepts.

        Raises `SesRefused` for *operation* (an API action's name), and `Stopped`.
        """
        retry = Retrying(
            sleep=self._wait,
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=1, max=MAX_BACKOFF_SECONDS),
            retry=retry_if_exception(may_repeat or is_passing),
            before_sleep=self._slow_down,
            reraise=True,
        )
        try:
            answer: T = retry(self._send_in_turn, send)
        except (ClientError, BotoCoreError, _NotFromSesError) as error:
            raise SesRefused(
                operation,
                domain,
                self._region,
                code=_code(error),
                request_id=_metadata(error).get("RequestId", ""),
                hint=_hint(error, operation, self._region),
            ) from None
        return answer

    def _send_in_turn(self, send: Callable[[], T]) -> T:
        with self._lock:
            turn = max(self._next_call, self._clock.monotonic())
            self._next_call = turn + self._pace
        self._wait(turn - self._clock.monotonic())
        return send()

    def _slow_down(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is None or not is_throttled(error):
            return
        with self._lock:
            self._pace = SECONDS_PER_CALL
            # Counted from the throttled call: SES may count that call too.
            self._next_call = max(self._next_call, self._clock.monotonic() + SECONDS_PER_CALL)

    def _wait(self, seconds: float) -> None:
        if (seconds > 0 and self._clock.wait(seconds)) or stopping.is_set():
            raise Stopped("interrupted before SES answered", hint="run `pulumi up` again to go on")


def is_throttled(error: BaseException) -> bool:
    """Whether SES throttled the call, and did nothing."""
    return _status(error) == 429 or _code(error) in ("Throttling", "ThrottlingException")


def is_passing(error: BaseException) -> bool:
    """Whether a retry may succeed, and is harmless if the first call succeeded after all."""
    return is_throttled(error) or _status(error) >= 500 or _is_unanswered(error)


def said(error: BaseException) -> str:
    """The message of AWS or its SDK, safe to show: one line, with anything removed that may be a key."""
    text = str(error)
    if isinstance(error, ClientError):
        text = error.response.get("Error", {}).get("Message") or ""
    elif type(error) is botocore_errors.HTTPClientError or isinstance(
        error, botocore_errors.ParamValidationError
    ):
        text = type(error).__name__  # their messages quote headers (the session token) or parameters
    # Further lines of a signature error quote the request's headers, session token included.
    return _shown(text.strip().partition("\n")[0])


def _shown(text: str) -> str:
    """*text* from outside, without anything that may be a key, and without terminal control characters."""
    without_secrets = PASSWORD.sub("", KEY_MATERIAL.sub("[...]", text))
    return re.sub("[^ -~]", "?", without_secrets)[:MAX_SHOWN]


def _is_unanswered(error: BaseException) -> bool:
    # A retry does not help against an invalid certificate.
    unanswered = isinstance(error, botocore_errors.HTTPClientError | botocore_errors.ConnectionError)
    return unanswered and not isinstance(error, botocore_errors.SSLError)


def _metadata(error: BaseException) -> Mapping[str, Any]:
    return error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}


def _status(error: BaseException) -> int:
    return int(_metadata(error).get("HTTPStatusCode", 0))


def _code(error: BaseException) -> str:
    if isinstance(error, ClientError):
        return _shown(error.response.get("Error", {}).get("Code", "")) or f"HTTP status {_status(error)}"
    if isinstance(error, _NotFromSesError):
        return "a response that is not SES's"
    return type(error).__name__


def _hint(error: ClientError | BotoCoreError | _NotFromSesError, operation: str, region: str) -> str:
    """What was changed, and the next step. For calls that only read, changes are not mentioned."""
    reads = operation.startswith(("Get", "List"))
    unchanged = "" if reads else "nothing was changed; "
    unknown = "try again" if reads else "SES may have done it or not; the next `pulumi up` reads which"
    step = errors.next_step(_code(error))
    if isinstance(error, ClientError) and error.operation_name != operation:
        hint = f"{unchanged}no credentials from {error.operation_name}: {said(error)}"
        return f"{hint}; {step}" if step else hint
    if isinstance(error, _NotFromSesError):
        return f"{unknown}; is there a proxy between here and SES?"
    if _status(error) >= 500 or _is_unanswered(error):
        return unknown
    if not isinstance(error, ClientError):
        return f"{unchanged}SES was not called; does `aws sts get-caller-identity` work?"
    if is_throttled(error):
        return f"{unchanged}something else keeps calling SES in {region}, try again later"
    if _code(error) == "LimitExceededException":
        return f"{unchanged}{region} has as many identities as SES allows"
    reason = said(error)
    hint = f"{unchanged}SES says: {reason}" if reason else f"{unchanged}SES gives no reason"
    if operation == "PutEmailIdentityDkimAttributes" and _code(error) == "BadRequestException":
        return f"{hint} SES also says so if the identity does not exist: try `pulumi refresh`"
    return f"{hint}; {step}" if step else hint


def _refuse_foreign_answer(
    response_dict: MutableMapping[str, Any], operation_model: OperationModel, **_: object
) -> None:
    # botocore turns a body that is not JSON into an empty response, so a sign-in page would pass for
    # "deleted" or "no identities"; and it does not check types.
    headers, status, body = (response_dict[name] for name in ("headers", "status_code", "body"))
    if status >= 500:  # may come from AWS's own load balancers, in any form
        response_dict["body"] = body if _fits(None, _json(body)) else b""
        return
    foreign = "x-amzn-requestid" not in headers or "html" in headers.get("content-type", "")
    if foreign or not _fits(operation_model.output_shape if status < 300 else None, _json(body)):
        raise _NotFromSesError


def _json(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None


def _fits(shape: Shape | None, value: object) -> bool:
    """Whether *value* fits *shape* of the service model; without *shape*, whether it fits an error."""
    if shape is None:
        strings = ("message", "Message", "code", "__type")
        # SES's own errors may have null as the message.
        return isinstance(value, dict) and all(isinstance(value.get(name), str | None) for name in strings)
    match shape:
        case StructureShape():
            return isinstance(value, dict) and all(
                name not in shape.required_members if value.get(name) is None else _fits(member, value[name])
                for name, member in shape.members.items()
            )
        case ListShape():
            return isinstance(value, list) and all(_fits(shape.member, one) for one in value)
        case MapShape():
            return isinstance(value, dict) and all(_fits(shape.value, one) for one in value.values())
    match shape.type_name:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "long":
            return isinstance(value, int | float) and math.isfinite(value)
        case "timestamp":
            return _is_time(value)
    return True


def _is_time(value: Any) -> bool:
    try:
        parse_timestamp(value)
    except (ValueError, TypeError, OverflowError, RuntimeError):
        return False
    return True
