"""
Pace, retries and errors of every call to SES; errors become `SesRefused`.

A response that is not SES's is an error too: nothing may be concluded from it.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from byodkim_provider.aws import errors
from byodkim_provider.aws.errors import FAILURES, ForeignAnswer, is_throttled
from byodkim_provider.errors import SesRefused, Stopped
from byodkim_provider.progress import Clock, stopping

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

SES_SECONDS: Final = 1.0
"""
Seconds between calls as they arrive at SES.

The SES API reference says of every identity action: "You can execute this operation no more than
once per second".
"""

SECONDS_PER_CALL: Final = 1.05
"""Seconds between calls as they leave: a call may take less time on its way than the one before."""

TOO_MANY: Final = 429
"""HTTP status of a call that SES refuses because of its rate."""

WAKE_SECONDS: Final = 0.2
"""How often a thread that waits behind others checks for an interrupt."""

ONLY_IF_THROTTLED: Final = ("PutEmailIdentityDkimSigningAttributes",)
"""
Retried only on 429, when SES certainly did nothing.

A repeated Put of a key may restart the search for the record, and with it a time without signatures.
"""

P = ParamSpec("P")
T = TypeVar("T")


class Calls:
    """Calls to SES in one Region. A class so that all threads of a process share one pace."""

    def __init__(self, client: SESV2Client, *, region: str, clock: Clock) -> None:
        client.meta.events.register("before-parse.sesv2", _refuse_foreign_answer)
        client.meta.events.register("before-send.sesv2", self._leave_line)
        client.meta.events.register("response-received.sesv2", self._was_answered)
        self._operations = client.meta.method_to_api_mapping
        self._region = region
        self._clock = clock
        self._line: deque[int] = deque()
        """Threads that have a call to send, first come, first served: the first one has the turn."""
        self._line_moves = threading.Condition()
        self._next_call = 0.0
        self._sent: dict[int, float] = {}
        """When the call of each thread that waits for a response left."""
        self._fastest: dict[str, float] = {}
        """Seconds that the fastest answer took, by event, that is by operation."""

    def make(self, method: Callable[P, T], domain: str, /, *args: P.args, **given: P.kwargs) -> T:
        """
        What *method* of the client returns for the arguments that follow *domain*, retried if that may help.

        Raises `SesRefused`, and `Stopped`.
        """
        operation = self._operations[method.__name__]
        may_repeat = is_throttled if operation in ONLY_IF_THROTTLED else errors.is_passing
        retry = errors.retrying(self._wait, retry=may_repeat)
        try:
            answer: T = retry(self._send_in_turn, method, *args, **given)
        except FAILURES as error:
            raise SesRefused(
                operation,
                domain,
                self._region,
                code=errors.code_of(error, "SES"),
                request_id=errors.request_id(error),
                hint=_hint(error, operation, self._region),
            ) from None
        return answer

    def _send_in_turn(self, method: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Hold the turn until the request leaves: the pace counts from then, however long that takes."""
        thread = threading.get_ident()
        try:
            with self._line_moves:
                self._line.append(thread)
                while not self._line_moves.wait_for(lambda: self._line[0] == thread, WAKE_SECONDS):
                    self._wait(0)
            self._wait(0)
            while (seconds := self._next_call - self._clock.monotonic()) > 0:  # a response may move it
                self._wait(seconds)
            return method(*args, **given)
        finally:
            self._leave_line()

    def _leave_line(self, **_: object) -> None:
        """End the turn of this thread. Called right before botocore sends, or if it does not get there."""
        thread = threading.get_ident()
        with self._line_moves:
            if thread in self._line:
                if self._line[0] == thread:  # otherwise it was interrupted further back
                    self._sent[thread] = self._clock.monotonic()
                    self._next_call = self._sent[thread] + SECONDS_PER_CALL
                self._line.remove(thread)
                self._line_moves.notify_all()

    def _was_answered(
        self, event_name: str, response_dict: Mapping[str, Any] | None = None, **_: object
    ) -> None:
        """
        Keep the next call a second away from the moment this one may have arrived.

        It may have arrived as much later as it was answered later than the fastest call of its operation.
        """
        now = self._clock.monotonic()
        with self._line_moves:
            sent = self._sent.pop(threading.get_ident(), None)
            if sent is None:
                return
            took = now - sent
            # The first call may have to connect before it is sent: all of its time may be lateness.
            late = max(took - self._fastest.get(event_name, 0), 0)
            self._next_call = max(self._next_call, sent + late + SES_SECONDS)
            # What SES refuses for its rate, or fails at, it refuses sooner than it answers.
            if response_dict and response_dict["status_code"] < TOO_MANY:
                self._fastest[event_name] = min(took, self._fastest.get(event_name, took))

    def _wait(self, seconds: float) -> None:
        if (seconds > 0 and self._clock.wait(seconds)) or stopping.is_set():
            raise Stopped("interrupted before SES answered", hint="run `pulumi up` again to go on")


