"""
Zones of an account and the record at one name in Route 53, never the records of a whole zone.

Turns Route 53's responses into values and its errors into `AwsRefused`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from byodkim_provider.aws import errors
from byodkim_provider.aws.errors import T
from byodkim_provider.errors import AwsRefused

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client as Boto3Client

SERVICE: Final = errors.Service(name="Route 53", region="Route 53")


class Route53Client:
    """
    What is read from Route 53 in one account. Nothing is written.

    A class so that zones are read once, and threads make one call at a time.
    """

    def __init__(self, client: Boto3Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Any] = {}

    def zones(self) -> dict[str, str]:
        """
        ListHostedZones, 100 a call: the account's public zones, names without final dot by id.
        """
        pages = self._client.get_paginator("list_hosted_zones")
        listed = self._read(
            "ListHostedZones",
            "the account",
            lambda: [zone for page in pages.paginate() for zone in page["HostedZones"]],
        )
        return {
            zone["Id"].removeprefix("/hostedzone/"): zone["Name"].rstrip(".")
            for zone in listed
            if not zone["Config"]["PrivateZone"]
        }

    def name_servers(self, zone_id: str) -> tuple[str, ...]:
        """GetHostedZone: the name servers of a public zone, without final dots, sorted."""
        names = self._read(
            "GetHostedZone",
            zone_id,
            lambda: self._client.get_hosted_zone(Id=zone_id)["DelegationSet"]["NameServers"],
        )
        return tuple(sorted(name.rstrip(".") for name in names))

    def standing(self, zone_id: str, name: str, kind: str) -> tuple[str, ...]:
        """
        ListResourceRecordSets, read anew: values at *name* of type *kind*, as Route 53 has them.

        A CNAME's target and an alias record's are among them, since no record can stand beside
        those. Several record sets of a name, by weight, are read, 300 at most. Empty if the zone is
        gone.
        """
        try:
            record_sets = self._read(
                "ListResourceRecordSets",
                zone_id,
                lambda: self._client.list_resource_record_sets(
                    HostedZoneId=zone_id, StartRecordName=name
                )["ResourceRecordSets"],
                kept=False,
            )
        except AwsRefused as refused:
            if refused.code != "NoSuchHostedZone":
                raise
            return ()
        values: list[str] = []
        for record_set in record_sets:  # from *name* on, in the order of names
            is_at_name = record_set["Name"].rstrip(".") == name
            if is_at_name and record_set["Type"] in (kind, "CNAME"):
                alias = record_set.get("AliasTarget")
                if alias:
                    values.append(f"alias of {alias['DNSName']}")
                    continue
                values += [record["Value"] for record in record_set.get("ResourceRecords", ())]
        return tuple(values)

    def _read(self, operation: str, subject: str, call: Callable[[], T], *, kept: bool = True) -> T:
        """
        The result of *call*, which is repeated, from its beginning, while its failure may pass;
        raises `AwsRefused`.

        If it is *kept*, later calls of *operation* about *subject*, a zone or the account, get it.
        """
        key = (operation, subject)
        with self._lock:
            if key in self._known:
                known: T = self._known[key]
                return known
            read = errors.call(call, SERVICE, operation, subject, retry=errors.is_passing)
            if kept:
                self._known[key] = read
            return read
