"""What a running program makes once, although one process may run several programs in turn."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime import get_root_resource

T = TypeVar("T")


class PerProgram(Generic[T]):
    """Values by key. They live as long as the program's stack resource."""

    def __init__(self) -> None:
        self._values: WeakKeyDictionary[pulumi.Resource, dict[Hashable, T]] = WeakKeyDictionary()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of *key*, which *make* returned when it was first asked for."""
        stack = get_root_resource()
        values = self._values.setdefault(stack, {}) if stack else {}
        if key not in values:
            values[key] = make()
        return values[key]
