"""Values on the wire: what the engine sends, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.rpc import UNKNOWN, deserialize_properties, is_rpc_secret

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.resources.sdk import SIGNATURE, is_unknown, secret


def plain_inputs(given: Struct) -> dict[str, Any]:
    """
    The inputs of a component in plain Python, decrypted.

    Raises `InvalidSettings` if one is not known yet.
    """
    unknown: list[str] = []
    inputs = {name: _plain(name, value, unknown) for name, value in MessageToDict(given).items()}
    if unknown:
        problems = [ProgramMessages.NOT_KNOWN(name=name) for name in sorted(unknown)]
        raise InvalidSettings(problems)
    return {name: value for name, value in inputs.items() if value is not None}


def _plain(name: str, value: Any, unknown: list[str]) -> Any:
    match value:
        case dict() if SIGNATURE in value:
            # A secret, or an output: unknown without a value.
            return _plain(name, value.get("value", UNKNOWN), unknown)
        case dict():
            return {key: _plain(f"{name}.{key}", one, unknown) for key, one in value.items()}
        case list():
            return [_plain(f"{name}[{number}]", one, unknown) for number, one in enumerate(value)]
        case float() if value.is_integer():
            return int(value)
        case str() if value == UNKNOWN:
            unknown.append(name)
    return value


def plain(given: Struct) -> dict[str, Any]:
    """What a provider gets: decrypted, and with the SDK's object for what a preview can't know."""
    opened = Struct()
    opened.update(_opened(MessageToDict(given)))
    values: dict[str, Any] = deserialize_properties(opened, keep_unknowns=True)
    return values


def wire(values: Mapping[str, Any], *sent: Struct) -> Struct:
    """
    *values*, as the engine takes them; None is left out.

    A value is a secret if one of its name, or a part of that, was *sent* as a secret.
    """
    secrets = {
        name
        for one in sent
        for name, value in MessageToDict(one).items()
        if _opened(value) != value
    }
    struct = Struct()
    struct.update(
        {
            name: secret(_sent(value))
            if name in secrets and not is_rpc_secret(value)
            else _sent(value)
            for name, value in values.items()
            if value is not None
        }
    )
    return struct


def _opened(value: Any) -> Any:
    """*value* without the marks of secrets: the SDK takes a secret that is not known for None."""
    match value:
        case dict() if is_rpc_secret(value):
            return _opened(value["value"])
        case dict():
            return {name: _opened(one) for name, one in value.items()}
        case list():
            return [_opened(one) for one in value]
    return value


def _sent(value: Any) -> Any:
    if is_unknown(value):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {name: _sent(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_sent(one) for one in value]
    return value
