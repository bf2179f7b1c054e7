"""
What a user can be told: a code with fields. Its text, and the advice about it, stand once, in a
table here.

A table is data, one for each area: `CODE = text, advice`, with `{fields}`. `CODE(field=…)` is a
message. Whoever shows one message shows its advice as a `hint:`; a list of problems shows texts
alone. `docs/reference/errors.md` is made from the tables: `NAME = SECTION, title and head` begins a
section there.

Settings in a text are spelled as in a stack file; `in_python` respells them for who reads a
program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

HINT: Final = "\n  hint: "
"""Between a text and its advice."""

SECTION: Final = ""
"""
In the place of a text: the row begins a section. One without a head, for parts of other texts, is
not shown.
"""


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


@dataclass(frozen=True, slots=True)
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


_PATH: Final = re.compile(r'domains\["([^"]+)"\]\.([A-Za-z0-9.\[\]]+)')

_SETTING: Final = re.compile("`([a-z][A-Za-z]*: [^`\n]+)`")


def in_python(text: str) -> str:
    """
    *text* with each setting of a stack file, and each path to it, as the argument of a program.

    >>> in_python("`overlapDays: 0` or `dns: {provider: route53, zoneId: Z1}`, and `adopt: true`")
    "`overlap_days=0` or `dns={'provider': 'route53', 'zone_id': 'Z1'}`, and `adopt=True`"
    """
    # Imported here: most runs have nothing to respell.
    import yaml
    from pydantic.alias_generators import to_snake

    def respelled(value: Any) -> Any:
        return (
            {to_snake(key): one for key, one in value.items()} if isinstance(value, dict) else value
        )

    def argument(found: re.Match[str]) -> str:
        try:
            settings = yaml.safe_load(found[1])
        except yaml.YAMLError:
            return found[0]
        given = (f"{to_snake(key)}={respelled(value)!r}" for key, value in settings.items())
        return f"`{', '.join(given)}`"

    text = _PATH.sub(
        lambda found: f"{found[1]}: {'.'.join(map(to_snake, found[2].split('.')))}", text
    )
    return _SETTING.sub(argument, text)
