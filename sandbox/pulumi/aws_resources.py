"""
What pulumi-aws has of Route 53 and SES, as far as the product, an example or the bench declares it.

Plain values in, plain values out: `resource_aws` has the engine's protocol. What AWS itself refuses
comes from its API, as with the real plugin.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

from sandbox.pulumi.aws_account import Account, Properties

GONE: Final = {"NoSuchHostedZone", "NotFoundException"}
"""Codes of Route 53 and of SES for what does not exist."""

BRIDGED: Final = {
    "__meta": (
        '{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":1800000000000,"delete":1800000000000,'
        '"update":1800000000000},"schema_version":"2"}'
    ),
    "__pulumi_raw_state_delta": {"obj": {"ps": {"records": {"set": {}}, "ttl": {"num": {}}}}},
    "aliases": [],
    "healthCheckId": "",
    "multivalueAnswerRoutingPolicy": False,
    "setIdentifier": "",
    "weightedRoutingPolicies": [],
}
"""
What the bridge to Terraform adds to the outputs of a record: as large as the real one's, not the
same.
"""


@contextmanager
def unless_gone() -> Iterator[None]:
    """What is called so returns None for what AWS does not have any more."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise


class Resource:
    """
    One resource type. Errors are botocore's, and ValueError for what the plugin itself refuses.

    `create` returns ID and outputs, `update` the outputs after an update in place, `read` the
    outputs as AWS has them now, None if the resource is gone; then `delete` does nothing.
    """

    needed: ClassVar[tuple[str, ...]]

    known: ClassVar[frozenset[str]]
    """Inputs that this stand-in supports; it refuses all others."""

    replacing: ClassVar[frozenset[str]]
    """Inputs whose change replaces the resource."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def checked(self, inputs: Properties) -> Properties:
        """The inputs as they are stored, with `__defaults`."""
        if missing := [name for name in self.needed if inputs.get(name) is None]:
            raise ValueError(f"Missing required argument: {', '.join(missing)}")
        return inputs

    def changed(self, outputs: Properties, inputs: Properties) -> set[str]:
        """The properties that an update to *inputs* changes."""
        return {
            key for key in self.known if (outputs.get(key) or None) != (inputs.get(key) or None)
        }


class Record(Resource):
    """`aws.route53.Record` with a type, a ttl and values; no alias and no routing policy."""

    needed = ("name", "type", "zoneId", "ttl", "records")
    known = frozenset({*needed, "allowOverwrite"})
    replacing = frozenset({"name", "zoneId"})

    def changed(self, outputs: Properties, inputs: Properties) -> set[str]:
        in_order = inputs | {"records": sorted(inputs["records"])}  # values have no order
        return super().changed(outputs, in_order)

    def checked(self, inputs: Properties) -> Properties:
        return super().checked(inputs) | {
            "name": inputs["name"].lower().rstrip("."),
            "__defaults": [],
        }

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        action = "UPSERT" if inputs.get("allowOverwrite") else "CREATE"
        resource_id = f"{inputs['zoneId']}_{inputs['name']}_{inputs['type']}"
        return resource_id, self._put(inputs, action)

    @unless_gone()
    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        found = self._find(outputs)
        if found is None:
            return None
        values = [record["Value"] for record in found["ResourceRecords"]]
        if outputs["type"] == "TXT":
            values = [value.removeprefix('"').removesuffix('"') for value in values]
        return outputs | {"ttl": found["TTL"], "records": sorted(values)}

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        # A record of another type takes the place of the old one in one batch.
        old = [("DELETE", _record_set(outputs))] if outputs["type"] != inputs["type"] else []
        return self._put(inputs, "UPSERT", *old)

    @unless_gone()
    def delete(self, resource_id: str, outputs: Properties) -> None:
        if found := self._find(outputs):
            self._wait_until_in_sync(self._change(outputs["zoneId"], ("DELETE", found)))

    def _wait_until_in_sync(self, change_id: str) -> None:
        while self._account.route53.get_change(Id=change_id)["ChangeInfo"]["Status"] != "INSYNC":
            pass

    def _put(self, inputs: Properties, action: str, *before: tuple[str, Any]) -> Properties:
        zone = self._account.route53.get_hosted_zone(Id=inputs["zoneId"])["HostedZone"][
            "Name"
        ].rstrip(".")
        fqdn = inputs["name"]
        if fqdn != zone and not fqdn.endswith("." + zone):
            fqdn = f"{fqdn}.{zone}"  # a short name is one in the zone
        computed = {"ttl": int(inputs["ttl"]), "records": sorted(inputs["records"]), "fqdn": fqdn}
        outputs = inputs | BRIDGED | computed
        change_id = self._change(inputs["zoneId"], *before, (action, _record_set(outputs)))
        self._wait_until_in_sync(change_id)
        return outputs

    def _change(self, zone_id: str, *changes: tuple[str, Any]) -> str:
        """The id of the change that is one batch of *changes*: action and record set of each."""
        batch = [
            {"Action": action, "ResourceRecordSet": record_set} for action, record_set in changes
        ]
        change = self._account.route53.change_resource_record_sets
        return str(change(HostedZoneId=zone_id, ChangeBatch={"Changes": batch})["ChangeInfo"]["Id"])

    def _find(self, outputs: Properties) -> Properties | None:
        name, kind = f"{outputs['fqdn']}.", outputs["type"]
        # The list starts at the name asked for or, if there is none, at the one after it.
        found = self._account.route53.list_resource_record_sets(
            HostedZoneId=outputs["zoneId"], StartRecordName=name, StartRecordType=kind, MaxItems="1"
        )["ResourceRecordSets"]
        return next((one for one in found if (one["Name"], one["Type"]) == (name, kind)), None)


def _record_set(outputs: Properties) -> Any:
    quote = '"' if outputs["type"] == "TXT" else ""  # one pair, whatever is inside
    return {
        "Name": outputs["fqdn"],
        "Type": outputs["type"],
        "TTL": int(outputs["ttl"]),
        "ResourceRecords": [{"Value": f"{quote}{value}{quote}"} for value in outputs["records"]],
    }


class SesResource(Resource):
    """A resource type of SES in a Region of its own. It has what a read shows, and its inputs."""

    needed: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        cls.replacing = frozenset({*cls.needed, "region"})
        cls.known = cls.replacing | {"dkimSigningAttributes"}

    def checked(self, inputs: Properties) -> Properties:
        default = [] if "region" in inputs else ["region"]
        return {"region": self._account.region, **super().checked(inputs), "__defaults": default}

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        self._create(self._account.sesv2(inputs["region"]), inputs)
        resource_id = "|".join(inputs[name] for name in self.needed)
        return resource_id, inputs | (self.read(resource_id, inputs) or {})

    @unless_gone()
    def read(self, resource_id: str, outputs: Properties) -> Properties | None:
        seen = self._seen(self._account.sesv2(outputs["region"]), outputs)
        return None if seen is None else outputs | seen

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        raise NotImplementedError

    @unless_gone()
    def delete(self, resource_id: str, outputs: Properties) -> None:
        self._delete(self._account.sesv2(outputs["region"]), outputs)

    def _create(self, ses: Any, inputs: Properties) -> None:
        raise NotImplementedError

    def _seen(self, ses: Any, outputs: Properties) -> Properties | None:
        """What SES shows of it; None if it has no such resource."""
        raise NotImplementedError

    def _delete(self, ses: Any, outputs: Properties) -> None:
        raise NotImplementedError


class EmailIdentity(SesResource):
    """
    `aws.sesv2.EmailIdentity` with a key of the user's (BYODKIM): the bench compares us with it.
    """

    needed = ("emailIdentity",)

    def _create(self, ses: Any, inputs: Properties) -> None:
        key = _signing_attributes(inputs)
        ses.create_email_identity(EmailIdentity=inputs["emailIdentity"], DkimSigningAttributes=key)

    def update(self, resource_id: str, outputs: Properties, inputs: Properties) -> Properties:
        self._account.sesv2(outputs["region"]).put_email_identity_dkim_signing_attributes(
            EmailIdentity=outputs["emailIdentity"],
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=_signing_attributes(inputs),
        )
        return outputs | inputs | (self.read(resource_id, outputs) or {})

    def _seen(self, ses: Any, outputs: Properties) -> Properties:
        name = outputs["emailIdentity"]
        answer = ses.get_email_identity(EmailIdentity=name)
        arn = f"arn:aws:ses:{outputs['region']}:{self._account.number}:identity/{name}"
        ses.list_tags_for_resource(ResourceArn=arn)  # as the real plugin does
        return {
            "arn": arn,
            "identityType": answer["IdentityType"],
            "verificationStatus": answer["VerificationStatus"],
            "verifiedForSendingStatus": answer["VerifiedForSendingStatus"],
        }

    def _delete(self, ses: Any, outputs: Properties) -> None:
        ses.delete_email_identity(EmailIdentity=outputs["emailIdentity"])


def _signing_attributes(inputs: Properties) -> Properties:
    key = inputs["dkimSigningAttributes"]
    return {
        "DomainSigningSelector": key["domainSigningSelector"],
        "DomainSigningPrivateKey": key["domainSigningPrivateKey"],
    }


class Tenant(SesResource):
    """`aws.sesv2.Tenant`. Deleting it ends its associations, whoever made them."""

    needed = ("tenantName",)

    def _create(self, ses: Any, inputs: Properties) -> None:
        ses.create_tenant(TenantName=inputs["tenantName"])

    def _seen(self, ses: Any, outputs: Properties) -> Properties:
        tenant = ses.get_tenant(TenantName=outputs["tenantName"])["Tenant"]
        return {"tenantArn": tenant["TenantArn"], "tenantId": tenant["TenantId"]}

    def _delete(self, ses: Any, outputs: Properties) -> None:
        ses.delete_tenant(TenantName=outputs["tenantName"])


class TenantResourceAssociation(SesResource):
    """
    `aws.sesv2.TenantResourceAssociation`: SES refuses it for an identity that it does not have yet.
    """

    needed = ("tenantName", "resourceArn")

    def _create(self, ses: Any, inputs: Properties) -> None:
        ses.create_tenant_resource_association(**_association(inputs))

    def _seen(self, ses: Any, outputs: Properties) -> Properties | None:
        tenants = ses.list_resource_tenants(ResourceArn=outputs["resourceArn"])["ResourceTenants"]
        names = [tenant["TenantName"] for tenant in tenants]
        return {} if outputs["tenantName"] in names else None

    def _delete(self, ses: Any, outputs: Properties) -> None:
        ses.delete_tenant_resource_association(**_association(outputs))


def _association(properties: Properties) -> Properties:
    return {"TenantName": properties["tenantName"], "ResourceArn": properties["resourceArn"]}


def find_zone(route53: Any, name: str) -> Properties:
    """What `aws.route53.get_zone` returns of the public zone of this name, in any case."""
    for zone in route53.get_paginator("list_hosted_zones").paginate().search("HostedZones[]"):
        found = zone["Name"].rstrip(".")
        if found.lower() == name.rstrip(".").lower() and not zone["Config"]["PrivateZone"]:
            zone_id = zone["Id"].removeprefix("/hostedzone/")
            servers = route53.get_hosted_zone(Id=zone_id)["DelegationSet"]["NameServers"]
            return {"id": zone_id, "zoneId": zone_id, "name": found, "nameServers": servers}
    raise ValueError("no matching Route 53 Hosted Zone found")


RESOURCES: Final[dict[str, type[Record | SesResource]]] = {
    "aws:route53/record:Record": Record,
    "aws:sesv2/emailIdentity:EmailIdentity": EmailIdentity,
    "aws:sesv2/tenant:Tenant": Tenant,
    "aws:sesv2/tenantResourceAssociation:TenantResourceAssociation": TenantResourceAssociation,
}
"""By type token."""
