"""
A stack's configuration, as `pulumi config` prints it: the one source of it for every command.

Pulumi puts it together from the stack file, from what `Pulumi.yaml` has for all stacks, and from
environments, as it does for `pulumi up`. Text in, values out. Nothing is decrypted: a secret
is the word `[secret]`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["SECRET", "has_secret", "of_project", "read"]

SECRET: Final = "[secret]"  # noqa: S105 - no password, what stands for one
"""What stands for an encrypted value, also within an object."""


def read(printed: str, project: str) -> dict[str, str]:
    """
    Values by full name (`aws:region`), objects as JSON. Raises `ValueError` for another table.

    *printed* is the table, which can't be the JSON of `pulumi config --json`: that leaves out an
    object with one secret in it.

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
        if key := row[:column].rstrip():
            lines = values[_full(key, project)] = []
        lines.append(row[column:])  # a value may have several
    return {name: "\n".join(lines) for name, lines in values.items()}


def of_project(config: Mapping[str, str], project: str) -> dict[str, object]:
    """What *config* has under the name of *project*, as `pulumi.Config.get_object` gives it to a program."""
    prefix = f"{project}:"
    return {
        name.removeprefix(prefix): _decoded(text) for name, text in config.items() if name.startswith(prefix)
    }


def has_secret(text: str) -> bool:
    """Whether a value is encrypted, or has something encrypted in it."""
    return text == SECRET or json.dumps(SECRET) in text


def _full(key: str, project: str) -> str:
    """Pulumi leaves out the project's own name."""
    return key if ":" in key else f"{project}:{key}"


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
