"""
What every command says and asks beside its result, also while it waits, and the errors that end
one.

The texts are in `messages.cli`.
"""

import json
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import IO, Any, Final, TypeVar

import click

from byodkim_provider.messages import Message
from byodkim_provider.progress import Clock, side_by_side
from byodkim_provider.quoting import first_few, printable_lines
from byodkim_provider.times import timestamp


class Refused(click.ClickException):
    """The command refuses to do what was asked for. It exits with 1."""

    def __init__(self, message: Message | str) -> None:
        super().__init__(message.with_hint() if isinstance(message, Message) else message)

    def show(self, file: IO[Any] | None = None) -> None:
        say(self.message)


class Failed(Refused):
    """Stack, AWS or DNS could not be read, or a file not be written."""

    exit_code = 2


def say(text: Message | str) -> None:
    """Print a message on standard error; standard output is for the command's result."""
    # A name or a message of others may hold what a terminal obeys.
    with suppress(OSError):  # the exit code says it too
        click.echo(inert(printable_lines(f"byodkim: {text}".expandtabs())), err=True)


def inert(text: str) -> str:
    """
    *text* without what a CI obeys at the beginning of a line: GitHub's workflow commands.

    `printable` breaks up those that it obeys anywhere.

    >>> inert("  ::error::pwned")
    '  : :error::pwned'
    """
    return re.sub(r"^([ \t]*)::", r"\1: :", text, flags=re.MULTILINE)


def minute(time: datetime | None) -> str:
    """*time* for people, to the minute."""
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "–"


T = TypeVar("T")


def as_json(value: Any) -> str:
    """What `--json` prints: of a value its fields, times in ISO 8601, UTC."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return timestamp(value)
        if isinstance(value, Message):
            return {"code": value.code.name, "fields": value.fields, "text": str(value)}
        return vars(value)

    # As in `inert`: only a string can hold what a CI would obey.
    return json.dumps(value, indent=2, default=plain).replace("##[", r"#\u0023[")


AT_ONCE: Final = 16
"""Calls at the same time: DNS waits for silent servers, and SES calls have their own pace."""

FIRST_WORD_SECONDS: Final = 2
"""Seconds after which a message says what the command waits for."""

INTERVAL_SECONDS: Final = 10
"""Seconds between all later messages."""


def ask_all(ask: Callable[[str], T], names: Sequence[str]) -> dict[str, T]:
    """
    What *ask* returns for each of *names*, which messages show.

    Raises the first error. Ctrl-C works at once: running calls are not waited for.
    """
    clock = Clock()
    due = clock.monotonic() + FIRST_WORD_SECONDS

    def waiting(answered: Collection[int]) -> None:
        nonlocal due
        if clock.monotonic() < due:
            return
        due += INTERVAL_SECONDS
        missing = [name for number, name in enumerate(names) if number not in answered]
        answers = f"{len(answered)} of {len(names)} answers"
        say(f"{answers}, waiting for {first_few(missing)}")

    answers = side_by_side(ask, names, at_once=AT_ONCE, waiting=waiting)
    if answers is None:
        raise click.Abort
    return dict(zip(names, answers, strict=True))
