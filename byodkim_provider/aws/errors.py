"""
Calls to AWS and their errors, whatever the service: may a retry help, what is safe to show, what to
do next.

No message from here quotes a key, and none has a cause: the request in a botocore error may hold
one.
"""

import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from botocore import exceptions as botocore_errors
from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from byodkim_provider.errors import AwsRefused, ByodkimError, Kind, Stopped
from byodkim_provider.messages import Message
from byodkim_provider.messages.aws import AwsMessages
from byodkim_provider.progress import Clock, stopping
from byodkim_provider.property_types import from_json
from byodkim_provider.quoting import hidden

T = TypeVar("T")

ATTEMPTS: Final = 10
"""
Most attempts of a call.

SES allows an account one call a second, Route 53 five; with backoff, ten attempts outlast a busy
minute.
"""

MAX_BACKOFF_SECONDS: Final = 20
"""Longest wait before the next attempt, as in botocore's `standard` mode."""

MAX_SHOWN: Final = 500
"""Longest AWS message that is shown, in characters: most are a sentence or two."""

NOT_ALLOWED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""Codes of calls for which the credentials lack the permission."""

_NOT_SIGNED_IN: Final = """
ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired InvalidClientTokenId
UnrecognizedClientException InvalidAccessKeyId InvalidToken MissingAuthenticationToken
MissingAuthenticationTokenException AuthFailure SignatureDoesNotMatch InvalidSignatureException
IncompleteSignature

NoCredentialsError PartialCredentialsError CredentialRetrievalError TokenRetrievalError
SSOTokenLoadError UnauthorizedSSOTokenError LoginTokenLoadError
"""

NOT_SIGNED_IN: Final = frozenset(_NOT_SIGNED_IN.split())
"""
Codes of credentials that no longer work: AWS's ("Common error types" of the API references, STS
and S3), and botocore's.
"""


NOT_OF_AWS: Final = ("KeyError", "ResponseParserError")
"""
Names of the errors of a response that AWS did not send, such as a sign-in page, of which nothing is
shown. By name, because the import of `botocore.parsers` takes long.
"""


def refuse_foreign_answer(response_dict: MutableMapping[str, Any], **_: object) -> None:
    """
    For the event `before-parse` of a service that answers in JSON: raises `KeyError`.

    botocore turns a body that is not JSON into an empty response, so a sign-in page would pass for
    "deleted" or "no identities".
    """
    headers, text = response_dict["headers"], response_dict["body"].decode(errors="replace")
    is_json = isinstance(from_json(text or "{}"), dict)
    if response_dict["status_code"] >= 500:  # may come from AWS's own load balancers, in any form
        response_dict["body"] = response_dict["body"] if is_json else b""
    elif not is_json or "x-amzn-requestid" not in headers:
        raise KeyError("x-amzn-requestid")


def is_throttled(error: BaseException) -> bool:
    """Whether AWS throttled the call, and did nothing."""
    return _status(error) == 429 or _code(error) in ("Throttling", "ThrottlingException")


def is_passing(error: BaseException) -> bool:
    """Whether a retry may succeed, and is harmless if the first call succeeded after all."""
    return is_throttled(error) or _is_unconfirmed(error)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service in one place, and what its errors say beside AWS's words."""

    name: str
    region: str
    """Where it is called: a Region, or the service's name if it has none."""
    kind: Kind | None = None
    """Of its errors."""
    clock: Clock = field(default_factory=Clock)
    lost: Message = field(default_factory=AwsMessages.TRY_AGAIN)
    """What follows if the answer to a change is lost."""

    def wait(self, seconds: float) -> None:
        """Wait before a call. Raises `Stopped` once the run is interrupted."""
        if (seconds > 0 and self.clock.wait(seconds)) or stopping.is_set():
            raise Stopped(AwsMessages.INTERRUPTED(service=self.name))


