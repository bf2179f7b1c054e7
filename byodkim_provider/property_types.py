"""
Checks at run time that property values have the types that a resource declares.

Python type hints are not enforced: another program, or a state file edited by hand, may send any
value. Plain values in, problems out; callers leave out unknown values of a preview first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.quoting import printable, shown

__all__ = ["Kind", "Kinds", "moment", "problems", "refuse_state", "timestamp"]

Kind = Literal[
    "a string",
    "a single-line string",
    "true or false",
    "a number",
    "a whole number",
    "a time in ISO 8601",
    "a map",
    "a map of strings",
    "a map of strings keyed by generation",
    "a map of lists of strings",
    "a map of lists of single-line strings",
    "a map of times keyed by generation",
    "a list of strings",
    "a list of single-line strings",
    "a list of maps",
    "a list of whole numbers",
    "a list of resolvers like '1.1.1.1', '1.1.1.1:53' or '[::1]:53'",
]
"""A type, in the words of an error message."""

Kinds = Mapping[str, Kind]
"""Keyed by property; a property without an entry is not checked."""


def problems(properties: Mapping[str, Any], kinds: Kinds, *, required: Collection[str] = ()) -> list[str]:
    """One line for each property that has the wrong type, or is *required* and absent."""
    missing = [f"{name}: required" for name in required if properties.get(name) is None]
    return missing + [
        printable(f"{name}: must be {kind}, not {shown(properties[name])}")
        for name, kind in kinds.items()
        if properties.get(name) is not None and not _KINDS[kind](properties[name])
    ]


def refuse_state(outputs: Mapping[str, Any], kinds: Kinds, *, required: Collection[str]) -> None:
    """Raise `InvalidSettings` for outputs that no version of this program can have stored."""
    if wrong := problems(outputs, kinds, required=required):
        raise InvalidSettings(
            [f"in the state, {problem}" for problem in wrong],
            hint="nothing was changed; was the state edited by hand? `pulumi stack import` restores an "
            "earlier version",
        )


def moment(text: str) -> datetime:
    """Parses what `timestamp` returned."""
    return datetime.fromisoformat(text)


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the second: `2026-11-25T13:05:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_single_line(value: Any) -> bool:
    """A string that an error message can quote unchanged."""
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_SINGLE_LINE


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_resolver(value: Any) -> bool:
    try:
        parts = urlsplit(f"//{value}")
        ipaddress.ip_address(parts.hostname or "")
        return parts.netloc == value and parts.username is None and parts.port != 0
    except ValueError:
        return False


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(fits, value))


def _map_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(fits, value.values()))


def _by_generation(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        _map_of(fits)(value) and all(key.isascii() and key.isdecimal() and len(key) < 10 for key in value)
    )


MAX_SINGLE_LINE: Final = 1000
"""Longest single-line string, in characters. The longest in use is an owner: three names of at most 255."""

MAX_NUMBER: Final = 2**53
"""Larger whole numbers are not exact: Pulumi sends every number as a float."""

_KINDS: Final[Mapping[Kind, Callable[[Any], bool]]] = {
    "a string": _is_string,
    "a single-line string": _is_single_line,
    "true or false": lambda value: isinstance(value, bool),
    "a number": _is_number,
    "a whole number": _is_whole,
    "a time in ISO 8601": _is_time,
    "a map": lambda value: isinstance(value, Mapping),
    "a map of strings": _map_of(_is_string),
    "a map of lists of strings": _map_of(_list_of(_is_string)),
    "a map of lists of single-line strings": _map_of(_list_of(_is_single_line)),
    "a map of times keyed by generation": _by_generation(_is_time),
    "a map of strings keyed by generation": _by_generation(_is_string),
    "a list of strings": _list_of(_is_string),
    "a list of single-line strings": _list_of(_is_single_line),
    "a list of maps": _list_of(lambda value: isinstance(value, Mapping)),
    "a list of whole numbers": _list_of(_is_whole),
    "a list of resolvers like '1.1.1.1', '1.1.1.1:53' or '[::1]:53'": _list_of(_is_resolver),
}
