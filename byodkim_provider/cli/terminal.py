"""
What every command says and asks beside its result, also while it waits, and the errors that end
one.

The texts are in `messages.cli`. An error is lines, and with `--json` a value. A stream that is
closed, full, or lacks a character of the text never ends in a traceback.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from itertools import count
from shutil import get_terminal_size
from textwrap import fill
from typing import IO, Any, Final, Literal, TypeVar

import click

from byodkim_provider.messages import HINT, Message
from byodkim_provider.progress import Clock, side_by_side
from byodkim_provider.quoting import first_few, printable_lines
from byodkim_provider.times import timestamp

REFUSED: Final = 1
"""Exit code of most commands that refuse to do what was asked for."""

FAILED: Final = 2
"""
Exit code of most commands if stack, AWS or DNS could not be read, or a file or the result not
written.
"""


class Refused(click.ClickException):
    """The command refuses to do what was asked for; another *kind* says that it can't."""

    def __init__(
        self,
        message: Message | str,
        *,
        kind: Literal["Refused", "CannotRead", "CannotWrite", "NoStack"] = "Refused",
    ) -> None:
        super().__init__(message.with_hint() if isinstance(message, Message) else message)
        self.kind = kind
        self.exit_code = REFUSED if kind == "Refused" else FAILED  # type: ignore[misc] # click has one a class

    def show(self, file: IO[Any] | None = None) -> None:
        say(self.message)


def say(text: Message | str) -> None:
    """
    Print a message on standard error, open or not; standard output is for the command's result.
    """
    # A name or a message of others may hold what a terminal obeys.
    lines = printable_lines(f"byodkim: {text}".expandtabs()).split("\n")
    if sys.stderr.isatty():
        lines = [wrapped(line, get_terminal_size().columns) for line in lines]
    try:
        click.echo(inert("\n".join(lines)), err=True)
    except OSError:
        # The unwritten text stays in the buffer, and Python would try, and fail, to write it at the
        # end.
        sys.stderr = _nowhere()


def wrapped(line: str, width: int) -> str:
    """
    *line* in lines of *width* columns; a longer word, perhaps to be pasted, is left to the
    terminal.
    """
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    return inert(
        fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    )


def inert(text: str) -> str:
    """
    *text* without what a CI obeys in a log: GitHub's workflow commands, at the beginning of a line
    or in it.

    >>> inert("  ::error::pwned")
    '  : :error::pwned'
    """
    return re.sub("##(?=\\[)", "# #", re.sub(r"^([ \t]*)::", r"\1: :", text, flags=re.MULTILINE))


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
        if hasattr(value, "as_values"):
            return value.as_values()
        return {field.name: getattr(value, field.name) for field in fields(value)}

    # As in `inert`: only a string can hold what a CI would obey.
    return json.dumps(value, indent=2, default=plain).replace("##[", r"#\u0023[")


def say_as_json(kind: str, text: str, exit_code: int) -> None:
    """
    Print an error on standard output, for programs; people read it on standard error.

    *kind* is that of the error, such as "SesRefused", "CannotRead" or "UsageError".
    """
    message, _, hint = text.partition(HINT)
    error = {"kind": kind, "message": message, "hint": hint, "exit_code": exit_code}
    click.echo(as_json({"error": error}))


@contextmanager
def repaired(exit_code: int) -> Iterator[None]:
    """Make sure that every stream exists; a failure to print is one line and *exit_code*."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the parent process
            setattr(sys, name, _nowhere())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        try:
            if isinstance(sys.exc_info()[1], OSError):
                click.echo()  # which fails as well, if that was about standard output, or the next
                click.echo(err=True)
            sys.stdout.flush()
        except OSError as error:
            say(f"standard output: {error.strerror}")
            sys.stdout = _nowhere()
            sys.exit(exit_code)


def _nowhere() -> io.TextIOWrapper:
    """A stream that is empty, and discards what is written."""
    return open(os.devnull, "r+", encoding="utf-8")  # noqa: PTH123 - for as long as the process lasts


AT_ONCE: Final = 16
"""Calls at the same time: DNS waits for silent servers, and SES calls have their own pace."""

FIRST_WORD_SECONDS: Final = 2
"""Seconds after which a message says what the command waits for."""

INTERVAL_SECONDS: Final = 10
"""Seconds between all later messages."""


def ask_all(questions: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """
    The results of *questions*, functions to call, by the same names, which messages show.

    Raises the first error. Ctrl-C works at once: running calls are not waited for.
    """
    clock = Clock()
    began = clock.monotonic()
    pauses = count(FIRST_WORD_SECONDS, INTERVAL_SECONDS)
    due = next(pauses)

    def waiting(answered: Collection[int]) -> None:
        nonlocal due
        seconds = clock.monotonic() - began
        if seconds < due:
            return
        due = next(pauses)
        missing = [name for number, name in enumerate(questions) if number not in answered]
        answers = f"{len(answered)} of {len(questions)} answers after {seconds:.0f} s"
        say(f"{answers}, waiting for {first_few(missing)}")

    answers = side_by_side(
        lambda ask: ask(), [*questions.values()], at_once=AT_ONCE, waiting=waiting
    )
    if answers is None:
        raise click.Abort
    return dict(zip(questions, answers, strict=True))
