"""
Zones of an account and the record at one name in Route 53, never the records of a whole zone.

Turns Route 53's responses into values and its errors into `AwsRefused`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from byodkim_provider.aws import errors
from byodkim_provider.dkim import keys, records
from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.aws import AwsMessages

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client as Boto3Client
    from mypy_boto3_route53.type_defs import ResourceRecordSetOutputTypeDef

R = TypeVar("R")


class Route53Client:
    """
    What is read from Route 53 in one account, and the deletion of a key's record.

    A class so that zones are read once, and threads make one call at a time.
    """

    def __init__(self, client: Boto3Client) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._known: dict[tuple[str, str], Any] = {}
        self._seen: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def zones(self, *, is_private: bool = False) -> dict[str, str]:
        """
        ListHostedZones, 100 with a call: names of the account's zones by id, without final dots.
        """
        pages = self._client.get_paginator("list_hosted_zones").paginate()
        listed = self._read_once(
            "ListHostedZones", "", lambda: [one for page in pages for one in page["HostedZones"]]
        )
        return {
            one["Id"].removeprefix("/hostedzone/"): one["Name"].rstrip(".")
            for one in listed
            if one["Config"]["PrivateZone"] == is_private
        }

    def name_servers(self, zone_id: str) -> tuple[str, ...]:
        """GetHostedZone: the name servers of a public zone, without final dots, sorted."""
        read = partial(self._client.get_hosted_zone, Id=zone_id)
        found = self._read_once(
            "GetHostedZone", zone_id, lambda: read()["DelegationSet"]["NameServers"]
        )
        return tuple(sorted(name.rstrip(".") for name in found))

    def standing(self, zone_id: str, name: str, kind: str = "TXT") -> tuple[str, ...]:
        """
        Values of the record or the CNAME *name*, as Route 53 has them; empty if there is none.

        Records that come after it in the zone come with it, so that those of many domains are few
        calls.
        """
        if (zone_id, name, kind) not in self._seen:
            found: defaultdict[tuple[str, str, str], tuple[str, ...]] = defaultdict(tuple)
            for one in self._sets(zone_id, name):
                for its in ("MX", "TXT") if one["Type"] == "CNAME" else (one["Type"],):
                    # A name may have several, by weight.
                    found[zone_id, one["Name"].rstrip("."), its] += _values(one)
            self._seen |= found
        return self._seen.get((zone_id, name, kind), ())

    def withdraw(self, zone_id: str, name: str, fingerprint: str) -> None:
        """Remove the values of the TXT record *name* that hold this key; other values stay."""
        for there in self._sets(zone_id, name):
            # Without a record of this name, the list starts at the next.
            if (there["Name"].rstrip("."), there["Type"]) != (name, "TXT"):
                continue
            others = [one for one in _values(there) if fingerprint_in(one) != fingerprint]
            if len(others) == len(_values(there)):
                continue
            change: Any = {"Action": "DELETE", "ResourceRecordSet": there}
            if others:
                rest = {**there, "ResourceRecords": [{"Value": value} for value in others]}
                change = {"Action": "UPSERT", "ResourceRecordSet": rest}
            write = partial(self._client.change_resource_record_sets, HostedZoneId=zone_id)
            self._read(
                "ChangeResourceRecordSets",
                zone_id,
                partial(write, ChangeBatch={"Changes": [change]}),
            )

    def _sets(self, zone_id: str, name: str) -> list[ResourceRecordSetOutputTypeDef]:
        """
        ListResourceRecordSets: CNAMEs, MX and TXT records from *name* on; empty if the zone is
        gone.
        """
        begin: Any = {"StartRecordName": name, "StartRecordType": "CNAME"}
        read = partial(
            self._client.list_resource_record_sets, HostedZoneId=zone_id, MaxItems="300", **begin
        )
        try:
            sets = self._read(
                "ListResourceRecordSets", zone_id, lambda: read()["ResourceRecordSets"]
            )
        except AwsRefused as refused:
            if refused.code != "NoSuchHostedZone":
                raise
            return []
        return [one for one in sets if one["Type"] in ("CNAME", "MX", "TXT")]

    def _read_once(self, operation: str, zone_id: str, call: Callable[[], R]) -> R:
        with self._lock:
            if (operation, zone_id) not in self._known:
                self._known[operation, zone_id] = self._read(operation, zone_id, call)
            known: R = self._known[operation, zone_id]
            return known

    def _read(self, operation: str, zone_id: str, call: Callable[[], R]) -> R:
        """The result of *call*, repeated while its failure may pass; raises `AwsRefused`."""
        refused, wait = partial(_refused, operation, zone_id), partial(errors.wait, "Route 53")
        with self._lock:
            return errors.answer(call, refused, wait=wait, retry=errors.is_passing)


def fingerprint_in(value: str) -> str | None:
    """The fingerprint of the key in a TXT *value* as Route 53 has it; None without a key."""
    public_key = records.public_key(records.unquoted(value))
    return keys.fingerprint(public_key) if public_key else None


def _values(listed: ResourceRecordSetOutputTypeDef) -> tuple[str, ...]:
    return tuple(one["Value"] for one in listed.get("ResourceRecords", ()))


def _refused(operation: str, zone_id: str, error: BaseException) -> AwsRefused:
    subject = f"zone {zone_id!r}" if zone_id else "the account"
    # The failed call may be another operation: signing in.
    operation = error.operation_name if isinstance(error, ClientError) else operation
    code = errors.code_of(error, "Route 53")
    step = AwsMessages.PROXY() if isinstance(error, ResponseParserError) else errors.next_step(code)
    return AwsRefused(
        errors.read_refused(f"{operation} for {subject}", code, errors.said(error), step)
    )
