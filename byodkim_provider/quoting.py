"""
How an error message quotes a value: on one line, and never a value that may be a key.

Strings only: no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MAX_SHOWN: Final = 64
"""Longest string that is quoted, in characters: a line of PEM. A longer string may be a key."""

MAX_NAMED: Final = 253
"""Longest name that is quoted, in characters: a domain. A longer one may be a key, pasted by accident."""


def shown(value: object) -> str:
    """*value* as an error message quotes it: as YAML writes it, a long string by its length only."""
    if isinstance(value, str):
        return repr(value) if len(value) < MAX_SHOWN and "\n" not in value else f"{len(value)} characters"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return "a map"
    return "a list" if isinstance(value, list | tuple) else f"a value of type {type(value).__name__}"


def named(key: str) -> str:
    """*key* as a path quotes it; a key that is too long for any name by its length only."""
    return key if len(key) <= MAX_NAMED else f"({len(key)} characters)"


def printable(text: str) -> str:
    """*text* on one line, with control and invisible characters written as escapes."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
