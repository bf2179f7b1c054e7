"""What all maps in a stack file share: spelling of keys, and reports of several problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel, to_snake

from byodkim_provider.config.problems import LocatedError, Problem, lines
from byodkim_provider.config.values import TRUE_OR_FALSE
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingProblem
from byodkim_provider.quoting import named, printable, shown

MAX_TAGS: Final = 47
"""
Tags a user may set; three are this program's.

SES keeps 50 an identity (SES API, CreateEmailIdentity), Secrets Manager 50 a secret (its quotas).
"""

_One = TypeVar("_One")
if TYPE_CHECKING:
    Listed = Sequence[_One]
else:
    # A program may pass any sequence; it is stored as a tuple.
    Listed = tuple[_One, ...]


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """*values*; raises ValueError if one is listed twice."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(SettingProblem.TWICE(value=shown(value)))
    return values


def at_least_one(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """*values*; raises ValueError if they are empty."""
    if not values:
        raise ValueError(SettingProblem.EMPTY())
    return values


SECRET_TEXT: Final = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]},
    ]
}
"""JSON Schema of a string that may be encrypted."""

Boolean = Annotated[bool, TRUE_OR_FALSE]


class Written(BaseModel):
    """
    A map in a stack file: camelCase keys, unknown keys are refused.

    In a program, its arguments are in snake_case; raises `InvalidSettings` with one line for each problem.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=False,
        hide_input_in_errors=True,  # it may be a key
    )

    if not TYPE_CHECKING:  # a type checker takes the arguments from the fields

        def __init__(self, /, **given: Any) -> None:
            try:
                super().__init__(**given)
            except ValidationError as error:
                subject = printable(named(str(given.get("domain") or type(self).__name__)))
                # `from None`: pydantic's error message may contain a key.
                problems = sorted(lines(error, type(self), given, spelled=to_snake))
                raise InvalidSettings([f"{subject}: {one}" for one in problems]) from None

        # Only for a call from Python: a part of another map is reported by that map, with its path.
        __init__.__pydantic_base_init__ = True

    def _problems(self) -> Iterator[Problem]:
        """What is wrong between fields that are right by themselves."""
        yield from ()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if problems := list(self._problems()):
            raise LocatedError(problems)
        return self


def _taggable(tags: dict[str, str]) -> dict[str, str]:
    if problems := list(_tag_problems(tags)):
        raise LocatedError(problems)
    return tags


Tags = Annotated[
    dict[str, str], AfterValidator(_taggable), Field(json_schema_extra={"maxProperties": MAX_TAGS})
]


def _tag_problems(tags: Mapping[str, str]) -> Iterator[Problem]:
    """Tags that SES refuses (SES API, Tag), and names that are reserved."""
    if len(tags) > MAX_TAGS:
        yield (), SettingProblem.KIND(kind=f"at most {MAX_TAGS}", value=len(tags))
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            yield (key,), SettingProblem.TAG_NAME(length=len(key))
        if len(value) > 256:
            yield (key,), SettingProblem.KIND(kind="at most 256 characters", value=len(value))
        if strange := re.search(r"[^\w .:/=+@-]", key + value):
            kind = "letters, digits, blanks and _.:/=+-@"
            yield (key,), SettingProblem.KIND(kind=kind, value=repr(strange[0]))
        if prefix := re.match("(aws|byodkim):", key, re.IGNORECASE):
            yield (key,), SettingProblem.RESERVED(prefix=prefix[0])
