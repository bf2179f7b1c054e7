"""
Zones of an account and the record at one name in Route 53, never the records of a whole zone.

Turns Route 53's responses into values and its errors into `AwsRefused`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from byodkim_provider.aws import errors
from byodkim_provider.aws.errors import ForeignAnswer
from byodkim_provider.dkim import keys, records
from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.aws import AwsMessages

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client as Boto3Client
    from mypy_boto3_route53.type_defs import HostedZoneTypeDef, ResourceRecordSetOutputTypeDef

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Zone:
    """A hosted zone, as ListHostedZones shows it."""

    id: str
    name: str
    """Without a final dot."""
    is_private: bool


class Route53Client:
    """
    What is read from Route 53 in one account, and the deletion of a key's record.

    A class so that zones are read once, and threads make one call at a time.
    """

    def __init__(self, client: Boto3Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._zones: tuple[Zone, ...] | None = None
        self._name_servers: dict[str, tuple[str, ...]] = {}
        self._seen: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def zones(self) -> tuple[Zone, ...]:
        """ListHostedZones: all zones of the account, 100 with a call."""
        pages = self._client.get_paginator("list_hosted_zones")
        with self._lock:
            if self._zones is None:
                self._zones = self._read(
                    "ListHostedZones",
                    "the account",
                    lambda: tuple(_zone(one) for page in pages.paginate() for one in page["HostedZones"]),
                )
            return self._zones

    def name_servers(self, zone_id: str) -> tuple[str, ...]:
        """GetHostedZone: the name servers of a public zone, without final dots, sorted."""
        with self._lock:
            if zone_id not in self._name_servers:
                servers = self._read(
                    "GetHostedZone",
                    f"zone {zone_id!r}",
                    lambda: self._client.get_hosted_zone(Id=zone_id)["DelegationSet"]["NameServers"],
                )
                self._name_servers[zone_id] = tuple(sorted(name.rstrip(".") for name in servers))
            return self._name_servers[zone_id]

    def standing(self, zone_id: str, name: str, kind: str = "TXT") -> tuple[str, ...]:
        """
        Values of the record or the CNAME *name*, as Route 53 has them; empty if there is none.

        Records that come after it in the zone come with it, so that those of many domains are few calls.
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
            with self._lock:
                self._read(
                    "ChangeResourceRecordSets",
                    f"zone {zone_id!r}",
                    lambda change=change: self._client.change_resource_record_sets(  # type: ignore[misc]
                        HostedZoneId=zone_id, ChangeBatch={"Changes": [change]}
                    ),
                )

    def _sets(self, zone_id: str, name: str) -> list[ResourceRecordSetOutputTypeDef]:
        """ListResourceRecordSets: CNAMEs, MX and TXT records from *name* on; empty if the zone is gone."""
        try:
            with self._lock:
                sets = self._read(
                    "ListResourceRecordSets",
                    f"zone {zone_id!r}",
                    lambda: self._client.list_resource_record_sets(
                        HostedZoneId=zone_id, StartRecordName=name, StartRecordType="CNAME", MaxItems="300"
                    )["ResourceRecordSets"],
                )
        except AwsRefused as refused:
            if refused.code != "NoSuchHostedZone":
                raise
            return []
        return [one for one in sets if one["Type"] in ("CNAME", "MX", "TXT")]

    def _read(self, operation: str, subject: str, call: Callable[[], R]) -> R:
        """The result of *call*, repeated while its failure may pass; raises `AwsRefused`."""
        refused = partial(_refused, operation, subject)
        return errors.answer(call, refused, wait=partial(errors.wait, "Route 53"), retry=errors.is_passing)


def fingerprint_in(value: str) -> str | None:
    """The fingerprint of the key in a TXT *value* as Route 53 has it; None without a key."""
    public_key = records.public_key(records.unquoted(value))
    return keys.fingerprint(public_key) if public_key else None


def _values(listed: ResourceRecordSetOutputTypeDef) -> tuple[str, ...]:
    return tuple(one["Value"] for one in listed.get("ResourceRecords", ()))


def _zone(listed: HostedZoneTypeDef) -> Zone:
    return Zone(
        listed["Id"].removeprefix("/hostedzone/"),
        listed["Name"].rstrip("."),
        is_private=listed["Config"]["PrivateZone"],
    )


def _refused(operation: str, subject: str, error: BaseException) -> AwsRefused:
    # The failed call may be another operation: signing in.
    operation = error.operation_name if isinstance(error, ClientError) else operation
    code = errors.code_of(error, "Route 53")
    step = AwsMessages.PROXY() if isinstance(error, ForeignAnswer) else errors.next_step(code)
    return AwsRefused(errors.read_refused(f"{operation} for {subject}", code, errors.said(error), step))
