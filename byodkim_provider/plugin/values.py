"""Values on the wire: what the engine sends, and what it gets."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.rpc import UNKNOWN, deserialize_properties, is_rpc_secret

from byodkim_provider.errors import InvalidSettings
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.property_types import without_none
from byodkim_provider.quoting import named
from byodkim_provider.resources.sdk import SIGNATURE, has_unknown, is_unknown, secret

SECRET_INPUT: Final = "keys"  # noqa: S105 - a name
"""The one input of a component that may hold secrets. No other one is kept encrypted."""


def plain_inputs(given: Struct) -> dict[str, Any]:
    """
    The inputs of a component in plain Python, decrypted.

    Raises `InvalidSettings` for inputs that are not known yet, and for secrets, which only `keys`
    may hold: all else stands in the state as it is.
    """
    inputs = plain(given)
    problems = [
        ProgramMessages.SECRET_INPUT(name=named(name))
        for name, value in MessageToDict(given).items()
        if name != SECRET_INPUT and _has_secret(value)
    ]
    for name, value in inputs.items():
        if has_unknown(value):
            problems.append(ProgramMessages.NOT_KNOWN(name=named(name)))
    if problems:
        raise InvalidSettings(sorted(problems, key=str))
    return without_none(inputs)


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
    secrets: set[str] = set()
    for struct in sent:
        secrets |= {name for name, value in MessageToDict(struct).items() if _has_secret(value)}
    outgoing = _sent(values)
    for name in secrets & outgoing.keys():
        if not is_rpc_secret(outgoing[name]):
            outgoing[name] = secret(outgoing[name])
    struct = Struct()
    struct.update(outgoing)
    return struct


def _has_secret(value: Any) -> bool:
    """Whether *value*, or a part of it, is marked as a secret."""
    if isinstance(value, dict):
        is_secret = SIGNATURE in value and (is_rpc_secret(value) or value.get("secret"))
        return bool(is_secret) or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _opened(value: Any) -> Any:
    """*value* without marks: the SDK takes a secret that is not known for None."""
    match value:
        case dict() if SIGNATURE in value:
            # An output that has no value is not known yet.
            return _opened(value.get("value", UNKNOWN))
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
