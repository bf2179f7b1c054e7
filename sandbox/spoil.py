"""
Shorten the record that signs, as by accident: `python -m sandbox.spoil DOMAIN`.

For a second shell of `python -m sandbox.shell`: boto3 reaches the sandbox by its own variables.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import boto3

from sandbox import second_shell

REGION: Final = "eu-west-1"
"""The Region of the tutorial."""

LOST: Final = 30
"""So many characters of the key are missing then."""


def main(domain: str) -> int:
    """Change the record of the selector that SES signs with; `LookupError` if there is none."""
    identity = boto3.client("sesv2", region_name=REGION).get_email_identity(EmailIdentity=domain)
    name = f"{identity['DkimAttributes']['Tokens'][0]}._domainkey.{domain}"
    route53 = boto3.client("route53", region_name=REGION)
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for found in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            if (found["Name"], found["Type"]) == (f"{name}.", "TXT"):
                changes: list[Any] = [{"Action": "UPSERT", "ResourceRecordSet": _shortened(found)}]
                route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": changes})
                print(f"{name}: the last {LOST} characters are gone")
                return 0
    raise LookupError(f"{name}: no such TXT record in Route 53")


def _shortened(record_set: Any) -> dict[str, Any]:
    value = record_set["ResourceRecords"][0]["Value"]
    return {**record_set, "ResourceRecords": [{"Value": f'{value[: -LOST - 1]}"'}]}


if __name__ == "__main__":
    sys.exit(second_shell.run(main, "spoil", "Shorten the record that signs, as by accident.", "DOMAIN"))
