"""
Thirty identities that no stack knows of, for a scan to find: `python -m sandbox.populate`.

For a second shell of `python -m sandbox.shell`: boto3 reaches the sandbox by its own variables.
"""

from __future__ import annotations

import sys
from typing import Any, Final, NamedTuple

import boto3
from botocore.config import Config

from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.keys import SigningKey
from sandbox import second_shell
from sandbox.dns.zone import quoted, strings_of

REGION: Final = "eu-west-1"
OTHER_REGION: Final = "us-east-1"

SELECTOR: Final = "mail2019"
"""Of the BYODKIM identities, which all have one key."""

PATIENT: Final = Config(retries={"mode": "standard", "max_attempts": 20})
"""SES takes about one call a second in each Region."""


class Kind(NamedTuple):
    """Domains of one parent, each with an identity in every Region."""

    names: str
    parent: str
    regions: tuple[str, ...] = (REGION,)
    byodkim: bool = False
    signing: bool = True

    @property
    def domains(self) -> list[str]:
        return [f"{name}.{self.parent}" for name in self.names.split()]


KINDS: Final = (
    Kind("lists test byodkim1 byodkim2 byodkim3 byodkim4 byodkim5 byodkim6", "example.com", byodkim=True),
    Kind("both1 both2", "example.com", (REGION, OTHER_REGION), byodkim=True),
    Kind("shop easy1 easy2 easy3 easy4", "example.net"),
    Kind("easy-us1 easy-us2 easy-us3 easy-us4 easy-us5", "example.net", (OTHER_REGION,)),
    Kind("disabled1 disabled2 disabled3 disabled4", "example.org", byodkim=True, signing=False),
    Kind("byodkim1 byodkim2", "elsewhere.example", byodkim=True),
    Kind("easy1 easy2", "elsewhere.example"),
)
"""The last parent is no zone of the account, so that SES never finds the records."""


def main() -> int:
    """Make the identities, and the records of those whose zone is in the account."""
    ses = {one: boto3.client("sesv2", region_name=one, config=PATIENT) for one in (REGION, OTHER_REGION)}
    route53 = boto3.client("route53", region_name=REGION)
    zones = {zone["Name"].rstrip("."): zone["Id"] for zone in route53.list_hosted_zones()["HostedZones"]}
    key = keys.generate()
    count = sum(len(kind.domains) * len(kind.regions) for kind in KINDS)
    print(f"{count} identities are made, about one a second", file=sys.stderr)
    for kind in KINDS:
        for domain in kind.domains:
            made: list[Any] = []
            for region in kind.regions:
                made = _created(ses[region], domain, key if kind.byodkim else None)
                if not kind.signing:
                    ses[region].put_email_identity_dkim_attributes(EmailIdentity=domain, SigningEnabled=False)
            if zone := zones.get(kind.parent):
                changes: list[Any] = [{"Action": "UPSERT", "ResourceRecordSet": one} for one in made]
                route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
        signs = f"{'BYODKIM' if kind.byodkim else 'Easy DKIM'}{'' if kind.signing else ', signing disabled'}"
        records_of = "records in its zone" if kind.parent in zones else "no zone here"
        print(f"{', '.join(kind.domains)}: {signs}, {', '.join(kind.regions)}, {records_of}")
    return 0


def _created(ses: Any, domain: str, key: SigningKey | None) -> list[dict[str, Any]]:
    """Make the identity; with *key* BYODKIM, else Easy DKIM. The record sets that SES checks DNS for."""
    if key is None:
        tokens = ses.create_email_identity(EmailIdentity=domain)["DkimAttributes"]["Tokens"]
        return [
            _record_set(f"{token}._domainkey.{domain}", "CNAME", f"{token}.dkim.amazonses.com")
            for token in tokens
        ]
    signing = {"DomainSigningSelector": SELECTOR, "DomainSigningPrivateKey": key.pkcs1_base64()}
    ses.create_email_identity(EmailIdentity=domain, DkimSigningAttributes=signing)
    value = quoted(strings_of(records.record_value(key.public_key_der)))
    return [_record_set(f"{SELECTOR}._domainkey.{domain}", "TXT", value)]


def _record_set(name: str, kind: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]}


if __name__ == "__main__":
    sys.exit(second_shell.run(main, "populate", "Make 30 identities that no stack knows of."))
