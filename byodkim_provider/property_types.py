"""
Types of values at run time: what Pulumi sends, Python's values of it, and the way back.

Python type hints are not enforced: another program, or a state file edited by hand, may send any
value. A type is an annotation, which pydantic checks. Plain values in, problems out in our words;
callers leave out unknown values of a preview first.
"""

import functools
import ipaddress
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Final, TypeVar, get_type_hints
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_core import ErrorDetails

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages import Message
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.quoting import did_you_mean, named, printable, shown
from byodkim_provider.times import timestamp

T = TypeVar("T")

Steps = tuple[str | int, ...]
"""The path to a value: keys and list positions."""

NAMED_BY_USERS: Final = ("privateKeys", "dnsCredentials", "domains", "keys", "tags")
"""
Maps whose keys are not ours: `domains["example.com"]`, as `pulumi config set --path` writes it.
"""

MAX_SINGLE_LINE: Final = 1000
"""
Longest single-line string, in characters. The longest in use is an owner: three names of at most
255.
"""

_EXPECTED: Final = {
    "bool": "true or false",
    "dataclass": "a map",
    "datetime": "a time in ISO 8601",
    "dict": "a map",
    "finite": "a whole number",
    "float": "a number",
    "greater": "at least {ge}",
    "int": "a whole number",
    "invalid": "text",
    "is": "a {class}",
    "kind": "{kind}",
    "less": "at most {le}",
    "literal": "{expected}",
    "mapping": "a map",
    "model": "a map",
    "sequence": "a list",
    "string": "text",
    "timezone": "a time in ISO 8601",
    "tuple": "a list",
}
"""What pydantic expected, in our words, by the beginning of its error type; else in its own."""


def problem_of(details: ErrorDetails) -> Message:
    """What *details* say, in our words."""
    kind, context = details["type"], details.get("ctx", {})
    if type(details["input"]).__name__ == "Output":  # Pulumi's, which this module does without
        return SettingMessages.OUTPUT()
    if kind == "missing":
        return SettingMessages.REQUIRED()
    if kind == "value_error":
        problem: Message = context["error"].args[0]
        return problem
    value = shown(details["input"])
    if kind == "literal_error":
        value += did_you_mean(str(details["input"]), re.findall("'([^']+)'", context["expected"]))
    ours = _EXPECTED.get(kind.partition("_")[0])
    words = ours.format(**context) if ours else f"valid ({details['msg']})"
    return SettingMessages.KIND(kind=words, value=value)


def model_of(hints: Mapping[str, Any], *, required: Collection[str] = ()) -> type[Any]:
    """
    A model of properties of these types, each of which may be absent if it is not *required*; a
    string if *hints* does not have it.
    """
    properties: dict[str, Any] = {name: (hint | None, None) for name, hint in hints.items()}
    properties |= {name: (hints.get(name, str), ...) for name in required}
    model: type[Any] = create_model(
        "Properties", __config__=ConfigDict(hide_input_in_errors=True), **properties
    )
    return model


def hints_of(cls: type) -> dict[str, Any]:
    """The types of the fields of the dataclass *cls*, with what an `Annotated` adds."""
    return get_type_hints(cls, include_extras=True)


adapter: Final = functools.cache(TypeAdapter)
"""What makes a value of a dataclass or a model of plain values."""


def problems(properties: Mapping[str, Any], model: type[BaseModel]) -> list[str]:
    """One line for each value in *properties* that the *model* does not allow, or lacks."""
    try:
        model.model_validate(without_none(properties))
    except ValidationError as error:
        return _lines(error)
    return []


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for details in error.errors(include_url=False):
        # pydantic adds a step for a refused key of a map
        steps = tuple(step for step in details["loc"] if step != "[key]")
        lines.append(line(steps, problem_of(details)))
    return lines


