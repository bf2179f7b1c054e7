"""
Formats problems of the configuration: one line each, the path first.

Pydantic's errors in, lines out: it knows a model only by its fields. No line quotes a value that
may be a key.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from byodkim_provider.messages import Message
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.property_types import NAMED_BY_USERS, Steps, line, path, problem_of
from byodkim_provider.quoting import TOKEN, did_you_mean, nearest

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
    return f"`pulumi config set --secret --path {shlex.quote(path(steps))}`"


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
    misspelt = set()
    missing = []
    for details in error.errors(include_url=False):
        location = tuple(_written_steps(details["loc"], given))
        if details["type"] == "located":
            for steps, text in details["ctx"]["problems"]:
                yield line((*within, *location, *steps), text)
        elif details["type"] == "extra_forbidden":
            key, keys = str(details["loc"][-1]), _keys_at(location[:-1], root)
            misspelt.add((*location[:-1], nearest(key, keys)))
            known = did_you_mean(key, keys) or f", expected one of {', '.join(keys)}"
            unknown = SettingMessages.UNKNOWN_KEY(known=known)
            yield line((*within, *location[:-1], key), unknown)
        elif details["type"] == "missing":
            missing.append(location)
        else:
            problem = problem_of(details)
            if location[0] in SECRET_MAPS:
                problem = replace(problem, fields={**problem.fields, "value": "something else"})
                if details["loc"][-1] == "[key]" and TOKEN.search(str(location[-1])):
                    location = location[:-1]
            yield line((*within, *location), problem)
    for location in missing:
        if location not in misspelt:  # one mistake, one line
            required = _REQUIRED.get(str(location[-1]), SettingMessages.REQUIRED)
            yield line((*within, *location), required())


_REQUIRED: Final = {
    "domains": SettingMessages.EMPTY,
    "generation": SettingMessages.GENERATION,
}
"""What is said of settings without which the smallest stack file is not complete."""


def _written_steps(steps: Steps, value: object) -> Iterator[str | int]:
    """
    *steps* as a stack file spells them, without those that the user did not write.

    A program in Python writes names of arguments. A single `dns` is parsed as a list, and a
    provider's name as an object; for a refused key of a map pydantic adds a step "[key]".
    """
    for before, step in pairwise(("", *steps)):
        if isinstance(value, list | tuple):
            value = dict(enumerate(value))
        inside = value if isinstance(value, Mapping) else {}
        in_short_form = isinstance(step, int) and step not in inside
        if in_short_form or isinstance(value, str) or step == "[key]":
            continue
        yield to_camel(step) if isinstance(step, str) and before not in NAMED_BY_USERS else step
        value = inside.get(step)


def _keys_at(steps: Steps, model: type[BaseModel]) -> list[str]:
    """Keys of the map that *steps* lead to within a *model*."""
    for step in steps:
        for field in model.model_fields.values():
            if field.alias == step:
                model = _model_in(field.annotation) or model
    return keys_of(model)


def keys_of(model: type[BaseModel]) -> list[str]:
    """Keys of a map that is a *model*."""
    return [str(field.alias) for field in model.model_fields.values()]


def _model_in(kind: Any) -> type[BaseModel] | None:
    """The model in a type, which may be a map, a list or a union of it; None without."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    models = map(_model_in, get_args(kind))
    return next((model for model in models if model), None)
