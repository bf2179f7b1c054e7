"""
Reads the record set at one name in Route 53, never the list of a whole zone.

Turns Route 53's responses into values and its errors into `AwsRefused`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from byodkim_provider.aws import errors
from byodkim_provider.aws.errors import ForeignAnswer
from byodkim_provider.errors import AwsRefused, Stopped
from byodkim_provider.progress import stopping

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

__all__ = ["Route53Records"]


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
        try:
            with self._lock:
                _wait(0)  # whoever stood in line when the run was interrupted asks nothing more
                answer = errors.retrying(_wait)(
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
            raise _refused(ForeignAnswer(), zone_id) from None


def _wait(seconds: float) -> None:
    if stopping.wait(seconds):
        raise Stopped("interrupted before Route 53 answered", hint="nothing was changed")


def _refused(error: Exception, zone_id: str) -> AwsRefused:
    code = errors.code_of(error, "Route 53")
    # The failed call may be another operation: signing in.
    operation = error.operation_name if isinstance(error, ClientError) else "ListResourceRecordSets"
    step = errors.PROXY if isinstance(error, ForeignAnswer) else errors.next_step(code)
    hint = f"{errors.UNCHANGED}; {step}" if step else errors.UNCHANGED
    return AwsRefused(operation, f"zone {zone_id!r}", code=code, reason=errors.said(error), hint=hint)
