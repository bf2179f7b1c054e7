"""
Zones of an account and the record at one name in Route 53, never the records of a whole zone.

Turns Route 53's responses into values and its errors into `AwsRefused`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from byodkim_provider.aws import errors
from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.aws import AwsMessages

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client as Boto3Client
    from mypy_boto3_route53.type_defs import ResourceRecordSetOutputTypeDef

R = TypeVar("R")


class Route53Client:
    """
    What is read from Route 53 in one account. Nothing is written.

    A class so that zones are read once, and threads make one call at a time.
    """

    def __init__(self, client: Boto3Client) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._known: dict[tuple[str, str], Any] = {}

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

    def standing(self, zone_id: str, name: str, kind: str) -> tuple[str, ...]:
        """
        ListResourceRecordSets, read anew: values at *name* of type *kind*, as Route 53 has them.

        A CNAME's target and an alias record's are among them, since no record can stand beside
        those. Several record sets of a name, by weight, are all read. Empty if the zone is gone.
        """
        values: list[str] = []
        begin: dict[str, Any] = {"StartRecordName": name}
        while begin:
            page = self._page(zone_id, begin)
            for record_set in page["ResourceRecordSets"]:
                if record_set["Name"].rstrip(".") != name:
                    return tuple(values)
                if record_set["Type"] in (kind, "CNAME"):
                    values += _values(record_set)
            begin = _next_page(page)
        return tuple(values)

    def _page(self, zone_id: str, begin: Mapping[str, Any]) -> Mapping[str, Any]:
        """Record sets that *begin* there, in the order of their names; none if the zone is gone."""

        def read() -> Mapping[str, Any]:
            page = self._client.list_resource_record_sets(HostedZoneId=zone_id, **begin)
            # Without this key it is no answer of Route 53, which `errors.answer` finds out.
            return {**page, "ResourceRecordSets": page["ResourceRecordSets"]}

        try:
            return self._read("ListResourceRecordSets", zone_id, read)
        except AwsRefused as refused:
            if refused.code != "NoSuchHostedZone":
                raise
            return {"ResourceRecordSets": ()}

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


def _values(record_set: ResourceRecordSetOutputTypeDef) -> list[str]:
    if alias := record_set.get("AliasTarget"):
        return [f"alias of {alias['DNSName']}"]
    return [record["Value"] for record in record_set.get("ResourceRecords", ())]


def _next_page(page: Mapping[str, Any]) -> dict[str, Any]:
    """Where the next page begins; empty after the last one."""
    names = ("Name", "Type", "Identifier")
    following = {f"StartRecord{name}": page.get(f"NextRecord{name}") for name in names}
    return {name: value for name, value in following.items() if value and page.get("IsTruncated")}


def _refused(operation: str, zone_id: str, error: BaseException) -> AwsRefused:
    subject = f"zone {zone_id!r}" if zone_id else "the account"
    # The failed call may be another operation: signing in.
    operation = error.operation_name if isinstance(error, ClientError) else operation
    code = errors.code_of(error, "Route 53")
    step = AwsMessages.PROXY() if isinstance(error, ResponseParserError) else errors.next_step(code)
    return AwsRefused(
        errors.read_refused(f"{operation} for {subject}", code, errors.said(error), step)
    )
