"""What every command says beside its result, and the errors that end one."""

from __future__ import annotations

from typing import IO, Any

import click

from byodkim_provider.cli.streams import write_line

__all__ = ["CannotRead", "Refused", "say"]


class Refused(click.ClickException):
    """The command refuses to do what was asked for."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        say(self.message)


class CannotRead(Refused):
    """The stack, AWS or DNS could not be read."""

    exit_code = 2


def say(text: str) -> None:
    """Print a message on standard error; standard output is for the command's result."""
    write_line(f"byodkim: {text}")
