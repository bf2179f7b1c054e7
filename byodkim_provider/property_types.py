"""
Types of values at run time: what Pulumi sends, Python's values of it, and the way back.

Python type hints are not enforced: another program, or a state file edited by hand, may send any
value. Plain values in, problems out; callers leave out unknown values of a preview first. The types
of settings are pydantic's (`config`), which the plugin process does without.
"""

from __future__ import annotations

import functools
import ipaddress
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import urlsplit

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.quoting import named, printable, shown

T = TypeVar("T")

MAX_SINGLE_LINE: Final = 1000
"""
Longest single-line string, in characters. The longest in use is an owner: three names of at most
255.
"""

MAX_NUMBER: Final = 2**53
"""Larger whole numbers are not exact: Pulumi sends every number as a float."""


def from_json(value: Any) -> Any:
    """What *value* is the JSON of; else *value*, perhaps a key, which an error would quote."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


@dataclass(frozen=True, eq=False)
class Kind:
    """A type of property, or of setting."""

    read: Callable[[Any], Any]
    """
    Python's value of a plain one, as Pulumi sends it.

    Raises ValueError with what was expected and seen, and the steps to what is wrong in it, last
    one first.
    """


def kind(
    name: str,
    of: type | tuple[type, ...],
    fits: Callable[[Any], object] | None = None,
    read: Callable[[Any], Any] | None = None,
) -> Kind:
    """
    The values *of* a type that *fits* is true of, called *name* in an error message: "a string".
    """

    def checked(value: Any) -> Any:
        try:
            if isinstance(value, of) and (fits is None or fits(value)):
                return read(value) if read else value
        except ValueError:  # of what *fits* takes apart
            pass
        raise ValueError(SettingMessages.KIND(kind=name, value=shown(value)))

    return Kind(checked)


Kinds = Mapping[str, Kind]
"""Keyed by property; a property without an entry is not checked."""


def problems(
    properties: Mapping[str, Any], kinds: Kinds, *, required: Collection[str] = ()
) -> list[str]:
    """One line for each property that has the wrong type, or is *required* and absent."""
    found = [
        f"{name}: {SettingMessages.REQUIRED()}" for name in required if properties.get(name) is None
    ]
    for name, one in kinds.items():
        try:
            if (value := properties.get(name)) is not None:
                one.read(value)
        except ValueError as error:
            problem, *steps = error.args
            path = [
                f"[{step if isinstance(step, int) else json.dumps(named(step))}]" for step in steps
            ]
            found.append(printable(f"{name}{''.join(reversed(path))}: {problem}"))
    return found


def refuse_state(wrong: Iterable[str]) -> None:
    """
    Raise `InvalidSettings` for problems of outputs, which no version of this program can have
    stored.
    """
    if found := [SettingMessages.IN_STATE(problem=problem) for problem in wrong]:
        raise InvalidSettings(found)


def moment(text: str) -> datetime:
    """Parses what `timestamp` returned."""
    return datetime.fromisoformat(text)


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the second: `2026-11-25T13:05:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_single_line(value: str) -> bool:
    """A string that an error message can quote unchanged."""
    return value.isprintable() and len(value) <= MAX_SINGLE_LINE


def _is_number(value: float) -> bool:
    return abs(value) < MAX_NUMBER and not isinstance(value, bool)


def _is_generation(key: str) -> bool:
    """Whether *key* is a number that `WHOLE` takes: what an input may name, the state must read."""
    digits = key.isascii() and key.isdecimal() and len(key) <= len(str(MAX_NUMBER))
    return digits and _is_number(int(key))


def host_and_port(text: str) -> tuple[str, int]:
    """
    Host and port of `host[:port]` or `[v6]:port`, by default 53; raises ValueError for any other
    text.
    """
    parts = urlsplit(f"//{text}")
    if (
        not parts.hostname
        or parts.netloc != text
        or "@" in text
        or parts.port == 0
        or text[-1] == ":"
    ):
        raise ValueError(text)
    return parts.hostname, parts.port or 53


STRING: Final = kind("a string", str)
LINE: Final = kind("a single-line string", str, _is_single_line)
FLAG: Final = kind("true or false", bool)
WHOLE: Final = kind(
    "a whole number", (int, float), lambda one: _is_number(one) and one == int(one), int
)
TIME: Final = kind("a time in ISO 8601", str, lambda value: moment(value).tzinfo, moment)
GENERATION: Final = kind("a generation like 2", str, _is_generation, int)
"""The key of a map: Pulumi sends strings."""
LIST: Final = kind("a list", (list, tuple))
MAP: Final = kind("a map", (dict, Mapping))
RESOLVER: Final = kind(
    "an address like '1.1.1.1', '1.1.1.1:53' or '[::1]:53', with a port of 1 to 65535",
    str,
    lambda value: ipaddress.ip_address(host_and_port(value)[0]),
)


def between(least: float, most: float) -> Kind:
    return kind(
        f"{least} to {most}", (int, float), lambda one: _is_number(one) and least <= one <= most
    )


def whole_between(least: int, most: int) -> Kind:
    limits = between(least, most)
    return Kind(lambda value: limits.read(WHOLE.read(value)))


def one_of(words: tuple[str, ...]) -> Kind:
    *others, last = map(repr, words)
    return kind(f"{', '.join(others)} or {last}", str, words.__contains__)


def list_of(one: Kind) -> Kind:
    return Kind(lambda value: tuple(_each(enumerate(LIST.read(value)), one.read)))


def map_of(one: Kind, key: Kind = STRING) -> Kind:
    def read(value: Any) -> dict[Any, Any]:
        values = MAP.read(value).items()
        names = ((name, name) for name, _ in values)
        return dict(zip(_each(names, key.read), _each(values, one.read), strict=True))

    return Kind(read)


def _each(items: Iterable[tuple[str | int, Any]], read: Callable[[Any], Any]) -> Iterator[Any]:
    """What *read* returns for the values of *items*; its errors say in which one."""
    for step, value in items:
        try:
            yield read(value)
        except ValueError as error:
            raise ValueError(*error.args, step) from None


@functools.cache
def kinds_of(cls: type, *, strict: bool = False) -> Kinds:
    """
    What the fields of the dataclass *cls* take, but for one that is a dataclass itself.

    *strict* is for inputs: single-line strings, words of a `Literal`, the `Kind` of an `Annotated`.
    Everything stored must stay readable, so the state is not checked for these.
    """
    hints = get_type_hints(cls, include_extras=True)
    hints = {one.name: _some(hints[one.name]) for one in fields(cls)}
    return {
        name: _kind(hint, strict=strict) for name, hint in hints.items() if not is_dataclass(hint)
    }


_PLAIN: Final[Mapping[Any, Kind]] = {str: STRING, bool: FLAG, int: WHOLE, datetime: TIME}


def _some(hint: Any) -> Any:
    """*hint* without None."""
    is_union = get_origin(hint) in (Union, UnionType)
    return next(one for one in get_args(hint) if one is not type(None)) if is_union else hint


def _kind(hint: Any, *, strict: bool) -> Kind:
    if get_origin(hint) is Annotated:
        hint, kind = get_args(hint)
        return kind if strict else _kind(hint, strict=False)
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return one_of(arguments) if strict else STRING
    if is_dataclass(hint):
        return _object(hint, strict=strict)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        return list_of(_kind(arguments[0], strict=strict))
    if get_origin(hint) is Mapping:
        key, value = arguments
        one = STRING if value is str else _kind(value, strict=strict)
        return map_of(one, GENERATION if key is int else STRING)
    return LINE if hint is str and strict else _PLAIN[hint]


def _object(cls: type, *, strict: bool) -> Kind:
    """A map with the fields of the dataclass *cls*, which is read as its value."""
    kinds = kinds_of(cls, strict=strict)
    required = [one.name for one in fields(cls) if one.default is MISSING]

    def read_object(value: Any) -> Any:
        if wrong := problems(MAP.read(value), kinds, required=required):
            raise ValueError(wrong[0])
        return read(cls, value)

    return Kind(read_object)


def read(cls: type[T], properties: Mapping[str, Any], **more: Any) -> T:
    """
    The value of the dataclass *cls* with *more*, and those of *properties* that are fields of it.
    """
    kinds = kinds_of(cls).items()  # type: ignore[arg-type]
    known = {
        name: one.read(value) for name, one in kinds if (value := properties.get(name)) is not None
    }
    return cls(**more, **known)


def written(value: object) -> dict[str, Any]:
    """The fields of a dataclass as Pulumi stores them; absent for None, or a dataclass itself."""
    given = {name: getattr(value, name) for name in kinds_of(type(value))}  # type: ignore[arg-type]
    return {name: _plain(one) for name, one in given.items() if one is not None}


def plain_object(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, as Pulumi stores them."""
    given = {one.name: getattr(value, one.name) for one in fields(value)}
    defaults = {one.name: one.default for one in fields(value)}
    return {name: _plain(one) for name, one in given.items() if one != defaults[name]}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if is_dataclass(value):
        return plain_object(value)
    return timestamp(value) if isinstance(value, datetime) else value
