"""
The JSON Schema of what each command prints with `--json`, for programs that read it.

`make schema` writes the files in `byodkim_provider/schemas/`, which are a part of the package. They
are made from the classes whose fields are printed and from the types here; a test compares them with
what the commands print. With an error a command prints `Failed` instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter

from byodkim_provider.cli.findings import DomainNow, IdentityNow, RecordNow, StackNow
from byodkim_provider.cli.messages import Failed, Failure
from byodkim_provider.cli.rotation import Rotated, Rotation

FOLDER: Final = Path(__file__).parents[1] / "schemas"
"""Where the files are, one for each command that can print JSON."""


@dataclass
class PrintedRecord:
    """A TXT record to publish."""

    name: str
    type: Literal["TXT"]
    ttl: int
    """In seconds."""
    value: str
    strings: list[str]
    """The pieces of `value`, each of at most 255 octets."""


@dataclass
class PrintedPolicy:
    """An IAM policy."""

    Version: Literal["2012-10-17"]
    Statement: list[dict[str, Any]]


@dataclass
class ExaminedKey:
    """The key that should be in DNS, or, if that is not known, the one that is."""

    bits: int
    fingerprint: str
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), 64 hex digits."""


@dataclass
class ExaminedServer:
    """The answer of one name server."""

    server: str
    answered: bool
    says: str


@dataclass
class ExaminedRecord:
    """One record, and what is wrong with it."""

    name: str
    domain: str
    zone: str
    panel: str
    """Where the record is entered, such as "Route 53"."""
    verdict: Literal["right", "wrong", "unknown"]
    misconfiguration: str | None
    """A code, such as "servers-differ"; null if no known one was found."""
    text: str
    found_at: str | None
    """The name at which the record was found instead."""
    notes: list[str]
    fix: str | None
    instructions: str | None
    key: ExaminedKey | None
    servers: list[ExaminedServer]


@dataclass
class ExaminedIdentity:
    """What SES says of one identity."""

    domain: str
    region: str
    status: str | None
    """SES's DKIM status; null if SES has no such identity."""
    verified: bool
    error_type: str | None
    selector: str | None


@dataclass
class FoundPolicy:
    """A DMARC record."""

    at: str
    """The name of the record."""
    policy: Literal["none", "quarantine", "reject"]
    """For the domain that was asked about."""
    adkim: Literal["r", "s"]
    aspf: Literal["r", "s"]


@dataclass
class ExaminedDmarc:
    """What DMARC makes of a domain's mail."""

    domain: str
    policy: FoundPolicy | None
    """Null if no record was found."""
    mail_from: dict[str, str | None]
    """The MAIL FROM domain by Region; null where SES uses its own."""


@dataclass
class Examination:
    """All records that were looked up, and what does not affect the verdict: SES's view, and DMARC."""

    verdict: Literal["right", "wrong", "unknown"]
    records: list[ExaminedRecord]
    ses: list[ExaminedIdentity]
    dmarc: list[ExaminedDmarc]


@dataclass
class LeftOut:
    """What no stack file can list."""

    addresses: int
    """Identities that are e-mail addresses."""
    names: dict[str, str]
    """Why, by name."""


@dataclass
class ListedIdentity:
    """What list pages say of one identity."""

    region: str
    verification_status: str


@dataclass
class ListedDomain:
    """A domain that SES has."""

    domain: str
    identities: list[ListedIdentity]


@dataclass
class ListedNames:
    """With `--names`: the names alone."""

    account: str
    regions: list[str]
    left_out: LeftOut
    domains: list[ListedDomain]


@dataclass
class ScannedIdentity:
    """What SES says of one identity."""

    region: str
    read_at: str
    """In ISO 8601, UTC."""
    status: str
    """SES's DKIM status."""
    signing_enabled: bool
    selector: str | None
    configuration_set: str | None
    tags: dict[str, str]
    signing: Literal["byodkim", "easy", "none"]
    """With what SES signs the domain's mail now."""
    easy_dkim: bool
    """Whether the key is Easy DKIM's, signing or not."""


@dataclass
class ScannedDns:
    """Where the records of a domain go."""

    title: str
    """For people, such as "Route 53"."""
    zone: str | None
    name_servers: list[str]
    failure: str | None
    """Why DNS leads to no zone; null if it does."""


@dataclass
class ScannedDomain:
    """A domain, and what a stack file says of it to adopt it."""

    domain: str
    identities: list[ScannedIdentity]
    dns: ScannedDns
    entry: dict[str, Any]
    comments: list[str]


@dataclass
class Scan:
    """The domains of an account."""

    account: str
    regions: list[str]
    left_out: LeftOut
    domains: list[ScannedDomain]


SCHEMAS: Final[dict[str, tuple[Any, tuple[type, ...]]]] = {
    "doctor": (
        Examination,
        (
            *(Examination, ExaminedRecord, ExaminedIdentity, ExaminedServer, ExaminedKey),
            *(ExaminedDmarc, FoundPolicy),
        ),
    ),
    "iam-policy": (PrintedPolicy, (PrintedPolicy,)),
    "records": (list[PrintedRecord], (PrintedRecord,)),
    "rotate": (Rotated, (Rotated, Rotation)),
    "scan": (
        Scan | ListedNames,
        (
            *(Scan, ScannedDomain, ScannedIdentity, ScannedDns, LeftOut),
            *(ListedNames, ListedDomain, ListedIdentity),
        ),
    ),
    "status": (StackNow, (StackNow, DomainNow, IdentityNow, RecordNow)),
}
"""For each command the type of its result, and every class in that."""

# For each class, so that its docstrings become descriptions: pydantic reads them only if it is told to.
_DESCRIBED: Final = ConfigDict(use_attribute_docstrings=True)


def json_schema(command: str) -> dict[str, Any]:
    """The schema of what *command* prints: its result, or an error."""
    result, classes = SCHEMAS[command]
    for one in (*classes, Failed, Failure):
        setattr(one, "__pydantic_config__", _DESCRIBED)  # noqa: B010 - classes do not declare it
    schema = TypeAdapter(result | Failed).json_schema(mode="serialization")
    for part in schema["$defs"].values():
        for described in (part, *part["properties"].values()):
            if "description" in described:
                described["description"] = described["description"].replace("None", "null")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What `byodkim {command} --json` prints",
        **schema,
    }


if __name__ == "__main__":
    for name in SCHEMAS:
        (FOLDER / f"{name}.json").write_text(json.dumps(json_schema(name), indent=2) + "\n")
