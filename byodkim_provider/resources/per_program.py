"""What a running program makes once, although one process may run several programs in turn."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from pulumi.runtime import get_root_resource

T = TypeVar("T")


class _Program:
    """The program whose plugin this process is."""


_other: _Program | None = None


def one_program() -> None:
    """From now on all that is declared is of one program, whose stack resource this process does not have."""
    global _other
    _other = _Program()


class PerProgram(Generic[T]):
    """Values by key. They live as long as the program's stack resource."""

    def __init__(self) -> None:
        self._values: WeakKeyDictionary[object, dict[Hashable, T]] = WeakKeyDictionary()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of *key*, which *make* returned when it was first asked for."""
        program = get_root_resource() or _other
        values = self._values.setdefault(program, {}) if program else {}
        if key not in values:
            values[key] = make()
        return values[key]
