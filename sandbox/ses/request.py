"""
What an HTTP request asks of SES: the action, and its parameters, wherever in the request they are.

A request that real SES can't read is a `SesError` here, never an exception of the handler. No SDK sends one.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sandbox.ses.model import OPERATIONS
from sandbox.ses.rules import SesError, service_model

TYPES: Final[dict[str, type]] = {
    "blob": str,
    "boolean": bool,
    "integer": int,
    "list": list,
    "map": dict,
    "string": str,
    "structure": dict,
}
"""Of a JSON value, by the service model's types."""

UNREADABLE: Final = SesError("SerializationException", None)


def action_and_parameters(method: str, target: str, body: bytes) -> tuple[str, dict[str, Any]]:
    url = urlsplit(target)
    matches = ((name, path.fullmatch(url.path)) for verb, path, name in _routes() if verb == method)
    operation, match = next(((name, match) for name, match in matches if match), ("", None))
    if not match:
        return f"{method} {url.path}", {}
    shape = service_model().operation_model(operation).input_shape
    try:
        sent = {} if body in (b"", b"null") else json.loads(body, object_hook=_without_null)
        for name, values in parse_qs(url.query).items():
            kind = shape.members[name].type_name if shape and name in shape.members else ""
            sent[name] = values if kind == "list" else int(values[0]) if kind == "integer" else values[0]
        sent |= {name: unquote(value) for name, value in match.groupdict().items()}
    except (TypeError, ValueError):
        raise UNREADABLE from None
    _check(shape, sent)
    return operation, sent


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


def _without_null(members: dict[str, Any]) -> dict[str, Any]:
    """Null is as if it were not there."""
    return {name: value for name, value in members.items() if value is not None}


def _check(shape: Shape | None, value: Any) -> None:
    """Refuse a type that is not the service model's, before anything else is judged."""
    if shape and not isinstance(value, TYPES[shape.type_name]):
        raise UNREADABLE
    match shape:
        case StructureShape():
            for name in shape.members.keys() & value.keys():
                _check(shape.members[name], value[name])
        case ListShape():
            for item in value:
                _check(shape.member, item)
        case MapShape():
            for item in value.values():
                _check(shape.value, item)
