"""
How a run goes wrong, and patience with what passes: a network that is away, a service that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import tenacity
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError
from botocore.parsers import ResponseParserError

PATIENCE: Final = 12 * 3600.0
"""For how long a call is made again that finds no network or a service that fails, in seconds: a night."""

EXPIRED: Final = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
"""Codes of errors that new credentials, or a clock that is right, would help against."""

SERVICE_PATIENCE: Final = 300.0
"""The same for a service that fails: it may be the request that it fails at, in seconds."""

BUSY: Final = {
    "PriorRequestNotComplete",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "SlowDown",
}
"""Codes of errors that pass: too many requests. SES's own is left out, as its rate is measured."""

TRANSIENT: Final = (
    AwsConnectionError,
    CredentialRetrievalError,  # of a role, whose renewal needs the network too
    HTTPClientError,
    IncompleteReadError,
    OSError,
    ResponseParserError,
)

T = TypeVar("T")


class Stop(Exception):
    """The run can't go on; the message says why and what is left."""


class Unanswered(Exception):
    """One question can't be answered; the others can."""


class Lost(Unanswered):
    """A message did not arrive."""


class Limited(Unanswered):
    """SES took no message, as the account has reached a limit: too fast, or too many in 24 hours."""


class Unread(Unanswered):
    """A message could not be fetched: S3 refused that."""


class Refused(Exception):
    """SES's error answer."""

    def __init__(self, status: int, code: str, text: str | None) -> None:
        super().__init__(f"{status} {code}: {text}")
        self.status, self.code, self.text = status, code, text


def is_transient(error: BaseException) -> bool:
    """The same call may succeed later."""
    if isinstance(error, ClientError):
        metadata: dict[str, Any] = error.response.get("ResponseMetadata", {})
        return int(metadata.get("HTTPStatusCode", 0)) >= 500 or is_busy(error)
    return isinstance(error, TRANSIENT)


def is_busy(error: BaseException) -> bool:
    """The service has too many requests."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in BUSY


def patiently(
    do: Callable[[], T],
    *,
    wait: Callable[[float], None],
    what: str,
    seconds: float = PATIENCE,
    service_seconds: float = SERVICE_PATIENCE,
) -> T:
    """
    What *do* returns, which is called again while it fails for a reason that passes.

    `Stop` if the network is away for longer than *seconds*, or if the credentials are no longer taken.
    A service that fails for longer than *service_seconds* raises its own error.
    """
    waited = 0.0

    def sleep(pause: float) -> None:
        nonlocal waited
        pause = min(pause, max(seconds - waited, 0))
        waited += pause
        wait(pause)

    def is_enough(state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        fails = isinstance(error, ClientError) and not is_busy(error)
        return waited >= (min(seconds, service_seconds) if fails else seconds)

    try:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_transient),
            wait=tenacity.wait_exponential(multiplier=1, max=600),
            stop=is_enough,
            sleep=sleep,
            reraise=True,
        )(do)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in EXPIRED:
            raise
        text = "renew them, or set this machine's clock"
        raise Stop(f"AWS takes these credentials no more ({code}): {text}") from None
    except (CredentialRetrievalError, NoCredentialsError, SSOError, TokenRetrievalError) as error:
        raise Stop(f"there are no credentials any more ({type(error).__name__}): renew them") from None
    except (BotoCoreError, ResponseParserError, OSError) as error:  # its text may quote what was sent
        raise Stop(f"{what}: {type(error).__name__}, tried for {waited / 60:.0f} min") from None
