"""
Every mistake on purpose: how it stands in a zone, and what it is called.

One table for all name servers. Each case has a zone of its own, in which the selector `right`
has its record as it should be, beside the selector `s1` that somebody got wrong.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner

from byodkim_provider.cli import main
from byodkim_provider.cli.environment import Environment
from byodkim_provider.dkim.records import record_value
from tests.dns.name_server import zone_text
from tests.support.testdata import TESTDATA, key, pem

KEY = key("rsa2048.pkcs8")
PUBLIC_KEY_FILE = TESTDATA / "rsa2048.public.pem"
VALUE = record_value(KEY.public_key_der)
ANOTHER = record_value(key("another").public_key_der)
PRIVATE_PEM = pem("rsa2048.pkcs8")
SPF = "v=spf1 include:amazonses.com -all"
HERE = "s1._domainkey"
PROVIDERS = ("domaincontrol.com", "registrar-servers.com")
ELSEWHERE = "elsewhere.example"
"""A zone of somebody else's, with another key at `key`."""


def txt(*strings: str) -> str:
    """A TXT record's data in a zone file; one string is split as it has to be, several are kept."""
    pieces = strings
    if len(strings) == 1:
        pieces = tuple(strings[0][at : at + 255] for at in range(0, len(strings[0]), 255)) or ("",)
    return "TXT " + " ".join(f'"{_escaped(piece)}"' for piece in pieces)


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(char if " " <= char <= "~" else f"\\{ord(char):03d}" for char in plain)


@dataclass(frozen=True)
class Case:
    """One mistake: its records as owner (relative to the zone) and data."""

    records: Sequence[tuple[str, str]]
    code: str
    says: str = ""
    """A part of the text that tells it from others with the same code."""
    sub_domain: str = ""
    """With its dot, if the domain is a part of the zone."""
    typed_into: str = ""
    """The panel that the person says it was typed into."""
    provider: str = "domaincontrol.com"
    missing_at_second: str = ""
    """The name, relative to the zone, that the second name server lacks."""
    zones: dict[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Zones below this one, by relative name."""


def at_name(code: str, *values: str) -> Case:
    """The TXT records *values* at the name where the right one should be."""
    return Case([(HERE, txt(value)) for value in values], code)


def misplaced(says: str, name: str, code: str = "wrong-name", **more: str) -> Case:
    """The right value at another name; `{zone}` is the zone, once more."""
    return Case([(name, txt(VALUE))], code, says=says, **more)


WILDCARD = "a wildcard answers"

CASES: dict[str, Case] = {
    "nothing there": Case([], "no-txt"),
    # At another name
    "zone doubled": misplaced("the panel added the zone twice", f"{HERE}.{{zone}}"),
    "underscore stripped": misplaced("the name is not selector", "s1.domainkey"),
    "sub-domain left out": misplaced(
        "the sub-domain", HERE, "sub-domain-missing", sub_domain="mail."
    ),
    "at the apex": misplaced("the name is not selector", "@"),
    "hidden by a delegation": Case(
        [(HERE, txt(VALUE))], "served-elsewhere", zones={"_domainkey": [("right", txt(VALUE))]}
    ),
    "in a delegated zone": Case(
        [], "wrong-value", zones={"_domainkey": [("s1", txt(f'"{VALUE}"')), ("right", txt(VALUE))]}
    ),
    "typed in where nobody asks": Case(
        [], "served-elsewhere", typed_into="godaddy", provider="registrar-servers.com"
    ),
    # Other types, wildcards, servers
    "CNAME to another key": Case([(HERE, f"CNAME key.{ELSEWHERE}.")], "cname"),
    "CNAME to itself": Case([(HERE, f"CNAME {HERE}")], "cname"),
    "wildcard CNAME": Case([("*._domainkey", f"CNAME key.{ELSEWHERE}.")], "no-txt", WILDCARD),
    "wildcard for SPF": Case([("*._domainkey", txt(SPF))], "no-txt", WILDCARD),
    "at one server only": Case([(HERE, txt(VALUE))], "servers-differ", missing_at_second=HERE),
    "private key at another name": Case(
        [(f"{HERE}.{{zone}}", txt(f"p={KEY.pkcs1_base64()}"))], "private-key"
    ),
    # Several records
    "old key beside it": at_name("several-records", VALUE, ANOTHER),
    "two records, none right": at_name("several-wrong-records", SPF, f'"{VALUE}"'),
    # Values that a zone file, a server or the wire may change
    "quotes around the value": at_name("wrong-value", f'"{VALUE}"'),
    "private key as PEM": at_name("private-key", PRIVATE_PEM),
    "another key": at_name("another-key", ANOTHER),
}


def zone_of(case: str, cases: Mapping[str, Case] = CASES) -> str:
    """The zone of a case, by its place in the table."""
    return f"case{list(cases).index(case)}.example"


def domain_of(case: str, cases: Mapping[str, Case] = CASES) -> str:
    return cases[case].sub_domain + zone_of(case, cases)


def records_of(case: str, cases: Mapping[str, Case] = CASES) -> list[tuple[str, str]]:
    """Owner and data of every record in the zone, the right one first."""
    zone = zone_of(case, cases)
    right = [(f"right._domainkey.{cases[case].sub_domain}".rstrip("."), txt(VALUE))]
    records = [
        (owner.format(zone=zone), data.format(zone=zone)) for owner, data in cases[case].records
    ]
    return records if cases[case].zones else right + records


def zone_files(
    cases: Mapping[str, Case], others: Mapping[str, str], *, second: bool
) -> dict[str, str]:
    """Every zone as the first or the *second* of its name servers has it; *others* are further."""
    files = {zone: zone_text("ns1 IN A 127.0.0.1\nns2 IN A 127.0.0.2") for zone in PROVIDERS}
    files |= {zone: zone_text(text) for zone, text in others.items()}
    for name, case in cases.items():
        lines = [
            f"{owner} IN {data}"
            for owner, data in records_of(name, cases)
            if not (second and owner == case.missing_at_second)
        ]
        for below, inside in case.zones.items():
            lines += [f"{below} IN NS ns1.{case.provider}.", f"{below} IN NS ns2.{case.provider}."]
            text = "\n".join(f"{owner} IN {data}" for owner, data in inside)
            zone = f"{below}.{zone_of(name, cases)}"
            files[zone] = zone_text(text, provider=case.provider)
        files[zone_of(name, cases)] = zone_text("\n".join(lines), provider=case.provider)
    return files


def doctor(
    name_server: str, domain: str, selector: str, *options: str, key: Path = PUBLIC_KEY_FILE
):
    """Exit code and the one finding of `byodkim doctor`."""
    arguments = ["doctor", domain, "--selector", selector, "--key", str(key), *options]
    result = CliRunner().invoke(
        main,
        [*arguments, "--nameserver", name_server, "--json"],
        obj=Environment(ask_pulumi=None, account=None),
        env={"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    )
    assert result.stderr == "", result.output
    return result.exit_code, json.loads(result.stdout)
