"""
JSON Schema of stack files, for editors: `make schema` writes it.

The docstrings of fields become descriptions. They are read here, from the source: pydantic would
read them whenever the classes are imported, in each run, and that is a fifth of what the program's
imports take.
"""

import ast
import inspect
import json
import sys
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from byodkim_provider.config import schema as config_schema
from byodkim_provider.config.schema import StackSettings
from byodkim_provider.config.settings import PROJECT
from byodkim_provider.config.values import REGION_SCHEMA


def docstrings(model: type) -> dict[str, str]:
    """The string below each attribute of *model*, inherited ones too."""
    found = {}
    for cls in reversed(model.__mro__):
        if not cls.__module__.startswith("byodkim_provider."):
            continue
        for field, below in pairwise(ast.walk(ast.parse(inspect.getsource(cls)))):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                    value=ast.Constant(value=str(text))
                ):
                    found[name] = " ".join(text.split())
    return found


def described(root: type[BaseModel]) -> dict[str, Any]:
    """
    The JSON Schema of *root*, with descriptions, and without generated titles and long defaults,
    which editors should not show.
    """
    schema = root.model_json_schema(by_alias=True)
    for name, shown in {**schema["$defs"], root.__name__: schema}.items():
        model = getattr(config_schema, name)
        texts = docstrings(model)
        for field, details in model.model_fields.items():
            written = shown["properties"][details.alias]
            written.pop("title", None)
            if not isinstance(written.get("default"), str | int):
                written.pop("default", None)
            if field in texts:
                written["description"] = texts[field]
    return schema


def json_schema() -> dict[str, Any]:
    """JSON Schema of a whole `Pulumi.<stack>.yaml`."""
    schema = described(StackSettings)
    ours = {f"{PROJECT}:{key}": value for key, value in schema["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sending domains with DKIM keys of our own in Amazon SES",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {"aws:region": REGION_SCHEMA, **ours},
                "patternProperties": {f"^{PROJECT}:(?!({'|'.join(schema['properties'])})$)": False},
                "required": [f"{PROJECT}:domains"],
            }
        },
        "required": ["config"],
        "$defs": schema["$defs"],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
