"""
What every command says and asks beside its result, also while it waits, and the errors that end one.

An error is lines, and with `--json` a value.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection, Sequence
from itertools import count
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import IO, Any, Final, TypeVar

import click

from byodkim_provider.cli.streams import write_line
from byodkim_provider.dns.side_by_side import side_by_side
from byodkim_provider.messages import HINT, Message
from byodkim_provider.messages.cli import CliNote, CliProblem
from byodkim_provider.progress import Clock
from byodkim_provider.quoting import named, printable


class Refused(click.ClickException):
    """The command refuses to do what was asked for."""

    exit_code = 1

    def __init__(self, message: Message | str) -> None:
        super().__init__(message.with_hint() if isinstance(message, Message) else message)

    def show(self, file: IO[Any] | None = None) -> None:
        say(self.message)


class CannotRead(Refused):
    """The stack, AWS or DNS could not be read."""

    exit_code = 2


class CannotWrite(Refused):
    """A file could not be written."""

    exit_code = 2


def say(text: Message | str) -> None:
    """Print a message on standard error; standard output is for the command's result."""
    # A name or a message of others may hold what a terminal obeys.
    lines = [printable(line.expandtabs()) for line in f"byodkim: {text}".split("\n")]
    if sys.stderr.isatty():
        lines = [wrapped(line, get_terminal_size().columns) for line in lines]
    write_line(inert("\n".join(lines)))


def wrapped(line: str, width: int) -> str:
    """*line* in lines of *width* columns; a longer word, perhaps to be pasted, is left to the terminal."""
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    return inert(fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def inert(text: str) -> str:
    """
    *text* without what a CI obeys in a log: GitHub's workflow commands, at the beginning of a line or in it.

    >>> inert("  ::error::pwned")
    '  : :error::pwned'
    """
    return re.sub("##(?=\\[)", "# #", re.sub(r"^([ \t]*)::", r"\1: :", text, flags=re.MULTILINE))


def write_file(file: Path, text: str) -> None:
    """Write *text* to *file*, and say so; raises `CannotWrite` if that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotWrite(CliProblem.CANT_WRITE(file=file, error=error.strerror)) from None
    say(CliNote.WRITTEN(file=named(str(file))))


def confirmed(question: str) -> bool:
    """Whether the user, who is at a terminal, says yes to *question*."""
    try:
        return click.confirm(f"byodkim: {question}?", err=True)
    except click.Abort as abort:  # for Ctrl-C, and for the end of the input
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt("nothing was written") from None
        return False


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, even one that is wrong otherwise."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=False)
    return any(pair[0] in ("--json", "--format=json") or pair == ("--format", "json") for pair in pairs)


def say_as_json(kind: str, text: str, exit_code: int) -> None:
    """
    Print an error on standard output, for programs; people read it on standard error.

    *kind* is the class of the error, such as "SesRefused", "CannotRead" or "UsageError".
    """
    message, _, hint = text.partition(HINT)
    error = {"kind": kind, "message": message, "hint": hint, "exit_code": exit_code}
    click.echo(json.dumps({"error": error}, indent=2))


AT_ONCE: Final = 16
"""Calls at the same time: DNS waits for silent servers, and SES calls have their own pace."""

FIRST_WORD_SECONDS: Final = 2
"""Seconds after which a message says what the command waits for."""

INTERVAL_SECONDS: Final = 10
"""Seconds between all later messages."""

NAMED: Final = 3
"""How many running calls a message names."""

T = TypeVar("T")


def ask_all(
    questions: Sequence[tuple[str, Callable[[], T]]],
    *,
    report: Callable[[str], object] = say,
) -> list[T]:
    """
    The results of *questions*, in their order; each is a name for messages, and a function to call.

    Raises the first error. Ctrl-C works at once: running calls are not waited for.
    """
    clock = Clock()
    began = clock.monotonic()
    pauses = count(FIRST_WORD_SECONDS, INTERVAL_SECONDS)
    due = next(pauses)

    def waiting(answered: Collection[int]) -> None:
        nonlocal due
        if (seconds := clock.monotonic() - began) < due:
            return
        due = next(pauses)
        missing = [name for number, (name, _) in enumerate(questions) if number not in answered]
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        report(
            f"{len(answered)} of {len(questions)} answers after {seconds:.0f} s, waiting for "
            f"{', '.join(missing[:NAMED])}{more}"
        )

    return side_by_side(lambda question: question[1](), questions, at_once=AT_ONCE, waiting=waiting)
