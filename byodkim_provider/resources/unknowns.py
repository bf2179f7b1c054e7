"""Values that are unknown in a preview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byodkim_provider.resources.sdk import is_unknown


def has_unknown(value: Any) -> bool:
    """Whether *value*, as the engine hands it over, or a part of it is unknown in a preview."""
    if isinstance(value, dict):
        return any(has_unknown(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(one) for one in value)
    return is_unknown(value)


def split(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The known inputs, and the unknown ones."""
    unknown = {name: value for name, value in inputs.items() if has_unknown(value)}
    return {name: value for name, value in inputs.items() if name not in unknown}, unknown