def line(steps: Steps, text: Message | str) -> str:
    """
    One problem.

    >>> line(("domains", "example.com", "dns", 1, "ttl"), "must be a whole number, not 'long'")
    'domains["example.com"].dns[1].ttl: must be a whole number, not \\'long\\''
    """
    return printable(f"{path(steps)}: {text}")


def path(steps: Steps) -> str:
    """*steps* as `pulumi config set --path` has them."""
    text = ""
    for before, step in pairwise(("", *steps)):
        name = step if isinstance(step, int) else named(step)
        if isinstance(step, int) or before in NAMED_BY_USERS:
            text += f"[{json.dumps(name, ensure_ascii=False)}]"
        else:
            text += f".{name}" if text else str(name)
    return text


def read(cls: type[T], properties: Mapping[str, Any]) -> T:
    """
    The value of *cls*, a dataclass or a model, that *properties* of a state hold.

    A property that is no field of *cls* is left out.

    Raises `InvalidSettings` for a value that no version of this program can have stored. So a field
    whose words may change in a later version is a string, and no `Literal`.
    """
    try:
        value: T = adapter(cls).validate_python(without_none(properties))  # type: ignore[arg-type]
        return value
    except ValidationError as error:
        found = [SettingMessages.IN_STATE(problem=line) for line in _lines(error)]
    raise InvalidSettings(found)


def written(value: object) -> dict[str, Any]:
    """
    The fields of a dataclass as Pulumi stores them. A field that is None, or holds a dataclass, is
    left out.
    """
    known = without_none(vars(value)).items()
    return {name: _plain(one) for name, one in known if not is_dataclass(one)}


def plain_object(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults, as Pulumi stores them."""
    defaults = {one.name: one.default for one in fields(value)}
    return {name: _plain(one) for name, one in vars(value).items() if one != defaults[name]}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if is_dataclass(value):
        return plain_object(value)
    return timestamp(value) if isinstance(value, datetime) else value


def without_none(properties: Mapping[str, Any]) -> dict[str, Any]:
    """*properties* without None values."""
    # Pulumi drops None on the way to the plugin and back; so that a dict is the same on both sides.
    return {name: value for name, value in properties.items() if value is not None}


def from_json(value: Any) -> Any:
    """What *value* is the JSON of; else *value*, perhaps a key, which an error would quote."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def json_map(value: object) -> Mapping[str, Any]:
    """The map that *value* is, or is the JSON of; an empty one for anything else."""
    read = from_json(value)
    return read if isinstance(read, Mapping) else {}


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


# Types


def expected(kind: str, value: object) -> ValueError:
    """The error for a *value* that is not of the *kind*, such as "a whole number"."""
    return ValueError(SettingMessages.KIND(kind=kind, value=shown(value)))


def _refuse(*kinds: type) -> BeforeValidator:
    def number(value: object) -> object:
        if isinstance(value, kinds):
            raise expected("a whole number", value)
        return value

    return BeforeValidator(number)


NO_FLAG: Final = _refuse(bool)
"""For a number: pydantic would take true for 1. It may be a string, as of `pulumi config set`."""
Whole = Annotated[int, _refuse(bool, str)]
"""A whole number, which Pulumi sends as a float."""
Flag = Annotated[bool, Field(strict=True)]


def _single_line(text: str) -> str:
    if not text.isprintable() or len(text) > MAX_SINGLE_LINE:
        raise expected("a single-line string", text)
    return text


Line = Annotated[str, AfterValidator(_single_line)]
"""A string that an error message can quote unchanged."""


def resolver(text: str) -> str:
    """*text*; raises ValueError if it is no address of a resolver."""
    try:
        ipaddress.ip_address(host_and_port(text)[0])
    except ValueError:
        like = "an address like '1.1.1.1', '1.1.1.1:53' or '[::1]:53', with a port of 1 to 65535"
        raise expected(like, text) from None
    return text


Resolver = Annotated[str, AfterValidator(resolver)]
