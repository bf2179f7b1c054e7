"""
Errors of AWS and its SDK, whatever the service: may a retry help, what is safe to show, what to do next.

No message from here quotes a key. Callers raise `from None`: the request in a botocore error may hold one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore import exceptions as botocore_errors
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from byodkim_provider.quoting import hidden

ATTEMPTS: Final = 10
"""
Most attempts of a call.

SES allows an account one call a second, Route 53 five; with backoff, ten attempts outlast a busy minute.
"""

MAX_BACKOFF_SECONDS: Final = 20
"""Longest wait before the next attempt, as in botocore's `standard` mode."""

MAX_SHOWN: Final = 500
"""Longest AWS message that is shown, in characters: most are a sentence or two."""

NOT_ALLOWED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""Codes of calls for which the credentials lack the permission."""

NOT_SIGNED_IN: Final = frozenset(
    {
        # AWS: "Common error types" of the API references, STS and S3.
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
        *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"),
        *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "AuthFailure"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"),
        # botocore
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"),
        *("SSOTokenLoadError", "UnauthorizedSSOTokenError", "LoginTokenLoadError"),
    }
)


def next_step(code: str) -> str:
    """
    What the user can do about *code*; "" if that depends on the call.

    >>> next_step("AccessDenied")
    '`byodkim iam-policy` prints the policy that these credentials need'
    """
    if code in NOT_ALLOWED:
        return "`byodkim iam-policy` prints the policy that these credentials need"
    if code in NOT_SIGNED_IN:
        return "renew the credentials until `aws sts get-caller-identity` works"
    return ""


PROXY: Final = "is there a proxy between here and AWS?"


def nothing_changed(service: str) -> str:
    """
    What a refused call has changed. Earlier calls of the same run may have made keys and records.

    >>> nothing_changed("SES")
    'nothing was changed in SES'
    """
    return f"nothing was changed in {service}"


class ForeignAnswer(Exception):
    """The response is not from AWS (a proxy, a network's sign-in page), or not in a known form."""


FAILURES: Final = (ClientError, BotoCoreError, ForeignAnswer)
"""What a call to AWS may raise."""


def retrying(
    wait: Callable[[float], None], *, retry: Callable[[BaseException], bool] | None = None
) -> Retrying:
    """Calls again, with backoff, after errors that *retry* accepts, by default `is_passing`."""
    return Retrying(
        sleep=wait,
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=1, max=MAX_BACKOFF_SECONDS),
        retry=retry_if_exception(retry or is_passing),
        reraise=True,
    )


def is_throttled(error: BaseException) -> bool:
    """Whether AWS throttled the call, and did nothing."""
    return _status(error) == 429 or _code(error) in ("Throttling", "ThrottlingException")


def is_passing(error: BaseException) -> bool:
    """Whether a retry may succeed, and is harmless if the first call succeeded after all."""
    return is_throttled(error) or _is_unconfirmed(error)


def code_of(error: BaseException, service: str) -> str:
    """The error code, in AWS's or botocore's words."""
    if isinstance(error, ForeignAnswer):
        return f"a response that is not {service}'s"
    if isinstance(error, ClientError):
        return _shown(_code(error)) or f"HTTP status {_status(error)}"
    return type(error).__name__


def request_id(error: BaseException) -> str:
    """The request's ID in AWS; "" if there is none."""
    return str(_metadata(error).get("RequestId", ""))


def hint_for(
    error: BaseException, operation: str, service: str, *, reads: bool, unconfirmed: str, refused: str
) -> str:
    """
    What was changed, and the next step. For a call that only *reads*, changes are not mentioned.

    *unconfirmed* says what follows if the response is lost, *refused* what was changed before an error.
    """
    unchanged = "" if reads else nothing_changed(service)
    hint: tuple[str, ...]
    if isinstance(error, ForeignAnswer):
        hint = (unconfirmed, PROXY)
    elif isinstance(error, ClientError) and error.operation_name != operation:
        hint = (
            unchanged,
            f"no credentials from {error.operation_name}: {said(error)}",
            next_step(_code(error)),
        )
    elif _is_unconfirmed(error):
        hint = (unconfirmed,)
    elif not isinstance(error, ClientError):
        hint = (unchanged, f"{service} was not called; does `aws sts get-caller-identity` work?")
    else:
        reason = said(error)
        says = f"{service} says: {reason}" if reason else f"{service} gives no reason"
        hint = ("" if reads else refused, says, next_step(_code(error)))
    return "; ".join(filter(None, hint))


def said(error: BaseException) -> str:
    """The message of AWS or its SDK, safe to show: one line, with anything removed that may be a key."""
    text = str(error)
    if isinstance(error, ClientError):
        text = error.response.get("Error", {}).get("Message") or ""
    elif type(error) is botocore_errors.HTTPClientError or isinstance(
        error, botocore_errors.ParamValidationError
    ):
        text = type(error).__name__  # their messages quote headers (the session token) or parameters
    elif isinstance(error, botocore_errors.CredentialRetrievalError) and _is_of_a_process(error):
        text = "the `credential_process` of the profile failed"  # its output may be the credentials
    # Further lines of a signature error quote the request's headers, session token included.
    return _shown(text)


def _is_of_a_process(error: botocore_errors.CredentialRetrievalError) -> bool:
    return bool(error.kwargs.get("provider") == "custom-process")


def _shown(text: str) -> str:
    """The first line of a *text* from outside, without what may be a key, and without control characters."""
    return re.sub("[^ -~]", "?", hidden(text).strip().partition("\n")[0])[:MAX_SHOWN]


def _is_unconfirmed(error: BaseException) -> bool:
    """Whether the call may have succeeded all the same. A retry does not help against a bad certificate."""
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
