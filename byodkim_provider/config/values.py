"""
Types of single values in a stack file.

Each type is an annotation for pydantic: it parses and checks a value, with the rules and error messages of
`property_types` where Pulumi's values have the same type, and knows its JSON Schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from byodkim_provider.aws.settings import region_problem
from byodkim_provider.dkim import records
from byodkim_provider.messages.config import SettingProblem
from byodkim_provider.property_types import FLAG, RESOLVER, WHOLE, Kind
from byodkim_provider.quoting import shown


class _Value:
    """Base of the types below: pydantic calls `read`."""

    kind: ClassVar[Kind]
    """What `read` takes, if it is not overridden."""
    schema: ClassVar[JsonSchemaValue]
    """JSON Schema of what an editor accepts: as `read`, but a number or a flag is not written as text."""

    def read(self, value: object) -> Any:
        """The checked value; raises ValueError with what was expected and what was seen."""
        if problem := self.kind.problem(value):
            raise ValueError(problem)
        return self.kind.read(value)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(self.schema)


@dataclass(frozen=True)
class Whole(_Value):
    """A whole number. `pulumi config set` may store it as a string, and Pulumi passes numbers as floats."""

    kind = WHOLE
    least: int
    most: int

    def read(self, value: object) -> int:
        if isinstance(value, str) and re.fullmatch("-?(0|[1-9][0-9]{0,17})", value, re.ASCII):
            value = int(value)
        number: int = super().read(value)
        if not self.least <= number <= self.most:
            raise ValueError(SettingProblem.KIND(kind=f"{self.least} to {self.most}", value=number))
        return number

    @property
    def schema(self) -> JsonSchemaValue:  # type: ignore[override]
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Flag(_Value):
    """True or false. `pulumi config set` may store it as a string."""

    kind = FLAG
    schema: ClassVar[JsonSchemaValue] = {"type": "boolean"}

    def read(self, value: object) -> object:
        return super().read(value == "true" if value in ("true", "false") else value)


@dataclass(frozen=True)
class Text(_Value):
    """A string that matches a pattern; *expected* describes it."""

    pattern: str
    expected: str

    def read(self, value: object) -> str:
        if isinstance(value, str) and re.fullmatch(self.pattern, value, re.ASCII):
            return value
        raise ValueError(SettingProblem.KIND(kind=self.expected, value=shown(value)))

    @property
    def schema(self) -> JsonSchemaValue:  # type: ignore[override]
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


class Region(_Value):
    """An existing AWS Region."""

    _form = Text("[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", "an AWS Region like 'eu-west-1'")
    schema = _form.schema

    def read(self, value: object) -> str:
        region = self._form.read(value)
        if problem := region_problem(region):
            raise ValueError(problem)
        return region


@dataclass(frozen=True)
class JsonObject(_Value):
    """A map, or a string with its JSON; the value is JSON of at most *most* characters."""

    most: int
    schema: ClassVar[JsonSchemaValue] = {"type": ["object", "string"]}

    def read(self, value: object) -> str:
        try:
            written = json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            written = None
        if not isinstance(written, Mapping):
            raise ValueError(SettingProblem.KIND(kind="a map, or one as JSON text", value=shown(value)))
        text = json.dumps(written)
        if len(text) > self.most:
            kind = f"at most {self.most} characters as JSON"
            raise ValueError(SettingProblem.KIND(kind=kind, value=len(text)))
        return text


class Zone(_Value):
    """A DNS zone's name, normalised. It may be a delegated `_domainkey`, which is not a valid domain."""

    schema: ClassVar[JsonSchemaValue] = {"type": "string", "minLength": 1}

    def read(self, value: object) -> str:
        if not isinstance(value, str) or "\n" in value or len(value) > records.NAME_OCTETS:
            raise ValueError(SettingProblem.KIND(kind="a zone's name", value=shown(value)))
        parent = value.removeprefix("_domainkey.")
        return value.removesuffix(parent) + records.normalise_domain(parent)


class ResolverAddress(_Value):
    """Address of a recursive resolver, with its port unless that is 53."""

    kind = RESOLVER
    schema: ClassVar[JsonSchemaValue] = {"type": "string", "minLength": 1}
