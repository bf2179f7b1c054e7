"""
Errors, warnings and progress: a code with fields. Its text, and the advice about it, stand once, in
a table here. The words of one command, or of a page that it writes, stand with the command.

A table is data, one for each area: `CODE = text, advice`, with `{fields}`. `CODE(field=…)` is a
message. Whoever shows one message shows its advice as a `hint:`; a list of problems shows texts
alone, and so does what warns or notes: that text says itself what to do.
`docs/reference/errors.md` is made from the tables; `tests/docs/sections.py` has its sections.

Settings in a text are spelled as in a stack file, also for a program in Python, whose
author reads `overlapDays` and finds the argument `overlap_days`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

HINT: Final = "\n  hint: "
"""Between a text and its advice."""


class Table(Enum):
    """The messages of an area."""

    def __init__(self, text: str, advice: str = "") -> None:
        self.text = text
        self.advice = advice

    def __call__(self, **fields: object) -> Message:
        """
        The message with these *fields*. A field may be a message, or a list of messages to be
        joined.
        """
        return Message(self, fields)


@dataclass(frozen=True)
class Message:
    """One message. It equals another one with the same code and fields."""

    code: Table
    fields: dict[str, object]

    @property
    def hint(self) -> str:
        """The advice, "" for none."""
        return self._filled(self.code.advice)

    def __str__(self) -> str:
        """The text alone."""
        return self._filled(self.code.text)

    def with_hint(self) -> str:
        """The text, and its advice on a line of its own."""
        return f"{self}{HINT}{self.hint}" if self.hint else str(self)

    def _filled(self, text: str) -> str:
        return text.format(**{name: _joined(value) for name, value in self.fields.items()})


def _joined(value: Any) -> Any:
    is_several = isinstance(value, list) and all(isinstance(one, Message) for one in value)
    return "; ".join(map(str, value)) if is_several else value
