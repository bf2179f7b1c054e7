"""
Formats problems of the configuration: one line each, the path first.

Pydantic's errors in, lines out: it knows a model only by its fields. No line quotes a value that
may be a key.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from byodkim_provider.messages import Message
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.property_types import MAX_NUMBER, problem_of
from byodkim_provider.quoting import did_you_mean, named, printable

Steps = tuple[str | int, ...]
"""The path to a value: keys and list positions."""

Problem = tuple[Steps, Message]
"""The path within a field, and the message."""


def refuse(problems: Iterable[Problem]) -> None:
    """
    Raise several problems of one field, if there are any, as the one error that pydantic takes.
    """
    if listed := list(problems):
        raise PydanticCustomError("located", "several problems", {"problems": listed})


SECRET_MAPS: Final = ("privateKeys", "dnsCredentials")
"""Settings whose values are secrets."""

_NAMED_BY_USERS: Final = {*SECRET_MAPS, "domains", "keys", "tags"}
"""
Maps whose keys are not ours: `domains["example.com"]`, as `pulumi config set --path` writes it.
"""


def line(steps: Steps, text: Message | str) -> str:
    """
    One problem.

    >>> line(("domains", "example.com", "dns", 1, "ttl"), "must be a whole number, not 'long'")
    'domains["example.com"].dns[1].ttl: must be a whole number, not \\'long\\''
    """
    return printable(f"{_path(steps)}: {text}")


def strings_in(value: object, steps: Steps) -> Iterator[tuple[Steps, str]]:
    """Each string in *value*, which stands at *steps*, and the path to it."""
    if isinstance(value, str):
        yield steps, value
    elif isinstance(value, Mapping | list):
        for step, one in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from strings_in(one, (*steps, step))


def secret_command(steps: Steps) -> str:
    """
    The command that sets a secret.

    >>> print(secret_command(("privateKeys", "mail2026")))
    `pulumi config set --secret --path 'privateKeys["mail2026"]'`
    """
    return f"`pulumi config set --secret --path {shlex.quote(_path(steps))}`"


def _path(steps: Steps) -> str:
    path = ""
    # A number of a program's map may be a prime.
    shown = (
        one if isinstance(one, int) and abs(one) < MAX_NUMBER else named(str(one)) for one in steps
    )
    for before, step in pairwise(("", *shown)):
        if isinstance(step, int) or before in _NAMED_BY_USERS:
            path += f"[{json.dumps(step, ensure_ascii=False)}]"
        else:
            path += f".{step}" if path else step
    return path


def lines(
    error: ValidationError,
    root: type[BaseModel],
    given: Mapping[str, object],
    within: Steps = (),
) -> Iterator[str]:
    """
    Every problem in *error*, which came from validating what was *given* as a *root*.

    A path begins with the steps *within*, and spells each setting as a stack file does.
    """
    for details in error.errors(include_url=False):
        written = tuple(_written_steps(details["loc"], given))
        location = _as_in_stack_file(written)
        if details["type"] == "located":
            for steps, text in details["ctx"]["problems"]:
                yield line((*within, *location, *steps), text)
        elif details["type"] == "extra_forbidden":
            yield line((*within, *location[:-1], written[-1]), unknown_key(written, root))
        else:
            yield line((*within, *location), _problem(details, location))


def _as_in_stack_file(steps: Steps) -> Steps:
    """*steps*, where a program in Python wrote the names of arguments."""
    spelled = []
    for before, step in pairwise(("", *steps)):
        if isinstance(step, str) and before not in _NAMED_BY_USERS:
            step = to_camel(step)
        spelled.append(step)
    return tuple(spelled)


def _written_steps(steps: Steps, value: object) -> Iterator[str | int]:
    """
    *steps* without those that the user did not write.

    A single `dns` is parsed as a list, and a provider's name as an object; for a refused key of a
    map pydantic adds a step "[key]".
    """
    for step in steps:
        is_list = isinstance(value, list | tuple)
        is_within = isinstance(value, Mapping) and step in value
        in_short_form = isinstance(value, str) or (
            isinstance(step, int) and not (is_list or is_within)
        )
        if in_short_form or step == "[key]":
            continue
        yield step
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int):
            value = value[step]


def _problem(details: ErrorDetails, location: Steps) -> Message:
    """What *details* say of the setting at *location*."""
    if details["type"] == "missing" and location[-1] == "generation":
        return SettingMessages.GENERATION()
    problem = problem_of(details)
    if location[0] in SECRET_MAPS:
        return replace(problem, fields={**problem.fields, "value": "something else"})
    return problem


def unknown_key(location: Steps, root: type[BaseModel]) -> Message:
    """
    The message for an unknown key, the last step of *location* in a *root*, with the nearest known
    key.
    """
    key, within = str(location[-1]), location[:-1]
    keys = _keys_at(within, root)
    if within == ("defaults",) and key in _keys_at(("domains", ""), root):
        return SettingMessages.OF_A_DOMAIN()
    options = (
        [f"dns.{option}" for option in _keys_at((*within, "dns"), root)] if "dns" in keys else []
    )
    meant = did_you_mean(key, [*keys, *options])
    return SettingMessages.UNKNOWN_KEY(known=meant or f", expected one of {', '.join(keys)}")


def _keys_at(steps: Steps, kind: Any) -> list[str]:
    """
    Keys of the map that *steps* lead to within a *kind*: a model, or a type with models in it.
    """
    arguments = get_args(kind)
    if get_origin(kind) in (Annotated, Union, UnionType):  # a union is with None
        return _keys_at(steps, arguments[0])
    if get_origin(kind) is dict:
        return _keys_at(steps[1:], arguments[1])
    if get_origin(kind) is tuple:  # without a position: a single one in its short form
        return _keys_at(steps[1:] if isinstance((*steps, "")[0], int) else steps, arguments[0])
    if steps:
        fields = kind.model_fields.items()
        field = next(field for name, field in fields if steps[0] in (name, field.alias))
        return _keys_at(steps[1:], field.annotation)
    return [field.alias or name for name, field in kind.model_fields.items()]
