"""
What an HTTP request asks of SES: the action, and its parameters with the types of the service model.

A request that real SES can't read is a `SesError` here, never an exception of the handler. Texts of
SerializationException were seen from real SES (facts of floci) but for those marked *assumed*.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sandbox.ses.model import OPERATIONS
from sandbox.ses.rules import SesError, service_model

MAP_FOUND: Final = "Start of structure or map found where not expected."
LIST_FOUND: Final = "Start of list found where not expected"

ARTICLES: Final = {"string": "a String", "integer": "an Integer", "boolean": "a Boolean"}


def action_and_parameters(method: str, target: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """Action and parameters, named as in the service model, wherever in the request they are."""
    url = urlsplit(target)
    matches = ((name, path.fullmatch(url.path)) for verb, path, name in _routes() if verb == method)
    operation, match = next(((name, match) for name, match in matches if match), ("", None))
    if not match:
        return f"{method} {url.path}", {}
    shape = service_model().operation_model(operation).input_shape
    parameters: dict[str, Any] = {}
    if isinstance(shape, StructureShape):
        parameters |= _read(shape, _json(body))
        for name, values in parse_qs(url.query).items():
            if name in shape.members:
                parameters[name] = _from_query(shape.members[name], values)
    return operation, parameters | {name: unquote(value) for name, value in match.groupdict().items()}


@functools.cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path and name of every action that is known here."""
    bindings = [(name, service_model().operation_model(name).http) for name in sorted(OPERATIONS)]
    # What older SDKs send; the service model has its successor only.
    bindings.append(("ListEmailIdentities", {"method": "GET", "requestUri": "/v2/email/identities"}))
    return tuple(
        (http["method"], re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", http["requestUri"])), name)
        for name, http in bindings
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise _unreadable(None) from None


def _unreadable(message: str | None) -> SesError:
    return SesError("SerializationException", message)


def _from_query(shape: Shape, values: list[str]) -> Any:
    match shape.type_name:
        case "list":
            return values
        case "integer":
            try:
                return int(values[0])
            except ValueError:
                raise _unreadable(None) from None  # assumed
    return values[0]


def _read(shape: Shape, value: Any) -> Any:
    """*value* of a JSON body as its *shape* has it; null is as if it were not there."""
    match shape, value:
        case StructureShape(), dict():
            return {
                name: _read(member, value[name])
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case MapShape(), dict():
            return {key: _read(shape.value, item) for key, item in value.items() if item is not None}
        case ListShape(), list():
            return [_read(shape.member, item) for item in value if item is not None]
        case StructureShape(), None:
            return {}
        case _, dict():
            raise _unreadable(MAP_FOUND)
        case _, list():
            raise _unreadable(LIST_FOUND)  # assumed
    return _scalar(shape, value)


def _scalar(shape: Shape, value: str | float | bool) -> Any:
    match shape.type_name, value:
        case "string", str():
            return value
        case "boolean", str():
            return True  # any string
        case "boolean", bool():
            return value
        case "integer", int() if not isinstance(value, bool):
            return value
        case "blob", str():
            try:
                return base64.b64decode(value, validate=True)
            except binascii.Error:
                raise _unreadable(None) from None  # assumed
    found: Mapping[type, str] = {bool: str(value).upper(), str: "STRING", int: "NUMBER", float: "NUMBER"}
    wanted = ARTICLES.get(shape.type_name, f"a {shape.type_name}")  # assumed but for a String
    raise _unreadable(f"{found[type(value)]}_VALUE can not be converted to {wanted}")
