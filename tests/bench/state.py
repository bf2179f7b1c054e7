"""How large the parts of a stack's state are, in bytes of JSON as the engine stores it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

PARTS = {
    "DkimKey": "keys",
    "Record": "records",
    "ByodkimIdentity": "identities",
    "StackId": "stack id",
    "ByodkimDomain": "component",
    "DkimVerification": "verification",
    "Stack": "stack outputs",
}
"""Part, by the last word of a resource's type; the engine's providers are the rest."""

STACK_TRACE = "stackTrace"


def bytes_by_part(resources: Sequence[dict[str, Any]]) -> dict[str, int]:
    """
    Of all domains together; where the SDK says that a resource was declared is a part of its own.
    """
    sizes: Counter[str] = Counter()
    for resource in resources:
        without = {name: value for name, value in resource.items() if name != STACK_TRACE}
        sizes[_part(resource)] += _size(without)
        if STACK_TRACE in resource:
            sizes[STACK_TRACE] += _size(resource) - _size(without)
    return dict(sizes)


def resources_by_part(resources: Sequence[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(map(_part, resources)))


def _part(resource: dict[str, Any]) -> str:
    return PARTS.get(resource["type"].rpartition(":")[2], "providers")


def _size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))
