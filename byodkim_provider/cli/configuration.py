"""
Parses a stack's configuration as `pulumi config` prints it, for every command.

Pulumi combines the stack file, the defaults in `Pulumi.yaml` and environments, as for `pulumi up`.
Strings in, values out. Nothing is decrypted: a secret is printed as `[secret]`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

SECRET: Final = "[secret]"  # noqa: S105 - no password, what stands for one
"""Printed in place of an encrypted value, also within an object."""


def read(printed: str, project: str) -> dict[str, str]:
    """
    Values by full name (`aws:region`), objects as JSON. Raises `ValueError` for another table.

    *printed* is the table, because `pulumi config --json` leaves out every object that contains a
    secret.

    >>> read('KEY         VALUE\\naws:region  eu-west-1\\ndomains     {}\\n', "ses-byodkim")
    {'aws:region': 'eu-west-1', 'ses-byodkim:domains': '{}'}
    """
    header, *rows = printed.split("\n")
    column = header.find("VALUE")
    if header[:column].split() != ["KEY"]:
        raise ValueError("no table of keys and values")
    values: dict[str, list[str]] = {}
    lines: list[str] = []
    for row in rows:
        if not row:
            break  # another table follows, of environment variables
        if row[column - 2 : column] != "  ":  # the gap between the columns
            lines = []  # no row of the table: Pulumi warns of an environment that has no effect
            continue
        if key := row[:column].rstrip():
            lines = values[_full(key, project)] = []
        lines.append(row[column:])  # a value may have several
    return {name: "\n".join(lines) for name, lines in values.items()}


def of_project(config: Mapping[str, str], project: str) -> dict[str, object]:
    """The keys of *project* in *config*, as `pulumi.Config.get_object` returns them in a program."""
    prefix = f"{project}:"
    return {
        name.removeprefix(prefix): _decoded(text) for name, text in config.items() if name.startswith(prefix)
    }


def has_secret(text: str) -> bool:
    """Whether a value, or a part of it, is encrypted."""
    return text == SECRET or json.dumps(SECRET) in text


def _full(key: str, project: str) -> str:
    """Pulumi leaves out the project's own name."""
    return key if ":" in key else f"{project}:{key}"


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