def call(
    send: Callable[[], T],
    service: Service,
    operation: str,
    subject: str,
    *,
    retry: Callable[[BaseException], bool] = lambda _: False,
) -> T:
    """
    What *send* returns, a call of *operation* about a *subject*; called again, with backoff, after
    errors that *retry* accepts.

    Raises `AwsRefused` with what was changed and what to do, `Stopped` once the run is interrupted.
    """
    attempts = Retrying(
        sleep=service.wait,
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=1, max=MAX_BACKOFF_SECONDS),
        retry=retry_if_exception(retry),
        reraise=True,
    )
    service.wait(0)  # whoever stood in line when the run was interrupted asks nothing more
    try:
        return attempts(send)
    except ByodkimError:  # interrupted
        raise
    except Exception as error:  # noqa: BLE001 - a call may sign in, by a program of a profile
        problem = error
    request = _metadata(problem).get("RequestId")
    code = _shown(_code(problem)) or f"HTTP status {_status(problem)}"
    if code in NOT_OF_AWS:
        code = f"a response that is not {service.name}'s"
    message = AwsMessages.REFUSED(
        operation=operation,
        subject=subject,
        region=service.region,
        code=code,
        request=f" (request {request})" if request else "",
        steps=_steps(problem, operation, service),
    )
    raise AwsRefused(message, code=code, kind=service.kind) from None


def _steps(error: BaseException, operation: str, service: Service) -> list[Message]:
    """What was changed, what AWS says, and what to do."""
    lost, unchanged = service.lost, [AwsMessages.UNCHANGED(service=service.name)]
    if only_reads(operation):
        lost, unchanged = AwsMessages.TRY_AGAIN(), []
    code = _code(error)
    if code in NOT_OF_AWS:
        return [lost, AwsMessages.PROXY()]
    reason = said(error)
    if not isinstance(error, ClientError):
        if _is_unconfirmed(error):
            return [AwsMessages.NO_ANSWER(reason=reason), lost]
        return [*unchanged, AwsMessages.NOT_CALLED(service=service.name, reason=reason)]
    says = AwsMessages.SAYS(service=service.name, reason=reason)
    if error.operation_name != operation:
        says = AwsMessages.NO_CREDENTIALS(operation=error.operation_name, reason=reason)
    elif _is_unconfirmed(error):
        return [lost]
    step = None
    if (operation, code) == ("DeleteEmailIdentity", "BadRequestException"):
        step = AwsMessages.HELD()
    elif code in NOT_ALLOWED:
        step = AwsMessages.POLICY()
    elif code in NOT_SIGNED_IN:
        step = AwsMessages.SIGN_IN()
    elif is_throttled(error):
        step = AwsMessages.TRY_LATER()
    return [*unchanged, says, *([step] if step else [])]


def only_reads(operation: str) -> bool:
    """Whether *operation* changes nothing."""
    return operation.startswith(("Describe", "Get", "List"))


def said(error: BaseException) -> str:
    """
    The message of AWS or its SDK, safe to show: one line, with anything removed that may be a key.

    >>> said(EOFError())
    'nobody is there to type the code of `mfa_serial`'
    """
    text = str(error)
    if isinstance(error, ClientError):
        text = error.response.get("Error", {}).get("Message") or "no reason"
    elif type(error) in (botocore_errors.HTTPClientError, botocore_errors.ParamValidationError):
        # Their messages quote headers (the session token) or parameters.
        text = type(error).__name__
    elif getattr(error, "kwargs", {}).get("provider") == "custom-process":
        text = "the `credential_process` of the profile failed"  # its output may be the credentials
    elif isinstance(error, EOFError):
        text = "nobody is there to type the code of `mfa_serial`"
    # Further lines of a signature error quote the request's headers, session token included.
    return _shown(text)


def _shown(text: str) -> str:
    """
    The first line of a *text* from outside, without what may be a key, and without control
    characters.
    """
    return re.sub("[^ -~]", "?", hidden(text).strip().partition("\n")[0])[:MAX_SHOWN]


def _is_unconfirmed(error: BaseException) -> bool:
    """
    Whether the call may have succeeded all the same. A retry does not help against a bad
    certificate.
    """
    no_response = (botocore_errors.HTTPClientError, botocore_errors.ConnectionError)
    is_lost = isinstance(error, no_response) and not isinstance(error, botocore_errors.SSLError)
    return is_lost or _status(error) >= 500


def _metadata(error: BaseException) -> Mapping[str, Any]:
    return error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}


def _status(error: BaseException) -> int:
    return int(_metadata(error).get("HTTPStatusCode", 0))


def _code(error: BaseException) -> str:
    if not isinstance(error, ClientError):
        return type(error).__name__
    return error.response.get("Error", {}).get("Code", "")
