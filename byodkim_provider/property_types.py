"""
Types of values at run time, and the way of those that Pulumi sends to Python's and back.

Python type hints are not enforced: another program, or a state file edited by hand, may send any
value. Plain values in, problems out; callers leave out unknown values of a preview first. The settings
have the same types, by `config.values`.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages import Message
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.quoting import printable, shown

MAX_SINGLE_LINE: Final = 1000
"""Longest single-line string, in characters. The longest in use is an owner: three names of at most 255."""

MAX_NUMBER: Final = 2**53
"""Larger whole numbers are not exact: Pulumi sends every number as a float."""


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind:
    """A type of property."""

    name: str
    """In the words of an error message, such as "a string"."""
    plural: str
    fits: Callable[[Any], bool]
    """Whether a plain value, as Pulumi sends it, is of this type."""
    read: Callable[[Any], Any] = _same
    """Python's value of a plain one that fits."""
    write: Callable[[Any], Any] = _same
    """The plain value of Python's."""

    def problem(self, value: Any) -> Message | None:
        """What was expected and what was seen; None if *value* fits."""
        return None if self.fits(value) else SettingMessages.KIND(kind=self.name, value=shown(value))


Kinds = Mapping[str, Kind]
"""Keyed by property; a property without an entry is not checked."""


def problems(properties: Mapping[str, Any], kinds: Kinds, *, required: Collection[str] = ()) -> list[str]:
    """One line for each property that has the wrong type, or is *required* and absent."""
    missing = [f"{name}: {SettingMessages.REQUIRED()}" for name in required if properties.get(name) is None]
    return missing + [
        printable(f"{name}: {problem}")
        for name, kind in kinds.items()
        if properties.get(name) is not None and (problem := kind.problem(properties[name]))
    ]


def refuse_state(outputs: Mapping[str, Any], kinds: Kinds, *, required: Collection[str]) -> None:
    """Raise `InvalidSettings` for outputs that no version of this program can have stored."""
    if wrong := problems(outputs, kinds, required=required):
        raise InvalidSettings(
            [SettingMessages.IN_STATE(problem=problem) for problem in wrong],
            hint=SettingMessages.IN_STATE(problem="").hint,
        )


def moment(text: str) -> datetime:
    """Parses what `timestamp` returned."""
    return datetime.fromisoformat(text)


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the second: `2026-11-25T13:05:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_single_line(value: Any) -> bool:
    """A string that an error message can quote unchanged."""
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_SINGLE_LINE


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def _is_generation(key: str) -> bool:
    """Whether *key* is a number that `WHOLE` takes: what an input may name, the state must read."""
    digits = key.isascii() and key.isdecimal() and len(key) <= len(str(MAX_NUMBER))
    return digits and _is_number(int(key))


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_resolver(value: Any) -> bool:
    try:
        parts = urlsplit(f"//{value}")
        ipaddress.ip_address(parts.hostname or "")
        return parts.netloc == value and parts.username is None and parts.port != 0 and value[-1:] != ":"
    except ValueError:
        return False


STRING: Final = Kind("a string", "strings", lambda value: isinstance(value, str))
LINE: Final = Kind("a single-line string", "single-line strings", _is_single_line)
FLAG: Final = Kind("true or false", "flags", lambda value: isinstance(value, bool))
NUMBER: Final = Kind("a number", "numbers", _is_number)
WHOLE: Final = Kind(
    "a whole number", "whole numbers", lambda value: _is_number(value) and value == int(value), read=int
)
TIME: Final = Kind("a time in ISO 8601", "times", _is_time, read=moment, write=timestamp)
MAP: Final = Kind("a map", "maps", lambda value: isinstance(value, Mapping))
_ADDRESS: Final = "'1.1.1.1', '1.1.1.1:53' or '[::1]:53', with a port of 1 to 65535"
RESOLVER: Final = Kind(f"an address like {_ADDRESS}", f"addresses like {_ADDRESS}", _is_resolver)


def between(least: float, most: float) -> Kind:
    return Kind(f"{least} to {most}", "numbers", lambda value: _is_number(value) and least <= value <= most)


def one_of(words: tuple[str, ...]) -> Kind:
    *others, last = map(repr, words)
    return Kind(f"{', '.join(others)} or {last}", "words", words.__contains__)


def list_of(kind: Kind) -> Kind:
    return Kind(
        f"a list of {kind.plural}",
        f"lists of {kind.plural}",
        lambda value: isinstance(value, list | tuple) and all(map(kind.fits, value)),
        read=lambda value: tuple(map(kind.read, value)),
        write=lambda value: list(map(kind.write, value)),
    )


def map_of(kind: Kind) -> Kind:
    """Keyed by strings."""
    return Kind(
        f"a map of {kind.plural}",
        f"maps of {kind.plural}",
        lambda value: isinstance(value, Mapping) and all(map(kind.fits, value.values())),
        read=lambda value: {key: kind.read(one) for key, one in value.items()},
        write=lambda value: {key: kind.write(one) for key, one in value.items()},
    )


def by_generation(kind: Kind) -> Kind:
    """A map with whole numbers as keys, which Pulumi sends as strings."""
    inner = map_of(kind)

    def fits(value: Any) -> bool:
        return inner.fits(value) and all(map(_is_generation, value))

    return Kind(
        f"{inner.name} keyed by generation",
        inner.plural,
        fits,
        read=lambda value: {int(key): one for key, one in inner.read(value).items()},
        write=lambda value: {str(key): one for key, one in inner.write(value).items()},
    )


@functools.cache
def kinds_of(cls: type, *, strict: bool = False) -> Kinds:
    """
    What the fields of the dataclass *cls* take, but for one that is a dataclass itself.

    *strict* is for inputs: single-line strings, words of a `Literal`, the `Kind` of an `Annotated`.
    Everything stored must stay readable, so the state is not checked for these.
    """
    hints = get_type_hints(cls, include_extras=True)
    kinds = {field.name: _kind(hints[field.name], strict=strict) for field in fields(cls)}
    return {name: kind for name, kind in kinds.items() if kind}


_PLAIN: Final[Mapping[Any, Kind]] = {str: STRING, bool: FLAG, int: WHOLE, float: NUMBER, datetime: TIME}


def _kind(hint: Any, *, strict: bool) -> Kind | None:
    if get_origin(hint) in (Union, UnionType):  # X | None
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is Annotated:
        hint, kind = get_args(hint)
        return kind if strict else _kind(hint, strict=False)
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return one_of(arguments) if strict else STRING
    if get_origin(hint) is tuple:
        one = _kind(arguments[0], strict=strict)
        return one and list_of(one)
    if get_origin(hint) is Mapping:
        key, value = arguments
        one = STRING if value is str else _kind(value, strict=strict)
        return one and (by_generation(one) if key is int else map_of(one))
    return LINE if hint is str and strict else _PLAIN.get(hint)


def read(cls: type, properties: Mapping[str, Any]) -> dict[str, Any]:
    """
    Those of *properties* that are fields of the dataclass *cls*, in Python's types.

    Raises KeyError if one is absent that has no default.
    """
    needed = {one.name for one in fields(cls) if one.default is one.default_factory is MISSING}
    return {
        name: kind.read(properties[name])
        for name, kind in kinds_of(cls).items()
        if name in needed or properties.get(name) is not None
    }


def written(value: object) -> dict[str, Any]:
    """The fields of a dataclass as Pulumi stores them; absent for None."""
    cls: type = type(value)
    kinds = kinds_of(cls)
    given = {name: getattr(value, name) for name in kinds}
    return {name: kinds[name].write(one) for name, one in given.items() if one is not None}
