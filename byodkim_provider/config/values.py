"""
Types of single values in a stack file.

Each is an annotation for pydantic: it parses and checks a value, with the rules and error messages of
`property_types` where Pulumi's values have the same type, and knows its JSON Schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from byodkim_provider.aws.settings import region_problem
from byodkim_provider.dkim import records
from byodkim_provider.messages.config import SettingProblem
from byodkim_provider.property_types import FLAG, RESOLVER, WHOLE, Kind
from byodkim_provider.quoting import shown


@dataclass(frozen=True, eq=False)
class Value:
    """A type of value."""

    read: Callable[[object], Any]
    """The checked value; raises ValueError with what was expected and what was seen."""
    schema: JsonSchemaValue
    """JSON Schema of what an editor accepts: as `read`, but a number or a flag is not written as text."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(self.schema)


def _of_kind(kind: Kind, value: object) -> Any:
    if problem := kind.problem(value):
        raise ValueError(problem)
    return kind.read(value)


def whole(least: int, most: int) -> Value:
    """A whole number. `pulumi config set` may store it as a string, and Pulumi passes numbers as floats."""

    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch("-?(0|[1-9][0-9]{0,17})", value, re.ASCII):
            value = int(value)
        number: int = _of_kind(WHOLE, value)
        if not least <= number <= most:
            raise ValueError(SettingProblem.KIND(kind=f"{least} to {most}", value=number))
        return number

    return Value(read, {"type": "integer", "minimum": least, "maximum": most})


def text(pattern: str, expected: str) -> Value:
    """A string that matches *pattern*, which *expected* describes."""

    def read(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
            return value
        raise ValueError(SettingProblem.KIND(kind=expected, value=shown(value)))

    return Value(read, {"type": "string", "pattern": f"^(?:{pattern})$"})


def json_object(most: int) -> Value:
    """A map, or a string with its JSON; the value is JSON of at most *most* characters."""

    def read(value: object) -> str:
        try:
            written = json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            written = None
        if not isinstance(written, Mapping):
            raise ValueError(SettingProblem.KIND(kind="a map, or one as JSON text", value=shown(value)))
        compact = json.dumps(written)
        if len(compact) > most:
            kind = f"at most {most} characters as JSON"
            raise ValueError(SettingProblem.KIND(kind=kind, value=len(compact)))
        return compact

    return Value(read, {"type": ["object", "string"]})


def _region(value: object) -> str:
    region: str = _REGION_FORM.read(value)
    if problem := region_problem(region):
        raise ValueError(problem)
    return region


def _zone(value: object) -> str:
    if not isinstance(value, str) or "\n" in value or len(value) > records.NAME_OCTETS:
        raise ValueError(SettingProblem.KIND(kind="a zone's name", value=shown(value)))
    parent = value.removeprefix("_domainkey.")
    return value.removesuffix(parent) + records.normalise_domain(parent)


_REGION_FORM: Final = text("[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", "an AWS Region like 'eu-west-1'")

REGION: Final = Value(_region, _REGION_FORM.schema)
"""An existing AWS Region."""

ZONE: Final = Value(_zone, {"type": "string", "minLength": 1})
"""A DNS zone's name, normalised. It may be a delegated `_domainkey`, which is not a valid domain."""

RESOLVER_ADDRESS: Final = Value(lambda value: _of_kind(RESOLVER, value), {"type": "string", "minLength": 1})
"""Address of a recursive resolver, with its port unless that is 53."""

TRUE_OR_FALSE: Final = Value(
    lambda value: _of_kind(FLAG, value == "true" if value in ("true", "false") else value),
    {"type": "boolean"},
)
"""`pulumi config set` may store a flag as a string."""
