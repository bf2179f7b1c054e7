"""
Are the values that come over the wire of the types that a resource declares?

Python declares and checks nothing at run time: another program, or a state that was edited by
hand, may send anything. Plain values in, problems out; what a preview can't know is left out before.
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
    "a text",
    "a line of text",
    "true or false",
    "a number",
    "a whole number",
    "a time in ISO 8601",
    "a map",
    "a map of texts",
    "a map of texts by generation",
    "a map of lists of texts",
    "a map of lists of lines",
    "a map of times by generation",
    "a list of texts",
    "a list of lines",
    "a list of maps",
    "a list of whole numbers",
    "a list of resolvers like '1.1.1.1', '1.1.1.1:53' or '[::1]:53'",
]
"""A type, as an error says what was expected."""

Kinds = Mapping[str, Kind]
"""By property; what is not in here is not looked at."""


def problems(properties: Mapping[str, Any], kinds: Kinds, *, required: Collection[str] = ()) -> list[str]:
    """One line for each property that is of another type, or is *required* and absent."""
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
            [f"in the state, {one}" for one in wrong],
            hint="nothing was changed; was the state edited by hand? `pulumi stack import` brings an "
            "earlier one back",
        )


def moment(text: str) -> datetime:
    """The time that `timestamp` wrote."""
    return datetime.fromisoformat(text)


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the second: `2026-11-25T13:05:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_line(value: Any) -> bool:
    """What can stand in an error as it is."""
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_LINE


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


MAX_LINE: Final = 1000
"""Characters of a line: the longest there is, an owner, holds three names of at most 255."""

MAX_NUMBER: Final = 2**53
"""Beyond it not every whole number can be told on the wire, where all are floats."""

_KINDS: Final[Mapping[Kind, Callable[[Any], bool]]] = {
    "a text": _is_text,
    "a line of text": _is_line,
    "true or false": lambda value: isinstance(value, bool),
    "a number": _is_number,
    "a whole number": _is_whole,
    "a time in ISO 8601": _is_time,
    "a map": lambda value: isinstance(value, Mapping),
    "a map of texts": _map_of(_is_text),
    "a map of lists of texts": _map_of(_list_of(_is_text)),
    "a map of lists of lines": _map_of(_list_of(_is_line)),
    "a map of times by generation": _by_generation(_is_time),
    "a map of texts by generation": _by_generation(_is_text),
    "a list of texts": _list_of(_is_text),
    "a list of lines": _list_of(_is_line),
    "a list of maps": _list_of(lambda value: isinstance(value, Mapping)),
    "a list of whole numbers": _list_of(_is_whole),
    "a list of resolvers like '1.1.1.1', '1.1.1.1:53' or '[::1]:53'": _list_of(_is_resolver),
}
