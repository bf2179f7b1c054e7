"""
Commands for a second shell of `python -m sandbox.shell`: `python -m sandbox mail DOMAIN`, and more.

boto3 reaches the sandbox by its own variables; all mail is in the folder SANDBOX_MAIL.
"""

import argparse
import email
import functools
import os
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from byodkim_provider.dkim import keys, records
from byodkim_provider.dkim.keys import SigningKey
from sandbox.dns.zone import quoted, strings_of
from sandbox.mail.client import send_by
from sandbox.mail.dmarc import judge_dmarc
from sandbox.mail.dns import ask
from sandbox.mail.sink import Message
from sandbox.mail.verdict import judge
from sandbox.world import REGION

OTHER_REGION: Final = "us-east-1"

LOST_CHARACTERS: Final = 30

SELECTOR: Final = (
    "mail2019"  # of the BYODKIM identities that `populate` makes, which all have one key
)

PATIENT: Final = Config(retries={"mode": "standard", "max_attempts": 20})
"""SES takes about one call a second in each Region."""


class Kind(NamedTuple):
    """Domains of one parent, each with an identity in every Region."""

    names: str
    parent: str
    regions: tuple[str, ...] = (REGION,)
    byodkim: bool = False
    signing: bool = True


KINDS: Final = (
    Kind(
        "lists test byodkim1 byodkim2 byodkim3 byodkim4 byodkim5 byodkim6",
        "example.com",
        byodkim=True,
    ),
    Kind("both1 both2", "example.com", (REGION, OTHER_REGION), byodkim=True),
    Kind("shop easy1 easy2 easy3 easy4", "example.net"),
    Kind("easy-us1 easy-us2 easy-us3 easy-us4 easy-us5", "example.net", (OTHER_REGION,)),
    Kind("disabled1 disabled2 disabled3 disabled4", "example.org", byodkim=True, signing=False),
    Kind("byodkim1 byodkim2", "elsewhere.example", byodkim=True),
    Kind("easy1 easy2", "elsewhere.example"),
)
"""The last parent is no zone of the account, so that SES never finds the records."""


def mail(domain: str) -> int:
    """Send a test mail, and print what a receiver makes of it; 0 if its signature verifies."""
    message_id = send_by(_ses(REGION), domain)
    content = (Path(os.environ["SANDBOX_MAIL"]) / f"{message_id}.eml").read_bytes()
    headers, look_up = (
        email.message_from_bytes(content),
        partial(ask, resolver=os.environ["SANDBOX_DNS"]),
    )
    verdict = judge(content, look_up)
    print(f"From: {headers['From']}")
    if verdict.result == "unsigned":
        print("no signature")
    else:
        print(f"signature: d={verdict.domain} s={verdict.selector}")
        print(f"verifies: {'yes' if verdict.result == 'pass' else f'no, {verdict.reason}'}")
    sender = headers["Return-Path"].strip("<>")
    found = judge_dmarc(Message(datetime.now(UTC), sender, content, verdict), look_up)
    print(f"SPF: {found.spf}, MAIL FROM {sender.rpartition('@')[2]}")
    fits = {"DKIM": found.dkim_aligned, "SPF": found.spf_aligned}
    by = " and ".join(name for name, does in fits.items() if does)
    print(f"DMARC: {f'passes by {by}' if by else 'fails'}")
    return 0 if verdict.result == "pass" else 1


def spoil(domain: str) -> int:
    """Shorten the record that signs, as by accident."""
    selector = _ses(REGION).get_email_identity(EmailIdentity=domain)["DkimAttributes"]["Tokens"][0]
    name = f"{selector}._domainkey.{domain}"
    route53: Any = boto3.client("route53", region_name=REGION)
    for zone in route53.list_hosted_zones()["HostedZones"]:
        listed = route53.list_resource_record_sets(HostedZoneId=zone["Id"])
        for found in listed["ResourceRecordSets"]:
            if (found["Name"], found["Type"]) == (f"{name}.", "TXT"):
                left = found["ResourceRecords"][0]["Value"][: -LOST_CHARACTERS - 1]
                _upsert(route53, zone["Id"], found | {"ResourceRecords": [{"Value": f'{left}"'}]})
                print(f"{name}: the last {LOST_CHARACTERS} characters are gone")
                return 0
    raise LookupError(f"{name}: no such TXT record in Route 53")


def populate() -> int:
    """
    Make 30 identities that no stack knows of, and the records of those whose zone is in the
    account.
    """
    route53: Any = boto3.client("route53", region_name=REGION)
    found = route53.list_hosted_zones()["HostedZones"]
    zones = {zone["Name"].rstrip("."): zone["Id"] for zone in found}
    key = keys.generate(keys.MAX_BITS)
    print("identities are made, about one a second", file=sys.stderr)
    for kind in KINDS:
        for name in kind.names.split():
            domain = f"{name}.{kind.parent}"
            record_sets: list[Any] = []
            for region in kind.regions:
                record_sets = _created(kind, domain, region, key)
            if kind.parent in zones:
                _upsert(route53, zones[kind.parent], *record_sets)
    return 0


def _created(kind: Kind, domain: str, region: str, key: SigningKey) -> list[dict[str, Any]]:
    """Make the identity; the record sets that SES checks DNS for."""
    ses = _ses(region)
    if kind.byodkim:
        signing = {"DomainSigningSelector": SELECTOR, "DomainSigningPrivateKey": key.pkcs1_base64()}
        ses.create_email_identity(EmailIdentity=domain, DkimSigningAttributes=signing)
        value = quoted(strings_of(records.record_value(key.public_key_der)))
        record_sets = [_record_set(SELECTOR, domain, "TXT", value)]
    else:
        made = ses.create_email_identity(EmailIdentity=domain)
        record_sets = [
            _record_set(token, domain, "CNAME", f"{token}.dkim.amazonses.com")
            for token in made["DkimAttributes"]["Tokens"]
        ]
    if not kind.signing:
        ses.put_email_identity_dkim_attributes(EmailIdentity=domain, SigningEnabled=False)
    return record_sets


@functools.cache
def _ses(region: str) -> Any:
    return boto3.client("sesv2", region_name=region, config=PATIENT)


def _record_set(selector: str, domain: str, kind: str, value: str) -> dict[str, Any]:
    name = f"{selector}._domainkey.{domain}"
    return {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]}


def _upsert(route53: Any, zone_id: str, *record_sets: dict[str, Any]) -> None:
    changes = [{"Action": "UPSERT", "ResourceRecordSet": one} for one in record_sets]
    route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def main() -> int:
    """Without the sandbox's variables nothing is called: it would be the user's own account."""
    parser = argparse.ArgumentParser(prog="python -m sandbox")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in (mail, spoil, populate):
        added = commands.add_parser(
            command.__name__, help=command.__doc__, description=command.__doc__
        )
        added.set_defaults(command=command)
        if command is not populate:
            added.add_argument("domain", metavar="DOMAIN")
    given = vars(parser.parse_args())
    command = given.pop("command")
    try:
        if "SANDBOX_DNS" not in os.environ:
            raise LookupError(
                "this shell does not reach the sandbox: paste the line of `make sandbox` first"
            )
        return int(command(**given))
    except (BotoCoreError, ClientError, LookupError) as error:
        print(f"python -m sandbox: {error.args[0]}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