def _hint(error: BaseException, operation: str, region: str) -> str:
    """What was changed, and the next step."""
    reads, nothing_changed = operation.startswith(("Get", "List")), errors.nothing_changed("SES")
    code = errors.code_of(error, "SES")
    if isinstance(error, ClientError) and error.operation_name == operation:
        unchanged = "" if reads else f"{nothing_changed}; "
        if is_throttled(error):
            return f"{unchanged}something else keeps calling SES in {region}, try again later"
        if code == "LimitExceededException":
            return f"{unchanged}{region} has as many identities as SES allows"
    unconfirmed = "try again" if reads else "SES may have done it or not; the next `pulumi up` reads which"
    hint = errors.hint_for(
        error, operation, "SES", reads=reads, unconfirmed=unconfirmed, refused=nothing_changed
    )
    if operation == "PutEmailIdentityDkimAttributes" and code == "BadRequestException":
        return f"{hint} SES also says so if the identity does not exist: try `pulumi refresh`"
    return hint


def _refuse_foreign_answer(
    response_dict: MutableMapping[str, Any], operation_model: Any, **_: object
) -> None:
    # botocore turns a body that is not JSON into an empty response, so a sign-in page would pass for
    # "deleted" or "no identities"; and it does not check types.
    headers, status = response_dict["headers"], response_dict["status_code"]
    body = _object_in(response_dict["body"])
    if status < 300:
        has_form = body is not None and _has_form(body, operation_model)
    else:
        strings = ("message", "Message", "code", "__type")
        # SES's own errors may have null as the message.
        has_form = body is not None and all(isinstance(body.get(name), str | None) for name in strings)
    if status >= 500:  # may come from AWS's own load balancers, in any form
        response_dict["body"] = response_dict["body"] if has_form else b""
    elif not has_form or "x-amzn-requestid" not in headers or "html" in headers.get("content-type", ""):
        raise ForeignAnswer


def _object_in(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _has_form(body: dict[str, Any], operation_model: Any) -> bool:
    """Whether *body* fits the service model."""
    try:
        return not _ResponseValidator().validate(body, operation_model.output_shape).has_errors()
    except (OverflowError, RuntimeError):  # a time that no calendar has
        return False


INCOMPLETE: Final = frozenset({"MailFromAttributes"})
"""Without a MAIL FROM domain, SES leaves out members that its service model requires. Not read here."""


class _ResponseValidator(ParamValidator):
    """botocore's check of requests, for a response: a member that SES adds or leaves null is no error."""

    def _validate_structure(self, params: Any, shape: Any, *rest: Any) -> None:
        if isinstance(params, dict):
            params = {
                name: params[name]
                for name in (params.keys() & shape.members) - INCOMPLETE
                if params[name] is not None
            }
        super()._validate_structure(params, shape, *rest)  # type: ignore[misc]
