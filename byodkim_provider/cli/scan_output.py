"""
Formats what `byodkim scan` has found: tables for people, JSON for programs.

Values in, text on standard output. Nothing that identifies is cut or broken, however narrow the terminal is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from byodkim_provider.cli.layout import PLAIN, uncut_width
from byodkim_provider.cli.scan_account import Names
from byodkim_provider.cli.scan_entries import Found, comments, entry
from byodkim_provider.cli.scan_readings import Reading, Signing
from byodkim_provider.quoting import printable


def summary(found: Sequence[Found]) -> str:
    """How many identities sign how."""
    count = Counter(one.signing for each in found for one in each.readings)
    words: dict[Signing, str] = {"byodkim": "BYODKIM", "easy": "Easy DKIM", "none": "not signing"}
    parts = [f"{count[kind]} {word}" for kind, word in words.items() if count[kind]]
    identities = (
        f"{counted(sum(count.values()), 'identity', 'identities')} of {counted(len(found), 'domain')}"
    )
    return f"{identities}: {', '.join(parts)}" if parts else identities


def counted(number: int, one: str, several: str = "") -> str:
    """*number* of things, whose name is *one* or *several*, by default with an s."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"


def table(found: Sequence[Found]) -> str:
    """
    One row an identity; in a terminal that is too narrow a few lines each.

    What no identity has, a configuration set or tags, has no column.
    """
    readings = [one for each in found for one in each.readings]
    own = {"configuration set": any(one.configuration_set for one in readings)}
    own["tags"] = any(map(_tags, readings))
    shown = Table("domain", "Region", "signs with", "DKIM", "DNS", *filter(own.get, own))
    blocks = []
    for each in found:
        for one in each.readings:
            values = {"configuration set": one.configuration_set or "–", "tags": _tags(one) or "–"}
            more = {name: value for name, value in values.items() if own[name]}
            cells = (each.domain, one.region, _signs(one), one.status, each.dns.title, *more.values())
            shown.add_row(*map(printable, cells))
            last = ", ".join(f"{name} {value}" for name, value in more.items())
            signs = printable(f"{_signs(one)}, {one.status}")
            block = f"{each.domain}\n  {one.region}: {signs}\n  DNS: {each.dns.title}"
            blocks.append(f"{block}\n  {printable(last)}" if last else block)
    return _fitting(shown, blocks)


def names_as_table(names: Names) -> str:
    """One row a domain: what list pages say."""
    shown = Table("domain", "verified in", "not verified in")
    blocks = []
    for domain, regions in names.domains.items():
        verified = [region for region, one in regions.items() if one.verification_status == "SUCCESS"]
        other = [f"{region} ({regions[region].verification_status})" for region in regions]
        other = [one for one in other if one.partition(" ")[0] not in verified]
        shown.add_row(domain, ", ".join(verified) or "–", ", ".join(other) or "–")
        blocks.append("\n  ".join([domain, *(f"verified in {one}" for one in verified), *other]))
    return _fitting(shown, blocks)


def names_as_json(names: Names) -> str:
    return json.dumps(
        {
            **_head(names),
            "domains": [
                {
                    "domain": domain,
                    "identities": [
                        {"region": region, "verification_status": one.verification_status}
                        for region, one in regions.items()
                    ],
                }
                for domain, regions in names.domains.items()
            ],
        },
        indent=2,
    )


def as_json(names: Names, found: Sequence[Found], default_regions: Sequence[str]) -> str:
    """Everything that was read, and the entry of each domain in a stack file."""
    return json.dumps(
        {
            **_head(names),
            "domains": [
                {
                    "domain": each.domain,
                    "identities": [_identity(one) for one in each.readings],
                    "dns": {
                        "title": each.dns.title,
                        "zone": each.dns.zone or None,
                        "name_servers": list(each.dns.name_servers),
                        "failure": each.dns.failure or None,
                    },
                    "entry": entry(each, default_regions),
                    "comments": comments(each),
                }
                for each in found
            ],
        },
        indent=2,
    )


def _head(names: Names) -> dict[str, Any]:
    return {
        "account": names.account_id,
        "regions": list(names.regions),
        "left_out": {"addresses": names.addresses, "names": names.invalid},
    }


def _identity(one: Reading) -> dict[str, Any]:
    written = one.written()
    return {
        **{key: value for key, value in written.items() if key not in ("domain", "origin")},
        "signing": one.signing,
        "easy_dkim": one.easy,
    }


def _signs(one: Reading) -> str:
    has = "Easy DKIM" if one.easy else f"BYODKIM {one.selector or '–'}"
    return has if one.signing != "none" else f"nothing ({has if one.signing_enabled else f'{has}, disabled'})"


def _tags(one: Reading) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(one.own_tags.items()))


def _fitting(shown: Table, blocks: Sequence[str]) -> str:
    """The table if it fits into the terminal, else the blocks; without a terminal the table."""
    shown.box, shown.pad_edge = None, False
    console = Console(**PLAIN)
    width = uncut_width(shown, console)
    if console.is_terminal and width > console.width:
        return "\n".join(blocks)
    wide = Console(**PLAIN, width=max(width, 1), no_color=True, force_terminal=False)
    with wide.capture() as captured:
        wide.print(shown)
    return "\n".join(line.rstrip() for line in click.unstyle(captured.get()).splitlines())
