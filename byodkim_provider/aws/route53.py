"""
Reads the record set at one name in Route 53, never the list of a whole zone.

Turns Route 53's responses into values and its errors into `AwsRefused`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from byodkim_provider.aws import errors
from byodkim_provider.aws.ses_calls import is_passing, said
from byodkim_provider.errors import AwsRefused, Stopped
from byodkim_provider.progress import stopping

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

__all__ = ["Route53Records"]

ATTEMPTS: Final = 10
"""Most attempts of a call. Route 53 allows an account five requests a second, pulumi-aws's included."""

MAX_BACKOFF_SECONDS: Final = 20
"""Longest wait before the next attempt, as in botocore's `standard` mode."""


class Route53Records:
    """Record sets of Route 53. A class so that the threads of a process make one call at a time."""

    def __init__(self, client: Route53Client) -> None:
        self._client = client
        self._lock = threading.Lock()

    def txt(self, zone_id: str, name: str) -> tuple[str, ...]:
        """ListResourceRecordSets: values of the TXT record *name*, as Route 53 has them; empty if none."""
        found = self._first_from(zone_id, name)
        if found is None or (found["Name"].rstrip("."), found["Type"]) != (name, "TXT"):
            return ()  # without a record of this name, the list starts at the next one
        return tuple(one["Value"] for one in found.get("ResourceRecords", ()))

    def _first_from(self, zone_id: str, name: str) -> Any:
        retry = Retrying(
            sleep=_wait,
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=1, max=MAX_BACKOFF_SECONDS),
            retry=retry_if_exception(is_passing),
            reraise=True,
        )
        try:
            with self._lock:
                _wait(0)  # whoever stood in line when the run was interrupted asks nothing more
                answer = retry(
                    self._client.list_resource_record_sets,
                    HostedZoneId=zone_id,
                    StartRecordName=name,
                    StartRecordType="TXT",
                    MaxItems="1",
                )
            return next(iter(answer["ResourceRecordSets"]), None)
        except (ClientError, BotoCoreError) as error:
            raise _refused(error, zone_id) from None
        except (ResponseParserError, KeyError):  # a proxy's page, or a sign-in page
            raise AwsRefused(
                "ListResourceRecordSets",
                f"zone {zone_id!r}",
                code="",
                reason="a response that is not Route 53's",
                hint="nothing was changed; is there a proxy between here and AWS?",
            ) from None


def _wait(seconds: float) -> None:
    if stopping.wait(seconds):
        raise Stopped("interrupted before Route 53 answered", hint="nothing was changed")


def _refused(error: ClientError | BotoCoreError, zone_id: str) -> AwsRefused:
    response: Any = error.response if isinstance(error, ClientError) else {}
    code = response.get("Error", {}).get("Code", "") or type(error).__name__
    # The failed call may be another operation: signing in.
    operation = error.operation_name if isinstance(error, ClientError) else "ListResourceRecordSets"
    hint = "; ".join(filter(None, ["nothing was changed", errors.next_step(code)]))
    return AwsRefused(operation, f"zone {zone_id!r}", code=code, reason=said(error), hint=hint)
