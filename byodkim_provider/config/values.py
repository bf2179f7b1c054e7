"""
Types of values that only a stack file has, and what all its maps share.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from byodkim_provider.aws.regions import region_problem
from byodkim_provider.aws.settings import MAX_TAGS, tag_problems
from byodkim_provider.config.problems import Problem, lines, refuse
from byodkim_provider.dkim import records
from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.config import SettingMessages
from byodkim_provider.quoting import shown


def text(pattern: str, expected: str) -> GetPydanticSchema:
    """A string that matches *pattern*, which *expected* describes."""
    # Without a line end, which `$` would let through.
    form = core_schema.str_schema(pattern=rf"^(?:{pattern})$(?!\n)", regex_engine="python-re")
    schema = core_schema.custom_error_schema(
        form, "kind", custom_error_message="{kind}", custom_error_context={"kind": expected}
    )
    return GetPydanticSchema(lambda _source, _handler: schema)


def existing_region(name: str) -> str:
    """*name*; raises ValueError if no AWS Region has it."""
    problem = region_problem(name)
    if problem:
        raise ValueError(problem)
    return name


REGION_SCHEMA: Final = {"type": "string", "pattern": "^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"}

Region = Annotated[str, AfterValidator(existing_region), WithJsonSchema(REGION_SCHEMA)]


def zone_name(name: str) -> str:
    """
    A zone's *name*, normalised; raises ValueError for none. It may be a delegated `_domainkey`,
    which is not a valid domain.
    """
    parent = name.removeprefix("_domainkey.")
    return name.removesuffix(parent) + records.normalise_domain(parent)


Zone = Annotated[str, AfterValidator(zone_name)]


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
                is_named = isinstance(domain, str)
                within = ("domains", domain) if is_named else (type(self).__name__,)
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
