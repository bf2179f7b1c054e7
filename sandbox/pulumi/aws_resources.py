"""
Records of pulumi-aws, as far as the sandbox needs them: calls and their values.

Plain values in, plain values out: `resource_aws` has the engine's protocol. What
Route 53 itself refuses comes from the API, as with the real plugin.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from botocore.exceptions import ClientError

from sandbox.pulumi.aws_account import RECORDS_WAIT, Account, Properties, said

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import ResourceRecordSetOutputTypeDef

T = TypeVar("T")

GONE: Final = {"NoSuchHostedZone", "NotFoundException"}
"""Codes of Route 53 and of SES for what does not exist."""

INSYNC_POLL_SECONDS: Final = 15
"""Before each time that the real plugin asks whether a change is in sync."""

BRIDGED: Final = {
    "__meta": '{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":1800000000000,"delete":1800000000000,'
    '"update":1800000000000},"schema_version":"2"}',
    "__pulumi_raw_state_delta": {"obj": {"ps": {"records": {"set": {}}, "ttl": {"num": {}}}}},
    "aliases": [],
    "healthCheckId": "",
    "multivalueAnswerRoutingPolicy": False,
    "setIdentifier": "",
    "weightedRoutingPolicies": [],
}
"""What the bridge to Terraform adds to the outputs of a record: as large as the real one's, not the same."""


class UnconfirmedError(Exception):
    """The resource exists, its change may not be in sync: the engine stores it with this error."""

    def __init__(self, reason: str, resource_id: str, outputs: Properties) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.outputs = outputs


class Resource(ABC):
    """
    One resource type. Errors are botocore's, and ValueError for what the plugin itself refuses.

    Inputs are as `checked` has left them, without `__defaults`.
    """

    known: ClassVar[frozenset[str]]
    """Inputs that this stand-in supports; it refuses all others."""

    replacing: ClassVar[frozenset[str]]
    """Inputs whose change replaces the resource."""

    needed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, account: Account) -> None:
        self._account = account

    def checked(self, inputs: Properties) -> Properties:
        """The inputs as they are stored."""
        if missing := [name for name in self.needed if inputs.get(name) is None]:
            raise ValueError(f"Missing required argument: {', '.join(missing)}")
        return inputs

    def changed(self, outputs: Properties, inputs: Properties) -> set[str]:
        """The properties that an update to *inputs* changes."""
        return {key for key in self.known if (outputs.get(key) or None) != (inputs.get(key) or None)}

    @abstractmethod
    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """ID and outputs of the new resource."""

    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        """The outputs as AWS has them now; None if the resource is gone."""
        return _unless_gone(self._read, resource_id, outputs)

    @abstractmethod
    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        """The outputs after an update in place to *inputs*."""

    def delete(self, resource_id: str, outputs: Properties) -> None:
        """Delete it. No error if it is gone already."""
        _unless_gone(self._delete, resource_id, outputs)

    @abstractmethod
    def _read(self, resource_id: str, outputs: Properties) -> Properties | None: ...

    @abstractmethod
    def _delete(self, resource_id: str, outputs: Properties) -> None: ...


def _unless_gone(call: Callable[[str, Properties], T], resource_id: str, outputs: Properties) -> T | None:
    try:
        return call(resource_id, outputs)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise


