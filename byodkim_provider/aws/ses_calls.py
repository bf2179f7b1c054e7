"""
How a call to SES is made: in its turn, again where that may help, and its errors as `SesRefused`.

The same for every action. No text that leaves here quotes a key: AWS's words are shown
through `said` alone, and causes are cut off with `from None`, for the request that an error
carries may hold one.
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
"""How often a call is tried. SES allows one a second; with backoff ten tries outlast a busy minute."""

SECONDS_PER_CALL: Final = 1.1
"""
Pace of a process that SES has told to slow down, in seconds from call to call.

"You can execute this operation no more than once per second" stands at every identity
action of the SES API reference; the tenth more covers the clocks.
"""

MAX_BACKOFF_SECONDS: Final = 20
"""Most that is waited before the next try, as in botocore's `standard` mode."""

KEY_MATERIAL: Final = re.compile(r"[A-Za-z0-9+/=]{64,}")
"""What a key or a session token in base64 looks like. No label, selector or id is as long."""

PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]*@")
"""User and password in a URL, which botocore's errors quote."""

MAX_SHOWN: Final = 500
"""Characters of AWS's words that are shown: its errors are a sentence or two."""

T = TypeVar("T")


class _NotFromSesError(Exception):
    """Something else answered: a proxy, a network that wants one to sign in, or SES in no known form."""


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
        What *send* returns, tried again after errors that pass (or that *may_repeat* says do).

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
            # Counted from the refused call: SES may count that one too.
            self._next_call = max(self._next_call, self._clock.monotonic() + SECONDS_PER_CALL)

    def _wait(self, seconds: float) -> None:
        if (seconds > 0 and self._clock.wait(seconds)) or stopping.is_set():
            raise Stopped("interrupted before SES answered", hint="run `pulumi up` again to go on")


def is_throttled(error: BaseException) -> bool:
    """Whether SES did nothing because it is called too often."""
    return _status(error) == 429 or _code(error) in ("Throttling", "ThrottlingException")


def is_passing(error: BaseException) -> bool:
    """Whether the same call may well succeed in a moment, and does no harm if it had succeeded."""
    return is_throttled(error) or _status(error) >= 500 or _is_unanswered(error)


def said(error: BaseException) -> str:
    """What AWS or its SDK said, fit to be shown: one line, without what may be a key."""
    text = str(error)
    if isinstance(error, ClientError):
        text = error.response.get("Error", {}).get("Message") or ""
    elif type(error) is botocore_errors.HTTPClientError or isinstance(
        error, botocore_errors.ParamValidationError
    ):
        text = type(error).__name__  # they quote a header, the session token, or a parameter
    # Further lines of an error about a signature quote the request's headers, token and all.
    return _shown(text.strip().partition("\n")[0])


def _shown(text: str) -> str:
    """*text* of somebody else without what may be a key, and without what a terminal would obey."""
    without_secrets = PASSWORD.sub("", KEY_MATERIAL.sub("[...]", text))
    return re.sub("[^ -~]", "?", without_secrets)[:MAX_SHOWN]


def _is_unanswered(error: BaseException) -> bool:
    # A certificate that doesn't fit will not fit in a moment either.
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
        return "an answer that is not SES's"
    return type(error).__name__


def _hint(error: ClientError | BotoCoreError | _NotFromSesError, operation: str, region: str) -> str:
    """The state things are in now, and the next step. A call that only reads says nothing about changes."""
    reads = operation.startswith(("Get", "List"))
    unchanged = "" if reads else "nothing was changed; "
    unknown = "try again" if reads else "SES may have done it or not; the next `pulumi up` reads which"
    if isinstance(error, ClientError) and error.operation_name != operation:
        return f"{unchanged}no credentials from {error.operation_name}: {said(error)}"
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
        return f"{hint} It says so of an identity that is gone, too: try `pulumi refresh`"
    step = errors.next_step(_code(error))
    return f"{hint}; {step}" if step else hint


def _refuse_foreign_answer(
    response_dict: MutableMapping[str, Any], operation_model: OperationModel, **_: object
) -> None:
    # botocore takes a body that is no JSON for an empty answer, so a sign-in page would pass for
    # "deleted" or "no identities"; and it hands on a number where a text should be.
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
    """Whether *value* has the form that the service model gives it; without *shape* that of an error."""
    if shape is None:
        texts = ("message", "Message", "code", "__type")
        # SES's own errors have null for a message that it does not give.
        return isinstance(value, dict) and all(isinstance(value.get(name), str | None) for name in texts)
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
