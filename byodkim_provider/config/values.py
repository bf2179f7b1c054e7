"""
Types of values that only a stack file has, and what all its maps share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from byodkim_provider.aws.regions import region_problem
from byodkim_provider.aws.settings import MAX_TAGS, tag_problems
from byodkim_provider.config.problems import Problem, lines, refuse
from byodkim_provider.dkim import records
from byodkim_provider.dkim.generations import MAX_GENERATION
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.property_types import FLAG, Kind, kind, whole_between
from byodkim_provider.quoting import shown


def whole(least: int, most: int) -> Kind:
    """
    A whole number. `pulumi config set` may store it as a string, and Pulumi passes numbers as
    floats.
    """
    limits = whole_between(least, most)

    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch("-?(0|[1-9][0-9]{0,17})", value, re.ASCII):
            value = int(value)
        if most == MAX_GENERATION and isinstance(value, int | float) and value < least:
            raise ValueError(SettingMessages.KIND(kind=f"{least} or more", value=shown(value)))
        number: int = limits.read(value)
        return number

    return Kind(read, schema={"type": "integer", "minimum": least, "maximum": most})


def text(pattern: str, expected: str) -> Kind:
    """A string that matches *pattern*, which *expected* describes."""
    return kind(
        expected,
        str,
        lambda value: re.fullmatch(pattern, value, re.ASCII),
        schema={"type": "string", "pattern": f"^(?:{pattern})$"},
    )


def _region(value: object) -> str:
    region: str = _REGION_FORM.read(value)
    if problem := region_problem(region):
        raise ValueError(problem)
    return region


def _zone(value: object) -> str:
    if not isinstance(value, str) or "\n" in value or len(value) > records.NAME_OCTETS:
        raise ValueError(SettingMessages.KIND(kind="a zone's name", value=shown(value)))
    parent = value.removeprefix("_domainkey.")
    return value.removesuffix(parent) + records.normalise_domain(parent)


_REGION_FORM: Final = text("[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", "an AWS Region like 'eu-west-1'")

REGION: Final = Kind(_region, schema=_REGION_FORM.schema)
"""An existing AWS Region."""

ZONE: Final = Kind(_zone, schema={"type": "string", "minLength": 1})
"""
A DNS zone's name, normalised. It may be a delegated `_domainkey`, which is not a valid domain.
"""

TRUE_OR_FALSE: Final = Kind(
    lambda value: FLAG.read(value == "true" if value in ("true", "false") else value),
    schema={"type": "boolean"},
)
"""`pulumi config set` may store a flag as a string."""


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
            raise ValueError(SettingMessages.TWICE(value=shown(value)))
    return values


def at_least_one(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """*values*; raises ValueError if they are empty."""
    if not values:
        raise ValueError(SettingMessages.EMPTY())
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

    In a program, its arguments are in snake_case; raises `InvalidSettings` with one line for each
    problem, which spells them as a stack file does.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        hide_input_in_errors=True,  # it may be a key
    )

    if not TYPE_CHECKING:  # a type checker takes the arguments from the fields

        def __init__(self, /, **given: Any) -> None:
            try:
                super().__init__(**given)
            except ValidationError as error:
                domain = given.get("domain")
                within = ("domains", str(domain)) if domain else (type(self).__name__,)
                # `from None`: pydantic's error message may contain a key.
                raise InvalidSettings(sorted(lines(error, type(self), given, within))) from None

        # Only for a call from Python: a part of another map is reported by that map, with its path.
        __init__.__pydantic_base_init__ = True

    def _problems(self) -> Iterator[Problem]:
        """What is wrong between fields that are right by themselves."""
        yield from ()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        refuse(self._problems())
        return self


def _taggable(tags: dict[str, str]) -> dict[str, str]:
    refuse(tag_problems(tags))
    return tags


Tags = Annotated[
    dict[str, str], AfterValidator(_taggable), Field(json_schema_extra={"maxProperties": MAX_TAGS})
]