class Record(Resource):
    """`aws.route53.Record` with a type, a ttl and values; no alias and no routing policy."""

    needed = ("name", "type", "zoneId", "ttl", "records")
    known = frozenset({*needed, "allowOverwrite"})
    replacing = frozenset({"name", "zoneId"})

    def changed(self, outputs: Properties, inputs: Properties) -> set[str]:
        in_order = inputs | {"records": sorted(inputs["records"])}  # values have no order
        return super().changed(outputs, in_order)

    def checked(self, inputs: Properties) -> Properties:
        return super().checked(inputs) | {"name": inputs["name"].lower().rstrip("."), "__defaults": []}

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        action = "UPSERT" if inputs.get("allowOverwrite") else "CREATE"
        resource_id = f"{inputs['zoneId']}_{inputs['name']}_{inputs['type']}"
        return resource_id, self._put(resource_id, inputs, action)

    def _read(self, resource_id: str, outputs: Properties) -> Properties | None:
        found = self._find(outputs)
        if found is None:
            return None
        values = [record["Value"] for record in found.get("ResourceRecords", [])]
        if outputs["type"] == "TXT":
            values = [value.removeprefix('"').removesuffix('"') for value in values]
        return outputs | {"ttl": found["TTL"], "records": sorted(values)}

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        # A record of another type takes the place of the old one in one batch.
        old = [("DELETE", _record_set(outputs))] if outputs["type"] != inputs["type"] else []
        return self._put(resource_id, inputs, "UPSERT", *old)

    def _delete(self, resource_id: str, outputs: Properties) -> None:
        found = self._find(outputs)
        if found:
            self._wait_until_in_sync(self._change(outputs["zoneId"], ("DELETE", found)))

    @property
    def _route53(self) -> Route53Client:
        return self._account.route53

    def _wait_until_in_sync(self, change_id: str) -> None:
        while True:
            if RECORDS_WAIT in os.environ:
                time.sleep(INSYNC_POLL_SECONDS)
            if self._route53.get_change(Id=change_id)["ChangeInfo"]["Status"] == "INSYNC":
                return

    def _put(self, resource_id: str, inputs: Properties, action: str, *before: tuple[str, Any]) -> Properties:
        zone = self._route53.get_hosted_zone(Id=inputs["zoneId"])["HostedZone"]["Name"].rstrip(".")
        fqdn = inputs["name"]
        if fqdn != zone and not fqdn.endswith("." + zone):
            fqdn = f"{fqdn}.{zone}"  # a short name is one in the zone
        outputs = {
            **inputs,
            **BRIDGED,
            "ttl": int(inputs["ttl"]),
            "records": sorted(inputs["records"]),
            "fqdn": fqdn,
        }
        change_id = self._change(inputs["zoneId"], *before, (action, _record_set(outputs)))
        try:
            self._wait_until_in_sync(change_id)
        except ClientError as error:
            reason = f"waiting for Route 53 Record ({resource_id}) synchronize: {said(error)}"
            raise UnconfirmedError(reason, resource_id, outputs) from None
        if RECORDS_WAIT in os.environ:  # the real plugin reads it back
            self._find(outputs)
        return outputs

    def _change(self, zone_id: str, *changes: tuple[str, Any]) -> str:
        """The id of the change that is one batch of *changes*: action and record set of each."""
        batch: Any = {
            "Changes": [{"Action": action, "ResourceRecordSet": record_set} for action, record_set in changes]
        }
        made = self._route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
        return made["ChangeInfo"]["Id"]

    def _find(self, outputs: Properties) -> ResourceRecordSetOutputTypeDef | None:
        if RECORDS_WAIT in os.environ:  # the real plugin asks for the zone's name
            self._route53.get_hosted_zone(Id=outputs["zoneId"])
        found = self._route53.list_resource_record_sets(
            HostedZoneId=outputs["zoneId"],
            StartRecordName=f"{outputs['fqdn']}.",
            StartRecordType=outputs["type"],
            MaxItems="1",
        )["ResourceRecordSets"]
        wanted = (outputs["fqdn"], outputs["type"])
        # The list starts at the name asked for or, if there is none, at the one after it.
        return next((each for each in found if (each["Name"].rstrip("."), each["Type"]) == wanted), None)


def _record_set(outputs: Properties) -> Any:
    # A TXT value gets one pair of quotes, whatever is inside.
    quote = '"' if outputs["type"] == "TXT" else ""
    return {
        "Name": outputs["fqdn"],
        "Type": outputs["type"],
        "TTL": int(outputs["ttl"]),
        "ResourceRecords": [{"Value": f"{quote}{value}{quote}"} for value in outputs["records"]],
    }


def find_zone(route53: Route53Client, arguments: Properties) -> Properties:
    """
    What `aws.route53.get_zone` returns: the one zone of this id, or of this name in any case.

    A result without values if both are given, of which the real one warns. The texts of its errors are those
    of terraform-provider-aws, which have changed before.
    """
    if arguments.get("zoneId") and arguments.get("name"):
        return {}
    if arguments.get("zoneId"):
        zone_ids = [arguments["zoneId"]]
    else:
        pages = route53.get_paginator("list_hosted_zones").paginate()
        zone_ids = [
            zone["Id"]
            for page in pages
            for zone in page["HostedZones"]
            if zone["Name"].rstrip(".").lower() == arguments["name"].rstrip(".").lower()
            and zone["Config"]["PrivateZone"] == bool(arguments.get("privateZone"))
        ]
    if not zone_ids:
        raise ValueError("no matching Route 53 Hosted Zone found")
    if len(zone_ids) > 1:
        raise ValueError(
            "multiple Route 53 Hosted Zones matched; use additional constraints to reduce matches to a "
            "single Route 53 Hosted Zone"
        )
    try:
        zone = route53.get_hosted_zone(Id=zone_ids[0])
    except route53.exceptions.NoSuchHostedZone:
        raise ValueError("couldn't find resource") from None  # what AWS said is lost there
    zone_id = zone["HostedZone"]["Id"].removeprefix("/hostedzone/")
    name_servers = zone["DelegationSet"]["NameServers"] if "DelegationSet" in zone else []
    return {
        "id": zone_id,
        "zoneId": zone_id,
        "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
        "name": zone["HostedZone"]["Name"].rstrip("."),
        "callerReference": zone["HostedZone"]["CallerReference"],
        "comment": zone["HostedZone"]["Config"].get("Comment", ""),
        "privateZone": zone["HostedZone"]["Config"]["PrivateZone"],
        "resourceRecordSetCount": zone["HostedZone"].get("ResourceRecordSetCount", 0),
        "nameServers": name_servers,
        "primaryNameServer": next(iter(name_servers), None),
        "tags": {},
        "linkedServiceDescription": None,
        "linkedServicePrincipal": None,
        "enableAcceleratedRecovery": False,
    }
