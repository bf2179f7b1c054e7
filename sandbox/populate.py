"""
Thirty identities that no stack knows of, for a scan to find: `python -m sandbox.populate`.

For a second shell of `python -m sandbox.shell`: boto3 reaches the sandbox by its own variables.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox import second_shell

REGION: Final = "eu-west-1"
OTHER_REGION: Final = "us-east-1"

SELECTOR: Final = "mail2019"
"""Of the BYODKIM identities, which all have one key."""

PATIENT: Final = Config(retries={"mode": "standard", "max_attempts": 20})
"""SES takes about one call a second in each Region."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Domains of one parent, each with an identity in every Region."""

    names: tuple[str, ...]
    parent: str
    regions: tuple[str, ...] = (REGION,)
    byodkim: bool = False
    signing: bool = True

    @property
    def domains(self) -> list[str]:
        return [f"{name}.{self.parent}" for name in self.names]


def _numbered(number: int, name: str) -> tuple[str, ...]:
    return tuple(f"{name}{one}" for one in range(1, number + 1))


KINDS: Final = (
    Kind(("lists", "test", *_numbered(6, "byodkim")), "example.com", byodkim=True),
    Kind(_numbered(2, "both"), "example.com", (REGION, OTHER_REGION), byodkim=True),
    Kind(("shop", *_numbered(4, "easy")), "example.net"),
    Kind(_numbered(5, "easy-us"), "example.net", (OTHER_REGION,)),
    Kind(_numbered(4, "disabled"), "example.org", byodkim=True, signing=False),
    Kind(_numbered(2, "byodkim"), "elsewhere.example", byodkim=True),
    Kind(_numbered(2, "easy"), "elsewhere.example"),
)
"""The last parent is no zone of the account, so that SES never finds the records."""


def main() -> int:
    """Make the identities, and the records of those whose zone is in the account."""
    ses = {one: boto3.client("sesv2", region_name=one, config=PATIENT) for one in (REGION, OTHER_REGION)}
    route53 = boto3.client("route53", region_name=REGION)
    zones = {zone["Name"].rstrip("."): zone["Id"] for zone in route53.list_hosted_zones()["HostedZones"]}
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    count = sum(len(kind.names) * len(kind.regions) for kind in KINDS)
    print(f"{count} identities are made, about one a second", file=sys.stderr)
    for kind in KINDS:
        for domain in kind.domains:
            records: list[Any] = []
            for region in kind.regions:
                records = _created(ses[region], domain, key if kind.byodkim else None)
                if not kind.signing:
                    ses[region].put_email_identity_dkim_attributes(EmailIdentity=domain, SigningEnabled=False)
            if zone := zones.get(kind.parent):
                changes: list[Any] = [{"Action": "UPSERT", "ResourceRecordSet": one} for one in records]
                route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
        signs = f"{'BYODKIM' if kind.byodkim else 'Easy DKIM'}{'' if kind.signing else ', signing disabled'}"
        records_of = "records in its zone" if kind.parent in zones else "no zone here"
        print(f"{', '.join(kind.domains)}: {signs}, {', '.join(kind.regions)}, {records_of}")
    return 0


def _created(ses: Any, domain: str, key: rsa.RSAPrivateKey | None) -> list[dict[str, Any]]:
    """Make the identity; with *key* BYODKIM, else Easy DKIM. The record sets that SES checks DNS for."""
    if key is None:
        tokens = ses.create_email_identity(EmailIdentity=domain)["DkimAttributes"]["Tokens"]
        return [
            _record_set(f"{token}._domainkey.{domain}", "CNAME", f"{token}.dkim.amazonses.com")
            for token in tokens
        ]
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    signing = {"DomainSigningSelector": SELECTOR, "DomainSigningPrivateKey": base64.b64encode(der).decode()}
    ses.create_email_identity(EmailIdentity=domain, DkimSigningAttributes=signing)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    value = f"p={base64.b64encode(public).decode()}"
    return [_record_set(f"{SELECTOR}._domainkey.{domain}", "TXT", f'"{value[:255]}" "{value[255:]}"')]


def _record_set(name: str, kind: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]}


if __name__ == "__main__":
    sys.exit(second_shell.run(main, "populate", "Make 30 identities that no stack knows of."))
